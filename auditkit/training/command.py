"""`auditkit train`: text-to-image models, concept classifiers and target models. No torch at import."""

import argparse
import sys
from pathlib import Path

WHAT = ("concepts", "concept-classifier", "target")
_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `auditkit train`."""
    parser.add_argument("what", choices=WHAT, help="what to train")
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a *.training.yaml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument(
        "--cards",
        action="append",
        type=Path,
        metavar="DIR",
        help="folder with data cards (default: fixtures); repeatable",
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Train; returns the exit status: 0, or 130 if the user interrupted it."""
    cards = tuple(given.cards or [Path("fixtures")])
    try:
        card = _train(given.what, given.recipe, given.out, cards, given.device)
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"\nauditkit: {stopped or 'interrupted'}\n")
        return _INTERRUPTED
    sys.stdout.write(f"{card}\n")
    return 0


def _train(what: str, recipe: Path, out: Path, cards: tuple[Path, ...], device: str) -> Path:
    if what == "concepts":
        from auditkit.training.diffusion import train_concepts

        return train_concepts(recipe, out, cards, device)
    if what == "concept-classifier":
        from auditkit.training.classifier import train_classifier

        return train_classifier(recipe, out, cards, device)
    from auditkit.training.target import train_target

    return train_target(recipe, out, cards, device)
