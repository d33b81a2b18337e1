"""Damaged specs, cards, tables, pictures and paths: accepted, or refused with one message, within bounds."""

import fuzz_cases
import fuzz_data
from fuzz_cases import KINDS
from fuzz_pictures import raster, volumes
from fuzz_pool import BAD, run

SEED, EACH = 20_240_607, 10
MODEL = """\
model: steady
task: melanoma
format: timm
architecture: test_resnet
weights: {file: steady.safetensors}
input: {size: 64}
output: {kind: logits, classes: [benign, malignant], score: 1}
threshold: 0.5
"""
LESIONS = """\
data: lesions
task: melanoma
format: synthetic-dermoscopy
with: {n: 24, seed: 5, size: 64}
"""
SPEC = """\
audit: counts
check: performance
data: lesions
expect:
  - {measure: sensitivity, above: 0.3}
  - {measure: specificity, above: 0.5}
"""
NEVER_WHOLE = ("bomb", "no file", "no table", "argument")


def test_a_sample_of_damaged_input_is_accepted_or_refused_clearly(tmp_path):
    wanted = [(kind, number) for number in range(EACH) for kind in KINDS]
    keep = tmp_path / "keep"
    keep.mkdir()
    found = list(run(wanted, SEED, tmp_path / "work", keep=keep))
    assert len(found) == len(wanted) >= 270
    wrong = [
        f"{one.case.folder.name} ({one.case.name}): {one.what}: {one.message:.300}"
        for one in found
        if one.what in BAD
    ]
    repeated = "python benchmarks/fuzz.py --kind KIND --number N --seed"
    assert not wrong, "\n".join([*wrong, f"kept in {keep}; again: {repeated} {SEED}"])
    outcomes = {one.what for one in found}
    assert outcomes == {"accepted", "problems listed", "refused"}


def test_what_is_not_damaged_is_accepted(tmp_path, monkeypatch):
    """Else the sample above would show that anything can be refused."""
    monkeypatch.setattr(fuzz_cases, "damaged", lambda source, *_: source.read_bytes())
    for name in ("damaged_csv", "damaged_json", "damage"):
        monkeypatch.setattr(fuzz_data, name, lambda content, _: content)
    monkeypatch.setattr(fuzz_data, "VALUES", ["x"])
    monkeypatch.setattr(
        fuzz_data,
        "damaged_picture",
        lambda samples, _: (
            ("grey.png", raster()["grey.png"])
            if "grey.png" in samples
            else ("a.npy", volumes()["a.npy"])
        ),
    )
    kinds = [kind for kind in KINDS if kind not in NEVER_WHOLE]
    wanted = [(kind, number) for kind in kinds for number in range(4)]
    found = list(run(wanted, SEED, tmp_path))
    accepted = {one.case.kind for one in found if one.what == "accepted"}
    refused = {one.case.kind: one.message for one in found if one.what == "refused"}
    assert accepted == set(kinds), {kind: refused.get(kind) for kind in set(kinds) - accepted}


def test_the_same_seed_damages_in_the_same_way(tmp_path):
    made = [
        fuzz_cases.make(kind, 5, 2, tmp_path / place)
        for place in ("a", "b")
        for kind in ("table", "COCO")
    ]
    contents = [(case.folder / case.name).read_bytes() for case in made]
    assert contents[:2] == contents[2:]
    assert contents[0] != (fuzz_cases.make("table", 6, 2, tmp_path).folder / "t.csv").read_bytes()


def test_collecting_damaged_specs_gives_one_error_each_and_no_traceback(pytester):
    for name, text in (("audits/counts.audit", SPEC), ("cards/lesions.data", LESIONS)):
        path = pytester.path / f"{name}.yaml"
        path.parent.mkdir()
        path.write_text(text)
    (pytester.path / "cards" / "steady.model.yaml").write_text(MODEL)
    pytester.makeini("[pytest]\naudit_cards = cards\n")
    spec, audits = SPEC, pytester.path / "audits"
    lines = spec.splitlines()
    damage = [
        "\n".join(lines[:-1]) + "\n  - {measure: sensitivity, above: [}",
        spec.replace("performance", "perf\u202eormance"),
        spec + "x: &a [*a]\n",
        spec.replace("above: 0.3", "above: .nan"),
        spec.replace("data: lesions", f"data: {'../' * 400}etc/passwd.yaml"),
    ]
    for number, text in enumerate(damage):
        (audits / f"damaged{number}.audit.yaml").write_text(text)
    result = pytester.runpytest("--collect-only", "--model", "steady", "audits")
    result.assert_outcomes(errors=len(damage))
    shown = "\n".join(result.outlines)
    assert "Traceback" not in shown
    assert "auditkit/spec" not in shown
    for number in range(len(damage)):
        result.stdout.re_match_lines([rf".*damaged{number}\.audit\.yaml:\d+: .*"])
