"""Image classifiers of Hugging Face Transformers, from local files alone."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from auditkit.errors import AuditError
from auditkit.models.hugging_face_config import hugging_face_classes, read_config
from auditkit.models.loading_report import misfits
from auditkit.models.weights import read_state

__all__ = ["HuggingFaceNetwork", "hugging_face_classes", "load_hugging_face"]

_MOST_LAYERS = 1000
# These run code of a repository, fetch weights or kernels, or change the numbers.
_DROPPED = frozenset(
    [
        "_name_or_path",
        "name_or_path",
        "_attn_implementation",
        "attn_implementation",
        "_attn_implementation_autoset",
        "_attn_implementation_internal",
        "_experts_implementation",
        "experts_implementation",
        "dtype",
        "torch_dtype",
        "transformers_version",
        "architectures",
        "return_dict",
        "output_attentions",
        "output_hidden_states",
        "torchscript",
        "use_cache",
    ]
)
_REFUSED = frozenset(
    [
        "auto_map",
        "custom_pipelines",
        "quantization_config",
        "backbone",
        "backbone_config",
        "use_timm_backbone",
        "use_pretrained_backbone",
        "use_kernels",
        "kernel_config",
    ]
)
# Wraps timm, which has a format of its own; the others answer from text or compare with it.
_UNREAD = frozenset(
    {"timm_wrapper", "shieldgemma2", "clip", "metaclip_2", "siglip", "siglip2", "perceiver"}
)


class HuggingFaceNetwork(nn.Module):
    """A Transformers classifier that answers with its logits, (N, K)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, float32 (N, K), of pictures (N, C, H, W)."""
        logits: Tensor = self.model(pixel_values=x, return_dict=True).logits
        return logits.float().flatten(1)


def load_hugging_face(config: Path, weights: Path) -> HuggingFaceNetwork:
    """The image classifier that a ``config.json`` describes, filled from a file next to it.

    Nothing is fetched, no code of a repository is run, and attention is Transformers' plain one. Names
    of tensors of older versions are converted as Transformers does; every tensor must find its place.

    Args:
        config: ``config.json`` of a model that `AutoModelForImageClassification` knows.
        weights: ``model.safetensors``, or ``pytorch_model.bin`` with tensors alone.

    Raises:
        AuditError: Transformers is not installed, a file is damaged, the architecture is no image
            classifier of Transformers' own, or tensors are missing, unknown or of another shape.
    """
    settings = _settings(config)
    state = read_state(weights)
    with _quiet(), torch.random.fork_rng(devices=[]):
        kind = _architecture(settings["model_type"], config)
        _refuse_large(settings, state, config, weights)
        try:
            described = kind.config_class(**_plain(settings))
            described._attn_implementation = "eager"  # noqa: SLF001 as from_pretrained itself does
            _refuse_misfit_size(kind, described, state, config, weights)
            model, report = kind.from_pretrained(
                None, config=described, state_dict=state, output_loading_info=True, local_files_only=True,
                use_safetensors=False, ignore_mismatched_sizes=True,
            )  # fmt: skip
        except AuditError:
            raise
        except Exception as error:  # a damaged config fails anywhere in Transformers' own code
            raise AuditError(
                f"{config}: Transformers cannot build this classifier ({_first_line(error)}); "
                "check that the file is the model's own config.json"
            ) from error
    _refuse_misfit(report, config, weights)
    return HuggingFaceNetwork(model.float())


def _settings(config: Path) -> dict[str, Any]:
    settings = read_config(config)
    for name, value in settings.items():
        if name in _REFUSED and value not in (None, False):
            raise AuditError(
                f"{config}: '{name}' asks for code, weights or kernels from elsewhere, which are not "
                "loaded; save the model with plain float weights of Transformers' own architectures"
            )
    if not isinstance(settings.get("model_type"), str):
        raise AuditError(f"{config} names no 'model_type'; it is no config.json of Transformers")
    _refuse_deep(settings, config)
    return settings


def _refuse_deep(value: Any, config: Path) -> None:
    """Refuse numbers of layers that would take hours to build."""
    for name, inner in value.items():
        depth = "layer" in name or "depth" in name or "block" in name
        numbers = inner if isinstance(inner, list) else [inner]
        if depth and any(isinstance(n, int) and n > _MOST_LAYERS for n in numbers):
            raise AuditError(f"{config}: '{name}' is {inner}, more than {_MOST_LAYERS} layers")
        if isinstance(inner, dict) and name not in {"id2label", "label2id"}:
            _refuse_deep(inner, config)


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in settings.items() if n not in _DROPPED | _REFUSED | {"model_type"}}


def _architecture(model_type: str, config: Path) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise AuditError(
            f"{config}: reading it needs Transformers; install it with "
            'pip install "pytest-auditkit[huggingface]"'
        ) from error
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES

    names = MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES.get(model_type)
    if names is None or model_type in _UNREAD:
        raise AuditError(
            f"{config}: '{model_type}' is no image classifier that is read; "
            f"known: {', '.join(sorted(set(MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES) - _UNREAD))}"
        )
    return getattr(transformers, names if isinstance(names, str) else names[0])


def _refuse_large(settings: Mapping[str, Any], state: Mapping[str, Tensor], *paths: Path) -> None:
    """No single number of a config is larger than the weights have numbers."""
    held = sum(tensor.numel() for tensor in state.values())
    for name, value in settings.items():
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(n, int) and abs(n) > max(held, 2**16) for n in numbers):
            raise AuditError(
                f"{paths[0]}: '{name}' is {value}, too large for the weights {paths[1]}"
            )


def _refuse_misfit_size(
    kind: Any, described: Any, state: Mapping[str, Tensor], config: Path, weights: Path
) -> None:
    """Build without memory first: what the config asks for must be what the file holds."""
    with torch.device("meta"):
        asked = sum(parameter.numel() for parameter in kind(described).parameters())
    held = sum(tensor.numel() for tensor in state.values())
    if asked > 1.01 * held + 10_000:
        raise AuditError(
            f"{config} describes a network of {asked} parameters, {weights} hold {held} numbers; "
            "give the weights that belong to this config.json"
        )


def _refuse_misfit(report: Mapping[str, Any], config: Path, weights: Path) -> None:
    wrong = misfits(report)
    if wrong:
        raise AuditError(
            f"weights {weights} do not fit the architecture in {config}: {wrong}; "
            "give the weights that belong to this config.json"
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and advice, which Transformers writes to the terminal."""
    try:
        from transformers.utils import logging
    except ImportError:
        yield
        return
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(50)  # critical
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
