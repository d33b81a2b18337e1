"""The check `plausibility` finds what was planted, and says of every case why it cannot be evaluated."""

import numpy as np
import pytest
from pydantic import ValidationError
from volume_world import cubes_evidence

from auditkit.checks.compare_methods import compare_methods
from auditkit.checks.plausibility import plausibility
from auditkit.errors import AuditError
from auditkit.evidence.plausibility import NO_ANNOTATION
from auditkit.metrics import relevance_mass
from auditkit.metrics.plausibility import EMPTY_ANNOTATION, widened_as_published
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.compare_methods import CompareMethods
from auditkit.spec.declarations.plausibility import Plausibility
from auditkit.spec.removing import Ablation
from auditkit.verdict import worst_case

from .planted import Planted
from .planted_volumes import Volumes, cube, heat_with

N = 24
RNG = np.random.default_rng(0)
LABELS = np.arange(N) % 2
SCORE = np.where(LABELS, 0.9, 0.1)
T1C_ONLY = {"t1c": 1.0, "flair": 0.0}
# With t1c always right, with flair right in three of four, with nothing in half of the cases.
ALL_0 = np.zeros(N, int)
FLAIR = np.where(np.arange(N) % 4 == 3, ALL_0, LABELS)
SUBSETS = np.stack([ALL_0, LABELS, FLAIR, LABELS], axis=1)


def asked(methods=("gradient",), **given):
    return Plausibility(methods=list(methods), gallery=0, **given)


def volumes(folder, portions, **given):
    maps = {label: [heat_with(each) for each in all_] for label, all_ in portions.items()}
    return Volumes(folder, maps, LABELS, SCORE, **{"subsets": SUBSETS} | given)


def found(evidence, parameters):
    findings = plausibility(evidence, parameters)
    measures = SHIPPED["plausibility"].measures(parameters)
    assert [m.name for m in findings.measurements] == list(measures)
    for m in findings.measurements:
        if m.estimate is not None:
            low, high = measures[m.name].bounds
            assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m
    return findings


def values(findings):
    return {m.name: m.estimate and m.estimate.value for m in findings.measurements}


def test_oracle_on_t1c_has_msfi_one_and_on_flair_zero(tmp_path):
    evidence = volumes(tmp_path, {"gradient": [(1.0, None)] * N, "occlusion": [(None, 1.0)] * N})
    measured = values(found(evidence, asked(["gradient", "occlusion"], weights=T1C_ONLY)))
    assert measured["gradient.msfi"] == 1.0
    assert measured["occlusion.msfi"] == 0.0
    assert measured["gradient.fp"] == measured["occlusion.fp"] == 1.0


def test_oracle_with_estimated_importance_has_the_weight_of_its_modality(tmp_path):
    evidence = volumes(tmp_path, {"gradient": [(1.0, None)] * N, "occlusion": [(None, 1.0)] * N})
    findings = found(evidence, asked(["gradient", "occlusion"]))
    # v: none .5, t1c 1, flair .75, both 1; phi = (.5 + .25) / 2 and (.25 + 0) / 2.
    measured = values(findings)
    assert measured["gradient.msfi"] == pytest.approx(0.75)
    assert measured["occlusion.msfi"] == pytest.approx(0.25)
    table = next(t for t in findings.tables if t.name == "weights")
    assert table.rows == [["t1c", "0.375", "0.750"], ["flair", "0.125", "0.250"]]
    assert "zero before standardisation" in table.caption
    estimate = findings["gradient.msfi"].estimate
    assert estimate.high - estimate.low > 0.1  # phi of 24 patients is not known better


def test_importance_by_auroc_is_that_of_the_score(tmp_path):
    evidence = volumes(tmp_path, {"gradient": [(1.0, None)] * N})
    # AUROC as decisions are scores: none .5, t1c 1, flair .75, both 1.
    measured = values(found(evidence, asked(performance="auc")))
    assert measured["gradient.msfi"] == pytest.approx(0.75)


