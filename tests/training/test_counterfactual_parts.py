"""What counterfactual generators learn from, and how they are evaluated and shown."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from counterfactual_runs import MODEL, data_card, project, recipe
from counterfactual_world import Reddening, Redness
from PIL import Image

from auditkit.data.load import load_data
from auditkit.errors import AuditError
from auditkit.models import load_model
from auditkit.spec.catalogue import catalogue, read_data_card, read_model_card
from auditkit.spec.training_counterfactual import CounterfactualTraining, Stop, Weights
from auditkit.training.counterfactual import curves
from auditkit.training.counterfactual.batches import Source, enlarged, is_varied, steps_of
from auditkit.training.counterfactual.evaluation import Evaluation, HeldOut, evaluate, met
from auditkit.training.counterfactual.images import as_input, as_pictures, forget, prepared
from auditkit.training.counterfactual.material import Material
from auditkit.training.counterfactual.sheets import draw_sheet
from auditkit.training.counterfactual.task import task_of

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = project(tmp_path_factory.mktemp("project"))
    data_card(here, "few", n=6)
    data_card(here, "shapes", task="shapes")
    return here


@pytest.fixture(scope="module")
def model(folder):
    return load_model(read_model_card(folder / "redness.model.yaml"), "cpu")


@pytest.fixture(scope="module")
def data(folder):
    return load_data(read_data_card(folder / "lesions.data.yaml"))


def test_pictures_are_what_the_model_sees_rounded_to_bytes(data, model, tmp_path, monkeypatch):
    rows = [7, 0, 3]
    pictures = prepared(data, rows, model.card.input, tmp_path, 2)
    seen = model.prepare([data.image(row) for row in rows])
    assert pictures.dtype == np.uint8
    assert torch.allclose(as_input(pictures), seen, atol=0.5 / 255 + 1e-6, rtol=0)
    monkeypatch.setattr(type(data), "image", None)
    assert np.array_equal(prepared(data, rows, model.card.input, tmp_path, 2), pictures)
    forget(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said_and_leaves_nothing_that_would_be_taken_for_whole(
    data, model, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array_header_1_0", full)
        with pytest.raises(AuditError, match="No space left on device; free some space"):
            prepared(data, [0, 1], model.card.input, tmp_path, 1)
    assert len(prepared(data, [0, 1], model.card.input, tmp_path, 1)) == 2


def test_bytes_survive_the_way_there_and_back():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    assert np.array_equal(as_pictures(as_input(pictures)), pictures)
    assert as_pictures(torch.full((1, 3, 1, 1), 1.2)).item(0) == 255


def source(count=10, side=6, size=6, **changes):
    pictures = np.random.default_rng(1).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    known = torch.linspace(0, 1, count)
    said = recipe(**changes)
    return Source(said, pictures, size, None if is_varied(said) else known)


def test_every_image_is_seen_once_per_epoch_with_its_own_score():
    given = source(count=24, batch=4, discriminator_steps=3)
    batches = [batch for step in (0, 1) for batch in given.step(step)]
    assert [len(batch) for batch in batches] == [4] * 6
    scores = torch.cat([batch.scores for batch in batches])
    assert torch.equal(scores.sort().values, given.scores)
    images = torch.cat([batch.images for batch in batches])
    assert torch.equal(images[scores.argsort()], as_input(given.pictures))


def test_batches_follow_from_seed_and_step_alone():
    varied = {"augment": {"scale": 1.5, "brightness": 0.3}}
    for changes in ({}, varied):
        side = enlarged(recipe(**changes), 6)
        one, again = (source(side=side, **changes) for _ in range(2))
        one.step(0)
        pairs = zip(one.step(5), again.step(5), strict=True)
        assert all(torch.equal(first.images, second.images) for first, second in pairs)
        other = source(side=side, seed=1, **changes).step(5)
        assert not torch.equal(one.step(5)[0].images, other[0].images)


def test_enlarged_pictures_are_cut_to_squares_of_their_own():
    changes = {"augment": {"scale": 1.5, "brightness": 0.0}}
    given = source(side=9, **changes)
    cut = [picture for batch in given.step(0) for picture in as_pictures(batch.images)]
    places = set()
    for square in cut:
        found = [
            (top, left)
            for picture in given.pictures
            for top in range(4)
            for left in range(4)
            if np.array_equal(picture[top : top + 6, left : left + 6], square)
        ]
        assert len(found) == 1
        places.update(found)
    assert len(places) > 3
    assert all(batch.scores is None for batch in given.step(0))


def test_brightness_is_one_factor_per_image():
    given = source(augment={"scale": 1.0, "brightness": 0.2}, batch=8)
    plain = as_input(given.pictures)
    factors = []
    for image in torch.cat([batch.images for batch in given.step(0)]):
        dark = plain < 0.8
        ratios = [image[dark[i]] / plain[i][dark[i]] for i in range(len(plain))]
        spread = [float(ratio.nan_to_num(1).std()) for ratio in ratios]
        factors.append(float(ratios[int(np.argmin(spread))].nan_to_num(1).median()))
        assert min(spread) < 0.05
    assert 0.8 <= min(factors) < max(factors) <= 1.2


def test_epochs_are_passes_of_the_discriminator():
    paper = CounterfactualTraining(recipe="degrave-2023", model="redness", data="lesions")
    # 20,260 dermoscopic images: 316,500 updates of the discriminator and 63,000 of the generator, but for
    # what is left of an epoch after whole batches.
    assert steps_of(paper, 20_260) == 63_313
    assert steps_of(recipe(), 20_260) == 6


def held_out(pictures, threshold=0.5):
    network = Redness()

    def score(images):
        return network(images).softmax(1)[:, 1]

    own = score(as_input(pictures))
    return HeldOut(pictures, own, score, threshold, torch.device("cpu"))


def test_a_perfect_generator_is_evaluated_as_such(data, model, tmp_path):
    pictures = prepared(data, range(21), model.card.input, tmp_path, 1)
    found = evaluate(3, Reddening(), held_out(pictures), 8)
    assert (found.step, found.consistency, found.flip_rate) == (3, 1.0, 1.0)
    # Eight bits, and channels that cannot hold all the red that is wanted.
    assert found.bin_error < 0.03
    assert found.cycle < 0.03


class Fixed:
    """Answers with a grey of its own for each bin, whatever the image."""

    bins = 4

    def generate(self, images, targets, scores):
        assert len(scores) == len(images)
        return (targets.float() / 5 + 0.101).view(-1, 1, 1, 1).expand(images.shape)


def test_an_evaluation_is_what_it_says():
    pictures = np.random.default_rng(2).integers(0, 256, (7, 4, 4, 3), dtype=np.uint8)
    images = as_input(pictures).double()

    def score(given):
        return given.mean((1, 2, 3))

    own = score(images)
    held = HeldOut(pictures, own, score, 0.5, torch.device("cpu"))
    greys = [round(255 * (k / 5 + 0.101)) / 255 for k in range(4)]
    to_grey = [[float((image - grey).abs().mean()) for grey in greys] for image in images]
    back = [to_grey[i][min(int(own[i] * 4), 3)] for i in range(7)]
    for batch in (7, 3):
        found = evaluate(0, Fixed(), held, batch)
        # Bins 0 and 3 give 0.1 and 0.7, on both sides of 0.5.
        assert (found.consistency, found.flip_rate) == (1.0, 1.0)
        errors = [abs(greys[i % 4] - (i % 4 + 0.5) / 4) for i in range(7)]
        assert found.bin_error == pytest.approx(np.mean(errors), abs=1e-6)
        assert found.reconstruction == pytest.approx(np.mean(back), abs=1e-6)
        assert found.cycle == pytest.approx(np.mean(back), abs=1e-6)
        assert found.change == pytest.approx(
            np.mean([(t[0] + t[3]) / 2 for t in to_grey]), abs=1e-6
        )


def test_a_flip_counts_only_the_side_that_an_image_is_not_on():
    class Dark(Fixed):
        def generate(self, images, targets, scores):
            return torch.zeros_like(images)

    pictures = np.stack([np.full((4, 4, 3), grey, dtype=np.uint8) for grey in (250, 240, 10, 5)])
    own = as_input(pictures).mean((1, 2, 3))
    held = HeldOut(pictures, own, lambda given: given.mean((1, 2, 3)), 0.5, torch.device("cpu"))
    found = evaluate(0, Dark(), held, 4)
    assert (found.consistency, found.flip_rate) == (0.0, 0.5)


def test_good_enough_is_good_enough_in_a_row():
    good = Evaluation(0, 0.95, 1.0, 0.0, 0.01, 0.0, 0.0)
    bad = Evaluation(0, 0.95, 1.0, 0.0, 0.0101, 0.0, 0.0)
    stop = Stop(consistency=0.95, reconstruction=0.01, times=2)
    assert not met([good], stop)
    assert met([bad, good, good], stop)
    assert not met([good, good, bad], stop)
    assert not met([good, bad, good], stop)
    assert not met([good, good, good], None)


def test_a_sheet_shows_each_image_beside_all_its_bins(tmp_path):
    pictures = np.random.default_rng(3).integers(0, 256, (3, 5, 5, 3), dtype=np.uint8)
    file = tmp_path / "samples" / "step-000001.png"
    draw_sheet(file, Fixed(), pictures, torch.rand(3), torch.device("cpu"))
    sheet = np.asarray(Image.open(file))
    assert sheet.shape == (3 * 7, 5 * 7, 3)
    for row, picture in enumerate(pictures):
        assert np.array_equal(sheet[7 * row : 7 * row + 5, :5], picture)
        for target in range(4):
            left = 7 * (target + 1)
            grey = round(255 * (target / 5 + 0.101))
            assert (sheet[7 * row : 7 * row + 5, left : left + 5] == grey).all()
    assert (sheet[5:7] == 255).all()


def test_curves_are_weighted_and_survive_the_table(tmp_path):
    terms = dict.fromkeys(curves.TERMS, 1 / 3)
    weights = Weights(gan=2.0, reconstruction=3.0, cycle=4.0, classifier=5.0)
    rows = [curves.row(step, terms, weights) for step in (1, 2)]
    assert rows[0] == (1, (0.666667, 0.666667, 1.0, 1.33333, 1.66667))
    curves.write_csv(tmp_path / "curves.csv", rows)
    header = next(csv.reader((tmp_path / "curves.csv").open()))
    assert header == ["step", *curves.TERMS]
    assert curves.read_csv(tmp_path / "curves.csv") == rows
    assert curves.read_csv(tmp_path / "none.csv") == []


def test_the_black_line_is_the_exponential_average():
    values = np.random.default_rng(4).normal(size=50)
    share, weights = 0.1, 0.9 ** np.arange(49, -1, -1)
    expected = share * (weights[1:] * values[1:]).sum() + 0.9**49 * values[0]
    assert curves.averaged(values.tolist(), share)[-1] == pytest.approx(expected)


def changed(here, changes):
    """A project whose model's card has some text replaced."""
    project(here)
    text = (here / "redness.model.yaml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (here / "redness.model.yaml").write_text(text)
    return here


SCORED = ("classes: [benign, malignant], score: 1}\nthreshold: 0.5", "classes: [a, b]}")
NO_GRADIENTS = ('version: "1"', 'version: "1", gradients: false')
TABLE = ("threshold: 0.5", "threshold: 0.5\ntable: [{column: age}]")
BLACK_BOX = (
    MODEL[MODEL.index("format:") : MODEL.index("input:")],
    'format: http\nblack_box: {url: "http://localhost:1", version: "1"}\n',
)
BLACK_BOX_OUTPUT = ("kind: logits", "kind: probabilities")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([SCORED], r"no counterfactuals of 'redness': it has no score.*output.score"),
        ([NO_GRADIENTS], r"it has no gradients.*python.gradients: true"),
        ([TABLE], r"its second input, 'table'"),
        ([BLACK_BOX, BLACK_BOX_OUTPUT], r"it is a black box; a generator learns from the gradient"),
    ],
)
def test_a_model_that_no_generator_can_be_trained_for_is_explained(tmp_path, changes, said):
    with pytest.raises(AuditError, match=said):
        task_of(recipe(), catalogue([changed(tmp_path, changes)]))


