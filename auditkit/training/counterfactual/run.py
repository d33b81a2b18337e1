"""`auditkit train counterfactual`: progressive exaggeration for one model.

DeGrave et al. 2023, doi:10.1038/s41551-023-01160-9, after Singla et al., arXiv:1911.00483.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.models import load_model
from auditkit.models.counterfactuals.exaggeration import Exaggeration
from auditkit.spec.catalogue import catalogue
from auditkit.spec.training_counterfactual import (
    CounterfactualTraining,
    read_counterfactual_training,
)
from auditkit.training import checkpoint
from auditkit.training.counterfactual import curves
from auditkit.training.counterfactual.batches import images_per_step, steps_of
from auditkit.training.counterfactual.card import write_card, write_training
from auditkit.training.counterfactual.evaluation import (
    Evaluation,
    HeldOut,
    evaluate,
    met,
    shortfall,
    write_csv,
)
from auditkit.training.counterfactual.images import forget
from auditkit.training.counterfactual.learner import Learner
from auditkit.training.counterfactual.material import Material
from auditkit.training.counterfactual.sheets import draw_sheet
from auditkit.training.counterfactual.task import Task, default_folder, name_of, task_of
from auditkit.training.identity import require_same
from auditkit.training.images import ahead
from auditkit.training.interrupt import Interrupted, Signals, only_here
from auditkit.training.progress import Progress

_DRAW_SECONDS = 60.0


def train_counterfactual(
    recipe: Path | CounterfactualTraining,
    out: Path | None = None,
    cards: Sequence[Path] = (Path("fixtures"),),
    device: str = "auto",
) -> Path:
    """Train a counterfactual generator as a recipe says; a run that was interrupted is continued.

    Args:
        recipe: a ``*.training.yaml``, or what it says.
        out: folder of the run; None: ``counterfactuals/NAME`` in the first folder with cards.
        cards: folders with cards of models and data.
        device: auto, cpu, cuda or mps.

    Returns:
        The generator's card, beside its weights, curves, evaluations, samples and training.json.

    Raises:
        AuditError: model and data do not fit, a loss is not finite, or the folder holds another run.
        Interrupted: the user stopped it; a checkpoint was written.
    """
    if isinstance(recipe, Path):
        recipe = read_counterfactual_training(recipe)
    known = catalogue(cards)
    task = task_of(recipe, known)
    name = name_of(task, known, out)
    folder = default_folder(known, name) if out is None else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AuditError(
            f"{folder} cannot be made: {error.strerror}; give another folder with --out"
        ) from error
    with only_here(folder):
        run = _Run(task, name, folder, device)
        run.resume()
        run.go()
        return run.finish()


class _Run:
    """A run in progress."""

    def __init__(self, task: Task, name: str, out: Path, device: str) -> None:
        self._task, self._name, self._out, self._recipe = task, name, out, task.recipe
        self._model = load_model(task.model, device)
        self._material = Material(task, self._model, out)
        self._identity = task.identity()
        self._learner = Learner(self._recipe, self._model, self._model.device)
        self._steps = steps_of(self._recipe, len(task.training))
        self._done, self._seconds, self._drawn = 0, 0.0, time.monotonic()
        self._rows: list[curves.Row] = []
        self._evaluations: list[Evaluation] = []

    def resume(self) -> None:
        """Take up the newest whole checkpoint, if there is one."""
        folder = checkpoint.newest(self._out)
        if folder is None:
            return
        state = checkpoint.read_state(folder)
        require_same(self._out, state["identity"], self._identity)
        groups = {name: checkpoint.read_tensors(folder, name) for name in state["files"]}
        self._learner.load(groups)
        self._done, self._seconds = int(state["step"]), float(state["seconds"])
        self._evaluations = [Evaluation(**one) for one in state["evaluations"]]
        rows = curves.read_csv(self._out / "curves.csv")
        self._rows = [row for row in rows if row[0] <= self._done]
        sys.stderr.write(f"continuing after step {self._done} of at most {self._steps}\n")

    def go(self) -> None:
        """Train to the last step, or until it is good enough.

        Raises:
            Interrupted: the user stopped it.
        """
        if self._over():
            return
        recipe, signals, before = self._recipe, Signals(), self._seconds
        with signals.watched():
            source, held = self._material.source(), self._material.held_out()
            progress = Progress(self._steps, images_per_step(recipe), self._done)
            steps = range(self._done, self._steps)
            for batches in ahead(source.step, steps, recipe.workers):
                terms = self._learner.step(self._done, batches, batches[-1])
                self._done += 1
                self._seconds = before + progress.seconds
                self._rows.append(curves.row(self._done, terms, recipe.weights))
                progress.tell(self._done, sum(self._rows[-1][1][1:]))
                self._look(held)
                self._keep(stopping=signals.stop)
                if self._over():
                    return
                if signals.stop:
                    raise Interrupted(
                        f"stopped after step {self._done} of at most {self._steps}; a checkpoint is in "
                        f"{self._out}. Run the same command again to continue"
                    )

    def finish(self) -> Path:
        """Write the generator, its card and provenance; say so if it is not good enough."""
        curves.draw(self._out / "curves.svg", self._rows)
        network = self._learner.averaged(self._material.calibration)
        card = write_card(self._out, self._name, self._task, network)
        write_training(self._out, self._task, self._about())
        forget(self._out)
        if self._recipe.stop is not None and not self._good_enough:
            sys.stderr.write(f"WARNING: {shortfall(self._evaluations[-1], self._recipe.stop)}\n")
        return card

    @property
    def _good_enough(self) -> bool:
        return met(self._evaluations, self._recipe.stop)

    def _over(self) -> bool:
        return self._good_enough or self._done >= self._steps

    def _look(self, held: HeldOut) -> None:
        """Evaluate and draw samples, if it is time to."""
        recipe, done = self._recipe, self._done
        if done % recipe.evaluate_every and done < self._steps:
            return
        network = self._learner.averaged(self._material.calibration)
        generator = Exaggeration(network)
        found = evaluate(done, generator, held, recipe.batch)
        self._evaluations.append(found)
        write_csv(self._out / "evaluations.csv", self._evaluations)
        sheet = self._out / "samples" / f"step-{done:06d}.png"
        some = slice(recipe.samples)
        draw_sheet(sheet, generator, held.pictures[some], held.own[some], held.device)
        sys.stderr.write(
            f"after step {done}: {found.consistency:.1%} of the pairs on both sides, reconstruction "
            f"{found.reconstruction:.4f}, cycle {found.cycle:.4f}\n"
        )
        if time.monotonic() - self._drawn > _DRAW_SECONDS:
            curves.draw(self._out / "curves.svg", self._rows)
            self._drawn = time.monotonic()

    def _keep(self, *, stopping: bool) -> None:
        """Write a checkpoint, if it is time to."""
        if not stopping and not self._over() and self._done % self._recipe.checkpoint_every:
            return
        curves.write_csv(self._out / "curves.csv", self._rows)
        groups = self._learner.tensors()
        state = {
            "identity": self._identity,
            "seconds": self._seconds,
            "evaluations": [asdict(one) for one in self._evaluations],
            "files": list(groups),
        }
        checkpoint.write(self._out, self._done, groups, state)

    def _about(self) -> dict[str, Any]:
        stop = self._recipe.stop
        return {
            "good_enough": None if stop is None else self._good_enough,
            "steps": self._done,
            "images": self._done * images_per_step(self._recipe),
            "seconds": round(self._seconds, 3),
            "device": str(self._model.device),
            "evaluation": asdict(self._evaluations[-1]) if self._evaluations else None,
        }
