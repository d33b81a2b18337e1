"""The device's own runtime behind the same preprocessing: what the PyTorch model is held to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from auditkit.data.dataset import Picture
from auditkit.errors import AuditError, Unavailable
from auditkit.models.contract import Runtime
from auditkit.models.geometry import to_input
from auditkit.models.identity import file_path, weights_path
from auditkit.models.model import Model
from auditkit.models.preprocess import preprocess
from auditkit.models.views import see
from auditkit.models.watching import asked
from auditkit.spec.model_card import Member, ModelCard


class Device:
    """A model's networks in their own runtime.

    Args:
        model: the PyTorch model, whose preprocessing and reading of outputs are used.
        kernel: of the runtime.
        vendor: whether pictures are prepared as the device's own app does.
    """

    def __init__(self, model: Model, kernel: str, *, vendor: bool) -> None:
        card = model.card
        self.model = model
        self.given = card.vendor_input if vendor and card.vendor_input else card.input
        self.normalise = preprocess(card, self.given)
        try:
            self.runtimes = [runtime(card, member, kernel) for member in card.networks]
        except AuditError as error:
            raise Unavailable(f"unverified: {error}") from error

    @property
    def output_step(self) -> float:
        """Quantisation step of the outputs; 0 for floats and for ensembles, which average."""
        alone = len(self.runtimes) * len(self.model.views) == 1
        return self.runtimes[0].output_step if alone else 0.0

    def prepare(self, pictures: Sequence[Picture]) -> torch.Tensor:
        """Pictures of any size as one input batch (N, 3, size, size) in [0, 1]."""
        return torch.stack([to_input(picture, self.given) for picture in pictures])

    def answer(self, inputs: torch.Tensor, table: torch.Tensor | None) -> npt.NDArray[np.float64]:
        """Raw outputs (N, K); an ensemble's mean probabilities (N, D)."""
        features = None if table is None else table.cpu().numpy()
        found = []
        for view in self.model.views:
            with torch.no_grad():
                given = self.normalise(see(inputs.cpu(), view)).contiguous().numpy()
            for one in self.runtimes:
                asked(inputs)
                found.append(one.answer(given, features))
        if len(found) == 1:
            return found[0]
        read = self.model.outputs.probabilities
        parts = [read(torch.from_numpy(part)).numpy() for part in found]
        mean: npt.NDArray[np.float64] = np.mean(parts, axis=0)
        return mean


def runtime(card: ModelCard, member: Member, kernel: str) -> Runtime:
    """The runtime of one network.

    Raises:
        AuditError: it is not installed, or refuses the file.
    """
    path = weights_path(card, member.weights)
    if card.format == "tflite":
        from auditkit.models.tflite import ReferenceRuntime

        return ReferenceRuntime(path, "reference" if kernel == "reference" else "xnnpack")
    if card.format == "onnx":
        from auditkit.models.onnx import OnnxRuntime

        return OnnxRuntime(path)
    if card.format == "caffe":
        from auditkit.models.caffe import CaffeRuntime

        return CaffeRuntime(path, _definition(card, member))
    if card.format == "keras":
        from auditkit.models.keras_format import KerasRuntime, available_backends

        if available_backends() == ["torch"]:
            raise AuditError(
                "Keras finds only PyTorch here, whose arithmetic is the model's own; for another one "
                'run: pip install "pytest-auditkit[keras]"'
            )
        return KerasRuntime(path)
    raise AuditError(f"the format {card.format} has no runtime other than PyTorch")


def _definition(card: ModelCard, member: Member) -> Path:
    assert member.weights.definition is not None
    return file_path(card, member.weights.definition, "weights.definition")
