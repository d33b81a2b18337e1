"""Declaration of the check `independent-permutation`."""

from collections.abc import Mapping

from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.judging import Judging
from auditkit.spec.declarations.permuting import PAPER

_DIFFERENCE = (-1.0, 1.0)


class IndependentPermutation(Judging):
    """What the concept classifier sees of every concept while one is permuted."""


def _measures(parameters: IndependentPermutation) -> Mapping[str, Measure]:
    at: dict[str, tuple[float | str, ...] | None] = {
        "permuted": tuple(parameters.names),
        "judged": tuple(parameters.named_concepts),
    }
    change = "Drop of the concept classifier's AUROC for one concept while one is permuted."
    effect = (
        "Mean change of the probability with which the classifier sees one concept when one alone goes "
        "from its first value to its last, with the same noise."
    )
    diagonal = "Smallest drop for a concept that is itself permuted."
    found = {
        "change": Measure("AUROC", _DIFFERENCE, change, at),
        "smallest_diagonal": Measure("AUROC", _DIFFERENCE, diagonal),
        "effect": Measure("probability", _DIFFERENCE, effect, at),
    }
    if len(parameters.names) > 1 or parameters.judged:
        text = "Largest change, in size, for a concept that is not the one permuted."
        found["largest_off_diagonal"] = Measure("AUROC", (0.0, 1.0), text)
        text = "Largest effect, in size, on a concept that is not the one changed."
        found["largest_effect"] = Measure("probability", (0.0, 1.0), text)
    return found


INDEPENDENT_PERMUTATION = CheckDeclaration(
    name="independent-permutation",
    title="Independent permutation",
    summary="Does permuting one concept change that concept in the images, and no other?",
    paper=f"{PAPER} (section 3.2, supplements 8 to 10)",
    parameters=IndependentPermutation,
    measures=_measures,
    compute="auditkit.checks.concepts.independent:independent_permutation",
    needs=lambda _: frozenset({"concepts", "generator"}),
)
