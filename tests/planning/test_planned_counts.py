"""What is planned, held to what is then really done."""

from pathlib import Path

import numpy as np
import pytest

from auditkit.checks import compute
from auditkit.errors import Unavailable
from auditkit.models.watching import watched
from auditkit.planning import walking
from auditkit.planning.watching import Counting


def really(workroom, audit, card) -> Counting:
    """Run an audit and count what its networks are asked."""
    evidence = workroom.evidence(card, audit.data, getattr(audit.parameters, "images", None))
    evidence.own_model()  # loading it asks it once
    counting = Counting()
    with watched(counting):
        compute(audit.check, evidence, audit.parameters)
    return counting


@pytest.mark.parametrize(("name", "backwards"), [("counts", 0), ("light", 0), ("heat", 22)])
def test_passes_shards_and_bytes_are_those_of_the_run(name, backwards, pairs, planner, workroom):
    ((audit, card),) = pairs(name)
    (cost,) = planner.plan([(audit, card)]).audits
    assert not cost.problem
    assert not Path("store").exists(), "planning writes nothing"

    counting = really(workroom, audit, card)
    assert cost.usage.forwards == counting.forwards > 0
    assert cost.usage.backwards == counting.backwards >= backwards
    assert (counting.backwards > 0) == (backwards > 0)
    computed, found, shared = cost.shards
    assert (computed, found) == (workroom.engine.counts.computed, 0)
    assert computed + shared == computed + workroom.engine.counts.found
    files = [file for file in Path("store").rglob("*") if file.suffix in {".safetensors", ".json"}]
    kept = sum(file.stat().st_size for file in files)
    assert cost.size == pytest.approx(kept, rel=0.1)


def test_what_is_in_the_store_costs_nothing(pairs, planner, workroom):
    both = pairs("counts", "light")
    really(workroom, *both[0])
    found = {file: file.stat().st_mtime_ns for file in Path("store").rglob("*") if file.is_file()}

    plan = planner.plan(both)
    counts, light = plan.audits
    assert counts.shards == (0, 2, 0)
    assert counts.usage.forwards == counts.size == 0
    assert light.shards == (2, 2, 0), "its scores are those of the other audit"
    assert {stage.name: stage.shards for stage in light.stages} == {
        "random: scores": 0,
        "random: colour shifts": 2,
    }
    now = {file: file.stat().st_mtime_ns for file in Path("store").rglob("*") if file.is_file()}
    assert now == found, "planning writes nothing"
    assert plan.audits[0].findings["sensitivity"].estimate is not None


def test_half_of_a_stage_is_planned_as_half(pairs, planner, workroom):
    ((audit, card),) = pairs("counts")
    really(workroom, audit, card)
    files = sorted(Path("store").rglob("*.json"))
    shard = min(files, key=lambda file: '"images": 16' in file.read_text())
    for file in Path("store").rglob(f"{shard.stem}.*"):
        file.unlink()
    (cost,) = planner.plan([(audit, card)]).audits
    assert cost.shards == (1, 1, 0)
    assert (cost.stages[0].images, cost.usage.forwards) == (8, 16)


def test_an_audit_with_everything_in_the_store_needs_no_network(pairs, planner, workroom):
    ((audit, card),) = pairs("counts")
    really(workroom, audit, card)
    plan = planner.plan([(audit, card)])
    assert plan.loading == {}
    assert plan.spent.cpu == 0


def test_shared_stages_are_counted_once(pairs, planner):
    both = pairs("counts", "light")
    plan = planner.plan(both)
    first, second = plan.audits
    assert first.shards == (2, 0, 0)
    assert second.shards == (2, 0, 2)
    turned = planner.plan(both[::-1])
    assert turned.usage.counts == plan.usage.counts
    assert turned.size == plan.size


def test_what_an_audit_assumes_is_planned_before_it_as_it_is_judged(pairs, planner, cards):
    spec = cards.parent / "audits" / "light.audit.yaml"
    spec.write_text(spec.read_text() + "assumes: [counts]\n")
    both = pairs("light", "counts")
    first, second = planner.plan(both).audits
    assert [first.audit, second.audit] == ["counts", "light"]
    assert first.shards == (2, 0, 0)
    assert second.shards[2] == 2


def test_a_check_that_stops_says_so_with_what_was_known(pairs, planner, monkeypatch):
    ((audit, card),) = pairs("counts")

    def stops(check, evidence, parameters):
        evidence.scores()
        raise ZeroDivisionError("rows repeat")

    monkeypatch.setattr(walking, "compute", stops)
    (cost,) = planner.plan([(audit, card)]).audits
    assert "stopped" in cost.problem
    assert "rows repeat" in cost.problem
    assert cost.usage.forwards == 32
    assert cost.images == 24


def test_a_check_that_cannot_be_run_is_a_row_with_its_reason(pairs, planner, monkeypatch):
    ((audit, card),) = pairs("counts")

    def unavailable(check, evidence, parameters):
        raise Unavailable("nothing was trained")

    monkeypatch.setattr(walking, "compute", unavailable)
    (cost,) = planner.plan([(audit, card)]).audits
    assert cost.problem == "not run: nothing was trained"


def test_rows_of_the_store_stand_in_their_places(pairs, planner, workroom):
    ((audit, card),) = pairs("counts")
    really(workroom, audit, card)
    real = workroom.evidence(card, audit.data).scores().score
    shard = next(
        file for file in Path("store").rglob("*.json") if '"images": 8' in file.read_text()
    )
    for file in Path("store").rglob(f"{shard.stem}.*"):
        file.unlink()
    planned = planner.evidence(audit, card).scores().score
    assert planned.shape == real.shape
    np.testing.assert_array_equal(planned[:16], real[:16])
