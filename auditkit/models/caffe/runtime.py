"""OpenCV's reading of a Caffe network, which the PyTorch module is compared with."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from auditkit.errors import AuditError
from auditkit.models.caffe.definition import read_definition
from auditkit.models.caffe.graph import Graph, resolve
from auditkit.models.caffe.module import KNOWN, load_caffe
from auditkit.models.caffe.plain import plain_text
from auditkit.models.contract import Floats32, Floats64


class CaffeRuntime:
    """Runs a Caffe network with OpenCV's dnn module, one image at a time.

    Caffe itself is not built for the Pythons of today; OpenCV's reader is code of other hands. It gets
    the definition as Caffe would run it in the test phase, because it does not know phases itself, and
    the file of the weights as it is. Layers are not merged and sums are not rearranged (Winograd).

    Attributes:
        output_step: 0, since the outputs are floats.
        name: of the runtime with its version.

    Args:
        weights: the .caffemodel.
        definition: the .prototxt.
        threads: that OpenCV may use.

    Raises:
        AuditError: if OpenCV is not installed or reads no Caffe (5 and later), a file is damaged, or
            OpenCV refuses the network, whose reproduction then stays unverified.
    """

    output_step = 0.0

    def __init__(self, weights: Path, definition: Path, threads: int = 1) -> None:
        self._cv = _opencv()
        self.name = f"OpenCV dnn {self._cv.__version__}"
        # The runtime is native code: it must not see a damaged file.
        network = load_caffe(weights, definition)
        height, width, channels = network.input_shape
        self._shape, self._outputs = (channels, height, width), network.output_count
        del network
        self._definition = definition
        self._threads = threads
        self._net = self._read(weights, resolve(read_definition(definition, KNOWN)))

    def answer(self, x: Floats32, table: Floats32 | None = None) -> Floats64:
        """Classify images.

        Args:
            x: float32 (N, C, H, W), exactly what the PyTorch module is given.
            table: must be None; these networks have one input.

        Returns:
            float64 (N, outputs).

        Raises:
            AuditError: if the shape is another, or OpenCV cannot run the network.
        """
        if x.ndim != 4 or x.shape[1:] != self._shape or not len(x) or table is not None:
            raise AuditError(
                f"{self.name} was given images of shape {x.shape}, expected (N, *{self._shape}), "
                "at least one and no table",
            )
        with self._using_threads():
            return np.stack([self._answer_one(image) for image in x])

    def _answer_one(self, image: Floats32) -> Floats64:
        try:
            self._net.setInput(np.ascontiguousarray(image[None], np.float32))
            found = self._net.forward()
        except self._cv.error as error:
            self._fail("run", error)
        if found.size != self._outputs:
            self._fail("run", f"it gives {found.size} values, expected {self._outputs}")
        return np.array(found, np.float64).reshape(-1)

    def _read(self, weights: Path, graph: Graph) -> Any:
        misread = _misread(graph)
        if misread:
            self._fail("read", misread)
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "plain.prototxt"
            plain.write_text(plain_text(graph), encoding="utf-8")
            try:
                net = self._cv.dnn.readNetFromCaffe(str(plain), str(weights))
                net.setPreferableBackend(self._cv.dnn.DNN_BACKEND_OPENCV)
                net.enableFusion(False)
                net.enableWinograd(False)
            except self._cv.error as error:
                self._fail("read", error)
        return net

    def _fail(self, action: str, cause: Exception | str) -> NoReturn:
        reason = " ".join(str(cause).split())[:300]
        raise AuditError(
            f"{self._definition}: {self.name} cannot {action} the network, so that its reproduction "
            f"stays unverified: {reason}",
        ) from (cause if isinstance(cause, Exception) else None)

    @contextmanager
    def _using_threads(self) -> Iterator[None]:
        before = self._cv.getNumThreads()
        self._cv.setNumThreads(self._threads)
        try:
            yield
        finally:
            self._cv.setNumThreads(before)


def _misread(graph: Graph) -> str:
    # OpenCV overlooks these options without a word, and would answer as another network.
    for step in graph.steps:
        layer = step.layer
        name = f'layer "{layer.name}" ({layer.type})'
        if layer.options("inner_product_param").get("transpose", False):
            return f"it overlooks transpose in {name}"
        dilation = layer.options("convolution_param").numbers("dilation")
        if layer.type == "Deconvolution" and any(size != 1 for size in dilation):
            return f"it overlooks dilation in {name}"
    return ""


def _opencv() -> Any:
    install = 'install it with pip install "pytest-auditkit[caffe]"'
    try:
        import cv2
    except ImportError as error:
        raise AuditError(f"comparing a Caffe network needs OpenCV; {install}") from error
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        raise AuditError(
            f"OpenCV {cv2.__version__} no longer reads Caffe (5.0 removed it), so that the "
            f'reproduction stays unverified; {install}, or pip install "opencv-python-headless<5"',
        )
    return cv2
