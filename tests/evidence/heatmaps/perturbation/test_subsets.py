"""Sufficient input subsets against the procedures of arXiv:1810.03805 written out plainly."""

import pytest
import torch
from covering_networks import batch_of, one_of, relu_network, subject_of_answer

from auditkit.evidence.heatmaps.explainer import Batch, Fitness
from auditkit.evidence.heatmaps.perturbation.players import players_of
from auditkit.evidence.heatmaps.perturbation.subsets import SufficientSubsetsExplainer
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.methods import SufficientSubsets, Superpixels


class _Plain:
    """The paper's procedures on Python sets, one input at a time."""

    def __init__(self, subject, inputs, target, players, cover):
        self.subject, self.inputs, self.target, self.cover = subject, inputs, target, cover
        mask = players.segments[0] if players.segments is not None else None
        if mask is None:
            numbers = torch.arange(float(players.counts[0]))
            cells = players.maps([numbers])
            for axis, size in enumerate(players.space, start=2):
                cells = cells.repeat_interleave(size // players.side, dim=axis)
            mask = cells[0]
        self.mask = mask[0].long()
        self.asked = 0

    def value(self, members):
        self.asked += 1
        present = torch.isin(self.mask, torch.tensor(sorted(members), dtype=torch.long))
        seen = torch.where(present, self.inputs, self.cover)
        with torch.no_grad():
            return self.subject.answer(seen[None], self.target, None).item()

    def back_select(self, members):
        members, stack = set(members), []
        while members:
            best = max(sorted(members), key=lambda player: self.value(members - {player}))
            members -= {best}
            stack.append(best)
        return stack

    def find(self, bound, stack):
        stack, subset = list(stack), set()
        while self.value(subset) < bound:
            subset.add(stack.pop())
        return subset

    def collection(self, count, bound, most):
        members, found = set(range(count)), []
        while len(found) < most and self.value(members) >= bound:
            found.append(self.find(bound, self.back_select(members)))
            members -= found[-1]
        return found


def _bound(subject, batch, players, cover):
    """Between the answers for nothing and for everything, nearer to everything."""
    ends = []
    for index in range(len(batch)):
        plain = _Plain(
            subject, batch.inputs[index], batch.target[index : index + 1], players, cover
        )
        ends.append((plain.value(set()), plain.value(set(range(players.counts[0])))))
    return ends


@pytest.mark.parametrize(
    ("shape", "side"), [((1, 8, 8), 4), ((3, 6, 6), 3), ((1, 4, 4, 4), 2), ((4, 6, 4, 4), 2)]
)
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_subsets_are_those_of_the_paper(shape, side, share):
    modalities = (tuple(range(shape[0])),)
    subject, batch = relu_network(shape, modalities, seed=2), batch_of(shape, 4)
    superpixels = Superpixels(side=side)
    players = players_of(batch.inputs, superpixels, modalities)
    cover = torch.zeros(shape)
    ends = _bound(subject, batch, players, cover)
    # A boundary for each target between covered and uncovered, as far as one exists for its images.
    bounds = [0.0, 0.0, 0.0]
    for (nothing, everything), target in zip(ends, batch.target.tolist(), strict=True):
        bounds[target] = nothing + share * (everything - nothing)
    subject = Subject(**{**vars(subject), "boundaries": tuple(bounds)})
    method = SufficientSubsets(superpixels=superpixels, baseline="black", subsets=3)
    found = SufficientSubsetsExplainer(subject, method, None).explain(batch, rows=16)
    some = 0
    for index, (nothing, everything) in enumerate(ends):
        target = batch.target[index : index + 1]
        bound = bounds[target.item()]
        values = torch.zeros(players.counts[0])
        if nothing < bound <= everything:
            plain = _Plain(subject, batch.inputs[index], target, players, cover)
            for number, subset in enumerate(plain.collection(players.counts[0], bound, 3), 1):
                values[sorted(subset)] = 1 / number
                some += 1
        assert torch.equal(found.maps[index].flatten(), values)
    assert some > 0, "the case must have subsets to find"


def _linear(weights, **more):
    """The weighted sum of 2 x 2 pixels."""
    weight = torch.tensor(weights).view(1, 2, 2)
    return subject_of_answer(lambda inputs: (inputs * weight).sum(dim=(1, 2, 3)), (1, 2, 2), **more)


WHITE = Batch(torch.ones(1, 1, 2, 2), torch.tensor([0]), [0])
FOUR = Superpixels(side=2)


def test_a_linear_answer_by_hand():
    # Bound 5: BackSelect drops 1, 2, 4, then 8, and 8 alone suffices. {1, 2, 4} still reaches 7: 1 goes,
    # {2, 4} reaches 6, 4 alone does not. {1} is left and does not reach 5.
    subject = _linear([1.0, 2.0, 4.0, 8.0], boundaries=(5.0,))
    method = SufficientSubsets(superpixels=FOUR, baseline="black", subsets=3)
    found = SufficientSubsetsExplainer(subject, method, None).explain(WHITE, rows=3)
    assert found.maps.tolist() == [[[[0.0, 0.5], [0.5, 1.0]]]]


def test_an_answer_that_is_no_number_has_no_map_and_leaves_others_alone():
    subject = _linear([1.0, 2.0, 4.0, 8.0], boundaries=(5.0,))
    pair = torch.ones(2, 1, 2, 2)
    pair[0, 0, 0, 0] = torch.nan
    given = Batch(pair, torch.tensor([0, 0]), [0, 0])
    method = SufficientSubsets(superpixels=FOUR, baseline="black")
    found = SufficientSubsetsExplainer(subject, method, None).explain(given, rows=3).maps
    assert found[0].isnan().all()
    assert found[1].flatten().tolist() == [0, 0, 0, 1]


def test_evaluations_are_what_the_docstring_says():
    subject = _linear([1.0, 2.0, 4.0, 8.0], boundaries=(5.0,))
    explained = {}
    for subsets in (1, 2):
        method = SufficientSubsets(superpixels=FOUR, baseline="black", subsets=subsets)
        explainer = SufficientSubsetsExplainer(subject, method, None)
        assert explainer.fitness() == Fitness()
        explained[subsets] = explainer.explain(WHITE, rows=64).evaluations.item()
    # P = 4: all, none, 4 + 3 + 2 candidates; then 3 are left: all of them, 3 + 2 candidates.
    assert explained == {1: 4 * 5 // 2 + 1, 2: 11 + 6}


def test_the_network_is_shown_as_many_inputs_as_are_counted():
    shown = []

    def answer(inputs):
        shown.append(len(inputs))
        return inputs.sum(dim=(1, 2, 3))

    subject = subject_of_answer(answer, (1, 4, 4), boundaries=(3.0, 3.0, 3.0))
    background = torch.zeros(2, 1, 4, 4)
    method = SufficientSubsets(superpixels=Superpixels(side=2), baseline="data", subsets=2)
    explainer = SufficientSubsetsExplainer(subject, method, background)
    found = explainer.explain(batch_of((1, 4, 4)), rows=7)
    assert sum(shown) == found.evaluations.sum()
    assert max(shown) <= 7


def test_the_threshold_is_a_probability_of_the_decision():
    # Log-odds 1 2 4 8: 0.95 asks for 2.94, thus 8 alone; 0.9999 for 9.21, thus 8 and 4.
    subject = _linear([1.0, 2.0, 4.0, 8.0], boundaries=(100.0,))
    for threshold, expected in ((0.95, [0.0, 0.0, 0.0, 1.0]), (0.9999, [0.0, 0.0, 1.0, 1.0])):
        method = SufficientSubsets(superpixels=FOUR, baseline="black", threshold=threshold)
        found = SufficientSubsetsExplainer(subject, method, None).explain(WHITE, rows=64)
        assert found.maps.flatten().tolist() == expected


@pytest.mark.parametrize(
    ("bound", "why"), [(16.0, "the whole image does not reach it"), (0.0, "nothing reaches it")]
)
def test_an_image_without_a_subset_has_a_map_of_zeros(bound, why):
    subject = _linear([1.0, 2.0, 4.0, 8.0], boundaries=(bound,))
    method = SufficientSubsets(superpixels=FOUR, baseline="black", subsets=2)
    found = SufficientSubsetsExplainer(subject, method, None).explain(WHITE, rows=64)
    assert found.maps.abs().max() == 0, why
    assert found.evaluations.tolist() == [2]


def test_a_bound_that_is_just_reached_suffices():
    subject = _linear([1.0, 2.0, 4.0, 8.0], boundaries=(8.0,))
    method = SufficientSubsets(superpixels=FOUR, baseline="black")
    found = SufficientSubsetsExplainer(subject, method, None).explain(WHITE, rows=64)
    assert found.maps.flatten().tolist() == [0.0, 0.0, 0.0, 1.0]


def test_the_bound_is_0_where_the_subject_names_none():
    subject = _linear([-1.0, -2.0, 4.0, 0.5])
    shifted = subject_of_answer(lambda x: subject.answer(x, None, None) - 0.25, (1, 2, 2))
    method = SufficientSubsets(superpixels=FOUR, baseline="black")
    found = SufficientSubsetsExplainer(shifted, method, None).explain(WHITE, rows=64)
    assert found.maps.flatten().tolist() == [0.0, 0.0, 1.0, 0.0]


def test_rounding_does_not_choose_between_superpixels_that_say_the_same():
    def answer(inputs):
        return inputs.sum(dim=(1, 2, 3)) + 1e-6 * torch.arange(len(inputs))

    subject = subject_of_answer(answer, (1, 2, 2), boundaries=(1.5,))
    method = SufficientSubsets(superpixels=FOUR, baseline="black", subsets=2)
    for rows in (1, 3, 64):
        found = SufficientSubsetsExplainer(subject, method, None).explain(WHITE, rows)
        assert found.maps.flatten().tolist() == [0.5, 0.5, 1.0, 1.0], "the first went first"


def test_one_player_is_its_own_subset():
    subject = _linear([1.0, 1.0, 1.0, 1.0], boundaries=(2.0,))
    method = SufficientSubsets(superpixels=Superpixels(side=1), baseline="black", subsets=5)
    found = SufficientSubsetsExplainer(subject, method, None).explain(WHITE, rows=64)
    assert found.maps.tolist() == [[[[1.0]]]]


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("kind", ["grid", "slic"])
def test_subsets_depend_neither_on_the_batch_nor_on_rows(rows, kind):
    subject, batch = relu_network((2, 8, 8), seed=2), batch_of((2, 8, 8), 4)
    with torch.no_grad():
        answers = subject.answer(batch.inputs, batch.target, None)
        nothing = subject.answer(torch.zeros_like(batch.inputs), batch.target, None)
    bounds = (0.5 * (answers + nothing))[:3]
    subject = Subject(**{**vars(subject), "boundaries": tuple(bounds.tolist())})
    superpixels = Superpixels(kind=kind, side=3, segments=6)
    method = SufficientSubsets(superpixels=superpixels, baseline="black", subsets=3)
    explainer = SufficientSubsetsExplainer(subject, method, None)
    together = explainer.explain(batch, rows=16)
    assert together.maps.abs().max() > 0
    for index in range(len(batch)):
        alone = explainer.explain(one_of(batch, index), rows)
        assert torch.equal(alone.maps[0], together.maps[index])
        assert alone.evaluations[0] == together.evaluations[index]
