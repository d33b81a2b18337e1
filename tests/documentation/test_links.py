"""A link of the documentation leads somewhere."""

import pytest
from documents import PAGES, READ_BY_PEOPLE, ROOT, anchors, links

WEB = ("https://", "http://", "mailto:")


@pytest.mark.parametrize("page", READ_BY_PEOPLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_and_anchor_exists(page):
    for link in links(page):
        if link.startswith(WEB):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), (
            f"{link} names no heading"
        )


def test_documentation_links_to_no_plain_http():
    for page in READ_BY_PEOPLE:
        assert not [link for link in links(page) if link.startswith("http://")]


def test_there_are_pages():
    assert len(PAGES) > 60


def test_pictures_of_the_gallery_are_small():
    sizes = [path.stat().st_size for path in (ROOT / "docs" / "gallery").iterdir()]
    assert max(sizes) < 150_000
    assert sum(sizes) < 700_000
