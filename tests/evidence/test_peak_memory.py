"""Peak memory against allocations worked out by hand."""

import gc

import pytest
import torch
from torch import nn

from auditkit.evidence.peak_memory import LiveTensors, peak_memory

CPU = torch.device("cpu")
KIB = 1024


def floats(kib):
    return torch.zeros(kib * KIB // 4)


def test_peak_is_what_was_alive_at_once():
    with peak_memory(CPU) as peak:
        a = floats(4)
        b = floats(8)
        del a
        c = floats(2)
        del b, c
    assert peak.bytes == 12 * KIB


def test_what_is_let_go_no_longer_counts():
    with LiveTensors() as found:
        for _ in range(50):
            a = floats(4) + 1
            del a
        assert found.live == 0
    assert found.peak == 8 * KIB


def test_views_and_results_in_place_count_once():
    with LiveTensors() as found:
        a = floats(4)
        b = a.view(-1, 2)[1:].t()
        a += 1
        b.mul_(2)
        assert found.live == 4 * KIB
        del a
        assert found.live == 4 * KIB
        del b
        assert found.live == 0


def test_what_was_there_before_does_not_count():
    before = floats(4)
    with LiveTensors() as found:
        view = before[:10].view(2, 5)
        before.add_(1)
        assert found.live == 0
        del before, view
        assert found.live == 0
    assert found.peak == 0


def test_other_types_count_their_own_bytes():
    with peak_memory(CPU) as peak:
        kept = [torch.zeros(KIB, dtype=kind) for kind in (torch.uint8, torch.float64)]
    assert peak.bytes == 9 * KIB
    del kept


def test_saved_tensors_count_until_the_graph_is_gone():
    x = floats(4).requires_grad_()
    with LiveTensors() as found:
        y = (x.exp().exp().exp()).sum()
        # Three results of exp are saved for the way back, and the sum.
        assert found.live == 12 * KIB + 4
        y.backward()
        gradient, x.grad = x.grad, None
        del y
        gc.collect()
        assert found.live == 4 * KIB
    assert gradient.numel() == KIB


def test_backward_needs_more_than_forward_and_depth_costs_memory():
    def needed(depth, gradient):
        layers = [nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()] * depth
        network = nn.Sequential(*layers).eval().requires_grad_(requires_grad=False)
        x = torch.zeros(1, 4, 16, 16, requires_grad=gradient)
        with peak_memory(CPU) as peak:
            answer = network(x).sum()
            if gradient:
                torch.autograd.grad(answer, x)
        return peak.bytes

    image = 4 * 16 * 16 * 4
    assert needed(6, gradient=False) == needed(2, gradient=False) <= 3 * image
    assert needed(6, gradient=True) - needed(2, gradient=True) == 4 * image


def test_failed_work_leaves_no_trace():
    with pytest.raises(RuntimeError, match="shape"), peak_memory(CPU):
        torch.zeros(3) @ torch.zeros(4, 4)
    with peak_memory(CPU) as peak:
        kept = floats(4)
    assert peak.bytes == 4 * KIB
    del kept
