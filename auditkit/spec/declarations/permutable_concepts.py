"""Declaration of the check `permutable-concepts`."""

import math
from collections.abc import Iterator, Mapping
from itertools import combinations

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.blocks import HasBlocks
from auditkit.spec.declarations.permuting import PAPER

_COUNT, _SHARE = (0.0, math.inf), (0.0, 1.0)


class PermutableConcepts(HasBlocks):
    """Whether these data allow these concepts to be permuted."""

    images: int | None = Field(None, ge=2, description="Only the first images of the data.")

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every two concepts that are not permuted together, in the order in which they are listed."""
        return [
            (a, b) for first, second in combinations(self.blocks, 2) for a in first for b in second
        ]


def association(first: str, second: str) -> str:
    """Name of the measure of two concepts."""
    return f"association[{first}, {second}]"


def _measures(parameters: PermutableConcepts) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: PermutableConcepts) -> Iterator[tuple[str, Measure]]:
    for name in parameters.names:
        text = f"Images with the rarest declared value of {name}."
        yield f"rarest[{name}]", Measure("images", _COUNT, text)
    text = "Images with the rarest declared value of any concept."
    yield "smallest_count", Measure("images", _COUNT, text)
    for first, second in parameters.pairs:
        text = f"Association of {first} and {second} over images; 0: none, 1: one tells the other."
        yield association(first, second), Measure("Cramér's V", _SHARE, text)
    if parameters.pairs:
        text = "Largest association of two concepts that are not permuted together."
        yield "largest_association", Measure("Cramér's V", _SHARE, text)
    for name in parameters.names:
        text = f"Share of images whose free text mentions {name}."
        yield f"mentions[{name}]", Measure("proportion of images", _SHARE, text)
    text = "Largest share of images whose free text mentions a concept that is permuted."
    yield "largest_mentions", Measure("proportion of images", _SHARE, text)


PERMUTABLE_CONCEPTS = CheckDeclaration(
    name="permutable-concepts",
    title="Permutable concepts",
    summary="Do the data hold enough of every value, and do the concepts vary independently?",
    paper=f"{PAPER} (section 3, first assumption)",
    parameters=PermutableConcepts,
    measures=_measures,
    compute="auditkit.checks.concepts.permutable:permutable_concepts",
    needs=lambda _: frozenset({"concepts"}),
)
