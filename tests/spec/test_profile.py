"""Profiles: what they say, what they change of specs, and what they get wrong."""

import re
from pathlib import Path

import pytest

from auditkit.errors import AuditError
from auditkit.spec.applying import apply, unchanged
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import find_specs, load_audit
from auditkit.spec.problems import SpecError
from auditkit.spec.profile import find_profile, read_profile
from auditkit.spec.profile_check import check_profile

DATA = "data: lesions\ntask: melanoma\nformat: synthetic-dermoscopy\nwith: {n: 24, seed: 5, size: 64}\n"
WAIVER = "{approver: R. Roe, reason: known, expires: '2999-01-31'}"
SPEC = f"""\
audit: counts
check: performance
data: lesions
with: {{images: 20, by: [skin_tone]}}
expect:
  - {{measure: sensitivity, above: 0.3, min_n: 5, waiver: {WAIVER}}}
  - {{measure: sensitivity, above: 0.6, severity: advisory, on_inconclusive: xfail}}
  - {{measure: roc_auc, at: {{skin_tone: light}}, above: 0.5}}
  - {{measure: roc_auc, above: 0.5}}
"""
LIGHT = """\
audit: light
check: colour-shift
data: lesions
with: {radius: 5, angles: 4, directions: [pink]}
expect:
  - {measure: pink.mean_change, between: [-0.3, 0.3]}
"""


@pytest.fixture
def world(tmp_path):
    (tmp_path / "lesions.data.yaml").write_text(DATA)
    (tmp_path / "audits").mkdir()
    (tmp_path / "audits" / "counts.audit.yaml").write_text(SPEC)
    (tmp_path / "audits" / "light.audit.yaml").write_text(LIGHT)
    return tmp_path


def profile_in(world, text):
    path = world / "audits" / "p.profile.yaml"
    path.write_text(f"profile: p\nwhy: made up\n{text}")
    return read_profile(path)


def counts(world):
    return load_audit(world / "audits" / "counts.audit.yaml", catalogue([world]))


def light(world):
    return load_audit(world / "audits" / "light.audit.yaml", catalogue([world]))


def check(world, text):
    specs = [p for p in find_specs([world]) if p.name.endswith(".audit.yaml")]
    check_profile(profile_in(world, text), specs, catalogue([world]))


def test_without_a_profile_an_audit_is_as_its_spec_has_it(world):
    audit = counts(world)
    plan = unchanged(audit)
    assert plan.audit is audit
    assert plan.expectation(0, "any") == (audit.spec.expect[0], False)


def test_parameters_are_merged_in_order_and_typed_again(world):
    text = "with:\n- {checks: [performance], set: {images: 12}}\n- {audits: [counts], set: {images: 14}}\n"
    plan = apply(profile_in(world, text), counts(world))
    assert plan.audit.parameters.images == 14
    assert plan.audit.parameters.by == counts(world).parameters.by
    assert plan.audit.spec.parameters == {"images": 14, "by": ["skin_tone"]}
    assert plan.changes == ("counts: images is 14 in place of 20",)
    assert apply(profile_in(world, text), light(world)) == unchanged(light(world))


def test_a_condition_takes_the_place_of_the_old_one(world):
    text = "expect: [{audit: counts, measure: roc_auc, below: 0.9, min_n: 7, why: w}]"
    plan = apply(profile_in(world, text), counts(world))
    new = plan.audit.spec.expect[3]
    assert (new.above, new.below, new.min_n, new.why) == (None, 0.9, 7, "w")
    assert plan.audit.spec.expect[2] == counts(world).spec.expect[2]
    assert plan.changes == (
        "counts: roc_auc: below 0.9 in place of above 0.5; at least 7 independent units in place of 1 (w)",
    )


def test_a_place_is_found_also_without_naming_a_dimension_of_one_value(world):
    plan = apply(
        profile_in(
            world, "expect: [{audit: light, measure: pink.mean_change, severity: advisory, why: w}]"
        ),
        light(world),
    )
    assert plan.audit.spec.expect[0].severity == "advisory"
    assert plan.keys == tuple(one.key for one in light(world).spec.expect)


