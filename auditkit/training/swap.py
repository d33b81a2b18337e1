"""Another text encoder for a pipeline, as DEPICT (arXiv:2407.14509) gives clinical text to radiographs."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.evidence.identity import seed_of
from auditkit.models.diffusion import components

_INDEX = "model_index.json"
_COPIED = ("vae", "scheduler")
# By the model_type of a folder of transformers: its text model and its tokenizer.
_KINDS = {
    "bert": ("BertModel", "BertTokenizer"),
    "clip_text_model": ("CLIPTextModel", "CLIPTokenizer"),
}


def swapped(start: Path, encoder: Path, out: Path, seed: int) -> Path:
    """A copy of a pipeline with another text encoder and tokenizer.

    Cross attention of another width gets new key and value projections, from the seed; all other
    weights of the U-Net are kept.

    Args:
        start: pipeline with one text encoder (Stable Diffusion 1.x and 2.x).
        encoder: folder of a BERT or of CLIP's text model (safetensors) with its tokenizer.
        out: folder to write.
        seed: of new weights.

    Returns:
        ``out``.

    Raises:
        AuditError: the pipeline has more than one text encoder, or the encoder cannot be read.
    """
    index = _index(start)
    kinds = _kinds(encoder)
    model: Any = components.text_encoder(encoder, kinds[0])
    tokenizer = components.tokenizer(encoder, kinds[1])
    unet = _unet(start / "unet", int(model.config.hidden_size), seed)
    half = out.with_name(f".half-{out.name}")
    shutil.rmtree(half, ignore_errors=True)
    for part in _COPIED:
        shutil.copytree(start / part, half / part)
    for part, given in (("text_encoder", model), ("tokenizer", tokenizer), ("unet", unet)):
        given.save_pretrained(half / part)
    index |= {"text_encoder": ["transformers", kinds[0]], "tokenizer": ["transformers", kinds[1]]}
    (half / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    half.rename(out)
    return out


def _index(start: Path) -> dict[str, Any]:
    index = _json(start / _INDEX)
    missing = [part for part in (*_COPIED, "unet") if not (start / part).is_dir()]
    if missing or "text_encoder_2" in index:
        raise AuditError(
            f"{start}: text_encoder: only a pipeline in the layout of Stable Diffusion 1.x or 2.x, with one "
            f"text encoder, can be given another one (missing folders: {', '.join(missing) or 'none'})"
        )
    # Safety checkers are of no use here, and are not copied.
    dropped = ("safety_checker", "feature_extractor", "image_encoder")
    return {key: [None, None] if key in dropped else value for key, value in index.items()}


def _kinds(encoder: Path) -> tuple[str, str]:
    kind = _json(encoder / "config.json").get("model_type")
    if kind not in _KINDS:
        raise AuditError(
            f"{encoder}: text_encoder: model_type '{kind}' cannot be taken; one of {', '.join(_KINDS)} was "
            "expected"
        )
    return _KINDS[kind]


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuditError(f"{path} cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise AuditError(f"{path}: a JSON object was expected")
    return read


def _unet(folder: Path, width: int, seed: int) -> Any:
    """The U-Net, with cross attention of that width."""
    unet: Any = components.network(folder, "UNet2DConditionModel")
    if unet.config.cross_attention_dim == width:
        return unet
    crossing: list[Any] = [m for name, m in unet.named_modules() if name.endswith("attn2")]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("cross attention", seed))
        for module in crossing:
            for name in ("to_k", "to_v"):
                old: nn.Linear = getattr(module, name)
                new = nn.Linear(width, old.out_features, bias=old.bias is not None)
                setattr(module, name, new)
    unet.register_to_config(cross_attention_dim=width)
    return unet
