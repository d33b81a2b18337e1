"""Check `independent-permutation`: does permuting a concept change that concept, and no other?

Jabbour et al., ECCV 2024, arXiv:2407.14509, section 3.2 and Figures 12, 15, 16 and 18: the concept
classifier's AUROC before and after a concept is permuted. Labels stay what they were, so that the AUROC of
the permuted concept must drop to about one half and all others must stay. Supplement 10: also for concepts
that are judged and not permuted, since what they change with would be confounded.

Deviates: an effect of one concept on another that is there in all generated images, permuted or not, leaves
the AUROC as it is where the two are independent in the data: a generator that draws hair with every ruler
passes. So the effect itself is measured, too: what the classifier sees of one concept when another alone is
changed, the noise held fixed. And the AUROC after permutation is the expectation over all permutations, in
closed form, with intervals over patients.
"""

from collections.abc import Iterator
from dataclasses import replace

from auditkit import stats
from auditkit.checks.concepts.extremes import extreme_of, strongest
from auditkit.checks.concepts.judge import Judge, Judged
from auditkit.checks.concepts.target import performance
from auditkit.checks.measuring import Measuring, worded
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import Figure, Findings, Measurement, Series
from auditkit.metrics import effect, permutation_importance
from auditkit.spec.declarations.independent_permutation import (
    INDEPENDENT_PERMUTATION,
    IndependentPermutation,
)
from auditkit.stats.resampling import REPLICATES

CHANCE = 0.5
MOVED = 0.03
"""A change of AUROC off the diagonal that is worth a note."""


def independent_permutation(evidence: Evidence, parameters: IndependentPermutation) -> Findings:
    """Changes of the concept classifier's AUROC for every concept, while each block is permuted."""
    judge = Judge(evidence, parameters)
    measuring = Measuring.of(INDEPENDENT_PERMUTATION, parameters, evidence.n)
    matrix = dict(_matrix(judge, measuring, parameters))
    own = [found for key, found in matrix.items() if _on_diagonal(key, parameters)]
    others = {key: found for key, found in matrix.items() if not _on_diagonal(key, parameters)}
    if (key := strongest(others)) and stats.replicates_for(len(others)) > REPLICATES:
        # Else the correction for so many changes leaves no lower limit, and no fault is ever claimed.
        enough = stats.replicates_for(len(others))
        others[key] = matrix[key] = _change(judge, measuring, key, enough)
    findings = Findings([*matrix.values()])
    findings.measurements.append(extreme_of(measuring, "smallest_diagonal", own, "smallest"))
    if others:
        name, rest = "largest_off_diagonal", list(others.values())
        findings.measurements.append(extreme_of(measuring, name, rest, "largest", absolute=True))
    findings.figures.append(_figure(matrix, parameters))
    _add_effects(findings, judge, measuring, parameters)
    findings.notes += [*_notes(others, parameters), *_unseen(judge)]
    return findings


Key = tuple[str, str]


def _matrix(
    judge: Judge, measuring: Measuring, parameters: IndependentPermutation
) -> Iterator[tuple[Key, Measurement]]:
    """By permuted block and judged concept."""
    for block in parameters.names:
        for one in judge.concepts.values():
            yield (block, one.name), _change(judge, measuring, (block, one.name), REPLICATES)


def _change(judge: Judge, measuring: Measuring, key: Key, replicates: int) -> Measurement:
    block, one = key[0], judge.concepts[key[1]]
    permuted = judge.permuted(block, one)
    measured = measuring(
        "change",
        lambda: permutation_importance(
            one.labels,
            judge.generated(one),
            permuted.answers,
            permuted.own,
            clusters=judge.patients[one.rows],
            replicates=replicates,
        ),
        {"permuted": block, "judged": one.name},
        one.skipped,
    )
    return replace(measured, affected=one.affected())


