"""The page's view of galleries: ranked cards, a table, and what the script needs to filter them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from auditkit.report.assets import Assets, Parts, embed
from auditkit.report.grids import Grid
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.scripts import in_script
from auditkit.report.words import NONE, decimals, facet_title, fixed, label, shown
from auditkit.results import GalleryItemResult, GalleryResult, Results

# Cards on a page whose reader runs no script; all images are in the table.
FIRST: Final = 24
# What a card says of an image, where images differ in it; the rest is in the larger view.
ON_CARD: Final = ("label", "prediction", "decision", "case", "method")


@dataclass(frozen=True)
class Facet:
    """Something by which images are filtered, with its values in the order of the page."""

    title: str
    values: Sequence[str]


@dataclass(frozen=True)
class Card:
    """One image as the page shows it without a script."""

    rank: str
    image_id: str
    parts: Parts
    picture: Markup
    heatmap: Markup
    outline: str
    score: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Browser:
    """A gallery ready for the page."""

    id: str
    gallery: GalleryResult
    noun: str
    scores: Sequence[str]
    facets: Sequence[Facet]
    cards: Sequence[Card]
    table: Grid
    data: Markup
    left_out: int


def ranked(gallery: GalleryResult) -> list[GalleryItemResult]:
    """Items by their first score, lowest first; what is not evaluable comes last."""
    if not gallery.scores:
        return gallery.items
    first = gallery.scores[0]

    def place(item: GalleryItemResult) -> tuple[bool, float]:
        score = item.scores.get(first)
        return score is None, score or 0.0

    return sorted(gallery.items, key=place)


def assets_of(results: Results, folder: Path, t: Language = IN_ENGLISH) -> Assets:
    """Everything that the galleries of a run show."""
    assets = Assets(folder, t=t)
    embed([ranked(each) for audit in results.audits for each in audit.galleries], assets)
    return assets


def browser(name: str, gallery: GalleryResult, assets: Assets) -> Browser:
    """A gallery under an id of its own."""
    items = ranked(gallery)
    t = assets.t
    facets = [_facet(facet, items, t) for facet in gallery.facets]
    several = len({item.image_id for item in items}) < len(items)
    return Browser(
        id=name,
        gallery=gallery,
        noun="heatmap" if several else "image",
        scores=[label(score) for score in gallery.scores],
        facets=facets,
        cards=_cards(gallery, items[:FIRST], facets, assets),
        table=_table(gallery, items, t),
        data=in_script(_data(gallery, items, facets, assets)),
        left_out=sum(bool(assets[item].missing) for item in items),
    )


def score_text(value: float | None) -> str:
    """A score as cards and the table print it."""
    return NONE if value is None else fixed(value, decimals(value))


def _facet(name: str, items: Sequence[GalleryItemResult], t: Language) -> Facet:
    return Facet(facet_title(name, t), sorted({_value(item, name) for item in items}))


def _value(item: GalleryItemResult, facet: str) -> str:
    return shown(item.facets.get(facet, "")) or NONE


def _on_card(gallery: GalleryResult, facets: Sequence[Facet]) -> list[int]:
    places = {name: place for place, name in enumerate(gallery.facets)}
    wanted = [places[name] for name in ON_CARD if name in places]
    return [place for place in wanted if len(facets[place].values) > 1]


def _cards(
    gallery: GalleryResult,
    items: Sequence[GalleryItemResult],
    facets: Sequence[Facet],
    assets: Assets,
) -> list[Card]:
    first = gallery.scores[0] if gallery.scores else ""
    scores = [item.scores.get(first) for item in items]
    return [
        Card(
            # Equal scores share the rank of the first of them.
            rank=NONE if score is None else str(scores.index(score) + 1),
            image_id=item.image_id,
            parts=assets[item],
            picture=_uri(assets, assets[item].picture),
            heatmap=_uri(assets, assets[item].heatmap),
            outline=item.outline,
            score=f"{label(first)} {score_text(score)}" if first else "",
            facts=[
                (facets[place].title, _value(item, gallery.facets[place]))
                for place in _on_card(gallery, facets)
            ],
        )
        for item, score in zip(items, scores, strict=True)
    ]


def _uri(assets: Assets, place: int) -> Markup:
    return Markup(f"data:image/webp;base64,{assets.texts[place]}" if place >= 0 else "")  # noqa: S704 base64


def _table(gallery: GalleryResult, items: Sequence[GalleryItemResult], t: Language) -> Grid:
    """All items: what a reader without a script has, and what a screen reader reads by columns."""
    noted = any(item.note for item in items)
    facets = [facet_title(facet, t) for facet in gallery.facets]
    columns = [t("gallery.image"), *map(label, gallery.scores), *facets]
    rows = [
        [
            item.image_id,
            *(score_text(item.scores.get(score)) for score in gallery.scores),
            *(_value(item, facet) for facet in gallery.facets),
            *([item.note] if noted else []),
        ]
        for item in items
    ]
    by = t("gallery.ranked", score=label(gallery.scores[0])) if gallery.scores else ""
    numeric = [False, *(True for _ in gallery.scores), *(False for _ in gallery.facets)]
    return Grid(
        title=t("gallery.values-of", title=gallery.title),
        caption=by,
        columns=[*columns, t("gallery.note")] if noted else columns,
        rows=rows,
        numeric=[*numeric, False] if noted else numeric,
    )


def _data(
    gallery: GalleryResult,
    items: Sequence[GalleryItemResult],
    facets: Sequence[Facet],
    assets: Assets,
) -> dict[str, Any]:
    """What the script is given: items in ranked order, facet values as places in the facet's list."""
    places = [{value: i for i, value in enumerate(facet.values)} for facet in facets]
    return {
        "scores": [shown(label(score)) for score in gallery.scores],
        "facets": [{"title": shown(f.title), "values": list(f.values)} for f in facets],
        "onCard": _on_card(gallery, facets),
        "items": [
            {
                "id": shown(item.image_id),
                "picture": assets[item].picture,
                "heatmap": assets[item].heatmap,
                "outline": assets[item].outline,
                "missing": shown(assets[item].missing),
                "scores": [item.scores.get(score) for score in gallery.scores],
                "facets": [
                    known[_value(item, name)]
                    for known, name in zip(places, gallery.facets, strict=True)
                ],
                "note": shown(item.note),
            }
            for item in items
        ],
    }
