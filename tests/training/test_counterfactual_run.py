"""What `auditkit train counterfactual` promises, on a generator small enough to train within a second."""

import csv
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from counterfactual_runs import (
    data_card,
    equal,
    killed,
    project,
    recipe,
    redness_card,
    weights,
)
from PIL import Image

from auditkit.data.load import load_data
from auditkit.errors import AuditError
from auditkit.models.counterfactuals.exaggeration import Exaggeration
from auditkit.models.counterfactuals.trained_on import (
    TRAINED,
    image_keys,
    trained_images,
    was_trained_on,
)
from auditkit.models.identity import model_digest
from auditkit.spec.catalogue import (
    catalogue,
    read_counterfactual_card,
    read_data_card,
    read_model_card,
)
from auditkit.training import checkpoint
from auditkit.training.counterfactual import run as running
from auditkit.training.counterfactual.evaluation import Evaluation
from auditkit.training.counterfactual.images import as_input
from auditkit.training.counterfactual.learner import Learner
from auditkit.training.counterfactual.task import task_of
from auditkit.training.interrupt import Interrupted

GOOD = Evaluation(0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.1)
BAD = replace(GOOD, consistency=0.5)
VARIED = {"augment": {"scale": 1.25, "brightness": 0.2}, "discriminator": "class-conditional"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = project(tmp_path_factory.mktemp("project"))
    data_card(here, "photographs", task="shapes")
    data_card(here, "others", seed=6)
    return here


@pytest.fixture
def train(folder, tmp_path, monkeypatch):
    # Drawing takes longer than training; `finished` has curves.svg.
    monkeypatch.setattr(running.curves, "draw", lambda *_: None)

    def run(out="run", **changes):
        return running.train_counterfactual(recipe(**changes), tmp_path / out, [folder], "cpu")

    return run


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    return running.train_counterfactual(recipe(), out, [folder], "cpu")


def files(card):
    return [card.with_name(name).read_text() for name in ("curves.csv", "evaluations.csv")]


def test_a_killed_and_resumed_run_ends_with_the_same_bits(
    finished, folder, train, tmp_path, capsys
):
    status, said = killed(folder, tmp_path / "run", 5)
    assert status == -signal.SIGKILL, said
    assert checkpoint.newest(tmp_path / "run").name == "step-000004"
    card = train(workers=1)
    assert "continuing after step 4 of at most 6" in capsys.readouterr().err
    assert equal(weights(finished), weights(card))
    assert files(finished) == files(card)


def test_an_interrupted_and_resumed_run_ends_with_the_same_bits(train, tmp_path, monkeypatch):
    whole, step = train("whole", **VARIED), Learner.step

    def interrupted(self, index, *given):
        if index == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, index, *given)

    monkeypatch.setattr(Learner, "step", interrupted)
    with pytest.raises(Interrupted, match=r"after step 3 of at most 6.*same command again"):
        train("parts", **VARIED)
    assert not list((tmp_path / "parts").glob("*.counterfactual.yaml"))
    monkeypatch.setattr(Learner, "step", step)
    card = train("parts", **VARIED, checkpoint_every=5)
    assert equal(weights(whole), weights(card))
    assert files(whole) == files(card)


def test_a_finished_run_is_not_trained_again(finished, folder, monkeypatch):
    before = weights(finished)
    monkeypatch.setattr(Learner, "step", None)
    again = running.train_counterfactual(recipe(), finished.parent, [folder], "cpu")
    assert again == finished
    assert equal(before, weights(finished))


def test_two_runs_of_one_recipe_are_equal_and_another_seed_is_not(finished, train):
    assert equal(weights(finished), weights(train("again")))
    assert not equal(weights(finished), weights(train("other", seed=1)))


def test_the_card_says_what_was_trained_for_which_model_on_which_data(finished, folder):
    card = read_counterfactual_card(finished)
    assert card.counterfactual == "redness-lesions"
    assert (card.model, card.data, card.task) == ("redness", "lesions", "melanoma")
    assert (card.bins, card.size, card.seed, card.discriminator) == (4, 16, 0, "unconditional")
    assert card.model_sha256 == model_digest(read_model_card(folder / "redness.model.yaml"))
    assert card.network == recipe().network
    assert card.source == "auditkit train counterfactual --model redness --data lesions"
    assert card.stand_in == ""


def test_the_card_gives_the_generator_that_was_evaluated(finished, folder, monkeypatch, tmp_path):
    last = []
    evaluate = running.evaluate
    monkeypatch.setattr(running, "evaluate", lambda *given: last.append(given) or evaluate(*given))
    running.train_counterfactual(recipe(), tmp_path, [folder], "cpu")
    step, generator, held, _ = last[-1]
    loaded = Exaggeration.from_card(read_counterfactual_card(finished), torch.device("cpu"))
    images, targets, scores = as_input(held.pictures), torch.arange(8) % 4, held.own
    assert step == 6
    assert torch.equal(
        generator.generate(images, targets, scores), loaded.generate(images, targets, scores)
    )


