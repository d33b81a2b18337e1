"""The PyTorch module answers as OpenCV's reading of the same files."""

from itertools import product

import numpy as np
import pytest
from caffe_networks import (
    Files,
    Weights,
    answers,
    conv,
    every_layer,
    head,
    images,
    newer_layers,
    pool,
    simple,
)
from write_caffe import Layer, Word

from auditkit.errors import AuditError

cv2 = pytest.importorskip("cv2")
needs_caffe = pytest.mark.skipif(
    not hasattr(cv2.dnn, "readNetFromCaffe"), reason="OpenCV 5 reads no Caffe"
)
_DEPTHWISE = conv(Weights(), "x", "data", 3, 3, group=3)
OLD_SHAPE, NEW_SHAPE = (1, 3, 20, 18), (1, 3, 12, 12)


def difference(files, batch):
    found, expected = answers(files.load(), batch), files.runtime().answer(batch)
    assert found.shape == expected.shape
    return np.abs(found - expected).max()


@needs_caffe
@pytest.mark.parametrize("old", [False, True])
def test_every_layer_agrees_with_opencv(tmp_path, old):
    files = Files(tmp_path).write(every_layer(), OLD_SHAPE, old=old)
    assert difference(files, images(OLD_SHAPE)) < 1e-6


@needs_caffe
@pytest.mark.parametrize("count", range(3, 15))
def test_each_layer_in_turn_agrees_with_opencv(tmp_path, count):
    layers = every_layer()[:count]
    needed, kept = set(layers[-1].tops), []
    for layer in reversed(layers):
        if needed & set(layer.tops):
            kept.append(layer)
            needed |= set(layer.bottoms)
    files = Files(tmp_path).write(kept[::-1], OLD_SHAPE)
    assert difference(files, images(OLD_SHAPE)) < 1e-5


@needs_caffe
def test_newer_layers_agree_with_opencv(tmp_path):
    files = Files(tmp_path).write(newer_layers(), NEW_SHAPE)
    assert difference(files, images(NEW_SHAPE)) < 1e-6


@needs_caffe
@pytest.mark.parametrize(
    ("kind", "kernel", "stride", "mode"),
    list(product(("MAX", "AVE"), (2, 3, 5), (1, 2, 3), ("CEIL", "FLOOR"))),
)
def test_pooling_of_every_size_agrees_with_opencv(tmp_path, kind, kernel, stride, mode):
    shape = (1, 2, 7, 8)
    for pad in range(kernel):
        fields = {"kernel_size": kernel, "stride": stride, "pad": pad, "round_mode": Word(mode)}
        files = Files(tmp_path).write([pool("p", "data", kind, **fields)], shape)
        assert difference(files, images(shape)) < 1e-6, pad


@needs_caffe
def test_a_definition_of_training_agrees_with_opencv(tmp_path):
    w = Weights()
    layers = [conv(w, "conv1", "data", 3, 6), *head(w, "conv1", 6)[:2]]
    files = Files(tmp_path).write(layers, NEW_SHAPE)
    text = files.definition.read_text()
    start = text.index('layer {\n  name: "conv1"')
    files.definition.write_text(
        """
        layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN }
                transform_param { crop_size: 99 } data_param { source: "train" batch_size: 2 } }
        layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }
                transform_param { crop_size: 12 mean_value: 104 } data_param { batch_size: 8 } }
        """
        + text[start:]
        + """
        layer { name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "label" top: "accuracy"
                include { phase: TEST } accuracy_param { top_k: 2 } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
        """
    )
    assert difference(files, images(NEW_SHAPE)) < 1e-6
    assert files.load().has_logits


@needs_caffe
def test_a_reshape_written_for_another_batch_agrees_with_opencv(tmp_path):
    sizes = {"reshape_param": {"shape": {"dim": [10, 6, 3, 1]}}}
    layers = [simple("r", "Reshape", "data", **sizes), simple("s", "Softmax", "r")]
    files = Files(tmp_path).write(layers, (10, 2, 3, 3))
    assert difference(files, images((10, 2, 3, 3), count=4)) < 1e-6


