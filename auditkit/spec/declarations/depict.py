"""Declaration of the check `depict`."""

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.permuting import PAPER, Permuting

_DIFFERENCE, _SHARE = (-1.0, 1.0), (0.0, 1.0)


class Depict(Permuting):
    """What the model loses when a concept is permuted among the images."""

    metric: Literal["auroc", "accuracy"] = Field(
        "auroc", description="Performance; accuracy in any case for models without a score."
    )
    permutations: int = Field(
        25, ge=1, le=1000, description="Sampled permutations of the boxplots; estimates hold all."
    )


def _measures(parameters: Depict) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: Depict) -> Iterator[tuple[str, Measure]]:
    unit = "AUROC" if parameters.metric == "auroc" else "accuracy"
    for name in parameters.names:
        text = f"{unit} lost when {name} is permuted among the images."
        yield f"importance[{name}]", Measure(unit, _DIFFERENCE, text)
        text = f"Mean change of the score from the first to the last value of {name}."
        yield f"effect[{name}]", Measure("probability", _DIFFERENCE, text)
    text = f"{unit} on images drawn from the captions as they are."
    yield f"generated_{parameters.metric}", Measure(unit, _SHARE, text)
    if len(parameters.names) > 1:
        for name in parameters.names:
            text = (
                f"Share of resamples of the patients in which {name} is the most important concept."
            )
            yield f"top_probability[{name}]", Measure("proportion of resamples", _SHARE, text)
        text = "The most important concept, and all that may be it."
        yield "top_concept", Measure("concept", _SHARE, text, choices=tuple(parameters.names))


DEPICT = CheckDeclaration(
    name="depict",
    title="Permutation importance of concepts",
    summary="Which concepts does the model rely on: what does it lose when one is permuted?",
    paper=f"{PAPER} (section 3.2)",
    parameters=Depict,
    measures=_measures,
    compute="auditkit.checks.concepts.depict:depict",
    needs=lambda _: frozenset({"labels", "concepts", "generator"}),
    rests_on=("permutable-concepts", "effective-generation", "independent-permutation"),
)
