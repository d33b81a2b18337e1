"""Single operators against both kernels of the original runtime, on random scales."""

import numpy as np
import pytest
import torch
from tflite_cases import CASES, NOT_FOR, build
from tflite_inputs import tensor_of

from auditkit.errors import AuditError
from auditkit.models.tflite import ReferenceRuntime, load_tflite
from auditkit.models.tflite.operators import BUILDERS
from auditkit.models.tflite.schema import read_graph

pytest.importorskip("ai_edge_litert")

ROUTES = {"ref": "reference", "fake": "xnnpack"}
# LiteRT's reference resolver lacks ELU, and its sum of int8 codes overflows (version 2.3).
NOT_IN_REFERENCE = {("ELU", "FLOAT32"), ("ELU", "INT8"), ("SUM", "INT8")}


def images_of(model, count):
    generator = np.random.default_rng(5)
    shape = (count, *model.input_shape)
    if model.quantised_input:
        return generator.integers(0, 256, shape).astype(np.uint8)
    return generator.normal(0, 2, shape).astype(np.float32)


def answers(path, mode):
    model, runtime = load_tflite(path, mode=mode), ReferenceRuntime(path, ROUTES[mode])
    images = images_of(model, 5)
    with torch.no_grad():
        call = model.codes if model.quantised_output else model
        return call(tensor_of(images)).numpy(), runtime.run(images).astype(np.float32)


@pytest.mark.parametrize("mode", ["ref", "fake"])
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_FOR["codes"]])
def test_codes_are_the_runtimes_bit_for_bit(name, dtype, mode, tmp_path):
    if name in NOT_FOR[dtype] or (mode == "ref" and (name, dtype) in NOT_IN_REFERENCE):
        pytest.skip("the runtime does not have it")
    for seed in (0, 1):
        ours, theirs = answers(build(name, dtype, seed, tmp_path), mode)
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("mode", ["ref", "fake"])
@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_FOR["FLOAT32"]])
def test_real_values_are_the_runtimes(name, mode, tmp_path):
    if mode == "ref" and (name, "FLOAT32") in NOT_IN_REFERENCE:
        pytest.skip("the runtime does not have it")
    ours, theirs = answers(build(name, "FLOAT32", 0, tmp_path), mode)
    np.testing.assert_allclose(ours, theirs, rtol=3e-6, atol=2e-5)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["FLOAT32", "INT8"])
def test_gradients_flow_and_rows_stay_apart(name, dtype, tmp_path):
    if name in NOT_FOR[dtype] | (NOT_FOR["codes"] if dtype == "INT8" else set()):
        pytest.skip("not for codes")
    model = load_tflite(build(name, dtype, 0, tmp_path))
    x = tensor_of(images_of(model, 3)).requires_grad_()
    answer = model(x)
    answer[1].sum().backward()
    assert torch.isfinite(x.grad).all()
    assert not x.grad[0].any()
    assert not x.grad[2].any()
    assert x.grad[1].any()
    with torch.no_grad():
        torch.testing.assert_close(model(x[1:2]), answer[1:2].detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(NOT_FOR["codes"]))
def test_what_is_known_on_real_values_only_says_so(name, tmp_path):
    with pytest.raises(AuditError, match="knows it on float32 only"):
        load_tflite(build(name, "INT8", 0, tmp_path))


def test_sum_of_int8_codes_is_the_rescaled_sum(tmp_path):
    path = build("SUM", "INT8", 0, tmp_path)
    model = load_tflite(path, mode="ref")
    images = images_of(model, 6)
    runtime = ReferenceRuntime(path, "xnnpack")
    with torch.no_grad():
        assert np.abs(model.codes(tensor_of(images)).numpy() - runtime.run(images)).max() <= 1


def test_every_operator_is_tested_here_or_in_a_network(sample):
    tested = {name.split(" ")[0] for name in CASES}
    for path in sample("mnasnet_int8").parent.glob("*.tflite"):
        tested |= {record.name for record in read_graph(path).operators}
    assert set(BUILDERS) <= tested
