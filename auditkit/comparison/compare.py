"""`auditkit compare`: two runs in, everything that changed and whether it is within limits out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from auditkit.comparison.changes import changes
from auditkit.comparison.differences import Compared, compared, gone, rule_of
from auditkit.comparison.limits import Limits, LimitsFile
from auditkit.comparison.places import at_words
from auditkit.comparison.result import (
    Breach,
    Change,
    ComparedRun,
    ComparisonResult,
    Difference,
    ModelPair,
    SideBySide,
    Transition,
)
from auditkit.comparison.runs import FinishedRun
from auditkit.comparison.transitions import blocking_places, order, transitions
from auditkit.errors import AuditError
from auditkit.results import ModelResult
from auditkit.results.samples import place
from auditkit.verdict import Verdict

# Without limits, only what would hinder a release counts.
_DEFAULTS = Limits(
    limits="none",
    data="may-change",
    specs="may-change",
    model=["weights", "preprocessing", "output", "threshold", "format"],
)
_FAMILY = (
    "Regressions are claimed of measures on which a blocking expectation rests in either run: one-sided "
    "tests at 0.025 after Holm over {}. Other differences are exploratory: they claim nothing."
)


def compare(old: Path, new: Path, stated: LimitsFile | None = None) -> ComparisonResult:
    """Two runs side by side.

    Args:
        old: folder of the earlier run.
        new: folder of the later one.
        stated: limits of change; without them, no blocking verdict may be worse and no regression claimed.

    Raises:
        AuditError: a folder holds no run, samples were changed, or no model of one run answers to one of
            the other.
    """
    runs = FinishedRun.read(old), FinishedRun.read(new)
    models, alone = _model_pairs(*runs)
    limits = stated.limits if stated else _DEFAULTS
    turned: list[Transition] = []
    same: Counter[str] = Counter()
    found = Compared()
    for pair in models:
        verdicts = [
            [verdict for verdict in run.results.verdicts if verdict.model == name]
            for run, name in zip(runs, (pair.old, pair.new), strict=True)
        ]
        moved, unmoved = transitions(*verdicts)
        family = blocking_places([verdict for side in verdicts for verdict in side])
        one = compared(runs, pair, family, limits.measures)
        turned += moved
        same += unmoved
        found.differences.extend(one.differences)
        found.side_by_side.extend(one.side_by_side)
    turned.sort(key=order)
    different = changes(runs[0].results, runs[1].results, models)
    breaches = [
        *_unasked(alone, found),
        *_verdicts(turned, limits),
        *_regressions(found.differences),
        *_losses(found, limits),
        *_unanswered(runs, models, limits),
        *_changes(different, limits),
    ]
    return ComparisonResult(
        old=_side(runs[0]),
        new=_side(runs[1]),
        models=models,
        alone=alone,
        within=not breaches,
        limits=stated.stated if stated else None,
        breaches=breaches,
        transitions=turned,
        unchanged=dict(sorted(same.items())),
        family=_family(models, found.differences),
        differences=found.differences,
        side_by_side=found.side_by_side,
        changes=different,
    )


def _side(run: FinishedRun) -> ComparedRun:
    about = run.results.run
    return ComparedRun(run=about.id, started=about.started, results_sha256=run.sha256)


def _model_pairs(old: FinishedRun, new: FinishedRun) -> tuple[list[ModelPair], list[str]]:
    """Models of one name, else the only ones of a task; and those that are left."""
    tasks = Counter(model.task for model in new.results.models)
    pairs, taken, alone = [], set(), []
    for model in new.results.models:
        other = old.counterpart(model.model, model.task)
        if other is not None and other.model != model.model and tasks[model.task] > 1:
            other = None
        if other is None:
            alone.append(f"{model.model} is in the later run alone")
        else:
            pairs.append(_pair(old, new, other.model, model))
            taken.add(other.model)
    if not pairs:
        names = [", ".join(m.model for m in run.results.models) or "none" for run in (old, new)]
        raise AuditError(
            f"no model of {new.folder} ({names[1]}) answers to one of {old.folder} ({names[0]}): the same "
            "name, or the only models of one task, were expected"
        )
    gone = [m.model for m in old.results.models if m.model not in taken]
    return pairs, [*alone, *(f"{name} is in the earlier run alone" for name in gone)]


def _pair(old: FinishedRun, new: FinishedRun, name: str, model: ModelResult) -> ModelPair:
    was, now = ({r.model: r.decision for r in run.results.release} for run in (old, new))
    return ModelPair(
        old=name,
        new=model.model,
        task=model.task,
        old_decision=was.get(name, ""),
        new_decision=now.get(model.model, ""),
    )


def _family(models: Sequence[ModelPair], differences: Sequence[Difference]) -> str:
    counts = Counter(one.model for one in differences if one.p_adjusted is not None)
    told = [f"{counts[pair.new]} paired differences of {pair.new}" for pair in models]
    return _FAMILY.format(", over ".join(told))


def _where(found: Transition | Difference | SideBySide) -> str:
    return f"{found.model}, {found.audit}: {found.measure}{at_words(found.at)}"


def _verdicts(turned: Sequence[Transition], limits: Limits) -> Iterator[Breach]:
    for one in turned:
        counts = one.severity == "blocking" or limits.verdicts == "none-may-worsen"
        if limits.verdicts == "may-turn" or not counts or one.turn not in ("worse", "removed"):
            continue
        if one.new is None:
            text = f"{_where(one)} is not asked any more"
        else:
            was = one.old.value if one.old else ""
            text = f"{_where(one)} was {was} and is {one.new.value}: {one.reason}"
        yield Breach(rule="verdicts", text=text)


def _unasked(alone: Sequence[str], found: Compared) -> Iterator[Breach]:
    """What nobody could see getting worse: a model that is gone, and runs without a single pair."""
    for text in alone:
        if text.endswith("earlier run alone"):
            yield Breach(rule="model", text=text)
    if not found.differences:
        text = "nothing was compared in pairs, so that no loss is excluded; see what stands side by side"
        yield Breach(rule="regressions", text=text)


def _regressions(differences: Sequence[Difference]) -> Iterator[Breach]:
    """Claimed regressions of measures whose loss no limit states."""
    for one in differences:
        if one.regression and one.loss_accepted is None:
            text = (
                f"{_where(one)} is worse by {abs(one.value):.3g} (adjusted p {one.p_adjusted:.2g})"
            )
            yield Breach(rule="regressions", text=text)


def _losses(found: Compared, limits: Limits) -> Iterator[Breach]:
    """Stated limits that are not shown to be kept."""
    for one in found.differences:
        if one.loss_accepted is not None and one.shown is not Verdict.PASS:
            why = "no direction of it is better" if one.better is None else _interval(one)
            text = f"{_where(one)}: a loss of {one.loss_accepted:g} is not excluded ({why})"
            yield Breach(rule="measures", text=text)
    for other in found.side_by_side:
        rule = rule_of(limits.measures, other.audit, place(other.measure, other.at))
        if rule is not None:
            text = f"{_where(other)}: a loss of {rule.loss:g} is not excluded (not in pairs: {other.reason})"
            yield Breach(rule="measures", text=text)
    measured = [
        *((one.audit, place(one.measure, one.at)) for one in found.differences),
        *((one.audit, place(one.measure, one.at)) for one in found.side_by_side),
    ]
    for rule in limits.measures:
        where = place(rule.measure, rule.at)
        if not any(rule.audit in (None, audit) and at == where for audit, at in measured):
            text = f"{rule.wording}: nothing was compared in pairs there"
            yield Breach(rule="measures", text=text)


def _unanswered(
    runs: tuple[FinishedRun, FinishedRun], models: Sequence[ModelPair], limits: Limits
) -> Iterator[Breach]:
    """Stated limits on what the later run does not measure any more."""
    for pair in models:
        for audit, rule in gone(runs, pair, limits.measures):
            text = f"{pair.new}, {audit}: {rule}: the later run did not measure it"
            yield Breach(rule="measures", text=text)


def _interval(one: Difference) -> str:
    low, high = (("no limit" if end is None else f"{end:+.3g}") for end in (one.low, one.high))
    alone = one.only_old + one.only_new
    unpaired = f", {alone} images without a pair" if alone else ""
    return f"{one.value:+.3g} [{low}, {high}], {one.pairs} images{unpaired}"


def _changes(different: Sequence[Change], limits: Limits) -> Iterator[Breach]:
    for one in different:
        forbidden = (
            (one.about == "data" and limits.data == "same" and one.what in _OF_IMAGES)
            or (one.about == "spec" and limits.specs == "same")
            or (one.aspect is not None and one.aspect not in limits.model)
        )
        if forbidden:
            was, now = one.old or "not there", one.new or "not there"
            yield Breach(rule=one.about, text=f"{one.subject}: {one.what}: {was} became {now}")


_OF_IMAGES = ("data set", "manifest (sha256)")