def test_the_key_tells_expectations_of_one_measure_apart(world):
    text = "expect: [{audit: counts, measure: sensitivity, %s severity: blocking, why: w}]"
    with pytest.raises(
        SpecError,
        match=r"several times there: add 'at' or 'key'; known keys: sensitivity, sensitivity.advisory",
    ):
        apply(profile_in(world, text % ""), counts(world))
    plan = apply(profile_in(world, text % "key: sensitivity.advisory,"), counts(world))
    now = plan.audit.spec.expect[1]
    # What a release rests on is not excused for being inconclusive.
    assert (now.severity, now.on_inconclusive) == ("blocking", "fail")
    assert plan.keys[1] == "sensitivity.advisory"


def test_a_change_of_the_whole_audit(world):
    plan = apply(
        profile_in(
            world, "expect: [{audit: counts, severity: advisory, on_inconclusive: skip, why: w}]"
        ),
        counts(world),
    )
    assert {one.severity for one in plan.audit.spec.expect} == {"advisory"}
    assert {one.on_inconclusive for one in plan.audit.spec.expect} == {"skip"}


def test_a_waiver_ends_with_its_condition_and_stays_with_another_severity(world):
    where = "audit: counts, measure: sensitivity, key: sensitivity"
    changed = apply(profile_in(world, f"expect: [{{{where}, above: 0.2, why: w}}]"), counts(world))
    assert changed.audit.spec.expect[0].waiver is None
    assert "the spec's waiver was for above 0.3 and does not hold" in changed.changes[0]
    lighter = apply(
        profile_in(world, f"expect: [{{{where}, severity: advisory, why: w}}]"), counts(world)
    )
    assert lighter.audit.spec.expect[0].waiver.approver == "R. Roe"


def test_a_waiver_of_one_model_comes_before_one_of_all(world):
    text = """\
waivers:
  - {audit: counts, measure: roc_auc, approver: all, reason: r, expires: '2999-01-01'}
  - {audit: counts, measure: roc_auc, model: m, approver: one, reason: r, expires: '2999-01-01'}
"""
    plan = apply(profile_in(world, text), counts(world))
    found = {model: plan.expectation(3, model) for model in ("m", "other")}
    assert {model: (e.waiver.approver, own) for model, (e, own) in found.items()} == {
        "m": ("one", True),
        "other": ("all", True),
    }
    assert plan.expectation(0, "m")[1] is False
    with pytest.raises(
        SpecError, match=r"p\.profile\.yaml:5: waivers: 'roc_auc' of 'counts' is waived twice"
    ):
        apply(profile_in(world, text.replace("model: m, ", "")), counts(world))


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("skip: [{audits: [counts], why: slow}]", {"counts": "slow", "light": ""}),
        ("skip: [{checks: [colour-shift], why: slow}]", {"counts": "", "light": "slow"}),
        ("only: [counts]", {"counts": "", "light": "not among the profile's 'only': made up"}),
    ],
)
def test_what_is_left_out_has_a_reason(world, text, left_out):
    profile = profile_in(world, text)
    plans = {audit.id: apply(profile, audit) for audit in (counts(world), light(world))}
    assert {name: plan.left_out for name, plan in plans.items()} == left_out
    gone = next(name for name, why in left_out.items() if why)
    assert plans[gone].changes == (f"{gone}: left out: {left_out[gone]}",)


def auc(text):
    return f"expect: [{{audit: counts, measure: roc_auc, {text}}}]"


