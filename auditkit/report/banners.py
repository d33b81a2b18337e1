"""What a reader has to know before the verdicts: stand-ins, gaps, uncommitted changes, reruns, redaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auditkit.report.language import IN_ENGLISH, Language
from auditkit.results import Results

_BROKEN_OFF: Final = (2, 3, 4)


@dataclass(frozen=True)
class Banner:
    """One thing that limits what the run can show.

    Attributes:
        title: two or three words.
        text: one or two sentences.
        items: a list below them.
        grave: whether the run is less than the planned audit; otherwise it is for information.
    """

    title: str
    text: str
    items: tuple[str, ...] = ()
    grave: bool = True


def banners(results: Results, t: Language = IN_ENGLISH) -> list[Banner]:
    """All banners of a run, the gravest kind first."""
    found = [
        *_redacted(results, t),
        *_ending(results, t),
        *_stand_ins(results, t),
        *_partial(results, t),
        *_waived(results, t),
        *_dirty(results, t),
        *_reruns(results, t),
        *_empty_dossier(results, t),
        *_identifiers(results, t),
        *_weights(results, t),
        *_other_tasks(results, t),
        *_profile(results, t),
    ]
    return sorted(found, key=lambda banner: not banner.grave)


def _banner(t: Language, key: str, text: str, *items: str, grave: bool = True) -> Banner:
    return Banner(t(f"banner.{key}.title"), text, items, grave)


def _redacted(results: Results, t: Language) -> Iterator[Banner]:
    redaction = results.redaction
    if redaction:
        told = {"images": (redaction.images, "picture"), "ids": (redaction.ids, "identifier")}
        items = [t.counted(told[what][1], told[what][0]) for what in redaction.withheld]
        text = t("banner.redacted.text", sha256=redaction.original_sha256)
        yield _banner(t, "redacted", text, *items)


def _ending(results: Results, t: Language) -> Iterator[Banner]:
    if results.run.exit_status in _BROKEN_OFF:
        yield _banner(t, "ending", t(f"banner.ending.text-{results.run.exit_status}"))


def _stand_ins(results: Results, t: Language) -> Iterator[Banner]:
    items = stand_ins(results, t)
    if items:
        yield _banner(t, "stand-ins", t("banner.stand-ins.text"), *items)


def stand_ins(results: Results, t: Language = IN_ENGLISH) -> list[str]:
    """Every substitute with what it stands in for; those with one text together."""
    substitutes = [
        *((model.model, "model", model.stand_in) for model in results.models),
        *((data.data, "data", data.stand_in) for data in results.data),
        *((one.name, one.kind, one.stand_in) for one in results.instruments),
    ]
    together: dict[str, list[str]] = {}
    for name, kind, text in substitutes:
        if text:
            word = t.or_else(f"kind.{kind}", kind)
            together.setdefault(text, []).append(f"{name} ({word})")
    items = [f"{', '.join(names)}: {text}" for text, names in together.items()]
    known = {name for name, _, text in substitutes if text}
    return items + [name for name in results.deviations.stand_ins if name not in known]


def _partial(results: Results, t: Language) -> Iterator[Banner]:
    deviations = results.deviations
    if deviations.judged >= deviations.planned and not deviations.deselected:
        return
    planned = t.counted("planned", deviations.planned)
    key = "text-listed" if deviations.deselected else "text"
    text = t(f"banner.partial.{key}", judged=deviations.judged, planned=planned)
    yield _banner(t, "partial", text, *deviations.deselected)


def _waived(results: Results, t: Language) -> Iterator[Banner]:
    waived = [verdict for verdict in results.verdicts if verdict.waiver]
    if waived:
        text = t("banner.waived.text", expectations=t.counted("expectation", len(waived)))
        yield _banner(t, "waived", text)


def _dirty(results: Results, t: Language) -> Iterator[Banner]:
    if results.deviations.dirty:
        commit = results.environment.commit or t("word.unknown")
        yield _banner(t, "dirty", t("banner.dirty.text", commit=commit))


def _reruns(results: Results, t: Language) -> Iterator[Banner]:
    if results.deviations.reruns:
        yield _banner(t, "reruns", t("banner.reruns.text"))


def _empty_dossier(results: Results, t: Language) -> Iterator[Banner]:
    empty = results.deviations.empty_dossier
    if empty:
        text = t("banner.empty-dossier.text", count=len(empty))
        yield _banner(t, "empty-dossier", text, *empty, grave=False)


def _identifiers(results: Results, t: Language) -> Iterator[Banner]:
    for data in results.data:
        if data.identifiers and not data.cleared:
            items = [
                t("identity.finding", where=found.where, what=found.what, count=found.count)
                for found in data.identifiers
            ]
            yield _banner(t, "identifiers", t("banner.identifiers.text", data=data.data), *items)


def _weights(results: Results, t: Language) -> Iterator[Banner]:
    for model in results.models:
        if not model.weights_sha256:
            yield _banner(t, "unread", t("banner.unread.text", model=model.model))
        elif not model.pinned:
            text = t("banner.unpinned.text", model=model.model)
            yield _banner(t, "unpinned", text, grave=False)


def _other_tasks(results: Results, t: Language) -> Iterator[Banner]:
    other = results.deviations.other_tasks
    if other:
        tasks = ", ".join(f"{task}: {count}" for task, count in other.items())
        specs = t.counted("spec", sum(other.values()))
        text = t("banner.other-tasks.text", specs=specs, tasks=tasks)
        yield _banner(t, "other-tasks", text, grave=False)


def _profile(results: Results, t: Language) -> Iterator[Banner]:
    profile = results.profile
    if profile:
        text = t("banner.profile.text", profile=profile.profile, title=profile.title)
        yield _banner(t, "profile", text.strip(), *profile.changes, grave=False)
