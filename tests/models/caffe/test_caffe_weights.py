"""Weights are found wherever a writer of the format may have put them, and checked."""

import struct

import numpy as np
import pytest
from caffe_networks import Files, Weights, answers, dense, every_layer, images
from write_caffe import (
    Layer,
    blob_bytes,
    number,
    record,
    string,
    varint,
    weights_bytes,
)

from auditkit.errors import AuditError
from auditkit.models.caffe import read_mean_image
from auditkit.models.caffe.weights import index_weights

SHAPE = (1, 3, 4, 5)


def single_values(place, values):
    """Values that are not packed: each with its own tag."""
    return b"".join(varint(place << 3 | 5) + struct.pack("<f", value) for value in values)


def network(folder, *blobs, name="fc", kind=b""):
    """The two files of one dense layer with given encoded blobs."""
    files = Files(folder).write([dense(Weights(), "fc", "data", 60, 2)], SHAPE)
    content = b"".join(record(7, blob) for blob in blobs)
    files.weights.write_bytes(kind + record(100, string(1, name) + content))
    return files


@pytest.fixture
def blobs():
    return dense(Weights(), "fc", "data", 60, 2).blobs


def expected(blobs, batch):
    return batch.reshape(len(batch), -1) @ blobs[0].T + blobs[1]


def shape_bytes(*sizes):
    return record(7, record(1, b"".join(varint(size) for size in sizes)))


def test_floats_may_be_packed_single_in_pieces_or_doubles(tmp_path, blobs):
    weight, bias = blobs[0].reshape(-1), blob_bytes(blobs[1])
    shape = shape_bytes(2, 60)
    packed = weight.tobytes()
    ways = [
        shape + record(5, packed),
        record(5, packed) + shape,
        shape + single_values(5, weight),
        single_values(5, weight) + shape,
        record(5, packed[:40]) + shape + record(5, packed[40:]),
        shape
        + single_values(5, weight[:17])
        + record(5, packed[68:200])
        + single_values(5, weight[50:]),
        shape + record(8, weight.astype("<f8").tobytes()),
        shape + record(5, packed) + record(6, packed),
        shape + record(99, b"x") + record(5, packed),
        # Sizes that are not packed either.
        record(7, number(1, 2) + number(1, 60)) + record(5, packed),
    ]
    batch = images(SHAPE)
    for place, way in enumerate(ways):
        network_of_way = network(tmp_path, way, bias).load()
        assert np.allclose(answers(network_of_way, batch), expected(blobs, batch), atol=1e-5), place


def test_old_blobs_of_four_sizes_fit_what_has_fewer(tmp_path, blobs):
    files = network(tmp_path, blob_bytes(blobs[0], old=True), blob_bytes(blobs[1], old=True))
    batch = images(SHAPE)
    assert np.allclose(answers(files.load(), batch), expected(blobs, batch), atol=1e-5)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (shape_bytes(60, 2), r"blob 0 of layer \"fc\" .* has shape \(60, 2\), expected \(2, 60\)"),
        (shape_bytes(120), r"has shape \(120,\)"),
        (shape_bytes(1, 1, 2, 60), r"has shape \(1, 1, 2, 60\)"),
        (shape_bytes(2, 61), "120 numbers"),
        (shape_bytes(0, 2**60), "120 numbers"),
        (shape_bytes(2**63, 2**63), "120 numbers"),
        (shape_bytes(*[1] * 40), "120 numbers"),
        (shape_bytes(*[1] * 5000), "too long"),
        (b"", "120 numbers"),
        (number(1, 1) + number(2, 120), "120 numbers"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(tmp_path, blobs, first, message):
    numbers = record(5, blobs[0].tobytes())
    with pytest.raises(AuditError, match=message):
        network(tmp_path, first + numbers, blob_bytes(blobs[1])).load()


def test_the_number_of_blobs_is_checked(tmp_path, blobs):
    encoded = [blob_bytes(blob) for blob in blobs]
    for given in ([], encoded[:1], [*encoded, encoded[1]]):
        with pytest.raises(AuditError, match=f"has {len(given)} blobs for layer .* expected 2"):
            network(tmp_path, *given).load()


def test_weights_of_another_network_are_refused(tmp_path, blobs):
    encoded = [blob_bytes(blob) for blob in blobs]
    with pytest.raises(AuditError, match=r"are these the weights of net\.prototxt"):
        network(tmp_path, *encoded, name="other").load()
    layers = [Layer("data2", "ReLU", ["data"], ["d"]), *every_layer()[:1]]
    files = Files(tmp_path).write(layers[:1], SHAPE)
    files.weights.write_bytes(weights_bytes([Layer("data2", "ReLU", [], [], {}, [blobs[1]])]))
    with pytest.raises(AuditError, match=r"has 1 blobs for layer .* expected 0"):
        files.load()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, blobs, value):
    blobs[0][1, 3] = value
    with pytest.raises(AuditError, match="infinite or not numbers"):
        network(tmp_path, *[blob_bytes(blob) for blob in blobs]).load()


def test_doubles_beyond_single_precision_are_refused(tmp_path, blobs):
    doubles = blobs[0].astype(np.float64)
    doubles[0, 0] = 1e60
    with pytest.raises(AuditError, match="infinite"):
        network(tmp_path, blob_bytes(doubles), blob_bytes(blobs[1])).load()


def test_two_layers_of_one_name_are_refused(tmp_path, blobs):
    files = network(tmp_path, *[blob_bytes(blob) for blob in blobs])
    files.weights.write_bytes(files.weights.read_bytes() * 2)
    with pytest.raises(AuditError, match='two layers with weights are called "fc"'):
        files.load()


def test_layers_that_the_definition_does_not_have_are_left_unread(tmp_path, blobs):
    files = network(tmp_path, *[blob_bytes(blob) for blob in blobs])
    bad = np.full(3, np.nan, np.float32)
    extra = weights_bytes([Layer("loss1/fc", "InnerProduct", [], [], {}, [bad])], "")
    files.weights.write_bytes(files.weights.read_bytes() + extra)
    assert files.load().layer_names == ("fc",)


def test_the_oldest_format_is_named(tmp_path):
    path = tmp_path / "v0.caffemodel"
    path.write_bytes(record(2, record(1, string(1, "conv1") + string(2, "conv"))))
    with pytest.raises(AuditError, match="upgrade_net_proto_binary"):
        index_weights(path)


@pytest.mark.parametrize("old", [False, True])
def test_a_mean_image_is_read_in_the_order_of_the_file(tmp_path, old):
    mean = Weights().normal(3, 4, 5)
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(blob_bytes(mean, old=old))
    found = read_mean_image(path)
    assert found.dtype == np.float32
    assert np.array_equal(found, mean)
    path.write_bytes(blob_bytes(mean[None]))
    assert np.array_equal(read_mean_image(path), mean)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\xff" * 40,
        blob_bytes(np.zeros((1, 4, 5), np.float32)),
        blob_bytes(np.zeros((2, 3, 4, 5), np.float32)),
        blob_bytes(np.full((3, 4, 5), np.nan, np.float32)),
        blob_bytes(np.zeros((3, 4, 5), np.float32))[:-3],
        shape_bytes(3, 4, 5),
    ],
)
def test_what_is_no_mean_image_is_refused(tmp_path, content):
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(content)
    with pytest.raises(AuditError, match="mean"):
        read_mean_image(path)
    path.unlink()
    with pytest.raises(AuditError, match="cannot be read"):
        read_mean_image(path)
