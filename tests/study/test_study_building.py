"""A study's folder: whole or not at all, faithful to its plan, and blind where it has to be."""

import hashlib
import itertools
import json
import shutil
import stat
from collections import Counter

import numpy as np
import pytest
import study_pairs_world as world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.spec.catalogue import catalogue
from auditkit.spec.study import read_plan
from auditkit.study.assigning import pairs, references
from auditkit.study.building import writing
from auditkit.study.building.building import build
from auditkit.study.building.pictures import size_of
from auditkit.study.building.prospects import per_patient, prospects
from auditkit.study.building.summary import summary, workload
from auditkit.study.folder import STUDY, pictures_digest
from auditkit.study.guidance import design_effect, guidance


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    world.pairs(folder, references=12, patient="p")
    built, blinded, key = world.built(folder, practice=3, references=6)
    return folder, built, blinded, key


def test_the_folder_has_these_files_and_no_other(made):
    folder, built, blinded, _ = made
    names = {path.name for path in built.folder.iterdir()}
    assert names == {"plan.yaml", "study.json", "key.json", "pictures"}
    pictures = {path.stem for path in (built.folder / "pictures").iterdir()}
    assert pictures == {name for item in blinded.items for name in item.pictures}
    assert not list(folder.glob(".half-*"))


def test_the_key_is_for_its_owner_alone(made):
    _, built, _, _ = made
    assert stat.S_IMODE((built.folder / "key.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(built.folder.stat().st_mode) == 0o700


def test_the_plan_is_copied_byte_for_byte(made):
    folder, built, _, key = made
    content = (folder / "tiny.study.yaml").read_bytes()
    assert (built.folder / "plan.yaml").read_bytes() == content
    assert key.plan_sha256 == hashlib.sha256(content).hexdigest()


def test_the_key_says_which_picture_is_the_malignant_one_and_of_which_model(made):
    folder, built, blinded, key = made
    keys = {one.item: one for one in key.items}
    assert keys.keys() == {item.item for item in blinded.items}
    for item in blinded.items:
        own = keys[item.item]
        shown = [world.pixels(built.folder, name) for name in item.pictures]
        assert int(np.argmax([one.std() for one in shown])) == own.malignant, "noise is malignant"
        model = 0 if shown[own.malignant][..., 0].min() > 230 else 1
        assert own.model == ("one", "two")[model]
        number = int(own.image.removeprefix("i"))
        assert own.patient == f"p{number // 2}"
        file = folder / own.model / f"benign-{number}{('.png', '.jpg')[model]}"
        original = np.asarray(world.Image.open(file).convert("RGB"))
        assert np.array_equal(shown[1 - own.malignant], original)


def test_a_reference_is_one_image_with_every_model_and_practice_has_images_of_its_own(made):
    _, built, blinded, key = made
    keys = {one.item: one for one in key.items}
    images = {}
    for item in blinded.items:
        images.setdefault(item.reference, []).append((keys[item.item], item.practice))
    study = [of for of in images.values() if not of[0][1]]
    practice = [of for of in images.values() if of[0][1]]
    assert all(len({one.image for one, _ in of}) == 1 for of in images.values())
    assert all(sorted(one.model for one, _ in of) == ["one", "two"] for of in study)
    assert len(study) == 9, "half as many again as the plan asks for"
    assert [len(of) for of in practice] == [1, 1, 1]
    assert len({of[0][0].image for of in images.values()}) == 12
    assert built.left_out == {}


def test_images_that_are_not_needed_are_counted(tmp_path):
    world.pairs(tmp_path, references=10)
    built, blinded, _ = world.built(tmp_path, practice=2, references=4)
    assert len({item.reference for item in blinded.items}) == 8
    assert built.left_out == {"not needed: the plan asks for fewer": 2}
    shutil.rmtree(built.folder)
    built, blinded, _ = world.built(tmp_path, practice=2, references=4, prescreen=False)
    assert len({item.reference for item in blinded.items if not item.practice}) == 4
    assert built.left_out == {"not needed: the plan asks for fewer": 4}


def test_all_pictures_have_one_length_one_time_and_no_telling_order(made):
    _, built, blinded, key = made
    files = [path.stat() for path in (built.folder / "pictures").iterdir()]
    assert {one.st_size for one in files} == {size_of(blinded.width, blinded.height)}
    assert len({one.st_mtime_ns for one in files}) == 1
    assert [item.item for item in blinded.items] == sorted(item.item for item in blinded.items)
    assert [one.item for one in key.items] == [item.item for item in blinded.items]


def test_pictures_of_several_sizes_get_one(tmp_path):
    world.pairs(tmp_path / "large", references=1, shape=(20, 40))
    world.pairs(tmp_path, references=1, shape=(24, 24))
    rows = [
        (model, f"{name or 'small'}", *(f"{name}{model}/{side}-0{suffix}" for side in world.SIDES))
        for name in ("", "large/")
        for model, suffix in (("one", ".png"), ("two", ".jpg"))
    ]
    world.write_rows(tmp_path, rows)
    _, blinded, _ = world.built(tmp_path)
    assert (blinded.width, blinded.height) == (40, 24)
    sizes = {path.stat().st_size for path in (tmp_path / "study" / "pictures").iterdir()}
    assert sizes == {size_of(40, 24)}


def canonical(blinded):
    """All of study.json but random names: items by reference and place, in any order."""
    told = json.loads(blinded.model_dump_json())
    # Digests of random names and seeds tell nothing either.
    assert told.pop("key_sha256") != told.pop("pictures_sha256")
    groups = {}
    for item in told.pop("items"):
        groups.setdefault(item["reference"], []).append(
            (item["practice"], len(item["pictures"]), tuple(item["told"].items()))
        )
    return told, sorted(Counter(map(tuple, groups.values())).items())


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    swap=st.sets(st.integers(0, 4)),
    models=st.permutations(["one", "two"]),
    image=st.sampled_from(["i", "melanoma-"]),
    patient=st.sampled_from(["", "p"]),
)
def test_labels_models_ids_and_patients_change_nothing_that_the_server_reads(
    tmp_path_factory, swap, models, image, patient
):
    """Two studies of the same seed that differ in these alone are equal up to random names."""
    told = []
    other = {"swap": swap, "patient": patient, "models": models, "image": image}
    for own in ({"models": ["one", "two"]}, other):
        folder = tmp_path_factory.mktemp("labels")
        world.pairs(folder, references=5, shape=(6, 6), **own)
        _, blinded, _ = world.built(folder, models=own["models"], practice=2, references=2)
        told.append(canonical(blinded))
    assert told[0] == told[1]


def test_nothing_that_the_server_reads_names_model_image_patient_or_side(tmp_path):
    words = ["veryone", "verytwo", "hospital7", "patient7"]
    own = {"models": words[:2], "image": words[2], "patient": words[3]}
    world.pairs(tmp_path, references=4, **own)
    built, _, _ = world.built(tmp_path, models=words[:2], practice=1)
    content = (built.folder / STUDY).read_bytes()
    content += b"".join(path.read_bytes() for path in (built.folder / "pictures").iterdir())
    content += "".join(path.name for path in (built.folder / "pictures").iterdir()).encode()
    for word in (*words, "benign", "malignant", world.SEED):
        assert word.encode() not in content.lower()


def test_sides_are_fair_coins_and_follow_from_the_seed(tmp_path):
    world.pairs(tmp_path, references=8, shape=(2, 2))
    plan = world.plan(tmp_path)

    def sides(number):
        folder = tmp_path / f"s{number}"
        build(plan, world.NOTHING, folder, seed=f"{number:032x}")
        return {(one.model, one.image): one.malignant for one in world.read_key(folder).items}

    assert sides(1) == (shutil.rmtree(tmp_path / "s1") or sides(1))
    found = np.array([list(sides(n).values()) for n in range(2, 34)])
    # 512 fair coins, and for each of 16 pairs 32: 4 standard deviations.
    assert abs(found.mean() - 0.5) < 4 * 0.5 / 512**0.5
    assert (abs(found.mean(axis=0) - 0.5) < 4 * 0.5 / 32**0.5).all()


def test_the_seed_is_new_for_each_study_unless_it_is_given(tmp_path):
    world.pairs(tmp_path, references=1, shape=(2, 2))
    seeds = set()
    for name in "ab":
        _, _, key = world.built(tmp_path, seed=None)
        seeds.add(key.seed)
        (tmp_path / "study").rename(tmp_path / name)
    assert len(seeds) == 2


def test_an_existing_folder_is_left_alone(tmp_path):
    world.pairs(tmp_path, references=1)
    plan = world.plan(tmp_path)
    for existing in ("folder", "file", "dangling"):
        path = tmp_path / existing
        {
            "folder": path.mkdir,
            "file": path.touch,
            "dangling": lambda path=path: path.symlink_to("nowhere"),
        }[existing]()
        with pytest.raises(AuditError, match="exists already"):
            build(plan, world.NOTHING, path)
    assert not list((tmp_path / "folder").iterdir())


def test_nothing_is_left_of_a_study_that_could_not_be_written(tmp_path, monkeypatch):
    world.pairs(tmp_path, references=2)
    before = sorted(tmp_path.iterdir())
    real, count = writing.encoded, itertools.count()

    def fails(pixels):
        if next(count) == 5:
            raise OSError(28, "No space left on device")
        return real(pixels)

    monkeypatch.setattr(writing, "encoded", fails)
    with pytest.raises(AuditError, match="No space left on device"):
        world.built(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "tiny.study.yaml"])


