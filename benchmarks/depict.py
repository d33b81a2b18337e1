r"""Generations and seconds of DEPICT's loop against ours, and whether both say the same (marked long).

    python benchmarks/depict.py --data shapes --generator shapes-diffusion \
        --classifier shapes-concepts --images 40

The loop of Jabbour et al., ECCV 2024, arXiv:2407.14509, section 3.2, permutes the captions and draws the
whole set again, P times per concept: N (1 + D P) images. With the noise of each image held fixed, N (1 + D)
images of binary concepts hold every permutation. Both are run here with the same generator, one after the
other; the loop's reference set is drawn once. Then, with fixed noise, the loop's images are compared with
ours, byte by byte; and, with the fresh noise of the timed loop, its mean importances with our intervals.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 found by the line above

from auditkit.benchmarking.gathering import permuted_concepts, truth  # noqa: E402 the same
from auditkit.benchmarking.targets import median_labels, random_weights  # noqa: E402 the same
from auditkit.data import load_data  # noqa: E402 the same
from auditkit.data.dataset import Dataset  # noqa: E402 the same
from auditkit.evidence import Evidence, Settings, Store  # noqa: E402 the same
from auditkit.evidence.concepts.drawer import Drawer, drawer_of  # noqa: E402 the same
from auditkit.evidence.concepts.kinds import Drawing  # noqa: E402 the same
from auditkit.evidence.concepts.naive import Permuted, naive_loop, random_orders  # noqa: E402 the same
from auditkit.evidence.concepts.plan import Plan, planned  # noqa: E402 the same
from auditkit.evidence.engine import Engine  # noqa: E402 the same
from auditkit.metrics.permutation_importance import permutation_importance  # noqa: E402 the same
from auditkit.models import load_model  # noqa: E402 the same
from auditkit.models.model import Model  # noqa: E402 the same
from auditkit.spec.catalogue import catalogue  # noqa: E402 the same
from auditkit.stats import auroc_point  # noqa: E402 the same

COUNTED = 500
CHECKED = 8


@dataclass
class Cost:
    """What was drawn, and what it took."""

    images: int = 0
    wall: float = 0.0
    cpu: float = 0.0


class Stopwatch:
    """Adds what a block draws and takes to a cost."""

    def __init__(self, drawer: Drawer, cost: Cost) -> None:
        self.drawer, self.cost = drawer, cost

    def __enter__(self) -> None:
        self.start = self.drawer.drawn, time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        drawn, wall, cpu = self.start
        self.cost.images += self.drawer.drawn - drawn
        self.cost.wall += time.perf_counter() - wall
        self.cost.cpu += time.process_time() - cpu


def ours(drawer: Drawer, plan: Plan, cost: Cost) -> dict[tuple[int, str], np.ndarray]:
    """Every image that the plan needs, by record and caption."""
    found = {}
    with Stopwatch(drawer, cost):
        for listed in plan.lists:
            captions = [item.caption for item in listed.items]
            drawn = drawer.draw(captions, [item.seed for item in listed.items])
            pairs = zip(listed.items, drawn["image"], strict=True)
            found |= {(item.record, item.caption): image for item, image in pairs}
    return found


def loop(
    drawer: Drawer,
    data: Dataset,
    images: int,
    name: str,
    permutations: int,
    cost: Cost,
    first: bool,
) -> Iterator[Permuted]:
    """The reference set and the permuted ones; only the first concept's reference is charged."""
    records = data.records[:images]
    orders = random_orders(images, permutations, seed=0)
    sets = naive_loop(drawer, data.card, records, (name,), orders)
    for place in range(permutations + 1):
        with Stopwatch(drawer, cost if place or first else Cost()):
            drawn = next(sets)
        yield drawn


