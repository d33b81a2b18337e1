"""onnxruntime, which a model read into PyTorch is compared with."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.models.contract import Floats32, Floats64
from auditkit.models.onnx.load import load_onnx

_TYPES: dict[str, type[np.generic]] = {
    "DOUBLE": np.float64,
    "FLOAT": np.float32,
    "FLOAT16": np.float16,
    "INT32": np.int32,
    "INT64": np.int64,
    "INT8": np.int8,
    "UINT8": np.uint8,
}


class OnnxRuntime:
    """Runs an ONNX file with onnxruntime on the processor, one image at a time.

    Attributes:
        output_step: quantisation step of the answers; 0 where they are real numbers.
        name: onnxruntime with its version.

    Args:
        path: the file; it is read and tried by `load_onnx` first, since the runtime is native code.
        threads: that the runtime may use.
        size: as of `load_onnx`.
        output: as of `load_onnx`.

    Raises:
        AuditError: if onnxruntime is not installed, or it or the reader refuses the file.
    """

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        *,
        size: tuple[int, int] | None = None,
        output: str | None = None,
    ) -> None:
        model = load_onnx(path, size=size, output=output)
        self._face, self._codes, self._path = model.face, model.codes, path
        self.output_step = model.output_step
        self._session, version = _session(path, threads)
        self.name = f"onnxruntime {version}, CPUExecutionProvider"

    def answer(self, x: Floats32, table: Floats32 | None = None) -> Floats64:
        """Answer to exactly what the network is given.

        Args:
            x: (N, C, H, W) float32; bytes 0 to 255 where the file wants 8 bits.
            table: (N, F) float32, for models that have a second input.

        Returns:
            (N, K) float64, real values.
        """
        height, width, channels = self._face.shape
        if x.shape[1:] != (channels, height, width) or not len(x):
            raise AuditError(
                f"{self._path}: onnxruntime was given images of shape {x.shape}, expected "
                f"(N, {channels}, {height}, {width})",
            )
        if (table is None) == (self._face.table is not None):
            raise AuditError(
                f"{self._path}: a table belongs to models with two inputs, and only them"
            )
        rows = [
            self._one(x[row : row + 1], None if table is None else table[row : row + 1])
            for row in range(len(x))
        ]
        return np.stack(rows)

    def _one(self, image: Floats32, table: Floats32 | None) -> Floats64:
        face = self._face
        pixels = image.transpose(0, 2, 3, 1) if face.channels_last else image
        if face.bytes:
            pixels = np.rint(pixels).clip(0, 255) - face.byte_offset
        given = {face.image: _as(pixels, face.kind)}
        if face.table is not None and table is not None:
            given[face.table] = _as(table, face.table_kind)
        try:
            answer: npt.NDArray[Any] = self._session.run([face.output], given)[0]
        # onnxruntime's errors share no class but Exception.
        except Exception as error:
            raise AuditError(
                f"{self._path}: onnxruntime cannot run the model: {_line(error)}"
            ) from error
        real = answer.reshape(-1).astype(np.float64)
        if self._codes is None:
            return real
        scale, zero = (
            float(part.reshape(-1)[0]) for part in (self._codes.scale, self._codes.zero_point)
        )
        return (real - zero) * scale


def _as(values: Floats32, kind: str) -> npt.NDArray[Any]:
    dtype = np.dtype(_TYPES.get(kind, np.float32))
    return np.ascontiguousarray(np.rint(values) if dtype.kind in "iu" else values, dtype)


def _session(path: Path, threads: int) -> tuple[Any, str]:
    try:
        import onnxruntime
    except ImportError as error:
        raise AuditError(
            "comparing with onnxruntime needs it; install it with "
            'pip install "pytest-auditkit[onnx]"',
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    # onnxruntime's errors share no class but Exception.
    except Exception as error:
        raise AuditError(
            f"{path}: onnxruntime refuses the file, so that its reproduction cannot be verified: "
            f"{_line(error)}",
        ) from error
    return session, str(onnxruntime.__version__)


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