def test_a_damaged_picture_stops_the_build_and_leaves_nothing(tmp_path):
    world.pairs(tmp_path, references=2)
    (tmp_path / "two" / "malignant-1.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(AuditError, match=r"pairs\.csv:5.*malignant-1\.jpg"):
        world.built(tmp_path)
    assert not (tmp_path / "study").exists()
    assert not list(tmp_path.glob(".half-*"))


def test_a_plan_that_changes_meanwhile_is_refused(tmp_path):
    world.pairs(tmp_path, references=1)
    plan = world.plan(tmp_path)
    plan.path.write_text(plan.path.read_text() + "\n")
    with pytest.raises(AuditError, match="has changed while the study was built"):
        build(plan, world.NOTHING, tmp_path / "study")


def test_a_table_in_which_nothing_is_whole_says_why(tmp_path):
    world.pairs(tmp_path, references=2, models=("one",))
    with pytest.raises(AuditError, match=r"no image has a pair of every model \(2: two: no pair\)"):
        world.built(tmp_path)


def test_what_is_asked_of_experts_is_what_the_server_will_ask(made):
    _, built, blinded, _ = made
    load = workload(blinded)
    asked = pairs(blinded, "ben", references(blinded, ()))
    assert load.first == 12 == sum(one.showing == "first" for one in asked)
    assert load.repeats == 1 == sum(one.showing == "repeat" for one in asked)
    assert (load.references, load.items, load.practice) == (9, 18, 3)
    assert (load.pictures, load.screened) == (42, 36)
    assert load.hours == pytest.approx(16 * 1.5 / 60)
    text = summary(built)
    assert "every expert screens 36 pictures" in text
    assert "at most 12 pairs, 1 of them twice" in text


def test_the_summary_says_which_repeats_would_be_recognised(tmp_path):
    world.pairs(tmp_path, references=3, models=("one",))
    built, _, _ = world.built(tmp_path, models=["one"], repeats=0.5)
    assert (workload(built.study).repeats, workload(built.study).sets) == (0, 1)
    assert "at most 3 pairs, 0 of them twice" in summary(built)
    assert "2 of 2 planned repeats are not shown: in a stage of fewer than 4 pairs" in summary(
        built
    )


def test_prospects_are_of_the_references_and_patients_that_are_there(tmp_path):
    world.pairs(tmp_path, references=10, patient="p")
    built, _, _ = world.built(tmp_path, practice=1, references=100)
    planned = guidance(9, 2, 2, per_patient=17 / 9, repeats=2 / 18)
    lines = prospects(built).splitlines()
    assert lines[: len(planned[0].lines())] == planned[0].lines()
    assert "9 references, 1.89 of one patient, 2 experts" in lines[0]
    assert [line for line in planned[2].lines() if line not in lines] == []
    assert not any("unknown" in line or "Work" in line for line in lines)


def test_prospects_are_of_those_that_are_drawn_and_say_if_patients_are_unknown(tmp_path):
    world.pairs(tmp_path, references=6)
    built, _, _ = world.built(tmp_path, references=4)
    text = prospects(built)
    assert text.splitlines()[0].endswith("(4 references, 2 experts)")
    assert "the patients of 4 of 4 references are unknown" in text


@given(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=9))
def test_images_of_one_patient_inflate_the_variance_of_a_mean_as_told(owners):
    own = [name or str(place) for place, name in enumerate(owners)]
    covariance = np.array(
        [[1.0 if i == j else 0.3 * (a == b) for j, b in enumerate(own)] for i, a in enumerate(own)]
    )
    assert design_effect(1, 0.0, per_patient(owners)) == pytest.approx(covariance.sum() / len(own))


