"""What `auditkit train concepts` promises, on a pipeline small enough to train within a second."""

import csv
import json
import os
import signal

import pytest
import torch
from concept_runs import data_card, recipe, start
from PIL import Image
from safetensors.torch import load_file

from auditkit.errors import AuditError
from auditkit.models.diffusion.load import load_folder, load_generator
from auditkit.models.diffusion.small import PixelTextToImage
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import typed
from auditkit.training import diffusion
from auditkit.training.interrupt import Interrupted
from auditkit.training.learner import Learner


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("project")
    data_card(here)
    data_card(here, "held-out", n=5, seed=4)
    start(here)
    return here


@pytest.fixture
def train(folder, tmp_path, monkeypatch):
    # Drawing takes longer than training; `finished` has curves.svg.
    monkeypatch.setattr(diffusion.curves, "draw", lambda *_: None)

    def run(out="run", **changes):
        said = recipe(folder, **changes)
        return diffusion.train_concepts(said, tmp_path / out, [folder], "cpu")

    return run


def weights(out):
    found = {}
    for path in sorted((out / "pipeline").rglob("*.safetensors")):
        found |= {f"{path.parent.name}.{name}": value for name, value in load_file(path).items()}
    return found


def equal(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def largest_difference(first, second):
    return max(float((first[name] - second[name]).abs().max()) for name in first)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    said = recipe(folder, validation="held-out")
    return diffusion.train_concepts(said, out, [folder], "cpu")


def test_interrupted_and_resumed_training_gives_the_same_bits(
    finished, train, tmp_path, monkeypatch
):
    step = Learner.step

    def interrupted(self, index, batch, data):
        if index == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, index, batch, data)

    monkeypatch.setattr(Learner, "step", interrupted)
    with pytest.raises(Interrupted, match=r"after step 3 of 6.*same command again"):
        train(validation="held-out")
    assert (tmp_path / "run" / "step-000003").is_dir()
    monkeypatch.undo()
    train(validation="held-out", workers=1, checkpoint_every=5)
    assert equal(weights(finished.parent), weights(tmp_path / "run"))
    curves = [out / "curves.csv" for out in (finished.parent, tmp_path / "run")]
    assert curves[0].read_text() == curves[1].read_text()


def test_a_process_that_dies_loses_only_the_steps_after_its_last_checkpoint(
    finished, train, tmp_path, monkeypatch, capsys
):
    step = Learner.step

    def killed(self, index, batch, data):
        if index == 5:
            raise SystemExit
        return step(self, index, batch, data)

    monkeypatch.setattr(Learner, "step", killed)
    with pytest.raises(SystemExit):
        train(validation="held-out")
    monkeypatch.undo()
    newest = tmp_path / "run" / "step-000004"
    newest.joinpath("adam.safetensors").write_bytes(b"half of it")
    train(validation="held-out")
    assert "continuing after step 2" in capsys.readouterr().err
    assert equal(weights(finished.parent), weights(tmp_path / "run"))


def test_only_the_last_two_checkpoints_are_kept(finished):
    names = sorted(path.name for path in finished.parent.glob("step-*"))
    assert names == ["step-000004", "step-000006"]
    assert not list(finished.parent.glob(".half*"))


def test_the_card_describes_the_trained_pipeline_with_its_checksums(finished):
    document = read_yaml(finished)
    card = typed(document, GeneratorCard).model_copy(update={"path": finished})
    files = [path for path in (finished.parent / "pipeline").rglob("*") if path.is_file()]
    assert len(card.sha256) == len(files) > 5
    assert (card.generator, card.task, card.steps, card.guidance) == ("tiny", "shapes", 2, 2.0)
    assert isinstance(load_generator(card, "cpu"), PixelTextToImage)


def test_the_result_is_the_averaged_weights(finished):
    average = load_file(finished.parent / "step-000006" / "average.safetensors")
    last = load_file(finished.parent / "step-000006" / "weights.safetensors")
    saved = weights(finished.parent)
    assert equal({name: saved[name] for name in average}, average)
    assert not equal(last, average)