def test_a_generator_for_stand_ins_says_so(folder, train, tmp_path):
    here = project(tmp_path / "cards")
    for name in ("redness.model.yaml", "lesions.data.yaml"):
        path = here / name
        path.write_text(path.read_text() + "stand_in: drawn\n")
    card = read_counterfactual_card(
        running.train_counterfactual(recipe(steps=1, samples=0), tmp_path / "out", [here], "cpu")
    )
    assert "stand-in of the model 'redness'" in card.stand_in
    assert "stand-in data 'lesions'" in card.stand_in


def test_nothing_that_is_written_names_a_place_on_the_machine(finished, folder):
    texts = [
        path for path in finished.parent.rglob("*") if path.suffix in (".yaml", ".json", ".csv")
    ]
    assert len(texts) >= 5
    for path in texts:
        assert str(folder) not in path.read_text()
        assert str(finished.parent) not in path.read_text()


def test_patients_are_held_out_whole_and_alike_for_every_seed(folder):
    known = catalogue([folder])
    tasks = [task_of(recipe(seed=seed), known) for seed in (0, 1)]
    assert tasks[0].held_out == tasks[1].held_out
    records = tasks[0].data.records
    sides = [
        {records[row].patient for row in rows} for rows in (tasks[0].training, tasks[0].held_out)
    ]
    assert not sides[0] & sides[1]
    assert (len(sides[0]), len(sides[1])) == (16, 4)


def test_the_weights_know_which_images_they_were_trained_on(finished, folder):
    keys = trained_images(read_counterfactual_card(finished))
    data = load_data(read_data_card(folder / "lesions.data.yaml"))
    task = task_of(recipe(), catalogue([folder]))
    found = was_trained_on([record.digest for record in data.records], keys)
    assert np.flatnonzero(found).tolist() == list(task.training)
    assert not was_trained_on(["another picture"], keys).any()
    assert np.array_equal(keys, image_keys([data.records[row].digest for row in task.training]))


def test_weights_that_do_not_say_what_they_were_trained_on_are_refused(finished, tmp_path):
    from safetensors.torch import save_file

    card = read_counterfactual_card(finished)
    left = {name: value for name, value in weights(finished).items() if name != TRAINED}
    save_file(left, tmp_path / card.weights.file)
    with pytest.raises(AuditError, match="does not say which images"):
        trained_images(card.model_copy(update={"path": tmp_path / "a.yaml"}))


def test_curves_evaluations_samples_and_provenance_are_written(finished):
    out = finished.parent
    rows = list(csv.DictReader((out / "curves.csv").open()))
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 7)]
    assert all(float(row["cycle"]) >= 0 for row in rows)
    assert "<svg" in (out / "curves.svg").read_text()
    evaluations = list(csv.DictReader((out / "evaluations.csv").open()))
    assert [row["step"] for row in evaluations] == ["3", "6"]
    sheets = sorted(path.name for path in (out / "samples").iterdir())
    assert sheets == ["step-000003.png", "step-000006.png"]
    # Two images; the image itself and its four bins; a gap of two pixels behind each.
    assert Image.open(out / "samples" / sheets[0]).size == (5 * 18, 2 * 18)
    about = json.loads((out / "training.json").read_text())
    assert about["evaluation"]["consistency"] == float(evaluations[-1]["consistency"])
    assert (about["steps"], about["images"], about["good_enough"]) == (6, 48, None)
    assert (about["training"]["images"], about["held_out"]["patients"]) == (32, 4)
    assert not list(out.glob("pictures-*"))
    assert not list(out.glob(".half*"))


@pytest.fixture
def evaluated(monkeypatch):
    """Evaluations find what is put here."""
    found = []

    def evaluate(step, *_):
        return replace(found[step - 1], step=step)

    monkeypatch.setattr(running, "evaluate", evaluate)
    return found


STOP = {"consistency": 0.9, "reconstruction": 0.01, "times": 2}


def test_training_stops_when_it_was_good_enough_in_a_row_and_never_before(
    train, evaluated, tmp_path, capsys
):
    evaluated += [GOOD, BAD, GOOD, replace(GOOD, reconstruction=0.02), GOOD, GOOD, GOOD, GOOD]
    train(steps=8, evaluate_every=1, samples=0, stop=STOP)
    about = json.loads((tmp_path / "run" / "training.json").read_text())
    assert (about["steps"], about["good_enough"]) == (6, True)
    assert "WARNING" not in capsys.readouterr().err


def test_a_run_that_had_stopped_stays_stopped(train, evaluated, monkeypatch):
    evaluated += [GOOD, GOOD, GOOD]
    first = weights(train(steps=3, evaluate_every=1, samples=0, stop=STOP))
    monkeypatch.setattr(Learner, "step", None)
    assert equal(first, weights(train(steps=3, evaluate_every=1, samples=0, stop=STOP)))


def test_a_resumed_run_counts_evaluations_before_the_interruption(
    train, evaluated, tmp_path, monkeypatch
):
    evaluated += [BAD, GOOD, GOOD, BAD]
    step = Learner.step

    def interrupted(self, index, *given):
        if index == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, index, *given)

    said = {"steps": 4, "evaluate_every": 1, "samples": 0, "stop": STOP}
    monkeypatch.setattr(Learner, "step", interrupted)
    with pytest.raises(Interrupted):
        train(**said)
    monkeypatch.setattr(Learner, "step", step)
    train(**said)
    assert json.loads((tmp_path / "run" / "training.json").read_text())["steps"] == 3


