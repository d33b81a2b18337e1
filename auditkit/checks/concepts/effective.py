"""Check `effective-generation`: do generated images say to the models what the real ones do?

Jabbour et al., ECCV 2024, arXiv:2407.14509, section 3.2: the target's performance on real images against that
on images drawn from their captions, and the same for the concept classifier, concept by concept.
Supplement 10: a concept that is not permuted and not drawn well does not hinder where the target still
answers as it does to real images.

Deviates: differences have intervals over patients, paired, and a margin is met only by the whole
interval, where the paper compares point estimates.
"""

from collections.abc import Sequence

from auditkit.checks.concepts.drawn import drawing, spread
from auditkit.checks.concepts.exact import counted
from auditkit.checks.concepts.extremes import extreme_of
from auditkit.checks.concepts.gaps import Gap, cell, concept_gap, target_gap
from auditkit.checks.concepts.judge import Judge
from auditkit.checks.concepts.target import NO_SCORE, Target
from auditkit.checks.measuring import Measuring, worded
from auditkit.checks.pictures import png
from auditkit.data.captions import caption
from auditkit.evidence import Evidence
from auditkit.findings import Example, Findings, Measurement, Table
from auditkit.spec.declarations.effective_generation import (
    EFFECTIVE_GENERATION,
    EffectiveGeneration,
)

SHOWN, LONGEST = 4, 160
BAR = 0.12
"""The largest difference of AUROC that the paper accepts as effective generation (section 4.1)."""
CHANCE_AUROC = 0.5
CHANCE = (
    "On real images the model may be no better than chance: it has nothing to lose on generated ones, so "
    "that no gap says little, and no concept can show an importance."
)


def effective_generation(evidence: Evidence, parameters: EffectiveGeneration) -> Findings:
    """Gaps between real and generated images, of the target and of every concept."""
    judge, target = Judge(evidence, parameters), Target.of(evidence, parameters)
    measuring = Measuring.of(EFFECTIVE_GENERATION, parameters, evidence.n)
    own = target_gap(target, measuring)
    concepts = [concept_gap(judge, one, measuring) for one in judge.concepts.values()]
    findings = Findings([own.measured])
    findings.measurements += [part for one in concepts for part in (one.measured, one.generated)]
    permuted = [one for one in concepts if one.name in parameters.permuted_concepts]
    gaps, drawn = [one.measured for one in permuted], [one.generated for one in permuted]
    smallest = extreme_of(measuring, "smallest_generated_auroc", drawn, "smallest")
    findings.measurements += [extreme_of(measuring, "largest_gap", gaps, "largest"), smallest]
    findings.measurements.append(_truncated(target, measuring))
    findings.tables.append(_table([own, *concepts], parameters))
    findings.notes += _notes(own, concepts, parameters)
    findings.examples += _examples(target, parameters)
    return findings


def _at_chance(own: Gap) -> bool:
    """Whether the model may tell nothing on real images, so that there is nothing to lose."""
    return own.both.metric == "auroc" and own.both.on_real().low <= CHANCE_AUROC


def _truncated(target: Target, measuring: Measuring) -> Measurement:
    answers, evidence = target.drawn.answers, target.evidence
    share = answers.truncated / max(answers.captions, 1)
    patients = len(set(evidence.patients.tolist()))
    return measuring("truncated_captions", lambda: counted(share, share, evidence.n, patients))


def _table(gaps: Sequence[Gap], parameters: EffectiveGeneration) -> Table:
    cells = []
    for one in gaps:
        what = "permuted" if one.name in parameters.permuted_concepts else "judged only"
        real, generated = cell(one.both.on_real), cell(one.both.on_generated)
        count = str(len(one.both.labels))
        cells.append([one.name, what, real, generated, worded(one.measured), count])
    cells[0][1] = "model under audit"
    caption = (
        "AUROC with 95 % intervals over patients; of concepts, that of the concept classifier. The gap is "
        "real minus generated, of the same captions."
    )
    if gaps[0].both.metric == "accuracy":
        caption += f" The model's own row is accuracy: {NO_SCORE}."
    columns = ["of", "what it is", "real images", "generated images", "gap", "n"]
    return Table("gaps", "Real and generated images", columns, cells, caption)


def _notes(own: Gap, concepts: Sequence[Gap], parameters: EffectiveGeneration) -> list[str]:
    """What gaps mean together, as supplement 10 of the paper argues."""
    notes = []
    if own.both.metric == "accuracy":
        notes.append(f"Performance of the model under audit is accuracy: {NO_SCORE}.")
    poor = sorted((one for one in concepts if one.value > BAR), key=lambda one: -one.value)
    notes += [
        f"{one.name} is permuted and not drawn well (gap {one.short}): that the model does not react to it "
        "would mean nothing."
        for one in poor
        if one.name in parameters.permuted_concepts
    ]
    if own.measured.estimate is None:
        return notes
    if not -BAR < own.measured.estimate.low <= own.measured.estimate.high < BAR:
        return [*notes, _failing(own, poor)]
    if _at_chance(own):
        return [*notes, CHANCE]
    return notes + [
        f"{one.name} is not drawn well (gap {one.short}), but it is not permuted, and the model answers to "
        "generated images nearly as it does to real ones. It can hardly rest on what is not drawn, so that "
        "this does not hinder the permutation of other concepts (arXiv:2407.14509, supplement 10)."
        for one in poor
        if one.name not in parameters.permuted_concepts
    ]


def _failing(own: Gap, poor: Sequence[Gap]) -> str:
    text = (
        f"Performance on generated images may differ from that on real ones (gap {own.short}) by more than "
        f"the {BAR:g} of AUROC that the paper accepts: importances on them need not be those on real images."
    )
    if poor:
        return f"{text} Concepts that are not drawn well: {', '.join(one.name for one in poor)}."
    return f"{text} No judged concept explains it; something that is not judged may be drawn badly."


def _examples(target: Target, parameters: EffectiveGeneration) -> list[Example]:
    """Real images beside what was drawn from their captions; nobody chose them."""
    evidence, asked = target.evidence, drawing(parameters)
    drawn = target.numbers(target.drawn.answers.plain)[0]
    found = []
    for index in spread(target.rows, SHOWN):
        record = evidence.records[index]
        said = caption(evidence.data.card, record) or "no caption"
        title = said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
        generated = evidence.concept_picture(asked, index, {})
        panels = [
            (f"real: {target.worded(target.real[index])}", png(evidence.picture(index))),
            (f"generated: {target.worded(drawn[index])}", png(generated)),
        ]
        found.append(Example(record.id, title, panels))
    return found
