"""Writing ONNX graphs by hand, and running them."""

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

FLOAT, UINT8, INT8, INT64 = (
    TensorProto.FLOAT,
    TensorProto.UINT8,
    TensorProto.INT8,
    TensorProto.INT64,
)


def node(operator, inputs, output, **attributes):
    """A node; several inputs or outputs are separated by blanks, a missing one is a dash."""
    names = [name.replace("-", "") for name in inputs.split()]
    return helper.make_node(operator, names, output.split(), **attributes)


def port(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, list(shape))


def model(nodes, inputs, outputs, opset=17, foreign=False, **constants):
    tensors = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    ]
    opsets = [helper.make_opsetid("", opset)]
    if foreign:
        opsets.append(helper.make_opsetid("com.microsoft", 1))
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=opsets, ir_version=8 if opset < 22 else 10)


def picture_model(nodes, *, opset=17, shape=("n", 3, 8, 8), classes="k", kind=FLOAT, **constants):
    """From `x` to `y`."""
    return model(
        nodes, [port("x", kind, *shape)], [port("y", FLOAT, "n", classes)], opset, **constants
    )


def save(made, folder, name="model"):
    path = folder / f"{name}.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def noise(*shape, seed=0, low=-1.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def runtime_answer(path, optimised=True, **given):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if not optimised:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, given)[0]


def answer(network, x, table=None):
    with torch.no_grad():
        given = None if table is None else torch.from_numpy(table)
        return network(torch.from_numpy(x), given).numpy()


def gradient(network, x, output=0, table=None):
    image = torch.from_numpy(x).requires_grad_()
    network(image, table)[:, output].sum().backward()
    return image.grad.numpy()
