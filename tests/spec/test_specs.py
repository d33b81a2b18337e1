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
    for path in find_specs([ROOT / "audits", ROOT / "studies"]):
        jsonschema.validate(read_yaml(path).data, published)
    wrong = {"audit": "x", "check": "colour-shift", "data": "d", "with": {"angel": 1}, "expect": []}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, published)


SHAPES = [
    ("", "gradcam", True),
    ("", "[gradcam]", True),
    ("", "[]", False),
    ("", "[{name: a}]", False),
    ("", "[{method: lime, superpixels: 8}]", True),
    ("", "[{method: lime, superpixels: slic}]", True),
    ("", "[{method: lime, superpixels: {kind: slic, segments: 60}}]", True),
    ("", "[{method: lime, superpixels: squares}]", False),
    ("", "[{method: lime, superpixels: {segment: 60}}]", False),
    ("binarise: {rule: threshold, share: 0.4}", "gradcam", True),
    ("binarise: {rule: nonzero}", "gradcam", True),
    ("binarise: {share: 0.4}", "gradcam", False),
    ("binarise: {count: 2}", "gradcam", False),
    ("binarise: nonzero", "gradcam", False),
    ("postprocess: display", "gradcam", True),
    ("postprocess: {blur: 2, signs: positive}", "gradcam", True),
    ("postprocess: {sign: positive}", "gradcam", False),
    ("cuts: {low: 0.1}", "gradcam", True),
    ("cuts: {lower: 0.1}", "gradcam", False),
]


@pytest.mark.parametrize(("parameter", "methods", "good"), SHAPES)
def test_schema_and_loader_agree_on_shapes(load, tmp_path, parameter, methods, good):
    extra = f", {parameter}" if parameter else ""
    label = "lime" if "lime" in methods else "gradcam"
    text = (
        f"audit: a\ncheck: alignment\ndata: dermoscopy\nwith: {{methods: {methods}{extra}}}\n"
        f"expect:\n  - {{measure: {label}.iou, above: 0.1}}\n"
    )
    try:
        load(text)
    except SpecError:
        assert not good, text
    else:
        assert good, text
    spec = read_yaml(tmp_path / "x.audit.yaml").data
    assert jsonschema.Draft202012Validator(schema("audit")).is_valid(spec) == good


@pytest.mark.parametrize(
    ("parameters", "measure", "message"),
    [
        (
            "binarise: {share: 0.4}",
            "gradcam.iou",
            "mapping with the key 'rule' was expected; known: dev",
        ),
        ("binarise: {rule: tops}", "gradcam.iou", "unknown rule 'tops'; did you mean 'top'?"),
        ("binarise: {rule: nonzero}, top: 0.3", "gradcam.iou", "give one of them"),
        (
            "methods: [{method: lime, superpixels: {segment: 9}}]",
            "lime.iou",
            "no parameter 'superpixels.segment'; did you mean 'segments'?",
        ),
    ],
)
def test_mistakes_about_regions_and_superpixels_are_explained(load, parameters, measure, message):
    methods = "" if "methods" in parameters else "methods: gradcam, "
    with pytest.raises(SpecError) as caught:
        load(
            f"audit: a\ncheck: alignment\ndata: dermoscopy\nwith: {{{methods}{parameters}}}\n"
            f"expect:\n  - {{measure: {measure}, above: 0.1}}\n"
        )
    assert message in str(caught.value)


def test_measure_that_is_of_groups_only_needs_a_group(load):
    text = (
        "audit: a\ncheck: compare-methods\ndata: dermoscopy\n"
        "with: {methods: [gradcam, gradient], metric: iou, by: skin_tone}\n"
        "expect:\n  - {measure: rank_agreement.group, at: {skin_tone: dark}, above: 0.1}\n"
    )
    assert load(text)
    with pytest.raises(SpecError, match="6: at: say which value of 'skin_tone' is meant"):
        load(text.replace("at: {skin_tone: dark}, ", ""))


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
    text = (ROOT / "fixtures" / "data" / "isic-2019.data.yaml").read_text()
    for name in ("a", "b"):
        (tmp_path / f"{name}.data.yaml").write_text(text)
    with pytest.raises(SpecError, match="is already the name of"):
        catalogue([tmp_path]).data("isic-2019")


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
