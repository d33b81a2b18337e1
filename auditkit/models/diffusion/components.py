"""Components of pipelines: built from JSON, filled from safetensors, never fetched."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.diffusion.folder import (
    read_json,
    read_settings,
    tokenizer_files,
    weights_files,
)
from auditkit.models.loading_report import misfits
from auditkit.models.weights import read_state

# What a text encoder's answers depend on; all else in its config.json is left unread.
_SIZES = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "max_position_embeddings", "hidden_act", "layer_norm_eps", "pad_token_id")  # fmt: skip
_TEXT_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "CLIPTextConfig": (
        *_SIZES,
        "projection_dim",
        "attention_dropout",
        "bos_token_id",
        "eos_token_id",
    ),
    "BertConfig": (
        *_SIZES,
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "type_vocab_size",
    ),
}
# Parts of a language model that a text encoder of diffusion does without.
_UNUSED = re.compile(r"^cls\.|position_ids$")
# Names of attention's weights in autoencoders of before 2023.
_FORMER = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
# In a tokenizer's config, a file to be read instead of the folder's own.
_TOKENIZER_CONFIG = "tokenizer_config.json"
_NAMES_FILES = re.compile(r"_files?$|^(vocab|merges|init_inputs|name_or_path|chat_template)$")
_FORMER_NAME = re.compile(rf"\.({'|'.join(_FORMER)})\.(weight|bias)$")


def library(name: str) -> ModuleType:
    """``diffusers`` or ``transformers``.

    Raises:
        AuditError: it is not installed.
    """
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise AuditError(
            f"text-to-image pipelines need {name}; install it with "
            'pip install "pytest-auditkit[concepts]"'
        ) from error


def network(folder: Path, kind: str) -> nn.Module:
    """A U-Net or an autoencoder of diffusers, in evaluation mode and float32.

    Raises:
        AuditError: files are damaged, or weights do not fit the configuration.
    """
    config = folder / "config.json"
    settings = read_settings(config)
    state = state_of(folder)
    try:
        with quiet(), torch.device("meta"):
            built: nn.Module = getattr(library("diffusers"), kind).from_config(settings)
        known = set(built.state_dict())
        named = {_present_name(name, known): tensor for name, tensor in state.items()}
        built.load_state_dict(named, assign=True)
    except AuditError:
        raise
    except Exception as error:  # a damaged config fails anywhere in diffusers' own code
        raise _misfit(folder, kind, error) from error
    return built.eval()


def text_encoder(folder: Path, kind: str) -> nn.Module:
    """A text encoder of Transformers (CLIP, BERT), in evaluation mode and float32.

    Raises:
        AuditError: files are damaged, or weights do not fit the configuration.
    """
    settings = read_settings(folder / "config.json")
    state = state_of(folder)
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            described = _described(kind, settings)
            _refuse_misfit_size(folder, kind, described, state)
            kept = {name: value for name, value in state.items() if not _UNUSED.search(name)}
            built, report = getattr(library("transformers"), kind).from_pretrained(
                None, config=described, state_dict=kept, output_loading_info=True,
                local_files_only=True, use_safetensors=False,
            )  # fmt: skip
    except AuditError:
        raise
    except Exception as error:  # as above, in Transformers' code
        raise _misfit(folder, kind, error) from error
    _refuse_misfit(folder, kind, report)
    # Masks are the pipeline's habit, not the network's: diffusers asks the configuration.
    built.config.use_attention_mask = bool(settings.get("use_attention_mask"))
    encoder: nn.Module = built.float().eval()
    return encoder


def tokenizer(folder: Path, kind: str) -> Any:
    """A tokenizer of Transformers.

    Raises:
        AuditError: files are damaged.
    """
    read = getattr(library("transformers"), kind.removesuffix("Fast"))
    settings = _tokenizer_settings(folder)
    try:
        with quiet(), TemporaryDirectory() as copied:
            for path in tokenizer_files(folder):
                shutil.copyfile(path, Path(copied, path.name))
            Path(copied, _TOKENIZER_CONFIG).write_text(json.dumps(settings), encoding="utf-8")
            found = read.from_pretrained(copied, local_files_only=True)
            found.name_or_path = kind
            return found
    except AuditError:
        raise
    except Exception as error:  # a damaged vocabulary fails anywhere
        raise AuditError(
            f"{folder} cannot be read as a {kind} ({_first_line(error)}); fetch it again"
        ) from error


def _tokenizer_settings(folder: Path) -> dict[str, Any]:
    """What tokenizer_config.json says, without names of files: only the folder's own are read."""
    path = folder / _TOKENIZER_CONFIG
    settings = read_json(path) if path.is_file() else {}
    length = settings.get("model_max_length")
    # Less than a start, a word and an end says nothing of a caption.
    if length is not None and not (isinstance(length, int | float) and length >= 3):
        raise AuditError(
            f"{path}: model_max_length is {length!s:.50}; the number of tokens of a caption was "
            "expected, 3 at least; fetch the folder again"
        )
    return {name: value for name, value in settings.items() if not _NAMES_FILES.search(name)}