def test_no_configuration_says_where_on_the_machine_it_was_made(finished, folder):
    for path in finished.parent.rglob("pipeline/**/*.json"):
        assert str(folder) not in path.read_text()


def test_curves_samples_and_provenance_are_written(finished):
    out = finished.parent
    rows = list(csv.DictReader((out / "curves.csv").open()))
    assert [row["step"] for row in rows if row["validation_loss"]] == ["3", "6"]
    assert [row["step"] for row in rows if row["loss"]] == ["6"]
    assert "<svg" in (out / "curves.svg").read_text()
    sheet = Image.open(out / "samples" / "step-000003.png")
    assert sheet.size == (2 * (8 + 8 + 4), 8 + 4)
    captions = list(csv.DictReader((out / "samples" / "samples.csv").open()))
    assert [row["id"] for row in captions] == ["shapes-4-00000", "shapes-4-00001"]
    about = json.loads((out / "training.json").read_text())
    assert (about["steps"], about["images"], about["different_images"]) == (6, 24, 12)
    assert about["recipe"]["learning_rate"] == 0.01
    assert about["validation_loss"] == float(rows[-1]["validation_loss"])
    assert about["truncated_captions"] == {"number": 0, "first": []}
    assert about["versions"]["torch"]


def test_a_finished_run_is_not_trained_again(finished, folder, monkeypatch):
    before = weights(finished.parent)
    monkeypatch.setattr(Learner, "step", None)
    said = recipe(folder, validation="held-out")
    assert diffusion.train_concepts(said, finished.parent, [folder], "cpu") == finished
    assert equal(before, weights(finished.parent))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"learning_rate": 0.5, "seed": 9},
            r"learning_rate \(0.01 there, 0.5 now\); seed \(0 there",
        ),
        ({"data": "held-out"}, "pictures or captions"),
    ],
)
def test_a_folder_with_another_run_is_refused(finished, folder, changes, said):
    other = recipe(folder, **{"validation": "held-out", **changes})
    with pytest.raises(AuditError, match=said):
        diffusion.train_concepts(other, finished.parent, [folder], "cpu")


def test_a_folder_that_another_process_trains_in_is_refused(folder, tmp_path):
    from filelock import FileLock

    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(AuditError, match="another process trains"),
    ):
        diffusion.train_concepts(recipe(folder), tmp_path, [folder], "cpu")


@pytest.fixture
def gradients(monkeypatch):
    """The gradients of all steps, in order."""
    found, update = [], Learner._update

    def noted(self, index, loss):
        found.append({name: p.grad.clone() for name, p in self.parameters.items()})
        update(self, index, loss)

    monkeypatch.setattr(Learner, "_update", noted)
    return found


def test_accumulated_batches_give_the_gradient_of_the_whole(train, gradients):
    train("whole", steps=1, batch=4, samples=0)
    train("accumulated", steps=1, batch=1, accumulate=4, samples=0)
    assert max(float(value.abs().max()) for value in gradients[0].values()) > 0.01
    assert largest_difference(*gradients) < 1e-5


def test_out_of_memory_halves_the_batch_and_changes_nothing_else(
    train, gradients, monkeypatch, capsys
):
    train("enough", steps=1, batch=2, samples=0)
    predict = PixelTextToImage.predict

    def small_memory(self, latents, timesteps, conditioning):
        if len(latents) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return predict(self, latents, timesteps, conditioning)

    monkeypatch.setattr(PixelTextToImage, "predict", small_memory)
    train("scarce", steps=1, batch=2, samples=0)
    assert "going on with batches of 1, 2 per step" in capsys.readouterr().err
    assert largest_difference(*gradients) < 1e-5


