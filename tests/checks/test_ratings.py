"""Ratings: agreement and correlation are those of the table; what cannot be used is counted."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats as scipy_stats
from volume_world import cubes_evidence

from auditkit.checks.plausible import importance_of, plausible
from auditkit.checks.rated import rated
from auditkit.checks.ratings import ratings
from auditkit.data.dataset import Incomplete
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence import Peers
from auditkit.metrics.rater_agreement import fleiss_kappa, krippendorff_alpha
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations.ratings import RATINGS, Ratings
from auditkit.spec.ratings_card import RatingsCard
from auditkit.verdict import Verdict, judge, worst_case

WEIGHTS = {"t1c": 1.0, "flair": 0.5}
METHODS = ["random-map", "gaussian-map"]


@dataclass
class World:
    """Eight cases with two maps each that know nothing of the model, and what FP and MSFI they have."""

    folder: object
    evidence: object
    parameters: Ratings

    def scores(self, score):
        importance = importance_of(self.evidence, self.parameters)
        methods = self.parameters.methods
        found = plausible(self.evidence, methods, self.parameters, importance)
        return {one.label: one.values(score) for one in found}

    def check(self, rows, **changes):
        text = "\n".join(["image,rater,method,rating", *(",".join(map(str, row)) for row in rows)])
        (self.folder / "r.csv").write_text(text + "\n")
        given = {
            "ratings": "r",
            "task": "t",
            "data": "cubes",
            "model": "bright",
            "file": "r.csv",
            "scale": {"low": 0, "high": 10},
            **changes,
        }
        card = RatingsCard.model_validate(given)
        card = card.model_copy(update={"path": self.folder / "r.ratings.yaml"})
        self.evidence.peers = Peers(ratings={"r": card})
        return ratings(self.evidence, self.parameters)


@pytest.fixture
def world(tmp_path):
    def world(evidence=None, **given):
        written = {"ratings": "r", "methods": METHODS, "weights": WEIGHTS, **given}
        parameters = Ratings.model_validate(written)
        return World(tmp_path, evidence or cubes_evidence(tmp_path), parameters)

    return world


def everybody(value, raters=("ann", "bob", "eve"), methods=METHODS, images=8):
    """A rating of every map by everybody."""
    return [
        (f"case{i}", rater, method, value(i, rater, method))
        for i in range(images)
        for method in methods
        for rater in raters
    ]


def noisy(seed=0):
    generator = np.random.default_rng(seed)
    return everybody(lambda i, _rater, _method: i + int(generator.integers(0, 3)))


def test_every_declared_measure_is_there(world):
    own = world()
    found = own.check(noisy())
    assert {m.name for m in found.measurements} == set(RATINGS.measures(own.parameters))
    assert all(m.estimate for m in found.measurements)


def test_agreement_is_that_of_the_table(world):
    rows = noisy()
    table = np.array([row[3] for row in rows], float).reshape(-1, 3).T
    for level in ("nominal", "ordinal", "interval"):
        found = world(level=level).check(rows)
        assert found["alpha"].estimate.value == pytest.approx(krippendorff_alpha(table, level))
        assert found["kappa"].estimate.value == pytest.approx(fleiss_kappa(table))
        assert (found["alpha"].estimate.n, found["alpha"].estimate.clusters) == (16, 8)
        assert found["alpha"].planned == 16
        assert not found["alpha"].not_evaluable


def test_correlations_are_of_mean_ratings_over_images_and_methods(world):
    own = world()
    rows = noisy(1)
    means = np.array([row[3] for row in rows], float).reshape(8, 2, 3).mean(axis=2)
    found = own.check(rows)
    for score in ("msfi", "fp"):
        values = np.stack([own.scores(score)[method] for method in METHODS], axis=1)
        expected = scipy_stats.pearsonr(means.ravel(), values.ravel())[0]
        estimate = found[f"{score}_correlation"].estimate
        assert estimate.value == pytest.approx(expected)
        assert (estimate.n, estimate.clusters) == (16, 8)
        assert estimate.low < estimate.value < estimate.high


def test_ratings_that_are_msfi_correlate_perfectly_and_agree(world):
    own = world()
    values = own.scores("msfi")
    found = own.check(everybody(lambda i, _rater, method: 10 * values[method][i]))
    assert found["msfi_correlation"].estimate.value == pytest.approx(1)
    assert found["fp_correlation"].estimate.value < 1
    assert found["alpha"].estimate.value == pytest.approx(1)
    assert found["alpha"].estimate.low < 1
    (figure,) = found.figures
    assert [line.name for line in figure.series] == METHODS
    assert figure.series[0].y == pytest.approx([10 * x for x in figure.series[0].x])


def test_ratings_upside_down_correlate_negatively(world):
    own = world()
    values = own.scores("msfi")
    found = own.check(everybody(lambda i, _rater, method: 10 - 10 * values[method][i]))
    assert found["msfi_correlation"].estimate.value == pytest.approx(-1)


def test_raters_who_disagree_systematically_have_a_negative_alpha(world):
    raters = ("ann", "bob")
    rows = everybody(lambda i, rater, _method: i if rater == "ann" else 7 - i, raters)
    found = world().check(rows)
    assert found["alpha"].estimate.value < -0.5
    assert found["kappa"].estimate.value < 0


def test_gaps_are_counted_by_reason(world):
    rows = noisy()
    rows[0] = (*rows[0][:3], "")  # two raters are left
    rows[3:5] = [(*row[:3], "") for row in rows[3:5]]  # one rater is left
    rows[6:9] = [(*row[:3], "") for row in rows[6:9]]  # nobody is left
    found = world().check(rows)
    assert found["alpha"].not_evaluable == {"rated by one person only": 1, "no rating": 1}
    assert found["alpha"].estimate.n == 14
    assert found["kappa"].not_evaluable == {"not rated by everybody": 2, "no rating": 1}
    assert found["kappa"].estimate.n == 13
    assert found["msfi_correlation"].not_evaluable == {"no rating": 1}
    assert found["msfi_correlation"].estimate.n == 15


def test_rows_that_are_left_out_are_gaps_as_well(world):
    rows = noisy()
    del rows[0]
    found = world().check(rows)
    assert found["kappa"].not_evaluable == {"not rated by everybody": 1}
    assert not found["alpha"].not_evaluable


def test_one_rater_alone_says_nothing_of_agreement(world):
    found = world().check(everybody(lambda i, _rater, _method: i, raters=["ann"]))
    for name in ("alpha", "kappa"):
        assert found[name].estimate is None
        assert found[name].reason == "one rater only"
    assert found["msfi_correlation"].estimate is not None


def test_equal_ratings_say_nothing(world):
    found = world().check(everybody(lambda *_: 5))
    assert found["alpha"].reason == found["kappa"].reason == "all ratings are equal"
    assert found["msfi_correlation"].reason == "all mean ratings are 5; they correlate with nothing"
    assert found.tables[0].rows[0][1] == "not evaluable"


def test_importance_that_leaves_nothing_to_count_has_no_msfi_but_fp(world):
    found = world(weights={"t1c": 0.0, "flair": -1.0}).check(noisy())
    assert "no modality has an importance above 0" in found["msfi_correlation"].reason
    assert found["fp_correlation"].estimate is not None
    assert found.figures[0].series == []


def test_only_the_methods_and_images_that_the_audit_names_are_used(world):
    rows = noisy()
    found = world(methods=["random-map"], images=6).check(rows)
    everything = world(methods=["random-map"]).check(
        [row for row in rows if row[2] == "random-map"]
    )
    assert everything["alpha"].estimate.n == 8
    # The evidence itself is of all images here; `images` limits it in a run.
    assert found["alpha"].estimate.value == everything["alpha"].estimate.value
    assert "Left out: 24 ratings of 'gaussian-map', which the audit does not name." in found.notes


def test_images_beyond_the_first_are_left_out(world):
    own = world()
    own.evidence.records = own.evidence.records[:6]
    found = own.check(noisy())
    assert found["alpha"].estimate.n == found["alpha"].planned == 12
    assert "Left out: 12 ratings of images beyond the first that the audit asks for." in found.notes


def test_an_unknown_image_is_named(world):
    rows = [*noisy(), ("case9", "ann", "random-map", 3)]
    with pytest.raises(
        AuditError, match=r"r\.csv:50: there is no image 'case9' in 'cubes'; did you"
    ):
        world().check(rows)


def test_a_rated_case_that_lacks_a_modality_is_counted(world, tmp_path):
    evidence = cubes_evidence(tmp_path, incomplete=[Incomplete("case9", "flair is missing", 0)])
    rows = [*noisy(), *[("case9", rater, "random-map", 3) for rater in ("ann", "bob", "eve")]]
    found = world(evidence).check(rows)
    for measurement in found.measurements:
        assert measurement.not_evaluable == {"the rated case lacks a modality": 1}
        assert measurement.planned == 17
        assert measurement.estimate.n == 16
    with pytest.raises(AuditError, match=r"r\.csv:53: there is no image 'case10'"):
        world(evidence).check([*rows, ("case10", "ann", "random-map", 3)])


def test_a_mistyped_image_is_no_case_that_lacks_a_modality(world, tmp_path):
    evidence = cubes_evidence(tmp_path, incomplete=[Incomplete("case9", "flair is missing", 0)])
    rows = noisy()
    rows[0] = ("caes0", *rows[0][1:])
    with pytest.raises(AuditError, match=r"r\.csv:2: there is no image 'caes0'.*mean 'case0'"):
        world(evidence).check(rows)


def test_an_incomplete_case_beyond_the_first_images_is_left_out(world, tmp_path):
    evidence = cubes_evidence(tmp_path, incomplete=[Incomplete("case9", "flair is missing", 7)])
    evidence.records = evidence.records[:6]
    found = world(evidence).check([*noisy(), ("case9", "ann", "random-map", 3)])
    assert found["alpha"].planned == 12
    assert "Left out: 13 ratings of images beyond the first that the audit asks for." in found.notes


def test_one_heatmap_of_41_that_is_missing_may_turn_any_agreement(world, tmp_path):
    own = world(cubes_evidence(tmp_path, n=41), methods=["random-map"])
    scores = own.scores("msfi")["random-map"][:40]
    noise = np.random.default_rng(0).normal(size=40)
    noise -= np.polyval(np.polyfit(scores, noise, 1), scores)  # which does not correlate at all
    mixed = 0.556 * scores / scores.std() + np.sqrt(1 - 0.556**2) * noise / noise.std()
    means = 5 + mixed - mixed.mean()
    # Nobody rated case40. Rated 0 with MSFI 1, it leaves next to nothing: 1 / 41 bounds no correlation.
    turned = scipy_stats.pearsonr(np.append(means, 0.0), np.append(scores, 1.0))[0]
    assert turned < 0
    found = own.check(
        everybody(
            lambda i, _rater, _method: means[i] if i < 40 else "",
            raters=["ann", "bob"],
            methods=["random-map"],
            images=41,
        )
    )
    one = found["msfi_correlation"]
    assert one.estimate.value == pytest.approx(0.556)
    assert (one.planned, one.not_evaluable) == (41, {"no rating": 1})
    assert one.estimate.low * 40 / 41 - 1 / 41 > 0.2  # which would have passed
    for measured in found.measurements:
        assert worst_case(measured) == (-1.0, 1.0)
        expectation = Expectation(measure=measured.name, above=-0.9)
        assert judge(expectation, measured).verdict is Verdict.INCONCLUSIVE


def test_nothing_is_missing_where_all_is_rated(world):
    for one in world().check(noisy()).measurements:
        assert (one.affected, one.not_evaluable) == (0.0, {})
        assert worst_case(one) == (one.estimate.low, one.estimate.high)


def test_cases_that_lack_a_modality_may_turn_estimated_importance(world, tmp_path):
    evidence = cubes_evidence(tmp_path, incomplete=["flair is missing"])
    found = world(evidence, weights=None).check(noisy())
    msfi, fp = found["msfi_correlation"], found["fp_correlation"]
    assert msfi.not_evaluable == {"importance of modalities: flair is missing": 1}
    assert (msfi.planned, msfi.affected) == (17, 1.0)
    assert (fp.planned, fp.affected, fp.not_evaluable) == (16, 0.0, {})
    given = world(evidence).check(noisy())["msfi_correlation"]
    assert (given.planned, given.affected) == (16, 0.0)


def test_a_method_that_nobody_rated_is_named(world):
    rows = everybody(lambda i, _rater, _method: i, methods=["gaussianmap"])
    with pytest.raises(AuditError, match="nobody rated heatmaps of 'gaussian-map'; did you mean"):
        world(methods=["gaussian-map"]).check(rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "others"}, "about data 'others', the audit about 'cubes'"),
        ({"model": "others"}, "about heatmaps of 'others', the audit about 'bright'"),
    ],
)
def test_ratings_of_something_else_are_not_run(world, changes, message):
    with pytest.raises(Unavailable, match=message):
        world().check(noisy(), **changes)


def test_a_method_that_does_not_fit_is_not_applicable_and_agreement_remains(world):
    own = world()
    reasons = {"random-map": "it does not fit"}
    fitness = own.evidence.fitness
    own.evidence.fitness = lambda method: type(
        "Fit", (), {"reason": reasons.get(method.label, fitness(method).reason), "notes": ()}
    )
    found = own.check(noisy())
    assert found["msfi_correlation"].not_evaluable == {"it does not fit": 8}
    assert found["alpha"].estimate.n == 16
    reasons["gaussian-map"] = "nor does it"
    found = own.check(noisy())
    assert not found["msfi_correlation"].applicable
    assert found["kappa"].estimate is not None


def test_notes_say_that_ratings_are_a_stand_in(world):
    found = world().check(noisy(), stand_in="drawn by chance.", description="Three colleagues.")
    assert found.notes[:2] == ["Not ratings by physicians: drawn by chance.", "Three colleagues."]


def test_the_order_of_rows_does_not_matter(world):
    rows = noisy()
    assert world().check(rows).measurements == world().check(rows[::-1]).measurements


def test_units_are_laid_out_by_image_and_method(world):
    own = world()
    own.check(noisy())
    table = rated(own.evidence, own.parameters, own.evidence.ratings("r"))
    assert table.raters == ("ann", "bob", "eve")
    assert table.images.tolist() == [i for i in range(8) for _ in METHODS]
    assert table.methods == tuple(METHODS * 8)


def test_labels_are_needed_only_where_importance_is_measured(world):
    assert RATINGS.needs(world().parameters) == {"annotations"}
    assert RATINGS.needs(world(weights=None).parameters) == {"annotations", "labels"}
