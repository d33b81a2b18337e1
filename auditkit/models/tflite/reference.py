"""The original TFLite runtime, which a model read into PyTorch is compared with."""

from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.models.tflite.schema import read_graph

Kernel: TypeAlias = Literal["xnnpack", "reference"]


class ReferenceRuntime:
    """Runs a TFLite file with LiteRT, one image at a time.

    The two kernels are both TFLite and disagree in the last code now and then; their agreement is
    the noise floor of any comparison with the model.

    Args:
        path: the file.
        kernel: `xnnpack`, the default on phones and computers, or `reference`, TFLite's plain
            fixed-point kernels.
        threads: that the runtime may use.

    Raises:
        AuditError: if LiteRT is not installed, the file is damaged, or the runtime refuses it (some
            older files are refused by every current runtime: their reproduction stays unverified).
    """

    def __init__(self, path: Path, kernel: Kernel, threads: int = 1) -> None:
        # The runtime is native code: it must not see a damaged file.
        read_graph(path)
        self._interpreter = _interpreter(path, kernel, threads)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self.input_dtype: np.dtype[Any] = np.dtype(self._input["dtype"])
        self.output_dtype: np.dtype[Any] = np.dtype(self._output["dtype"])

    @property
    def output_step(self) -> float:
        """The quantisation step of the output; 0 if it is float."""
        return 0.0 if self.output_dtype == np.float32 else float(self._output["quantization"][0])

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Classify images.

        Args:
            batch: (N, H, W, C), bytes 0 to 255 for a quantised input (also for int8, whose codes
                are bytes less 128), float32 for a float one.

        Returns:
            (N, outputs): codes in the output's own integer type, or float32.
        """
        expected = tuple(int(size) for size in self._input["shape"][1:])
        if batch.shape[1:] != expected:
            raise AuditError(
                f"the TFLite runtime was given images of shape {batch.shape[1:]}, "
                f"expected {expected}",
            )
        if not len(batch):
            raise AuditError("the TFLite runtime was given no images")
        return np.stack([self._run_one(image) for image in self._codes(batch)])

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

    def _run_one(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        self._interpreter.set_tensor(self._input["index"], image[None])
        self._interpreter.invoke()
        result: npt.NDArray[Any] = self._interpreter.get_tensor(self._output["index"])
        return result.reshape(-1).copy()


def _interpreter(path: Path, kernel: Kernel, threads: int) -> Any:
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
            model_path=str(path),
            num_threads=threads,
            experimental_op_resolver_type=resolver,
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise AuditError(
            f"{path}: the TFLite runtime refuses the file, so that its reproduction cannot be "
            f"verified: {str(error).splitlines()[0]}",
        ) from error
    return interpreter