def test_a_generator_that_is_not_good_enough_is_written_with_a_loud_warning(
    train, evaluated, tmp_path, capsys
):
    evaluated += [BAD, GOOD]
    card = train(steps=2, evaluate_every=1, samples=0, stop=STOP)
    said = capsys.readouterr().err
    assert "WARNING: training ended after step 2" in said
    assert "100.0% of the held-out pairs" in said
    assert "expected: at least 90.0%" in said
    assert read_counterfactual_card(card).counterfactual == "redness-lesions"
    assert json.loads((tmp_path / "run" / "training.json").read_text())["good_enough"] is False


def test_training_turns_decisions_around(train, tmp_path):
    weighted = {"gan": 0.0, "reconstruction": 1.0, "cycle": 1.0}
    fast = {"learning_rate": 1e-2, "ema": 0.9, "batch": 8, "samples": 0, "weights": weighted}
    train(steps=60, evaluate_every=60, checkpoint_every=60, seed=1, **fast)
    rows = list(csv.DictReader((tmp_path / "run" / "evaluations.csv").open()))
    # At the start the generator is the identity, and no pair lies on both sides.
    assert float(rows[-1]["consistency"]) > 0.5
    assert float(rows[-1]["reconstruction"]) < 0.06


def test_a_loss_that_is_not_finite_leaves_the_last_checkpoint_and_no_card(
    finished, train, tmp_path, monkeypatch
):
    step = Learner.step

    def spoilt(self, index, *given):
        if index == 3:
            raise AuditError("step 4: the losses are not finite")
        return step(self, index, *given)

    monkeypatch.setattr(Learner, "step", spoilt)
    with pytest.raises(AuditError, match="not finite"):
        train()
    assert [path.name for path in (tmp_path / "run").glob("step-*")] == ["step-000002"]
    assert not list((tmp_path / "run").glob("*.counterfactual.yaml"))
    monkeypatch.setattr(Learner, "step", step)
    assert equal(weights(finished), weights(train()))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"learning_rate": 0.5, "seed": 9},
            r"learning_rate \(0.0005 there, 0.5 now\); seed \(0 there",
        ),
        ({"data": "others"}, r"data \(lesions there, others now\).*pictures"),
    ],
)
def test_a_folder_with_another_run_is_refused(finished, folder, changes, said):
    with pytest.raises(AuditError, match=said):
        running.train_counterfactual(recipe(**changes), finished.parent, [folder], "cpu")


def test_a_folder_with_a_run_for_other_weights_of_the_model_is_refused(finished, tmp_path):
    here = project(tmp_path / "cards")
    redness_card(here, slope=29.0)
    with pytest.raises(AuditError, match=r"model_sha256 \(\w+ there, \w+ now\)"):
        running.train_counterfactual(recipe(), finished.parent, [here], "cpu")


def test_a_folder_that_another_process_trains_in_is_refused(folder, tmp_path):
    from filelock import FileLock

    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(AuditError, match="another process trains"),
    ):
        running.train_counterfactual(recipe(), tmp_path, [folder], "cpu")


def test_without_a_folder_the_generator_lies_where_audits_find_it(tmp_path, monkeypatch):
    monkeypatch.setattr(running.curves, "draw", lambda *_: None)
    here = project(tmp_path / "cards")
    quick = recipe(steps=1, samples=0)
    card = running.train_counterfactual(quick, None, [here], "cpu")
    assert (
        card == here / "counterfactuals" / "redness-lesions" / "redness-lesions.counterfactual.yaml"
    )
    assert catalogue([here]).counterfactuals()["redness-lesions"].path == card
    # The same again continues; for other weights of the model it is another generator, beside the first.
    assert running.train_counterfactual(quick, None, [here], "cpu") == card
    redness_card(here, slope=29.0)
    other = running.train_counterfactual(quick, None, [here], "cpu")
    digest = model_digest(read_model_card(here / "redness.model.yaml"))
    assert other.name == f"redness-lesions-{digest[:8]}.counterfactual.yaml"
    assert len(catalogue([here]).counterfactuals()) == 2
    with pytest.raises(
        AuditError, match=r"is 'redness-lesions-\w{8}' already; to train it anew, remove it"
    ):
        running.train_counterfactual(quick, here / "elsewhere", [here], "cpu")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"seed": 2}, "redness-lesions-2"),
        ({"discriminator": "class-conditional"}, "redness-lesions-class-conditional"),
        ({"discriminator": "class-conditional", "seed": 1}, "redness-lesions-class-conditional-1"),
        ({"name": "mine", "seed": 1}, "mine"),
    ],
)
def test_names_tell_trainings_apart(folder, tmp_path, changes, name):
    known = catalogue([folder])
    assert running.name_of(task_of(recipe(**changes), known), known, tmp_path) == name
