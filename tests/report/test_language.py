import html
import json
import re
import string
from importlib.resources import files

import pytest
from markupsafe import Markup
from report_full import undrawn
from report_pages import Page

from auditkit.errors import AuditError
from auditkit.report import language
from auditkit.report.crosswalk import FIELDS
from auditkit.report.html import render, write
from auditkit.report.language import Language, languages, own_texts, texts_of
from auditkit.report.templating import texts
from auditkit.results import to_json
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.dossier import KINDS

ENGLISH = own_texts("en")
TEMPLATES = files("auditkit.report").joinpath("templates")


def places(text):
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


@pytest.mark.parametrize("name", languages())
def test_a_language_has_known_texts_with_the_same_places(name):
    own = own_texts(name)
    assert set(own) <= set(ENGLISH)
    for key, text in own.items():
        assert sorted(set(places(text))) == sorted(set(places(ENGLISH[key]))), key
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", place) for place in places(text)), key
        assert "<" not in text.replace("s < t", ""), key


def test_german_is_complete():
    assert set(own_texts("de")) == set(ENGLISH)
    same = {key for key, text in own_texts("de").items() if text == ENGLISH[key]}
    # Names, formulas and what is one word in both languages.
    assert len(same) < 60
    assert not any(len(ENGLISH[key].split()) > 6 for key in same if not key.startswith("formula."))


def test_what_a_translation_lacks_is_english(monkeypatch):
    texts_of.cache_clear()
    monkeypatch.setattr(
        language, "own_texts", lambda name: ENGLISH if name == "en" else {"front.title": "Bericht"}
    )
    german = Language("de")
    assert german("front.title") == "Bericht"
    assert german("front.data") == ENGLISH["front.data"]
    texts_of.cache_clear()


def test_unknown_language_is_refused_with_the_nearest():
    with pytest.raises(AuditError, match=r"'dee'.*did you mean 'de'"):
        Language("dee")


def test_text_that_is_no_text_is_refused():
    with pytest.raises(AuditError, match=r"'a\.b' must be a text"):
        language._flat({"a": {"b": 3}}, "")


def test_numbers_are_grouped_and_counted():
    assert Language("en").counted("image", 1) == "1 image"
    assert Language("en").counted("image", 12345) == "12,345 images"
    assert Language("de").counted("image", 12345) == "12\u202f345 Bilder"


def test_texts_on_a_page_are_escaped_and_their_places_too():
    own = Language("xx", {"a": "5 < 6 `code` {what}", "number.thousands": "."})
    text = texts(own)
    assert text("a", what="<b>") == Markup("5 &lt; 6 <code>code</code> &lt;b&gt;")
    assert text("a", what=Markup("<b>x</b>")).endswith("<b>x</b>")
    assert text("a", what=1234).endswith("1.234")
    assert "\u202e" not in text("a", what="\u202e")


def test_every_text_that_is_named_exists():
    sources = [*TEMPLATES.iterdir(), *files("auditkit.report").iterdir()]
    named = set()
    for source in sources:
        if source.name.endswith((".j2", ".py")):
            found = re.findall(r"\bt\(\s*\"([\w. -]+)\"\s*[,)]", source.read_text(encoding="utf-8"))
            named |= set(found)
    assert len(named) > 150
    assert named <= set(ENGLISH)


@pytest.mark.parametrize("check", sorted(SHIPPED))
def test_every_check_says_how_it_works_and_when_it_misleads(check):
    assert f"method.{check}" in ENGLISH
    assert f"misleads.{check}" in ENGLISH


@pytest.mark.parametrize("kind", KINDS)
def test_fields_of_dossiers_have_their_own_titles(kind):
    for key, field in KINDS[kind].fields().items():
        assert ENGLISH[f"dossier.{kind}.{key}"] == field.title


def masked(text):
    """Letters outside of places are replaced, so that what is read on the page is data."""
    parts = re.split(r"(\{\w+\})", text)
    return "".join(
        part if part.startswith("{") else re.sub(r"[^\W\d_]", "¤", part) for part in parts
    )


@pytest.fixture(scope="module")
def masked_page(whole, folder):
    own = Language("xx", {key: masked(text) for key, text in ENGLISH.items()})
    return whole, render(whole, folder, own)


# Names of the tool, of languages and documents, and units.
NAMES = {"auditkit", "Python", "CLAIM", "results", "json"}


def test_templates_hold_no_fixed_prose(masked_page):
    results, text = masked_page
    page = Page(text)
    data = {word.lower() for word in words(to_json(results))}
    data |= {word.lower() for each in FIELDS for word in words(sources(each))}
    data |= {name.lower() for name in NAMES}
    said = [*page.words, *page.values("aria-label", "alt", "placeholder")]
    seen = words(" ".join(said))
    assert {word for word in seen if word.lower() not in data} == set()
    assert page.text.count("¤¤") > 1000


def sources(field):
    return f"{field.fda} {field.ai_act} {field.claim} {field.others}"


def words(text):
    return re.findall(r"[^\W\d_¤]{3,}", re.sub(r"\b[0-9a-f]{64}\b", "", text))


@pytest.mark.parametrize("name", ["gallery.js", "counterfactuals.js"])
def test_programs_hold_no_fixed_prose(name):
    program = re.sub(
        r"/\*\*.*?\*/|//[^\n]*", "", TEMPLATES.joinpath(name).read_text("utf-8"), flags=re.DOTALL
    )
    spoken = re.findall(r"[\"`>]([A-Z][a-z]+ [a-z]+[^\"`<]*)", program)
    assert spoken == []


def test_programs_say_only_what_every_language_has():
    for name in ("gallery.js", "counterfactuals.js"):
        program = TEMPLATES.joinpath(name).read_text("utf-8")
        said = set(re.findall(r"\bsay\(\"([\w-]+)\"", program))
        assert said
        assert said <= set(Language().under("script"))


def test_the_page_says_its_language(folder, results):
    results = undrawn(results)
    assert Page(render(results, folder, "de")).named("html")[0][1]["lang"] == "de"
    german = results.model_copy(update={"language": "de"})
    page = render(german, folder)
    assert Page(page).named("html")[0][1]["lang"] == "de"
    assert "Auditbericht" in page
    assert "Audit report" in render(german, folder, "en")


def test_verdicts_of_results_stay_and_are_translated_beside_their_icon(folder, results):
    page = render(undrawn(results), folder, "de")
    assert '<use href="#icon-fail"/></svg>nicht erfüllt' in page
    assert html.escape(results.release[0].why, quote=False) in html.unescape(page)
    assert "results.json" in page


def test_an_unknown_language_writes_nothing(folder, results, tmp_path):
    with pytest.raises(AuditError, match="no report language"):
        write(results, tmp_path, "klingon")
    assert not list(tmp_path.iterdir())


def test_masking_leaves_places():
    assert masked("n = {count} images") == "¤ = {count} ¤¤¤¤¤¤"
    assert json.loads(json.dumps(masked("ä"))) == "¤"
