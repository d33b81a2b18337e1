"""The documentation site: complete, without warnings, and nothing from the network."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from documents import DOCS, PAGES, ROOT

from auditkit.spec.catalogue import checks


def _named(item):
    if isinstance(item, str):
        return [item]
    parts = item if isinstance(item, list) else item.values()
    return [name for part in parts for name in _named(part)]


@pytest.fixture(scope="module")
def navigation():
    return _named(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])


def test_every_page_is_in_the_navigation_once(navigation):
    assert sorted(navigation) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def test_every_check_has_a_page_and_a_line_in_the_overview(navigation):
    overview = (DOCS / "checks" / "index.md").read_text(encoding="utf-8")
    for name in checks():
        assert f"checks/{name}.md" in navigation
        assert f"[{name}]({name}.md)" in overview


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("material", reason='pip install "pytest-auditkit[docs]"')
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    assert "WARNING" not in ran.stderr
    return out


def test_the_site_has_every_page(site):
    for page in PAGES:
        assert (site / page.relative_to(DOCS)).with_suffix(".html").exists()


def test_no_page_loads_anything_from_the_network(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|source)[^>]*\ssrc="(?:https?:)?//[^"]*', text)
        loaded += re.findall(
            r'<link[^>]*rel="(?:stylesheet|preconnect|icon)"[^>]*href="(?:https?:)?//', text
        )
        assert not loaded, page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(
            r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")
        )


def test_no_paragraph_swallows_a_list_or_a_table(site):
    """The site needs a blank line before them, where code hosts do not."""
    for page in site.rglob("*.html"):
        text = re.sub(r"<pre.*?</pre>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for paragraph in re.findall(r"<p>(.*?)</p>", text, re.DOTALL):
            assert not re.search(r"\n(?:[-*|] |\d+\. )", paragraph), (
                f"{page.name}: {paragraph[:200]}"
            )
