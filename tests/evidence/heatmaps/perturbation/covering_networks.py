"""Tiny networks and batches that the tests of covering methods share."""

import torch
from torch import nn

from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.subject import Subject, subject_of_module


def relu_network(shape, modalities=None, seed=0):
    """Two convolutions with ReLU and a linear layer on their output, for any number of axes."""
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(shape) - 1]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.Sequential(
            kind(shape[0], 4, 3, padding=1), nn.ReLU(), kind(4, 4, 3, stride=2), nn.ReLU()
        )
        flat = layers(torch.zeros(1, *shape)).numel()
        network = nn.Sequential(layers, nn.Flatten(), nn.Linear(flat, 3)).eval()
    return subject_of_module(network, shape, modalities)


def subject_of_answer(answer, shape, modalities=None, **more):
    """A subject whose answer is any function of the inputs alone."""
    groups = modalities or (tuple(range(shape[0])),)

    def of_inputs(inputs, target, table):
        return answer(inputs)

    return Subject("hand-made", of_inputs, None, shape, groups, torch.device("cpu"), **more)


def batch_of(shape, count=3, seed=1):
    """Random inputs, each with another target."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(count, *shape, generator=generator)
    return Batch(inputs, torch.arange(count) % 3, list(range(count)))


def one_of(batch, index):
    """A batch of one of its images."""
    part = slice(index, index + 1)
    table = None if batch.table is None else batch.table[part]
    return Batch(batch.inputs[part], batch.target[part], [batch.seeds[index]], table)


def grid_mask(players):
    """The player of each pixel of a grid, (layers, *space), from cell corners found one by one."""
    found = torch.zeros(players.layers, *players.space, dtype=torch.long)
    for place in torch.cartesian_prod(*(torch.arange(size) for size in players.space)).view(
        -1, len(players.space)
    ):
        cell = 0
        for pixel, size in zip(place.tolist(), players.space, strict=True):
            cell = cell * players.side + int((pixel + 0.5) / (size / players.side) + 1e-9)
        for layer in range(players.layers):
            found[(layer, *place.tolist())] = layer * players.side ** len(players.space) + cell
    return found