def test_memory_for_not_even_one_image_is_an_error(train, monkeypatch):
    def no_memory(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(PixelTextToImage, "predict", no_memory)
    with pytest.raises(AuditError, match="memory does not suffice for one image"):
        train(batch=1, samples=0)


def test_a_loss_that_is_not_finite_stops_before_it_spoils_the_weights(
    finished, train, tmp_path, monkeypatch
):
    predict, calls = PixelTextToImage.predict, []

    def spoilt(self, latents, timesteps, conditioning):
        calls.append(0)
        answer = predict(self, latents, timesteps, conditioning)
        return answer * float("nan") if len(calls) == 4 else answer

    monkeypatch.setattr(PixelTextToImage, "predict", spoilt)
    with pytest.raises(AuditError, match=r"step 4: the loss .nan. .*learning_rate"):
        train(sample_every=6, samples=0)
    out = tmp_path / "run"
    assert [path.name for path in out.glob("step-*")] == ["step-000002"]
    assert not (out / "pipeline").exists()
    monkeypatch.undo()
    train(sample_every=6, samples=0)
    assert equal(weights(finished.parent), weights(out))


def test_training_lowers_the_loss(train, tmp_path):
    train(
        steps=40,
        stratified_timesteps=True,
        batch=8,
        learning_rate=0.01,
        sample_every=40,
        checkpoint_every=40,
        samples=0,
        ema=0,
    )
    rows = list(csv.DictReader((tmp_path / "run" / "curves.csv").open()))
    losses = [float(row["loss"]) for row in rows]
    # Without learning, rows differ by a few per cent: each is a mean over 80 images.
    assert losses[-1] < 0.85 * losses[0]


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_what_is_not_trained_keeps_its_bits(train, folder, tmp_path, part):
    train(steps=1, parts=[part], samples=0)
    before, after = load_folder(folder / "start"), load_folder(tmp_path / "run" / "pipeline")
    for name in ("unet", "text_encoder"):
        pairs = (getattr(parts, name).state_dict() for parts in (before, after))
        assert equal(*pairs) == (name != part)


def test_half_saves_half(train, tmp_path):
    train(steps=1, half=True, samples=0)
    assert {value.dtype for value in weights(tmp_path / "run").values()} == {torch.float16}


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_trains_nearly_the_same(train, tmp_path, precision):
    changes = {"steps": 2, "samples": 0, "ema": 0, "learning_rate": 0.001}
    train("full", **changes)
    train("lower", precision=precision, **changes)
    full, lower = (
        torch.tensor(
            [float(row["loss"]) for row in csv.DictReader((tmp_path / out / "curves.csv").open())]
        )
        for out in ("full", "lower")
    )
    assert torch.allclose(full, lower, rtol=0.02)
    assert {value.dtype for value in weights(tmp_path / "lower").values()} == {torch.float32}


def test_captions_that_are_too_long_are_counted_and_listed(train, tmp_path, monkeypatch, capsys):
    def long(_self, captions):
        return ["circle" in caption for caption in captions]

    monkeypatch.setattr(PixelTextToImage, "truncated", long)
    train(steps=1, samples=0)
    about = json.loads((tmp_path / "run" / "training.json").read_text())["truncated_captions"]
    assert about["number"] == len(about["first"]) > 3
    assert f"{about['number']} of 12 captions are longer" in capsys.readouterr().err


def test_gradient_checkpointing_is_refused_where_a_network_cannot(train):
    with pytest.raises(AuditError, match=r"text_encoder .PhraseEncoder. cannot"):
        train(gradient_checkpointing=True)


def test_gradient_checkpointing_changes_no_gradient(train, gradients):
    train("kept", steps=1, parts=["unet"], samples=0)
    train("again", steps=1, parts=["unet"], samples=0, gradient_checkpointing=True)
    assert largest_difference(*gradients) < 1e-5


def test_a_missing_start_says_where_it_was_looked_for(train, folder):
    with pytest.raises(AuditError, match=r"start: there is no folder .*nowhere"):
        train(start="nowhere")
