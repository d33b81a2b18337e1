"""Check `permutable-concepts`: do the data allow the concepts to be permuted one by one?

Jabbour et al., ECCV 2024, arXiv:2407.14509, section 3 (first assumption) and section 5: every value has to
occur often enough, concepts that go together give captions of images that do not exist when one is
permuted alone, and free text that mentions a concept contradicts its new value.

Deviates: the paper states the assumption and picks concepts by frequency (above 5 %); here counts,
Cramér's V between concepts and the sentences that mention them are measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditkit import stats
from auditkit.checks.concepts.exact import counted
from auditkit.checks.concepts.extremes import extreme_of, strongest
from auditkit.checks.concepts.occurring import Occurring
from auditkit.checks.concepts.permutable_report import (
    association_figure,
    notes,
    sentences_table,
    values_table,
)
from auditkit.checks.concepts.values import UNKNOWN
from auditkit.checks.measuring import Measuring
from auditkit.evidence import Evidence
from auditkit.findings import Findings, Measurement
from auditkit.spec.declarations.permutable_concepts import (
    PERMUTABLE_CONCEPTS,
    PermutableConcepts,
    association,
)
from auditkit.stats.resampling import REPLICATES


def permutable_concepts(evidence: Evidence, parameters: PermutableConcepts) -> Findings:
    """Counts of every value, associations between concepts, mentions in free text."""
    data = Occurring.of(evidence, parameters.named_concepts)
    measuring = Measuring.of(PERMUTABLE_CONCEPTS, parameters, evidence.n)
    blocks = dict(zip(parameters.names, parameters.blocks, strict=True))
    findings = Findings(list(_counts(data, measuring, blocks)))
    pairs = {pair: _association(data, measuring, pair, REPLICATES) for pair in parameters.pairs}
    if (pair := strongest(pairs)) and stats.replicates_for(len(pairs)) > REPLICATES:
        # Else the correction for so many pairs leaves no lower limit, and no fault is ever claimed.
        pairs[pair] = _association(data, measuring, pair, stats.replicates_for(len(pairs)))
    if pairs:
        largest = extreme_of(measuring, "largest_association", list(pairs.values()), "largest")
        findings.measurements += [*pairs.values(), largest]
    told = [_mentioned(data, measuring, name, block) for name, block in blocks.items()]
    findings.measurements += [*told, extreme_of(measuring, "largest_mentions", told, "largest")]
    if len(data.concepts) > 1:
        findings.figures.append(association_figure(parameters.named_concepts, pairs))
    findings.tables.append(values_table(data))
    if data.found:
        findings.tables.append(sentences_table(data.found))
    findings.notes += notes(data, pairs)
    return findings


def _counts(
    data: Occurring, measuring: Measuring, blocks: dict[str, tuple[str, ...]]
) -> Iterator[Measurement]:
    """Images with the rarest declared value: by block, and of all."""
    for name, block in blocks.items():
        yield _rarest(data, measuring, f"rarest[{name}]", block)
    yield _rarest(data, measuring, "smallest_count", [name for b in blocks.values() for name in b])


def _rarest(
    data: Occurring, measuring: Measuring, measure: str, names: Sequence[str]
) -> Measurement:
    counts, most = zip(*(data.rarest(name) for name in names), strict=True)
    n, patients = data.evidence.n, len(set(data.evidence.patients.tolist()))
    exact = counted(min(counts), min(most), n, patients)
    measured = measuring(measure, lambda: exact, skipped=data.skipped(names))
    # The interval already holds whatever the unknown values are.
    return replace(measured, affected=0.0)


def _association(
    data: Occurring, measuring: Measuring, pair: tuple[str, str], replicates: int
) -> Measurement:
    first, second = pair
    a, b = data.places[first], data.places[second]
    rows = (a != UNKNOWN) & (b != UNKNOWN)
    measured = measuring(
        association(first, second),
        lambda: stats.association(
            a[rows], b[rows], data.evidence.patients[rows], replicates=replicates
        ),
        skipped=data.skipped([first, second]),
    )
    # It is asked of the images that can be permuted, and those are known.
    return replace(measured, affected=0.0)


def _mentioned(
    data: Occurring, measuring: Measuring, name: str, block: Sequence[str]
) -> Measurement:
    """Share of images whose text mentions a concept of the block."""
    ids = {one.id for one in data.found if one.concept in block}
    hits = [record.id in ids for record in data.evidence.records]
    return measuring(f"mentions[{name}]", lambda: stats.proportion(hits, data.evidence.patients))
