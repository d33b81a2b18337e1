"""Everything a spec can name: checks, model cards, data cards. Nothing heavy is imported."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from auditkit.errors import AuditError
from auditkit.spec.answers_card import ANSWERS_SUFFIX, AnswersCard
from auditkit.spec.assessment import AssessmentCard
from auditkit.spec.counterfactual_card import COUNTERFACTUAL_SUFFIX, CounterfactualCard
from auditkit.spec.data_card import DataCard
from auditkit.spec.declaration import CheckDeclaration
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.dossier import with_dossier
from auditkit.spec.fallback import settled
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.model_card import ModelCard
from auditkit.spec.plugins import CHECKS, declared
from auditkit.spec.problems import Problem, SpecError, nearest
from auditkit.spec.ratings_card import RatingsCard
from auditkit.spec.regular import is_file, is_folder
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import typed

MODEL_SUFFIX, DATA_SUFFIX, GENERATOR_SUFFIX = ".model.yaml", ".data.yaml", ".generator.yaml"
ASSESSMENT_SUFFIX, RATINGS_SUFFIX = ".assessment.yaml", ".ratings.yaml"
CARDS = (
    MODEL_SUFFIX,
    DATA_SUFFIX,
    GENERATOR_SUFFIX,
    ASSESSMENT_SUFFIX,
    RATINGS_SUFFIX,
    COUNTERFACTUAL_SUFFIX,
    ANSWERS_SUFFIX,
)

Card = TypeVar(
    "Card",
    ModelCard,
    DataCard,
    GeneratorCard,
    AssessmentCard,
    RatingsCard,
    CounterfactualCard,
    AnswersCard,
)
AnyCard = (
    ModelCard
    | DataCard
    | GeneratorCard
    | AssessmentCard
    | RatingsCard
    | CounterfactualCard
    | AnswersCard
)


@cache
def checks() -> Mapping[str, CheckDeclaration]:
    """The shipped checks and those of installed plug-in packages.

    A plug-in package registers a `CheckDeclaration` under the entry-point group ``auditkit.checks``.
    """
    found = dict(SHIPPED)
    for entry, declaration in declared(CHECKS):
        if not isinstance(declaration, CheckDeclaration):
            raise AuditError(
                f"entry point '{entry.name}' in {CHECKS} is not a CheckDeclaration; mend or remove "
                f"the package that declares it ({entry.value})"
            )
        if declaration.name in found:
            raise AuditError(f"two packages declare the check '{declaration.name}'; remove one")
        found[declaration.name] = declaration
    return dict(sorted(found.items()))


def read_model_card(path: Path) -> ModelCard:
    """A model card from its file, settled on the device's own files or its stand-in."""
    return settled(_read(path, ModelCard))


def read_unsettled(path: Path) -> ModelCard:
    """A model card as it is written, whether or not the device's own files are there."""
    return _read(path, ModelCard)


def read_data_card(path: Path) -> DataCard:
    """A data card from its file."""
    return _read(path, DataCard)


def read_generator_card(path: Path) -> GeneratorCard:
    """A generator card from its file."""
    return _read(path, GeneratorCard)


def read_assessment(path: Path) -> AssessmentCard:
    """A recorded assessment from its file."""
    return _read(path, AssessmentCard)


def read_ratings_card(path: Path) -> RatingsCard:
    """The card of a table of ratings from its file."""
    return _read(path, RatingsCard)


def read_answers_card(path: Path) -> AnswersCard:
    """The card of an expert study's answers from its file."""
    return _read(path, AnswersCard)


def read_counterfactual_card(path: Path) -> CounterfactualCard:
    """The card of a counterfactual generator from its file."""
    return _read(path, CounterfactualCard)


def _read(path: Path, kind: type[Card]) -> Card:
    document = read_yaml(path)
    card = with_dossier(typed(document, kind), document)
    return card.model_copy(update={"path": path.resolve(), "digest": document.digest})


