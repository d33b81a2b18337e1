"""The simulated rater: what it measures is what it says it measures, and it looks at pixels alone."""

import numpy as np
import pytest

from auditkit.spec.ratings_card import Scale
from auditkit.study.answers import Decision
from auditkit.study.folder import Layout
from auditkit.study.simulated.conspicuous import (
    brightness,
    concentration,
    conspicuous,
    raggedness,
)
from auditkit.study.simulated.rating import RAGGED, SimulatedRater

SIDE = 24
LAYOUT = Layout(rows=2, columns=SIDE)


def ball(radius=7.5):
    where = np.indices((SIDE,) * 3) - (SIDE - 1) / 2
    return (where**2).sum(axis=0) < radius**2


def sheet(volumes):
    """(2, slices, h, w) in [0, 255] as a picture of tiles."""
    grey = np.stack(volumes).transpose(0, 2, 1, 3).reshape(2 * SIDE, SIDE * SIDE)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def case(finding):
    """Tissue of 80 with a bright finding in one modality and a dark one in the other."""
    return sheet([np.where(finding, 200, 80), np.where(finding, 10, 80)])


def test_a_ball_has_raggedness_one_and_spikes_have_more():
    assert raggedness(np.stack([ball()])) == pytest.approx(1, abs=0.06)
    spiked = ball(5)
    spiked[:, 11:13, 11:13] = spiked[11:13, :, 11:13] = spiked[11:13, 11:13, :] = True
    assert raggedness(np.stack([spiked])) > RAGGED
    disc = np.stack([ball()[SIDE // 2 : SIDE // 2 + 1]])
    assert raggedness(disc) == pytest.approx(1, abs=0.06)
    assert raggedness(np.zeros((1, 4, 4, 4), bool)) == 0


def test_bright_and_dark_findings_are_found_where_they_are():
    small = ball(4)
    found = conspicuous(case(small), LAYOUT)
    assert (found[0] == small).all()
    assert (found[1] == small).all()
    assert not conspicuous(sheet([np.zeros((SIDE,) * 3)] * 2), LAYOUT).any()


def test_concentration_by_hand():
    region = np.array([True, False, False, False])
    assert concentration(np.array([1.0, 0, 0, 0]), region) == 1
    assert concentration(np.ones(4), region) == 0
    assert concentration(np.array([1.0, 1, 0, 0]), region) == pytest.approx((0.5 - 0.25) / 0.75)
    assert concentration(np.array([0.0, 1, 1, 1]), region) == 0
    assert concentration(np.zeros(4), region) == 0


def test_tiles_come_back_as_volumes():
    volume = np.arange(2 * SIDE**3).reshape(2, SIDE, SIDE, SIDE) % 251
    assert (brightness(sheet(volume), LAYOUT) * 255).round().astype(int).tolist() == volume.tolist()


def rater(name="s"):
    return SimulatedRater(name, ("round", "ragged"), Scale(low=0, high=10, step=1), LAYOUT)


def test_heatmaps_on_the_finding_are_rated_better_and_convince():
    small = ball(4)
    image, before = case(small), Decision(decision="round", confidence=50)
    on = sheet([np.where(small, 255, 0)] * 2)
    off = sheet([np.where(small, 0, 255)] * 2)
    good, bad = [], []
    for number in range(30):
        one = rater(f"s{number}")
        good.append(one.after(image, on, before, "ragged"))
        bad.append(one.after(image, off, before, "ragged"))
    ratings = [[one.rating for one in side if one.rating is not None] for side in (good, bad)]
    assert np.mean(ratings[0]) > 9
    assert np.mean(ratings[1]) < 2
    assert sum(one.after.decision == "ragged" for one in good) > 25
    assert sum(one.after.decision == "ragged" for one in bad) < 8
    assert {one.rating for one in good + bad} <= {None, *map(float, range(11))}


def test_the_same_pictures_give_the_same_answers_and_another_name_others():
    image = case(ball(4))
    assert rater().before(image) == rater().before(image)
    assert len({rater(f"s{n}").before(image).confidence for n in range(8)}) > 1


def test_round_findings_are_called_round():
    decisions = [rater(f"s{n}").before(case(ball(7))).decision for n in range(40)]
    assert decisions.count("round") > 30