def test_means_are_those_of_the_portions_and_controls_are_paired(tmp_path):
    own, other = RNG.beta(2, 2, (N, 2)), RNG.beta(2, 5, (N, 2))
    maps = {"gradient": own, "gaussian-map": other}
    parameters = asked(controls=["gaussian-map"], weights={"t1c": 0.3, "flair": 0.1})
    findings = found(volumes(tmp_path, maps), parameters)
    measured = values(findings)
    assert measured["gradient.msfi"] == pytest.approx((own @ [0.75, 0.25]).mean(), abs=1e-6)
    assert measured["gradient.fp"] == pytest.approx(own.mean(), abs=1e-6)  # equal sums of heat
    apart = (own - other) @ [0.75, 0.25]
    over = findings["gradient.msfi_over[gaussian-map]"].estimate
    assert over.value == pytest.approx(apart.mean(), abs=1e-6)
    half = 2.0687 * apart.std(ddof=1) / np.sqrt(N)
    assert over.high - over.value == pytest.approx(half, rel=1e-3)


def test_every_case_that_cannot_be_evaluated_is_counted_with_its_reason(tmp_path):
    portions = [(0.5, 0.5)] * N
    maps = [heat_with(each) for each in portions]
    maps[0][:] = 0
    maps[1] *= -1
    maps[2][0, 0, 0, 0] = np.nan
    masks = [cube() for _ in range(N)]
    masks[3], masks[4] = None, np.zeros_like(cube())
    evidence = Volumes(
        tmp_path, {"gradient": maps}, LABELS, SCORE, masks=masks, incomplete=("no flair",) * 2
    )
    for part in found(evidence, asked(weights=T1C_ONLY)).measurements:
        assert part.not_evaluable == {
            "no flair": 2,
            "all-zero heatmap": 1,
            "heatmap without positive values": 1,
            "heatmap with NaN or infinite values": 1,
            NO_ANNOTATION: 1,
            EMPTY_ANNOTATION: 1,
        }
        assert (part.planned, part.estimate.n) == (N + 2, N - 5)
        assert worst_case(part)[0] < part.estimate.low


def test_modality_without_heat_counts_as_zero_and_is_told(tmp_path):
    portions = [(0.8, None)] * 6 + [(0.8, 0.4)] * (N - 6)
    findings = found(
        volumes(tmp_path, {"gradient": portions}), asked(weights={"t1c": 1, "flair": 1})
    )
    assert findings["gradient.msfi"].estimate.value == pytest.approx(0.4 + 0.2 * 18 / 24)
    table = next(t for t in findings.tables if t.name == "by_modality")
    assert table.rows == [["gradient", "0.800", "0.300", "flair 6"]]


def test_compat_loses_cases_with_a_silent_modality_and_says_so(tmp_path):
    portions = [(0.8, None)] * 6 + [(0.8, 0.4)] * (N - 6)
    parameters = asked(weights={"t1c": 1, "flair": 0.5}, compat="knee-2022")
    findings = found(volumes(tmp_path, {"gradient": portions}), parameters)
    (reason,) = findings["gradient.msfi"].not_evaluable
    assert "published code" in reason
    assert findings["gradient.msfi"].estimate.n == N - 6
    assert findings["gradient.msfi"].estimate.value == pytest.approx(2 / 3 * 0.8 + 1 / 3 * 0.4)
    assert findings["gradient.fp"].estimate.n == N


def test_compat_glioma_widens_the_annotation_of_msfi_and_not_of_fp(tmp_path):
    evidence = volumes(tmp_path, {"gradient": [(0.3, 0.3)] * N})
    parameters = asked(weights={"t1c": 0.5, "flair": 0.1}, compat="glioma-2022")
    findings = found(evidence, parameters)
    heat, wide = heat_with((0.3, 0.3))[0], widened_as_published(cube())[0]
    assert findings["gradient.msfi"].estimate.value == pytest.approx(heat[wide].sum(), rel=1e-5)
    assert findings["gradient.fp"].estimate.value == pytest.approx(0.3, rel=1e-5)


def test_dilation_is_explicit(tmp_path):
    evidence = volumes(tmp_path, {"gradient": [(0.3, 0.3)] * N})
    plain, wide = (
        values(found(evidence, asked(weights=T1C_ONLY, dilate=pixels))) for pixels in (0, 1)
    )
    assert plain["gradient.fp"] == pytest.approx(0.3, rel=1e-5)
    assert wide["gradient.fp"] == wide["gradient.msfi"] > 0.35
    with pytest.raises(ValidationError, match="published code has its own"):
        asked(dilate=1, compat="glioma-2022")


