"""The original TFLite runtime, which a model read into PyTorch is compared with."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.models.tflite.arithmetic import Mode
from auditkit.models.tflite.layout import is_channels_first
from auditkit.models.tflite.module import module_of
from auditkit.models.tflite.schema import parse_graph, read_content

Kernel: TypeAlias = Literal["xnnpack", "reference"]
_MODES: dict[Kernel, Mode] = {"xnnpack": "fake", "reference": "ref"}
_KERNEL_NAMES = {"xnnpack": "XNNPACK", "reference": "reference kernels"}


class ReferenceRuntime:
    """Runs a TFLite file with LiteRT, one image at a time.

    The two kernels are both TFLite and disagree in the last code now and then; their agreement is
    the noise floor of any comparison with the model.

    Args:
        path: the file.
        kernel: `xnnpack`, the default on phones and computers, or `reference`, TFLite's plain
            fixed-point kernels.
        threads: that the runtime may use.

    Attributes:
        name: of the runtime and its kernels, with the version.
        input_shape: (height, width, channels) of the images.
        input_dtype: of the image tensor in the file.
        output_dtype: of the answer in the file.

    Raises:
        AuditError: if LiteRT is not installed, the reader does not accept the file, or the runtime
            refuses it (some older files are refused by every current runtime: their reproduction
            stays unverified).
    """

    def __init__(self, path: Path, kernel: Kernel, threads: int = 1) -> None:
        # The runtime is native code: it must see only what the reader has accepted, byte for byte.
        content = read_content(path)
        graph = parse_graph(path, content)
        module_of(graph, _MODES[kernel])
        self._path = path
        self._interpreter, details, outputs = _interpreter(path, content, kernel, threads)
        inputs = {detail["index"]: detail for detail in details}
        self._input = inputs[graph.input]
        self._table = None if graph.table is None else inputs[graph.table]
        self._output = outputs[0]
        self.input_dtype: np.dtype[Any] = np.dtype(self._input["dtype"])
        self.output_dtype: np.dtype[Any] = np.dtype(self._output["dtype"])
        self._shape = tuple(int(size) for size in self._input["shape"])
        self._first = is_channels_first(self._shape)
        count, *sizes = self._shape
        self._count = count
        self.input_shape = (*sizes[1:], sizes[0]) if self._first else tuple(sizes)
        self.name = f"LiteRT {_version()}, {_KERNEL_NAMES[kernel]}"

    @property
    def output_step(self) -> float:
        """The quantisation step of the output; 0 if it is float."""
        return 0.0 if self.output_dtype == np.float32 else float(self._output["quantization"][0])

    def answer(
        self, x: npt.NDArray[np.float32], table: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float64]:
        """Answer to exactly what the module is given.

        Args:
            x: (N, C, H, W) float32: bytes 0 to 255 where the file has a quantised input (rounded
                here, half to even, as in the module), else real values.
            table: (N, F) float32, for files with a second input.

        Returns:
            (N, K) float64, real values.

        Raises:
            AuditError: if the shapes are not the file's.
        """
        images = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        if self.input_dtype != np.float32:
            images = np.clip(np.rint(images), 0, 255).astype(np.uint8)
        return self.dequantise(self.run(images, table)).astype(np.float64)

    def run(
        self, batch: npt.NDArray[Any], table: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[Any]:
        """Classify images.

        Args:
            batch: (N, H, W, C), bytes 0 to 255 for a quantised input (also for int8, whose codes
                are bytes less 128), float32 for a float one.
            table: (N, F) float32, for files with a second input.

        Returns:
            (N, outputs): codes in the output's own integer type, or float32.
        """
        if batch.shape[1:] != self.input_shape:
            raise AuditError(
                f"the TFLite runtime was given images of shape {batch.shape[1:]}, "
                f"expected {self.input_shape}",
            )
        if not len(batch):
            raise AuditError("the TFLite runtime was given no images")
        images = self._codes(batch)
        if self._first:
            images = np.moveaxis(images, -1, 1)
        rows = self._rows(table, len(batch))
        found = [
            self._run_some(
                images[i : i + self._count], None if rows is None else rows[i : i + self._count]
            )
            for i in range(0, len(batch), self._count)
        ]
        return np.concatenate(found)

    def dequantise(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Give the real values of output codes; a float output is returned as it is."""
        if self.output_dtype == np.float32:
            return codes.astype(np.float32)
        scale, zero_point = self._output["quantization"]
        return (codes.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)

    def _codes(self, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.input_dtype == np.int8:
            return (batch.astype(np.int16) - 128).astype(np.int8)
        return batch.astype(self.input_dtype)

    def _rows(self, table: npt.NDArray[np.float32] | None, count: int) -> npt.NDArray[Any] | None:
        expected = None if self._table is None else (count, int(self._table["shape"][1]))
        given = None if table is None else table.shape
        if given != expected:
            raise AuditError(
                f"the TFLite runtime was given a table of shape {given}, expected {expected}"
            )
        if table is None or self._table is None:
            return None
        rows = table.astype(np.float32)
        dtype = np.dtype(self._table["dtype"])
        if dtype == np.float32:
            return rows
        scale, zero_point = self._table["quantization"]
        codes = rows / np.float32(scale)
        rounded = np.copysign(np.floor(np.abs(codes) + np.float32(0.5)), codes) + zero_point
        limits = np.iinfo(dtype)
        stored: npt.NDArray[Any] = np.clip(rounded, limits.min, limits.max).astype(dtype)
        return stored

    def _run_some(
        self, images: npt.NDArray[Any], rows: npt.NDArray[Any] | None
    ) -> npt.NDArray[Any]:
        """Run as many images as the file takes at once; a last group is filled up."""
        count = len(images)
        self._interpreter.set_tensor(self._input["index"], _filled(images, self._count))
        if rows is not None and self._table is not None:
            self._interpreter.set_tensor(self._table["index"], _filled(rows, self._count))
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise AuditError(
                f"{self._path}: the TFLite runtime failed: {str(error).splitlines()[0]}"
            ) from error
        result: npt.NDArray[Any] = self._interpreter.get_tensor(self._output["index"])
        return result.reshape(self._count, -1)[:count].copy()


def _filled(values: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    missing = count - len(values)
    repeated = np.repeat(values[-1:], missing, axis=0) if missing else values[:0]
    return np.ascontiguousarray(np.concatenate([values, repeated]))


def _version() -> str:
    try:
        return version("ai-edge-litert")
    except PackageNotFoundError:
        return "of unknown version"


def _interpreter(path: Path, content: bytes, kernel: Kernel, threads: int) -> tuple[Any, Any, Any]:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise AuditError(
            "comparing with the original TFLite runtime needs LiteRT; install it with "
            'pip install "pytest-auditkit[tflite]"',
        ) from error
    resolver = OpResolverType.AUTO if kernel == "xnnpack" else OpResolverType.BUILTIN_REF
    try:
        interpreter = Interpreter(
            model_content=content,
            num_threads=threads,
            experimental_op_resolver_type=resolver,
        )
        interpreter.allocate_tensors()
        # Names that are no text fail here.
        return interpreter, interpreter.get_input_details(), interpreter.get_output_details()
    except (ValueError, RuntimeError) as error:
        raise AuditError(
            f"{path}: the TFLite runtime refuses the file, so that its reproduction cannot be "
            f"verified: {str(error).splitlines()[0]}",
        ) from error