def test_the_summary_names_what_was_left_out(tmp_path):
    world.pairs(tmp_path, references=10)
    built, _, _ = world.built(tmp_path, practice=2, references=4)
    assert "left out: 2 (not needed: the plan asks for fewer)" in summary(built)


def test_cards_of_a_table_are_optional_but_held_to_the_plans_task(tmp_path):
    world.pairs(tmp_path, references=1, models=("scanoma",))
    plan = world.plan(tmp_path, models=["scanoma"], task="acne")
    with pytest.raises(AuditError, match="model 'scanoma' is about melanoma, the study about acne"):
        build(plan, catalogue([world.Path("fixtures")]), tmp_path / "study")


def test_what_cards_substitute_is_told_if_the_plan_does_not(tmp_path):
    world.pairs(tmp_path, references=1, models=("scanoma",))
    plan = world.plan(tmp_path, models=["scanoma"], data="dermoscopy")
    found = build(plan, catalogue([world.Path("fixtures")]), tmp_path / "a").study
    assert "stand in for ISIC 2019" in found.stand_in
    plan = world.plan(tmp_path, models=["scanoma"], data="dermoscopy", stand_in="own words")
    assert build(plan, world.NOTHING, tmp_path / "b").study.stand_in == "own words"


def test_plans_are_read_with_lines(tmp_path):
    path = tmp_path / "x.study.yaml"
    path.write_text("study: x\ntitle: X\ntask: t\nkind: pairs\ndata: d\nmodels: [a]\nexpert: []\n")
    with pytest.raises(AuditError, match=r"x\.study\.yaml:7: unknown key 'expert'"):
        read_plan(path)


def test_key_and_pictures_are_those_that_the_server_reads_of(tmp_path):
    world.pairs(tmp_path, 3)
    _, blinded, _ = world.built(tmp_path)
    folder = tmp_path / "study"
    assert blinded.key_sha256 == hashlib.sha256((folder / "key.json").read_bytes()).hexdigest()
    assert blinded.pictures_sha256 == pictures_digest(folder, blinded)
    first = min((folder / "pictures").iterdir())
    content = first.read_bytes()
    first.write_bytes(content + b"more")
    assert blinded.pictures_sha256 != pictures_digest(folder, blinded)
    first.unlink()
    with pytest.raises(AuditError, match="not there as a file"):
        pictures_digest(folder, blinded)
    first.write_bytes(content)
    assert blinded.pictures_sha256 == pictures_digest(folder, blinded)
