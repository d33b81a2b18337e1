"""The same results, whatever computes them, in whatever pieces and order."""

import importlib
import shutil

import pytest
from same_project import CONFTEST, digest_of, results_of, write_specs

from auditkit.evidence.kinds import FAST_TOLERANCE

# pytester forgets what an inner run imported: these would be imported anew by each.
USED = (
    "auditkit.checks",
    "auditkit.plugin.finishing",
    "auditkit.plugin.judging",
    "auditkit.session",
)
ONE = ("--audit-batch-size", "1", "--audit-shard")
WAYS = {
    "two threads, shards of 7": (*ONE, "7", "--audit-workers", "2"),
    "two processes, shards of 1": (
        *ONE,
        "1",
        "--audit-engine",
        "processes",
        "--audit-workers",
        "2",
    ),
}
USUAL = {
    "two threads": ("--audit-workers", "2"),
    "two processes": ("--audit-engine", "processes", "--audit-workers", "2"),
    "xdist": ("-n", "2"),
    "xdist with processes": ("-n", "2", "--audit-engine", "processes", "--audit-workers", "1"),
    "ray": ("--audit-engine", "ray", "--audit-workers", "2"),
    "slurm": (
        *("--audit-engine", "slurm", "--audit-workers", "2"),
        *("--audit-engine-option", "cluster=local", "--audit-engine-option", "folder=jobs"),
    ),
}
EXTRAS = {"ray": "ray", "slurm": "submitit", "xdist": "xdist", "xdist with processes": "xdist"}


@pytest.fixture(scope="module")
def known():
    """Digests of earlier runs, by name."""
    return {}


@pytest.fixture
def same(project, monkeypatch):
    """Runs the project's audits over an empty store; returns the run's folder, which has no page."""
    for module in USED:
        importlib.import_module(module)
    monkeypatch.setattr("auditkit.report.html.write", lambda *_: None)
    monkeypatch.setattr("auditkit.plugin.finishing.requirements", str)
    write_specs(project.path / "audits")

    def run(*arguments, apart=False):
        command = ["audits", "--model", "random", "-p", "no:randomly", "-q", *arguments]
        command += ["--audit-store", "store", "--audit-report", "run"]
        for name in ("store", "run"):
            shutil.rmtree(project.path / name, ignore_errors=True)
        (project.runpytest_subprocess if apart else project.runpytest)(*command)
        return project.path / "run"

    return run


def reference(same, known, *arguments):
    """The digest of one thread's run; computed once."""
    if arguments not in known:
        folder = same(*arguments, "--audit-workers", "1")
        assert {v.verdict.value for v in results_of(folder).verdicts} >= {"pass", "inconclusive"}
        known[arguments] = digest_of(folder)
    return known[arguments]


def sidecars(folder):
    return list((folder.parent / "store").glob("??/*.json"))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_shards_of_any_size_give_the_same(same, known, way):
    assert digest_of(same(*way)) == reference(same, known, *ONE, "64")


def test_two_xdist_workers_share_what_they_compute_and_give_the_same(
    same, known, project, monkeypatch
):
    pytest.importorskip("xdist")
    expected = reference(same, known, *ONE, "64")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
    (project.path / "conftest.py").write_text(CONFTEST)
    folder = same(*ONE, "5", "-n", "2", apart=True)
    assert digest_of(folder) == expected
    assert results_of(folder).run.evidence["computed"] == len(sidecars(folder))
    seen = [(project.path / f"gw{n}.seen").read_text() for n in range(2)]
    assert seen == ["GPU-a False", "GPU-b False"]


def test_fast_mode_gives_the_same_verdicts_and_values_within_its_tolerance(same):
    # On a CPU batches are not filled up: with seven at a time, the rows of most differ.
    given = ("--audit-batch-size", "7", "--audit-workers", "1")
    usual, fast = results_of(same(*given)), results_of(same(*given, "--audit-fast"))
    assert {verdict.node: verdict.verdict for verdict in usual.verdicts} == {
        verdict.node: verdict.verdict for verdict in fast.verdicts
    }
    compared = 0
    for one, other in zip(usual.audits, fast.audits, strict=True):
        if one.check == "efficiency":  # seconds and bytes of this machine
            continue
        for slow, quick in zip(one.measurements, other.measurements, strict=True):
            assert (slow.name, slow.at, slow.n) == (quick.name, quick.at, quick.n)
            if slow.value is None:
                assert quick.value is None
                continue
            half = (slow.high - slow.low) / 2
            assert abs(slow.value - quick.value) <= FAST_TOLERANCE.share * half, slow.name
            compared += half > 0
    assert compared > 15


@pytest.mark.long
@pytest.mark.parametrize("name", USUAL)
def test_every_engine_gives_the_same(same, known, name):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    folder = same(*USUAL[name], apart=True)
    assert digest_of(folder) == reference(same, known)
    assert results_of(folder).run.evidence["computed"] == len(sidecars(folder))


@pytest.mark.long
@pytest.mark.parametrize("shard", ["1", "7", "64"])
@pytest.mark.parametrize("name", USUAL)
def test_every_engine_gives_the_same_from_shards_of_any_size(same, known, name, shard):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    folder = same(*USUAL[name], *ONE, shard, apart=True)
    assert digest_of(folder) == reference(same, known, *ONE, "64")


@pytest.mark.long
@pytest.mark.parametrize("way", [("-n", "2"), ()], ids=["xdist", "one process"])
def test_the_order_of_items_does_not_matter(same, known, project, monkeypatch, way):
    expected = reference(same, known)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (project.path / "conftest.py").write_text(CONFTEST)
    assert digest_of(same(*way, apart=True)) == expected
