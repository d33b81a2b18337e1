"""The report in a real browser: it fits a telephone, and everything is drawn.

axe-core is not kept here (MPL-2.0, 650 kB): it comes with axe-playwright-python, of the extra `dev`;
AUDITKIT_AXE=path/to/axe.min.js names another one.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed"),
]
MARK = "measured-in-the-browser"


def measured(page, script, folder, *flags):
    """What a script reports from the page; the policy is taken out so that the script may run."""
    probe = f"""<script>addEventListener("load", async () => {{
        const found = await (async () => {{ {script} }})();
        const place = document.createElement("pre");
        place.id = "{MARK}";
        place.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(found))));
        document.body.append(place);
    }})</script>"""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    path = folder / "probe.html"
    path.write_text(text.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    dom = chromium(folder, *flags, "--virtual-time-budget=60000", "--dump-dom", path.as_uri())
    import base64

    found = re.search(rf'<pre id="{MARK}">([^<]*)</pre>', dom)
    assert found, "the script did not report"
    return json.loads(base64.b64decode(found[1]))


def chromium(folder, *arguments):
    """Standard output of a headless browser with a profile of its own."""
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}",
        *arguments,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return ended.stdout


def axe():
    """Source of axe-core, or a skip that says how to get it."""
    shipped = importlib.util.find_spec("axe_playwright_python")
    places = [os.environ.get("AUDITKIT_AXE", "")]
    if shipped and shipped.origin:
        places.append(str(Path(shipped.origin).with_name("axe.min.js")))
    found = next((Path(place) for place in places if place and Path(place).is_file()), None)
    if found is None:
        pytest.skip(
            'axe-core is not there: pip install "axe-playwright-python", or set AUDITKIT_AXE'
        )
    return found.read_text(encoding="utf-8")


def test_page_never_scrolls_sideways(page, tmp_path):
    script = """
        document.querySelectorAll("details").forEach(each => { each.open = true; });
        const frame = document.createElement("iframe");
        frame.style.width = "375px";
        frame.srcdoc = document.documentElement.outerHTML.replace(/<script>[^]*?<[/]script>/g, "");
        await new Promise(done => { frame.onload = done; document.body.append(frame); });
        const inner = frame.contentDocument.documentElement;
        return [inner.clientWidth, inner.scrollWidth];
    """
    width, needed = measured(page, script, tmp_path)
    assert 300 < width <= 375
    assert needed == width


def test_every_figure_and_picture_is_drawn(page, tmp_path):
    script = """
        return [...document.querySelectorAll("svg[role=img]")].map(
            each => [each.getBoundingClientRect().width, each.getBoundingClientRect().height]);
    """
    sizes = measured(page, script, tmp_path)
    assert len(sizes) == page.count('role="img"')
    assert all(width > 50 and height > 50 for width, height in sizes)
