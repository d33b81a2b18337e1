"""Addresses and seeds: both are functions of content, never of shards, order or workers."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from auditkit.spec.plugins import plugins

_COMPUTING = ("evidence", "models", "data", "metrics", "spec", "colour.py")
_PACKAGES = (
    "ai-edge-litert",
    "diffusers",
    "h5py",
    "jax",
    "keras",
    "nibabel",
    "numpy",
    "onnx",
    "onnxruntime",
    "opencv-python",
    "opencv-python-headless",
    "pillow",
    "protobuf",
    "pydicom",
    "safetensors",
    "scikit-image",
    "scipy",
    "tensorflow",
    "tensorflow-cpu",
    "tflite",
    "timm",
    "tokenizers",
    "torch",
    "torchvision",
    "transformers",
)


def address(identity: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of an identity."""
    return hashlib.sha256(_canonical(identity).encode()).hexdigest()


class ShardAddresses:
    """Addresses of shards that differ in their images alone: the rest is put into text once."""

    def __init__(self, identity: Mapping[str, Any]) -> None:
        """Of an identity without the key ``images``."""
        before = {key: value for key, value in identity.items() if key < "images"}
        after = {key: value for key, value in identity.items() if key > "images"}
        self._before = "{" + "".join(f"{part}," for part in _inside(before)) + '"images":'
        self._after = "".join(f",{part}" for part in _inside(after)) + "}"

    def of(self, images: Sequence[str]) -> str:
        """As `address` of the identity with these images."""
        text = f"{self._before}{_canonical(images)}{self._after}"
        return hashlib.sha256(text.encode()).hexdigest()


def _inside(identity: Mapping[str, Any]) -> list[str]:
    """Members of an object in canonical JSON; one text, or none."""
    return [_canonical(identity)[1:-1]] if identity else []


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def seed_of(*parts: Any) -> int:
    """A seed from (method, parameters, image digest, repeat, declared seed): 63 bits of their sha256."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@cache
def code_version() -> str:
    """Digest of the code that computes evidence, and the versions of what it computes with.

    Plug-ins count whole, whether they add checks or heatmap methods.

    Any change of that code makes new addresses: recomputing is cheap beside a stale number.
    """
    total = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for part in _COMPUTING:
        place = root / part
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            total.update(file.relative_to(root).as_posix().encode())
            total.update(file.read_bytes())
    for package in _PACKAGES:
        try:
            total.update(f"{package}={version(package)}".encode())
        except PackageNotFoundError:
            total.update(f"{package}=none".encode())
    for plugin in plugins():
        total.update(f"{plugin.distribution}={plugin.version}".encode())
        for name, content in _sources(plugin.module):
            total.update(name.encode())
            total.update(content)
    return total.hexdigest()


def _sources(module: str) -> Iterator[tuple[str, bytes]]:
    """A top-level module's own Python files: while a plug-in is written its version stands still."""
    found = find_spec(module)
    if found is None:
        return
    for folder in map(Path, found.submodule_search_locations or ()):
        for file in sorted(folder.rglob("*.py")):
            yield file.relative_to(folder).as_posix(), file.read_bytes()
    if found.submodule_search_locations is None and found.origin is not None:
        yield Path(found.origin).name, Path(found.origin).read_bytes()
