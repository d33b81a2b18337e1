"""Recorded assessments: an empty form is never valid, a filled one is, every mistake on its line."""

import datetime as dt
import json
import re
from pathlib import Path

import jsonschema
import pytest

from auditkit.cli import main
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence import Evidence, Peers
from auditkit.spec.assessment import AssessmentCard, Unrecorded
from auditkit.spec.assessment_form import assessment_form
from auditkit.spec.assessment_questions import GUIDELINES, Answer, Relevance, Understandability
from auditkit.spec.beside import beside
from auditkit.spec.catalogue import catalogue, read_assessment
from auditkit.spec.data_card import DataCard
from auditkit.spec.declarations.clinical_assessment import ClinicalAssessment
from auditkit.spec.problems import SpecError
from auditkit.spec.schema import schema
from auditkit.spec.strict_yaml import parse_yaml, read_yaml
from auditkit.spec.typed import typed

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "fixtures" / "assessments" / "glioma-heatmaps.assessment.yaml"
DATA = DataCard.model_validate({"data": "d", "task": "glioma", "format": "table", "file": "x.csv"})
FILLED = {
    "title": "Heatmaps",
    "  form": "heatmap",
    "  description": "Colours over the MRI.",
    "  methods": "[gradcam]",
    "date": "2026-03-02",
    "expires": "2027-03-01",
    "  - role": "neurosurgeon",
    "    organisation": "A hospital",
    "    date": "2026-03-01",
    "        answer": "no",
    "        reason": "Because it is so.",
    "      met": "partly",
    "      conclusion": "Half of it.",
}


def read(text):
    return typed(parse_yaml(text, Path("x.assessment.yaml")), AssessmentCard)


def fill(form, **changes):
    """Write something into every empty line of a form."""
    values = {**FILLED, **changes}

    def line(found):
        key = found[1]
        return f"{key}: {values[key]}" if key in values else found[0]

    return re.sub(r"^( *(?:- )?\w+):(?: *#.*)?$", line, form, flags=re.MULTILINE)


def problems(text):
    with pytest.raises(SpecError) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_form_asks_every_question_once_and_has_its_words_beside_it():
    form = assessment_form("mine", "glioma")
    for guideline, kind in GUIDELINES.values():
        asked = list(kind.questions())
        assert len(asked) >= 4
        assert f"{guideline}: answers are yes, partly or no" in form
        for name, question in asked:
            assert form.count(f"\n      {name}:\n        answer:\n") == 1
            assert question in re.sub(r"\n *# ", " ", form)


def test_no_line_of_a_form_may_stay_empty_except_reasons_for_yes():
    form = assessment_form("mine", "glioma")
    everything = fill(form)
    card = read(everything)
    assert (card.assessment, card.task, len(card.assessors)) == ("mine", "glioma", 1)
    assert card.expires == dt.date(2027, 3, 1)
    assert card.assessors[0].relevance.met == "partly"
    assert card.assessors[0].relevance.pathology == Answer(answer="no", reason="Because it is so.")
    filled, empty = everything.splitlines(), form.splitlines()
    changed = [
        i for i, (now, before) in enumerate(zip(filled, empty, strict=True)) if now != before
    ]
    questions = sum(len(list(kind.questions())) for _, kind in GUIDELINES.values())
    assert len(changed) == 9 + 2 * questions + 2 * len(GUIDELINES)
    for number in changed:
        text = "\n".join([*filled[:number], empty[number], *filled[number + 1 :]])
        assert problems(text), empty[number]
    # With yes everywhere, reasons and conclusions may stay empty.
    agreed = fill(form, **{
        "        answer": "yes", "      met": "yes", "        reason": "", "      conclusion": ""
    })  # fmt: skip
    assert read(agreed).assessors[0].understandability.met == "yes"


def test_problems_of_a_form_stand_on_its_lines():
    form = assessment_form("mine", "glioma")
    found = problems(form)
    lines = form.splitlines()
    for problem in found:
        number = int(problem.split(":")[1])
        key = problem.split(": ")[1].rsplit(".", 1)[-1]
        assert lines[number - 1].strip(" -").startswith(key), problem
    answers = [problem for problem in found if "yes, partly or no was expected" in problem]
    assert len(answers) == sum(len(list(kind.questions())) for _, kind in GUIDELINES.values()) + 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      pathology:", "      pathologie:", "did you mean 'pathology'?"),
        ("expires: 2027-03-01", "expires: 2031-03-02", "2029-03-01 at the latest"),
        ("expires: 2027-03-01", "expires: 2026-03-01", "before the assessment's own date"),
        ("date: 2026-03-02", "date: 2026-02-28", "somebody answered on 2026-03-01, after"),
        ("date: 2026-03-02", "date: 2026-02-30", "2026-02-30 is no date of the calendar"),
        ("date: 2026-03-02", "date: 2.3.2026", "a date was expected, YYYY-MM-DD"),
        ("[gradcam]", "[grad-cam]", "unknown heatmap method 'grad-cam'; did you mean 'gradcam'?"),
        ("      met: partly", "      met: mostly", "yes, partly or no was expected, got 'mostly'"),
        ("answer: no", "answer: true", "yes, partly or no was expected, got True"),
        ("        reason: Because it is so.", "        reason: '  '", "'no' needs a reason"),
        ("      conclusion: Half of it.", "      conclusion:", "'met: partly' needs words"),
        ("      form:\n        answer: no\n        reason: Because it is so.", "      form: no",
         "'no' needs a reason"),
        ("task: glioma", "task: Glioma", "is not a valid name"),
        ("form: heatmap", "form: heat map", "Input should be 'heatmap'"),
    ],
)  # fmt: skip
def test_mistakes_are_explained_on_their_line(old, new, message):
    good = fill(assessment_form("mine", "glioma"))
    wrong = good.replace(old, new, 1)
    assert wrong != good
    assert any(message in problem for problem in problems(wrong))


