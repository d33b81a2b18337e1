"""Synthetic knees: three views with grids of their own, a line in the meniscus as often as told."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from auditkit.data import load_data
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

VIEWS = {"sagittal": (12, 32, 32), "coronal": (10, 32, 32), "axial": (14, 32, 32)}


def knees(n=8, seed=3, size=32, dimensions=3, **alignment):
    drawn = {"dimensions": dimensions, "alignment": alignment}
    settings = {"n": n, "seed": seed, "size": size, "glioma": drawn}
    card = {"data": "k", "task": "knee", "format": "synthetic-knee", "with": settings}
    return load_data(DataCard.model_validate(card))


def agreement(data, view):
    cases = [data.case(index) for index in range(len(data.records))]
    return np.array([case.shown[view] == case.label for case in cases])


@pytest.mark.parametrize(("view", "share"), [("sagittal", 1), ("coronal", 0.7), ("axial", 0.5)])
def test_views_agree_with_the_label_as_often_as_told(view, share):
    # Four standard errors at 1000 cases.
    assert agreement(knees(n=1000), view).mean() == pytest.approx(share, abs=0.06)


def test_each_view_has_a_grid_of_its_own():
    data = knees(n=2)
    assert {name: volume.shape for name, volume in data.volume(0).items()} == VIEWS
    assert {name: region.shape for name, region in data.regions(0).items()} == VIEWS
    assert knees(n=1, size=16).volume(0)["sagittal"].shape == (6, 16, 16)


@pytest.mark.parametrize("view", list(VIEWS))
def test_arms_differ_in_the_view_alone(view):
    aligned, opposite = knees(**{view: 1}), knees(**{view: 0})
    for index in range(8):
        one, other = aligned.volume(index), opposite.volume(index)
        assert [name for name in VIEWS if not np.array_equal(one[name], other[name])] == [view]
        regions = aligned.regions(index)[view]
        assert np.array_equal(regions, opposite.regions(index)[view])
        # The line lies in the meniscus, but for a voxel at its blurred rim.
        rows = [np.flatnonzero(regions.any(axis)) for axis in ((1, 2), (0, 2), (0, 1))]
        wider = tuple(slice(max(0, int(r[0]) - 1), int(r[-1]) + 2) for r in rows)
        changed = one[view] != other[view]
        assert changed.sum() == changed[wider].sum() > 0


def test_the_region_is_a_box_with_the_meniscus_in_it():
    data = knees(n=10)
    for index in range(10):
        for name, region in data.regions(index).items():
            sides = [region.any(axis).sum() for axis in ((1, 2), (0, 2), (0, 1))]
            assert region.sum() == np.prod(sides)
            values = data.volume(index)[name]
            outside = (values != 0) & ~region
            assert values[region].mean() > values[outside].mean() + 15
            assert 0.01 < region.sum() / (values != 0).sum() < 0.25


def test_background_is_exactly_zero_and_tissue_is_not():
    for volume in knees(n=1).volume(0).values():
        assert volume.dtype == np.float32
        assert volume[:, 0, 0].max() == 0
        assert volume[volume != 0].min() >= 1


def test_lines_of_intact_and_torn_menisci_overlap():
    data = knees(n=1000)
    depths = [float(record.features["depth"]) for record in data.records]
    assert 0.95 < roc_auc_score([record.label for record in data.records], depths) < 0.999


def test_records_tell_patient_and_agreement():
    data = knees(n=20)
    assert len({record.patient for record in data.records}) == 20
    for record, told in zip(data.records, agreement(data, "coronal"), strict=True):
        assert record.groups == {"coronal_agrees": str(int(told))}


def test_same_bits_in_any_order():
    first, second = knees(n=10), knees(n=12)
    backwards = [second.volume(index) for index in reversed(range(10))][::-1]
    for index, other in enumerate(backwards):
        assert all(np.array_equal(first.volume(index)[name], other[name]) for name in VIEWS)
    assert [r.digest for r in first.records] == [r.digest for r in second.records[:10]]


def test_digests_tell_cases_seeds_and_sizes_apart():
    digests = [r.digest for data in (knees(), knees(seed=4), knees(size=16)) for r in data.records]
    assert len(set(digests)) == len(digests)


def test_knees_in_two_dimensions_are_refused():
    with pytest.raises(AuditError, match="knees have 3"):
        knees(dimensions=2)


def test_a_cue_where_there_is_none_is_refused():
    with pytest.raises(AuditError, match="'coronel' has no cue; did you mean 'coronal'"):
        knees(coronel=0.5)
