"""`auditkit train`: text-to-image models, counterfactual generators and classifiers. No torch at import."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from auditkit.spec.card_folders import card_folders
from auditkit.spec.counterfactual_card import Discriminator

# What is trained from a recipe alone.
_FROM_RECIPES: Mapping[str, str] = MappingProxyType(
    {
        "concepts": "a text-to-image model",
        "concept-classifier": "which concepts an image shows",
        "target": "a model that is known to rely on a concept",
    }
)
_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `auditkit train`."""
    kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    for what, text in _FROM_RECIPES.items():
        kind = kinds.add_parser(what, help=text)
        kind.add_argument("recipe", type=Path, metavar="RECIPE", help="a *.training.yaml")
        kind.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="folder of the run"
        )
        _add_common(kind)
    kind = kinds.add_parser(
        "counterfactual", help="what would change a model's mind about an image"
    )
    _add_counterfactual(kind)
    _add_common(kind)
    parser.set_defaults(run=run)


def _add_common(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    kind.add_argument(
        "--cards",
        action="append",
        type=Path,
        metavar="DIR",
        help="folder with cards of models and data (default: as pytest's audit_cards); repeatable",
    )


def _add_counterfactual(kind: argparse.ArgumentParser) -> None:
    kind.add_argument(
        "recipe",
        nargs="?",
        default="fast",
        metavar="RECIPE",
        help="a *.training.yaml, or: fast (default), degrave-2023 (the paper's)",
    )
    kind.add_argument("--model", metavar="NAME", help="name or card of the audited model")
    kind.add_argument("--data", metavar="NAME", help="name or card of the data to train on")
    kind.add_argument("--seed", type=int, metavar="N", help="another training (default: 0)")
    kind.add_argument("--discriminator", choices=get_args(Discriminator))
    kind.add_argument("--images", type=int, metavar="N", help="only the first images of the data")
    kind.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder of the run (default: counterfactuals/NAME in the first folder with cards)",
    )


def run(given: argparse.Namespace) -> int:
    """Train; returns the exit status: 0, or 130 if the user interrupted it."""
    cards = tuple(given.cards or card_folders())
    try:
        card = _train(given, cards)
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"\nauditkit: {stopped or 'interrupted'}\n")
        return _INTERRUPTED
    sys.stdout.write(f"{card}\n")
    return 0


def _train(given: argparse.Namespace, cards: tuple[Path, ...]) -> Path:
    if given.what == "counterfactual":
        return _train_counterfactual(given, cards)
    asked: tuple[Path, Path, tuple[Path, ...], str] = (given.recipe, given.out, cards, given.device)
    if given.what == "concepts":
        from auditkit.training.diffusion import train_concepts

        return train_concepts(*asked)
    if given.what == "concept-classifier":
        from auditkit.training.classifier import train_classifier

        return train_classifier(*asked)
    from auditkit.training.target import train_target

    return train_target(*asked)


def _train_counterfactual(given: argparse.Namespace, cards: tuple[Path, ...]) -> Path:
    from auditkit.training.counterfactual.asked import asked_recipe

    keys = ("model", "data", "seed", "discriminator", "images")
    recipe = asked_recipe(given.recipe, {key: getattr(given, key) for key in keys}, cards)

    from auditkit.training.counterfactual.run import train_counterfactual

    return train_counterfactual(recipe, given.out, cards, given.device)
