"""Figures of a study: which attributes predominate where, each model's own list, and agreement."""

from collections.abc import Sequence

from auditkit.checks.expert_study.studied import StudiedModel, Study
from auditkit.findings import Figure, Series

_SPREAD = 0.36  # of a row of a forest, over which its lines lie
_READ = (
    "A square's area is the score: the share of pairs and experts who noted the attribute in the direction "
    "that predominates, or the mean of both if neither does. Colour and letters are that direction."
)


def squares(study: Study, most: int, audited: str = "") -> Figure:
    """Scores of the global top attributes in all models, beside the literature (Fig. 2c of the paper)."""
    top = study.ranked[:most]
    names, legend = shortened(top)
    rows = [float(place) for place in range(len(top))]
    columns = [_column(one, top, rows, audited) for one in study.models]
    card = study.answers.card
    known = {one.attribute: one.literature for one in card.attributes}
    literature = Series(
        "literature",
        rows,
        [float("nan")] * len(rows),
        dashed=True,
        marks=[known[name] for name in top],
    )
    marked = f" {audited} is the audited model." if audited else ""
    return Figure(
        "influences",
        "Attributes that differ between benign and malignant counterfactuals",
        "squares",
        "attribute",
        "share of pairs and experts, in the direction that predominates",
        [*columns, literature] if top else [],
        f"{_READ} The attributes are those with the lowest sum of their ranks in all models, by how "
        f"often they were noted in any direction.{marked} {legend}",
        labels=names,
    )


def _column(one: StudiedModel, top: Sequence[str], rows: Sequence[float], audited: str) -> Series:
    found = [one.of(name, "score").estimate for name in top]
    return Series(
        f"{one.name} (audited)" if one.name == audited else one.name,
        rows,
        [each.value if each else float("nan") for each in found],
        [each.low if each else float("nan") for each in found],
        [each.high if each else float("nan") for each in found],
        marks=[one.direction(name) for name in top],
    )


def own_list(study: Study, one: StudiedModel, most: int) -> Figure:
    """A model's own top attributes in both directions (Supplementary Figs. 9 and 10 of the paper)."""
    top = one.top(study.answers.attributes, most)
    names, legend = shortened(top)
    series = []
    # In the order in which the page's colours are those of the squares.
    for shift, side in ((-_SPREAD / 2, "benign"), (_SPREAD / 2, "malignant")):
        found = [(place + shift, one.of(name, side).estimate) for place, name in enumerate(top)]
        known = [(place, each) for place, each in found if each is not None]
        series.append(
            Series(
                f"more in the {side} picture",
                [place for place, _ in known],
                [each.value for _, each in known],
                [each.low for _, each in known],
                [each.high for _, each in known],
            )
        )
    return Figure(
        f"own_{one.name}",
        f"Attributes that differ between counterfactuals of {one.name}, the most noted first",
        "forest",
        "attribute",
        "share of pairs and experts",
        series if top else [],
        "Ordered by the share of pairs and experts who noted the attribute in any direction. Lines are 95 % "
        f"intervals over patients, for these experts. {legend}",
        labels=names,
    )


def agreement(study: Study, audited: str = "") -> Figure:
    """Cohen's kappa of every expert with every model."""
    experts = study.answers.experts
    series = []
    for number, expert in enumerate(experts):
        shift = _SPREAD * (number / max(len(experts) - 1, 1) - 0.5)
        found = [
            (place + shift, each.estimate)
            for place, one in enumerate(study.models)
            if (each := one.findings.find("kappa", {"expert": expert})) and each.estimate
        ]
        if found:
            series.append(
                Series(
                    expert,
                    [place for place, _ in found],
                    [each.value for _, each in found],
                    [each.low for _, each in found],
                    [each.high for _, each in found],
                )
            )
    return Figure(
        "kappa",
        "Agreement of experts with the models",
        "forest",
        "model",
        "Cohen's κ",
        series,
        "On which of the two displayed pictures is the malignant one: 1 is perfect agreement, 0 that of "
        "chance, below 0 experts call the benign one malignant. Lines are 95 % intervals over patients.",
        zero=True,
        labels=[
            f"{one.name} (audited)" if one.name == audited else one.name for one in study.models
        ],
    )


def shortened(attributes: Sequence[str]) -> tuple[list[str], str]:
    """Names with their category as an initial, 'L: darker pigmentation', and what the initials stand for."""
    words = list(dict.fromkeys(name.partition("/")[0] for name in attributes))
    initials = {word: word[:1].upper() for word in words}
    if len(set(initials.values())) < len(words):
        return list(attributes), ""
    parts = [name.partition("/") for name in attributes]
    names = [f"{initials[category]}: {name}" for category, _, name in parts]
    return names, ", ".join(f"{initial}: {word}" for word, initial in initials.items())