@dataclass(frozen=True)
class Catalogue:
    """Cards of models, data, generators, assessments, ratings and counterfactuals, by name."""

    folders: tuple[Path, ...]
    _seen: dict[str, dict[str, AnyCard]] = field(default_factory=dict, repr=False)

    def model(self, name: str) -> ModelCard:
        """The model card of that name, or at that path, settled on its files or its stand-in."""
        return settled(self.unsettled_model(name))

    def unsettled_model(self, name: str) -> ModelCard:
        """The same as it is written: also if only some of the device's files are there."""
        return self._find(name, ModelCard, MODEL_SUFFIX, "model")

    def data(self, name: str) -> DataCard:
        """The data card of that name, or at that path."""
        return self._find(name, DataCard, DATA_SUFFIX, "data set")

    def generator(self, name: str) -> GeneratorCard:
        """The generator card of that name, or at that path."""
        return self._find(name, GeneratorCard, GENERATOR_SUFFIX, "generator")

    def assessment(self, name: str) -> AssessmentCard:
        """The recorded assessment of that name, or at that path."""
        return self._find(name, AssessmentCard, ASSESSMENT_SUFFIX, "assessment")

    def ratings(self, name: str) -> RatingsCard:
        """The card of the table of ratings of that name, or at that path."""
        return self._find(name, RatingsCard, RATINGS_SUFFIX, "table of ratings")

    def answers(self, name: str) -> AnswersCard:
        """The card of the expert study's answers of that name, or at that path."""
        return self._find(name, AnswersCard, ANSWERS_SUFFIX, "expert study")

    def models(self) -> dict[str, ModelCard]:
        """All model cards by name, as they are written: a broken one is no hindrance to others."""
        return self._all(ModelCard, MODEL_SUFFIX)

    def data_sets(self) -> dict[str, DataCard]:
        """All data cards by name."""
        return self._all(DataCard, DATA_SUFFIX)

    def generators(self) -> dict[str, GeneratorCard]:
        """All generator cards by name."""
        return self._all(GeneratorCard, GENERATOR_SUFFIX)

    def counterfactuals(self) -> dict[str, CounterfactualCard]:
        """All cards of counterfactual generators by name."""
        return self._all(CounterfactualCard, COUNTERFACTUAL_SUFFIX)

    def _find(self, name: str, kind: type[Card], suffix: str, word: str) -> Card:
        if "/" in name or name.endswith((".yaml", ".yml")):
            path = Path(name)
            if not is_file(path):
                raise AuditError(f"{word} card {path} does not exist; give a card's path or name")
            return _read(path, kind)
        known = self._all(kind, suffix)
        if name not in known:
            where = ", ".join(str(folder) for folder in self.folders) or "no folder"
            raise AuditError(
                f"unknown {word} '{name}'; {nearest(name, known)} "
                f"(cards are looked for as *{suffix} below: {where})"
            )
        return known[name]

    def _all(self, kind: type[Card], suffix: str) -> dict[str, Card]:
        if suffix not in self._seen:
            cards: dict[str, AnyCard] = {}
            for path in self._files(suffix):
                card = _read(path, kind)
                name = _name(card)
                if name in cards:
                    message = f"'{name}' is already the name of {cards[name].path}; rename one"
                    raise SpecError([Problem(path, 1, message)])
                cards[name] = card
            self._seen[suffix] = cards
        return {name: card for name, card in self._seen[suffix].items() if isinstance(card, kind)}

    def _files(self, suffix: str) -> Iterator[Path]:
        for folder in self.folders:
            yield from sorted(folder.rglob(f"*{suffix}"))


def _name(card: AnyCard) -> str:
    """The key under which a card has its own name is its kind."""
    # Some name their model and data as well, so that their own key is asked for first.
    for kind in (
        "answers",
        "assessment",
        "ratings",
        "counterfactual",
        "model",
        "data",
        "generator",
    ):
        name = getattr(card, kind, None)
        if isinstance(name, str):
            return name
    raise AssertionError(card)


def catalogue(folders: Iterable[Path]) -> Catalogue:
    """A catalogue over those of ``folders`` that exist."""
    return Catalogue(tuple(folder for folder in folders if is_folder(folder)))