def test_a_missing_question_and_a_missing_assessor_are_refused():
    good = fill(assessment_form("mine", "glioma"))
    without = re.sub(r"      reasoning:\n.*\n.*\n", "", good)
    assert any("relevance.reasoning' is missing" in problem for problem in problems(without))
    nobody = good[: good.index("assessors:")] + "assessors: []\n"
    assert any("assessors" in problem for problem in problems(nobody))


def test_nobody_is_there_twice_and_unnamed_people_may_look_alike():
    good = fill(assessment_form("mine", "glioma"))
    block = good[good.index("  - role") :]
    assert len(read(good + block).assessors) == 2
    named = block.replace("    date:", "    name: N. N.\n    date:", 1)
    assert any(
        "N. N. (A hospital) is there twice" in problem for problem in problems(good + named + named)
    )


def test_expiry_counts_from_the_first_answers():
    good = fill(assessment_form("mine", "glioma"), expires="2029-03-01")
    read(good)
    block = good[good.index("  - role") :].replace("date: 2026-03-01", "date: 2026-02-27")
    assert any("the first answers are of 2026-02-27" in found for found in problems(good + block))


def test_the_command_writes_a_form_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    new = ["new", "clinical-assessment", "mine", "--task", "glioma"]
    assert main(new) == 0
    file = tmp_path / "mine.assessment.yaml"
    assert "auditkit validate mine.assessment.yaml" in capsys.readouterr().out
    assert main(["validate", str(file)]) == 2
    assert re.search(r"mine\.assessment\.yaml:\d+: .*is not filled in", capsys.readouterr().err)
    file.write_text("kept")
    assert main(new) == 2
    assert file.read_text() == "kept"
    assert "is not overwritten" in capsys.readouterr().err
    assert main([*new, "--out", "other.assessment.yaml"]) == 0
    filled = fill((tmp_path / "other.assessment.yaml").read_text())
    (tmp_path / "other.assessment.yaml").write_text(filled)
    assert main(["validate", "other.assessment.yaml"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Mine", "--task", "glioma"], "'Mine' is not a valid name"),
        (["mine", "--task", "a task"], "'a task' is not a valid name"),
        (["mine", "--task", "t", "--out", "x.yaml"], "ends in .assessment.yaml was expected"),
        (["mine", "--task", "t", "--out", "no/x.assessment.yaml"], "cannot be written: No such"),
    ],
)
def test_the_command_explains_what_is_wrong(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["new", "clinical-assessment", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_record_that_does_not_exist_is_no_error_but_unavailable_with_the_command(tmp_path):
    for name, command in (
        ("mine", "auditkit new clinical-assessment mine --task glioma"),
        ("here/mine.assessment.yaml", "mine --task glioma --out here/mine.assessment.yaml"),
    ):
        found = beside(ClinicalAssessment(assessment=name), DATA, catalogue([tmp_path]))
        assert isinstance(found.assessments[name], Unrecorded)
        assert found.digests
        evidence = Evidence.__new__(Evidence)
        evidence.peers = Peers(assessments=found.assessments)
        with pytest.raises(Unavailable, match=re.escape(command)):
            evidence.assessment(name)


def test_a_record_that_exists_is_found_and_a_broken_one_is_an_error(tmp_path):
    file = tmp_path / "mine.assessment.yaml"
    file.write_text(fill(assessment_form("mine", "glioma")))
    asked = ClinicalAssessment(assessment="mine")
    found = beside(asked, DATA, catalogue([tmp_path])).assessments["mine"]
    assert isinstance(found, AssessmentCard)
    assert found.digest in beside(asked, DATA, catalogue([tmp_path])).digests
    wrong = ClinicalAssessment(assessment="mini")
    reason = beside(wrong, DATA, catalogue([tmp_path])).assessments["mini"].reason
    assert "did you mean 'mine'?" in reason
    file.write_text(assessment_form("mine", "glioma"))
    with pytest.raises(SpecError, match=r"mine\.assessment\.yaml:\d+: title"):
        beside(asked, DATA, catalogue([tmp_path]))
    file.write_text(fill(assessment_form("mine", "melanoma")))
    with pytest.raises(AuditError, match="'mine' is about melanoma, 'd' about glioma"):
        beside(asked, DATA, catalogue([tmp_path]))


def test_the_shipped_example_is_valid_and_says_that_nobody_was_asked():
    card = read_assessment(SHIPPED)
    assert "Nobody was asked" in card.stand_in
    assert all("Invented" in one.organisation for one in card.assessors)
    assert {one.understandability.met for one in card.assessors} == {"yes"}
    assert "yes" not in {one.relevance.met for one in card.assessors}


def test_questions_are_the_fields_of_one_place():
    assert set(dict(Understandability.questions())) <= set(Understandability.model_fields)
    assert dict(Relevance.questions())["validity"].endswith("is valid?")
    assert "met" not in dict(Relevance.questions())


def test_the_published_schemas_are_current_and_accept_what_the_reader_accepts():
    for kind in ("assessment", "ratings"):
        published = json.loads((ROOT / "docs" / "schema" / f"{kind}.schema.json").read_text())
        assert published == schema(kind), "run: python docs/schema/build.py"
    validator = jsonschema.Draft202012Validator(schema("assessment"))
    record = read_yaml(SHIPPED).data
    validator.validate(record)
    record["assessors"][0]["relevance"].pop("pathology")
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(record)
