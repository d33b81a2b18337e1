"""A process' models and data sets, each loaded once, and evidence made of them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from auditkit.data import Dataset, load_data
from auditkit.evidence.engine import Engine
from auditkit.evidence.evidence import Evidence
from auditkit.evidence.kinds import Settings
from auditkit.evidence.peers import Peers
from auditkit.evidence.portable import Recipe
from auditkit.models.identity import label_indices
from auditkit.spec.beside import Beside
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from auditkit.models.model import Model


@dataclass
class Workroom:
    """Makes evidence from cards.

    Attributes:
        engine: gathers it.
        settings: how it is computed.
    """

    engine: Engine
    settings: Settings = field(default_factory=Settings)
    _models: "dict[str, Model]" = field(default_factory=dict)
    _loading: threading.Lock = field(default_factory=threading.Lock)
    _data: dict[tuple[str, ...], Dataset] = field(default_factory=dict)

    def evidence(
        self,
        card: ModelCard,
        data: DataCard,
        images: int | None = None,
        beside: Beside | None = None,
    ) -> Evidence:
        """Evidence of a model on (the first images of) a data set, and of what is named beside them."""
        return self.restored(Recipe(card, data, images, beside or Beside()))

    def restored(self, recipe: Recipe) -> Evidence:
        """The evidence that a recipe is of."""
        named = recipe.beside
        owner = recipe.owner or recipe.card
        models = {
            name: partial(self._plain, replace(recipe, card=other, owner=owner))
            for name, other in named.others.items()
        }
        return self._plain(recipe, replace(Peers.of(named), models=models))

    def _plain(self, recipe: Recipe, peers: Peers | None = None) -> Evidence:
        """Evidence without the other models, unless they are given."""
        dataset = self.dataset(recipe.data, recipe.owner or recipe.card)
        card, images, named = recipe.card, recipe.images, recipe.beside
        siblings = {
            name: partial(self.evidence, recipe.owner or card, other, images)
            for name, other in named.data.items()
        }
        peers = peers or Peers.of(named)
        own = self._models_of(card)
        return Evidence(
            card, dataset, self.engine, self.settings, images, own, siblings, peers, recipe
        )

    def _models_of(self, card: ModelCard) -> "Callable[[], Model]":
        """A function that gives each thread a model of its own; the network is loaded once."""

        def own() -> "Model":
            from auditkit.models import load_model

            with self._loading:
                if card.model not in self._models:
                    settings = self.settings
                    self._models[card.model] = load_model(card, settings.device, settings.precision)
                return self._models[card.model].copy()

        return own

    def dataset(self, data: DataCard, card: ModelCard) -> Dataset:
        """The data set, with labels held to the model's classes."""
        labels = label_indices(card)
        key = (str(data.path), data.digest, *map(str, (labels or {}).items()))
        if key not in self._data:
            self._data[key] = load_data(data, labels)
        return self._data[key]