def waived(text):
    return f"waivers: [{{audit: counts, measure: roc_auc, approver: a, reason: r, {text}}}]"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("with: [{set: {images: 1}}]", 3, "either checks or audits is expected"),
        ("with: [{audits: [counts], set: {}}]", 3, "with.0.set"),
        ("with: [{audits: [counts], set: {images: many}}]", 3, "with.0.set.images"),
        (
            "with:\n- audits: [counts]\n  set:\n    imagess: 3",
            6,
            "unknown key 'with.0.set.imagess'; did you mean 'images'?",
        ),
        (
            "with: [{audits: [light], set: {directions: [teal]}}]",
            3,
            "parameters: 'pink.mean_change' is not measured",
        ),
        ("with: [{audits: [light], set: {radius: [5, 10]}}]", 3, "say which radius is meant"),
        (auc("why: w"), 3, "changes nothing"),
        (auc("above: 0.4"), 3, "key 'expect.0.why' is missing"),
        ("expect: [{audit: counts, above: 0.4, why: w}]", 3, "measure is missing"),
        (auc("above: 1.5, why: w"), 3, "can never hold"),
        (auc("above: 0.1, below: 0.2, why: w"), 3, "exactly one of"),
        (auc("min_n: 0, why: w"), 3, "greater than or equal to 1"),
        (auc("on_inconclusive: skip, why: w"), 3, "only if severity is advisory"),
        (
            auc("above: 0.4, why: w").replace("auc,", "auk,"),
            3,
            "expects nothing of 'roc_auk'; did you mean 'roc_auc'?",
        ),
        (auc("at: {skin_tone: green}, above: 0.4, why: w"), 3, "is not expected there"),
        (
            "expect: [{audit: count, measure: roc_auc, above: 0.4, why: w}]",
            3,
            "unknown audit 'count'; did you mean 'counts'?",
        ),
        ("skip: [{checks: [depict], why: w}]", 3, "no spec here has the check 'depict'"),
        (
            "skip: [{checks: [deepict], why: w}]",
            3,
            "unknown check 'deepict'; did you mean 'depict'?",
        ),
        ("skip: [{audits: [counts]}]", 3, "key 'skip.0.why' is missing"),
        ("only: [nothing]", 3, "unknown audit 'nothing'"),
        ("only: [counts]\nskip: [{audits: [light], why: w}]", 1, "only and skip: give one of them"),
        ("release: true\nonly: [counts]", 1, "a release is not judged by a part"),
        (waived("model: nobody, expires: '2999-01-01'"), 3, "unknown model 'nobody'"),
        (waived("expires: soon"), 3, "YYYY-MM-DD"),
        (
            waived("expires: '2999-01-01'").replace("measure: roc_auc, ", ""),
            3,
            "key 'waivers.0.measure' is missing",
        ),
        ("thresholds: 3", 3, "unknown key 'thresholds'"),
    ],
)
def test_mistakes_are_named_with_file_and_line(world, text, line, message):
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        check(world, text)
    assert f"p.profile.yaml:{line}: " in str(caught.value)


def test_every_mistake_is_told_at_once(world):
    with pytest.raises(SpecError) as caught:
        check(world, "only: [count, ligth]")
    assert len(caught.value.problems) == 2


def test_a_broken_spec_is_left_to_its_own_collection(world):
    (world / "audits" / "broken.audit.yaml").write_text("audit: broken\ncheck: performance\n")
    check(world, "skip: [{audits: [broken], why: w}]")


def test_a_files_name_is_the_profiles(world):
    path = world / "audits" / "other.profile.yaml"
    path.write_text("profile: p\nwhy: w\n")
    with pytest.raises(
        SpecError, match=r"other\.profile\.yaml:1: profile: 'p' has to be in p\.profile\.yaml"
    ):
        read_profile(path)


def written(path, name="quick"):
    path.mkdir(parents=True, exist_ok=True)
    file = path / f"{name}.profile.yaml"
    file.write_text(f"profile: {name}\nwhy: w\n")
    return file


def test_a_name_is_looked_for_beside_the_specs_then_above_then_in_audits(tmp_path):
    specs = tmp_path / "work" / "derm"
    specs.mkdir(parents=True)
    spec = specs / "a.audit.yaml"
    spec.touch()
    fallback = written(tmp_path / "audits")
    assert find_profile("quick", [spec], tmp_path).path == fallback
    above = written(tmp_path)
    assert find_profile("quick", [spec], tmp_path).path == above
    beside = written(specs)
    assert find_profile("quick", [spec], tmp_path).path == beside
    assert find_profile(str(fallback), [spec], tmp_path).path == fallback
    written(tmp_path / "other")
    with pytest.raises(AuditError, match="several profiles 'quick'"):
        find_profile("quick", [specs, tmp_path / "other"], tmp_path)
    with pytest.raises(AuditError, match="unknown profile 'quik'; did you mean 'quick'"):
        find_profile("quik", [specs], tmp_path)
    with pytest.raises(SpecError, match="cannot be read"):
        find_profile("no/such.profile.yaml", [specs], tmp_path)


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["quick", "nightly", "release"])
def test_the_shipped_profiles_suit_the_shipped_specs(name):
    profile = find_profile(name, [ROOT / "audits"], ROOT)
    specs = [p for p in find_specs([ROOT / "audits"]) if p.name.endswith(".audit.yaml")]
    check_profile(profile, specs, catalogue([ROOT / "fixtures"]))
    assert profile.spec.release == (name == "release")