def test_models_of_volumes_are_refused():
    with pytest.raises(AuditError, match="it reads volumes; generators change pictures"):
        task_of(recipe(model="glioma", data="glioma"), catalogue([FIXTURES]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": "shapes"}, "'shapes' is about shapes, the model 'redness' about melanoma"),
        ({"data": "few", "batch": 8}, "4 images remain to train on, fewer than a batch of 8"),
        ({"model": "rednes"}, "did you mean 'redness'"),
    ],
)
def test_data_that_do_not_fit_are_refused(folder, changes, said):
    only = catalogue([folder])
    with pytest.raises(AuditError, match=said):
        task_of(recipe(**changes), only)


def test_a_side_of_the_threshold_that_no_image_reaches_is_warned_of(
    folder, model, tmp_path, capsys
):
    task = task_of(recipe(), catalogue([folder]))
    Material(task, model, tmp_path).source()
    assert "warning" not in capsys.readouterr().err
    for threshold, side in ((1e-9, "at or above"), (1 - 1e-9, "below")):
        card = model.card.model_copy(update={"threshold": threshold})
        other = type(task)(task.recipe, card, task.data, task.training, task.held_out)
        Material(other, model, tmp_path).source()
        assert f"scores all 32 images {side} its threshold" in capsys.readouterr().err


def test_training_scores_are_the_models(folder, model, tmp_path):
    task = task_of(recipe(), catalogue([folder]))
    given = Material(task, model, tmp_path).source()
    wanted = model.probabilities(as_input(given.pictures))[:, 1]
    assert torch.allclose(given.scores, wanted, atol=1e-6)
    assert 0.2 < float((given.scores > 0.5).float().mean()) < 0.8
    assert not math.isclose(float(given.scores.min()), float(given.scores.max()))
