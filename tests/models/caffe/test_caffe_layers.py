"""Each layer computes what Caffe computes: hand-worked values and plain numpy."""

import math

import numpy as np
import pytest
import torch
from caffe_networks import (
    Files,
    Weights,
    answers,
    conv,
    dense,
    every_layer,
    head,
    images,
    newer_layers,
    norm,
    pool,
    simple,
)
from write_caffe import (
    Layer,
    Word,
    batch_norm_and_scale,
    convolution,
    inner_product,
)

from auditkit.errors import AuditError

SHAPE = (1, 3, 6, 6)


def answer(folder, layers, batch):
    """What the network answers, in the shape (N, K)."""
    shape = (1, *batch.shape[1:])
    return answers(Files(folder).write(layers, shape).load(), batch)


def plane(*rows):
    return np.array(rows, np.float32)[None, None]


@pytest.mark.parametrize("factor", [1.0, 999.982, 0.01])
def test_the_statistics_are_divided_by_the_third_blob(tmp_path, factor):
    w = Weights()
    layer = norm(w, "bn", "data", 3, factor=factor, eps=0.01)
    x = images(SHAPE)
    mean, variance = (layer.blobs[place][:, None, None] / factor for place in (0, 1))
    expected = (x - mean) / np.sqrt(variance + 0.01)
    assert np.allclose(answer(tmp_path, [layer], x), expected.reshape(3, -1), atol=1e-4)


def test_a_third_blob_of_zero_means_no_statistics(tmp_path):
    zero = np.zeros(1, np.float32)
    layer = Layer("bn", "BatchNorm", ["data"], ["data"], {}, [np.ones(3), np.ones(3), zero])
    layer = Layer(*list(vars(layer).values())[:5], [b.astype(np.float32) for b in layer.blobs])
    x = images(SHAPE)
    assert np.allclose(answer(tmp_path, [layer], x), x.reshape(3, -1) / math.sqrt(1e-5), rtol=1e-4)


def test_a_network_that_normalises_by_its_batch_is_refused(tmp_path):
    layer = norm(Weights(), "bn", "data", 3, use_global_stats=False)
    with pytest.raises(AuditError, match="use_global_stats: false"):
        answer(tmp_path, [layer], images(SHAPE))


def test_a_variance_below_zero_is_refused(tmp_path):
    layer = norm(Weights(), "bn", "data", 3)
    layer.blobs[1][0] = -1
    with pytest.raises(AuditError, match="variance below zero"):
        answer(tmp_path, [layer], images(SHAPE))


def test_pooled_sizes_are_rounded_up(tmp_path):
    x = plane([1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16])
    layers = [pool("p", "data", "MAX", kernel_size=3, stride=2)]
    assert answer(tmp_path, layers, x).tolist() == [[11, 12, 15, 16]]


def test_an_average_at_the_border_is_divided_by_the_padded_part_of_its_window(tmp_path):
    x = plane([1, 2, 3], [4, 5, 6], [7, 8, 9])
    layers = [pool("p", "data", "AVE", kernel_size=3, stride=2, pad=1)]
    assert np.allclose(answer(tmp_path, layers, x), [[12 / 9, 16 / 9, 24 / 9, 28 / 9]])
    # The second window reaches one column over the padded image: 3 rows of 2 columns count.
    x = plane([1, 2, 3, 4], [5, 6, 7, 8])
    layers = [pool("p", "data", "AVE", kernel_h=2, kernel_w=3, stride_h=1, stride_w=2)]
    assert np.allclose(answer(tmp_path, layers, x), [[4, 22 / 4]])


def test_a_last_window_that_would_start_in_the_padding_is_dropped(tmp_path):
    x = plane([1, 2, 3], [4, 5, 6], [7, 8, 9])
    layers = [pool("p", "data", "MAX", kernel_size=2, stride=2, pad=1)]
    assert answer(tmp_path, layers, x).tolist() == [[1, 3, 7, 9]]


def test_pooling_can_round_down(tmp_path):
    x = plane([1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16])
    for fields in [{"round_mode": Word("FLOOR")}, {"ceil_mode": False}]:
        layers = [pool("p", "data", "MAX", kernel_size=3, stride=2, **fields)]
        assert answer(tmp_path, layers, x).tolist() == [[11]]


@pytest.mark.parametrize(
    "fields",
    [
        {"kernel_size": 1, "stride": 2},
        {"kernel_size": 9},
        {"kernel_size": 2, "pad": 2},
        {"kernel_size": 0},
        {},
        {"kernel_size": 2, "stride": 0},
        {"global_pooling": True, "stride": 2},
        {"kernel_size": 2, "pool": Word("STOCHASTIC")},
        {"kernel_size": 2, "pad": -1},
        {"kernel_size": 2, "pad": 2**40},
    ],
)
def test_pooling_that_has_no_answer_is_refused(tmp_path, fields):
    with pytest.raises(AuditError, match=r'layer "p" \(Pooling\)'):
        answer(tmp_path, [simple("p", "Pooling", "data", pooling_param=fields)], images(SHAPE))


