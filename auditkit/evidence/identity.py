"""Addresses and seeds: both are functions of content, never of shards, order or workers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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
    return total.hexdigest()
