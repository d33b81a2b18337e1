"""Dossiers: every field asked for by somebody, nothing computed with them, every mistake on its line."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import auditkit
from auditkit.models.identity import model_digest
from auditkit.release import refusals
from auditkit.results import Deviations
from auditkit.spec.catalogue import catalogue
from auditkit.spec.data_card import DataCard
from auditkit.spec.dossier import (
    KINDS,
    DataDossier,
    ModelDossier,
    Person,
    as_texts,
    empty_required,
    read_dossier,
    with_dossier,
)
from auditkit.spec.dossier_form import dossier_form, dossier_table
from auditkit.spec.fallback import settled
from auditkit.spec.model_card import ModelCard
from auditkit.spec.problems import SpecError
from auditkit.spec.strict_yaml import parse_yaml, read_yaml
from auditkit.spec.typed import typed

ROOT = Path(__file__).parents[2]
CARDS = catalogue([ROOT / "fixtures"])
PERSON = Person(name="E. Example", role="head", organisation="Org", responsibility="approved")
MODEL = """\
model: m
task: t
format: tflite
weights: {file: m.tflite}
input: {size: 8}
output: {kind: logits, classes: [a, b], score: b}
threshold: 0.5
"""
DATA = "data: d\ntask: t\nformat: table\nfile: d.csv\n"
# What regulators and guidelines ask for and no tool can know.
ASKED_OF_MODELS = """
    device version udi regulatory_status manufacturer released_version intended_use indications population
    users workflow automation misuse contraindications out_of_scope model_description threshold_choice
    calibration training_data independence sequestration team_evidence hazards limitations monitoring
    change_control missing_demographics
"""
ASKED_OF_DATA = """
    version collection acquisition population reference_standard annotators blinding adjudication variability
    exclusions deidentified ethics synthetic
