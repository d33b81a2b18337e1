"""Low-rank adapters (Hu et al., arXiv:2106.09685) on attention projections, by peft."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.spec.training import Lora

# Linear layers of attention as diffusers and the text encoders of transformers (CLIP, BERT, T5) name them.
_DIFFUSERS = r".*\.(to_q|to_k|to_v|to_out\.0)"
_TRANSFORMERS = (
    r".*\.((self_attn\.(q_proj|k_proj|v_proj|out_proj))"
    r"|(attention\.self\.(query|key|value))|(attention\.output\.dense)"
    r"|((SelfAttention|EncDecAttention)\.[qkvo]))"
)


def adapt(networks: Mapping[str, nn.Module], lora: Lora, seed: int) -> None:
    """Put adapters into the networks, in place; only the adapters stay trainable.

    Raises:
        AuditError: peft is missing, or a network has no attention projections to adapt.
    """
    peft = _peft()
    for name, network in networks.items():
        # Elsewhere layers of these names may be read, not called: an adapter would silently do nothing.
        if not type(network).__module__.startswith(("diffusers.", "transformers.")):
            raise _refused(name, network)
        network.requires_grad_(requires_grad=False)
        config = peft.LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=_pattern(name))
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                peft.inject_adapter_in_model(config, network)
        except ValueError as error:
            raise _refused(name, network) from error


def _pattern(name: str) -> str:
    return _DIFFUSERS if name == "unet" else _TRANSFORMERS


def _refused(name: str, network: nn.Module) -> AuditError:
    return AuditError(
        f"lora: {name} ({type(network).__name__}) has no attention projections that can be adapted; leave "
        "it out of `parts`, or train without lora"
    )


def save_adapter(networks: Mapping[str, nn.Module], lora: Lora, folder: Path) -> None:
    """Write the adapters as diffusers' `load_lora_weights` reads them."""
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}
    said: dict[str, object] = {}
    for name, network in networks.items():
        found = _peft().get_peft_model_state_dict(network)
        tensors |= {
            f"{name}.{key}": value.detach().cpu().contiguous() for key, value in found.items()
        }
        config = {"r": lora.rank, "lora_alpha": lora.alpha, "target_modules": _pattern(name)}
        said |= {f"{name}.{key}": value for key, value in config.items()}
    folder.mkdir(parents=True, exist_ok=True)
    header = {"format": "pt", "lora_adapter_metadata": json.dumps(said, sort_keys=True)}
    save_file(tensors, folder / "pytorch_lora_weights.safetensors", header)


def merge(networks: Mapping[str, nn.Module]) -> None:
    """Add the adapters to the weights that they adapt, and take them out again."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for network in networks.values():
        found = [(n, m) for n, m in network.named_modules() if isinstance(m, BaseTunerLayer)]
        for name, module in found:
            module.merge(safe_merge=True)
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, module.get_base_layer())
        if hasattr(network, "peft_config"):
            del network.peft_config


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise AuditError(
            'lora needs peft; install it with: pip install "pytest-auditkit[concepts]"'
        ) from error
    return peft
