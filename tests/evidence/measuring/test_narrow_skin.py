"""Skin that lies in a few rows carries no surface: there is no lesion, and no error."""

import numpy as np
import pytest

from auditkit.evidence.measuring import measure
from auditkit.metrics import NotEvaluable


@pytest.mark.parametrize(("side", "rows"), [(128, 8), (64, 4), (32, 2)])
def test_a_close_up_has_no_lesion_of_its_own(side, rows):
    mask = np.ones((side, side), bool)
    mask[-rows:] = False
    picture = np.random.default_rng(0).integers(100, 200, (side, side, 3), np.uint8)
    found = measure([picture] * 3, mask, 0.06)
    assert isinstance(found[0]["lesion.area"], NotEvaluable)
