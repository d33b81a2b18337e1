"""A browser for the tests that need one."""

import pytest


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright
    from study_browser_world import CHROMIUM

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
