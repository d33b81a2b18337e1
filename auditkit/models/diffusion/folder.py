"""Folders of text-to-image pipelines as files: what is in them, and whether it may be read. No torch.

The layout is that of diffusers: ``model_index.json`` names the pipeline and the class of every component,
which lies in a folder of its name. Only the classes listed here are read, and weights only from
safetensors, so that nothing in a folder can run code.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.problems import nearest

STABLE, XL, SMALL = "StableDiffusionPipeline", "StableDiffusionXLPipeline", "PixelTextToImage"
SCHEDULERS = (
    "DDIMScheduler",
    "DDPMScheduler",
    "PNDMScheduler",
    "LMSDiscreteScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
)
_CLIP = ("CLIPTokenizer", "CLIPTokenizerFast")
_LATENT = {"unet": ("UNet2DConditionModel",), "vae": ("AutoencoderKL",), "scheduler": SCHEDULERS}
CLASSES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    STABLE: {
        **_LATENT,
        "text_encoder": ("CLIPTextModel", "BertModel"),
        "tokenizer": (*_CLIP, "BertTokenizer", "BertTokenizerFast"),
    },
    XL: {
        **_LATENT,
        "text_encoder": ("CLIPTextModel",),
        "tokenizer": _CLIP,
        "text_encoder_2": ("CLIPTextModelWithProjection",),
        "tokenizer_2": _CLIP,
    },
    SMALL: {
        "unet": ("UNet2DConditionModel",),
        "text_encoder": ("PhraseEncoder",),
        "scheduler": SCHEDULERS,
    },
}
"""The classes that may stand in each slot of each pipeline; other slots are not read."""

_VARIANTS = ("", ".fp16", ".bf16")
_PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
)
MOST_PIXELS = 2048
"""Of an image's side."""

_MOST_BYTES = 16 * 2**20
_MOST_NUMBER, _MOST_LAYERS = 2**20, 100
# Parts of a network to be built one by one: Stable Diffusion XL has 60 by this count.
_MOST_PARTS = 5000


@dataclass(frozen=True)
class PipelineFolder:
    """What ``model_index.json`` says.

    Attributes:
        root: the folder.
        kind: the pipeline's class.
        classes: class of each component by slot.
        index: the whole file.
    """

    root: Path
    kind: str
    classes: Mapping[str, str]
    index: Mapping[str, Any]

    def files(self) -> list[Path]:
        """All files that are read, sorted.

        Raises:
            AuditError: a component has no files, or weights only as pickles.
        """
        found = [self.root / "model_index.json"]
        for slot in self.classes:
            folder = self.root / slot
            if slot.startswith("tokenizer"):
                found += tokenizer_files(folder)
            elif slot == "scheduler":
                found.append(folder / "scheduler_config.json")
            else:
                found += [folder / "config.json", *weights_files(folder)]
        return sorted(found)


def pipeline_folder(root: Path) -> PipelineFolder:
    """What a pipeline's folder holds, checked against what may be read.

    Raises:
        AuditError: the folder, its ``model_index.json`` or a component is missing, or a class is not
            among those that are read.
    """
    try:
        there = root.is_dir()
    except OSError as error:  # no name of a file system, or not to be looked into
        raise AuditError(
            f"the pipeline's folder {root!s:.200} cannot be looked into ({error.strerror}); correct "
            "'folder'"
        ) from error
    if not there:
        raise AuditError(
            f"the pipeline's folder {root} does not exist; put it there, or correct 'folder'"
        )
    if not (root / "model_index.json").is_file():
        raise AuditError(
            f"{root} has no model_index.json, so it is no pipeline in the layout of diffusers; save one "
            "there with pipeline.save_pretrained(folder)"
        )
    index = read_json(root / "model_index.json")
    kind = index.get("_class_name")
    if not isinstance(kind, str) or kind not in CLASSES:
        raise AuditError(
            f"{root}/model_index.json: the pipeline {kind!r} is not read (its code, if it has any, is "
            f"never run); known are {', '.join(CLASSES)}"
        )
    classes = {slot: _class_of(root, index, slot, known) for slot, known in CLASSES[kind].items()}
    return PipelineFolder(root, kind, classes, index)


def _class_of(root: Path, index: Mapping[str, Any], slot: str, known: tuple[str, ...]) -> str:
    entry = index.get(slot)
    if not isinstance(entry, list) or len(entry) != 2 or entry[1] is None:
        raise AuditError(
            f"{root}/model_index.json names no {slot}, which text-to-image needs; save the whole pipeline"
        )
    if not isinstance(entry[1], str) or entry[1] not in known:
        raise AuditError(
            f"{root}/model_index.json: {slot} is of the class {entry[1]!r}, which is not read; "
            f"{nearest(str(entry[1]), known)}"
        )
    if not (root / slot).is_dir():
        raise AuditError(f"{root} has no folder {slot}, though model_index.json names it; fetch it")
    return entry[1]


def tokenizer_files(folder: Path) -> list[Path]:
    """A tokenizer's files.

    Raises:
        AuditError: there is no vocabulary.
    """
    found = [folder / name for name in _TOKENIZER_FILES if (folder / name).is_file()]
    names = {path.name for path in found}
    if not ({"tokenizer.json", "vocab.txt"} & names or {"vocab.json", "merges.txt"} <= names):
        raise AuditError(
            f"{folder} has no vocabulary: vocab.json with merges.txt, vocab.txt or tokenizer.json was "
            "expected; fetch the folder again"
        )
    return found


