"""Independent permutation: a generator that changes two concepts together is caught."""

import numpy as np
import pytest

from auditkit.checks.concepts.independent import independent_permutation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.independent_permutation import IndependentPermutation

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


def test_a_concept_that_is_not_drawn_does_not_drop():
    found = independent_permutation(
        planted(draws=lambda values: np.where(np.arange(len(NAMES)) == RED, 1, values)), PARAMETERS
    )
    assert found["smallest_diagonal"].estimate.high < 0.3


def test_the_matrix_is_in_units_of_a_hundredth(found):
    (figure,) = found.figures
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
