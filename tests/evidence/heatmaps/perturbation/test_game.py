"""The value of coalitions against a straightforward reference; passes; memory that runs out."""

import pytest
import torch
from covering_networks import batch_of, grid_mask, one_of, relu_network, subject_of_answer

from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.perturbation.game import Game
from auditkit.evidence.heatmaps.perturbation.players import players_of
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.methods import Superpixels


@pytest.fixture(autouse=True)
def _same_numbers_every_time():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def _reference(subject, batch, players, baseline, image, coalition):
    """One coalition of one image, pixel by pixel and channel by channel."""
    regions = players.segments[image] if players.segments is not None else grid_mask(players)
    present = coalition[regions.long()]
    inputs = batch.inputs[image]
    answers = []
    for cover in baseline[image if len(baseline) > 1 else 0]:
        seen = torch.empty_like(inputs)
        for modality, channels in enumerate(subject.modalities):
            kept = present[modality if len(present) > 1 else 0]
            for channel in channels:
                seen[channel] = torch.where(kept, inputs[channel], cover[channel])
        row = slice(image, image + 1)
        table = None if batch.table is None else batch.table[row]
        answers.append(subject.answer(seen[None], batch.target[row], table))
    return torch.stack(answers).double().mean()


CASES = [
    ((1, 9), None, Superpixels(side=4), 1, False),
    ((3, 9, 7), ((0, 1, 2),), Superpixels(side=3), 1, True),
    ((3, 8, 8), ((0, 2), (1,)), Superpixels(side=2, shared=False), 3, False),
    ((4, 5, 6, 7), None, Superpixels(side=2, shared=False), 2, True),
    ((3, 12, 12), ((0, 1, 2),), Superpixels(kind="slic", segments=6), 2, True),
    ((2, 6, 8, 8), None, Superpixels(kind="slic", segments=4, shared=False), 1, False),
]


@pytest.mark.parametrize(("shape", "modalities", "superpixels", "baselines", "own"), CASES)
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_values_are_answers_with_the_absent_players_covered(
    shape, modalities, superpixels, baselines, own, rows
):
    subject, batch = relu_network(shape, modalities), batch_of(shape, 4)
    players = players_of(batch.inputs, superpixels, subject.modalities)
    baseline = torch.rand(4 if own else 1, baselines, *shape)
    game = Game(subject, batch, players, baseline, rows)
    for images in players.groups():
        coalitions = torch.rand(5, players.counts[images[0]]) < 0.5
        found = game.values(images, coalitions)
        assert found.dtype == torch.float64
        with torch.no_grad():
            expected = [
                [_reference(subject, batch, players, baseline, i, c) for c in coalitions]
                for i in images
            ]
        assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), atol=1e-5)


def test_each_image_may_have_its_own_coalitions():
    subject, batch = relu_network((1, 8, 8)), batch_of((1, 8, 8))
    players = players_of(batch.inputs, Superpixels(side=2), subject.modalities)
    game = Game(subject, batch, players, torch.zeros(1, 2, 1, 8, 8), rows=5)
    coalitions = torch.rand(2, 6, 4) < 0.5
    found = game.values([2, 0], coalitions)
    for row, image in enumerate([2, 0]):
        assert torch.allclose(found[row], game.values([image], coalitions[row])[0], atol=1e-5)


def test_an_additive_answer_gives_the_sum_of_its_players():
    # 2 x 2 pixels 1 2 / 3 4, covered by 10.
    subject = subject_of_answer(lambda inputs: inputs.sum(dim=(1, 2, 3)), (1, 2, 2))
    batch = Batch(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.tensor([0]), [0])
    players = players_of(batch.inputs, Superpixels(side=2), subject.modalities)
    game = Game(subject, batch, players, torch.full((1, 1, 1, 2, 2), 10.0), rows=2)
    coalitions = torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1]], dtype=torch.bool)
    assert game.values([0], coalitions).tolist() == [[10.0, 40.0, 25.0]]


