"""Definitions of every age are read as Caffe runs them in the test phase."""

import numpy as np
import pytest
import torch
from caffe_networks import Files, Weights, answers, dense, every_layer, images, simple
from write_caffe import Layer

from auditkit.errors import AuditError

SHAPE = (1, 3, 4, 5)
BODY = """
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
FIRST = BODY[: BODY.index('layer { name: "prob"')]
INPUT = 'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }'


@pytest.fixture
def load(tmp_path):
    """Load a definition with the weights of one layer, fc."""
    files = Files(tmp_path).write([dense(Weights(), "fc", "data", 60, 2)], SHAPE)

    def load_text(text):
        files.definition.write_text(text)
        return files.load()

    return load_text


def test_definitions_and_weights_of_both_formats_are_the_same_network(tmp_path):
    shape = (1, 3, 20, 18)
    batch = images(shape)
    new = Files(tmp_path, "new").write(every_layer(), shape)
    old = Files(tmp_path, "old").write(every_layer(), shape, old=True)
    expected = answers(new.load(), batch)
    assert np.array_equal(answers(old.load(), batch), expected)
    new.weights = old.weights
    assert np.array_equal(answers(new.load(), batch), expected)


@pytest.mark.parametrize(
    "source",
    [
        INPUT,
        'input: "data" input_dim: 10 input_dim: 3 input_dim: 4 input_dim: 5',
        'layer { name: "i" type: "Input" top: "data" input_param { shape { dim: [1, 3, 4, 5] } } }',
        """layer { name: "i" type: "Input" top: "data" top: "label"
                input_param { shape { dim: [1, 3, 4, 5] } shape { dim: 1 } } }""",
        """layer { name: "i" type: "MemoryData" top: "data" top: "label"
                memory_data_param { batch_size: 1 channels: 3 height: 4 width: 5 } }""",
        """layer { name: "i" type: "ImageData" top: "data" top: "label"
                image_data_param { source: "list.txt" new_height: 4 new_width: 5 }
                transform_param { mean_file: "m" } }""",
        """layer { name: "i" type: "DummyData" top: "data"
                dummy_data_param { num: 1 channels: 3 height: 4 width: 5 } }""",
    ],
)
def test_every_kind_of_input_gives_the_shape(load, source):
    network = load(source + BODY)
    assert network.input_shape == (4, 5, 3)
    assert network(torch.zeros(2, 3, 4, 5)).shape == (2, 2)


@pytest.mark.parametrize(
    "source",
    [
        "",
        'input: "data"',
        'input: "data" input_dim: 1 input_dim: 3',
        'input: "data" input_shape { dim: 3 dim: 4 dim: 5 }',
        'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 0 }',
        'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: -5 }',
        'layer { name: "i" type: "Data" top: "data" data_param { source: "db" } }',
        'layer { name: "i" type: "Input" top: "data" }',
        'layer { name: "i" type: "Input" top: "data" input_param { shape { dim: 1 } shape { dim: 1 } } }',
    ],
)
def test_an_input_without_a_usable_shape_is_refused(load, source):
    with pytest.raises(AuditError, match=r"net\.prototxt"):
        load(source + BODY)


@pytest.mark.parametrize(
    ("rule", "runs"),
    [
        ("", True),
        ("include { phase: TEST }", True),
        ("include { phase: TRAIN }", False),
        ("exclude { phase: TEST }", False),
        ("exclude { phase: TRAIN }", True),
        ("include { phase: TRAIN } include { phase: TEST }", True),
        ("include { min_level: 1 }", False),
        ("include { max_level: 0 }", True),
        ('include { stage: "deploy" }', False),
        ('include { not_stage: "deploy" }', True),
        ('exclude { not_stage: "deploy" }', False),
    ],
)
def test_layers_run_where_their_rules_say(load, rule, runs):
    extra = f'layer {{ name: "neg" type: "Power" bottom: "fc" top: "fc" power_param {{ scale: 0 }} {rule} }}'
    body = BODY.replace('layer { name: "prob"', extra + 'layer { name: "prob"')
    network = load(INPUT + body)
    assert ("neg" in network.layer_names) == runs


def test_losses_answer_as_what_they_judge(load):
    batch = torch.from_numpy(images(SHAPE))
    expected = load(INPUT + BODY)(batch)
    label = 'layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 1 } } }'
    loss = 'type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" '
    alone = INPUT + label + FIRST
    assert torch.equal(
        load(f'{alone} layer {{ name: "loss" {loss} top: "loss" }}')(batch), expected
    )
    both = f'{INPUT} {label} {BODY} layer {{ name: "loss" {loss} top: "loss" }}'
    network = load(both)
    assert torch.equal(network(batch), expected)
    assert network.layer_names == ("fc", "prob")


def test_what_is_silenced_is_no_output(load):
    extra = 'layer { name: "t" type: "TanH" bottom: "fc" top: "t" }'
    with pytest.raises(AuditError, match=r'2 outputs \("prob", "t"\)'):
        load(INPUT + BODY + extra)
    silence = 'layer { name: "s" type: "Silence" bottom: "t" }'
    assert load(INPUT + BODY + extra + silence).layer_names == ("fc", "prob")


def test_all_unknown_layers_are_named_at_once(load):
    extra = """
        layer { name: "a" type: "Python" bottom: "fc" top: "a" python_param { module: "m" } }
        layer { name: "b" type: "LSTM" bottom: "a" top: "b" recurrent_param { num_output: 3 } }
        layer { name: "c" type: "LSTM" bottom: "a" top: "c" include { phase: TRAIN } }
        layer { name: "d" type: "Warp" bottom: "a" top: "d" include { phase: TRAIN } }
    """
    with pytest.raises(AuditError, match="cannot be read: LSTM, Python;"):
        load(INPUT + BODY + extra)
    with pytest.raises(AuditError, match="cannot be read: ArgMax, MVN;"):
        load(
            INPUT
            + 'layers { name: "x" type: MVN bottom: "data" top: "x" }'
            + 'layers { name: "y" type: ARGMAX bottom: "x" top: "y" }'
        )


def test_an_option_that_is_not_known_is_not_overlooked(load):
    with pytest.raises(AuditError, match="kernel_sise"):
        load(INPUT + BODY.replace("num_output: 2", "num_output: 2 kernel_sise: 3"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (INPUT + BODY.replace('bottom: "fc"', 'bottom: "prob"'), 'takes "prob", which no earlier'),
        (INPUT + BODY.replace('top: "prob"', 'top: "fc2" top: "fc2"'), "gives already"),
        (INPUT + BODY.replace('bottom: "data"', ""), "takes nothing"),
        (INPUT + BODY.replace('top: "prob"', ""), "gives nothing"),
        (INPUT + BODY.replace('top: "prob"', 'top: "data"'), "gives already"),
        (INPUT + BODY + 'layers { name: "x" type: RELU }', "mixes"),
        (INPUT + BODY.replace("num_output: 2", "num_output: two"), "is not a definition"),
        (INPUT + BODY.replace("num_output: 2", "num_output: 99999999999999999999"), "is not a def"),
        (INPUT + BODY.replace('"Softmax"', '"TanH" include {} exclude {}'), "both include and"),
        (INPUT + 'layers { layer { name: "x" type: "relu" } }', "upgrade_net_proto_text"),
        (INPUT, "has 0 outputs"),
        ("", "has 0 outputs"),
        ("{", "is not a definition"),
        ("layer {" * 5000, "is not a definition"),
        ("unknown {" * 5000, "is not a definition"),
        (INPUT + BODY + "\0", "is not a definition"),
        (INPUT + BODY.replace("num_output: 2", "num_output: nan"), "is not a definition"),
    ],
)
def test_definitions_that_cannot_run_are_refused(load, text, message):
    with pytest.raises(AuditError, match=message) as caught:
        load(text)
    assert "net.prototxt" in str(caught.value)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_options_that_are_not_finite_are_refused(load, value):
    extra = f'layer {{ name: "p" type: "Power" bottom: "prob" top: "p" power_param {{ scale: {value} }} }}'
    with pytest.raises(AuditError, match="expected a finite number"):
        load(INPUT + BODY + extra)


def test_a_file_that_is_not_text_is_refused(tmp_path, load):
    load(INPUT + BODY)
    files = Files(tmp_path)
    files.definition.write_bytes(b"\xff\xfe\x80")
    with pytest.raises(AuditError, match="not text"):
        files.load()
    files.definition.unlink()
    with pytest.raises(AuditError, match="cannot be read"):
        files.load()


def test_images_of_absurd_size_are_refused(load):
    huge = 'input: "data" input_shape { dim: 1 dim: 3 dim: 4000000 dim: 5000000 }'
    with pytest.raises(AuditError, match="too large"):
        load(huge + BODY)


def test_weights_shared_by_name_are_each_layers_own(tmp_path):
    w = Weights()
    first = dense(w, "a", "data", 60, 60)
    fields = {**first.fields, "param": [{"name": "shared"}, {"name": "shared_bias"}]}
    layers = [
        Layer("a", "InnerProduct", ["data"], ["a"], fields, first.blobs),
        Layer("b", "InnerProduct", ["a"], ["b"], fields, first.blobs),
        simple("prob", "Softmax", "b"),
    ]
    x = images(SHAPE)
    weight, bias = first.blobs
    once = x.reshape(3, -1) @ weight.T + bias
    logits = Files(tmp_path).write(layers, SHAPE).load().logits(torch.from_numpy(x))
    assert np.allclose(logits.numpy(), once @ weight.T + bias, atol=1e-4)
