"""Another text encoder for a pipeline, as DEPICT (arXiv:2407.14509) gives one of clinical text to MIMIC-CXR."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.evidence.identity import seed_of

_INDEX = "model_index.json"
_COPIED = ("vae", "scheduler")
# Tokenizers without a limit say this or more.
_NO_LIMIT = 10**6
_LOCAL = {"local_files_only": True}


def swapped(start: Path, encoder: Path, out: Path, seed: int) -> Path:
    """A copy of a pipeline with another text encoder and tokenizer.

    Cross attention of another width gets new key and value projections, from the seed; all other
    weights of the U-Net are kept.

    Args:
        start: pipeline with one text encoder (Stable Diffusion 1.x and 2.x).
        encoder: folder of a transformers model (safetensors) with its tokenizer.
        out: folder to write; taken as it is if it is there already.
        seed: of new weights.

    Returns:
        ``out``.

    Raises:
        AuditError: the pipeline has more than one text encoder, or the encoder cannot be read.
    """
    if (out / _INDEX).is_file():
        return out
    index = _index(start)
    half = out.with_name(f".half-{out.name}")
    shutil.rmtree(half, ignore_errors=True)
    model, tokenizer = _encoder(encoder)
    for part in _COPIED:
        shutil.copytree(start / part, half / part)
    model.save_pretrained(half / "text_encoder")
    tokenizer.save_pretrained(half / "tokenizer")
    _unet(start / "unet", int(model.config.hidden_size), seed).save_pretrained(half / "unet")
    kinds = {"text_encoder": model, "tokenizer": tokenizer}
    index |= {part: ["transformers", type(given).__name__] for part, given in kinds.items()}
    (half / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    half.rename(out)
    return out


def _index(start: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((start / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuditError(f"{start}: a pipeline with {_INDEX} was expected ({error})") from error
    missing = [part for part in (*_COPIED, "unet") if not (start / part).is_dir()]
    if missing or "text_encoder_2" in index:
        raise AuditError(
            f"{start}: text_encoder: only pipelines in the layout of Stable Diffusion 1.x and 2.x, with "
            f"one text encoder, can be given another one (missing: {missing or 'nothing'})"
        )
    # Safety checkers are of no use here, and are not copied.
    dropped = ("safety_checker", "feature_extractor", "image_encoder")
    return {key: [None, None] if key in dropped else value for key, value in index.items()}


def _encoder(folder: Path) -> tuple[Any, Any]:
    """The text model and its tokenizer."""
    try:
        import transformers
    except ImportError as error:
        raise AuditError(
            'text_encoder needs transformers; install it with: pip install "pytest-auditkit[concepts]"'
        ) from error
    try:
        config = transformers.AutoConfig.from_pretrained(folder, **_LOCAL)
        clip = config.model_type in {"clip", "clip_text_model"}
        kind = transformers.CLIPTextModel if clip else transformers.AutoModel
        model = kind.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **_LOCAL)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **_LOCAL)
    except (OSError, ValueError) as error:
        raise AuditError(
            f"{folder}: a text model of transformers was expected, with its tokenizer and with weights as "
            f"safetensors (pickled ones are not read): {error}"
        ) from error
    if tokenizer.model_max_length >= _NO_LIMIT:
        tokenizer.model_max_length = model.config.max_position_embeddings
    return model, tokenizer


def _unet(folder: Path, width: int, seed: int) -> Any:
    """The U-Net, with cross attention of that width."""
    import diffusers

    network: Any = diffusers.UNet2DConditionModel
    given: dict[str, Any] = {"use_safetensors": True, "low_cpu_mem_usage": False, **_LOCAL}
    unet = network.from_pretrained(folder, **given)
    if unet.config.cross_attention_dim == width:
        return unet
    for module in _cross_attentions(unet):
        for name in ("to_k", "to_v"):
            old: nn.Linear = getattr(module, name)
            setattr(module, name, nn.Linear(width, old.out_features, bias=old.bias is not None))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("cross attention", seed))
        for module in _cross_attentions(unet):
            module.to_k.reset_parameters()
            module.to_v.reset_parameters()
    unet.register_to_config(cross_attention_dim=width)
    return unet


def _cross_attentions(unet: nn.Module) -> list[Any]:
    return [module for name, module in unet.named_modules() if name.endswith("attn2")]
