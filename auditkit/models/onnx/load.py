"""Loading an ONNX classifier: read, plan, build, and try before anyone relies on it."""

from pathlib import Path

import torch

from auditkit.errors import AuditError
from auditkit.models.onnx.fold import first_line
from auditkit.models.onnx.graph import Graph
from auditkit.models.onnx.interface import interface
from auditkit.models.onnx.module import ONNXModule
from auditkit.models.onnx.plan import plan
from auditkit.models.onnx.probe import check_rows
from auditkit.models.onnx.read import read_graph
from auditkit.models.onnx.site import Mode


def load_onnx(
    path: Path,
    *,
    mode: Mode = "fake",
    size: tuple[int, int] | None = None,
    output: str | None = None,
) -> ONNXModule:
    """Read an ONNX classifier into PyTorch.

    Quantised models (QDQ, or operators on codes) are computed as onnxruntime does, in whole numbers
    with one rounding per operator, and have gradients by a straight-through estimator
    (Jacob et al., arXiv:1712.05877, equations 1 to 6 and section 3).

    Args:
        path: an .onnx file of opset 7 to 26; weights may lie in files within its folder.
        mode: `fake` rounds to codes; `float` leaves the rounding out. A float file is the same in
            both.
        size: (height, width), for files that leave it open.
        output: the name of the answer, for files with several (N, K) outputs.

    Returns:
        A module in eval mode, whose weights are buffers.

    Raises:
        AuditError: if the file is damaged, is no classifier of images, uses an operator that the
            reader does not know (the message names all), or cannot take more than one image.

    Deviates:
        float16, bfloat16 and double are computed in float32.
    """
    graph = read_graph(path)
    face = interface(graph, size, output)
    try:
        with torch.no_grad():
            planned = plan(graph, face, mode)
            module = ONNXModule(graph, face, planned)
            _check_shapes(graph, module)
            check_rows(module)
    except AuditError:
        raise
    except RecursionError:
        graph.fail("is nested too deeply; export the model again")
    # Whatever PyTorch makes of a damaged file; errors of single operators are named before.
    except Exception as error:  # noqa: BLE001
        graph.fail(f"cannot be run: {first_line(error)}; export the model again")
    return module


def _check_shapes(graph: Graph, module: ONNXModule) -> None:
    single = module.shapes(1)["output"]
    if not single or single[0] != 1 or max(single) < 1:
        graph.fail(f"answers one image with the shape {single}; expected (1, K)")
    try:
        pair = module.shapes(2)
    # The same operators ran for one image, so that only the batch can be at fault.
    except Exception as error:  # noqa: BLE001
        graph.fail(
            "is made for one image at a time and cannot be run on more "
            f"({first_line(error)}); export it with a dynamic first axis",
        )
    if pair["output"] != (2, *single[1:]):
        graph.fail(
            f"answers two images with the shape {pair['output']}; expected {(2, *single[1:])}. "
            "Export it with a dynamic first axis",
        )
    if sum(size > 1 for size in single) > 1:
        graph.fail(f"answers with the shape {single}; expected one number per class, (1, K)")
    if module.has_logits and pair["logits"] != pair["output"]:
        module.forget_logits()