def weights_files(folder: Path) -> list[Path]:
    """The safetensors files that hold a component's weights: one, or the shards that an index names.

    Full precision is preferred to a variant in half precision (``*.fp16.safetensors``).

    Raises:
        AuditError: there are none, or only pickles; an index is damaged or names missing files.
    """
    for variant in _VARIANTS:
        for stem in ("diffusion_pytorch_model", "model"):
            whole = folder / f"{stem}{variant}.safetensors"
            if whole.is_file():
                return [whole]
            for name in (
                f"{stem}.safetensors.index{variant}.json",
                f"{stem}{variant}.safetensors.index.json",
            ):
                if (folder / name).is_file():
                    return [folder / name, *_shards(folder / name)]
    pickled = [path.name for path in sorted(folder.glob("*")) if path.suffix in _PICKLED]
    if pickled:
        raise AuditError(
            f"{folder} has its weights only as {pickled[0]}, a pickle, which could run code and is not "
            "loaded; convert it in the environment that you trust it in: "
            "pipeline.save_pretrained(folder, safe_serialization=True)"
        )
    raise AuditError(f"{folder} has no weights (*.safetensors); fetch the folder again")


def _shards(index: Path) -> list[Path]:
    shards = read_json(index).get("weight_map")
    named = list(shards.values()) if isinstance(shards, dict) else []
    plain = all(
        isinstance(n, str) and Path(n).name == n and n.endswith(".safetensors") for n in named
    )
    if not named or not plain:
        raise AuditError(f"{index} names no safetensors files beside it; fetch it again")
    names = sorted(set(named))
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise AuditError(f"{index} names {missing[0]}, which is not there; fetch it")
    return [index.parent / name for name in names]


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file of a pipeline.

    Raises:
        AuditError: it is missing, damaged, no mapping, or asks for code or quantised weights.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise AuditError(f"{path} is larger than any file of its kind; fetch it again")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AuditError(f"{path} cannot be read as JSON ({error}); fetch it again") from error
    if not isinstance(content, dict):
        raise AuditError(f"{path} holds no mapping; fetch it again")
    for name in ("auto_map", "quantization_config"):
        if content.get(name) is not None:
            raise AuditError(
                f"{path}: '{name}' asks for code or weights that are not read; save the pipeline with "
                "plain float weights of diffusers' and Transformers' own classes"
            )
    return content


def read_settings(path: Path) -> dict[str, Any]:
    """A component's configuration.

    Raises:
        AuditError: as `read_json`, or it names sizes that no such network has.
    """
    settings = read_json(path)
    # A damaged number must not be built: it would take hours, or all memory.
    for name, value in settings.items():
        most = _MOST_LAYERS if "layers" in name or "num_attention" in name else _MOST_NUMBER
        for number in _numbers(value):
            if abs(number) > most:
                raise AuditError(
                    f"{path}: '{name}' is {number!s:.50}; no such network has more than {most}; fetch the "
                    "folder again"
                )
    parts = _parts(settings)
    if parts > _MOST_PARTS:
        raise AuditError(
            f"{path}: layers and blocks multiply to {parts}; no such network has more than {_MOST_PARTS}; "
            "fetch the folder again"
        )
    return settings


def _parts(settings: Mapping[str, Any]) -> int:
    """Layers per block, times layers per layer, times blocks."""
    found = [len(value) for name, value in settings.items() if _is_list_of_blocks(name, value)]
    layers = [_numbers(value) for name, value in settings.items() if "layers" in name]
    most = [max(1, int(max(numbers))) for numbers in layers if numbers]
    return math.prod([max(found, default=1), *most])


def _is_list_of_blocks(name: str, value: Any) -> bool:
    return "block" in name and isinstance(value, list)


def _numbers(value: Any) -> list[float]:
    """All finite numbers in lists, however deep; NaN and infinity make no network large."""
    found, left = [], [value]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
        elif isinstance(one, int) or (isinstance(one, float) and math.isfinite(one)):
            found.append(one)
    return found


def check_sums(card: GeneratorCard) -> None:
    """Hold files to the sums that the card states.

    Raises:
        AuditError: a file is missing or another one.
    """
    for name, stated in card.sha256.items():
        path = card.root / name
        if not path.is_file():
            raise AuditError(f"{card.path}: sha256 names {name}, which is not in {card.root}")
        found = file_sum(path)
        if found != stated:
            raise AuditError(
                f"{card.path}: {path} has sha256 {found}, the card says {stated}; restore the file, or "
                "state the new one's sha256 in the card"
            )


def pipeline_digest(card: GeneratorCard) -> str:
    """The sha256 over names and contents of all files that are read.

    Raises:
        AuditError: files are missing, are not what the card states, or may not be read.
    """
    check_sums(card)
    total = hashlib.sha256()
    for path in pipeline_folder(card.root).files():
        if not path.is_file():
            raise AuditError(f"{path} does not exist; fetch the pipeline's folder again")
        total.update(f"{path.relative_to(card.root).as_posix()}={file_sum(path)}\n".encode())
    return total.hexdigest()


def file_sum(path: Path) -> str:
    """A file's sha256; computed once per process as long as the file is not written to."""
    about = path.stat()
    return _file_sum(path, about.st_size, about.st_mtime_ns)


@cache
def _file_sum(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
