import report_samples
from hypothesis import given
from hypothesis import strategies as st
from report_builders import audit, figure, measurement

from auditkit.report.by_group import forests
from auditkit.report.figures import draw
from auditkit.report.flow import flow
from auditkit.report.language import IN_ENGLISH, Language


def measured(*found, **changes):
    return audit("a", "performance", "A", "", measurements=list(found), **changes)


def test_flow_ranges_over_measures():
    lost = {"one class only": 2}
    found = flow(
        measured(
            measurement("x", 0.1, n=398, clusters=199, planned=400, not_evaluable=lost),
            measurement("y", 0.1, n=100, clusters=80, planned=103, not_evaluable={"too dark": 3}),
        ),
        [report_samples.data()],
    )
    assert found.planned == (103, 400)
    assert found.evaluated == (100, 398)
    assert found.clusters == (80, 199)
    assert dict(found.lost) == {"too dark": 3, "one class only": 2}
    assert found.data.images == 1000


def test_what_cannot_be_asked_is_told_apart_from_what_was_lost():
    unfit = {"applicable": False, "reason": "no gradients", "planned": 0}
    found = flow(measured(measurement("x", None, **unfit), measurement("y", None, **unfit)), [])
    assert found.inapplicable == {"no gradients": 2}
    assert found.evaluated is None
    assert found.planned == (0, 0)


def test_an_audit_that_measured_nothing_has_no_flow():
    assert flow(measured(), []) is None


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_no_reason_is_counted_above_any_measure(counts):
    found = [measurement(f"m{i}", 0.1, not_evaluable={"r": n}) for i, n in enumerate(counts)]
    assert flow(measured(*found), []).lost["r"] == max(counts)


def test_forest_has_a_row_for_every_group_the_unestimated_too(whole, whole_page):
    drawn = forests(whole.audits[1], whole.data, IN_ENGLISH)
    assert [each.title for each in drawn] == ["roc_auc by group", "sensitivity by group"]
    assert drawn[0].labels == [
        "all images, n = 400",
        "skin_tone: light, n = 400",
        "skin_tone: dark, n = 400",
        "skin_tone: unknown, 7 planned: no estimate",
    ]
    assert drawn[0].series[0].y == [0.8, 0.8, 0.7000000000000001, None]
    assert "unknown, 7 planned" in draw(drawn[0], "f")
    assert "roc_auc by group" in whole_page


def test_dimensions_that_are_no_groups_have_no_forest():
    radii = [measurement("mean_change", 0.1, at={"radius": 5.0})]
    assert forests(measured(*radii), [report_samples.data()], IN_ENGLISH) == []


def test_columns_that_the_audit_cuts_itself_are_groups():
    bands = [measurement("accuracy", 0.1, at={"age": "30-49"})]
    found = forests(measured(*bands, parameters={"bands": {"age": [30, 50]}}), [], IN_ENGLISH)
    assert [each.name for each in found] == ["by-group-accuracy"]


def test_intersections_are_rows_of_their_own():
    joint = [measurement("accuracy", 0.1, at={"skin_tone": "dark", "hair": "none"})]
    (found,) = forests(measured(*joint), [report_samples.data()], IN_ENGLISH)
    assert found.labels == ["skin_tone × hair: dark × none, n = 400"]


def test_other_measures_are_drawn_where_there_is_no_discrimination():
    own = [measurement(name, 0.1, at={"hair": "none"}) for name in ("a", "b", "c", "d")]
    found = forests(measured(*own), [report_samples.data()], IN_ENGLISH)
    assert [each.name for each in found] == ["by-group-a", "by-group-b", "by-group-c"]


def test_figures_of_nothing_speak_the_language():
    for kind in ("lines", "forest", "boxes", "violins", "matrix", "ranks"):
        empty = figure("f", "F", [], kind=kind)
        assert "nichts war auswertbar" in draw(empty, "f", Language("de"))


def test_what_cannot_be_asked_is_not_drawn_as_groups_that_are_too_small():
    unfit = {"applicable": False, "reason": "no gradients", "at": {"skin_tone": "dark"}}
    audited = measured(measurement("iou", None, **unfit))
    assert forests(audited, [report_samples.data()], IN_ENGLISH) == []