def test_importance_that_leaves_nothing_is_a_reason_and_fp_is_still_there(tmp_path):
    nothing = np.stack([ALL_0] * 4, axis=1)
    evidence = volumes(tmp_path, {"gradient": [(0.3, 0.3)] * N}, subsets=nothing)
    findings = found(evidence, Plausibility(methods=["gradient"], gallery=2))
    assert findings["gradient.msfi"].estimate is None
    assert "no modality has an importance above 0" in findings["gradient.msfi"].reason
    assert findings["gradient.fp"].estimate.value == pytest.approx(0.3, rel=1e-5)
    assert findings.examples == []


@pytest.mark.parametrize(
    ("weights", "message"),
    [({"t1": 1.0, "flair": 0.0}, "no modality 't1'"), ({"t1c": 1.0}, "none for flair")],
)
def test_weights_of_other_modalities_are_refused(tmp_path, weights, message):
    with pytest.raises(AuditError, match=message):
        plausibility(volumes(tmp_path, {"gradient": [(0.3, 0.3)] * N}), asked(weights=weights))


def test_data_without_annotations_are_refused(tmp_path):
    evidence = volumes(tmp_path, {"gradient": [(0.3, 0.3)] * N}, masks=[None] * N)
    with pytest.raises(AuditError, match="no annotations"):
        plausibility(evidence, asked(weights=T1C_ONLY))


def test_method_that_does_not_fit_is_not_applicable_with_everything_that_rests_on_it(tmp_path):
    maps = {"gradient": [(0.3, 0.3)] * N, "gaussian-map": [(0.1, 0.1)] * N}
    evidence = volumes(tmp_path, maps, unfit={"gradient": "black box"})
    findings = found(evidence, asked(controls=["gaussian-map"], weights=T1C_ONLY))
    applicable = {m.name: m.applicable for m in findings.measurements}
    assert [name for name, there in applicable.items() if there] == [
        "gaussian-map.fp",
        "gaussian-map.msfi",
    ]


def test_gallery_shows_the_most_and_the_least_plausible_cases(tmp_path):
    portions = np.stack([np.linspace(0.1, 0.9, N)] * 2, axis=1)
    evidence = volumes(tmp_path, {"gradient": portions})
    parameters = Plausibility(methods=["gradient"], weights=T1C_ONLY, gallery=3)
    examples = plausibility(evidence, parameters).examples
    assert [example.image_id for example in examples] == [f"i{N - 1}", f"i{N - 2}", "i0"]
    assert examples[0].title == "gradient: MSFI 0.90, FP 0.90, decided right"
    assert any("flair" in caption for caption, _ in examples[0].panels)


def test_real_model_of_volumes_is_measured_and_remembered(tmp_path):
    evidence = cubes_evidence(tmp_path, n=12)
    parameters = Plausibility(
        methods=["occlusion"],
        controls=["edge-map"],
        ablation=Ablation(operator="mean"),
        postprocess={"signs": "absolute"},
    )
    findings = found(evidence, parameters)
    assert findings["occlusion.msfi"].estimate.value > 0.9
    over = findings["occlusion.msfi_over[edge-map]"].estimate
    assert over.low > 0
    again = plausibility(evidence, parameters)
    assert [m.estimate for m in again.measurements] == [m.estimate for m in findings.measurements]


class Pictures(Planted):
    """Planted pictures with what volumes have."""

    modalities = ("image",)
    space = (16, 16)
    incomplete = ()

    @property
    def data(self):
        given = super().data
        given.records = self.records
        return given

    def region(self, index):
        return None if self.masks[index] is None else self.masks[index][None]

    def gather(self, _name, parameters, worker, stage=None, digests=None):
        return worker(self, None, None, parameters)(range(self.n))


