"""What the module promises its callers: gradients, hooks, batches, copies, attributes."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from tflite_inputs import images_for, tensor_of

from auditkit.errors import AuditError
from auditkit.models.tflite import load_tflite
from auditkit.models.tflite.schema import read_graph

EVERY = [
    "activations_int8",
    "dense_uint8",
    "flattened_int8",
    "many_float",
    "many_int8",
    "many_uint8",
    "mnasnet_float",
    "mnasnet_hybrid",
    "mnasnet_int8",
    "mnasnet_int8_float_edges",
    "mnasnet_uint8",
    "mobilenet_uint8",
    "movements_int8",
    "reductions_uint8",
    "wide_hybrid",
]


def gradient(model, images, *, of="forward"):
    x = tensor_of(images).requires_grad_()
    output = model(x) if of == "forward" else model.logits(x)
    output[:, 0].sum().backward()
    return x.grad


@pytest.mark.parametrize("mode", ["fake", "float"])
@pytest.mark.parametrize("name", EVERY)
def test_gradients_are_finite_and_not_zero(sample, name, mode):
    model = load_tflite(sample(name), mode=mode)
    found = gradient(model, images_for(model, 6))
    assert torch.isfinite(found).all()
    assert (found.flatten(1).abs().amax(1) > 0).all()


@pytest.mark.parametrize("name", ["mnasnet_uint8", "many_int8", "mnasnet_int8_float_edges"])
def test_straight_through_gradient_points_where_the_unrounded_one_does(sample, name):
    fake, real = (load_tflite(sample(name), mode=mode) for mode in ("fake", "float"))
    images = images_for(fake, 16)
    first, second = (gradient(model, images, of="logits").flatten(1) for model in (fake, real))
    assert torch.nn.functional.cosine_similarity(first, second).mean() > 0.6


def test_unrounded_gradient_is_the_slope(sample):
    model = load_tflite(sample("mnasnet_float"))
    x = tensor_of(images_for(model, 2)).requires_grad_()
    model.logits(x)[:, 1].sum().backward()
    step = 1e-2 * x.grad / x.grad.norm()
    with torch.no_grad():
        rise = model.logits(x + step)[:, 1].sum() - model.logits(x - step)[:, 1].sum()
    assert float(rise) == pytest.approx(2e-2 * float(x.grad.norm()), rel=0.05)


def test_saturated_probability_keeps_its_gradient(sample):
    model = load_tflite(sample("mnasnet_uint8"))
    images = images_for(model, 60)
    x = tensor_of(images).requires_grad_()
    codes = model.codes(x).amax(1)
    saturated = codes >= 254
    assert saturated.any()
    model(x).amax(1)[saturated].sum().backward()
    assert (x.grad[saturated].flatten(1).abs().amax(1) > 0).all()


def test_rounding_hides_a_small_change_but_its_gradient_does_not(sample):
    model = load_tflite(sample("mnasnet_uint8"))
    x = tensor_of(images_for(model, 4))
    assert torch.equal(model(x), model(x + 0.4))
    assert float(gradient(model, images_for(model, 4)).abs().max()) > 0


@pytest.mark.parametrize("name", EVERY)
def test_gradients_do_not_change_the_output(sample, name):
    model = load_tflite(sample(name))
    x = tensor_of(images_for(model, 3))
    with torch.no_grad():
        expected = model(x)
    torch.testing.assert_close(model(x.clone().requires_grad_()).detach(), expected)


@pytest.mark.parametrize("mode", ["fake", "ref"])
@pytest.mark.parametrize("name", ["mnasnet_uint8", "many_int8", "mnasnet_int8_float_edges"])
def test_quantised_outputs_do_not_depend_on_the_batch(sample, name, mode):
    model = load_tflite(sample(name), mode=mode)
    x = tensor_of(images_for(model, 37))
    with torch.no_grad():
        whole = model(x)
        single = torch.cat([model(x[index : index + 1]) for index in range(len(x))])
        order = torch.from_numpy(np.random.default_rng(0).permutation(len(x)))
        shuffled = model(x[order])
    assert torch.equal(whole, single)
    assert torch.equal(whole[order], shuffled)


def test_large_batches_take_the_blocked_path_to_the_same_codes(sample):
    model = load_tflite(sample("mnasnet_uint8"))
    x = tensor_of(images_for(model, 64))
    with torch.no_grad():
        assert torch.equal(model(x)[:5], model(x[:5]))


@pytest.mark.parametrize("name", ["many_int8", "mnasnet_uint8", "flattened_int8"])
def test_hooks_see_every_operator_channels_first(sample, name):
    model = load_tflite(sample(name))
    graph = read_graph(sample(name))
    shapes = {record.label: graph.tensors[record.outputs[0]].shape for record in graph.operators}
    seen = {}
    for operator in model.operator_names:
        model.get_submodule(operator).register_forward_hook(
            lambda _, __, output, operator=operator: seen.update({operator: tuple(output.shape)}),
        )
    model(tensor_of(images_for(model, 2)))
    assert list(seen) == list(model.operator_names)
    for operator, shape in seen.items():
        recorded = shapes[operator]
        if len(recorded) == 4:
            recorded = (recorded[0], recorded[3], recorded[1], recorded[2])
        assert shape == (2, *recorded[1:])


def test_grad_cam_works_on_a_convolution(sample):
    model = load_tflite(sample("mnasnet_uint8"))
    layer = [name for name in model.operator_names if name.startswith("conv_2d")][-1]
    cam = LayerGradCam(model.logits, model.get_submodule(layer))
    heatmap = cam.attribute(tensor_of(images_for(model, 3)), target=0)
    assert heatmap.shape == (3, 1, 6, 6)
    assert heatmap.abs().max() > 0


def test_copies_run_side_by_side(sample):
    model = load_tflite(sample("many_uint8"))
    batches = [tensor_of(images_for(model, 8, seed)) for seed in range(6)]
    with torch.no_grad():
        expected = [model(batch) for batch in batches]
    copies = [copy.deepcopy(model) for _ in batches]

    def run(pair):
        with torch.no_grad():
            return pair[0](pair[1])

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, zip(copies, batches, strict=True)))
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_weights_are_buffers_and_the_module_is_in_eval_mode(sample):
    model = load_tflite(sample("mnasnet_int8"))
    assert not list(model.parameters())
    assert not model.training
    assert "conv_2d_00.weight" in model.state_dict()


def test_inputs_are_not_overwritten(sample):
    for name in EVERY:
        model = load_tflite(sample(name))
        x = tensor_of(images_for(model, 2)).contiguous(memory_format=torch.channels_last)
        before = x.clone()
        with torch.no_grad():
            model(x)
        assert torch.equal(x, before)


def test_intermediate_results_are_not_overwritten_by_later_operators(sample):
    model = load_tflite(sample("many_int8"))
    kept = {}
    for name in model.operator_names:
        model.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: kept.update({name: (output, output.clone())}),
        )
    with torch.no_grad():
        model(tensor_of(images_for(model, 2)))
    assert all(torch.equal(output, copied) for output, copied in kept.values())


def test_autocast_does_not_touch_the_codes(sample):
    model = load_tflite(sample("mnasnet_uint8"))
    x = tensor_of(images_for(model, 4))
    with torch.no_grad():
        expected = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(model(x), expected)


@pytest.mark.parametrize(
    ("name", "quantised", "probability", "scale", "zero_point"),
    [
        ("mnasnet_uint8", (True, True), True, 1 / 256, 0),
        ("mnasnet_int8", (True, True), True, 1 / 256, -128),
        ("mnasnet_int8_uint8_edges", (True, True), True, 1 / 256, 0),
        ("mnasnet_int8_float_edges", (False, False), True, None, None),
        ("many_uint8", (True, True), True, 1 / 256, 0),
        ("mobilenet_float", (False, False), False, None, None),
    ],
)
def test_attributes_say_what_the_file_is(sample, name, quantised, probability, scale, zero_point):
    model = load_tflite(sample(name))
    assert (model.quantised_input, model.quantised_output) == quantised
    assert model.output_is_probability is model.has_logits is probability
    assert model.output_scale == scale
    assert model.output_zero_point == zero_point
    assert model.input_shape[2] == 3


def test_probabilities_are_the_softmax_of_the_logits(sample):
    model = load_tflite(sample("mnasnet_uint8"))
    x = tensor_of(images_for(model, 20))
    with torch.no_grad():
        expected = torch.softmax(model.logits(x), 1)
        assert float((model(x) - expected).abs().max()) <= 0.5 / 256 + 1e-6


def test_logits_of_a_graph_without_an_end_are_an_error(sample):
    model = load_tflite(sample("mobilenet_uint8"))
    with pytest.raises(AuditError, match="does not end in SOFTMAX"):
        model.logits(tensor_of(images_for(model, 1)))


def test_codes_of_a_float_output_are_an_error(sample):
    model = load_tflite(sample("mnasnet_int8_float_edges"))
    with pytest.raises(AuditError, match="float output"):
        model.codes(tensor_of(images_for(model, 1)))


@pytest.mark.parametrize("shape", [(1, 3, 47, 48), (1, 48, 48, 3), (3, 48, 48)])
def test_images_of_another_shape_are_an_error(sample, shape):
    model = load_tflite(sample("mnasnet_uint8"))
    with pytest.raises(AuditError, match="expected float32 of shape"):
        model(torch.zeros(shape))
