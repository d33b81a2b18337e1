"""The PDF: tagged, in a language, with a title; nothing is fetched, and nothing in it acts."""

import sys
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
import report_samples
from PIL import ImageFile
from report_hostile import BREAKING_OUT, everywhere, full

from auditkit.errors import AuditError
from auditkit.report.paper import MOST_ROWS, SVG, for_paper, variables
from auditkit.report.pdf import engine, fetcher, render

pypdf = pytest.importorskip("pypdf", reason='pip install "pypdf"')
try:
    engine()
except AuditError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture(scope="module")
def run(folder):
    """A small run: paper takes time."""
    whole, small = full(folder), report_samples.passing()
    browsed, film = (each for each in whole.audits if each.audit in ("browsed", "counterfactual"))
    audits = [small.audits[0], browsed, film]
    audits = [audit.model_copy(update={"measurements": audit.measurements[:2]}) for audit in audits]
    data = [small.data[0].model_copy(update={"groups": {}})]
    return small.model_copy(update={"audits": audits, "data": data})


@pytest.fixture(scope="module")
def document(run, folder):
    return pypdf.PdfReader(BytesIO(render(run, folder)))


@pytest.fixture(scope="module")
def hostile(run, folder):
    audits = [run.audits[0].model_copy(update={"tables": [], "figures": run.audits[0].figures[:1]})]
    small = run.model_copy(update={"audits": audits, "instruments": []})
    return pypdf.PdfReader(BytesIO(render(everywhere(small, BREAKING_OUT), folder)))


def objects(document):
    """Every dictionary of the file."""
    found = [document.get_object(number) for number in range(1, document.trailer["/Size"])]
    return [each for each in found if isinstance(each, pypdf.generic.DictionaryObject)]


def test_it_is_tagged_and_says_what_it_is(document, run):
    root = document.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert document.metadata.title.startswith("Audit report: dermanet")
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert document.metadata.creation_date.isoformat() == "2026-11-22T02:30:00+00:00"
    assert len(document.outline) > 0


def test_every_page_says_which_and_of_how_many(document):
    for number, page in enumerate(document.pages, start=1):
        text = page.extract_text()
        assert f"{number} / {len(document.pages)}" in text
        assert "2026-11-22T02-30-00Z" in text
        assert "results.json sha256 " in text


def test_every_figure_has_words(document):
    figures = [each for each in objects(document) if each.get("/S") == "/Figure"]
    assert len(figures) > 10
    assert all(each.get("/Alt") for each in figures)


def test_nothing_in_it_acts_whatever_texts_say_and_links_go_to_papers(hostile):
    document = hostile
    names = {name for each in objects(document) for name in each}
    assert not names & {
        "/JS",
        "/JavaScript",
        "/AA",
        "/OpenAction",
        "/Launch",
        "/EmbeddedFile",
        "/RichMedia",
    }
    actions = [each for each in objects(document) if "/URI" in each]
    papers = ("https://doi.org/10.", "https://arxiv.org/abs/")
    assert all(str(each["/URI"]).startswith(papers) for each in actions)
    kinds = {each.get("/S") for each in objects(document) if each.get("/Type") == "/Action"}
    assert kinds <= {"/URI", "/GoTo"}


def test_what_is_folded_on_the_page_is_open_on_paper(document, run):
    text = "".join(page.extract_text() for page in document.pages)
    for audit in run.audits:
        assert all(measured.unit.split()[0] in text for measured in audit.measurements)
    assert "Interval by" in text


@pytest.mark.parametrize(
    "url",
    ["file:///etc/hostname", "http://example.org/", "https://example.org/", "ftp://example.org/"],
)
def test_nothing_is_fetched_but_what_the_page_holds(url, monkeypatch):
    import socket

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked for a name"))
    assert fetcher().fetch("data:text/plain,here").read() == b"here"
    with pytest.raises(ValueError, match="disallowed protocol"):
        fetcher().fetch(url)


def test_without_weasyprint_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(AuditError, match=r'pip install "pytest-auditkit\[pdf\]"'):
        render(report_samples.passing(), tmp_path)


PAGE = f"""<html xmlns:s="{SVG[1:-1]}"><head><style>/* :root {{--ink: red}} */ :root {{ --ink: #123456; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #ffffff; }} }}
.bar .limit {{ stroke: var(--ink); }} .other {{ color: var(--ink); }}</style></head><body>
<s:svg><s:symbol id="icon-a" viewBox="0 0 4 4"><s:path d="M0 0"/></s:symbol>
<s:symbol id="picture-1"><s:image href="data:image/png;base64,AA"/></s:symbol></s:svg>
<p class="pass">before<s:svg class="icon" aria-hidden="true"><s:use href="#icon-a"/></s:svg>after</p>
<s:svg role="img" aria-label="Image 7"><s:use href="#picture-1"/></s:svg>
<s:svg role="img"><s:title>What</s:title><s:desc>How it is read.</s:desc>
<s:path style="stroke: var(--ink)"/></s:svg>
<script>1</script><template>2</template></body></html>"""


def test_paper_has_pictures_by_value_and_icons_as_background():
    root = ET.fromstring(PAGE)
    for_paper(root, "p { color: black }", str)
    assert root.find("head/style").text.endswith("p { color: black }")
    (picture,) = root.iter("img")
    assert picture.attrib == {"src": "data:image/png;base64,AA", "alt": "Image 7"}
    icon = root.find("body/p/span")
    assert icon.get("style").startswith("background-image: url(data:image/svg+xml;base64,")
    assert icon.tail == "after"
    (drawing,) = root.iter(f"{SVG}svg")
    assert drawing.find(f"{SVG}title").text == "What. How it is read"
    assert drawing.find(f"{SVG}path").get("style") == "stroke: #123456"
    assert not list(root.iter("script")) + list(root.iter("template"))


def test_long_tables_of_images_are_cut_and_say_so():
    rows = "".join(f"<tr><th>{i}</th></tr>" for i in range(MOST_ROWS + 7))
    table = f"<table><thead><tr><th>h</th></tr></thead><tbody>{rows}</tbody></table>"
    root = ET.fromstring(
        f"<html><head><style/></head><body>{table}<div class='values'>{table}</div></body></html>"
    )
    for_paper(root, "", "{} more".format)
    free, cut = (len(body) for body in root.iter("tbody"))
    assert (free, cut) == (MOST_ROWS + 7, MOST_ROWS)
    assert [p.text for p in root.iter("p")] == ["7 more"]


def test_variables_are_those_of_daylight():
    assert variables(":root { --a: #111; --b : 2px } @media x { :root { --a: #222 } }") == {
        "a": "#111",
        "b": "2px",
    }


def test_pictures_that_were_cut_off_are_refused_afterwards_as_before(document):
    assert document.pages
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
