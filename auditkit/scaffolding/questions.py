"""The few questions: each with a default that was found by looking, or an option that answers it."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from auditkit.errors import AuditError
from auditkit.scaffolding.answers import Answers, FoundData, FoundModel, as_name, likely_score
from auditkit.scaffolding.asking import Asker, as_file, as_numbers, as_one_of, as_side, as_words
from auditkit.scaffolding.data_found import inspect_data
from auditkit.scaffolding.weights_file import inspect_model
from auditkit.spec.audit import identifier
from auditkit.spec.formats import FORMATS, FormatName
from auditkit.spec.problems import nearest

_IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def answers(given: argparse.Namespace, *, interactive: bool) -> Answers:
    """Everything that is needed, from options, answers and what was found by looking.

    Raises:
        AuditError: something is missing or not understood.
    """
    asker = Asker(interactive=interactive)
    weights = asker.ask("model", "the file with the model's weights", given.model, None, as_file)
    place = asker.ask(
        "data", "a folder with a sub-folder per class, or a table", given.data, None, Path
    )
    columns = {
        key: value
        for key in ("image", "label", "patient", "mask", "split")
        if (value := getattr(given, f"{key}_column")) is not None
    }
    data = inspect_data(place, columns, as_words(given.groups) if given.groups else None)
    model = inspect_model(weights, given.format, given.architecture)
    if data.format == "table":
        data = _columns(asker, data, given)
    return _settled(asker, given, weights, model, data)


def _settled(
    asker: Asker, given: argparse.Namespace, weights: Path, model: FoundModel, data: FoundData
) -> Answers:
    format_, architecture = _architecture(asker, given, model)
    model = replace(model, format=format_)
    mean, std = _normalisation(asker, given, model)
    classes = _classes(asker, given, model, data)
    score = _score(asker, given, classes, model, data)
    name = asker.ask(
        "name", "a name for the model", given.name, as_name(weights.stem, "model"), identifier
    )
    folder = data.place if data.format == "folder" else data.place.resolve().parent
    data_name = as_name(folder.resolve().name, "images")
    task = asker.ask(
        "task", "the task, a word that joins models and data", given.task, data_name, identifier
    )
    return Answers(
        name=name,
        data_name=data_name,
        task=task,
        weights=weights,
        model=model,
        architecture=architecture,
        size=asker.ask(
            "size", "side of the input in pixels", _text(given.size), _text(model.size), as_side
        )
        if not _fixed(model)
        else int(model.size or 0),
        mean=mean,
        std=std,
        kind=_kind(asker, given, model),
        classes=classes,
        score=score,
        threshold=_threshold(asker, given) if score is not None else None,
        data=data,
        guessed=asker.guessed,
    )


def _fixed(model: FoundModel) -> bool:
    """Whether the file itself says how large its input is."""
    return model.format in ("onnx", "tflite") and model.size is not None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _architecture(
    asker: Asker, given: argparse.Namespace, model: FoundModel
) -> tuple[FormatName, str | None]:
    """The format and the name of the architecture, where the format needs one."""
    if not FORMATS[model.format].needs_architecture:
        return model.format, None
    fits = model.architectures
    also = f" (all tensors also fit {', '.join(n for _, n in fits[1:6])})" if fits[1:] else ""
    default = fits[0][1] if fits else None
    name = asker.ask(
        "architecture",
        f"its architecture in torchvision or timm{also}",
        given.architecture,
        default,
        str,
    )
    if len(fits) == 1 and name == default:
        asker.guessed.discard("architecture")
    kind = next((kind for kind, known in fits if known == name), model.format)
    return kind, name


def _kind(
    asker: Asker, given: argparse.Namespace, model: FoundModel
) -> Literal["probabilities", "logits"]:
    read = as_one_of("probabilities", "logits")
    found = asker.ask(
        "output", "whether it gives logits or probabilities", given.output, model.kind, read
    )
    if FORMATS[model.format].needs_architecture:
        asker.guessed.discard("output")
    return "logits" if found == "logits" else "probabilities"


def _normalisation(
    asker: Asker, given: argparse.Namespace, model: FoundModel
) -> tuple[list[float], list[float]]:
    if model.bytes:
        return [0.0], [1.0]
    mean, std = model.mean or _IMAGENET[0], model.std or _IMAGENET[1]
    if model.grey:
        mean, std = [0.5], [0.5]
    shown = [",".join(f"{value:g}" for value in values) for values in (mean, std)]
    return (
        asker.ask("mean", "mean of its normalisation", given.mean, shown[0], as_numbers),
        asker.ask(
            "std", "standard deviation of its normalisation", given.std, shown[1], as_numbers
        ),
    )


def _classes(
    asker: Asker, given: argparse.Namespace, model: FoundModel, data: FoundData
) -> list[str]:
    """Names of the outputs in their order; of a network with one output, the labels."""
    outputs = model.outputs
    fits = outputs in (None, 1, len(data.labels))
    default = ",".join(data.labels) if fits else None
    count = "" if outputs in (None, 1) else f" ({outputs} outputs)"
    names = asker.ask(
        "classes",
        f"its classes in the order of its outputs{count}",
        given.classes,
        default,
        as_words,
    )
    if outputs not in (None, 1, len(names)):
        raise AuditError(f"--classes: {len(names)} names, but the file has {outputs} outputs")
    unknown = [label for label in data.labels if label not in names]
    if unknown:
        raise AuditError(
            f"--classes: the data have the label '{unknown[0]}', which is none of {', '.join(names)}"
        )
    return names


def _score(
    asker: Asker,
    given: argparse.Namespace,
    classes: Sequence[str],
    model: FoundModel,
    data: FoundData,
) -> str | None:
    """The class that is looked for; None where all classes are decided between."""
    default = likely_score(list(classes)) or ("none" if model.outputs != 1 else None)

    def read(text: str) -> str | None:
        if text == "none" and model.outputs != 1:
            return None
        if text not in data.labels:
            raise ValueError(nearest(text, data.labels))
        return text

    found = asker.ask("score", "the class that is looked for, or none", given.score, default, read)
    if found is None:
        asker.guessed.discard("score")
    return found


def _threshold(asker: Asker, given: argparse.Namespace) -> float | None:
    """The device's own threshold, if anybody says it."""

    def read(text: str) -> float | None:
        if text == "unknown":
            return None
        value = float(text)
        if not 0 < value < 1:
            raise ValueError("a probability between 0 and 1 was expected")
        return value

    return asker.ask(
        "threshold",
        "the score from which on its decision is positive",
        given.threshold,
        "unknown",
        read,
    )


def _columns(asker: Asker, data: FoundData, given: argparse.Namespace) -> FoundData:
    """Confirm on a terminal what columns hold; elsewhere, what was found stands."""
    if not asker.interactive:
        return data
    found = dict(data.columns)
    for key in ("patient", "mask"):
        if getattr(given, f"{key}_column") is None:
            read = as_one_of("none", *data.header)
            name = asker.ask(
                key, f"column of the {key}, or none", None, found.get(key, "none"), read
            )
            found.pop(key, None)
            found |= {} if name == "none" else {key: name}
    groups = data.groups
    if given.groups is None:
        shown = ",".join(groups) or "none"
        groups = asker.ask("groups", "columns to report by, or none", None, shown, as_words)
    return replace(data, columns=found, groups=[] if groups == ["none"] else groups)
