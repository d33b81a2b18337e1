r"""Negative controls of concept permutation on synthetic shapes: what must be caught, or not claimed.

A concept that the model ignores; a phrase that the generator does not know, so
that its concept is not drawn; phrases that bring another concept along. From the repository's root::

    python benchmarks/depict_controls.py
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import auditkit
from auditkit.data.dataset import Dataset
from auditkit.findings import Findings
from auditkit.spec.catalogue import catalogue
from auditkit.training.bottlenecks import write_weighted

LAST = "blue rectangle"
# The last concept is ignored.
WEIGHTS = (0.9, 0.6, 0.45, 0.3, 0.15, 0.0)
DRAWN = {"generator": "shapes-diffusion"}
JUDGED = {**DRAWN, "classifier": "shapes-concepts"}


def data_with(phrases: Mapping[str, str], weights: Sequence[float] = WEIGHTS) -> Dataset:
    """The shapes with other phrases for some concepts, and labels of a target model."""
    card = catalogue([Path("fixtures")]).data("shapes")
    concepts = [
        concept.model_copy(update={"phrases": {"1": phrases[concept.name]}})
        if concept.name in phrases
        else concept
        for concept in card.concepts
    ]
    assert card.with_ is not None
    options = card.with_.model_copy(update={"weights": list(weights)})
    return auditkit.load_data(card.model_copy(update={"concepts": concepts, "with_": options}))


def target(folder: Path) -> Path:
    """A concept-bottleneck model with those weights."""
    classifier = catalogue([Path("fixtures")]).model("shapes-concepts")
    return write_weighted(classifier, WEIGHTS, -sum(WEIGHTS) / 2, "target", folder)


def told(findings: Findings, name: str) -> str:
    """A measurement in words."""
    found = findings[name]
    if found.estimate is None:
        return f"{name}: {found.reason}"
    e = found.estimate
    return f"{name}: {e.value:.4f} [{e.low:.4f}, {e.high:.4f}], n = {e.n}"


def main() -> None:
    """Print what each control gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--images", type=int, default=500, help="of the importance of what is ignored"
    )
    parser.add_argument("--caught", type=int, default=100, help="images of what must be caught")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = auditkit.load_model(target(Path(folder)))
        judged = {**JUDGED, "concepts": [LAST], "images": given.caught}
        plain = data_with({})
        ignored = {"concepts": [LAST], "images": given.images}
        print("a concept that the model ignores")
        print(told(auditkit.run("depict", model, plain, **DRAWN, **ignored), f"importance[{LAST}]"))
        print("a phrase that the generator does not know", flush=True)
        unknown = data_with({LAST: "purple star"})
        found = auditkit.run("effective-generation", model, unknown, **judged)
        print(
            told(found, f"generated_auroc[{LAST}]"),
            told(found, "largest_gap"),
            sep="\n",
            flush=True,
        )
        both = "blue rectangle {place of blue rectangle}, green circle {place of green circle}"
        for title, data in (
            ("a phrase that brings another concept along", data_with({LAST: both})),
            ("the same concepts as they are", plain),
        ):
            found = auditkit.run(
                "independent-permutation", model, data, **judged, judged=["green circle"]
            )
            print(title)
            print(
                told(found, "largest_off_diagonal"),
                told(found, "largest_effect"),
                sep="\n",
                flush=True,
            )


if __name__ == "__main__":
    main()
