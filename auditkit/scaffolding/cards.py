"""Cards of the model and of the data, as text with comments: what nobody confirmed says CHECK."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from auditkit.scaffolding.answers import Answers
from auditkit.spec.formats import FORMATS

CHECK = "# CHECK:"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


def word(text: str) -> str:
    """A text as YAML; in quotes where it could be read as something else."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


def words(texts: Iterable[str]) -> str:
    """A list of texts as YAML."""
    return f"[{', '.join(word(text) for text in texts)}]"


def schema_line(kind: str, file: Path, schemas: Path) -> str:
    """The comment by which editors complete keys."""
    place = os.path.relpath(schemas / f"{kind}.schema.json", file.parent)
    return f"# yaml-language-server: $schema={Path(place).as_posix()}"


def path_from(card: Path, target: Path, root: Path) -> str:
    """``target`` relative to the card where both lie in the project, else absolute."""
    target, root = target.resolve(), root.resolve()
    if target.is_relative_to(root):
        return Path(os.path.relpath(target, card.resolve().parent)).as_posix()
    return target.as_posix()


def model_card(known: Answers, card: Path, root: Path, schemas: Path) -> str:
    """The model's card."""
    lines = [
        schema_line("model", card, schemas),
        "# What is audited. Every key: docs/models.md of auditkit, or your editor's completion.",
        f"model: {known.name}",
        "# title: one line for people",
        _noted(
            f"task: {known.task}",
            known,
            "task",
            "a word of your own; models and data of one task meet",
        ),
        f"format: {known.model.format}",
    ]
    if known.architecture is not None:
        others = [name for _, name in known.model.architectures if name != known.architecture]
        also = f"all tensors also fit {', '.join(others[:5])}" if others else "not confirmed"
        lines.append(_noted(f"architecture: {known.architecture}", known, "architecture", also))
        lines += ["arguments: {num_classes: 1}"] if known.model.outputs == 1 else []
    lines += ["weights:", *_weights(known, card, root), *_input(known), *_output(known)]
    lines += [
        "# licence: SPDX name of the weights' licence",
        "# source: where the weights come from",
    ]
    lines += ["# What only people know (intended use, limits):", *_dossier("model", known.name)]
    return "\n".join(lines) + "\n"


def _dossier(kind: str, name: str) -> list[str]:
    return [
        f"#   auditkit new dossier {kind} {name}",
        f"# dossier: {{file: {name}.dossier.yaml}}",
    ]


def _noted(line: str, known: Answers, key: str, why: str) -> str:
    return f"{line}  {CHECK} {why}" if key in known.guessed else line


def _weights(known: Answers, card: Path, root: Path) -> list[str]:
    place = path_from(card, known.weights, root)
    outside = place.startswith("/") or ":" in place
    lines = [f"  file: {word(place)}"]
    lines[0] += f"  {CHECK} outside of this project; CI will not find it" if outside else ""
    with known.weights.open("rb") as file:
        lines.append(f'  sha256: "{hashlib.file_digest(file, "sha256").hexdigest()}"')
    if known.model.definition is not None:
        lines.append(f"  definition: {word(path_from(card, known.model.definition, root))}")
    if known.model.strip_prefix and FORMATS[known.model.format].needs_architecture:
        lines.append(f"  strip_prefix: {word(known.model.strip_prefix)}")
    return lines


def _input(known: Answers) -> list[str]:
    usual = "usual for such networks; what was yours trained with?"
    lines = ["input:", _noted(f"  size: {known.size}", known, "size", usual)]
    lines += ["  channels: grey"] if known.model.grey else []
    if known.model.bytes:
        return [*lines, "  scale: bytes"]
    return [
        *lines,
        _noted(f"  mean: {_numbers(known.mean)}", known, "mean", usual),
        _noted(f"  std: {_numbers(known.std)}", known, "std", usual),
        f"  {CHECK} crop is `centre` and resize is `bilinear` unless you say otherwise here",
    ]


def _numbers(values: Iterable[float]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"


def _output(known: Answers) -> list[str]:
    lines = [
        "output:",
        _noted(f"  kind: {known.kind}", known, "output", "read off the last operator"),
    ]
    if known.model.outputs == 1:
        lines.append("  score: 1")
    else:
        order = "the order of the outputs; alphabetical, as most training scripts have it"
        lines.append(_noted(f"  classes: {words(known.classes)}", known, "classes", order))
        if known.score is not None:
            what = "the class that is looked for; its probability is the score"
            lines.append(_noted(f"  score: {word(known.score)}", known, "score", what))
    if known.two_classes and known.threshold is None:
        lines.append(
            f"threshold: 0.5  {CHECK} not known; 0.5 only holds the place of the device's own threshold"
        )
    elif known.two_classes:
        lines.append(f"threshold: {known.threshold:g}")
    return lines


def data_card(known: Answers, card: Path, root: Path, schemas: Path) -> str:
    """The data set's card."""
    place = path_from(card, known.data.place, root)
    outside = f"  {CHECK} outside of this project; CI will not find it" if place[:1] == "/" else ""
    lines = [
        schema_line("data", card, schemas),
        f"# What it is audited on: {known.data.pictures} pictures. Every key: docs/data.md of auditkit.",
        f"data: {known.data_name}",
        "# title: one line for people",
        f"task: {known.task}",
        f"format: {known.data.format}",
        f"{'folder' if known.data.format == 'folder' else 'file'}: {word(place)}{outside}",
        *_columns(known),
    ]
    if known.score is not None:
        lines.append(f"positive: {words([known.score])}")
        negative = words(label for label in known.data.labels if label != known.score)
        lines.append(f"negative: {negative}")
    lines += ["# What only people know (where it comes from, who is in it):"]
    return "\n".join([*lines, *_dossier("data", known.data_name)]) + "\n"


def _columns(known: Answers) -> list[str]:
    found = known.data
    if found.format == "folder":
        return [
            "# A table can name patients, masks and groups (docs/data.md).",
            f"{CHECK} each picture counts as a patient of its own; intervals are too narrow if it is not",
        ]
    lines = ["columns:", *(f"  {key}: {word(name)}" for key, name in found.columns.items())]
    if "patient" not in found.columns:
        lines.append(
            f"  # patient: COLUMN  {CHECK} without it, each picture counts as a patient of its own"
        )
    lines += [f"  groups: {words(found.groups)}"] if found.groups else ["  # groups: [COLUMN]"]
    return lines
