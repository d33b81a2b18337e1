"""The command ``auditkit depict-benchmark``: cards in, benchmark.json out. Torch is not imported here."""

import argparse
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditkit.benchmarking.recipe import Recipe
from auditkit.errors import AuditError
from auditkit.spec.card_folders import card_folders
from auditkit.spec.catalogue import Catalogue, catalogue
from auditkit.spec.data_card import DataCard
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from auditkit.benchmarking.gathering import Source
    from auditkit.benchmarking.result import BenchmarkResult
    from auditkit.evidence.kinds import Settings
    from auditkit.models.model import Model

STORE: Final = Path(".auditkit/store")
_RECIPE: Final = Recipe()
_NUMBERS: Final = {
    "targets": "random target models; with --target, none",
    "images": "the first images of the data set",
    "seed": "of weights, noise, permutations and resamples",
    "permutations": "sampled permutations that boxplots show",
    "heatmaps": "images that Grad-CAM and LIME are asked about; 0 leaves them out",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    for name, what in (
        ("data", "data set with concepts"),
        ("generator", "text-to-image model"),
        ("classifier", "model that recognises the concepts"),
    ):
        parser.add_argument(
            f"--{name}", required=True, metavar="CARD", help=f"{what}: name or path"
        )
    parser.add_argument(
        "--target",
        action="append",
        metavar="CARD",
        help="concept-bottleneck model instead of random ones; repeatable",
    )
    for name, what in _NUMBERS.items():
        default = getattr(_RECIPE, name)
        help_text = f"{what} (default: {default})"
        parser.add_argument(f"--{name}", type=int, default=None, metavar="N", help=help_text)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where results go")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help=f"folder of the evidence store (default: {STORE})"
    )
    parser.add_argument(
        "--cards",
        action="append",
        type=Path,
        metavar="DIR",
        help="folder with cards (default: as pytest's audit_cards); repeatable",
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Compute the benchmark and write benchmark.json; exit status 0.

    Raises:
        AuditError: cards are missing or do not fit one another.
    """
    recipe = _recipe(given)
    cards = _cards(given)
    _check_places(given.out, cards.generator)
    from auditkit.benchmarking.compute import benchmark
    from auditkit.benchmarking.result import write
    from auditkit.evidence.kinds import Settings
    from auditkit.models.networks import device_of

    settings = Settings(device=device_of("auto").type)
    source = _source(cards, given.store or STORE, settings, recipe)
    result = benchmark(source, recipe, cards.digests, settings.device)
    write(result, given.out)
    sys.stdout.write(summary(result))
    return 0


def _check_places(out: Path, generator: GeneratorCard) -> None:
    """What would only be noticed after the models have answered."""
    from auditkit.models.diffusion.folder import pipeline_digest

    if out.exists() and not out.is_dir():
        raise AuditError(f"--out {out} is no folder; name one, which need not exist yet")
    try:
        pipeline_digest(generator)
    except AuditError as error:
        raise AuditError(
            f"generator '{generator.generator}' ({generator.path}): {error}"
        ) from error


def summary(result: "BenchmarkResult") -> str:
    """The correlations, a line each."""
    lines = [
        f"{one.method} against {one.oracle}: {one.pearson.wording}\n" for one in result.agreement
    ]
    return "".join(lines)


@dataclass(frozen=True)
class _Cards:
    """What a benchmark names."""

    data: DataCard
    generator: GeneratorCard
    classifier: ModelCard
    targets: Sequence[ModelCard]

    @property
    def digests(self) -> Mapping[str, str]:
        """The sha256 of each card."""
        models = {f"model {card.model}": card.digest for card in (self.classifier, *self.targets)}
        data = {f"data {self.data.data}": self.data.digest}
        return {**data, f"generator {self.generator.generator}": self.generator.digest, **models}


def _recipe(given: argparse.Namespace) -> Recipe:
    numbers = {name: getattr(given, name) for name in _NUMBERS if getattr(given, name) is not None}
    if given.target:
        if given.targets:
            raise AuditError("--targets are random models, --target is a card; give one of them")
        numbers["targets"] = 0
    elif numbers.get("targets", _RECIPE.targets) < 1:
        raise AuditError(
            f"--targets {given.targets}: give --target CARD, or 1 random target at least"
        )
    return Recipe(**numbers)


def _cards(given: argparse.Namespace) -> _Cards:
    known = _catalogue(given.cards)
    cards = _Cards(
        known.data(given.data),
        known.generator(given.generator),
        known.model(given.classifier),
        [known.model(name) for name in given.target or ()],
    )
    named: list[GeneratorCard | ModelCard] = [cards.generator, cards.classifier, *cards.targets]
    for card in named:
        if card.task != cards.data.task:
            raise AuditError(
                f"{card.path} is about {card.task}, data set '{cards.data.data}' about "
                f"{cards.data.task}; they must have the same task"
            )
    return cards


def _catalogue(folders: Sequence[Path] | None) -> Catalogue:
    for folder in folders or ():
        if not folder.is_dir():
            raise AuditError(f"--cards {folder} is not a folder")
    return catalogue(folders or card_folders())


class _Models:
    """Models by card, each loaded once; every thread has a copy of its own."""

    def __init__(self, device: str, precision: str) -> None:
        self._settings = device, precision
        self._loaded: dict[str, Model] = {}
        self._loading = threading.Lock()

    def __call__(self, card: ModelCard) -> "Model":
        from auditkit.models import load_model

        with self._loading:
            if card.model not in self._loaded:
                self._loaded[card.model] = load_model(card, *self._settings)
            return self._loaded[card.model].copy()


def _source(cards: _Cards, store: Path, settings: "Settings", recipe: Recipe) -> "Source":
    from auditkit.benchmarking.gathering import Source
    from auditkit.data import load_data
    from auditkit.evidence import Evidence, Peers, Store
    from auditkit.evidence.engine import Engine, threads
    from auditkit.models.identity import label_indices

    engine = Engine(Store(store), threads() if settings.device == "cpu" else 1, _progress)
    models = _Models(settings.device, settings.precision)
    peers = Peers(generators={cards.generator.generator: cards.generator})
    data = load_data(
        cards.data, label_indices(cards.targets[0] if cards.targets else cards.classifier)
    )

    def of(card: ModelCard) -> Evidence:
        own: Callable[[], Model] = partial(models, card)
        return Evidence(card, data, engine, settings, recipe.images, own, None, peers)

    name = cards.generator.generator
    return Source(of(cards.classifier), [of(card) for card in cards.targets], name, models)


def _progress(stage: str, done: int, total: int, seconds: float) -> None:
    sys.stderr.write(f"{stage}: {done} of {total} shards, {seconds:.0f} s\n")