def _add_effects(
    findings: Findings, judge: Judge, measuring: Measuring, parameters: IndependentPermutation
) -> None:
    """What the classifier sees of every concept when each block alone is changed."""
    matrix = {
        (block, one.name): _effect(judge, measuring, block, one)
        for block in parameters.names
        for one in judge.concepts.values()
    }
    findings.measurements += matrix.values()
    others = [found for key, found in matrix.items() if not _on_diagonal(key, parameters)]
    if others:
        name = "largest_effect"
        findings.measurements.append(extreme_of(measuring, name, others, "largest", absolute=True))
    findings.figures.append(_effects_figure(matrix, parameters))


def _effect(judge: Judge, measuring: Measuring, block: str, one: Judged) -> Measurement:
    answers, patients = judge.permuted(block, one).answers, judge.patients[one.rows]
    at = {"permuted": block, "judged": one.name}
    return measuring("effect", lambda: effect(answers, patients), at, one.skipped)


def _on_diagonal(key: Key, parameters: IndependentPermutation) -> bool:
    permuted, judged = key
    return judged in parameters.blocks[parameters.names.index(permuted)]


def _figure(matrix: dict[Key, Measurement], parameters: IndependentPermutation) -> Figure:
    """The matrix in units of 0.01, as the paper draws it."""
    return Figure(
        "changes",
        "What the concept classifier sees when a concept is permuted",
        "matrix",
        "permuted ↓  judged →",
        "drop of AUROC, in units of 0.01",
        _columns(matrix, parameters),
        "Rows are permuted, columns are judged against what the captions said before. Where both are the "
        "same, the AUROC must drop (by about 50); everywhere else it must stay.",
        labels=parameters.names,
        reach=50.0,
    )


def _effects_figure(matrix: dict[Key, Measurement], parameters: IndependentPermutation) -> Figure:
    return Figure(
        "effects",
        "What the concept classifier sees when one concept alone is changed",
        "matrix",
        "changed ↓  judged →",
        "change of the probability, in units of 0.01",
        _columns(matrix, parameters),
        "Rows go from their first value to their last in every caption, with the same noise. Where both are "
        "the same, the probability must rise; everywhere else it must stay.",
        labels=parameters.names,
        reach=100.0,
    )


def _columns(matrix: dict[Key, Measurement], parameters: IndependentPermutation) -> list[Series]:
    """A column per judged concept, in units of 0.01."""
    series = []
    for judged in parameters.named_concepts:
        column = [(i, matrix[name, judged].estimate) for i, name in enumerate(parameters.names)]
        found = [(float(i), one) for i, one in column if one]
        series.append(
            Series(
                judged,
                [i for i, _ in found],
                [100 * one.value for _, one in found],
                [100 * one.low for _, one in found],
                [100 * one.high for _, one in found],
            )
        )
    return series


def _notes(others: dict[Key, Measurement], parameters: IndependentPermutation) -> list[str]:
    notes = []
    for (block, judged), found in others.items():
        one = found.estimate
        if one is None or abs(one.value) <= MOVED or one.low <= 0 <= one.high:
            continue
        kind = "permuted" if judged in parameters.permuted_concepts else "not permuted"
        change = worded(found, lambda value: f"{value:.2f}")
        notes.append(
            f"When {block} is permuted, the AUROC of {judged} ({kind}) changes as well, by {change}. "
            f"Proceed with caution: the importance of {block} may in part be that of {judged}."
        )
    return notes


def _unseen(judge: Judge) -> Iterator[str]:
    """Concepts of which no change could be seen: the classifier does not find them in the first place."""
    for one in judge.concepts.values():
        try:
            found = performance("auroc", one.labels, judge.generated(one), judge.patients[one.rows])
        except AuditError:
            continue
        if found.low <= CHANCE:
            yield (
                f"The classifier hardly finds {one.name} in generated images as they are (AUROC "
                f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]): that it stays the same while "
                "another concept is permuted would mean nothing."
            )