"""


def card(text, kind, folder):
    path = folder / "card.yaml"
    path.write_text(text, encoding="utf-8")
    document = read_yaml(path)
    return with_dossier(typed(document, kind), document)


def problems(text, kind, folder):
    with pytest.raises(SpecError) as caught:
        card(text, kind, folder)
    return [(problem.path.name, problem.line, problem.message) for problem in caught.value.problems]


def filled(kind):
    return kind(**dict.fromkeys(kind.fields(), "said"), people=[PERSON])


@pytest.mark.parametrize(
    ("kind", "asked"), [(ModelDossier, ASKED_OF_MODELS), (DataDossier, ASKED_OF_DATA)]
)
def test_every_field_that_is_asked_for_is_there(kind, asked):
    assert list(kind.fields()) == asked.split()


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_field_says_what_to_write_with_an_example_and_who_asks(kind):
    known = ("FDA", "EU ", "CLAIM", "Model Cards", "IMDRF", "BS/AAMI", "45 CFR", "GDPR")
    for field in kind.fields().values():
        assert field.title
        assert "Example: " in field.guidance
        assert field.guidance.endswith(".")
        assert field.sources
        assert all(source.startswith(known) for source in field.sources)
    titles = [field.title for field in kind.fields().values()]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("kind", KINDS.values())
def test_what_is_required_and_empty_is_named_and_nothing_else(kind):
    whole = filled(kind)
    assert empty_required(whole) == []
    for key, field in kind.fields().items():
        lacking = whole.model_copy(update={key: ""})
        assert empty_required(lacking) == ([f"dossier.{key}"] if field.needed else [])
    nobody = whole.model_copy(update={"people": []})
    assert empty_required(nobody) == (["dossier.people"] if kind is ModelDossier else [])


def test_spaces_and_empty_lines_of_a_form_provide_nothing():
    blank = ModelDossier.model_validate({"device": None, "version": " \n ", "people": None})
    assert blank == ModelDossier()
    assert "dossier.version" in empty_required(blank)


def test_present_cards_stay_valid(tmp_path):
    keys = ("device", "manufacturer", "intended_use", "limitations", "training_data")
    text = MODEL + "dossier:\n" + "".join(f"  {key}: of {key}\n" for key in keys)
    read = card(text, ModelCard, tmp_path).dossier
    assert {key: value for key, value in as_texts(read).items() if value} == {
        key: f"of {key}" for key in keys
    }


def test_as_texts_holds_every_field_in_order_and_only_texts():
    texts = as_texts(filled(DataDossier))
    assert list(texts) == list(DataDossier.fields())
    assert set(texts.values()) == {"said"}
    assert filled(DataDossier).model_dump() == texts


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  intendeduse: x", "did you mean 'intended_use'?"),
        ("  version: 2.4", "put it in quotes"),
        ("  people: [{name: A, role: b, organisation: c}]", "responsibility' is missing"),
        ("  people: [{name: '', role: b, organisation: c, responsibility: d}]", "at least 1"),
        ("  file: other.yaml", "ends in .dossier.yaml"),
        ("  file: other.dossier.yaml", "does not exist"),
    ],
)
def test_a_mistake_in_a_card_is_found_on_its_line(tmp_path, line, message):
    found = problems(f"{MODEL}dossier:\n  device: x\n{line}\n", ModelCard, tmp_path)
    assert [(name, number) for name, number, _ in found] == [("card.yaml", 10)]
    assert message in found[0][2]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("device: x\n", 1, "key 'dossier' is missing"),
        ("dossier: models\n", 1, "'model' or 'data' was expected"),
        ("dossier: [model]\n", 1, "'model' or 'data' was expected"),
        ("dossier: model\ndevise: x\n", 2, "did you mean 'device'?"),
        ("dossier: model\nfile: x.dossier.yaml\n", 2, "names no other"),
        ("dossier: data\n\nversion: 3\n", 3, "put it in quotes"),
        ("dossier: model\ndevice: &a x\n", 2, "anchors"),
    ],
)
def test_a_mistake_in_a_file_is_found_on_its_line(tmp_path, text, line, message):
    path = tmp_path / "m.dossier.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_dossier(path)
    assert [problem.line for problem in caught.value.problems] == [line]
    assert message in str(caught.value)


def test_a_card_may_name_a_file_and_replace_parts_of_it(tmp_path):
    path = tmp_path / "m.dossier.yaml"
    path.write_text("dossier: model\ndevice: of the file\nversion: '1'\nusers: all\n")
    text = MODEL + "dossier:\n  file: m.dossier.yaml\n  device: of the card\n  users: ''\n"
    read = card(text, ModelCard, tmp_path).dossier
    assert (read.device, read.version, read.users) == ("of the card", "1", "all")
    assert read.path == path.resolve()
    assert read.digest == read_yaml(path).digest
    assert not card(MODEL, ModelCard, tmp_path).dossier.digest


def test_a_file_of_the_other_kind_is_refused_where_the_card_names_it(tmp_path):
    (tmp_path / "d.dossier.yaml").write_text("dossier: data\n")
    found = problems(MODEL + "dossier: {file: d.dossier.yaml}\n", ModelCard, tmp_path)
    assert found[0][:2] == ("card.yaml", 8)
    assert "another kind" in found[0][2]
    assert card(DATA + "dossier: {file: d.dossier.yaml}\n", DataCard, tmp_path).dossier.digest


def test_a_stand_in_has_the_dossier_of_its_fallback(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDITKIT_WEIGHTS", str(tmp_path / "none"))
    (tmp_path / "s.dossier.yaml").write_text("dossier: model\nusers: nobody\n")
    fallback = "fallback:\n  stand_in: made here\n  weights: {file: s.tflite}\n"
    text = f"{MODEL}dossier: {{device: real}}\n{fallback}  dossier: {{file: s.dossier.yaml}}\n"
    read = card(text, ModelCard, tmp_path)
    assert as_texts(read.dossier)["device"] == "real"
    stand_in = settled(read).dossier
    assert (stand_in.device, stand_in.users) == ("", "nobody")
    assert stand_in.path == tmp_path.resolve() / "s.dossier.yaml"


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_form_is_valid_and_provides_nothing(tmp_path, kind):
    path = tmp_path / "x.dossier.yaml"
    path.write_text(dossier_form(kind, "x"), encoding="utf-8")
    read = read_dossier(path)
    assert read == KINDS[kind]().read_from(read.path, read.digest)
    assert set(as_texts(read).values()) == {""}
    assert max(map(len, path.read_text().splitlines())) <= 100


WORDS = st.text(st.sampled_from("aé #:-'\"[]{}&*!|>%@`,?\\~"), min_size=1).filter(str.strip)


@given(st.data(), st.sampled_from(sorted(KINDS)))
def test_whatever_is_written_under_a_key_is_read_as_it_stands(data, kind):
    """Signs that mean something to YAML mean nothing in a form that is filled in."""
    texts = {key: data.draw(WORDS).strip() for key in KINDS[kind].fields()}
    form = dossier_form(kind, "x")
    for key, text in texts.items():
        form = form.replace(f"\n{key}: >-\n", f"\n{key}: >-\n  {text}\n")
    document = parse_yaml(form, Path("x.dossier.yaml"))
    found = {key: document.data[key] for key in texts}
    assert found == texts


def test_a_form_that_people_sign_names_them(tmp_path):
    path = tmp_path / "x.dossier.yaml"
    form = dossier_form("model", "x")
    people = form.index("\npeople:")
    path.write_text(form[:people] + form[people:].replace("\n# ", "\n "), encoding="utf-8")
    assert [person.name for person in read_dossier(path).people] == ["Erika Example"]


def test_release_mode_names_every_empty_field_under_its_card():
    empty = ["model a: dossier.users", "model a: dossier.misuse", "data b: dossier.version"]
    given = Deviations(
        planned=1,
        judged=1,
        deselected=[],
        other_tasks={},
        reruns=False,
        dirty=False,
        stand_ins=[],
        empty_dossier=empty,
    )
    (found,) = refusals(given, "commit", [])
    assert "model a: dossier.users, dossier.misuse; data b: dossier.version" in found
    assert refusals(given.model_copy(update={"empty_dossier": []}), "commit", []) == []


def test_another_dossier_is_the_same_model_with_the_same_evidence(tmp_path):
    model, data = CARDS.model("scanoma"), CARDS.data("dermoscopy")
    small = data.with_.model_copy(update={"n": 6, "size": 64})
    other = {"dossier": filled(ModelDossier), "digest": "f" * 64}
    assert model_digest(model.model_copy(update=other)) == model_digest(model)
    kept = []
    for stated, changes in ((ModelDossier(), {}), (filled(ModelDossier), {"digest": "f" * 64})):
        audited = model.model_copy(update={"dossier": stated, **changes})
        on = data.model_copy(update={"with_": small, "dossier": filled(DataDossier), **changes})
        auditkit.run(
            "performance", auditkit.load_model(audited), auditkit.load_data(on), store=tmp_path
        )
        kept.append({file.name: file.read_bytes() for file in tmp_path.rglob("*.safetensors")})
    assert kept[0]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures").rglob("*.dossier.yaml")), ids=str)
def test_shipped_dossiers_are_valid_and_named_by_cards(path):
    read = read_dossier(path)
    cards = [*CARDS.models().values(), *CARDS.data_sets().values()]
    named = [one.dossier.file for one in cards]
    named += [one.fallback.dossier.file for one in cards if getattr(one, "fallback", None)]
    assert f"../dossiers/{path.name}" in named
    assert read.digest


def test_shipped_stand_ins_lack_nothing_but_people_who_sign():
    for name, written in CARDS.models().items():
        stated = settled(written)
        document = read_yaml(written.path)
        dossier = settled(with_dossier(typed(document, ModelCard), document)).dossier
        if stated.stand_in:
            assert empty_required(dossier) == ["dossier.people"], name
            assert "no medical device" in dossier.device
            assert "never for diagnosis" in dossier.intended_use


def test_shipped_synthetic_data_lack_nothing():
    for name, written in CARDS.data_sets().items():
        if written.stand_in or written.format.startswith("synthetic"):
            document = read_yaml(written.path)
            dossier = with_dossier(typed(document, DataCard), document).dossier
            assert empty_required(dossier) == [], name
            assert dossier.synthetic


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_the_table_of_all_fields(kind):
    page = (ROOT / "docs" / "dossier.md").read_text(encoding="utf-8")
    assert dossier_table(kind) in page


def test_the_page_shows_a_dossier_that_is_valid(tmp_path):
    page = (ROOT / "docs" / "dossier.md").read_text(encoding="utf-8")
    found = re.search(r"\n((?:    .*\n|\n)*    dossier: model\n(?:    .*\n|\n)*)", page)
    path = tmp_path / "x.dossier.yaml"
    path.write_text(re.sub(r"^    ", "", found[1], flags=re.MULTILINE), encoding="utf-8")
    assert read_dossier(path).device
