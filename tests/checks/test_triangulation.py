"""Rows become lines, lines become one conclusion; nothing is established without two lines that agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit import stats
from auditkit.checks.triangulation import triangulation
from auditkit.checks.triangulation.lines import Asked, Evidence, conclude, read
from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations.triangulation import Row, Triangulation
from auditkit.verdict import judge

HALF = 0.02


def measured(value, half=HALF):
    """An estimate whose interval is about value ± half."""
    spread = np.linspace(-1, 1, 400)
    values = value + spread * half * np.sqrt(400) / 1.96 / spread.std()
    return Measurement("m", {}, stats.mean(values), "u", (-9.0, 9.0), 400)


def row(line="intervention", towards="up", margin=0.1):
    return Row(line=line, audit="a", measure="m", towards=towards, margin=margin)


def states(*values, **kwargs):
    rows = [Asked(row(**kwargs), 0.1, None if v is None else measured(v)) for v in values]
    return [(one.state, one.sign) for one in read(rows)]


def test_a_row_is_an_effect_beyond_its_margin_none_within_and_else_unclear():
    assert states(0.3, -0.3, 0.0, 0.11, None) == [
        ("effect", 1),
        ("effect", -1),
        ("none", 0),
        ("unclear", 0),
        ("not available", 0),
    ]
    assert states(0.3, towards="down") == [("effect", -1)]
    assert states(0.3, -0.3, towards="unsigned") == [("effect", 0), ("none", 0)]


def test_many_rows_must_be_surer_each():
    # 0.1 + 2.2 standard errors: p is about .014, enough alone and not among ten.
    near = 0.1 + 2.2 * HALF / 1.96
    assert states(near) == [("effect", 1)]
    assert states(near, *[0.0] * 9)[0] == ("unclear", 0)


def line(kind, *values, towards="up"):
    rows = [
        Asked(row(kind, towards), 0.1, None if v is None else measured(v), "why") for v in values
    ]
    return Evidence.of(kind, read(rows))


EFFECT, LOWER, NONE, UNCLEAR, ABSENT = 0.4, -0.4, 0.0, 0.1, None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((EFFECT, EFFECT), "established"),
        ((LOWER, LOWER, UNCLEAR), "established"),
        ((EFFECT, EFFECT, NONE), "contradicted"),
        ((EFFECT, LOWER), "contradicted"),
        ((EFFECT, NONE), "contradicted"),
        ((EFFECT, UNCLEAR, ABSENT), "suggested"),
        ((EFFECT,), "suggested"),
        ((NONE, UNCLEAR), "not found"),
        ((NONE, NONE), "not found"),
        ((UNCLEAR, ABSENT), "unclear"),
        ((ABSENT, ABSENT), "not examined"),
    ],
)
def test_every_conclusion(values, expected):
    kinds = ("intervention", "counterfactuals", "concepts")
    lines = [line(kind, value) for kind, value in zip(kinds, values, strict=False)]
    assert conclude(lines) == expected


def test_a_line_without_direction_agrees_with_either():
    importance = line("concepts", EFFECT, towards="unsigned")
    assert conclude([line("intervention", EFFECT), importance]) == "established"
    assert conclude([line("intervention", LOWER), importance]) == "established"


def test_two_rows_of_one_line_are_one_line():
    assert conclude([line("intervention", EFFECT, EFFECT)]) == "suggested"
    assert line("intervention", EFFECT, NONE).state == "effect"
    assert line("intervention", EFFECT, LOWER).state == "unclear"
    assert line("intervention", NONE, UNCLEAR).state == "unclear"
    assert line("intervention", NONE, ABSENT).state == "none"


class Others:
    """What other audits found: by audit."""

    def __init__(self, found, between=None, min_n=1):
        self._found, self._between, self._min_n = found, between, min_n

    def found(self, name, measure, at):
        value = self._found[name]
        return (None, value) if isinstance(value, str) else (measured(value), "")

    def expected(self, name, measure, at):
        if self._between is None:
            return []
        return [Expectation(measure=measure, between=list(self._between), min_n=self._min_n)]


def asked(**attributes):
    return Triangulation.model_validate({"attributes": attributes})


def rows(*pairs, **more):
    return [{"line": kind, "audit": audit, "measure": "m", **more} for kind, audit in pairs]


PARAMETERS = asked(
    hair=rows(("intervention", "i"), ("concepts", "c")),
    pink=rows(("intervention", "p"), ("counterfactuals", "q")),
    veil=rows(("heatmaps", "absent")),
)


def test_the_planted_attribute_comes_first_and_is_said_in_words():
    found = triangulation(
        Others(
            {"i": 0.0, "c": 0.01, "p": 0.3, "q": 0.5, "absent": "not run: no study"}, (-0.1, 0.1)
        ),
        PARAMETERS,
    )
    named = {one.name: one.choice.value for one in found.measurements}
    assert named == {
        "conclusion[pink]": "established",
        "conclusion[hair]": "not found",
        "conclusion[veil]": "not examined",
        "first": "pink",
    }
    assert [text.split(":")[0] for text in found.notes] == ["pink", "hair", "veil"]
    assert found.notes[0] == (
        "pink: established. The model reads it: an effect by intervention (more of it raises the score) "
        "and counterfactuals (more of it raises the score)."
    )
    assert "excluded by intervention and concept permutation" in found.notes[1]
    table = found.tables[0]
    assert table.columns == [
        "attribute",
        "conclusion",
        "intervention",
        "counterfactuals",
        "concept permutation",
        "heatmaps",
    ]
    assert table.rows[0][2].startswith("effect +: 0.3 [0.28, 0.32], n = 400, margin 0.1")
    assert table.rows[2][5] == "not available (absent: not run: no study)"
    figure = found.figures[0]
    assert [series.name for series in figure.series] == [
        "intervention",
        "counterfactuals",
        "concept permutation",
    ]
    assert figure.series[0].y[0] == pytest.approx(3.0, abs=0.01)
    assert figure.labels == ["pink: p", "pink: q", "hair: i", "hair: c"]


def test_nothing_found_has_no_first():
    found = triangulation(
        Others({"i": 0.0, "c": 0.0, "p": 0.0, "q": "gone", "absent": "gone"}, (-0.1, 0.1)),
        PARAMETERS,
    )
    assert found["first"].choice.value == "none"


@pytest.mark.parametrize("between", [None, (0.5, 0.9), (-0.1, 0.2)])
def test_a_row_needs_a_margin_of_its_own_or_of_its_audit(between):
    everything = {"i": 0.0, "c": 0.0, "p": 0.0, "q": 0.0, "absent": "x"}
    with pytest.raises(AuditError, match=r"'m' of 'i' has no expectation.*give the row a margin"):
        triangulation(Others(everything, between), PARAMETERS)
    own = asked(hair=rows(("intervention", "i"), margin=0.2))
    found = triangulation(Others(everything, between), own)
    assert found.measurements[0].choice.value == "not found"


def test_fewer_patients_than_its_audit_declared_say_nothing():
    found = triangulation(
        Others({"i": 0.5, "c": 0.0}, (-0.1, 0.1), min_n=401),
        asked(hair=rows(("intervention", "i"), ("concepts", "c"))),
    )
    assert found["conclusion[hair]"].choice.value == "unclear"
    assert found["first"].choice.value == "none"
    assert found.tables[0].rows[0][2].startswith("unclear: 0.5 [0.48, 0.52], n = 400")


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.floats(-0.3, 0.3), st.sampled_from([0, 1, 40]), st.sampled_from([1, 100]))
def test_a_row_says_no_more_than_its_audit_s_verdict(seed, true, missing, min_n):
    values = np.random.default_rng(seed).normal(true, 0.2, 60)
    found = Measurement(
        "m", {}, stats.mean(values), "u", (-1.0, 1.0), 60 + missing, {"blank": missing}
    )
    verdict = judge(Expectation(measure="m", between=[-0.1, 0.1], min_n=min_n), found).verdict
    (one,) = read([Asked(row(), 0.1, found, min_n=min_n)])
    assert one.state == {"pass": "none", "fail": "effect"}.get(verdict.value, "unclear")


def test_it_is_no_check_of_one_model_s_evidence():
    with pytest.raises(AuditError, match="write a spec beside theirs"):
        triangulation(object(), PARAMETERS)


def test_an_attribute_without_rows_is_refused():
    with pytest.raises(ValueError, match="'hair' has no rows"):
        asked(hair=[])


VEIL = rows(("intervention", "v"), ("counterfactuals", "w"))
PINK = rows(("intervention", "p"), ("counterfactuals", "q"))


@pytest.mark.parametrize(
    ("found", "first", "said"),
    [
        ({"v": 0.6, "w": 0.6, "p": 0.3, "q": 0.3}, "pink", "A sound model may read it so."),
        ({"v": 0.6, "w": 0.6, "p": 0.3, "q": "none"}, "veil", "A sound model may read it so."),
        (
            {"v": -0.6, "w": -0.6, "p": 0.3, "q": 0.3},
            "veil",
            "A sound model reads it the other way: more of it raises the score.",
        ),
    ],
)
def test_what_a_sound_model_may_read_comes_after_what_it_should_not(found, first, said):
    parameters = Triangulation.model_validate(
        {"attributes": {"veil": VEIL, "pink": PINK}, "warranted": {"veil": "up"}}
    )
    findings = triangulation(Others(found, (-0.1, 0.1)), parameters)
    assert findings.find("first", {}).choice.value == first
    (veil,) = [note for note in findings.notes if note.startswith("veil")]
    assert veil.endswith(said)
    assert not any("sound model" in note for note in findings.notes if note.startswith("pink"))


def test_lines_in_opposite_directions_do_not_add():
    parameters = asked(veil=VEIL, pink=PINK)
    found = triangulation(
        Others({"v": 0.3, "w": -0.3, "p": 0.4, "q": 0.0}, (-0.1, 0.1)), parameters
    )
    assert found.find("conclusion[veil]", {}).choice.value == "contradicted"
    assert found.find("conclusion[pink]", {}).choice.value == "contradicted"
    assert found.find("first", {}).choice.value == "pink"


def test_an_attribute_that_no_row_is_about_cannot_be_warranted():
    with pytest.raises(ValueError, match="'veils' is not among 'attributes'; did you mean 'veil'"):
        Triangulation.model_validate({"attributes": {"veil": VEIL}, "warranted": {"veils": "up"}})
