"""The module against the original runtime, LiteRT, with both of its kernels."""

import numpy as np
import pytest
import torch
from tflite_inputs import SAMPLES, images_for, tensor_of

from auditkit.models.tflite import ReferenceRuntime, load_tflite

pytest.importorskip("ai_edge_litert")

# Tests of their own: hybrid files, those of another form, and the one that is refused.
APART = {"mnasnet_hybrid", "wide_hybrid", "with_table_float", "with_table_int8", "bytes_float"}
APART |= {"unsupported_sine"}
NAMES = {path.stem for path in SAMPLES.glob("*.tflite")} - APART
QUANTISED = sorted(name for name in NAMES if "int8" in name)
FLOAT = sorted(NAMES - set(QUANTISED))
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


def test_there_is_something_to_compare():
    assert len(QUANTISED) >= 25
    assert len(FLOAT) >= 15


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
