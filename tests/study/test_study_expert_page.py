"""The page of a study: valid, whole, escaped, the same again; and the lines for a terminal."""

import html
import re
from html.parser import HTMLParser

import pytest
from answers_world import EXPERTS, LITERATURE, MODELS, synthetic, write_answers

from auditkit.errors import AuditError
from auditkit.report.expert_study import read_study, study_lines, study_page
from auditkit.report.language import Language

html5lib = pytest.importorskip("html5lib", reason='pip install "html5lib"')

HOSTILE = '<script>alert(1)</script> & "x" `y` $z_1$ {card}'


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return synthetic(folder, models=MODELS[:3], images=24, pictured=3)


@pytest.fixture(scope="module")
def study(card):
    return read_study(card)


@pytest.fixture(scope="module")
def page(study):
    return study_page(study)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Everything that a person may write says something bad."""
    pairs = [
        {"pair": f"p{i}", "model": "a<b>", "image": f"{HOSTILE}{i}", "patient": HOSTILE + str(i)}
        for i in range(4)
    ]
    choices = [
        {
            "expert": "e",
            "pair": f"p{i}",
            "chosen": "A",
            "left": ("first", "second")[i % 2],
            "comment": HOSTILE,
        }
        for i in range(4)
    ]
    name = f"lesion/{HOSTILE}"
    noted = [{"expert": "e", "pair": "p0", "attribute": name, "comparator": "A > B"}]
    card = write_answers(
        tmp_path_factory.mktemp("hostile"),
        pairs,
        choices,
        noted,
        title=HOSTILE,
        stand_in=HOSTILE,
        question=HOSTILE,
        experts=[{"expert": "e", "background": HOSTILE}],
        attributes=[{"attribute": name, "literature": "benign", "source": HOSTILE}],
    )
    return study_page(read_study(card))


class Read(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_a_strict_parser_finds_no_error_and_ids_are_unique(page, hostile, study):
    for text in (page, hostile, study_page(study, Language("de"))):
        parser = html5lib.HTMLParser()
        parser.parse(text)
        assert not [(place, code) for place, code, _ in parser.errors]
        found = Read(text).found
        ids = [attrs["id"] for _, attrs in found if "id" in attrs]
        assert len(ids) == len(set(ids))
        named = " ".join(
            attrs.get(key, "")
            for _, attrs in found
            for key in ("aria-labelledby", "aria-describedby")
        ).split()
        links = [attrs["href"][1:] for _, attrs in found if attrs.get("href", "").startswith("#")]
        assert {*named, *links} <= set(ids)


def test_nothing_is_fetched_and_nothing_runs(page, hostile):
    for text in (page, hostile):
        tags = Read(text).found
        assert not [
            tag for tag, _ in tags if tag in ("script", "iframe", "object", "embed", "link")
        ]
        policy = next(attrs["content"] for tag, attrs in tags if attrs.get("http-equiv"))
        assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
        sources = [
            attrs[key]
            for tag, attrs in tags
            for key in ("src", "href")
            if key in attrs and tag != "a"
        ]
        assert all(source.startswith(("data:image/webp", "#")) for source in sources)
        assert not [key for _, attrs in tags for key in attrs if key.startswith("on")]
    assert "&lt;script&gt;alert(1)" in hostile


def test_simulated_and_stand_in_stand_at_the_top(page):
    above = page[: page.index("<section")]
    assert "Simulated: every expert is a program (reader-1, reader-2); nobody looked" in above
    assert "Stand-in: made up for tests, nobody looked" in above


def test_the_page_holds_every_number_as_text(page, study):
    text = html.unescape(page)
    for one in study.models:
        for name in LITERATURE:
            found = one.of(name, "score").estimate
            assert f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]" in text
        for expert in EXPERTS:
            found = one.findings.find("kappa", {"expert": expert}).estimate
            value = f"{found.value:.3f}".replace("-", "−")
            assert value in text.replace("-", "−")
    assert text.count("<svg") >= 2 + len(study.models)
    assert len(re.findall(r'class="squares"', text)) == 1
    for name in ("pairs", "choices", "noted"):
        assert study.answers.card.model_dump()[name]["sha256"] in text


def test_the_same_answers_give_the_same_bytes(card, page):
    assert study_page(read_study(card)) == page


def test_german_texts_are_german_and_data_stay(study):
    text = study_page(study, Language("de"))
    assert '<html lang="de">' in text
    assert "mehr im malignen Bild" in text
    assert "darker pigmentation" in text


def test_lines_for_a_terminal(study):
    lines = list(study_lines(study, top=3))
    assert lines[1].startswith("Simulated: ")
    assert lines[2] == "Stand-in: made up for tests, nobody looked"
    (first,) = [line for line in lines if line.startswith("deepderm: Cohen's kappa")]
    after = lines[lines.index(first) + 1]
    assert re.fullmatch(
        r"  \S.*: 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] (malignant|benign|neither)", after
    )
    assert sum(line.startswith("  ") for line in lines) == 9
    assert "lowest rank sum" in lines[-1]


def test_a_study_in_which_nobody_noted_anything(tmp_path):
    pairs = [{"pair": f"p{i}", "model": "m", "image": f"i{i}"} for i in range(3)]
    choices = [{"expert": "e", "pair": f"p{i}", "chosen": "A"} for i in range(3)]
    study = read_study(write_answers(tmp_path, pairs, choices, []))
    assert "nothing could be evaluated" in study_page(study)
    assert list(study_lines(study))[-1].endswith(": nothing")


def test_damage_is_told_before_anything_is_drawn(tmp_path):
    card = synthetic(tmp_path, models=MODELS[:1], images=4, pictured=0)
    (tmp_path / "noted.csv").write_text("expert\n")
    with pytest.raises(AuditError, match=r"noted\.csv has sha256"):
        read_study(card)
