r"""Importance of concepts with the true renderer of synthetic dermoscopy: what `depict` should find.

Each picture is drawn again with one attribute absent or clearly there, nothing else changed; the expectation
over all permutations and its interval are those of the check. From the repository's root::

    python benchmarks/dermoscopy_renderer.py scanoma scanoma-next
"""

import argparse

import numpy as np
import torch

import auditkit
from auditkit.data.dataset import Dataset, Picture
from auditkit.evidence.interventions import generated
from auditkit.metrics import permutation_importance
from auditkit.models.model import Model

# Attribute of the generator, and the value at which it is clearly there.
CONCEPTS = {
    "pink tint": ("tint", 0.65),
    "hair": ("hair", 0.85),
    "blue-white veil": ("blue_white_veil", 0.8),
    "dark corner": ("dark_corner", 0.85),
}


def scores(model: Model, pictures: list[Picture]) -> np.ndarray:
    with torch.no_grad():
        parts = [
            model.probabilities(model.prepare(pictures[start : start + 50]))[:, -1].numpy()
            for start in range(0, len(pictures), 50)
        ]
    return np.concatenate(parts).astype(float)


def answers(
    model: Model, data: Dataset, name: str, plain: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (N, 2) without and with a concept, and which of them each picture has."""
    own = np.array([int(record.concepts[name]) for record in data.records])
    attribute, there = CONCEPTS[name]
    redraw = generated(data).intervened
    changed = [redraw(i, attribute, 0.0 if has else there) for i, has in enumerate(own)]
    other = scores(model, changed)
    return np.stack([np.where(own, other, plain), np.where(own, plain, other)], axis=1), own


def main() -> None:
    """Print one line per model and concept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+")
    data = auditkit.load_data("dermoscopy-concepts")
    labels = np.array([record.label for record in data.records])
    patients = [record.patient for record in data.records]
    pictures = [data.image(index) for index in range(len(data.records))]
    for name in parser.parse_args().models:
        model = auditkit.load_model(name)
        plain = scores(model, pictures)
        for concept in CONCEPTS:
            table, own = answers(model, data, concept, plain)
            e = permutation_importance(labels, plain, table, own, clusters=patients)
            print(
                f"{name}: {concept}: {e.value:.3f} [{e.low:.3f}, {e.high:.3f}], n = {e.n}",
                flush=True,
            )


if __name__ == "__main__":
    main()
