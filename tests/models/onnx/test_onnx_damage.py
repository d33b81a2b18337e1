"""Whatever is in a file, loading it works or ends in an AuditError."""

import random

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx_graphs import FLOAT, model, node, noise, picture_model, port, save
from onnx_networks import Mobile, Transformer, exported, made, pictures, quantised

from auditkit.errors import AuditError
from auditkit.models.onnx import OnnxRuntime, external_files, load_onnx

W = noise(4, 3, 3, 3, seed=1)


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage")
    mobile = exported(made(Mobile), pictures(1, 0))
    return {
        "mobile": mobile,
        "transformer": exported(made(Transformer), pictures(1, 0), dynamic=False),
        "quantised": quantised(mobile, folder / "quantised.onnx").read_bytes(),
    }


def tries_to_load(content, folder):
    """Whether the content loads; if it does, it also runs."""
    path = folder / "damaged.onnx"
    path.write_bytes(content)
    try:
        network = load_onnx(path)
    except AuditError as error:
        if str(path) not in str(error):
            raise
        return False
    height, width, channels = network.input_shape
    with torch.no_grad():
        assert len(network(torch.full((2, channels, height, width), 0.5))) == 2
    return True


@pytest.mark.parametrize("name", ["mobile", "transformer", "quantised"])
def test_truncated_files_are_refused(contents, name, tmp_path):
    content = contents[name]
    for offset in range(0, len(content) - 64, max(1, len(content) // 25)):
        assert not tries_to_load(content[:offset], tmp_path), offset


@pytest.mark.parametrize("name", ["mobile", "transformer", "quantised"])
def test_damaged_files_never_crash(contents, name, tmp_path):
    generator = random.Random(name)
    content = contents[name]
    loaded = 0
    for _ in range(30):
        damaged = bytearray(content)
        for _ in range(generator.choice([1, 1, 3, 10])):
            damaged[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        loaded += tries_to_load(bytes(damaged), tmp_path)
    assert loaded < 30


@pytest.mark.parametrize("name", ["mobile", "transformer", "quantised"])
def test_damaged_numbers_never_crash(contents, name, tmp_path):
    """Parsing succeeds: attributes, small constants, dims and names are changed."""
    generator = random.Random(name)
    for _ in range(30):
        proto = onnx.load_from_string(contents[name])
        _damage(proto.graph, generator)
        tries_to_load(proto.SerializeToString(), tmp_path)


def _damage(graph, generator):
    numbers = [-(2**62), -3, -1, 0, 1, 2, 7, 100_000, 2**31, 2**62]
    kind = generator.choice(["attribute", "constant", "dims", "edge", "operator", "input"])
    if kind == "attribute":
        attribute = generator.choice([a for n in graph.node for a in n.attribute if a.ints or a.i])
        if attribute.ints:
            attribute.ints[generator.randrange(len(attribute.ints))] = generator.choice(numbers)
        else:
            attribute.i = generator.choice(numbers)
    elif kind == "constant":
        tensor = generator.choice(graph.initializer)
        raw = bytearray(tensor.raw_data)
        if raw:
            raw[generator.randrange(len(raw))] = generator.randrange(256)
            tensor.raw_data = bytes(raw)
    elif kind == "dims":
        tensor = generator.choice([t for t in graph.initializer if t.dims])
        tensor.dims[generator.randrange(len(tensor.dims))] = generator.choice(numbers)
    elif kind == "edge":
        operator = generator.choice([n for n in graph.node if n.input])
        names = (
            [o for n in graph.node for o in n.output] + [t.name for t in graph.initializer] + [""]
        )
        operator.input[generator.randrange(len(operator.input))] = generator.choice(names)
    elif kind == "operator":
        first, second = generator.sample(list(graph.node), 2)
        first.op_type = second.op_type
    else:
        size = generator.choice(graph.input[0].type.tensor_type.shape.dim)
        size.dim_value = generator.choice(numbers)


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"not a model", b"\x7fELF" * 40, b"\x08\x08"])
def test_what_is_not_onnx_is_refused(content, tmp_path):
    assert not tries_to_load(content, tmp_path)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(AuditError, match="cannot be read"):
        load_onnx(tmp_path / "absent.onnx")


def test_deep_nesting_is_refused(tmp_path):
    # A graph in an attribute of a node in a graph ..., 500 deep.
    content = b""
    for _ in range(500):
        for field in (b"\x32", b"\x2a", b"\x0a"):
            content = field + _length(len(content)) + content
    assert not tries_to_load(b"\x08\x08\x3a" + _length(len(content)) + content, tmp_path)


def _length(number):
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def test_all_unknown_operators_are_named_at_once(tmp_path):
    nodes = [
        node("Hardmax", "x", "a"),
        helper.make_node("Wobble", ["a"], ["b"]),
        helper.make_node("Magic", ["b"], ["c"], domain="com.microsoft"),
        node("Flatten", "c", "y"),
    ]
    made_model = model(
        nodes, [port("x", FLOAT, "n", 3, 8, 8)], [port("y", FLOAT, "n", 192)], foreign=True
    )
    with pytest.raises(
        AuditError, match=r"operators Hardmax, Wobble, com\.microsoft::Magic, which"
    ):
        load_onnx(save(made_model, tmp_path))


def test_dynamic_quantisation_is_refused_with_its_reason(tmp_path):
    nodes = [
        node("DynamicQuantizeLinear", "x", "q s z"),
        node("DequantizeLinear", "q s z", "d"),
        node("Flatten", "d", "y"),
    ]
    with pytest.raises(
        AuditError, match=r"DynamicQuantizeLinear.*batch by batch; quantise it statically"
    ):
        load_onnx(save(picture_model(nodes), tmp_path))


def test_foreign_domains_are_refused(tmp_path):
    proto = picture_model([helper.make_node("Anything", ["x"], ["y"], domain="my.domain")])
    proto.opset_import.append(helper.make_opsetid("my.domain", 1))
    with pytest.raises(AuditError, match=r"my\.domain::Anything"):
        load_onnx(save(proto, tmp_path))


def test_control_flow_is_refused(tmp_path):
    branch = helper.make_graph([node("Identity", "x", "o")], "b", [], [port("o", FLOAT, "n", 3)])
    nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
    with pytest.raises(AuditError, match="If, Loop, Scan"):
        load_onnx(save(picture_model(nodes, c=np.array(True)), tmp_path))


def test_names_of_the_file_are_never_code(tmp_path):
    """A node's name with quotes and brackets would run, were it pasted into Python."""
    hostile = 'training") or exec("raise SystemExit") or getattr(self, "training'
    nodes = [node("Relu", "x", "a", name=hostile), node("Flatten", "a", "y", name=hostile)]
    nodes[0].output[0] = nodes[1].input[0] = hostile
    assert tries_to_load(picture_model(nodes).SerializeToString(), tmp_path)


def test_cycles_are_refused(tmp_path):
    nodes = [node("Add", "x b", "a"), node("Relu", "a", "b"), node("Flatten", "b", "y")]
    with pytest.raises(AuditError, match="goes in a circle"):
        load_onnx(save(picture_model(nodes), tmp_path))


def test_nodes_in_another_order_are_sorted(tmp_path):
    nodes = [node("Flatten", "b", "y"), node("Relu", "a", "b"), node("Neg", "x", "a")]
    assert tries_to_load(picture_model(nodes).SerializeToString(), tmp_path)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Flatten", "absent", "y")], "reads 'absent', which nothing computes"),
        ([node("Relu", "x", "y"), node("Flatten", "x", "y")], "computes 'y' twice"),
        ([node("Flatten", "x", "z")], "promises the output 'y'"),
        ([node("Flatten", "x x", "y")], "gives 2 inputs to the operator Flatten"),
        ([node("Flatten", "x", "y", axes=3)], "gives the attribute 'axes'"),
        ([node("Flatten", "x", "y", axis=1.5)], "gives the attribute 'axis'"),
        (
            [node("Flatten", "x", "y", axis=9)],
            "cannot run its operator flatten_00: ValueError: Flatten at axis 9 of 4",
        ),
        ([node("BatchNormalization", "x w w w w", "y", training_mode=1)], "training_mode = 1"),
    ],
)
def test_graphs_that_do_not_fit_together_are_refused(nodes, message, tmp_path):
    with pytest.raises(AuditError, match=message):
        load_onnx(save(picture_model(nodes, w=noise(3)), tmp_path))