def differing(drawer: Drawer, data: Dataset, images: dict, names: list[str]) -> tuple[int, int]:
    """Images of the loop under fixed noise that differ from ours, and how many were compared."""
    from auditkit.data.captions import caption

    records = data.records[:CHECKED]
    orders = random_orders(len(records), 2, seed=1)
    wrong = total = 0
    for name in names:
        sets = naive_loop(drawer, data.card, records, (name,), orders, fresh_noise=False)
        for drawn in sets:
            for row, donor in enumerate(drawn.order):
                said = caption(data.card, records[row], {name: records[donor].concepts[name]})
                total += 1
                wrong += not np.array_equal(drawn.drawn["image"][row], images[row, said])
    return wrong, total


def scores(model: Model, pictures: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of the first random target on drawn images."""
    import torch

    with torch.no_grad():
        answers = model.probabilities(model.prepare(list(pictures)))
    return answers.double().numpy() @ weights


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("data", "generator", "classifier"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--permutations", type=int, default=25)
    parser.add_argument("--cards", action="append", type=Path)
    given = parser.parse_args()
    cards = catalogue(given.cards or [ROOT / "fixtures"])
    data, generator = load_data(cards.data(given.data)), cards.generator(given.generator)
    settings = Settings(device="cpu")
    card = cards.model(given.classifier)
    evidence = Evidence(card, data, Engine(Store(Path())), settings, given.images)
    concepts, columns = permuted_concepts(evidence)
    model = load_model(card, "cpu")
    weights = np.zeros(len(evidence.classes or ()))
    weights[columns] = random_weights(1, len(concepts), 0)[0]
    labels = median_labels(truth(data.card, evidence.records, concepts), weights[columns])

    drawing = Drawing(generator.generator, tuple((name,) for name in concepts))
    drawer, plan = drawer_of(generator, settings), planned(evidence.records, data.card, drawing)
    drawer.draw([plan.plain[0]], [0])  # what is set up once is not charged to either
    mine, theirs = Cost(), Cost()
    images = ours(drawer, plan, mine)
    plain = scores(model, np.stack([images[i, said] for i, said in enumerate(plan.plain)]), weights)
    inside = []
    for place, (name, block) in enumerate(zip(concepts, plan.blocks, strict=True)):
        sets = loop(drawer, data, given.images, name, given.permutations, theirs, place == 0)
        areas = [auroc_point(labels, scores(model, one.drawn["image"], weights)) for one in sets]
        naive = areas[0] - float(np.mean(areas[1:]))
        pictures = np.stack(
            [images[i, said] for i, row in enumerate(block.captions) for said in row]
        )
        answers = scores(model, pictures, weights).reshape(given.images, -1)
        exact = permutation_importance(labels, plain, answers, block.own)
        inside.append(exact.low <= naive <= exact.high)
        print(
            f"{name}: fresh noise {naive:.3f}; ours {exact.value:.3f} [{exact.low:.3f}, {exact.high:.3f}]",
            flush=True,
        )
    wrong, total = differing(drawer, data, images, list(concepts))
    report(given, mine, theirs, len(concepts))
    print(f"fixed noise: {wrong} of {total} images of the loop differ from ours")
    print(f"fresh noise: {sum(inside)} of {len(inside)} mean importances inside our 95 % interval")
    return 0 if wrong == 0 else 1


def report(given: argparse.Namespace, mine: Cost, theirs: Cost, concepts: int) -> None:
    """Both costs and their ratios."""
    counted = given.images * (1 + concepts * COUNTED)
    print(f"{given.images} images, {concepts} concepts")
    print("| | images | wall s | CPU s |\n|---|---|---|---|")
    for name, cost in ((f"loop, P = {given.permutations}", theirs), ("ours", mine)):
        print(f"| {name} | {cost.images} | {cost.wall:.1f} | {cost.cpu:.1f} |")
    ratios = theirs.images / mine.images, theirs.wall / mine.wall, theirs.cpu / mine.cpu
    print(f"| ratio | {ratios[0]:.1f} | {ratios[1]:.1f} | {ratios[2]:.1f} |")
    print(f"| loop, P = {COUNTED}, counted | {counted} | | |")
    print(f"| ratio | {counted / mine.images:.1f} | | |")


if __name__ == "__main__":
    sys.exit(main())
