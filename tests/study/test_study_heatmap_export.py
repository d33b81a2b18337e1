"""From a heatmap study to the check `ratings`: what was answered is what is exported, read and judged."""

import csv
import math

import pytest
import study_heatmap_world as made
import yaml
from study_heatmap_world import IMAGES, ROOT

from auditkit.checks import compute
from auditkit.data.ratings import read_ratings
from auditkit.errors import AuditError
from auditkit.evidence import Peers
from auditkit.spec.catalogue import catalogue, checks, read_ratings_card
from auditkit.study.exporting.heatmaps import export_heatmaps
from auditkit.study.folder import read_key
from auditkit.study.storing import Store

pytestmark = pytest.mark.slow

METHODS = ["guided-backprop", "occlusion"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return made.built(tmp_path_factory.mktemp("glioma"))


@pytest.fixture(scope="module")
def exported(world, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "exported"
    store = Store(f"sqlite:///{world.folder}/answers.sqlite", world.study)
    with pytest.raises(AuditError, match="not closed"):
        export_heatmaps(world.folder, store, out)
    assert not out.exists()
    given = made.rate_all(world, store)
    key = {one.item: one for one in read_key(world.folder).items}
    tasks = [
        (task, key[task.item], given[task.slug])
        for expert in world.study.experts
        for task in store.tasks(expert.expert, "rating")
    ]
    card = export_heatmaps(world.folder, store, out)
    store.close()
    return out, card, tasks


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_study_has_every_case_under_every_method_and_practice_beyond(world):
    items = [one for one in world.study.items if not one.practice]
    assert len(items) == IMAGES * len(METHODS)
    assert len({one.reference for one in items}) == IMAGES
    key = {one.item: one for one in read_key(world.folder).items}
    by_reference = {}
    for one in items:
        by_reference.setdefault(one.reference, set()).add(
            (key[one.item].image, key[one.item].method)
        )
    for named in by_reference.values():
        assert len({image for image, _ in named}) == 1
        assert {method for _, method in named} == set(METHODS)
    studied = {key[one.item].image for one in items}
    assert not studied & {key[one.item].image for one in world.study.items if one.practice}
    sizes = {path.stat().st_size for path in (world.folder / "pictures").iterdir()}
    assert len(sizes) == 1
    told = (world.folder / "study.json").read_text()
    assert not any(name in told for name in (*METHODS, "occlusion", "glioma-211"))


def test_ratings_are_read_as_they_were_given(exported):
    _, card, tasks = exported
    read = read_ratings(read_ratings_card(card))
    first = [one for one in tasks if one[0].showing == "first"]
    assert len(read) == len(first) == 2 * IMAGES * len(METHODS)
    found = {(one.rater, one.image, one.method): one.value for one in read}
    for task, known, answer in first:
        value = found[task.person, known.image, known.method]
        _, second = answer
        assert math.isnan(value) if "unable" in second else value == float(second["rating"])


def test_the_card_says_that_nobody_looked(exported):
    _, card, _ = exported
    told = yaml.safe_load(card.read_text())
    assert "simulated experts" in told["stand_in"]
    assert "simulated-1, simulated-2" in told["stand_in"]
    assert (told["data"], told["model"], told["ratings"]) == ("glioma", "glioma", "glioma-heatmaps")
    assert told["scale"] == {"low": 0.0, "high": 10.0, "step": 1.0}


def test_the_check_ratings_judges_the_exported_table(exported, world):
    _, card, tasks = exported
    check = checks()["ratings"]
    occlusion = {"method": "occlusion", "window": 0.25, "stride": 0.25, "baseline": "black"}
    asked = {"ratings": "glioma-heatmaps", "methods": ["guided-backprop", occlusion]}
    # So few cases do not tell what a modality counts.
    weights = {"t1": 0.0, "t1c": 1.0, "t2": 0.0, "flair": 0.5}
    how = check.parameters.model_validate(asked | {"images": IMAGES, "weights": weights})
    cards = catalogue([ROOT / "fixtures"])
    evidence = world.session.workroom.evidence(cards.model("glioma"), cards.data("glioma"), IMAGES)
    evidence.peers = Peers(ratings={"glioma-heatmaps": read_ratings_card(card)})
    findings = compute(check, evidence, how)
    assert findings["alpha"].estimate is not None
    assert findings["msfi_correlation"].estimate.n == IMAGES * len(METHODS)
    shown = {row[0]: row[2] for one in findings.tables if one.name == "methods" for row in one.rows}
    for method in METHODS:
        given = {}
        for task, known, (_, second) in tasks:
            if task.showing == "first" and known.method == method and "rating" in second:
                given.setdefault(known.image, []).append(float(second["rating"]))
        means = [sum(ratings) / len(ratings) for ratings in given.values()]
        assert shown[method].startswith(f"{sum(means) / len(means):.3f} [")
    assert any("simulated" in note for note in findings.notes)


def test_decisions_are_all_answers_without_practice(exported):
    out, _, tasks = exported
    found = rows(out / "decisions.csv")
    counting = [one for one in tasks if one[0].showing != "practice"]
    assert len(found) == len(counting)
    for row, (task, known, answer) in zip(found, counting, strict=True):
        assert (row["expert"], row["image"], row["method"]) == (
            task.person,
            known.image,
            known.method,
        )
        first, second = answer
        assert row["before"] == first["decision"]
        assert row["before_confidence"] == first["confidence"]
        assert row["after"] == second["decision"]
        assert row["after_confidence"] == second["confidence"]
        assert row["showing"] == task.showing
        assert row["unable"] == ("yes" if "unable" in second else "no")


def test_earlier_heatmaps_of_a_case_are_counted(exported):
    out, _, _ = exported
    seen = {}
    for row in rows(out / "decisions.csv"):
        key = row["expert"], row["image"]
        assert int(row["seen_before"]) == seen.get(key, 0)
        seen[key] = seen.get(key, 0) + 1


def test_influence_is_of_first_looks_by_hand(exported):
    out, _, _ = exported
    first = [row for row in rows(out / "decisions.csv") if row["seen_before"] == "0"]
    assert len(first) == 2 * IMAGES
    found = {
        (row["expert"], row["quantity"], row["when"]): row for row in rows(out / "influence.csv")
    }
    assert len(found) == 3 * 3 * 3
    for name in ("simulated-1", "simulated-2", "all experts"):
        own = [row for row in first if name in (row["expert"], "all experts")]
        for when in ("before", "after"):
            expected = sum(row[when] == row["predicted"] for row in own) / len(own)
            shown = found[name, "agreement", when]
            assert float(shown["value"]) == pytest.approx(expected)
            assert float(shown["low"]) < expected + 1e-9 < float(shown["high"]) + 1e-8
            assert int(shown["patients"]) == IMAGES
            mean = sum(int(row[f"{when}_confidence"]) for row in own) / len(own)
            assert float(found[name, "confidence", when]["value"]) == pytest.approx(mean)
        for quantity in ("agreement", "confidence", "accuracy"):
            value = {
                when: float(found[name, quantity, when]["value"])
                for when in ("before", "after", "change")
            }
            assert value["change"] == pytest.approx(value["after"] - value["before"])