def scheduler(folder: Path, kind: str) -> Any:
    """A scheduler of diffusers.

    Raises:
        AuditError: the file is damaged.
    """
    path = folder / "scheduler_config.json"
    settings = read_settings(path)
    try:
        with quiet():
            found = getattr(library("diffusers"), kind).from_config(settings)
            kept = found.alphas_cumprod
    except AuditError:
        raise
    except Exception as error:  # a damaged config fails anywhere
        raise AuditError(
            f"{path} describes no {kind} ({_first_line(error)}); fetch it again"
        ) from error
    # Some schedulers give no steps for NaN, and leave the noise as it is: finite, but no image.
    if not len(kept) or not ((kept >= 0) & (kept <= 1)).all():
        raise AuditError(
            f"{path}: its betas leave no share of the signal between 0 and 1 at every step of the diffusion; "
            "fetch it again"
        )
    return found


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors in float32, copied: files may be written anew while a network is in use."""
    found: dict[str, torch.Tensor] = {}
    for path in weights_files(folder):
        if path.suffix == ".safetensors":
            for name, tensor in read_state(path).items():
                dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
                found[name] = tensor.to(dtype, copy=True)
                if not torch.isfinite(found[name]).all():
                    raise AuditError(
                        f"weights {path}: the tensor '{name}' holds NaN or infinity, with which every image "
                        "would be lost; fetch the file again"
                    )
    return found


def _present_name(name: str, known: set[str]) -> str:
    """What a tensor is called today."""
    if name in known:
        return name
    return _FORMER_NAME.sub(lambda found: f".{_FORMER[found[1]]}.{found[2]}", name)


def _described(kind: str, settings: Mapping[str, Any]) -> Any:
    name = "BertConfig" if kind == "BertModel" else "CLIPTextConfig"
    given = {key: settings[key] for key in _TEXT_SETTINGS[name] if key in settings}
    described = getattr(library("transformers"), name)(**given)
    # Transformers' plain attention: others may fetch kernels.
    described._attn_implementation = "eager"  # noqa: SLF001 as from_pretrained itself does
    return described


def _refuse_misfit_size(
    folder: Path, kind: str, described: Any, state: Mapping[str, torch.Tensor]
) -> None:
    """Build without memory first: what the config asks for must be what the file holds."""
    with torch.device("meta"):
        empty = getattr(library("transformers"), kind)(described)
    asked = sum(parameter.numel() for parameter in empty.parameters())
    held = sum(tensor.numel() for tensor in state.values())
    if asked > 1.01 * held + 10_000:
        raise AuditError(
            f"{folder}: config.json describes a {kind} of {asked} parameters, the weights hold {held} "
            "numbers; give the weights that belong to it"
        )


def _refuse_misfit(folder: Path, kind: str, report: Mapping[str, Any]) -> None:
    wrong = misfits(report)
    if wrong:
        raise AuditError(
            f"{folder}: the weights do not fit the {kind} of config.json: {wrong}; give the weights that "
            "belong to it"
        )


def _misfit(folder: Path, kind: str, error: Exception) -> AuditError:
    return AuditError(
        f"{folder}: no {kind} can be built from config.json and its weights ({_first_line(error)}); give "
        "the files that belong together"
    )


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:300] or type(error).__name__


@contextmanager
def quiet() -> Iterator[None]:
    """Without progress bars and advice, which both libraries write to the terminal."""
    tools: list[Any] = [library(name).utils.logging for name in ("diffusers", "transformers")]
    levels = [tool.get_verbosity() for tool in tools]
    bars = [tool for tool in tools if tool.is_progress_bar_enabled()]
    for tool in tools:
        tool.set_verbosity(50)  # critical
        tool.disable_progress_bar()
    try:
        yield
    finally:
        for tool, level in zip(tools, levels, strict=True):
            tool.set_verbosity(level)
        for tool in bars:
            tool.enable_progress_bar()