HUGE = np.array([1 << 20, 1 << 20], np.int64)


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("ConstantOfShape", "s", "c"), node("ReduceSum", "c", "t")], {"s": HUGE}),
        ([node("Expand", "o s", "c"), node("ReduceSum", "c", "t")], {"s": HUGE, "o": noise(1)}),
        ([node("Tile", "x s", "t")], {"s": np.array([1, 1, 1 << 20, 1 << 20])}),
        ([node("Tile", "o s", "t")], {"o": noise(1, 1), "s": HUGE}),
        ([node("Pad", "x s", "t")], {"s": np.array([0, 0, 1 << 30, 0, 0, 0, 0, 1 << 30])}),
        (
            [node("Range", "a b c", "r"), node("ReduceSum", "r", "t")],
            {"a": np.int64(0), "b": np.int64(1 << 60), "c": np.int64(1)},
        ),
        ([node("Resize", "x - s", "t")], {"s": np.array([1, 1, 1e6, 1e6], np.float32)}),
        (
            [node("Add", "a b", "c"), node("ReduceSum", "c", "t")],
            {"a": noise(1, 30000), "b": noise(30000, 1)},
        ),
        (
            [node("Reshape", "x i", "r"), node("Add", "r b", "t")],
            {"i": np.array([0, 192, 1]), "b": noise(1, 1 << 20)[:, :50000].repeat(40, 1)},
        ),
    ],
    ids=[
        "filled",
        "expand",
        "tile",
        "tile_stored",
        "pad",
        "range",
        "resize",
        "outer_stored",
        "outer",
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_taken(nodes, constants, tmp_path):
    nodes = [*nodes, node("Add", "x t", "u"), node("Flatten", "u", "y")]
    before = _peak()
    with pytest.raises(AuditError, match=r"too large|larger than the file|absurd|cannot"):
        load_onnx(save(picture_model(nodes, **constants), tmp_path))
    assert _peak() - before < 300_000


def _peak():
    """Largest resident size so far, in kB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("dims", [[1 << 40, 1 << 40], [-1, 4], [4, 3, 3, 4], [1 << 62, 1 << 62, 0]])
def test_dims_must_fit_the_bytes(dims, tmp_path):
    proto = picture_model([node("Conv", "x w", "c"), node("Flatten", "c", "y")], w=W)
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend(dims)
    with pytest.raises(AuditError, match=r"its shape needs|which cannot be|cannot"):
        load_onnx(save(proto, tmp_path))


def test_weights_that_are_nan_are_refused(tmp_path):
    nodes = [node("Conv", "x w", "c"), node("Flatten", "c", "y")]
    with pytest.raises(AuditError, match="'w' holds numbers that are NaN"):
        load_onnx(save(picture_model(nodes, w=W * np.nan), tmp_path))


def external(folder, location, offset=0, length=None, data=None):
    """A file whose convolution has its weights somewhere else."""
    proto = picture_model([node("Conv", "x w", "c"), node("Flatten", "c", "y")], w=W)
    tensor = proto.graph.initializer[0]
    raw = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entries = {
        "location": location,
        "offset": offset,
        "length": len(raw) if length is None else length,
    }
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    if data is not None:
        data.write_bytes(b"\0" * 8 + raw)
    return save(proto, folder)


def test_weights_beside_the_model_are_read(tmp_path):
    (tmp_path / "parts").mkdir()
    data = tmp_path / "parts" / "weights.bin"
    path = external(tmp_path, "parts/weights.bin", offset=8, data=data)
    network = load_onnx(path)
    x = torch.from_numpy(noise(2, 3, 8, 8))
    expected = torch.nn.functional.conv2d(x, torch.from_numpy(W)).flatten(1)
    assert torch.allclose(network(x), expected, atol=1e-5)
    assert np.abs(OnnxRuntime(path).answer(x.numpy()) - expected.numpy()).max() < 1e-5
    assert external_files(path) == (data.resolve(),)


@pytest.mark.parametrize(
    "place",
    ["../weights.bin", "parts/../../weights.bin", "{absolute}", "", "c:\\weights.bin", "a\0b"],
)
def test_weights_outside_the_folder_are_never_read(place, tmp_path):
    folder = tmp_path / "model"
    (folder / "parts").mkdir(parents=True)
    outside = tmp_path / "weights.bin"
    path = external(folder, place.format(absolute=outside), offset=8, data=outside)
    with pytest.raises(AuditError, match=r"only a plain relative path|cannot|damaged"):
        load_onnx(path)
    with pytest.raises(AuditError):
        OnnxRuntime(path)


def test_links_out_of_the_folder_are_never_followed(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    outside = tmp_path / "weights.bin"
    path = external(folder, "link.bin", offset=8, data=outside)
    (folder / "link.bin").symlink_to(outside)
    with pytest.raises(AuditError, match=r"leads out of the model's folder"):
        load_onnx(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"offset": 9}, "beyond the end"),
        ({"offset": -8}, "a damaged number"),
        ({"offset": 10**30}, "damaged|holds"),
        ({"length": 8}, "holds 8 bytes"),
        ({"length": "many"}, "a damaged number"),
    ],
)
def test_places_in_the_data_file_are_checked(options, message, tmp_path):
    path = external(
        tmp_path, "weights.bin", data=tmp_path / "weights.bin", **{"offset": 8, **options}
    )
    with pytest.raises(AuditError, match=message):
        load_onnx(path)


def test_missing_weights_are_an_error(tmp_path):
    with pytest.raises(AuditError, match="missing beside the model"):
        load_onnx(external(tmp_path, "weights.bin"))


@pytest.mark.parametrize("opset", [1, 6, 99])
def test_opsets_that_are_not_known_are_refused(opset, tmp_path):
    proto = picture_model([node("Flatten", "x", "y")])
    proto.opset_import[0].version = opset
    with pytest.raises(AuditError, match=f"uses opset {opset}; the reader knows 7 to 26"):
        load_onnx(save(proto, tmp_path))
