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


@pytest.mark.parametrize("sums", sorted(FIXTURES.rglob("SHA256SUMS")), ids=lambda p: p.parent.name)
def test_every_binary_has_a_checksum(sums):
    named = {line.split(maxsplit=1)[1].lstrip("*") for line in sums.read_text().splitlines()}
    binaries = {
        str(path.relative_to(sums.parent))
        for path in sums.parent.rglob("*")
        if path.suffix in {".tflite", ".jpg", ".png", ".safetensors", ".npz"}
    }
    assert binaries <= named
