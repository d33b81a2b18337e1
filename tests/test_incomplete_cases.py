"""Cases that lack a modality are no records, and are stated with the data."""

from volume_world import DATA, Cubes, cubes_card

from auditkit.provenance import data_result


def test_they_are_counted_by_what_they_lack(tmp_path):
    data = Cubes(n=3, incomplete=["has no flair", "has no t1c", "has no flair"])
    found = data_result(DATA, data, cubes_card(tmp_path))
    assert found.images == 3
    assert found.incomplete == {"has no flair": 2, "has no t1c": 1}


def test_pictures_have_none(tmp_path):
    data = Cubes(n=3)
    del data.incomplete
    assert data_result(DATA, data, cubes_card(tmp_path)).incomplete == {}