def test_answers_are_kept_apart_by_baseline():
    subject = subject_of_answer(lambda inputs: inputs.sum(dim=(1, 2, 3)), (1, 2, 2))
    batch = Batch(torch.ones(1, 1, 2, 2), torch.tensor([0]), [0])
    players = players_of(batch.inputs, Superpixels(side=1), subject.modalities)
    baseline = torch.tensor([2.0, 5.0]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 2, 2)
    game = Game(subject, batch, players, baseline, rows=2)
    found = game.answers([0], torch.tensor([[True], [False]]))
    assert found.tolist() == [[[4.0, 8.0], [4.0, 20.0]]]
    assert game.baselines == 2


@pytest.mark.parametrize(("images", "coalitions"), [(1, 40), (16, 3), (5, 7)])
def test_passes_are_full_whether_images_or_coalitions_are_many(images, coalitions):
    sizes = []

    def answer(inputs):
        sizes.append(len(inputs))
        return inputs[:, 0, 0]

    subject, batch = subject_of_answer(answer, (1, 4)), batch_of((1, 4), images)
    players = players_of(batch.inputs, Superpixels(side=2), subject.modalities)
    game = Game(subject, batch, players, torch.zeros(1, 2, 1, 4), rows=8)
    game.values(range(images), torch.rand(coalitions, 2) < 0.5)
    total = images * coalitions * 2
    assert sum(sizes) == total
    assert max(sizes) <= 8
    assert len(sizes) == -(-total // 8)


def test_an_answer_that_is_a_view_of_its_input_is_not_overwritten():
    subject, batch = subject_of_answer(lambda inputs: inputs[:, 0, 0], (1, 4)), batch_of((1, 4))
    players = players_of(batch.inputs, Superpixels(side=2), subject.modalities)
    game = Game(subject, batch, players, torch.zeros(1, 1, 1, 4), rows=2)
    found = game.values([0, 1, 2], torch.tensor([[True, False], [False, True]]))
    expected = torch.stack([batch.inputs[:, 0, 0], torch.zeros(3)], dim=1)
    assert torch.equal(found, expected.double())


def test_a_network_that_writes_into_its_input_changes_nothing():
    def answer(inputs):
        return inputs.mul_(-3).sum(dim=(1, 2))

    subject, batch = subject_of_answer(answer, (1, 4)), batch_of((1, 4))
    before = batch.inputs.clone()
    players = players_of(batch.inputs, Superpixels(side=2), subject.modalities)
    game = Game(subject, batch, players, torch.zeros(1, 1, 1, 4), rows=2)
    found = game.values([0, 1, 2], torch.ones(3, 2, dtype=torch.bool))
    assert torch.equal(batch.inputs, before)
    assert torch.allclose(found, (-3 * before.sum(dim=(1, 2)))[:, None].double(), atol=1e-6)


def test_the_table_and_the_target_follow_their_image():
    def answer(inputs, target, table):
        return inputs[:, 0, 0] + 10 * target + 100 * table[:, 0]

    subject = Subject("table", answer, None, (1, 2), ((0,),), torch.device("cpu"), table_width=1)
    inputs = torch.tensor([[[1.0, 0.0]], [[2.0, 0.0]], [[3.0, 0.0]]])
    batch = Batch(inputs, torch.tensor([0, 1, 2]), [0, 1, 2], torch.tensor([[1.0], [2.0], [3.0]]))
    players = players_of(batch.inputs, Superpixels(side=1), subject.modalities)
    coalitions = torch.ones(4, 1, dtype=torch.bool)
    for rows in (3, 5, 64):
        game = Game(subject, batch, players, torch.zeros(1, 2, 1, 2), rows)
        assert game.values([2, 1], coalitions).tolist() == [[323.0] * 4, [212.0] * 4]


def test_values_of_an_image_do_not_depend_on_its_batch():
    subject, batch = relu_network((3, 9, 9), ((0, 1, 2),)), batch_of((3, 9, 9), 5)
    coalitions = torch.rand(11, 9) < 0.5
    baseline = torch.rand(1, 2, 3, 9, 9)

    def values(part, rows):
        players = players_of(part.inputs, Superpixels(side=3), subject.modalities)
        return Game(subject, part, players, baseline, rows).values(range(len(part)), coalitions)

    together = values(batch, 64)
    for index in range(5):
        alone = values(one_of(batch, index), 3)
        assert torch.allclose(alone[0], together[index], atol=1e-5)
