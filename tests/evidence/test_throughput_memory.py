"""Memory that runs out: halved and gone on in fast mode, one clear error otherwise; batches that fit."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import auditkit
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.batches import Batcher
from auditkit.evidence.engine import Engine
from auditkit.evidence.heatmaps.gradients.inspection import inspect
from auditkit.evidence.heatmaps.subject import subject_of
from auditkit.evidence.kinds import FAST_TOLERANCE
from auditkit.evidence.removal import RemovalPlan
from auditkit.evidence.sized import Sized, fitting, rows_that_fit
from auditkit.evidence.stages import batcher_for
from auditkit.models.memory import halving, prepare_process, ran_out
from auditkit.models.model import Model
from auditkit.spec.data_card import DataCard
from auditkit.spec.methods import parse_method

ROOT = Path(__file__).parents[2]
CPU = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
METHODS = (
    "gradient",
    "gradcam",
    {"method": "integrated-gradients", "steps": 4, "baseline": "mean"},
    {"method": "occlusion", "window": 0.5, "stride": 0.5, "baseline": "mean"},
)


DATA = DataCard.model_validate(
    {
        "data": "lesions",
        "task": "melanoma",
        "format": "synthetic-dermoscopy",
        "with": {"n": 24, "seed": 1, "size": 64},
    }
)


@pytest.fixture(scope="module")
def model(random_card):
    return auditkit.load_model(random_card(64), device="cpu")


def evidence(model, folder, images=6, **settings):
    asked, engine = Settings(device="cpu", **settings), Engine(Store(folder), 1)
    return Evidence(model.card, auditkit.load_data(DATA), engine, asked, images, model.copy)


def kept(folder):
    return sum(one.kind == "arrays" for one in Store(folder).stored())


@pytest.fixture
def small_memory(monkeypatch):
    """A machine on which passes of more than some rows fail; the rows of all passes."""
    seen, answer = [], Model._answer

    def limited(most):
        def asked(self, network, given, table):
            seen.append(len(given))
            if len(given) > most:
                raise RuntimeError(CPU)
            return answer(self, network, given, table)

        monkeypatch.setattr(Model, "_answer", asked)
        return seen

    return limited


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError(),
        RuntimeError(CPU),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_what_allocators_say_is_understood(error):
    assert ran_out(error)
    wrapped = AuditError("onnxruntime cannot run the model")
    wrapped.__cause__ = error
    assert ran_out(wrapped)


@pytest.mark.parametrize("error", [ValueError("5"), RuntimeError("shapes differ"), KeyError("a")])
def test_other_errors_are_not_memory(error):
    assert not ran_out(error)


def refuse(_rows):
    raise AuditError("refused") from MemoryError()


def test_halving_begins_again_with_half_the_rows():
    asked = []

    def work(rows):
        asked.append(rows)
        if rows > 3:
            raise MemoryError
        return rows

    assert halving(16, work) == 2
    assert asked == [16, 8, 4, 2]
    with pytest.raises(AuditError, match="refused"):
        halving(4, refuse)
    with pytest.raises(ZeroDivisionError):
        halving(4, lambda rows: rows / 0)


def everything(found):
    yield "scores", found.scores().score
    yield "shifts", found.shifted_scores("cieluv", [(20.0, 90.0)]).score
    for given in METHODS:
        method = parse_method(given)
        yield method.label, found.heatmaps(method).maps
    plan = RemovalPlan("mean", 4, 2)
    yield "removal", found.removal(method, plan).score
    yield "random removal", found.random_removal(method, plan).score


def test_in_fast_mode_every_stage_goes_on_with_smaller_batches(model, tmp_path, small_memory):
    wanted = dict(everything(evidence(model, tmp_path / "wanted")))
    seen = small_memory(4)
    found = dict(everything(evidence(model, tmp_path / "fast", fast=True)))
    assert max(seen) > 4 >= min(seen)
    for name, values in wanted.items():
        if name in {"scores", "shifts", "removal", "random removal"}:
            assert np.abs(values - found[name]).max() <= FAST_TOLERANCE.score, name
        scale = max(1e-12, np.abs(values).max())
        assert np.abs(values - found[name]).max() / scale <= 1e-3, name


def test_one_halving_is_enough_for_the_rest_of_a_stage(model, tmp_path, small_memory):
    seen = small_memory(4)
    evidence(model, tmp_path, images=24, batch_size=8, fast=True).scores()
    # The probe of the model's card is one row.
    assert [rows for rows in seen if rows > 1] == [8] + [4] * 6


@pytest.mark.parametrize("given", [None, *METHODS])
def test_in_the_usual_mode_a_smaller_batch_is_asked_for_and_none_is_chosen(
    model, tmp_path, small_memory, given
):
    found = evidence(model, tmp_path, batch_size=8)
    if given is None:
        small_memory(4)
        ask = found.scores
    else:
        found.scores()
        small_memory(4)
        ask = partial(found.heatmaps, parse_method(given))
    before = kept(tmp_path)
    with pytest.raises(AuditError, match=r"'random': memory ran out with 8 .*--audit-batch-size 4"):
        ask()
    # Whether a method fits was found with fewer.
    assert kept(tmp_path) == before + (given is not None)


@pytest.mark.parametrize("fast", [False, True])
def test_with_one_input_per_pass_there_is_nothing_to_halve(model, tmp_path, small_memory, fast):
    found = evidence(model, tmp_path, images=2, batch_size=1, fast=fast)
    found.own_model()
    small_memory(0)
    with pytest.raises(AuditError, match="memory ran out with one input per pass"):
        found.scores()


def test_the_error_lets_go_of_what_failed():
    held = []

    class Large:
        def __del__(self):
            held.append("gone")

    def make(settings):
        def compute(_indices):
            large = Large()
            if settings.batch > 1:
                raise MemoryError
            assert held == ["gone"], "the failed pass still holds its tensors"
            del large
            return {}

        return compute

    assert Sized(make, Settings(batch_size=2, fast=True), "model 'x'")([0]) == {}


def test_a_method_is_not_called_unfit_for_want_of_memory(model, small_memory):
    small_memory(0)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        inspect(subject_of(model))


def test_python_heatmaps_halve_their_batches(model, small_memory):
    pictures = auditkit.load_data(DATA)
    images = [pictures.image(index) for index in range(4)]
    wanted = auditkit.heatmaps(model, images, "gradient", batch_size=4)
    seen = small_memory(1)
    found = auditkit.heatmaps(model, images, "gradient", batch_size=4)
    assert max(seen) == 4
    assert np.allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_batches_are_filled_up_in_the_usual_mode_only():
    for padded, sizes in ((True, [4, 4]), (False, [4, 1])):
        seen = []

        def twice(batch, seen=seen):
            seen.append(len(batch))
            return batch * 2

        assert Batcher(4, padded).map(twice, torch.arange(5.0)).tolist() == [0, 2, 4, 6, 8]
        assert seen == sizes


def test_fast_mode_is_other_evidence_within_the_declared_tolerance(model, tmp_path):
    usual, fast = (evidence(model, tmp_path, images=5, fast=fast) for fast in (False, True))
    assert usual.model_identity != fast.model_identity
    one, other = usual.scores(), fast.scores()
    assert np.abs(one.score - other.score).max() <= FAST_TOLERANCE.score
    assert np.array_equal(one.decision, other.decision)


def test_the_arithmetic_of_a_process_follows_the_mode():
    batcher_for(Settings(fast=True))
    assert torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.benchmark
    batcher_for(Settings())
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.benchmark


def test_rows_that_fit_are_measured(model):
    few, many = (rows_that_fit(model, megabytes << 20) for megabytes in (64, 512))
    assert 1 <= few < many <= 1024
    assert {few, many} <= {2**power for power in range(11)}
    assert many / few == pytest.approx(8, rel=0.01)
    assert rows_that_fit(model, 0) == 1
    assert rows_that_fit(model, 1 << 60) == 1024


def test_sizes_are_chosen_on_a_gpu_in_fast_mode_alone(model, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (1 << 30, 2 << 30))
    fast = Settings(device="cuda", fast=True)
    chosen = fitting(fast, lambda: model)
    assert chosen.batch == rows_that_fit(model, 1 << 29) > 16
    assert chosen.arithmetic == fast.arithmetic
    asked = Settings(device="cuda", batch_size=8, fast=True)
    for settings in (asked, Settings(device="cuda"), Settings(device="cpu", fast=True)):
        assert fitting(settings, lambda: pytest.fail("measured")) == settings


def test_torch_is_told_of_large_pages_before_its_first_tensor(monkeypatch):
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    prepare_process()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "1"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_large_buffers_come_in_large_pages():
    chosen = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not chosen.exists() or "[never]" in chosen.read_text():
        pytest.skip("this kernel has no transparent huge pages")
    script = (
        "import resource, sys; from auditkit.models.memory import prepare_process; prepare_process()\n"
        "import torch\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "torch.ones(64 << 20, dtype=torch.uint8)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("THP_MEM_ALLOC_ENABLE", None)
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < (64 << 20) / 4096 / 4
