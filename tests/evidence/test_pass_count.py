import torch
from torch import nn

from auditkit.evidence.heatmaps import Subject, subject_of_module
from auditkit.evidence.pass_count import PassCount, counted


def subject():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()
    return subject_of_module(network, (3, 2, 2))


def asked(found: Subject, rows: int, *, gradient: bool):
    inputs = torch.rand(rows, 3, 2, 2, requires_grad=gradient)
    answer = found.answer(inputs, torch.zeros(rows, dtype=torch.int64), None)
    return inputs, answer


def test_answers_are_the_same_and_counted():
    plain, count = subject(), PassCount()
    watched = counted(plain, count)
    inputs = torch.rand(5, 3, 2, 2)
    target = torch.tensor([0, 1, 2, 0, 1])
    with torch.no_grad():
        assert torch.equal(watched.answer(inputs, target, None), plain.answer(inputs, target, None))
    asked(watched, 7, gradient=False)
    assert (count.forwards, count.backwards) == (12, 0)


def test_gradients_count_only_when_they_are_asked_for():
    count = PassCount()
    inputs, answer = asked(counted(subject(), count), 4, gradient=True)
    assert (count.forwards, count.backwards) == (4, 0)
    torch.autograd.grad(answer.sum(), inputs, retain_graph=True)
    assert count.backwards == 4
    torch.autograd.grad(answer, inputs, torch.ones_like(answer))
    assert count.backwards == 8


def test_members_of_an_ensemble_count_as_their_share():
    whole, count = subject(), PassCount()
    parts = [(subject(), "identity"), (subject(), "flip-horizontal")]
    whole = Subject("pair", whole.answer, None, whole.shape, whole.modalities, whole.device, parts)
    watched = counted(whole, count)
    for part, _ in watched.parts:
        asked(part, 6, gradient=False)
    assert count.forwards == 6
    asked(watched, 6, gradient=False)
    assert count.forwards == 12
