"""All that a study's folder is written from, beside its plan and its seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditkit.study.building.entry import Entry
from auditkit.study.folder import Layout


@dataclass(frozen=True)
class Ready:
    """What is looked at, and what is known of it.

    Attributes:
        entries: all items.
        left_out: number of images that are in none of them, by reason.
        models: identity of each model; None if unknown.
        stand_ins: what the cards of data and models say that they are substitutes for.
        layout: of every picture.
        classes: what an expert can predict, of heatmaps.
        generators: sha256 of each model's counterfactual generator; None if unknown.
        data_sha256: identity of the records that pairs were made of; None if unknown.
    """

    entries: Sequence[Entry]
    left_out: Mapping[str, int]
    models: Mapping[str, str | None]
    stand_ins: Sequence[str] = ()
    layout: Layout = field(default_factory=Layout)
    classes: tuple[str, ...] = ()
    generators: Mapping[str, str | None] = field(default_factory=dict)
    data_sha256: str | None = None
