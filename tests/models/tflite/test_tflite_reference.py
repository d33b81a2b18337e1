"""The original runtime: its interface and its refusals."""

import sys

import numpy as np
import pytest
import tflite
from tflite_inputs import byte_images

from auditkit.errors import AuditError
from auditkit.models.tflite import ReferenceRuntime


def test_missing_package_names_the_pip_line(sample, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(AuditError, match=r'pip install "pytest-auditkit\[tflite\]"'):
        ReferenceRuntime(sample("mnasnet_uint8"), "xnnpack")


def test_damaged_file_never_reaches_the_native_code(sample, tmp_path):
    path = tmp_path / "short.tflite"
    path.write_bytes(sample("mnasnet_uint8").read_bytes()[:9000])
    with pytest.raises(AuditError, match="damaged or truncated"):
        ReferenceRuntime(path, "xnnpack")


class TestWithRuntime:
    @pytest.fixture(autouse=True)
    def _runtime(self):
        pytest.importorskip("ai_edge_litert")

    def test_output_is_one_row_of_codes_per_image(self, sample):
        runtime = ReferenceRuntime(sample("mnasnet_int8"), "reference")
        codes = runtime.run(byte_images(3, (48, 48, 3)))
        assert codes.shape == (3, 5)
        assert codes.dtype == np.int8
        np.testing.assert_allclose(runtime.dequantise(codes).sum(1), 1, atol=0.03)

    def test_float_output_is_its_own_real_value(self, sample):
        runtime = ReferenceRuntime(sample("mnasnet_int8_float_edges"), "xnnpack")
        values = runtime.run(np.zeros((1, 48, 48, 3), np.float32))
        np.testing.assert_array_equal(runtime.dequantise(values), values)

    @pytest.mark.parametrize("shape", [(1, 47, 48, 3), (0, 48, 48, 3)])
    def test_wrong_batch_is_an_error(self, sample, shape):
        runtime = ReferenceRuntime(sample("mnasnet_uint8"), "xnnpack")
        with pytest.raises(AuditError, match="was given"):
            runtime.run(np.zeros(shape, np.uint8))

    def test_file_that_the_runtime_refuses_stays_unverified(self, sample, tmp_path):
        path = tmp_path / "newer.tflite"
        path.write_bytes(_with_newer_version(sample("mnasnet_int8").read_bytes()))
        with pytest.raises(AuditError, match=r"refuses the file.*cannot be verified"):
            ReferenceRuntime(path, "xnnpack")


def _with_newer_version(content):
    """Ask for a version of an operator that no runtime has."""
    changed = bytearray(content)
    model = tflite.Model.GetRootAs(changed, 0)
    codes = map(model.OperatorCodes, range(model.OperatorCodesLength()))
    # Version 1 is the default, which is not stored.
    code = next(code for code in codes if code.Version() > 1)
    start = code._tab.Offset(8) + code._tab.Pos
    changed[start : start + 4] = (99).to_bytes(4, "little")
    return bytes(changed)