@needs_caffe
def test_the_runtime_leaves_opencvs_threads_as_they_were(tmp_path):
    files = Files(tmp_path).write(every_layer(), OLD_SHAPE)
    before = cv2.getNumThreads()
    files.runtime().answer(images(OLD_SHAPE))
    assert cv2.getNumThreads() == before


@needs_caffe
def test_the_runtime_says_what_it_is_and_refuses_other_shapes(tmp_path):
    runtime = Files(tmp_path).write(every_layer(), OLD_SHAPE).runtime()
    assert runtime.name.startswith("OpenCV dnn 4")
    assert runtime.output_step == 0
    for batch in [images((1, 3, 20, 19)), images(OLD_SHAPE)[:0], images(OLD_SHAPE)[0]]:
        with pytest.raises(AuditError, match="expected"):
            runtime.answer(batch)


@needs_caffe
def test_what_opencv_refuses_stays_unverified(tmp_path):
    layers = every_layer()
    layers[0].blobs[0] = layers[0].blobs[0].astype(np.float64)
    files = Files(tmp_path).write(layers, OLD_SHAPE)
    files.load()
    with pytest.raises(AuditError, match="unverified"):
        files.runtime()


@needs_caffe
@pytest.mark.parametrize(
    ("kind", "fields", "shape"),
    [
        ("InnerProduct", {"inner_product_param": {"num_output": 3, "transpose": True}}, (108, 3)),
        (
            "Deconvolution",
            {"convolution_param": {"num_output": 3, "kernel_size": 3, "dilation": 2}},
            (3, 3, 3, 3),
        ),
    ],
)
def test_what_opencv_misreads_stays_unverified(tmp_path, kind, fields, shape):
    blobs = [Weights().normal(*shape), Weights().normal(3)]
    layer = Layer("x", kind, ["data"], ["x"], fields, blobs)
    files = Files(tmp_path).write([layer], (1, 3, 6, 6))
    files.load()
    with pytest.raises(AuditError, match="unverified: it overlooks"):
        files.runtime()


@needs_caffe
@pytest.mark.parametrize(
    "layer",
    [
        Layer("x", "Concat", ["data", "data"], ["x"], {"concat_param": {"concat_dim": 2}}),
        simple("x", "Softmax", "data", softmax_param={"axis": 2}),
        simple("x", "Flatten", "data", flatten_param={"axis": 2}),
        simple("x", "Dropout", "data", dropout_param={"dropout_ratio": 0.25, "scale_train": False}),
        simple("x", "LRN", "data", lrn_param={"k": 3, "norm_region": Word("WITHIN_CHANNEL")}),
        conv(Weights(), "x", "data", 3, 6, kernel=(3, 2), dilation=[2, 1], stride_h=2, stride_w=1),
        Layer("x", "DepthwiseConvolution", *list(vars(_DEPTHWISE).values())[2:]),
    ],
    ids=lambda layer: layer.type,
)
def test_options_that_opencv_words_otherwise_agree(tmp_path, layer):
    files = Files(tmp_path).write([layer], (1, 3, 8, 8))
    assert difference(files, images((1, 3, 8, 8))) < 1e-5


@needs_caffe
def test_opencv_never_sees_a_file_that_the_reader_refuses(tmp_path, monkeypatch):
    files = Files(tmp_path).write(every_layer(), OLD_SHAPE)
    files.weights.write_bytes(files.weights.read_bytes()[:-5])
    monkeypatch.setattr(cv2.dnn, "readNetFromCaffe", lambda *_: pytest.fail("it was asked"))
    with pytest.raises(AuditError, match="damaged"):
        files.runtime()


def test_an_opencv_without_caffe_is_named(tmp_path, monkeypatch):
    monkeypatch.delattr(cv2.dnn, "readNetFromCaffe", raising=False)
    files = Files(tmp_path).write(every_layer(), OLD_SHAPE)
    with pytest.raises(AuditError, match=r"no longer reads Caffe.*opencv-python-headless<5"):
        files.runtime()
