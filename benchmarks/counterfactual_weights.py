r"""What the weight of reconstruction and cycle does to counterfactuals (marked long).

    python benchmarks/counterfactual_weights.py --model modelderm-2018 --data dermoscopy-training --out sweep

As in Supplementary Fig. 7 of DeGrave et al. 2023 (doi:10.1038/s41551-023-01160-9): 100 is what the method was
first published with (arXiv:1911.00483), 3 what the paper chose. One generator per weight, all else equal; the
other terms have the weight 1, as in the paper. Writes `weights.png`, a row per held-out image with its benign
and malignant counterfactual at each weight, and `weights.csv` with what was measured on held-out images. A
run that was interrupted is continued.
"""

import argparse
import csv
import os
import sys
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 found by the line above
import torch  # noqa: E402 the same
from PIL import Image, ImageDraw  # noqa: E402 the same

from auditkit.models import load_model  # noqa: E402 the same
from auditkit.models.counterfactuals.exaggeration import Exaggeration  # noqa: E402 the same
from auditkit.spec.catalogue import (  # noqa: E402 the same
    Catalogue,
    catalogue,
    read_counterfactual_card,
)
from auditkit.spec.training_counterfactual import CounterfactualTraining  # noqa: E402 the same
from auditkit.training.counterfactual.evaluation import Evaluation, evaluate  # noqa: E402 the same
from auditkit.training.counterfactual.images import as_input, as_pictures  # noqa: E402 the same
from auditkit.training.counterfactual.material import Material  # noqa: E402 the same
from auditkit.training.counterfactual.run import train_counterfactual  # noqa: E402 the same
from auditkit.training.counterfactual.task import task_of  # noqa: E402 the same

WEIGHTS = (100.0, 30.0, 10.0, 3.0, 1.0)
GAP, HEAD = 4, 16


def recipe(given: argparse.Namespace, weight: float) -> CounterfactualTraining:
    """All terms have the weight 1 but these two."""
    return CounterfactualTraining.model_validate(
        {
            "name": f"{given.model}-weight-{weight:g}",
            "model": given.model,
            "data": given.data,
            "images": given.images,
            "seed": given.seed,
            "weights": {"gan": 1, "classifier": 1, "reconstruction": weight, "cycle": weight},
            "steps": given.steps,
            "evaluate_every": given.steps,
            "stop": None,
        }
    )


def trained(
    given: argparse.Namespace, cards: Catalogue, folders: list[Path], weight: float
) -> tuple[Evaluation, np.ndarray]:
    """What a weight's generator is like, and its pictures of some images: (n, 3, S, S, 3)."""
    said, folder = recipe(given, weight), given.out / f"{weight:g}"
    file = train_counterfactual(said, folder, folders, "cpu")
    generator = Exaggeration.from_card(read_counterfactual_card(file), torch.device("cpu"))
    task = task_of(said, cards)
    held = Material(task, load_model(task.model, "cpu"), folder).held_out()
    found = evaluate(given.steps, generator, held, said.batch)
    pictures, scores = held.pictures[: given.rows], held.own[: given.rows]
    images = as_input(pictures)
    ends = [
        as_pictures(generator.generate(images, torch.full((len(images),), end), scores))
        for end in (0, generator.bins - 1)
    ]
    return found, np.stack([pictures, *ends], axis=1)


def draw(file: Path, shown: dict[float, np.ndarray]) -> None:
    """A row per image: the image, then benign and malignant at each weight."""
    first = next(iter(shown.values()))
    rows, _, side = first.shape[:3]
    columns = [("image", first[:, 0])]
    for weight, pictures in shown.items():
        columns += [(f"{weight:g} benign", pictures[:, 1]), ("malignant", pictures[:, 2])]
    step = side + GAP
    sheet = Image.new("RGB", (step * len(columns), HEAD + step * rows), "white")
    text = ImageDraw.Draw(sheet)
    for place, (name, pictures) in enumerate(columns):
        text.text((place * step, 2), name, fill="black")
        for row, picture in enumerate(pictures):
            sheet.paste(Image.fromarray(picture), (place * step, HEAD + row * step))
    sheet.save(file)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="modelderm-2018")
    parser.add_argument("--data", default="dermoscopy-training")
    parser.add_argument("--out", type=Path, required=True, help="folder for figure, table and runs")
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    parser.add_argument("--steps", type=int, default=600, help="of each generator's training")
    parser.add_argument("--images", type=int, help="only the first ones of the data")
    parser.add_argument("--rows", type=int, default=6, help="images in the figure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cards", action="append", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    folders = given.cards or [ROOT / "fixtures"]
    cards, shown, found = catalogue(folders), {}, []
    given.out.mkdir(parents=True, exist_ok=True)
    for weight in given.weights:
        evaluation, shown[weight] = trained(given, cards, folders, weight)
        found.append({"weight": weight, **asdict(evaluation)})
        print(
            f"{weight:5g}: {evaluation.consistency:.1%} of the pairs, change {evaluation.change:.4f}, "
            f"reconstruction {evaluation.reconstruction:.4f}",
            flush=True,
        )
    with (given.out / "weights.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(found[0]))
        table.writeheader()
        table.writerows(found)
    draw(given.out / "weights.png", shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
