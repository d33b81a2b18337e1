"""Fine-tuning of text-to-image diffusion models on captioned images (DEPICT, arXiv:2407.14509)."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from auditkit.models.diffusion.parts import TextToImage
from auditkit.spec.catalogue import Catalogue, catalogue
from auditkit.spec.training import ConceptTraining, read_concept_training
from auditkit.training import checkpoint, curves
from auditkit.training.batches import training_batch, validation_batches
from auditkit.training.captioned import Captioned, captioned
from auditkit.training.identity import identity, require_same
from auditkit.training.images import ahead
from auditkit.training.interrupt import Interrupted, Signals, only_here
from auditkit.training.learner import Learner
from auditkit.training.pipeline import opened, prepared
from auditkit.training.progress import Progress
from auditkit.training.result import save_result, write_provenance
from auditkit.training.samples import draw_samples
from auditkit.training.schedule import rate

# Captions in training.json that are longer than the tokenizer takes; all are counted.
_LISTED = 100
_GROUPS = ("weights", "average", "adam")


def train_concepts(
    recipe: Path | ConceptTraining,
    out: Path,
    cards: Sequence[Path] = (Path("fixtures"),),
    device: str = "auto",
) -> Path:
    """Fine-tune a pipeline as a recipe says; a run that was interrupted is continued.

    Args:
        recipe: a ``*.training.yaml``, or what it says.
        out: folder of the run.
        cards: folders with data cards.
        device: auto, cpu, cuda or mps.

    Returns:
        The card of the generator, beside its pipeline in ``out``.

    Raises:
        AuditError: bad input, loss that is not finite, or ``out`` holds another run.
        Interrupted: the user stopped it; a checkpoint was written.
    """
    said = recipe if isinstance(recipe, ConceptTraining) else read_concept_training(recipe)
    known = catalogue(cards)
    out.mkdir(parents=True, exist_ok=True)
    with only_here(out):
        run = _Run(said, out, opened(said, out, device), known)
        run.resume()
        run.go()
        return run.finish()


class _Run:
    """A run in progress."""

    def __init__(
        self, recipe: ConceptTraining, out: Path, parts: TextToImage, cards: Catalogue
    ) -> None:
        self._recipe, self._out, self._parts = recipe, out, parts
        card = cards.data(recipe.data)
        self._task = card.task
        self._data = captioned(card, parts)
        self._validation = self._data
        if recipe.validation is not None:
            self._validation = captioned(cards.data(recipe.validation), parts)
        self._identity = identity(recipe, self._data.digest)
        self._networks: Mapping[str, nn.Module] = prepared(parts, recipe)
        self._learner = Learner(parts, recipe, self._networks)
        self._done, self._seconds = 0, 0.0
        self._points: list[curves.Point] = []
        self._pending: list[float] = []
        _tell_truncated(self._data)

    def resume(self) -> None:
        """Take up the newest whole checkpoint, if there is one."""
        folder = checkpoint.newest(self._out)
        if folder is None:
            return
        state = checkpoint.read_state(folder)
        require_same(self._out, state["identity"], self._identity)
        self._learner.restore({group: checkpoint.read_tensors(folder, group) for group in _GROUPS})
        self._learner.restore_state(state["learner"])
        self._done, self._seconds = int(state["step"]), float(state["seconds"])
        self._pending = [float(loss) for loss in state["pending"]]
        points = curves.read_csv(self._out / "curves.csv")
        self._points = [point for point in points if point.step <= self._done]
        sys.stderr.write(f"continuing after step {self._done} of {self._recipe.steps}\n")

    def go(self) -> None:
        """Train to the last step.

        Raises:
            Interrupted: the user stopped it.
        """
        recipe, signals = self._recipe, Signals()
        make = partial(
            training_batch, recipe, self._data, self._parts, self._learner.noising.timesteps
        )
        progress = Progress(recipe.steps, recipe.images_per_step, self._done)
        before = self._seconds
        with signals.watched():
            for batch in ahead(make, range(self._done, recipe.steps), recipe.workers):
                loss = self._learner.step(self._done, batch, self._data)
                self._done += 1
                self._seconds = before + progress.seconds
                self._note(loss)
                progress.tell(self._done, loss)
                self._look()
                self._keep(stopping=signals.stop)
                if signals.stop and self._done < recipe.steps:
                    raise Interrupted(
                        f"stopped after step {self._done} of {recipe.steps}; a checkpoint is in "
                        f"{self._out}. Run the same command again to continue"
                    )

    def finish(self) -> Path:
        """Write pipeline, card and provenance."""
        self._learner.average.load_into()
        with self._learner.resting():
            card = save_result(self._out, self._parts, self._recipe, self._networks, self._task)
        write_provenance(self._out, self._recipe, self._about())
        return card

    def _note(self, loss: float) -> None:
        self._pending.append(loss)
        if self._done % curves.EVERY == 0 or self._done == self._recipe.steps:
            mean = sum(self._pending) / len(self._pending)
            self._points.append(
                curves.Point(self._done, rate(self._recipe, self._done - 1), loss=mean)
            )
            self._pending = []

    def _look(self) -> None:
        """Validate and draw samples, if it is time to."""
        recipe, learner = self._recipe, self._learner
        if self._done % recipe.sample_every and self._done < recipe.steps:
            return
        if recipe.validation is not None:
            timesteps = learner.noising.timesteps
            batches = validation_batches(
                self._validation, self._parts, timesteps, recipe.seed, learner.at_once
            )
            loss = learner.loss(batches, self._validation)
            point = curves.Point(self._done, rate(recipe, self._done - 1), validation=loss)
            self._points.append(point)
        curves.draw(self._out / "curves.svg", self._points)
        with learner.average.in_place(), learner.resting():
            draw_samples(self._out / "samples", self._done, self._parts, recipe, self._validation)

    def _keep(self, *, stopping: bool) -> None:
        """Write a checkpoint, if it is time to."""
        done, recipe = self._done, self._recipe
        if not stopping and done % recipe.checkpoint_every and done < recipe.steps:
            return
        curves.write_csv(self._out / "curves.csv", self._points)
        state = {
            "identity": self._identity,
            "learner": self._learner.state,
            "seconds": self._seconds,
            "pending": self._pending,
            "files": list(_GROUPS),
        }
        checkpoint.write(self._out, done, self._learner.tensors(), state)

    def _about(self) -> dict[str, Any]:
        images = self._done * self._recipe.images_per_step
        validations = [p.validation for p in self._points if p.validation is not None]
        return {
            "data_sha256": self._identity["data"],
            "start_sha256": self._identity["start"],
            "steps": self._done,
            "images": images,
            "different_images": len(self._data),
            "seconds": round(self._seconds, 3),
            "images_per_second": round(images / self._seconds, 3) if self._seconds else None,
            "device": str(self._parts.device),
            "trained_parameters": sum(p.numel() for p in self._learner.parameters.values()),
            "validation_loss": validations[-1] if validations else None,
            "truncated_captions": {
                "number": len(self._data.truncated),
                "first": list(self._data.truncated[:_LISTED]),
            },
        }


def _tell_truncated(data: Captioned) -> None:
    if data.truncated:
        sys.stderr.write(
            f"{len(data.truncated)} of {len(data)} captions are longer than the tokenizer takes and are "
            f"cut, such as: {data.truncated[0][:200]!r}\n"
        )
