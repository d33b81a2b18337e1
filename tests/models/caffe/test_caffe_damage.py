"""Whatever is in the files, loading them works or ends in an AuditError."""

import random
import tracemalloc

import numpy as np
import pytest
import torch
from caffe_networks import Files, every_layer, newer_layers
from write_caffe import number, record, string, varint

from auditkit.errors import AuditError
from auditkit.models.caffe.weights import index_weights

CASES = [(every_layer, (1, 3, 20, 18), False), (every_layer, (1, 3, 20, 18), True)]
CASES.append((newer_layers, (1, 3, 12, 12), False))


def loads(files):
    """Whether the files load; if they do, the network also runs unless its images became large."""
    try:
        network = files.load()
    except AuditError as error:
        named = str(files.definition.parent) in str(error)
        if not named:
            raise
        return False
    height, width, channels = network.input_shape
    if height * width * channels < 5000:
        with torch.no_grad():
            assert network(torch.zeros(2, channels, height, width)).shape == (
                2,
                network.output_count,
            )
    return True


@pytest.mark.parametrize(("make", "shape", "old"), CASES)
def test_truncated_weights_are_refused(tmp_path, make, shape, old):
    files = Files(tmp_path).write(make(), shape, old=old)
    content = files.weights.read_bytes()
    for end in [*range(60), *range(60, len(content) - 1, len(content) // 40)]:
        files.weights.write_bytes(content[:end])
        assert not loads(files), end


@pytest.mark.parametrize(("make", "shape", "old"), CASES)
def test_weights_with_flipped_bits_never_crash(tmp_path, make, shape, old):
    files = Files(tmp_path).write(make(), shape, old=old)
    content = files.weights.read_bytes()
    generator = random.Random(f"{make.__name__}{old}")
    # The small layers, where the structure is dense, lie in front of the dense layer's weights.
    loaded = 0
    for _ in range(100):
        damaged = bytearray(content)
        for _ in range(generator.choice([1, 1, 3])):
            place = generator.randrange(generator.choice([200, 3000, len(content)]))
            damaged[place] ^= 1 << generator.randrange(8)
        files.weights.write_bytes(bytes(damaged))
        loaded += loads(files)
    assert 0 < loaded < 100


@pytest.mark.parametrize(("make", "shape", "old"), CASES)
def test_changed_definitions_never_crash(tmp_path, make, shape, old):
    files = Files(tmp_path).write(make(), shape, old=old)
    text = files.definition.read_text()
    generator = random.Random(f"{make.__name__}{old}")
    words = [
        "0",
        "-1",
        "99999999",
        "1e30",
        "nan",
        '"data"',
        '"prob"',
        "{",
        "}",
        "layer",
        "TEST",
        ":",
    ]
    loaded = 0
    for _ in range(70):
        pieces = text.split(" ")
        place = generator.randrange(len(pieces))
        pieces[place] = generator.choice([*words, generator.choice(pieces), pieces[place] * 2])
        files.definition.write_text(" ".join(pieces))
        loaded += loads(files)
    assert 0 < loaded < 70


def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path):
    files = Files(tmp_path).write(every_layer(), (1, 3, 20, 18))
    text = files.definition.read_text()
    changes = [
        ("num_output: 8", f"num_output: {2**40}"),
        ("dim: 20", f"dim: {2**31}"),
        ("pad: 2", f"pad: {2**30}"),
        ("pad: 2", "pad: 16000"),
        ("kernel_size: 3", f"kernel_size: {2**20}"),
        ("dilation: 2", f"dilation: {2**50}"),
        ("slice_point: 5", f"slice_point: {2**60}"),
        ("group: 4", f"group: {2**62}"),
        ("group: 4", "group: 0"),
        ("local_size: 5", f"local_size: {2**40 + 1}"),
    ]
    tracemalloc.start()
    try:
        for before, after in changes:
            assert before in text
            files.definition.write_text(text.replace(before, after))
            assert not loads(files), after
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000


def test_many_small_fields_are_refused_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr("auditkit.models.caffe.wire._MOST_FIELDS", 1000)
    path = tmp_path / "many.caffemodel"
    pieces = b"".join(record(5, b"\0\0\0\0") for _ in range(2000))
    for content in [
        record(100, string(1, "a") + record(7, pieces)),
        number(9, 1) * 2000,
        record(100, record(7, record(7, record(1, b"\1" * 2000)))),
    ]:
        path.write_bytes(content)
        with pytest.raises(AuditError, match=r"more than 1000 fields|holds no numbers"):
            index_weights(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\x80" * 20,
        b"\xff" * 64,
        b"PK\3\4" + bytes(60),
        b"\x7fELF" + bytes(200),
        varint(100 << 3 | 2) + varint(2**62) + b"abc",
        varint(100 << 3 | 5) + b"abcd",
        varint(100 << 3 | 3) + b"abcd",
        record(100, string(1, "n" * 5000)),
        record(100, record(1, b"\xff\xfe")),
        record(100, number(1, 5)),
        record(100, string(1, "a") + number(7, 3)),
        record(100, string(1, "a") + record(7, b"")),
        record(100, string(1, "a") + record(7, number(7, 3) + record(5, bytes(4)))),
        record(100, string(1, "a") + record(7, number(5, 3))),
        record(100, string(1, "a") + record(7, record(5, bytes(3)))),
        record(100, string(1, "a") + record(7, record(5, bytes(4)) + record(8, bytes(8)))),
        record(100, string(1, "a") + record(7, record(5, bytes(4))) * 100),
        record(100, b"") * 30_000,
    ],
)
def test_what_is_no_caffemodel_is_refused(tmp_path, content):
    files = Files(tmp_path).write(every_layer(), (1, 3, 20, 18))
    files.weights.write_bytes(content)
    assert not loads(files)


def test_a_chain_of_very_many_layers_is_no_deep_recursion(tmp_path):
    lines = ['input: "data" input_shape { dim: 1 dim: 1 dim: 2 dim: 2 }']
    lines += [
        f'layer {{ name: "r{n}" type: "ReLU" bottom: "data" top: "data" }}' for n in range(1500)
    ]
    files = Files(tmp_path).write([], (1, 1, 2, 2))
    files.definition.write_text("\n".join(lines))
    files.weights.write_bytes(record(100, string(1, "r1")))
    x = torch.from_numpy(np.array([[[[-1.0, 2], [3, -4]]]], np.float32))
    with torch.no_grad():
        assert files.load()(x).tolist() == [[0, 2, 3, 0]]


def test_missing_files_are_named(tmp_path):
    files = Files(tmp_path).write(every_layer(), (1, 3, 20, 18))
    files.weights.unlink()
    with pytest.raises(AuditError, match=r"net\.caffemodel: cannot be read"):
        files.load()
    files.weights.mkdir()
    with pytest.raises(AuditError, match=r"net\.caffemodel: cannot be read"):
        files.load()
