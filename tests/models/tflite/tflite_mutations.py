"""Damaged TFLite files, from a whole one and a seed: the same every time."""

import struct

import flatbuffers
import numpy as np

# Lengths, offsets and sizes that a damaged field may hold.
EXTREMES = (0, 1, 2, 255, 1 << 15, (1 << 16) + 1, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)


def mutants(content, count, seed):
    """Yield the kind of damage and the damaged bytes, `count` times."""
    generator = np.random.default_rng(seed)
    kinds = (truncated, flipped, stretched, shifted, tangled, resized, retyped)
    for index in range(count):
        kind = kinds[index % len(kinds)]
        yield kind.__name__, kind(content, generator)


def truncated(content, generator):
    """An end is missing, or a piece in the middle."""
    first, second = sorted(generator.integers(8, len(content), 2))
    return content[:first] if generator.random() < 0.6 else content[:first] + content[second:]


def flipped(content, generator):
    """Single bits, most of them where the tables lie: at both ends."""
    damaged = bytearray(content)
    for _ in range(generator.choice([1, 1, 2, 8])):
        damaged[_place(content, generator)] ^= 1 << generator.integers(8)
    return bytes(damaged)


def stretched(content, generator):
    """A field of four bytes, often the length of a vector, with an extreme value."""
    damaged = bytearray(content)
    for _ in range(generator.choice([1, 1, 3])):
        place = min(_place(content, generator) // 4 * 4, len(content) - 4)
        struct.pack_into("<I", damaged, place, int(generator.choice(EXTREMES)))
    return bytes(damaged)


def shifted(content, generator):
    """An offset that points somewhere else in the file, also backwards."""
    damaged = bytearray(content)
    place = min(_place(content, generator) // 4 * 4, len(content) - 4)
    struct.pack_into("<i", damaged, place, int(generator.integers(-len(content), len(content))))
    return bytes(damaged)


def tangled(content, generator):
    """Operators that read what comes later, or themselves, or write what is written already."""

    def change(graph):
        for _ in range(generator.choice([1, 2, 5])):
            operator = graph.operators[generator.integers(len(graph.operators))]
            ends = operator.inputs if generator.random() < 0.7 else operator.outputs
            ends[generator.integers(len(ends))] = generator.integers(len(graph.tensors))

    return _rebuilt(content, change)


def resized(content, generator):
    """Shapes that no longer fit, up to absurd ones."""

    def change(graph):
        for _ in range(generator.choice([1, 1, 4])):
            tensor = graph.tensors[generator.integers(len(graph.tensors))]
            if len(tensor.shape):
                wanted = generator.choice([-1, 0, 1, 2, 7, 1 << 14, 1 << 20, (1 << 31) - 1])
                tensor.shape[generator.integers(len(tensor.shape))] = wanted

    return _rebuilt(content, change)


def retyped(content, generator):
    """Types, scales and zero points that no longer fit."""

    def change(graph):
        for _ in range(generator.choice([1, 1, 4])):
            tensor = graph.tensors[generator.integers(len(graph.tensors))]
            quantisation = tensor.quantization
            if generator.random() < 0.4 or quantisation is None or quantisation.scale is None:
                tensor.type = int(generator.integers(0, 19))
            elif generator.random() < 0.5:
                values = [0.0, -1.0, np.nan, np.inf, 1e-38, 1e-30, 1e30, 3e38]
                quantisation.scale[generator.integers(len(quantisation.scale))] = generator.choice(
                    values
                )
            else:
                quantisation.zeroPoint = np.full(
                    len(quantisation.scale), generator.choice([-(1 << 40), -129, 128, 256, 1 << 62])
                )

    return _rebuilt(content, change)


def _place(content, generator):
    # The tables lie at the ends, the weights between.
    if generator.random() < 0.3:
        return int(generator.integers(len(content)))
    edge = int(min(generator.integers(6000), len(content) - 1))
    return edge if generator.random() < 0.4 else len(content) - 1 - edge


def _rebuilt(content, change):
    from ai_edge_litert import schema_py_generated as schema

    # Arrays of a writable buffer can be changed in place.
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(content), 0))
    change(model.subgraphs[0])
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
