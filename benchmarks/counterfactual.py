r"""CPU time until counterfactuals change a model's mind: our recipe against the paper's (marked long).

    taskset -c 0 python benchmarks/counterfactual.py --model scanoma --data dermoscopy-training

Both recipes train a generator for the same model on the same images and are evaluated on the same held-out
ones, with averaged weights (the paper's recipe: the last ones) and norms taken anew. The time is that of the
process's CPU for training steps and their images, without evaluations, until at two evaluations in a row 95 %
of the pairs lie on both sides of the threshold and the reconstruction error is at most 0.01. The paper's
recipe (DeGrave et al. 2023, doi:10.1038/s41551-023-01160-9) is narrowed to the width of our generator and
discriminator, and stopped at ten times our time. Then, steps of the paper's networks at full size are timed.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402 found by the line above

from auditkit.models import load_model  # noqa: E402 the same
from auditkit.models.counterfactuals.exaggeration import Exaggeration  # noqa: E402 the same
from auditkit.models.model import Model  # noqa: E402 the same
from auditkit.spec.catalogue import Catalogue, catalogue  # noqa: E402 the same
from auditkit.spec.training_counterfactual import (  # noqa: E402 the same
    PAPER,
    CounterfactualTraining,
    Stop,
)
from auditkit.training.counterfactual.batches import Source  # noqa: E402 the same
from auditkit.training.counterfactual.evaluation import (  # noqa: E402 the same
    Evaluation,
    HeldOut,
    evaluate,
    met,
)
from auditkit.training.counterfactual.learner import Learner  # noqa: E402 the same
from auditkit.training.counterfactual.material import Material  # noqa: E402 the same
from auditkit.training.counterfactual.task import Task, task_of  # noqa: E402 the same

GOOD = Stop(consistency=0.95, reconstruction=0.01, times=2)
TIMES = 10


@dataclass
class Side:
    """One recipe in the race.

    Attributes:
        name: for people.
        recipe: how it trains.
        seconds: of CPU in its steps.
        steps: done.
        evaluations: in order.
    """

    name: str
    recipe: CounterfactualTraining
    seconds: float = 0.0
    steps: int = 0
    evaluations: list[Evaluation] = field(default_factory=list)

    @property
    def reached(self) -> bool:
        """Whether it was good enough."""
        return met(self.evaluations, GOOD)


class Race:
    """What a recipe is given: the model, its images, and time."""

    def __init__(self, side: Side, cards: Catalogue, model: Model, folder: Path) -> None:
        self.side, recipe = side, side.recipe
        found = task_of(recipe, cards)
        task = Task(recipe, model.card, found.data, found.training, found.held_out)
        material = Material(task, model, folder)
        self.source: Source = material.source()
        self.held: HeldOut = material.held_out()
        self.calibration = material.calibration
        self.learner = Learner(recipe, model, model.device)

    def run(self, every: float, most: float) -> None:
        """Train until it is good enough or ``most`` seconds are spent; evaluate after each ``every``."""
        side, due = self.side, every
        while side.seconds < most:
            self.step()
            if side.seconds >= due:
                due = max(due + every, side.seconds)
                self.look()
                if side.reached:
                    return

    def step(self) -> None:
        """One more step, timed."""
        start = time.process_time()
        batches = self.source.step(self.side.steps)
        self.learner.step(self.side.steps, batches, batches[-1])
        self.side.seconds += time.process_time() - start
        self.side.steps += 1

    def look(self) -> None:
        """Evaluate."""
        side = self.side
        generator = Exaggeration(self.learner.averaged(self.calibration))
        found = evaluate(side.steps, generator, self.held, 16)
        side.evaluations.append(found)
        sys.stderr.write(
            f"{side.name}: {side.seconds:.0f} s, {side.steps} steps, {found.consistency:.1%} of the pairs, "
            f"reconstruction {found.reconstruction:.4f}, cycle {found.cycle:.4f}\n"
        )


def recipes(given: argparse.Namespace) -> tuple[Side, Side, Side]:
    """Ours, the paper's narrowed to our width, and the paper's."""
    base: dict[str, Any] = {"model": given.model, "data": given.data, "seed": given.seed}
    base |= {"images": given.images, "workers": 1}
    ours = CounterfactualTraining.model_validate(base)
    base["recipe"] = PAPER
    paper = CounterfactualTraining.model_validate(base)
    width = ours.network.width
    base |= {"network": {"width": width}, "discriminator_width": ours.discriminator_width}
    narrow = CounterfactualTraining.model_validate(base)
    return (
        Side("ours", ours),
        Side(f"{PAPER}, width {width}", narrow),
        Side(f"{PAPER}, width {paper.network.width}", paper),
    )


def model_of(cards: Catalogue, given: argparse.Namespace) -> Model:
    """The audited model; at another input size, if one is given."""
    card = cards.model(given.model)
    if given.size:
        card = card.model_copy(update={"input": card.input.model_copy(update={"size": given.size})})
    return load_model(card, "cpu")


def parameters(network: torch.nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="scanoma")
    parser.add_argument("--data", default="dermoscopy-training")
    parser.add_argument("--size", type=int, help="of the images; left out: the model's input size")
    parser.add_argument("--images", type=int, help="only the first ones of the data")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--every", type=float, default=10.0, help="CPU seconds between evaluations of ours"
    )
    parser.add_argument("--most", type=float, default=1200.0, help="CPU seconds for ours")
    parser.add_argument(
        "--full-steps", type=int, default=1, help="timed steps of the full-size networks"
    )
    parser.add_argument("--cards", action="append", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cards = catalogue(given.cards or [ROOT / "fixtures"])
    model = model_of(cards, given)
    sides = recipes(given)
    with tempfile.TemporaryDirectory() as folder:
        races = [Race(side, cards, model, Path(folder)) for side in sides]
        races[0].run(given.every, given.most)
        most = TIMES * sides[0].seconds
        # Seldom enough that evaluations, which are not timed, do not take longer than the training.
        races[1].run(max(given.every, most / 40), most)
        for _ in range(given.full_steps):
            races[2].step()
        report(races, most)
    return 0 if sides[0].reached else 1


def report(races: list[Race], most: float) -> None:
    """Print what was found."""
    ours = races[0].side
    print(
        f"{'recipe':28}{'generator':>11}{'discrim.':>11}{'steps':>7}{'s/step':>9}{'CPU s':>8}  end"
    )
    for race in races:
        side, learner = race.side, race.learner
        each = side.seconds / max(side.steps, 1)
        sizes = f"{parameters(learner.generator):11,}{parameters(learner.discriminator):11,}"
        print(
            f"{side.name:28}{sizes}{side.steps:7}{each:9.2f}{side.seconds:8.0f}  {end(side, most)}"
        )
    narrow, full = races[1].side, races[2].side
    if ours.reached:
        sign = "" if narrow.reached else "at least "
        ratio = narrow.seconds / ours.seconds
        print(f"{narrow.name} takes {sign}{ratio:.1f} times our time to {GOOD.consistency:.0%}")
    else:
        print(
            f"ours did not get to {GOOD.consistency:.0%}: nothing to compare; give it more with --most"
        )
    if full.steps and ours.steps:
        ratio = (full.seconds / full.steps) / (ours.seconds / ours.steps)
        print(f"a step of {full.name} takes {ratio:.0f} times a step of ours")


def end(side: Side, most: float) -> str:
    """How a side's training ended."""
    if not side.evaluations:
        return "timed only"
    last = side.evaluations[-1]
    best = max(one.consistency for one in side.evaluations)
    state = "reached" if side.reached else f"stopped at {most:.0f} s, best {best:.1%}"
    return f"{state}: {last.consistency:.1%} of the pairs, reconstruction {last.reconstruction:.4f}"


if __name__ == "__main__":
    sys.exit(main())
