"""Tables of ratings: read strictly, with the line of what is wrong; gaps are no mistake."""

import numpy as np
import pytest

from auditkit.data.ratings import read_ratings
from auditkit.errors import AuditError
from auditkit.spec.ratings_card import RatingsCard, Scale

GOOD = "image,rater,method,rating\na,ann,gradcam,3\na,bob,gradcam,10\nb,ann,gradcam,\n"


def card(folder, text, **changes):
    (folder / "r.csv").write_text(text)
    given = {
        "ratings": "r",
        "task": "t",
        "data": "d",
        "model": "m",
        "file": "r.csv",
        "scale": {"low": 0, "high": 10, "step": 1},
        **changes,
    }
    return RatingsCard.model_validate(given).model_copy(update={"path": folder / "r.ratings.yaml"})


def test_ratings_are_read_with_their_gaps(tmp_path):
    first, second, gap = read_ratings(card(tmp_path, GOOD))
    assert (first.image, first.rater, first.method, first.value) == ("a", "ann", "gradcam", 3.0)
    assert second.value == 10
    assert np.isnan(gap.value)
    assert gap.where.endswith("r.csv:4")


def test_columns_may_have_other_names(tmp_path):
    text = GOOD.replace("image,rater", "case,doctor")
    columns = {"image": "case", "rater": "doctor"}
    assert len(read_ratings(card(tmp_path, text, columns=columns))) == 3
    with pytest.raises(AuditError, match="no column 'image'"):
        read_ratings(card(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("gradcam,10", "gradcam,11", r"r\.csv:3: rating 11 is not on the scale of 'r', 0 to 10"),
        ("gradcam,10", "gradcam,-1", r"r\.csv:3: rating -1 is not on the scale"),
        ("gradcam,10", "gradcam,2.5", r"r\.csv:3: rating 2\.5 is not .* in steps of 1"),
        ("gradcam,10", "gradcam,nan", r"r\.csv:3: rating 'nan' is not a number"),
        ("gradcam,10", "gradcam,1_0", r"r\.csv:3: rating '1_0' is not a number"),
        ("gradcam,10", "gradcam,1e999", r"r\.csv:3: rating 1e999 is not on the scale"),
        ("gradcam,10", "gradcam,good", r"r\.csv:3: rating 'good' is not a number"),
        ("a,bob", "a,ann", r"r\.csv:3: ann rated .* gradcam for image 'a' twice .* line 2"),
        ("a,bob", ",bob", r"r\.csv:3: image, rater and method were expected"),
        ("a,bob,gradcam,10", "a,bob,10", r"r\.csv:3: has another number of cells"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, old, new, message):
    with pytest.raises(AuditError, match=message):
        read_ratings(card(tmp_path, GOOD.replace(old, new)))


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AuditError, match=r"other\.csv cannot be read"):
        read_ratings(card(tmp_path, GOOD, file="other.csv"))


def test_a_scale_holds_its_steps_and_nothing_between():
    scale = Scale.model_validate({"low": 0, "high": 1, "step": 0.1})
    assert all(scale.holds(tenths / 10) for tenths in range(11))
    assert not any(scale.holds(value) for value in (0.05, -0.1, 1.1))
    assert Scale.model_validate({"low": 0, "high": 1}).holds(0.333)
    for wrong in ({"low": 1, "high": 1}, {"low": 0, "high": 1, "step": 0.3}):
        with pytest.raises(ValueError, match=r"expected|do not reach"):
            Scale.model_validate(wrong)


def test_columns_are_four(tmp_path):
    with pytest.raises(ValueError, match="four different columns"):
        card(tmp_path, GOOD, columns={"image": "rater"})
