"""GitHub-flavoured Markdown for a pull request or the summary of a CI job: as long as their limits allow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditkit.report.adherence import adherence
from auditkit.report.banners import Banner, banners
from auditkit.report.guidelines import WORST_FIRST, Adherence, Cell
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.report.marked_rows import ICONS, baseline_row, verdict_row, waiver_row
from auditkit.report.marking import cell, folded, quoted, table
from auditkit.report.triangulated import triangulated
from auditkit.report.words import decision, verdict_word
from auditkit.results import Registration, Results, VerdictResult

# GitHub takes comments of 65,536 characters and summaries of 1 MiB; a little is left for others' text.
COMMENT: Final = 65_000
JOB_SUMMARY: Final = 1_000_000
_MOST_ITEMS: Final = 10
# Tables longer than this are folded; where the whole is too long, tables are cut to these lengths, in turn.
_UNFOLDED: Final = 40
_CUTS: Final = (None, 300, 100, 40, 15, 5)


def summary(results: Results, t: Language = IN_ENGLISH, most: int = JOB_SUMMARY) -> str:
    """Decisions, what limits the run, verdicts, waivers, baselines and what was recorded beforehand.

    Args:
        results: the run.
        t: the language of the texts.
        most: bytes of UTF-8 that the text may have; a longer one is cut, and says so.
    """
    for rows in _CUTS:
        text = _joined(_Summary(results, t, rows).blocks())
        if len(text.encode("utf-8")) <= most:
            return text
    return _fitting(list(_Summary(results, t, _CUTS[-1]).blocks()), t, most)


def _joined(blocks: Iterator[str] | Sequence[str]) -> str:
    return "\n\n".join(blocks) + "\n"


def _fitting(blocks: Sequence[str], t: Language, most: int) -> str:
    """The first blocks, as many as there is room for."""
    end = quoted([cell(t("markdown.shortened"))])
    kept: list[str] = []
    for block in blocks:
        if len(_joined([*kept, block, end]).encode("utf-8")) > most:
            break
        kept.append(block)
    return _joined([*kept, end])


@dataclass(frozen=True)
class _Summary:
    """The parts of the text; tables have at most ``rows`` rows, those of concern first."""

    results: Results
    t: Language
    rows: int | None

    def blocks(self) -> Iterator[str]:
        """All parts in order."""
        yield f"# {self.t('markdown.title')}"
        yield from self.decisions()
        if self.rows is not None:
            yield quoted([cell(self.t("markdown.shortened"))])
        yield from (self.banner(banner) for banner in banners(self.results, self.t))
        yield from self.verdicts()
        yield from self.waivers()
        yield from self.baselines()
        yield from self.origin()
        yield self.t("markdown.disclaimer")

    def decisions(self) -> Iterator[str]:
        """Per model: the decision, why, and how many expectations have which verdict."""
        for release in self.results.release:
            words = sorted(release.counts.items())
            counts = ", ".join(f"{n} {verdict_word(word, self.t)}" for word, n in words)
            yield f"## {cell(release.model)}: {cell(decision(release, self.t))}"
            expectations = self.t("markdown.expectations", counts=counts or self.t("word.none"))
            yield f"{cell(release.why)} {cell(expectations)}"

    def banner(self, banner: Banner) -> str:
        """One thing that limits the run."""
        lines = [f"**{cell(banner.title)}.** {cell(banner.text)}"]
        lines += [f"- {cell(item)}" for item in banner.items[:_MOST_ITEMS]]
        more = len(banner.items) - _MOST_ITEMS
        if more > 0:
            lines.append(f"- {cell(self.t('markdown.more', count=more))}")
        return quoted(lines)

    def verdicts(self) -> Iterator[str]:
        """A table per model, and how its explanations stand against the guidelines."""
        for model in dict.fromkeys(verdict.model for verdict in self.results.verdicts):
            own = [verdict for verdict in self.results.verdicts if verdict.model == model]
            yield f"### {self.t('markdown.verdicts', model=cell(model))}"
            yield from self.listed("verdict", own, verdict_row, right=(4, 6))
            yield from self.conclusions(model)
            found = adherence(self.results, model, self.t)
            if found and self.rows is None:
                title = f"{self.t('guidelines.title')}: {model}"
                yield folded(title, _guidelines(found, self.t))

    def conclusions(self, model: str) -> Iterator[str]:
        """What independent lines of evidence say of each attribute, the strongest first."""
        for audit in triangulated(self.results, model):
            yield f"**{cell(self.t('section.triangulation'))}** ({cell(audit.audit)})"
            more = len(audit.notes) - _MOST_ITEMS
            notes = [f"- {cell(note)}" for note in audit.notes[:_MOST_ITEMS]]
            if more > 0:
                notes.append(f"- {cell(self.t('markdown.more', count=more))}")
            yield "\n".join(notes)

    def listed(
        self,
        kind: str,
        verdicts: Sequence[VerdictResult],
        row: Callable[[VerdictResult, Language], list[str]],
        right: Sequence[int] = (),
    ) -> Iterator[str]:
        """A table of verdicts: folded if it is long, the gravest rows alone if it is too long."""
        shown = _gravest(verdicts, self.rows)
        text = table(self.heads(kind), [row(verdict, self.t) for verdict in shown], right)
        long = len(shown) > _UNFOLDED
        yield folded(self.t.counted("expectation", len(shown)), text) if long else text
        if len(shown) < len(verdicts):
            yield cell(self.t("markdown.left-out", count=len(verdicts) - len(shown)))

    def heads(self, kind: str) -> list[str]:
        """Column heads of a kind of table."""
        return [cell(head.strip()) for head in self.t(f"markdown.heads-{kind}").split("|")]

    def waivers(self) -> Iterator[str]:
        """Who accepts what, why and until when."""
        waived = [verdict for verdict in self.results.verdicts if verdict.waiver]
        if waived:
            yield f"### {self.t('markdown.waivers')}"
            yield from self.listed("waiver", waived, waiver_row)

    def baselines(self) -> Iterator[str]:
        """Differences from an earlier run, on the images that both have."""
        compared = [verdict for verdict in self.results.verdicts if verdict.baseline]
        if compared:
            yield f"### {self.t('markdown.baselines')}"
            yield from self.listed("baseline", compared, baseline_row, (2, 3, 4, 5))

    def origin(self) -> Iterator[str]:
        """Profile, what was recorded before the run, and where the numbers are."""
        lines = []
        profile = self.results.profile
        if profile:
            text = self.t("markdown.profile", profile=profile.profile, title=profile.title)
            lines.append(f"- {cell(text)}")
            lines += [f"  - {cell(change)}" for change in profile.changes[:_MOST_ITEMS]]
        registration = self.results.registration
        lines.append(f"- {cell(self.registered(registration))}")
        if registration:
            changed = [spec for spec in registration.specs if spec.state != "unchanged"]
            states = (f"{s.file}: {self.t(f'markdown.{s.state}')}" for s in changed[:_MOST_ITEMS])
            lines += [f"  - {cell(state)}" for state in states]
        run = self.results.run
        lines.append(f"- {cell(self.t('markdown.run', run=run.id, finished=run.finished))}")
        yield "\n".join(lines)

    def registered(self, registration: Registration | None) -> str:
        """What a record of the specs shows, and no more."""
        if registration is None or not registration.file:
            return self.t("markdown.no-registration")
        unchanged = sum(spec.state == "unchanged" for spec in registration.specs)
        return self.t(
            "markdown.registration",
            unchanged=unchanged,
            specs=self.t.counted("spec", len(registration.specs)),
            recorded=registration.recorded,
            commit=registration.commit or self.t("word.none"),
        )


def _gravest(verdicts: Sequence[VerdictResult], most: int | None) -> list[VerdictResult]:
    """As many as there is room for, in their own order: blocking and not passed before the rest."""
    if most is None or len(verdicts) <= most:
        return list(verdicts)

    def gravity(place: int) -> tuple[bool, int, int]:
        verdict = verdicts[place]
        return verdict.severity != "blocking", WORST_FIRST.index(verdict.verdict), place

    return [verdicts[place] for place in sorted(sorted(range(len(verdicts)), key=gravity)[:most])]


def _guidelines(found: Adherence, t: Language) -> str:
    """A row per guideline, a column per heatmap method, and what the table does not say."""
    heads = [cell(t("guidelines.head")), *map(cell, found.methods)]
    rows = [
        [cell(f"{row.guideline.id} {row.guideline.name}"), *(_met(each, t) for each in row.cells)]
        for row in found.rows
    ]
    return "\n\n".join([table(heads, rows), *map(cell, found.remarks)])


def _met(found: Cell, t: Language) -> str:
    icon = "" if found.verdict is None else f"{ICONS[found.verdict]} "
    return (
        f"{icon}{cell(verdict_word(found.word, t))}{f' ({cell(found.note)})' if found.note else ''}"
    )
