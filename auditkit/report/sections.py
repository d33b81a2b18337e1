"""The page's view of results.json: a chapter per model, a section per audit of that model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from auditkit.report.adherence import adherence
from auditkit.report.assets import Assets
from auditkit.report.by_group import forests
from auditkit.report.counterfactuals import CaseImages, Film, film
from auditkit.report.figures import draw
from auditkit.report.flow import Flow, flow
from auditkit.report.galleries import Browser, browser
from auditkit.report.grids import Grid, grid, numbers
from auditkit.report.guidelines import Adherence
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.pictures import Picture, Pictures
from auditkit.report.tree import Branch, tree
from auditkit.results import (
    AuditResult,
    ExampleResult,
    FigureResult,
    Panel,
    Results,
    VerdictResult,
)


@dataclass
class Anchors:
    """Ids of the page, each given once."""

    taken: set[str] = field(default_factory=set)

    def __call__(self, *words: str) -> str:
        """An id made of these words that nothing else on the page has."""
        slug = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
        name, count = slug, 1
        while name in self.taken:
            count += 1
            name = f"{slug}-{count}"
        self.taken.add(name)
        return name


@dataclass(frozen=True)
class Drawing:
    """A figure with its picture and its numbers."""

    figure: FigureResult
    svg: Markup
    numbers: Grid


@dataclass(frozen=True)
class Case:
    """An example with its pictures."""

    example: ExampleResult
    panels: Sequence[tuple[Panel, Picture]]


@dataclass(frozen=True)
class Images:
    """Whatever pictures the page shows, each kind within a budget of its own."""

    examples: Pictures
    assets: Assets
    cases: CaseImages


@dataclass(frozen=True)
class Group:
    """Verdicts of one audit, with the anchor of its section if it has one."""

    audit: str
    title: str
    anchor: str
    verdicts: Sequence[VerdictResult]


@dataclass(frozen=True)
class Section:
    """One audit of one model; it rests on the blocking verdicts of its assumptions."""

    id: str
    audit: AuditResult
    verdicts: Sequence[VerdictResult]
    assumptions: Sequence[Group]
    flow: Flow | None
    by_group: Sequence[Drawing]
    drawings: Sequence[Drawing]
    tables: Sequence[Grid]
    cases: Sequence[Case]
    browsers: Sequence[Browser]
    films: Sequence[Film]


@dataclass(frozen=True)
class Chapter:
    """Everything about one model; its guidelines are none where no audit is about them."""

    id: str
    model: str
    groups: Sequence[Group]
    sections: Sequence[Section]
    guidelines: Adherence | None
    anchors: Mapping[str, str]
    tree: Sequence[Branch]


def chapters(
    results: Results, images: Images, anchors: Anchors, t: Language = IN_ENGLISH
) -> list[Chapter]:
    """One chapter for every model that is named anywhere, in order of appearance."""
    named = [
        *(model.model for model in results.models),
        *(verdict.model for verdict in results.verdicts),
        *(audit.model for audit in results.audits),
    ]
    return [_Writer(results, model, images, anchors, t).chapter() for model in dict.fromkeys(named)]


class _Writer:
    """Puts together what belongs to one model."""

    def __init__(
        self, results: Results, model: str, images: Images, anchors: Anchors, t: Language
    ) -> None:
        self.results, self.model, self.t = results, model, t
        self.images, self.anchors = images, anchors
        self.verdicts = [verdict for verdict in results.verdicts if verdict.model == model]
        self.audits = [audit for audit in results.audits if audit.model == model]
        self.ids = [anchors("audit", audit.audit, model) for audit in self.audits]
        self.named = list(zip(self.ids, self.audits, strict=True))

    def chapter(self) -> Chapter:
        """Verdicts by audit, and a section for every audit with findings."""
        audits = dict.fromkeys(verdict.audit for verdict in self.verdicts)
        sections = [self.section(name, audit) for name, audit in self.named]
        groups = [self.group(audit) for audit in audits]
        return Chapter(
            self.anchors("model", self.model),
            self.model,
            groups,
            sections,
            adherence(self.results, self.model, self.t),
            # The first of two sections of one audit, as in the table of verdicts.
            {audit.audit: name for name, audit in [*self.named][::-1]},
            tree(self.audits, self.verdicts),
        )

    def group(self, audit: str, severity: str = "") -> Group:
        """All verdicts of an audit, or those of one severity."""
        known = [i for i, found in enumerate(self.audits) if found.audit == audit]
        verdicts = [
            verdict
            for verdict in self.verdicts
            if verdict.audit == audit and severity in ("", verdict.severity)
        ]
        if not known:
            return Group(audit, "", "", verdicts)
        return Group(audit, self.audits[known[0]].title, self.ids[known[0]], verdicts)

    def section(self, name: str, audit: AuditResult) -> Section:
        """An audit's findings, drawn."""
        return Section(
            id=name,
            audit=audit,
            verdicts=self.group(audit.audit).verdicts,
            assumptions=[self.group(assumed, "blocking") for assumed in audit.assumes],
            flow=flow(audit, self.results.data),
            by_group=[
                self.drawing(name, figure) for figure in forests(audit, self.results.data, self.t)
            ],
            drawings=[self.drawing(name, figure) for figure in audit.figures],
            tables=[grid(table) for table in audit.tables],
            cases=[self.case(example) for example in audit.examples],
            browsers=[
                browser(self.anchors(name, gallery.name), gallery, self.images.assets)
                for gallery in audit.galleries
            ],
            films=[
                film(self.anchors(name, found.name), found, self.images.cases, self.anchors)
                for found in audit.counterfactuals
            ],
        )

    def drawing(self, section: str, figure: FigureResult) -> Drawing:
        """A figure under an id of its own."""
        svg = draw(figure, self.anchors(section, figure.name), self.t)
        return Drawing(figure, svg, numbers(figure, self.t))

    def case(self, example: ExampleResult) -> Case:
        """An example with its pictures."""
        return Case(example, [(panel, self.images.examples[panel]) for panel in example.panels])
