"""The stages' workers: each makes a function from image indices to arrays. Called once per thread.

Torch is imported inside the functions, since a run whose evidence is all in the store needs none.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from auditkit.evidence.engine import Compute
from auditkit.evidence.features import feature_values
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Arrays

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.batches import Batcher
    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model

MakeModel: TypeAlias = "Callable[[], Model]"


def batcher_for(settings: Settings) -> "Batcher":
    """The batches of a thread, and the arithmetic of its process.

    One thread per operation. Usually full float32 and, on CUDA, algorithms that give the same bits
    again (on a CPU with one thread all do). In fast mode TensorFloat-32, the fastest convolution for
    each shape, and no filling up of batches.
    """
    import torch

    from auditkit.evidence.batches import Batcher

    fast = settings.fast
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = fast
    torch.backends.cudnn.allow_tf32 = fast
    torch.backends.cudnn.benchmark = fast
    if torch.cuda.is_available() and settings.device != "cpu":
        # A warning, not an error, where an operation has one algorithm only.
        torch.use_deterministic_algorithms(not fast, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return Batcher(settings.batch, padded=not fast)


def inputs_of(
    evidence: "Evidence", model: "Model", indices: Sequence[int]
) -> "tuple[torch.Tensor, torch.Tensor | None]":
    """Images as one input batch of the model, and its second input if it has one."""
    images = model.prepared([evidence.ahead.take(index) for index in indices])
    return images, table_of(evidence, model, indices)


def table_of(evidence: "Evidence", model: "Model", indices: Sequence[int]) -> "torch.Tensor | None":
    """The second input (N, F) of models that have one."""
    import torch

    if not model.card.table:
        return None
    rows = [feature_values(model.card, evidence.records[index]) for index in indices]
    return torch.tensor(rows, dtype=torch.float32, device=model.device)


def scored(
    evidence: "Evidence", model: "Model", probabilities: "torch.Tensor", indices: Sequence[int]
) -> Arrays:
    """Score and decision from the probabilities (n, D) of decisions."""
    import torch

    if evidence.two_class:
        score = probabilities[:, 1]
    else:
        labels = torch.from_numpy(evidence.labels[list(indices)])
        score = probabilities[torch.arange(len(probabilities)), labels]
    return {
        "score": score.double().numpy(),
        "decision": model.decide(probabilities).numpy(),
    }


def scores_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, _parameters: dict[str, Any]
) -> Compute:
    """Scores of images as they are."""
    import torch

    model = make()
    batcher = batcher_for(settings)

    def compute(indices: Sequence[int]) -> Arrays:
        with torch.no_grad():
            answers = batcher.map(model.probabilities, *inputs_of(evidence, model, indices))
        return scored(evidence, model, answers, indices)

    return compute


def shifts_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Scores of recoloured images, one column per shift."""
    import torch

    from auditkit.colour import luv_to_srgb, offset, srgb_to_luv

    model = make()
    batcher = batcher_for(settings)
    offsets = [offset(angle, radius) for radius, angle in parameters["shifts"]]

    def answer(luv: "torch.Tensor", table: "torch.Tensor | None") -> "torch.Tensor":
        return model.probabilities(luv_to_srgb(luv), table)

    def compute(indices: Sequence[int]) -> Arrays:
        inputs, table = inputs_of(evidence, model, indices)
        luv = srgb_to_luv(inputs)
        columns = []
        for du, dv in offsets:
            moved = luv + luv.new_tensor([0.0, du, dv]).view(3, 1, 1)
            with torch.no_grad():
                answers = batcher.map(answer, moved, table)
            columns.append(scored(evidence, model, answers, indices))
        return {name: np.stack([c[name] for c in columns], axis=1) for name in columns[0]}

    return compute


def answers_worker(
    evidence: "Evidence", _make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Raw outputs in one arithmetic, for pictures rounded to bytes."""
    import torch

    from auditkit.models import load_model

    card = evidence.card.model_copy(update={"mode": parameters["mode"]})
    model = load_model(card, settings.device, settings.precision)
    batcher = batcher_for(settings)

    def compute(indices: Sequence[int]) -> Arrays:
        inputs, table = inputs_of(evidence, model, indices)
        with torch.no_grad():
            answers = batcher.map(model.raw, _as_bytes(inputs), table)
        return {"output": answers.double().numpy()}

    return compute


def runtime_worker(
    evidence: "Evidence", make: MakeModel, _settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Raw outputs of the device's own runtime, for the same input or the app's own preprocessing."""
    from auditkit.models.runtimes import Device

    device = Device(make(), parameters["kernel"], vendor=parameters["vendor"])

    def compute(indices: Sequence[int]) -> Arrays:
        pictures = [evidence.data.image(index) for index in indices]
        table = table_of(evidence, device.model, indices)
        answers = device.answer(_as_bytes(device.prepare(pictures)), table)
        return {"output": answers, "step": np.full(len(indices), device.output_step)}

    return compute


def _as_bytes(inputs: "torch.Tensor") -> "torch.Tensor":
    """Pictures as a device has them: 8 bits per channel."""
    return (inputs * 255.0).round() / 255.0