@pytest.mark.parametrize("size", [3, 5])
def test_normalisation_across_channels(tmp_path, size):
    x = images((1, 7, 2, 3))
    layers = [simple("n", "LRN", "data", lrn_param={"local_size": size, "alpha": 2, "k": 1.5})]
    padded = np.pad(x**2, ((0, 0), (size // 2, size // 2), (0, 0), (0, 0)))
    around = sum(padded[:, start : start + 7] for start in range(size))
    expected = x / (1.5 + 2 / size * around) ** 0.75
    assert np.allclose(answer(tmp_path, layers, x), expected.reshape(3, -1), atol=1e-5)


def test_normalisation_within_channels_takes_1_for_k(tmp_path):
    x = images((1, 2, 5, 4))
    fields = {"local_size": 3, "alpha": 2, "k": 7, "norm_region": Word("WITHIN_CHANNEL")}
    layers = [simple("n", "LRN", "data", lrn_param=fields)]
    padded = np.pad(x**2, ((0, 0), (0, 0), (1, 1), (1, 1)))
    around = sum(padded[..., a : a + 5, b : b + 4] for a in range(3) for b in range(3))
    expected = x / (1 + 2 / 9 * around) ** 0.75
    assert np.allclose(answer(tmp_path, layers, x), expected.reshape(3, -1), atol=1e-5)


def test_inner_products_can_be_transposed(tmp_path):
    layer = dense(Weights(), "fc", "data", 108, 4)
    fields = {"inner_product_param": {"num_output": 4, "transpose": True}}
    turned = [np.ascontiguousarray(layer.blobs[0].T), layer.blobs[1]]
    transposed = Layer("fc", "InnerProduct", ["data"], ["fc"], fields, turned)
    x = images(SHAPE)
    expected = x.reshape(3, -1) @ layer.blobs[0].T + layer.blobs[1]
    for layers in ([layer], [transposed]):
        assert np.allclose(answer(tmp_path, layers, x), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "shape", "spread"),
    [
        ({}, (3,), (1, 3, 1, 1)),
        ({"axis": 2, "num_axes": 2}, (6, 6), (1, 1, 6, 6)),
        ({"axis": 1, "num_axes": -1}, (3, 6, 6), (1, 3, 6, 6)),
        ({"axis": -1}, (6,), (1, 1, 1, 6)),
        ({"num_axes": 0}, (), (1, 1, 1, 1)),
    ],
)
def test_scales_cover_the_axes_that_they_name(tmp_path, fields, shape, spread):
    w, x = Weights(), images(SHAPE)
    factor, offset = w.normal(*shape), w.normal(*shape)
    factor, offset = np.asarray(factor, np.float32), np.asarray(offset, np.float32)
    options = {"scale_param": {**fields, "bias_term": True}}
    scaled = [Layer("s", "Scale", ["data"], ["s"], options, [factor, offset])]
    expected = x * factor.reshape(spread) + offset.reshape(spread)
    assert np.allclose(answer(tmp_path, scaled, x), expected.reshape(3, -1), atol=1e-6)
    shifted = [Layer("b", "Bias", ["data"], ["b"], {"bias_param": fields}, [offset])]
    expected = x + offset.reshape(spread)
    assert np.allclose(answer(tmp_path, shifted, x), expected.reshape(3, -1), atol=1e-6)


def test_a_second_blob_can_scale_the_channels_of_each_image(tmp_path):
    layers = [
        pool("gap", "data", "AVE", global_pooling=True),
        simple("flat", "Flatten", "gap"),
        Layer("gate", "Scale", ["data", "flat"], ["gate"], {"scale_param": {"axis": 0}}),
    ]
    x = images(SHAPE)
    expected = x * x.mean((2, 3), keepdims=True)
    assert np.allclose(answer(tmp_path, layers, x), expected.reshape(3, -1), atol=1e-5)


def test_powers_and_leaky_activations(tmp_path):
    x = plane([-2, 0, 1, 3])
    cases = [
        ("Power", {"power_param": {"power": 2, "scale": 0.5, "shift": 1}}, [0, 1, 2.25, 6.25]),
        ("ReLU", {}, [0, 0, 1, 3]),
        ("ReLU", {"relu_param": {"negative_slope": 0.5}}, [-1, 0, 1, 3]),
        ("ELU", {"elu_param": {"alpha": 2}}, [2 * (math.exp(-2) - 1), 0, 1, 3]),
        ("AbsVal", {}, [2, 0, 1, 3]),
        ("TanH", {}, np.tanh([-2, 0, 1, 3])),
        ("Dropout", {}, [-2, 0, 1, 3]),
        (
            "Dropout",
            {"dropout_param": {"dropout_ratio": 0.25, "scale_train": False}},
            [-1.5, 0, 0.75, 2.25],
        ),
    ]
    for kind, fields, expected in cases:
        found = answer(tmp_path, [simple("a", kind, "data", **fields)], x)
        assert np.allclose(found, [expected], atol=1e-6), kind


def test_a_deconvolution_is_the_transpose_of_a_convolution(tmp_path):
    w, x = Weights(), images((1, 4, 5, 5))
    fields = {
        "num_output": 4,
        "kernel_size": 3,
        "stride": 2,
        "pad": 1,
        "group": 2,
        "bias_term": False,
    }
    blob = w.normal(4, 2, 3, 3)
    layer = Layer("up", "Deconvolution", ["data"], ["up"], {"convolution_param": fields}, [blob])
    found = answer(tmp_path, [layer], x).reshape(3, 4, 9, 9)
    y = torch.from_numpy(images((1, 4, 9, 9)))
    down = torch.nn.functional.conv2d(y, torch.from_numpy(blob), None, 2, 1, 1, 2)
    # <up(x), y> = <x, down(y)>.
    assert (found * y.numpy()).sum() == pytest.approx((x * down.numpy()).sum(), rel=1e-4)


@pytest.mark.parametrize(
    "layer",
    [
        simple("l", "Reshape", "data", reshape_param={"shape": {"dim": [3, 1, -1]}}),
        simple("l", "Reshape", "data", reshape_param={"shape": {"dim": [0, -1, -1]}}),
        simple("l", "Reshape", "data", reshape_param={"shape": {"dim": [0, 7]}}),
        simple("l", "Reshape", "data", reshape_param={"shape": {"dim": [0, 0, 0, 0, 0]}}),
        simple("l", "Flatten", "data", flatten_param={"axis": 0}),
        simple("l", "Flatten", "data", flatten_param={"axis": 3, "end_axis": 2}),
        simple("l", "Softmax", "data", softmax_param={"axis": 0}),
        simple("l", "Softmax", "data", softmax_param={"axis": 4}),
        Layer("l", "Concat", ["data", "data"], ["l"], {"concat_param": {"axis": 0}}),
        Layer("l", "Slice", ["data"], ["l", "m"], {"slice_param": {"slice_point": 3}}),
        Layer("l", "Slice", ["data"], ["l", "m"], {"slice_param": {"axis": 1}}),
        Layer("l", "Eltwise", ["data", "data"], ["l"], {"eltwise_param": {"coeff": [1, 2, 3]}}),
        simple("l", "LRN", "data", lrn_param={"local_size": 4}),
        simple("l", "LRN", "data", lrn_param={"alpha": -1}),
        simple("l", "InnerProduct", "data", inner_product_param={"num_output": 0}),
        simple("l", "Convolution", "data", convolution_param={"num_output": 2}),
        simple("l", "Convolution", "data", convolution_param={"num_output": 2, "kernel_size": 9}),
        simple(
            "l",
            "Convolution",
            "data",
            convolution_param={"kernel_size": [1, 1, 1], "num_output": 2},
        ),
        simple("l", "Convolution", "data", convolution_param={"kernel_h": 3, "num_output": 2}),
        simple(
            "l",
            "Convolution",
            "data",
            convolution_param={"kernel_size": 3, "num_output": 2, "group": 2},
        ),
        simple(
            "l", "Convolution", "data", convolution_param={"kernel_size": 3, "num_output": 2**62}
        ),
        simple(
            "l",
            "Deconvolution",
            "data",
            convolution_param={"kernel_size": 9999, "num_output": 2**20},
        ),
    ],
    ids=lambda layer: f"{layer.type}-{list(layer.fields.values())}"[:60],
)
def test_options_that_do_not_fit_are_refused_with_the_layer(tmp_path, layer):
    with pytest.raises(AuditError, match=f'layer "l" \\({layer.type}\\)|outputs'):
        answer(tmp_path, [layer], images(SHAPE))


@pytest.mark.parametrize(
    ("make", "shape"), [(every_layer, (1, 3, 20, 18)), (newer_layers, (1, 3, 12, 12))]
)
def test_rows_do_not_influence_each_other_and_gradients_flow(tmp_path, make, shape):
    network = Files(tmp_path).write(make(), shape).load()
    x = torch.from_numpy(images(shape, count=4)).requires_grad_()
    together = network(x)
    apart = torch.cat([network(row[None]) for row in x])
    assert torch.allclose(together, apart, atol=1e-6)
    (gradient,) = torch.autograd.grad(together[2, 0], x)
    assert gradient[2].abs().max() > 0
    assert not gradient[[0, 1, 3]].any()
    assert gradient.isfinite().all()
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_logits_stand_in_front_of_the_last_softmax_or_sigmoid(tmp_path):
    for make, shape in [(every_layer, (1, 3, 20, 18)), (newer_layers, (1, 3, 12, 12))]:
        network = Files(tmp_path).write(make(), shape).load()
        x = torch.from_numpy(images(shape))
        logits, probabilities = network.logits(x), network(x)
        last = logits.softmax(1) if make is every_layer else logits.sigmoid()
        assert network.has_logits
        assert torch.allclose(last, probabilities)


def test_a_network_without_a_softmax_has_no_logits(tmp_path):
    w = Weights()
    network = Files(tmp_path).write([dense(w, "fc", "data", 108, 2)], SHAPE).load()
    assert not network.has_logits
    with pytest.raises(AuditError, match="output: model"):
        network.logits(torch.zeros(SHAPE))
    # A softmax at each place of a map is none over all answers.
    per_place = [conv(w, "c", "data", 3, 2), simple("s", "Softmax", "c")]
    assert not Files(tmp_path).write(per_place, SHAPE).load().has_logits


def test_layers_are_submodules_that_can_be_hooked_even_in_place(tmp_path):
    network = Files(tmp_path).write(newer_layers(), (1, 3, 12, 12)).load()
    seen = {}
    for name in ("conv1", "bn1", "elu"):
        network.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: seen.update({name: output})
        )
    network(torch.from_numpy(images((1, 3, 12, 12))))
    assert {name: tuple(value.shape) for name, value in seen.items()} == dict.fromkeys(
        ("conv1", "bn1", "elu"), (3, 6, 12, 12)
    )
    assert not torch.allclose(seen["conv1"], seen["bn1"])


def test_names_that_a_module_cannot_have_are_changed(tmp_path):
    w = Weights()
    names = ["forward", "has_logits", "res.a/b", "res_a/b", "parameters"]
    layers, bottom = [], "data"
    for name in names:
        layers.append(conv(w, name, bottom, 3, 3, pad=1))
        bottom = name
    network = Files(tmp_path).write(layers, SHAPE).load()
    assert network.layer_names == (
        "forward_layer",
        "has_logits_layer",
        "res_a/b",
        "res_a/b_layer",
        "parameters_layer",
    )
    assert network(torch.zeros(2, *SHAPE[1:])).shape == (2, 108)


def test_images_of_another_shape_and_tables_are_refused(tmp_path):
    network = Files(tmp_path).write(head(Weights(), "data", 3), SHAPE).load()
    assert network.input_shape == (6, 6, 3)
    with pytest.raises(AuditError, match=r"expected float32 of shape \(N, 3, 6, 6\)"):
        network(torch.zeros(1, 3, 6, 7))
    with pytest.raises(AuditError, match="table"):
        network(torch.zeros(SHAPE), torch.zeros(1, 2))


class Residual(torch.nn.Module):
    """A residual block and a head, as a stand-in would be trained."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.norm = torch.nn.BatchNorm2d(8)
        self.conv = torch.nn.Conv2d(8, 8, (3, 5), 1, (1, 2), groups=2)
        self.norm2 = torch.nn.BatchNorm2d(8, eps=1e-3)
        self.fc = torch.nn.Linear(8, 2)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.norm(self.stem(x)).relu(), 3, 2, ceil_mode=True)
        x = (x + self.norm2(self.conv(x))).relu()
        return self.fc(x.mean((2, 3))).softmax(1)


def test_a_torch_network_that_was_written_as_caffe_answers_as_before(tmp_path):
    torch.manual_seed(0)
    source = Residual()
    source.train()(torch.randn(16, 3, 24, 24))
    source.eval()
    layers = [
        convolution("conv1", "data", source.stem),
        *batch_norm_and_scale("conv1", "conv1", source.norm, factor=7.5),
        Layer("relu1", "ReLU", ["conv1"], ["conv1"]),
        pool("pool1", "conv1", "MAX", kernel_size=3, stride=2),
        convolution("conv2", "pool1", source.conv),
        *batch_norm_and_scale("conv2", "conv2", source.norm2),
        Layer("sum", "Eltwise", ["pool1", "conv2"], ["sum"]),
        Layer("relu2", "ReLU", ["sum"], ["sum"]),
        pool("gap", "sum", "AVE", global_pooling=True),
        inner_product("fc", "gap", source.fc),
        simple("prob", "Softmax", "fc"),
    ]
    x = images((1, 3, 24, 24), count=5)
    with torch.no_grad():
        expected = source(torch.from_numpy(x)).numpy()
    assert np.allclose(answer(tmp_path, layers, x), expected, atol=1e-6)
