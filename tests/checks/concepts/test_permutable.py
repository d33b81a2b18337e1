"""Permutable concepts: counts are exact, correlated concepts and telling texts are found."""

import numpy as np
import pytest

from auditkit import stats
from auditkit.checks.concepts.permutable import permutable_concepts
from auditkit.checks.concepts.permutable_report import MOST_SENTENCES
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.permutable_concepts import PermutableConcepts
from auditkit.verdict import Verdict, judge

from .drawn_evidence import Drawing, Painter
from .planted_models import LABELS, NAMES, VALUES, N, planted

PARAMETERS = PermutableConcepts(concepts=["red", "green", "blue"])


@pytest.fixture(scope="module")
def found():
    return permutable_concepts(planted(), PARAMETERS)


def evidence(values, **more):
    return Drawing(Painter(NAMES, values, LABELS, **more), lambda content, _repeat: content)


def test_every_declared_measure_is_measured(found):
    declared = SHIPPED["permutable-concepts"].measures(PARAMETERS)
    assert {m.name for m in found.measurements} == set(declared)


def test_counts_are_exact(found):
    counts = [int(min(VALUES[:, k].sum(), N - VALUES[:, k].sum())) for k in range(3)]
    for name, count in zip(("red", "green", "blue"), counts, strict=True):
        estimate = found[f"rarest[{name}]"].estimate
        assert (estimate.low, estimate.value, estimate.high) == (count, count, count)
    smallest = found["smallest_count"]
    assert smallest.estimate.value == min(counts)
    above = Expectation(measure="smallest_count", above=min(counts) - 1)
    assert judge(above, smallest).verdict is Verdict.PASS
    below = Expectation(measure="smallest_count", above=min(counts))
    assert judge(below, smallest).verdict is Verdict.FAIL


def test_unknown_values_widen_a_count_by_what_they_may_be():
    unknown = [(i, "red") for i in range(6)]
    found = permutable_concepts(evidence(VALUES, unknown=unknown), PARAMETERS)
    red = found["rarest[red]"]
    known = VALUES[6:, 0]
    assert red.estimate.low == min(known.sum(), len(known) - known.sum())
    assert red.estimate.high == red.estimate.low + 6
    assert red.not_evaluable == {"the value of 'red' is unknown": 6}
    passes = judge(Expectation(measure="rarest[red]", above=red.estimate.low - 1), red)
    assert passes.verdict is Verdict.PASS
    assert ["red", "unknown", "6", "6", f"{600 / N:.1f} %"] in found.tables[0].rows


def test_a_declared_value_that_no_image_has_counts_zero_with_the_reason():
    values = VALUES.copy()
    values[:, 1] = 1
    found = permutable_concepts(evidence(values), PARAMETERS)
    assert found["smallest_count"].estimate.value == 0
    assert "green has only the value 1 in these data: it cannot be permuted." in found.notes
    assert found["largest_association"].estimate is None
    assert "association[red, green] could not be estimated" in found["largest_association"].reason


def test_association_of_two_concepts_is_found():
    values = VALUES.copy()
    values[:, 1] = np.where(np.arange(N) % 5 == 0, 1 - values[:, 0], values[:, 0])
    found = permutable_concepts(evidence(values), PARAMETERS)
    expected = stats.association(values[:, 0], values[:, 1]).value
    assert found["association[red, green]"].estimate.value == pytest.approx(expected)
    largest = found["largest_association"].estimate
    assert largest.value == pytest.approx(expected)
    assert largest.low > 0.3
    assert any(note.startswith("red and green go together (Cramér's V 0.") for note in found.notes)


def test_concepts_of_one_block_may_go_together():
    values = VALUES.copy()
    values[:, 1] = values[:, 0]
    together = PermutableConcepts(concepts=[["red", "green"], "blue"])
    found = permutable_concepts(evidence(values), together)
    names = [m.name for m in found.measurements if m.name.startswith("association")]
    assert names == ["association[red, blue]", "association[green, blue]"]
    assert found["largest_association"].estimate.value < 0.3
    (figure,) = found.figures
    assert figure.kind == "matrix"
    assert [list(line.x) for line in figure.series] == [[2.0], [2.0], [0.0, 1.0]]
    assert found["rarest[red + green]"].estimate.value == min(
        values[:, 0].sum(), N - values[:, 0].sum()
    )


def test_one_block_has_no_association():
    one = PermutableConcepts(concepts=["red"])
    found = permutable_concepts(planted(), one)
    assert {m.name for m in found.measurements} == set(SHIPPED["permutable-concepts"].measures(one))
    assert not any("association" in m.name for m in found.measurements)
    assert found.figures == []


def test_sentences_that_mention_a_concept_are_counted_and_listed():
    texts = [""] * N
    texts[0] = "A red spot. Nothing else."
    texts[4] = "No red. Green all over."
    texts[5] = "Hair only."
    found = permutable_concepts(evidence(VALUES, texts=texts), PARAMETERS)
    assert found["mentions[red]"].estimate.value == pytest.approx(2 / N)
    assert found["mentions[green]"].estimate.value == pytest.approx(1 / N)
    assert found["largest_mentions"].estimate.value == pytest.approx(2 / N)
    table = found.tables[1]
    assert [row[:2] for row in table.rows] == [["red", "i0"], ["red", "i4"], ["green", "i4"]]
    assert table.rows[0][2] == "A red spot."
    assert any(f"2 of {N} images mentions" in note for note in found.notes)


def test_the_list_of_sentences_says_what_it_leaves_out():
    found = permutable_concepts(evidence(VALUES, texts=["Red. Green."] * N), PARAMETERS)
    table = found.tables[1]
    assert len(table.rows) == MOST_SENTENCES
    assert table.caption == f"{2 * N} sentences; the first {MOST_SENTENCES} of them are listed."


def test_patients_are_counted_beside_images():
    found = permutable_concepts(evidence(VALUES, images_per_patient=N), PARAMETERS)
    assert {row[3] for row in found.tables[0].rows} == {"1"}
    assert found["smallest_count"].estimate.clusters == 1
