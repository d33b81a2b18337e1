"""What `scale.py` measures, part by part; what several parts need is run once."""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cluster_simulation as simulation
from scale_data import project
from scale_runs import Ran, audit, script
from virtual_cluster import Cluster

MB = 2**20
# Of 16 images: a million.
SHARDS = 62_500


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        quantity: what was measured.
        found: the number, as text.
        required: what was asked of it; empty where it is only reported.
        holds: whether it is; None where nothing was asked.
        how: on what, with which n.
    """

    quantity: str
    found: str
    required: str = ""
    holds: bool | None = None
    how: str = ""

    def __str__(self) -> str:
        word = {None: "", True: "yes", False: "**no**"}[self.holds]
        return f"| {self.quantity} | {self.found} | {self.required} | {word} | {self.how} |"


class Scale:
    """The parts; what several of them need is run once."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.scratch = Path(given.scratch or tempfile.mkdtemp(prefix="auditkit-scale-"))
        self._audits: dict[tuple[int, str, int, str], Ran] = {}
        self._runs: dict[int, list[Ran]] = {}
        self._apart: list[float] = []
        self._drivers: dict[tuple[object, ...], Ran] = {}
        self._project: Path | None = None
        self.simulated: list[str] = []
        self.measured: dict[str, list[float]] = {}

    def speedup(self) -> Iterator[Row]:
        """Two workers against one, on perturbation heatmaps."""
        given = self.given
        times = {workers: self._heatmaps(workers) for workers in (1, 2)}
        one, two = (statistics.median(map(seconds_of, runs)) for runs in times.values())
        starts = statistics.median(run.told["start"] for run in times[2])
        how = (
            f"engine `processes`, one thread each, {given.heatmaps} images, {', '.join(given.methods)}; "
            f"median of {given.repeats}, cold stores; starting two workers and loading their models takes "
            f"{starts:.1f} s and is not included"
        )
        gain = one / two
        yield Row(
            "two workers against one",
            f"{gain:.2f} times ({one:.1f} s, {two:.1f} s)",
            "1.7",
            gain >= 1.7,
            how,
        )
        apart = statistics.median(self._apart)
        yield Row(
            "what this machine could give at most",
            f"{2 * one / apart:.2f} times ({apart:.1f} s)",
            how="two separate drivers with one worker each, at the same time, each on all the images: cores "
            "share memory and clock",
        )
        computed = sum(run.told["computed"] for run in times[1])
        share = sum(map(seconds_of, times[1])) / computed - 1
        yield Row(
            "all but computing, heatmaps",
            f"{share:.1%}",
            "5 %",
            share <= 0.05,
            f"wall-clock minus computing, over computing; one worker, {len(times[1])} runs",
        )

    def _heatmaps(self, workers: int) -> list[Ran]:
        given = self.given
        if workers not in self._runs:
            # In turn, so that a machine that becomes slower is slower for both.
            for _ in range(given.repeats):
                for each in (1, 2):
                    run = self._heatmap_script(each)
                    self._runs.setdefault(each, []).append(run)
                self._apart.append(self._two_apart())
        return self._runs[workers]

    def _two_apart(self) -> float:
        """Seconds of all heatmaps where two processes that know nothing of each other compute them all."""
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(self._heatmap_script, [1, 1]))
        return statistics.mean(map(seconds_of, runs))

    def _heatmap_script(self, workers: int) -> Ran:
        given = self.given
        return script(
            "scale_heatmaps.py",
            *("--workers", workers, "--images", given.heatmaps, "--scratch", self.scratch),
            *("--methods", *given.methods),
        )

    def memory(self) -> Iterator[Row]:
        """Peak memory of the largest audit against the smallest."""
        peaks = {n: self._cold(n).peak for n in self.given.sizes}
        few, many = min(peaks), max(peaks)
        growth = peaks[many] / peaks[few] - 1
        each = ", ".join(f"{n}: {peak / MB:.0f} MiB" for n, peak in peaks.items())
        how = f"VmHWM of the largest process of the tree; colour-shift by pytest; {each}"
        yield Row(
            f"peak memory, {many} images against {few}",
            f"{growth:+.1%}",
            "10 %",
            growth <= 0.1,
            how,
        )
        extra = (peaks[many] - peaks[few]) / (many - few)
        yield Row(
            "memory per further image", f"{extra / 1024:.1f} KiB", how=f"from {few} to {many}"
        )

    def linear(self) -> Iterator[Row]:
        """Cost per image at each size."""
        for name, cost, holds in (
            ("processor seconds", lambda run: run.cpu, None),
            ("seconds", lambda run: run.seconds, True),
        ):
            start = self._start(cost)
            each = {n: (cost(self._cold(n)) - start) / n for n in self.given.sizes}
            spread = max(each.values()) / min(each.values()) - 1
            listed = ", ".join(f"{n}: {1000 * value:.2f} ms" for n, value in each.items())
            how = f"less what starting takes ({start:.1f} s); {listed}"
            met = None if holds is None else spread <= 0.15
            yield Row(
                f"spread of {name} per image", f"{spread:.1%}", "15 %" if holds else "", met, how
            )

    def _start(self, cost: Callable[[Ran], float]) -> float:
        """What an audit costs before its first image: a very small one, less what its images take."""
        few, many = self.given.start, self.given.sizes[0]
        small = statistics.median(cost(self._cold(few, turn)) for turn in range(self.given.repeats))
        usual = statistics.median(
            cost(self._cold(many, turn)) for turn in range(self.given.repeats)
        )
        return small - few * max(0.0, usual - small) / (many - few)

    def overhead(self) -> Iterator[Row]:
        """Engine and store beside computing: in workers of their own, and in threads of the driver."""
        middle, many = sorted(self.given.sizes)[-2:]
        for n, engine, words in (
            (middle, "processes", "two processes"),
            (many, "", "two threads of one process; they wait for each other's Python"),
        ):
            told = self._cold(n, engine=engine).told
            computing = told["seconds"]
            workers, driver = told["overhead"] / computing, told["gathering_cpu"] / computing
            yield Row(
                f"engine and store, of computing: {engine or 'inline'}",
                f"{workers + driver:.1%}",
                "5 %" if engine else "",
                workers + driver <= 0.05 if engine else None,
                f"colour-shift, {n} images, {told['computed']} shards, {computing:.0f} s of computing in "
                f"{words}; leases, looks and writes {workers:.1%}, the driver's reading {driver:.1%}",
            )

    def rejudge(self) -> Iterator[Row]:
        """The largest audit again, with all its evidence in the store."""
        many = max(self.given.sizes)
        self._cold(many)
        run = self._audit(many, "warm", 0)
        imported = "torch was imported" if run.told["torch"] else "torch is not imported"
        computed = run.told["computed"]
        yield Row(
            f"judging {many} images again",
            f"{run.seconds:.1f} s",
            "seconds",
            run.seconds < 60 and not run.told["torch"] and computed == 0,
            f"a new process, {computed} shards computed, {run.told['found']} found; {imported}; "
            f"peak {run.peak / MB:.0f} MiB",
        )

    def driver(self) -> Iterator[Row]:
        """A driver of very many shards that cost nothing."""
        many = self.given.shards
        for words, options, required in (
            ("inline", ("inline",), True),
            ("processes, two workers", ("processes", "--workers", 2), True),
            ("inline, with the list of evidence", ("inline", "--listing"), False),
        ):
            told = self._driver(*options).told
            # Beyond the arrays that were asked for: 8 bytes per shard.
            grown = told["grown"] - 8 * many
            share = grown / told["before"]
            each = {name: 1e6 * told[name] / many for name in ("cpu", "seconds", "again")}
            yield Row(
                f"driver's memory after {many} shards: {words}",
                f"{share:+.1%}",
                "10 %" if required else "",
                share <= 0.1 if required else None,
                f"{grown / MB:.1f} MiB more than before gathering, {grown / many:.0f} bytes per shard; "
                f"{each['cpu']:.0f} µs of the driver and {each['seconds'] / 1000:.2f} ms in all per shard; "
                f"{each['again']:.0f} µs to read one again",
            )

    def _driver(self, *options: object) -> Ran:
        if options not in self._drivers:
            print(f"  shards that cost nothing: {options[0]}", file=sys.stderr, flush=True)
            asked = ("--shards", self.given.shards, "--scratch", self._fast(), "--engine")
            self._drivers[options] = script("scale_driver.py", *asked, *options)
        return self._drivers[options]

    def cluster(self) -> Iterator[Row]:
        """A million images on a hundred workers, simulated with what was measured here."""
        driver = self._driver("processes", "--workers", 2).told
        runs = [run.told for workers in (1, 2) for run in self._heatmaps(workers)]
        heatmaps = [seconds for told in runs for seconds in told["each"]]
        many = max(self.given.sizes)
        self._cold(many)
        colours = simulation.of_store(self._store(many, 0), "colour shifts")
        usual = statistics.median(heatmaps) / statistics.median(colours)
        self.measured = {
            "heatmaps": heatmaps,
            "heatmaps, spread as colour shifts are": [usual * seconds for seconds in colours],
        }
        shown = Cluster(
            start=max(told["start"] for told in runs), driver=driver["cpu"] / self.given.shards
        )
        lines, lowest = simulation.report(self.measured, SHARDS, shown)
        self.simulated = [simulation.words(self.measured, SHARDS, shown), "", *lines]
        yield Row(
            "scheduling efficiency, 10^6 images on 100 workers",
            f"{lowest:.1%} in the worst scenario",
            "90 %",
            lowest > 0.9,
            "simulated with the engines' own scheduler and what was measured here, see below",
        )

    def _fast(self) -> Path:
        """A folder in memory where there is one: 10^5 tiny shards are no test of a disk."""
        memory = Path("/dev/shm")
        return memory if os.access(memory, os.W_OK) else self.scratch

    def _cold(self, n: int, turn: int = 0, engine: str = "") -> Ran:
        return self._audit(n, "cold", turn, engine)

    def _audit(self, n: int, state: str, turn: int, engine: str = "") -> Ran:
        key = (n, state, turn, engine)
        if key not in self._audits:
            print(f"  auditing {n} images, {state} {engine}", file=sys.stderr, flush=True)
            if self._project is None:
                sizes = sorted({self.given.start, *self.given.sizes})
                self._project = project(
                    self.given.folder, sizes, radii=self.given.radii, angles=self.given.angles
                )
            store = self._store(n, f"{turn}{engine}")
            report = self.scratch / f"report-{n}-{state}-{turn}{engine}"
            places = ["--audit-store", store, "--audit-report", report]
            workers = ["--audit-engine", engine, "--audit-workers", 2] if engine else []
            self._audits[key] = audit(self._project, f"colours-{n}", *places, *workers)
        return self._audits[key]

    def _store(self, n: int, turn: int | str) -> Path:
        """A store per size and turn, so that a warm run finds what the cold one left."""
        return self.scratch / f"store-{n}-{turn}"


def seconds_of(run: Ran) -> float:
    """Seconds of all heatmaps, once workers have started."""
    return float(run.told["seconds"])
