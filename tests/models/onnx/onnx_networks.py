"""Tiny networks of every kind, exported and quantised where a test needs them."""

import io
import logging
import warnings

import numpy as np
import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

SIZE = 16


def pictures(count, seed, size=SIZE, channels=3):
    """Smooth noise with a little grain, (count, channels, size, size) in about 0 to 1."""
    generator = np.random.default_rng(seed)
    coarse = torch.from_numpy(generator.random((count, channels, 4, 4), np.float32))
    smooth = nn.functional.interpolate(coarse, (size, size), mode="bilinear").numpy()
    return (smooth + generator.normal(0, 0.05, smooth.shape)).astype(np.float32)


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels):
        super().__init__()
        self.inner = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, 4, 1),
            nn.ReLU(),
            nn.Conv2d(4, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x):
        return x * self.inner(x)


class Mobile(nn.Module):
    """Depthwise convolution, residual, gate, pools, softmax or sigmoid."""

    def __init__(self, classes=5, ending="softmax", channels=3):
        super().__init__()
        self.ending = ending
        self.stem = nn.Sequential(
            nn.Conv2d(channels, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.block = nn.Sequential(
            *(nn.Conv2d(8, 16, 1), nn.BatchNorm2d(16), nn.Hardswish()),
            *(nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.BatchNorm2d(16), nn.ReLU6(), Gate(16)),
            *(nn.Conv2d(16, 8, 1), nn.BatchNorm2d(8)),
        )
        self.tail = nn.Sequential(
            *(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.AvgPool2d(2, 1)),
        )
        self.head = nn.Linear(16, classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.tail(x + self.block(x))
        logits = self.head(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))
        if self.ending == "softmax":
            return logits.softmax(1)
        return logits.sigmoid() if self.ending == "sigmoid" else logits


class Transformer(nn.Module):
    """Patches, a class token, one block of attention, layer norms."""

    def __init__(self, classes=4, width=16):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.place = nn.Parameter(torch.randn(1, 17, width) / 4)
        self.norm, self.last = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.inner = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.place
        normal = self.norm(x)
        x = x + self.attention(normal, normal, normal, need_weights=False)[0]
        return self.head(self.last(x + self.inner(x))[:, 0])


class TwoInputs(nn.Module):
    """An image and a table."""

    def __init__(self, features=3):
        super().__init__()
        self.image = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.table = nn.Sequential(nn.Linear(features, 4), nn.ReLU())
        self.head = nn.Linear(12, 3)

    def forward(self, x, table):
        return self.head(torch.cat([self.image(x), self.table(table)], 1)).softmax(1)


def prepared(network, seed=0, size=SIZE, channels=3):
    """Batch norms set from pictures, logits spread, evaluation mode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
            network.train()(torch.from_numpy(pictures(32, seed + 5, size, channels)))
        network.head.weight.mul_(8)
    return network.eval()


def made(build, seed=0, **options):
    torch.manual_seed(seed)
    return prepared(build(**options), seed, channels=options.get("channels", 3))


def exported(network, *inputs, opset=17, dynamic=True, names=("x", "table")):
    """Bytes of an ONNX file."""
    names = list(names[: len(inputs)])
    axes = {name: {0: "n"} for name in [*names, "y"]} if dynamic else None
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(torch.from_numpy(value) for value in inputs),
            buffer,
            opset_version=opset,
            dynamo=False,
            input_names=names,
            output_names=["y"],
            dynamic_axes=axes,
        )
    return buffer.getvalue()


class Calibration(CalibrationDataReader):
    def __init__(self, **inputs):
        names, values = list(inputs), list(inputs.values())
        rows = zip(
            *[[value[at : at + 1] for at in range(len(value))] for value in values], strict=True
        )
        self.rows = iter([dict(zip(names, row, strict=True)) for row in rows])

    def get_next(self):
        return next(self.rows, None)


def quantised(
    content,
    path,
    *,
    activations=QuantType.QUInt8,
    weights=QuantType.QInt8,
    per_channel=False,
    form=QuantFormat.QDQ,
    **inputs,
):
    """Quantise a float file statically, with pictures for calibration."""
    source, prepared_path = path.with_suffix(".float.onnx"), path.with_suffix(".prepared.onnx")
    source.write_bytes(content)
    logging.disable(logging.WARNING)
    try:
        quant_pre_process(str(source), str(prepared_path), skip_symbolic_shape=True)
        quantize_static(
            str(prepared_path),
            str(path),
            Calibration(**(inputs or {"x": pictures(24, 3)})),
            quant_format=form,
            activation_type=activations,
            weight_type=weights,
            per_channel=per_channel,
            # Seven bits: without VNNI, x86 saturates sums of uint8 by full int8 products.
            reduce_range=weights == QuantType.QInt8,
        )
    finally:
        logging.disable(logging.NOTSET)
    return path


def with_opset(content, version):
    model = onnx.load_from_string(content)
    model.opset_import[0].version = version
    return model.SerializeToString()