def test_picture_has_msfi_equal_to_fp_and_to_relevance_mass():
    masks = [RNG.random((16, 16)) < 0.3 for _ in range(N)]
    maps = {"gradient": RNG.normal(size=(N, 8, 8)).astype(np.float32)}
    evidence = Pictures(LABELS, SCORE, maps=maps, masks=masks)
    findings = found(evidence, Plausibility(methods=["gradient"], gallery=2))
    expected = np.mean(
        [
            relevance_mass(m.repeat(2, 0).repeat(2, 1), mask)
            for m, mask in zip(maps["gradient"], masks, strict=True)
        ]
    )
    fp, msfi = findings["gradient.fp"].estimate, findings["gradient.msfi"].estimate
    assert fp.value == pytest.approx(expected)
    assert (fp.value, fp.low, fp.high) == (msfi.value, msfi.low, msfi.high)
    assert [len(example.panels) for example in findings.examples] == [3, 3]


def test_methods_are_compared_on_msfi_and_fp_of_volumes(tmp_path):
    own, other = np.full((N, 2), 0.6), np.full((N, 2), 0.4)
    own[:, 0] += RNG.uniform(0, 0.3, N)
    evidence = volumes(tmp_path, {"gradient": own, "occlusion": other})
    for metric, given in (("msfi", {"weights": {"t1c": 1.0, "flair": 0.0}}), ("fp", {})):
        parameters = CompareMethods(methods=["gradient", "occlusion"], metric=metric, **given)
        findings = compare_methods(evidence, parameters)
        scores = own[:, 0] if metric == "msfi" else own.mean(axis=1)
        apart = findings["gradient.minus.occlusion"].estimate.value
        assert apart == pytest.approx(scores.mean() - 0.4, abs=1e-6)
        assert findings["gradient.mean_rank"].estimate.value == 1.0
        assert "heat below 0 does not count" in findings.tables[0].caption


@pytest.mark.parametrize(
    ("metric", "given", "idle"),
    [
        ("fp", {"weights": {"t1c": 1.0}}, "weights"),
        ("msfi", {"top": 0.2}, "top"),
        ("iou", {"dilate": 2}, "dilate"),
        ("aupc", {"ablation": "mean"}, "ablation"),
    ],
)
def test_parameters_of_other_metrics_are_refused(metric, given, idle):
    with pytest.raises(ValidationError, match=f"{idle}: of no effect on the metric {metric}"):
        CompareMethods(methods=["gradient", "occlusion"], metric=metric, **given)


def test_cases_that_lack_a_modality_may_move_the_weights_of_all_others(tmp_path):
    """Brute force: two cases more, with any answers to the subsets and any portions of heat."""
    own, other = RNG.beta(2, 2, (N, 2)), RNG.beta(2, 5, (N, 2))
    maps = {"gradient": own, "gaussian-map": other}
    evidence = volumes(tmp_path, maps, incomplete=("no flair",) * 2)
    findings = found(evidence, asked(controls=["gaussian-map"]))
    right = (LABELS[:, None] == SUBSETS).astype(float)
    reached = {"gradient.msfi": [], "gradient.msfi_over[gaussian-map]": []}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        # None, t1c, flair, both: as subsets are numbered.
        values = np.concatenate([right, rng.integers(0, 2, (2, 4))]).mean(axis=0)
        phi = np.array([values[1] - values[0] + values[3] - values[2]] * 2) / 2
        phi[1] = values[3] - values[0] - phi[0]
        weights = np.maximum(phi, 0) / np.maximum(phi, 0).sum()
        mine, theirs = (np.concatenate([p, rng.integers(0, 2, (2, 2))]) for p in (own, other))
        reached["gradient.msfi"].append((mine @ weights).mean())
        reached["gradient.msfi_over[gaussian-map]"].append(((mine - theirs) @ weights).mean())
    for name, values in reached.items():
        one = findings[name]
        low, high = worst_case(one)
        assert low - one.estimate.low <= min(values) - one.estimate.value < 0
        assert high - one.estimate.high >= max(values) - one.estimate.value > 0
        assert 2 / (N + 2) < one.affected < 0.2


def test_given_weights_and_fp_are_moved_by_nobody(tmp_path):
    evidence = volumes(tmp_path, {"gradient": [(0.3, 0.6)] * N}, incomplete=("no flair",))
    assert all(m.affected is None for m in found(evidence, asked(weights=T1C_ONLY)).measurements)
    findings = found(evidence, asked())
    assert findings["gradient.fp"].affected is None
    assert findings["gradient.msfi"].affected > 1 / (N + 1)
