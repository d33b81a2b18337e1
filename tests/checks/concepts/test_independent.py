"""Independent permutation: a generator that changes two concepts together is caught."""

import numpy as np
import pytest

from auditkit.checks.concepts.independent import independent_permutation
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.independent_permutation import IndependentPermutation
from auditkit.verdict import Verdict, judge

from .drawn_evidence import Drawing, Painter, model_card
from .planted_models import NAMES, VALUES, N, planted

PARAMETERS = IndependentPermutation(
    generator="g", concepts=["red", "green"], classifier="see", judged=["hair"]
)
RED, HAIR = NAMES.index("red"), NAMES.index("hair")


def with_hair(values):
    """A generator that flips the hair wherever red is not what the data say."""
    drawn = values.copy()
    drawn[..., HAIR] = np.where(values[..., RED] == VALUES[..., RED], values[..., HAIR], LOST)
    return drawn


LOST = np.random.default_rng(5).integers(0, 2, N)


@pytest.fixture(scope="module")
def found():
    return independent_permutation(planted(), PARAMETERS)


def test_a_faithful_generator_changes_the_diagonal_only(found):
    declared = SHIPPED["independent-permutation"].measures(PARAMETERS)
    assert {m.name for m in found.measurements} == set(declared)
    assert found["smallest_diagonal"].estimate.low > 0.3
    off = found["largest_off_diagonal"].estimate
    assert 0 <= off.value < 0.01
    assert found.notes == []


def test_every_pair_is_measured_where_its_names_say(found):
    places = {tuple(m.at.values()) for m in found.measurements if m.name == "change"}
    assert places == {(p, j) for p in ("red", "green") for j in ("red", "green", "hair")}
    same = found.find("change", {"permuted": "red", "judged": "red"}).estimate.value
    other = found.find("change", {"permuted": "red", "judged": "green"}).estimate.value
    assert same > 0.4
    assert abs(other) < 0.02


def test_concepts_that_change_together_are_caught():
    found = independent_permutation(planted(draws=with_hair), PARAMETERS)
    moved = found.find("change", {"permuted": "red", "judged": "hair"}).estimate
    assert moved.low > 0.1
    assert found["largest_off_diagonal"].estimate.value == moved.value
    assert found["largest_off_diagonal"].estimate.low > 0.05
    (note,) = found.notes
    assert note.startswith("When red is permuted, the AUROC of hair (not permuted) changes")
    assert "Proceed with caution" in note


def hair_with_red(values):
    """A generator that draws hair with everything red."""
    drawn = values.copy()
    drawn[..., HAIR] = np.maximum(values[..., HAIR], values[..., RED])
    return drawn


def test_what_always_comes_along_leaves_the_auroc_and_is_seen_by_its_effect():
    found = independent_permutation(planted(draws=hair_with_red), PARAMETERS)
    assert found["largest_off_diagonal"].estimate.low < 0.05
    assert found["largest_effect"].estimate.low > 0.2
    sound = independent_permutation(planted(), PARAMETERS)
    assert sound["largest_effect"].estimate.high < 0.05


def test_a_fault_can_be_claimed_of_many_concepts():
    """Six concepts have 30 changes off the diagonal; the correction for them must leave a limit."""
    names = [f"c{k}" for k in range(6)]
    rng = np.random.default_rng(2)
    values, own = rng.integers(0, 2, (N, 6)), rng.integers(0, 2, N)
    noise = rng.standard_normal((3, N, 6))

    def draws(asked):
        drawn = asked.copy()
        drawn[..., 5] = np.where(asked[..., 0] == values[..., 0], asked[..., 5], own)
        return drawn

    world = Painter(names, values, values[:, 0], draws=draws)
    classifier = Drawing(
        world,
        lambda content, repeat: 1 / (1 + np.exp(2 - 4 * content - noise[repeat, : len(content)])),
        model_card(names, score=None),
    )
    target = Drawing(world, lambda content, _: content[..., :2] * 1.0, peers={"see": classifier})
    found = independent_permutation(
        target, IndependentPermutation(generator="g", concepts=names, classifier="see")
    )
    below = Expectation(measure="largest_off_diagonal", below=0.03)
    assert found["largest_off_diagonal"].estimate.value > 0.2
    assert judge(below, found["largest_off_diagonal"]).verdict is Verdict.FAIL
    again = found.find("change", {"permuted": "c0", "judged": "c5"}).estimate
    assert "12000 replicates" in again.method
    assert (
        "2000 replicates"
        in found.find("change", {"permuted": "c0", "judged": "c1"}).estimate.method
    )


def test_a_concept_that_the_classifier_does_not_find_proves_nothing_by_staying():
    blind = planted(draws=lambda values: np.where(np.arange(len(NAMES)) == HAIR, 1, values))
    found = independent_permutation(blind, PARAMETERS)
    (note,) = found.notes
    assert note.startswith("The classifier hardly finds hair in generated images")


def test_a_concept_that_is_not_drawn_does_not_drop():
    found = independent_permutation(
        planted(draws=lambda values: np.where(np.arange(len(NAMES)) == RED, 1, values)), PARAMETERS
    )
    assert found["smallest_diagonal"].estimate.high < 0.3


def test_the_matrix_is_in_units_of_a_hundredth(found):
    figure, effects = found.figures
    assert (effects.name, effects.reach) == ("effects", 100.0)
    assert figure.kind == "matrix"
    assert list(figure.labels) == ["red", "green"]
    assert [line.name for line in figure.series] == ["red", "green", "hair"]
    change = found.find("change", {"permuted": "green", "judged": "red"}).estimate
    assert figure.series[0].y[1] == pytest.approx(100 * change.value)
    assert (figure.series[0].low[1], figure.reach) == (pytest.approx(100 * change.low), 50.0)


def test_every_concept_of_a_block_is_on_the_diagonal():
    together = IndependentPermutation(
        generator="g", concepts=[["red", "green"]], classifier="see", judged=["hair"]
    )
    found = independent_permutation(planted(), together)
    assert found["smallest_diagonal"].estimate.low > 0.3
    assert found["largest_off_diagonal"].estimate.value < 0.01
    assert found.find("change", {"permuted": "red + green", "judged": "green"})


def test_one_concept_alone_has_no_off_diagonal():
    alone = IndependentPermutation(generator="g", concepts=["red"], classifier="see")
    assert set(SHIPPED["independent-permutation"].measures(alone)) == {
        "change",
        "effect",
        "smallest_diagonal",
    }
    assert independent_permutation(planted(), alone).find("largest_off_diagonal", {}) is None


def test_images_that_cannot_be_evaluated_are_counted_by_reason():
    found = independent_permutation(planted(broken=[3], unknown=[(9, "hair")]), PARAMETERS)
    hair = found.find("change", {"permuted": "red", "judged": "hair"})
    assert hair.not_evaluable == {"not finite": 1, "the value of 'hair' is unknown": 1}
    assert hair.estimate.n == N - 2
    off = found["largest_off_diagonal"]
    assert sum(off.not_evaluable.values()) == 2
    # A change may turn by as much up as down, its size only over half that range.
    assert off.affected == pytest.approx(2 * hair.affected)


def test_a_concept_of_one_value_makes_the_extremes_not_evaluable():
    evidence = planted()
    evidence.painter.values = VALUES.copy()
    evidence.painter.values[:, RED] = 1
    found = independent_permutation(evidence, PARAMETERS)
    assert found["smallest_diagonal"].estimate is None
    assert "permuted red" in found["smallest_diagonal"].reason
    assert found.figures[0].series[0].y == []
