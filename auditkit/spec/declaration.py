"""What a check declares of itself without computing anything: parameters, measures, needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from auditkit.spec.counterfactual_card import Wanted
from auditkit.spec.typed import Strict

Need = Literal[
    "labels",
    "annotations",
    "interventions",
    "reference-runtime",
    "reference-kernels",
    "vendor-input",
    "concepts",
    "generator",
    "pictures",
    "score",
    "counterfactuals",
]

# The Clinical XAI Guidelines of Jin et al. (arXiv:2202.10553, section 2).
Guideline = Literal["G1", "G2", "G3", "G4", "G5"]

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Measure:
    """A quantity that an expectation can name.

    Attributes:
        unit: what the number counts, in the field's words.
        bounds: smallest and largest possible value.
        summary: one sentence for the report and ``auditkit list checks``.
        at: the dimensions of the quantity and their declared values; ``None`` where only the data know
            the values (a group). A dimension with one value may be left out of an expectation's ``at``.
        everywhere: whether it also has a value over all images, without those dimensions that only the
            data know.
        choices: the names that it may be, if it is a name and not a number: ``unit`` says of what, and
            ``bounds`` say nothing.
        guidelines: the guideline that it is about, of a check that is about several; else all of them.
        better: in which direction a release gets better, where that can be asked in pairs: the check keeps
            its values image by image. ``None`` where neither direction is better, or nothing is kept.
    """

    unit: str
    bounds: tuple[float, float]
    summary: str
    at: Mapping[str, tuple[float | str, ...] | None] = field(default_factory=dict)
    everywhere: bool = True
    choices: tuple[str, ...] = ()
    guidelines: tuple[Guideline, ...] = ()
    better: Better | None = None


@dataclass(frozen=True)
class Combined:
    """A finding of another audit that a check combines with others.

    Attributes:
        audit: its id.
        measure: one of its measures.
        at: the value of each dimension of the measure.
        place: where in the parameters it is named.
    """

    audit: str
    measure: str
    at: Mapping[str, float | str]
    place: tuple[str | int, ...]


class Parameters(Strict):
    """Base of a check's parameters."""

    @property
    def other_data(self) -> Sequence[str]:
        """Names of further data sets of the same task that the check reads."""
        return ()

    @property
    def models(self) -> Sequence[str]:
        """Names of further models that the check asks: concept classifiers."""
        return ()

    @property
    def trainings(self) -> Sequence[str]:
        """Names of further models of the same task that the check audits beside the model."""
        return ()

    @property
    def assessments(self) -> Sequence[str]:
        """Names of recorded assessments that the check reads."""
        return ()

    @property
    def rating_tables(self) -> Sequence[str]:
        """Names of tables of people's ratings that the check reads."""
        return ()

    @property
    def answer_tables(self) -> Sequence[str]:
        """Names of expert studies whose answers the check reads."""
        return ()

    @property
    def named_concepts(self) -> Sequence[str]:
        """Concepts of the data set that the check names."""
        return ()

    @property
    def permuted_concepts(self) -> Sequence[str]:
        """Those of them that are permuted."""
        return ()

    @property
    def generators(self) -> Sequence[str]:
        """Names of text-to-image models that the check draws with."""
        return ()

    @property
    def counterfactuals(self) -> Sequence[Wanted]:
        """Counterfactual generators that the check asks, the one that it is about first."""
        return ()

    @property
    def combined(self) -> Sequence[Combined]:
        """All findings of other audits that the check combines."""
        return ()

    @property
    def feature_models(self) -> Sequence[str]:
        """Names of further models, of whatever task, whose features the check compares."""
        return ()


@dataclass(frozen=True)
class CheckDeclaration:
    """A check as specs see it; ``compute`` names the function that does the work.

    ``compute`` is ``module:function`` and is imported only when the check runs; the function takes
    ``(evidence, parameters)`` and returns `auditkit.findings.Findings`. ``rests_on`` names checks without
    whose success this one's findings mean nothing: a spec must assume an audit of each. A check that
    ``combines`` is given the findings of other audits of the same model in place of evidence of its own.
    """

    name: str
    title: str
    summary: str
    paper: str
    parameters: type[Parameters]
    measures: Callable[[Any], Mapping[str, Measure]]
    compute: str
    needs: Callable[[Any], frozenset[Need]]
    rests_on: tuple[str, ...] = ()
    guidelines: tuple[Guideline, ...] = ()
    combines: bool = False

    def guidelines_of(self, measure: Measure) -> tuple[Guideline, ...]:
        """The guidelines for which a measure of this check gives evidence."""
        return measure.guidelines or self.guidelines
