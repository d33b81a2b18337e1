"""The stages' workers: each makes a function from image indices to arrays. Called once per thread.

Torch is imported inside the functions, since a run whose evidence is all in the store needs none.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Arrays
from auditkit.spec.methods import parse_method

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.batches import Batcher
    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model

MakeModel: TypeAlias = "Callable[[], Model]"


def batcher_for(settings: Settings) -> "Batcher":
    """The batches of a thread: one thread per operation, full float32."""
    import torch

    from auditkit.evidence.batches import Batcher

    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return Batcher(settings.batch)


def inputs_of(evidence: "Evidence", model: "Model", indices: Sequence[int]) -> "torch.Tensor":
    """Images as one input batch of the model."""
    return model.prepare([evidence.data.image(index) for index in indices])


def _answer(
    evidence: "Evidence", model: "Model", probabilities: "torch.Tensor", indices: Sequence[int]
) -> Arrays:
    """Score and decision from probabilities (n, C)."""
    import torch

    if evidence.two_class:
        score = probabilities[:, model.positive]
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
            answers = batcher.map(model.probabilities, inputs_of(evidence, model, indices))
        return _answer(evidence, model, answers, indices)

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

    def compute(indices: Sequence[int]) -> Arrays:
        luv = srgb_to_luv(inputs_of(evidence, model, indices))
        columns = []
        for du, dv in offsets:
            moved = luv + luv.new_tensor([0.0, du, dv]).view(3, 1, 1)
            with torch.no_grad():
                answers = batcher.map(lambda x: model.probabilities(luv_to_srgb(x)), moved)
            columns.append(_answer(evidence, model, answers, indices))
        return {name: np.stack([c[name] for c in columns], axis=1) for name in columns[0]}

    return compute


def heatmaps_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Heatmaps of the decided class."""
    import torch

    from auditkit.evidence.heatmaps import explainer

    model = make()
    batcher = batcher_for(settings)
    explain = explainer(parse_method(parameters), model)

    def compute(indices: Sequence[int]) -> Arrays:
        inputs = inputs_of(evidence, model, indices)
        with torch.no_grad():
            decision = model.decide(batcher.map(model.probabilities, inputs)).to(model.device)
        target = model.decided_output(decision)
        maps = explain.maps(inputs, target, batcher)
        cells = np.full(len(indices), explain.cell, dtype=np.int64)
        return {"map": maps.numpy().astype(np.float32), "cell": cells}

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
        inputs = (inputs_of(evidence, model, indices) * 255.0).round() / 255.0
        with torch.no_grad():
            return {"output": batcher.map(model.raw, inputs).double().numpy()}

    return compute


def runtime_worker(
    evidence: "Evidence", make: MakeModel, _settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Raw outputs of the TFLite runtime for the same pictures."""
    from auditkit.models.identity import weights_path
    from auditkit.models.tflite import ReferenceRuntime

    model = make()
    runtime = ReferenceRuntime(weights_path(evidence.card), parameters["kernel"])

    def compute(indices: Sequence[int]) -> Arrays:
        inputs = (inputs_of(evidence, model, indices) * 255.0).round() / 255.0
        batch = model.normalise(inputs).permute(0, 2, 3, 1).contiguous().cpu().numpy()
        if model.network.quantised_input:
            batch = np.rint(batch).astype(np.uint8)
        outputs = runtime.dequantise(runtime.run(batch)).astype(np.float64)
        return {"output": outputs, "step": np.full(len(indices), runtime.output_step)}

    return compute
