"""Which architectures of torchvision and timm a file's tensors fit, by name and shape, exactly.

Networks are built without memory (torch's device `meta`). Only families whose signature is in the
file are tried; several names may fit, since some differ in nothing that a file holds.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from auditkit.spec.formats import FormatName

Shapes = Mapping[str, tuple[int, ...]]
Candidate = tuple[FormatName, str, Callable[[], Any]]

# Seconds for all, and for other names that fit as well once there is one.
_SECONDS, _OTHERS = 20.0, 4.0
_PREFIXES = ("module.", "model.", "_orig_mod.", "network.", "net.", "backbone.")
# The classes of ImageNet, for which networks are built by default.
_DEFAULT_OUTPUTS = 1000
# A name in the file, and which builders may have made it.
_SIGNATURES: tuple[tuple[str, FormatName, tuple[str, ...]], ...] = (
    ("layer1.0.conv1.weight", "torchvision", ("resnet*", "resnext*", "wide_resnet*")),
    ("features.0.0.weight", "torchvision", ("mobilenet*", "efficientnet*", "convnext*", "swin*")),
    ("features.denseblock1.denselayer1.norm1.weight", "torchvision", ("densenet*",)),
    ("features.0.weight", "torchvision", ("vgg*", "alexnet", "squeezenet*")),
    ("class_token", "torchvision", ("vit_*",)),
    ("stage2.0.branch1.0.weight", "torchvision", ("shufflenet*",)),
    ("layers.0.weight", "torchvision", ("mnasnet*",)),
    ("stem.0.weight", "torchvision", ("regnet*",)),
    ("conv_stem.weight", "timm", ("*efficientnet*", "mobilenet*", "tf_mobilenet*", "mnasnet*")),
    ("patch_embed.proj.weight", "timm", ("deit_*", "vit_*_patch*_224", "swin_*")),
    ("stem.0.weight", "timm", ("convnext*",)),
    ("features.denseblock1.denselayer1.norm1.weight", "timm", ("densenet*",)),
    ("layer1.0.conv1.weight", "timm", ("resnet*", "resnext*", "seresnet*", "test_resnet")),
)


@dataclass(frozen=True)
class Fit:
    """An architecture that all tensors fit.

    Attributes:
        format: whose it is.
        name: as it is built by.
        outputs: number of classes that the file was made for.
    """

    format: FormatName
    name: str
    outputs: int


def without_prefix(shapes: Shapes) -> tuple[str, Shapes]:
    """What training wrappers put before every name, and the shapes without it."""
    for prefix in _PREFIXES:
        if shapes and all(name.startswith(prefix) for name in shapes):
            return prefix, {name.removeprefix(prefix): shape for name, shape in shapes.items()}
    return "", shapes


def fitting(shapes: Shapes, named: str | None = None) -> list[Fit]:
    """Architectures that the tensors fit, the shortest name first; torchvision before timm.

    Args:
        shapes: of all tensors, without prefix.
        named: the only architecture that is to be tried.
    """
    deadline, found = time.monotonic() + _SECONDS, list[Fit]()
    for kind, name, build in _named(named) if named else _candidates(shapes):
        outputs = _outputs(shapes, _shapes(build))
        if outputs is not None:
            found.append(Fit(kind, name, outputs))
            deadline = min(deadline, time.monotonic() + _OTHERS)
        if time.monotonic() > deadline:
            break
    order = {"torchvision": 0, "timm": 1}
    return sorted(found, key=lambda fit: (order[fit.format], len(fit.name), fit.name))


def _candidates(shapes: Shapes) -> Iterator[Candidate]:
    """Those of the families whose signature is in the file, short names first."""
    import timm
    from torchvision import models

    for signature, kind, patterns in _SIGNATURES:
        for pattern in patterns if signature in shapes else ():
            if kind == "timm":
                names = timm.list_models(pattern)
            else:
                names = models.list_models(module=models, include=pattern)
            for name in sorted(names, key=lambda name: (len(name), name)):
                yield kind, name, _builder(kind, name)


def _named(name: str) -> Iterator[Candidate]:
    import timm
    from torchvision import models

    if name in models.list_models(module=models):
        yield "torchvision", name, _builder("torchvision", name)
    if name in timm.list_models():
        yield "timm", name, _builder("timm", name)


def _builder(kind: FormatName, name: str) -> Callable[[], Any]:
    import timm
    from torchvision import models

    if kind == "timm":
        return partial(timm.create_model, name)
    return partial(models.get_model, name, weights=None)


def _shapes(build: Callable[[], Any]) -> Shapes:
    """Of a network that is built without values; nothing where it cannot be built so."""
    import torch

    try:
        with torch.device("meta"):
            state = build().state_dict()
    except Exception:  # noqa: BLE001  builders fail in whatever way their options lead to
        return {}
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def _outputs(given: Shapes, built: Shapes) -> int | None:
    """How many classes the file has if everything else is equal; None if it is not."""
    names = {name for name in built if not name.endswith("num_batches_tracked")}
    if not names or names != {n for n in given if not n.endswith("num_batches_tracked")}:
        return None
    differ = [name for name in names if tuple(given[name]) != built[name]]
    if not differ:
        return _DEFAULT_OUTPUTS
    heads = {given[name][0] for name in differ if _is_head(given[name], built[name])}
    all_heads = all(_is_head(given[name], built[name]) for name in differ)
    return heads.pop() if all_heads and len(heads) == 1 else None


def _is_head(given: tuple[int, ...], built: tuple[int, ...]) -> bool:
    return bool(given) and built[:1] == (_DEFAULT_OUTPUTS,) and given[1:] == built[1:]
