"""Declaration of the check `effective-generation`."""

from collections.abc import Iterator, Mapping

from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.judging import Judging
from auditkit.spec.declarations.permuting import PAPER

_DIFFERENCE, _SHARE = (-1.0, 1.0), (0.0, 1.0)


class EffectiveGeneration(Judging):
    """Real images against images drawn from their captions."""


def _measures(parameters: EffectiveGeneration) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: EffectiveGeneration) -> Iterator[tuple[str, Measure]]:
    text = (
        "AUROC of the model on real images minus that on generated ones; accuracy without a score."
    )
    yield "target_gap", Measure("AUROC", _DIFFERENCE, text)
    for name in parameters.named_concepts:
        text = f"AUROC of the concept classifier for {name} on real images minus that on generated ones."
        yield f"gap[{name}]", Measure("AUROC", _DIFFERENCE, text)
        text = f"AUROC of the concept classifier for {name} on generated images."
        yield f"generated_auroc[{name}]", Measure("AUROC", _SHARE, text)
    text = "Largest gap of a permuted concept."
    yield "largest_gap", Measure("AUROC", _DIFFERENCE, text)
    text = "Smallest AUROC of the concept classifier on generated images for a permuted concept."
    yield "smallest_generated_auroc", Measure("AUROC", _SHARE, text)
    text = "Share of the captions that are longer than the generator reads."
    yield "truncated_captions", Measure("proportion of captions", _SHARE, text)


EFFECTIVE_GENERATION = CheckDeclaration(
    name="effective-generation",
    title="Effective generation",
    summary="Does the model answer to generated images as it does to real ones, and are concepts drawn?",
    paper=f"{PAPER} (section 3.2, supplements 8 to 10)",
    parameters=EffectiveGeneration,
    measures=_measures,
    compute="auditkit.checks.concepts.effective:effective_generation",
    needs=lambda _: frozenset({"labels", "concepts", "generator"}),
)
