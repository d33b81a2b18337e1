"""The module against the original runtime, LiteRT, with both of its kernels."""

import numpy as np
import pytest
import torch
from tflite_inputs import images_for, tensor_of

from auditkit.models.tflite import ReferenceRuntime, load_tflite

pytest.importorskip("ai_edge_litert")

QUANTISED = [
    "activations_int8",
    "activations_uint8",
    "any_batch_int8",
    "batch_of_four_int8",
    "channels_first_int8",
    "dense_int8",
    "dense_uint8",
    "flattened_int8",
    "gates_int8",
    "gates_uint8",
    "inception_int8",
    "inception_uint8",
    "many_int8",
    "many_int8_per_tensor",
    "many_uint8",
    "mnasnet_int8",
    "mnasnet_int8_float_edges",
    "mnasnet_int8_per_tensor",
    "mnasnet_int8_uint8_edges",
    "mnasnet_uint8",
    "mobilenet_int8",
    "mobilenet_int8_per_tensor",
    "mobilenet_uint8",
    "movements_int8",
    "movements_uint8",
    "reductions_int8",
    "reductions_uint8",
]
FLOAT = [
    "activations_float",
    "any_batch_float",
    "batch_of_four_float",
    "channels_first_float",
    "dense_float",
    "flattened_float",
    "gates_float",
    "inception_float",
    "many_float",
    "mnasnet_float",
    "mnasnet_float16",
    "mobilenet_float",
    "movements_float",
    "reductions_float",
    "smooth_float",
    "unsupported_tanh",
]
# The reference kernels of LiteRT 2.3 lack ELU.
NOT_IN_REFERENCE = {"smooth_float"}


def compare(path, mode, kernel, count=30):
    """Outputs of module and runtime: codes where the file has them, else real values."""
    model = load_tflite(path, mode=mode)
    images = images_for(model, count)
    found = ReferenceRuntime(path, kernel).run(images)
    with torch.no_grad():
        call = model.codes if model.quantised_output else model
        return call(tensor_of(images)).numpy(), found.astype(np.float32)


@pytest.mark.parametrize("name", QUANTISED)
def test_ref_repeats_the_reference_kernels_bit_for_bit(sample, name):
    ours, theirs = compare(sample(name), "ref", "reference")
    np.testing.assert_array_equal(ours, theirs)
    assert (ours.std(0) > 0).any()


@pytest.mark.parametrize("name", QUANTISED)
def test_fake_agrees_with_xnnpack(sample, name):
    ours, theirs = compare(sample(name), "fake", "xnnpack", count=60)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] >= 0.999
    assert (ours == theirs).mean() >= 0.99
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("name", QUANTISED)
def test_float_is_near_xnnpack_but_not_equal(sample, name):
    path = sample(name)
    model = load_tflite(path, mode="float")
    images = images_for(model, 30)
    runtime = ReferenceRuntime(path, "xnnpack")
    real = runtime.dequantise(runtime.run(images))
    with torch.no_grad():
        ours = model(tensor_of(images)).numpy()
    assert np.corrcoef(ours.ravel(), real.ravel())[0, 1] > 0.98
    assert np.abs(ours - real).max() > 1e-3


@pytest.mark.parametrize("kernel", ["xnnpack", "reference"])
@pytest.mark.parametrize("name", FLOAT)
def test_float_files_agree_to_five_digits(sample, name, kernel):
    if kernel == "reference" and name in NOT_IN_REFERENCE:
        pytest.skip("the runtime does not have one of its operators")
    mode = "ref" if kernel == "reference" else "fake"
    ours, theirs = compare(sample(name), mode, kernel)
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_every_sample_is_compared(sample):
    # The hybrid ones and those with a table have tests of their own.
    apart = {"mnasnet_hybrid", "wide_hybrid", "with_table_float", "with_table_int8", "bytes_float"}
    apart.add("unsupported_sine")
    known = {*QUANTISED, *FLOAT, *apart}
    assert {path.stem for path in sample("mnasnet_int8").parent.glob("*.tflite")} == known


@pytest.mark.parametrize("name", ["mnasnet_uint8", "mobilenet_int8"])
def test_real_values_are_the_runtimes(sample, name):
    path = sample(name)
    model, runtime = load_tflite(path, mode="ref"), ReferenceRuntime(path, "reference")
    images = images_for(model, 12)
    with torch.no_grad():
        ours = model(tensor_of(images)).numpy()
    np.testing.assert_allclose(ours, runtime.dequantise(runtime.run(images)), rtol=1e-6)


@pytest.mark.parametrize("name", ["mnasnet", "many", "mobilenet"])
def test_uint8_file_is_the_int8_file_moved_by_128(sample, name):
    # TFLite itself rounds a few sums elsewhere in uint8, so that equality is not to be had.
    signed, unsigned = sample(f"{name}_int8_per_tensor"), sample(f"{name}_uint8")
    images = images_for(load_tflite(unsigned), 60)
    first = ReferenceRuntime(signed, "xnnpack").run(images).astype(int) + 128
    second = ReferenceRuntime(unsigned, "xnnpack").run(images).astype(int)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.999
