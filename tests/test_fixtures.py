"""Every committed binary is the one that its checksum names."""

import hashlib
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[1] / "fixtures"
LINES = [
    (sums.parent, line)
    for sums in sorted(FIXTURES.rglob("SHA256SUMS"))
    for line in sums.read_text(encoding="utf-8").splitlines()
    if line.strip()
]


def test_checksums_exist():
    assert len(LINES) > 10


@pytest.mark.parametrize(("folder", "line"), LINES, ids=[line.split()[-1] for _, line in LINES])
def test_fixture_matches_its_checksum(folder, line):
    expected, name = line.split(maxsplit=1)
    content = (folder / name.lstrip("*")).read_bytes()
    assert hashlib.sha256(content).hexdigest() == expected


BINARY = {
    ".binaryproto",
    ".caffemodel",
    ".jpg",
    ".npz",
    ".onnx",
    ".png",
    ".prototxt",
    ".pt2",
    ".safetensors",
    ".tflite",
}


def nearest_sums(path):
    """The SHA256SUMS of the folder or of the nearest one above it."""
    return next(p / "SHA256SUMS" for p in path.parents if (p / "SHA256SUMS").exists())


@pytest.mark.parametrize(
    "path", [p for p in sorted(FIXTURES.rglob("*")) if p.suffix in BINARY], ids=lambda p: p.name
)
def test_every_binary_has_a_checksum(path):
    sums = nearest_sums(path)
    named = {line.split(maxsplit=1)[1].lstrip("*") for line in sums.read_text().splitlines()}
    assert path.relative_to(sums.parent).as_posix() in named


def test_all_binaries_together_stay_small():
    sizes = [path.stat().st_size for path in FIXTURES.rglob("*") if path.suffix in BINARY]
    assert sum(sizes) < 40 * 2**20
