"""Planted rankings are found, and nothing where nothing was planted."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import scipy.stats
from pydantic import ValidationError
from statsmodels.stats.multitest import multipletests

from auditkit.checks.compare_methods import compare_methods
from auditkit.checks.compare_methods.blocks import Images
from auditkit.checks.compare_methods.tables import p_value
from auditkit.errors import AuditError
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.compare_methods import CompareMethods
from auditkit.stats import signed_ranks
from auditkit.verdict import worst_case

from .planted import NO_ORDER, Planted

METHODS = ["gradcam", "occlusion", "gradient"]
STEPS = 10


@dataclass
class Compared(Planted):
    """Evidence whose heatmaps are as good as planted."""

    others: dict = field(default_factory=dict)

    def sibling(self, name):
        return self.others[name]


def masks(n):
    mask = np.zeros((16, 16), bool)
    mask[4:12, 4:12] = True
    return [mask.copy() for _ in range(n)]


def hot(share, rng):
    """A heatmap with 16 hot pixels, that share of them on the annotation."""
    heat = np.zeros((16, 16), np.float32)
    inside = round(16 * share)
    rows, columns = np.divmod(np.arange(64), 8)
    for place in range(inside):
        heat[4 + rows[place], 4 + columns[place]] = 1 + rng.random()
    for place in range(16 - inside):
        heat[0, place] = 1 + rng.random()
    return heat


def evidence(n=40, shares=(0.9, 0.6, 0.3), spread=0.1, seed=0, labels=METHODS, **changes):
    """Explanation coverage is the planted share plus noise."""
    rng = np.random.default_rng(seed)
    maps = {
        label: np.stack([hot(np.clip(share + spread * rng.normal(), 0, 1), rng) for _ in range(n)])
        for label, share in zip(labels, shares, strict=True)
    }
    return Compared(np.ones(n, int), np.full(n, 0.9), maps=maps, masks=masks(n), **changes)


def asked(**given):
    given = {"methods": METHODS, "metric": "explanation-coverage"} | given
    regions = {} if given["metric"].endswith("aupc") else {"top": 16 / 256}
    return CompareMethods(**regions | given)


def patient_means(found, parameters):
    images = Images.of(found, parameters.methods, parameters)
    return images.blocks(larger_is_better=parameters.larger_is_better)


def declared(parameters, findings):
    measures = SHIPPED["compare-methods"].measures(parameters)
    assert {m.name for m in findings.measurements} == set(measures)
    for m in findings.measurements:
        assert set(m.at) <= set(measures[m.name].at)
        if m.estimate is not None:
            low, high = measures[m.name].bounds
            assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m


def test_planted_ranking_is_found():
    parameters = asked()
    findings = compare_methods(evidence(), parameters)
    declared(parameters, findings)
    value = {m.name: m.estimate.value for m in findings.measurements}
    assert value["gradcam.mean_rank"] < 1.2
    assert value["gradient.mean_rank"] > 2.8
    assert value["gradcam.over.occlusion"] > 0.9
    assert value["gradcam.minus.gradient"] == pytest.approx(0.6, abs=0.08)
    assert findings["concordance"].estimate.low > 0.7
    assert findings["gradcam.over.gradient"].estimate.low > 0.5
    assert [row[0] for row in findings.tables[0].rows] == METHODS


def test_tables_hold_the_tests_of_scipy_over_patients():
    found, parameters = evidence(spread=0.4, images_per_patient=2), asked()
    findings = compare_methods(found, parameters)
    values = patient_means(found, parameters).values
    assert values.shape == (20, 3)
    _, test, pairs = findings.tables
    oracle = scipy.stats.friedmanchisquare(*values.T)
    assert test.rows[1][:2] == ["Friedman χ²(2)", f"{oracle.statistic:.2f}"]
    places = {name: place for place, name in enumerate(METHODS)}
    p = []
    for row in pairs.rows:
        first, second = (values[:, places[name]] for name in row[0].split(", "))
        p.append(signed_ranks(first - second).p_value)
        assert row[3] == p_value(p[-1])
    assert [row[4] for row in pairs.rows] == [
        p_value(one) for one in multipletests(p, method="holm")[1]
    ]


def test_blocks_are_patients_and_images_are_counted():
    findings = compare_methods(evidence(images_per_patient=4), asked())
    estimate = findings["gradcam.mean_rank"].estimate
    assert (estimate.n, estimate.clusters) == (40, 10)


def test_methods_that_do_not_differ_are_not_told_apart():
    findings = compare_methods(evidence(shares=(0.5, 0.5, 0.5), spread=0.3), asked())
    superior = findings["gradcam.over.gradient"].estimate
    assert superior.low < 0.5 < superior.high
    assert all(float(row[4].strip("<")) > 0.05 for row in findings.tables[2].rows)


def test_image_that_one_method_cannot_explain_leaves_the_comparison_for_all():
    found = evidence()
    found.maps["occlusion"][:3] = 0
    found.masks[7] = None
    findings = compare_methods(found, asked())
    for measurement in findings.measurements:
        assert measurement.not_evaluable == {"occlusion: all-zero heatmap": 3, "no annotation": 1}
        assert (measurement.planned, measurement.estimate.n) == (40, 36)


def test_equal_heatmaps_are_not_evaluable_but_equal_in_every_pair():
    found = evidence()
    found.maps = dict.fromkeys(METHODS, found.maps["gradcam"])
    findings = compare_methods(found, asked(metric="relevance-mass"))
    assert "tied" in findings["concordance"].reason
    assert findings["gradcam.over.gradient"].estimate.value == 0.5
    assert findings["gradcam.mean_rank"].estimate.value == 2
    assert {row[3] for row in findings.tables[2].rows} == {"1.00"}


def test_one_patient_is_not_evaluable_with_its_reason():
    findings = compare_methods(evidence(n=3, images_per_patient=3), asked())
    for measurement in findings.measurements:
        assert measurement.estimate is None
        assert "1 patients" in measurement.reason
    assert findings.figures[0].series == []


def test_method_that_cannot_be_asked_is_not_applicable_and_the_others_are_compared():
    parameters = asked()
    findings = compare_methods(evidence(unfit={"gradient": "no gradients"}), parameters)
    declared(parameters, findings)
    by_name = {m.name: m for m in findings.measurements}
    assert not by_name["gradient.mean_rank"].applicable
    assert not by_name["gradcam.over.gradient"].applicable
    assert by_name["gradcam.mean_rank"].estimate.value < 1.5
    assert findings.figures[0].labels == ["gradcam", "occlusion"]
    assert any("among the methods that can be asked" in note for note in findings.notes)


def test_one_method_left_makes_everything_not_applicable():
    parameters = asked(by="site", against=["other"])
    found = evidence(
        unfit={"gradient": "no gradients", "gradcam": "no layer"},
        groups={"site": np.array(["a", "b"] * 20)},
    )
    findings = compare_methods(found, parameters)
    declared(parameters, findings)
    assert all(not m.applicable for m in findings.measurements)
    assert findings.find("gradcam.mean_rank", {"site": "b"}).reason == "no layer"
    assert not findings.find("rank_agreement.data", {"against": "other"}).applicable


def test_group_with_another_ranking_is_seen():
    usual, turned = evidence(n=40), evidence(n=20, shares=(0.3, 0.6, 0.9), seed=1)
    both = replace(
        usual,
        labels=np.ones(60, int),
        score=np.full(60, 0.9),
        masks=masks(60),
        maps={k: np.concatenate([usual.maps[k], turned.maps[k]]) for k in METHODS},
        groups={"site": np.array(["a"] * 20 + ["b"] * 20 + ["turned"] * 20)},
    )
    parameters = asked(by="site")
    findings = compare_methods(both, parameters)
    declared(parameters, findings)
    agreed = findings.find("rank_agreement.group", {"site": "turned"})
    assert agreed.estimate.value == -1
    assert agreed.estimate.high < 0
    assert agreed.planned == 60
    assert findings.find("gradcam.mean_rank", {"site": "turned"}).estimate.value > 2.5
    assert findings.find("gradcam.mean_rank", {"site": "a"}).planned == 20
    assert findings.tables[-1].columns == ["method", "a", "b", "turned"]


def test_small_group_has_no_estimate():
    site = np.array(["a"] * 35 + ["rare"] * 5)
    findings = compare_methods(evidence(groups={"site": site}), asked(by="site"))
    rare = findings.find("concordance", {"site": "rare"})
    assert rare.estimate is None
    assert "5 patients" in rare.reason
    assert "at least 10" in rare.reason


@pytest.mark.parametrize(("shares", "tau"), [((0.9, 0.6, 0.3), 1), ((0.3, 0.6, 0.9), -1)])
def test_ranking_is_held_against_that_of_other_data(shares, tau):
    found = evidence(others={"clinic": evidence(shares=shares, seed=5)})
    parameters = asked(against=["clinic"])
    findings = compare_methods(found, parameters)
    declared(parameters, findings)
    agreed = findings["rank_agreement.data"]
    assert agreed.at == {"against": "clinic"}
    assert (agreed.estimate.value, agreed.estimate.low, agreed.estimate.high) == (tau, tau, tau)
    assert agreed.estimate.clusters == agreed.planned == 80


def removed(fall, n=12):
    """Right until that step, then wrong."""
    steps = np.arange(STEPS + 1)
    return (steps[None] < np.full((n, 1), fall)).astype(int)


@pytest.mark.parametrize("metric", ["aupc", "delta-aupc"])
def test_heatmap_that_hurts_soonest_is_best(metric):
    n = 12
    found = Compared(
        np.ones(n, int),
        np.full(n, 0.9),
        maps={label: np.ones((n, 4, 4), np.float32) for label in METHODS},
        decisions={"gradcam": removed(2), "occlusion": removed(5), "gradient": removed(9)},
        random=np.stack([removed(6), removed(8)], axis=1),
    )
    found.decisions["gradient"][0] = -1
    parameters = asked(metric=metric)
    findings = compare_methods(found, parameters)
    declared(parameters, findings)
    value = {m.name: m.estimate.value for m in findings.measurements}
    assert value["gradcam.mean_rank"] == 1
    assert value["gradcam.over.gradient"] == 1
    # Right on steps 0 and 1 of 10: area 0.15; until step 4: 0.45; random: 0.65 on average.
    difference = 0.15 - 0.45 if metric == "aupc" else 0.45 - 0.15
    assert value["gradcam.minus.occlusion"] == pytest.approx(difference)
    means = {row[0]: row[2] for row in findings.tables[0].rows}
    assert means["gradcam"] == ("0.150" if metric == "aupc" else "0.500")
    assert findings["concordance"].not_evaluable == {f"gradient: {NO_ORDER}": 1}


def test_a_pass_survives_whatever_the_patients_are_like_whose_images_are_missing():
    # One patient has 31 of the 40 images: missing ones of nine others are few images, but most patients.
    many = np.array(["a"] * 31 + [f"p{i}" for i in range(9)])
    found = evidence(spread=0.0)
    found.maps["occlusion"][31:37] = 0
    found = type("Uneven", (Compared,), {"patients": many})(**vars(found))
    findings = compare_methods(found, asked())
    better = findings["gradcam.over.gradient"]
    assert (better.planned, sum(better.not_evaluable.values())) == (40, 6)
    assert better.affected == pytest.approx(0.6)
    assert worst_case(better)[0] == pytest.approx(max(0, better.estimate.low - 0.6))
    # Of 45 pairs of patients 6 have both known.
    assert findings["concordance"].affected == pytest.approx(1 - 6 / 45)
    assert findings["gradcam.minus.gradient"].affected == pytest.approx(0.6)


def test_agreement_holds_whatever_the_missing_images_are():
    found = evidence(others={"clinic": evidence(seed=5)})
    parameters = asked(against=["clinic"])
    assert compare_methods(found, parameters)["rank_agreement.data"].estimate.low == 1
    # Means differ by 0.3, 0.3 and 0.6. Three of 40 patients can move a difference by 0.15, eight by 0.4.
    for missing, low in ((3, 1.0), (8, -1 / 3)):
        found.maps["occlusion"][:missing] = 0
        agreed = compare_methods(found, parameters)["rank_agreement.data"]
        assert agreed.estimate.value == 1
        assert agreed.estimate.low == pytest.approx(low)
        assert worst_case(agreed) == (agreed.estimate.low, agreed.estimate.high)
        assert agreed.planned == 80


def test_groups_may_be_of_a_column_that_a_second_input_reads():
    found = evidence(features={"site": np.array(["a", "b"] * 20)})
    findings = compare_methods(found, asked(by="site"))
    assert findings.find("concordance", {"site": "b"}).estimate.clusters == 20
    rows = findings.tables[-1].rows
    assert rows[0] == ["patients (images)", "20 (20)", "20 (20)"]
    assert all("[" in cell for row in rows[1:] for cell in row[1:])


def test_data_without_annotations_are_refused():
    found = evidence()
    found.masks = []
    with pytest.raises(AuditError, match="neither masks nor boxes"):
        compare_methods(found, asked())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"methods": ["gradcam"]}, "at least two"),
        ({"against": ["a", "a"]}, "named twice"),
        ({"metric": "beauty"}, "explanation-coverage"),
        ({"fill": "black", "steps": 5}, "fill, steps: of no effect on the metric expl"),
        (
            {"metric": "aupc", "top": 0.2, "repeats": 2},
            "top, repeats: of no effect on the metric aupc",
        ),
    ],
)
def test_comparison_that_cannot_be_made_is_refused_in_the_spec(given, message):
    with pytest.raises(ValidationError, match=message):
        asked(**given)


def test_needs_follow_the_metric():
    needs = SHIPPED["compare-methods"].needs
    assert needs(asked(metric="aupc")) == {"labels"}
    assert needs(asked(metric="iou")) == {"annotations", "pictures"}


def test_incomplete_cases_are_counted_and_may_move_an_estimated_importance():
    values = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    lost = ["no flair"]
    images = Images(["a", "b"], values, np.array([""] * 3), np.array(["p", "q", "r"]), lost)
    blocks = images.blocks()
    assert (blocks.planned, list(blocks.skipped)) == (4, lost)
    assert blocks.affected == 1 / 4
    assert replace(images, unsettled=True).blocks().affected == 1
