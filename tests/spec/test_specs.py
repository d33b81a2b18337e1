"""Specs and cards: typed, held against what exists, every problem on its line."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from auditkit.cli import main
from auditkit.errors import AuditError
from auditkit.spec.audit import Expectation
from auditkit.spec.catalogue import catalogue, checks
from auditkit.spec.load import check_assumptions, find_specs, load_audit
from auditkit.spec.problems import SpecError
from auditkit.spec.schema import schema
from auditkit.spec.strict_yaml import read_yaml

ROOT = Path(__file__).parents[2]
GOOD = """\
audit: light
check: colour-shift
data: dermoscopy
with: {radius: [5, 20], angles: 4, directions: [pink]}
expect:
  - {measure: pink.mean_change, at: {radius: 5}, between: [-0.05, 0.05]}
"""


@pytest.fixture
def load(tmp_path):
    cards = catalogue([ROOT / "fixtures"])

    def load(text):
        path = tmp_path / "x.audit.yaml"
        path.write_text(text)
        return load_audit(path, cards)

    return load


def test_a_good_spec_is_resolved(load):
    audit = load(GOOD)
    assert audit.id == "light"
    assert audit.data.data == "dermoscopy"
    assert audit.lines == (6,)
    assert audit.spec.expect[0].limits == (-0.05, 0.05)
    assert audit.spec.expect[0].key == "pink.mean_change.radius-5"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("check: colour-shift", "check: color-shift", 2, "did you mean 'colour-shift'?"),
        ("data: dermoscopy", "data: dermoscope", 3, "did you mean 'dermoscopy'?"),
        ("angles: 4", "angels: 4", 4, "unknown key 'with.angels'; did you mean 'angles'?"),
        ("angles: 4", "angles: four", 4, "with.angles: Input should be a valid integer"),
        ("angles: 4", "angles: 4.0", 4, "with.angles"),
        ("[pink]", "[pinkish]", 4, "unknown direction 'pinkish'; did you mean 'pink'?"),
        ("pink.mean_change,", "pink.mean,", 6, "did you mean 'pink.mean_change'?"),
        ("at: {radius: 5}", "at: {radius: 7}", 6, "radius 7.0 is not computed; known: 5.0, 20.0"),
        ("at: {radius: 5}", "at: {angle: 5}", 6, "has no 'angle'"),
        ("at: {radius: 5}, ", "", 6, "say which radius is meant"),
        ("between: [-0.05, 0.05]", "between: [0.05, -0.05]", 6, "smaller than the second"),
        ("between: [-0.05, 0.05]", "between: [0.05]", 6, "expect.0.between"),
        ("between: [-0.05, 0.05]", "above: 1, below: 2", 6, "exactly one of"),
        ("between: [-0.05, 0.05]", "severity: blocking", 6, "exactly one of"),
        ("between: [-0.05, 0.05]", "above: 1", 6, "can never hold"),
        ("between: [-0.05, 0.05]", "above: -2", 6, "always holds, so it tests nothing"),
        ("between: [-0.05, 0.05]", "above: no", 6, "got 'no'"),
        ("between: [-0.05, 0.05]", "above: .nan", 6, "finite"),
        (
            "between: [-0.05, 0.05]",
            "below: 0.1, on_inconclusive: skip",
            6,
            "only if severity is advisory",
        ),
        ("between: [-0.05, 0.05]", 'above: "0.5"', 6, "a number was expected, got '0.5'"),
        ("between: [-0.05, 0.05]", "above: true", 6, "a number was expected, got True"),
        ("audit: light", "audit: Light Test", 1, "not a valid name"),
        ("audit: light", 'audit: "light\\n"', 1, "not a valid name"),
        ("audit: light", "audit: light\ntitel: x", 2, "unknown key 'titel'; did you mean 'title'?"),
        ("audit: light\n", "", 1, "key 'audit' is missing"),
        ("audit: light", "audit: light\nassumes: [light]", 1, "cannot assume itself"),
    ],
)
def test_a_mistake_is_named_with_its_line(load, old, new, line, message):
    assert old in GOOD
    with pytest.raises(SpecError) as caught:
        load(GOOD.replace(old, new))
    assert any(
        problem.line == line and message in problem.message for problem in caught.value.problems
    ), str(caught.value)


def test_the_same_expectation_twice_is_refused(load):
    with pytest.raises(SpecError, match="expected twice"):
        load(GOOD + GOOD.splitlines()[-1] + "\n")


def test_methods_are_names_or_mappings(load):
    text = (
        "audit: a\ncheck: alignment\ndata: dermoscopy\nwith:\n  methods:\n    - gradcam\n"
        "    - {method: occlusion, window: 0.25, name: coarse}\n"
        "expect:\n  - {measure: coarse.iou, above: 0.1}\n"
    )
    audit = load(text)
    assert [method.label for method in audit.parameters.methods] == ["gradcam", "coarse"]
    assert audit.parameters.model_dump(mode="json")["methods"][1]["window"] == 0.25
    for old, new, message in (
        ("gradcam", "grad-cam", "did you mean 'gradcam'?"),
        ("window", "windo", "occlusion has no parameter 'windo'; did you mean 'window'?"),
        ("0.25", "0.01", "stride must not exceed window"),
        (", name: coarse", "", "did you mean 'occlusion.iou'?"),
        ("occlusion, window: 0.25, name: coarse", "gradcam", "two methods have the same name"),
    ):
        with pytest.raises(SpecError) as caught:
            load(text.replace(old, new))
        assert message in str(caught.value)


def test_assumed_audits_must_exist_and_not_run_in_a_circle(load, tmp_path):
    one = load(GOOD + "assumes: [two]\n")
    with pytest.raises(SpecError, match="assumes 'two', which is not an audit here"):
        check_assumptions([one])
    two = load(GOOD.replace("audit: light", "audit: two") + "assumes: [light]\n")
    with pytest.raises(SpecError, match="in a circle"):
        check_assumptions([one, two])


def test_shipped_specs_and_cards_are_valid(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert (
        main(
            [
                "validate",
                "audits",
                "fixtures/data",
                *map(str, Path("fixtures/models").glob("*.model.yaml")),
            ]
        )
        == 0
    )


def test_shipped_specs_use_all_checks():
    cards = catalogue([ROOT / "fixtures"])
    used = {load_audit(path, cards).check.name for path in find_specs([ROOT / "audits"])}
    assert used == set(checks())


def test_the_published_schema_is_current_and_accepts_what_the_loader_accepts():
    published = json.loads((ROOT / "docs" / "schema" / "audit.schema.json").read_text())
    assert published == schema("audit"), "run: python docs/schema/build.py"
    jsonschema.Draft202012Validator.check_schema(published)
    for path in find_specs([ROOT / "audits"]):
        jsonschema.validate(read_yaml(path).data, published)
    wrong = {"audit": "x", "check": "colour-shift", "data": "d", "with": {"angel": 1}, "expect": []}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, published)


def test_every_results_field_is_documented():
    from auditkit.results import results_schema

    published = json.loads((ROOT / "docs" / "schema" / "results.schema.json").read_text())
    assert published == results_schema(), "run: python docs/schema/build.py"
    for name, part in {**published["$defs"], "Results": published}.items():
        for field, description in part.get("properties", {}).items():
            assert description.get("description"), f"{name}.{field}"


def test_cli_errors_have_exit_status_2(tmp_path, capsys):
    bad = tmp_path / "bad.audit.yaml"
    bad.write_text("audit: x\n")
    assert main(["validate", str(bad)]) == 2
    assert "bad.audit.yaml:1: key 'check' is missing" in capsys.readouterr().err
    assert main(["validate", str(tmp_path / "none")]) == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["validate", str(empty)]) == 2


def test_cli_lists(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    for what, expected in (
        ("checks", "colour-shift"),
        ("methods", "integrated-gradients"),
        ("models", "efficientnet-lite0"),
        ("data", "dermoscopy"),
    ):
        assert main(["list", what]) == 0
        assert expected in capsys.readouterr().out


def test_cards_with_one_name_are_refused(tmp_path):
    text = (ROOT / "fixtures" / "data" / "dermoscopy.data.yaml").read_text()
    for name in ("a", "b"):
        (tmp_path / f"{name}.data.yaml").write_text(text)
    with pytest.raises(SpecError, match="is already the name of"):
        catalogue([tmp_path]).data("dermoscopy")


def test_a_cards_path_can_be_given_instead_of_its_name():
    cards = catalogue([])
    assert cards.data(str(ROOT / "fixtures/data/dermoscopy.data.yaml")).data == "dermoscopy"
    with pytest.raises(AuditError, match="does not exist"):
        cards.data("nowhere/x.data.yaml")


def test_expectation_wording_and_limits():
    assert Expectation(measure="x", above=1).wording == "above 1"
    assert Expectation(measure="x", below=0.05).limits == (float("-inf"), 0.05)


def test_import_directions_hold():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
