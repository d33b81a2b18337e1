import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.metrics import score_bands, shared_interest_cases
from auditkit.metrics.cases import RIGHT, WRONG

CUTS = {"low": 0.2, "high": 0.65, "aligned": 0.5}
SHARES = st.floats(0, 1)


def test_cut_offs_belong_to_their_bands():
    found = score_bands([0.0, 0.2, 0.2 + 1e-12, 0.65 - 1e-12, 0.65, 1.0], 0.2, 0.65)
    assert found.tolist() == ["low", "low", "undecided", "undecided", "high", "high"]
    assert score_bands([], 0.2, 0.65).tolist() == []


def test_cut_offs_in_the_wrong_order_and_scores_that_are_no_numbers_are_refused():
    with pytest.raises(AuditError, match="lower one first"):
        score_bands([0.5], 0.6, 0.6)
    with pytest.raises(AuditError, match="not finite"):
        score_bands([np.nan], 0.2, 0.65)


@pytest.mark.parametrize(
    ("explained", "covered", "iou", "right", "wrong"),
    [
        (0.9, 0.6, 0.55, "human aligned", "confuser"),
        (0.9, 0.2, 0.19, "sufficient subset", "insufficient subset"),
        (0.4, 0.9, 0.38, "context dependant", "context confusion"),
        (0.1, 1.0, 0.10, "context dependant", "context confusion"),
        (0.0, 0.0, 0.00, "sufficient context", "distractor"),
        (0.1, 0.3, 0.08, "sufficient context", "distractor"),
        (0.4, 0.4, 0.25, "undecided", "undecided"),
    ],
)
def test_each_case_is_recognised_and_precedence_decides(explained, covered, iou, right, wrong):
    found = shared_interest_cases([True, False], [explained] * 2, [covered] * 2, [iou] * 2, **CUTS)
    assert found.tolist() == [right, wrong]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), SHARES, SHARES, SHARES), min_size=1, max_size=20))
def test_every_image_is_in_exactly_one_case_of_its_own_kind(images):
    right, *scores = (np.array(column) for column in zip(*images, strict=True))
    found = shared_interest_cases(right, *scores, **CUTS)
    counts = [np.count_nonzero(found == name) for name in (*RIGHT, *WRONG, "undecided")]
    assert sum(counts) == len(images)
    assert not np.isin(found[right], WRONG).any()
    assert not np.isin(found[~right], RIGHT).any()
    flipped = shared_interest_cases(~right, *scores, **CUTS)
    paired = dict(zip((*RIGHT, *WRONG), (*WRONG, *RIGHT), strict=True))
    assert [paired.get(name, name) for name in found.tolist()] == flipped.tolist()
