"""Small Caffe networks: descriptions from which files are written."""

import numpy as np
import torch
from write_caffe import Layer, Word, write_caffe

from auditkit.models.caffe import CaffeRuntime, load_caffe

CHANNELS = 6


class Weights:
    """Random blobs of chosen shapes."""

    def __init__(self, seed=0):
        self.generator = np.random.default_rng(seed)

    def normal(self, *shape):
        return self.generator.normal(0, 0.5, shape).astype(np.float32)

    def positive(self, *shape):
        return self.generator.uniform(0.5, 1.5, shape).astype(np.float32)


def conv(weights, name, bottom, channels, filters, *, kernel=(3, 3), group=1, bias=True, **fields):
    fields = {"num_output": filters, "bias_term": bias, "group": group, **fields}
    if kernel[0] == kernel[1]:
        fields["kernel_size"] = kernel[0]
    else:
        fields |= {"kernel_h": kernel[0], "kernel_w": kernel[1]}
    blobs = [weights.normal(filters, channels // group, *kernel)]
    blobs += [weights.normal(filters)] if bias else []
    return Layer(name, "Convolution", [bottom], [name], {"convolution_param": fields}, blobs)


def norm(weights, name, blob, channels, factor=1.0, **fields):
    mean, variance = weights.normal(channels) * factor, weights.positive(channels) * factor
    blobs = [mean, variance, np.array([factor], np.float32)]
    return Layer(name, "BatchNorm", [blob], [blob], {"batch_norm_param": fields}, blobs)


def dense(weights, name, bottom, inputs, outputs, *, bias=True):
    blobs = [weights.normal(outputs, inputs) / np.float32(np.sqrt(inputs))]
    blobs += [weights.normal(outputs)] if bias else []
    fields = {"inner_product_param": {"num_output": outputs, "bias_term": bias}}
    return Layer(name, "InnerProduct", [bottom], [name], fields, blobs)


def pool(name, bottom, kind, **fields):
    options = {"pooling_param": {"pool": Word(kind), **fields}}
    return Layer(name, "Pooling", [bottom], [name], options)


def simple(name, kind, bottom, **options):
    """A layer of one bottom; its top has its name."""
    return Layer(name, kind, [bottom], [name], options)


def head(weights, bottom, channels, outputs=3):
    return [
        pool("gap", bottom, "AVE", global_pooling=True),
        dense(weights, "fc", "gap", channels, outputs),
        simple("prob", "Softmax", "fc"),
    ]


def every_layer(seed=0):
    """Every layer that the format had before 2015 and OpenCV knows; input (1, 3, 20, 18)."""
    w = Weights(seed)
    region = Word("WITHIN_CHANNEL")
    return [
        conv(w, "conv1", "data", 3, 8, kernel=(3, 5), stride_h=1, stride_w=1, pad_h=1, pad_w=2),
        Layer("relu1", "ReLU", ["conv1"], ["conv1"]),
        simple("lrn1", "LRN", "conv1", lrn_param={"local_size": 5, "alpha": 0.7, "beta": 0.6}),
        pool("pool1", "lrn1", "MAX", kernel_size=3, stride=2),
        conv(w, "conv2", "pool1", 8, 8, group=4, pad=2, dilation=2, bias=False),
        Layer("leaky", "ReLU", ["conv2"], ["conv2"], {"relu_param": {"negative_slope": 0.2}}),
        simple("lrn2", "LRN", "conv2", lrn_param={"local_size": 3, "norm_region": region}),
        simple("tanh", "TanH", "lrn2"),
        simple("sig", "Sigmoid", "lrn2"),
        simple("abs", "AbsVal", "lrn2"),
        simple("pow", "Power", "abs", power_param={"power": 1.5, "scale": 0.5, "shift": 0.1}),
        Layer(
            "sum",
            "Eltwise",
            ["tanh", "sig", "pow"],
            ["sum"],
            {"eltwise_param": {"operation": Word("SUM"), "coeff": [0.5, -1.5, 2]}},
        ),
        Layer("prod", "Eltwise", ["tanh", "sig"], ["prod"], _operation("PROD")),
        Layer("max", "Eltwise", ["tanh", "pow"], ["max"], _operation("MAX")),
        Layer("cat", "Concat", ["sum", "prod", "max"], ["cat"]),
        Layer("cut", "Slice", ["cat"], ["a", "b", "c"], {"slice_param": {"slice_point": [5, 12]}}),
        Layer("twice", "Split", ["c"], ["c1", "c2"]),
        Layer("join", "Concat", ["b", "a", "c1", "c2"], ["join"], {"concat_param": {"axis": 1}}),
        pool("pool2", "join", "AVE", kernel_size=3, stride=2, pad=1),
        Layer("drop", "Dropout", ["pool2"], ["pool2"], {"dropout_param": {"dropout_ratio": 0.4}}),
        simple("flat", "Flatten", "pool2"),
        dense(w, "fc1", "flat", 36 * 6 * 5, 7),
        Layer("relu2", "ReLU", ["fc1"], ["fc1"]),
        dense(w, "fc2", "fc1", 7, 4, bias=False),
        simple("prob", "Softmax", "fc2"),
    ]


def _operation(word):
    return {"eltwise_param": {"operation": Word(word)}}


def newer_layers(seed=1):
    """Layers since 2015 that OpenCV knows; input (1, 3, 12, 12)."""
    w = Weights(seed)
    return [
        conv(w, "conv1", "data", 3, CHANNELS, pad=1),
        norm(w, "bn1", "conv1", CHANNELS, factor=999.98, eps=1e-3),
        _scale(w, "scale1", "conv1", CHANNELS, bias=True),
        Layer("prelu", "PReLU", ["conv1"], ["conv1"], {}, [w.normal(CHANNELS)]),
        simple("elu", "ELU", "conv1", elu_param={"alpha": 0.7}),
        _scale(w, "scale2", "elu", CHANNELS, bias=False),
        _up(w, "up", "elu", CHANNELS, 5),
        Layer(
            "one", "PReLU", ["up"], ["up"], {"prelu_param": {"channel_shared": True}}, [_scalar()]
        ),
        simple("shaped", "Reshape", "up", reshape_param={"shape": {"dim": [0, 5, -1]}}),
        simple("flat", "Flatten", "shaped", flatten_param={"axis": 1}),
        dense(w, "fc", "flat", 5 * 24 * 24, 4),
        simple("prob", "Sigmoid", "fc"),
    ]


def _scalar():
    return np.array([0.3], np.float32)


def _scale(weights, name, blob, channels, *, bias):
    blobs = [weights.positive(channels), *([weights.normal(channels)] if bias else [])]
    return Layer(name, "Scale", [blob], [blob], {"scale_param": {"bias_term": bias}}, blobs)


def _up(weights, name, bottom, channels, filters):
    fields = {"num_output": filters, "kernel_size": 4, "stride": 2, "pad": 1}
    blobs = [weights.normal(channels, filters, 4, 4) / 4, weights.normal(filters)]
    return Layer(name, "Deconvolution", [bottom], [name], {"convolution_param": fields}, blobs)


class Files:
    """A network's two files in a folder."""

    def __init__(self, folder, name="net"):
        self.definition, self.weights = folder / f"{name}.prototxt", folder / f"{name}.caffemodel"

    def write(self, layers, input_shape, **keywords):
        write_caffe(layers, self.definition, self.weights, input_shape=input_shape, **keywords)
        return self

    def load(self):
        return load_caffe(self.weights, self.definition)

    def runtime(self):
        return CaffeRuntime(self.weights, self.definition)


def images(input_shape, count=3, seed=0):
    shape = count, *input_shape[1:]
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def answers(network, batch):
    with torch.no_grad():
        return network(torch.from_numpy(batch)).double().numpy()
