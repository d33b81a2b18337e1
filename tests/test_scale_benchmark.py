"""The benchmark of scale: the simulated cluster, and that the parts measure what they say."""

import importlib
import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def found_modules():
    """Scripts beside each other, as Python finds them when one of them is run."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def module(name):
    return importlib.import_module(name)


def seconds(shards, median=20.0, spread=0.6, seed=0):
    """A distribution with a long tail, as shards have on shared machines."""
    return median * np.exp(np.random.default_rng(seed).normal(0, spread, shards))


def simulated(costs, *, known=False, seed=0, **happens):
    virtual = module("virtual_cluster")
    cluster = virtual.Cluster(**{"workers": 20, "start": 15.0, **happens})
    return virtual.Simulation(costs, cluster, seed=seed, known=known).run()


EVERYTHING = {"slow": 0.05, "deaths": 1.0, "hung": 1, "taken": 0.1}


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    "happens", [{}, *({key: EVERYTHING[key]} for key in EVERYTHING), EVERYTHING]
)
def test_every_shard_is_delivered_once_whatever_happens(happens, known):
    run = simulated(seconds(1_500), known=known, **happens)
    assert (run.delivered == 1).all()
    assert run.begun >= 1_500
    assert 0 < run.efficiency < 1


def test_a_million_images_on_a_hundred_workers_waste_less_than_a_tenth():
    kept = json.loads((BENCHMARKS / "shard_seconds.json").read_text())["seconds"]
    simulation, virtual = module("cluster_simulation"), module("virtual_cluster")
    worst = simulation.SCENARIOS["all of these"](virtual.Cluster())
    for measured in kept.values():
        run = virtual.Simulation(simulation.drawn(measured, 62_500), worst).run()
        assert run.efficiency > 0.9
        assert (run.delivered == 1).all()


def test_efficiency_is_useful_seconds_over_what_the_workers_could_have_done():
    virtual = module("virtual_cluster")
    # Twenty equal shards on as many workers: everybody starts between 9 and 13 seconds and takes 90.
    run = simulated(np.full(20, 90.0), start=10.0, driver=0.0)
    assert run.useful == 1_800.0
    assert 99.0 <= run.makespan <= 103.0
    assert run.efficiency == pytest.approx(90.0 / run.makespan)
    assert virtual.Simulation(np.full(20, 90.0), virtual.Cluster(20, 10.0)).run().busy > 0


def test_the_same_seed_gives_the_same_run_and_another_another():
    one, same, other = (simulated(seconds(500), seed=n, **EVERYTHING) for n in (1, 1, 2))
    assert (one.makespan, one.begun, one.lost) == (same.makespan, same.begun, same.lost)
    assert one.makespan != other.makespan


def test_what_happens_costs_what_it_should():
    plain = simulated(seconds(1_500))
    assert plain.lost == 0
    hung = simulated(seconds(1_500), hung=1)
    assert hung.lost == 1
    assert simulated(seconds(1_500), deaths=4.0).efficiency < plain.efficiency
    assert simulated(seconds(1_500), slow=0.5).efficiency < 0.8 * plain.efficiency
    # A driver that needs half a second per shard cannot feed twenty workers that need one.
    assert simulated(np.full(1_500, 1.0), driver=0.5).efficiency < 0.2


def test_known_costs_help_at_the_end():
    costs = seconds(200, spread=1.2)
    assert simulated(costs, known=True).efficiency > simulated(costs).efficiency


def test_seconds_come_from_the_sidecars_of_whole_shards(tmp_path):
    engine_of, store_of = module("auditkit.evidence.engine"), module("auditkit.evidence.store")
    stage = module("auditkit.evidence.stage").Stage("shifts", {"stage": "x"}, ["a", "b", "c"], 2)
    engine = engine_of.Engine(store_of.Store(tmp_path))
    engine.gather(stage, lambda: lambda indices: {"x": np.zeros(len(indices))})
    of_store = module("cluster_simulation").of_store
    assert len(of_store(tmp_path)) == len(of_store(tmp_path, "shifts")) == 1
    assert of_store(tmp_path, "scores") == []


def test_the_table_has_a_row_per_scenario():
    simulation, virtual = module("cluster_simulation"), module("virtual_cluster")
    lines, lowest = simulation.report({"some": seconds(50)}, 300, virtual.Cluster(10))
    assert len(lines) == 1 + len(simulation.SCENARIOS)
    assert all(line.count("|") == 10 for line in lines[0].splitlines() + lines[1:])
    assert 0 < lowest < 1


def asked(tmp_path, **more):
    usual = {"scratch": str(tmp_path), "shards": 40, "sizes": [3, 6], "start": 2, "repeats": 1}
    usual |= {"folder": tmp_path / "project", "radii": 1, "angles": 4, "methods": ["occlusion"]}
    return Namespace(**{**usual, "heatmaps": 4, **more})


def test_the_driver_is_measured_with_each_engine(tmp_path):
    rows = list(module("scale_parts").Scale(asked(tmp_path)).driver())
    assert [row.holds for row in rows][:2] == [True, True]
    assert rows[2].holds is None
    assert all("bytes per shard" in row.how for row in rows)
    assert list(tmp_path.glob("tmp*")) == []


def test_a_script_that_fails_is_an_error_with_what_it_said():
    runs = module("scale_runs")
    with pytest.raises(runs.ScaleError, match="invalid int value"):
        runs.script("scale_driver.py", "--shards", "many")


def test_peaks_and_seconds_are_of_the_process_that_ran(tmp_path):
    runs = module("scale_runs")
    code = "import scale_runs; x = bytearray(60_000_000); scale_runs.tell(said=1)"
    ran = runs.run([sys.executable, "-c", code], tmp_path)
    assert ran.told["said"] == 1
    assert ran.peak > 60_000_000
    assert ran.cpu > 0
    assert ran.seconds > 0


def ran(peak=100.0, cpu=1.0, wall=1.0, **told):
    return module("scale_runs").Ran(wall, cpu, int(peak * 2**20), told)


def parts_with(tmp_path, monkeypatch, audits):
    """The parts, with audits that were not run: by number of images."""
    scale = module("scale_parts").Scale(asked(tmp_path, sizes=[10, 20], start=5))
    monkeypatch.setattr(
        scale, "_audit", lambda n, state, turn, engine="": audits[n, state + engine]
    )
    return scale


def test_memory_and_cost_are_held_to_what_is_required(tmp_path, monkeypatch):
    # Starting takes 3 seconds and an image one.
    audits = {(n, "cold"): ran(100, 3.0 + n, 3.0 + n) for n in (5, 10, 20)}
    scale = parts_with(tmp_path, monkeypatch, audits)
    assert [row.holds for row in scale.memory()] == [True, None]
    assert [row.found for row in scale.linear()] == ["0.0%", "0.0%"]
    audits[20, "cold"] = ran(111, 3.0 + 40, 3.0 + 40)
    assert next(scale.memory()).holds is False
    assert [row.holds for row in scale.linear()] == [None, False]


def test_overhead_and_judging_again_are_held_to_what_is_required(tmp_path, monkeypatch):
    told = {"seconds": 100.0, "overhead": 3.0, "gathering_cpu": 1.0, "computed": 9, "found": 0}
    again = {"torch": False, "computed": 0, "found": 9}
    waiting = {**told, "overhead": 9.0}
    audits = {(10, "coldprocesses"): ran(**told), (20, "cold"): ran(**waiting)}
    audits[20, "warm"] = ran(**again)
    scale = parts_with(tmp_path, monkeypatch, audits)
    assert [row.holds for row in scale.overhead()] == [True, None]
    assert [row.found for row in scale.overhead()] == ["4.0%", "10.0%"]
    assert next(scale.rejudge()).holds is True
    audits[10, "coldprocesses"] = ran(**{**told, "overhead": 5.0})
    audits[20, "warm"] = ran(**{**again, "torch": True})
    assert next(scale.overhead()).holds is False
    assert next(scale.rejudge()).holds is False


def test_two_workers_are_held_to_what_is_required(tmp_path, monkeypatch):
    scale = module("scale_parts").Scale(asked(tmp_path))
    took = {1: 10.0, 2: 5.5}
    monkeypatch.setattr(
        scale,
        "_heatmaps",
        lambda workers: [ran(start=1.0, computed=took[workers], took=took[workers])],
    )
    monkeypatch.setattr(module("scale_parts"), "seconds_of", lambda run: run.told["took"])
    scale._apart[:] = [10.0, 12.5, 11.0]
    rows = list(scale.speedup())
    assert [row.holds for row in rows] == [True, None, True]
    assert rows[1].found.startswith("1.82 times")
    took[2] = 6.0
    assert next(scale.speedup()).holds is False


def test_the_page_takes_the_tables(tmp_path):
    scale_script, parts = module("scale"), module("scale_parts")
    page = tmp_path / "scaling.md"
    page.write_text((BENCHMARKS.parent / "docs" / "scaling.md").read_text())
    scale = parts.Scale(asked(tmp_path))
    rows = [parts.Row("memory", "+3.0%", "10 %", True, "somewhere")]
    for _ in range(2):
        scale_script.write(tmp_path, scale, rows)
    text = page.read_text()
    assert text.count("| memory | +3.0% | 10 % | yes | somewhere |") == 1
    assert text.count("scale: begin") == text.count("cluster: end") == 1
    again = [parts.Row("memory", "+2.0%", "10 %", True, "elsewhere")]
    scale_script.write(tmp_path, scale, again, ["memory"])
    text = page.read_text()
    assert "+3.0%" not in text
    assert text.count("| memory | +2.0% | 10 % | yes | elsewhere |") == 1
    assert "Measured again later, memory: " in text
    with pytest.raises(SystemExit, match="no row of 'speed'"):
        scale_script.write(tmp_path, scale, [parts.Row("speed", "1")], ["speedup"])
    page.write_text("no place")
    with pytest.raises(SystemExit, match="no place for this"):
        scale_script.write(tmp_path, scale, rows)


@pytest.mark.long
def test_everything_runs_in_miniature(tmp_path):
    more = {"sizes": [16, 32], "start": 8, "heatmaps": 32, "shards": 100}
    scale = module("scale_parts").Scale(asked(tmp_path, **more))
    rows = [row for part in module("scale").PARTS for row in getattr(scale, part)()]
    assert len(rows) == 14
    assert scale.simulated
