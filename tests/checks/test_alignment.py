"""The check `alignment` recovers planted overlaps, quadrants and cases."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from auditkit import metrics, stats
from auditkit.checks.alignment import alignment
from auditkit.checks.coverages import NO_ANNOTATION, SCORES, Annotations, coverages
from auditkit.checks.pictures import EDGE, coloured, overlaid
from auditkit.evidence.identity import seed_of
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.alignment import Alignment
from auditkit.spec.postprocess import PRESETS

from .aligned_evidence import SIDE, Aligning, heat_on, planted, square

NONZERO = {"binarise": {"rule": "nonzero"}}
KINDS = ["equal", "inside", "around", "beside", "half"] * 8
RIGHT = np.arange(40) < 20


def asked(**parameters):
    return Alignment.model_validate({"methods": ["gradient"], **NONZERO, **parameters})


def value(findings, name, at=None):
    return findings.find(f"gradient.{name}", at or {}).estimate.value


def test_cases_and_quadrants_are_the_planted_ones_with_their_intervals():
    evidence = planted(KINDS, RIGHT, images_per_patient=2)
    findings = alignment(evidence, asked())
    measures = SHIPPED["alignment"].measures(asked())
    assert {m.name for m in findings.measurements} == set(measures)
    # Four of each kind are decided right: 'half' has a coverage of 0.5, which is neither.
    for name in ("human_aligned", "sufficient_subset", "context_dependant", "sufficient_context"):
        assert value(findings, name) == pytest.approx(4 / 20), name
    for name in ("confuser", "insufficient_subset", "context_confusion", "distractor"):
        assert value(findings, name) == pytest.approx(4 / 20), name
    # 'around' covers 16 of 100 pixels: low.
    assert value(findings, "right_for_right_reasons") == pytest.approx(8 / 20)
    assert value(findings, "right_for_wrong_reasons") == pytest.approx(8 / 20)
    assert value(findings, "wrong_for_wrong_reasons") == pytest.approx(8 / 20)
    hits = np.isin(KINDS[:20], ["beside", "around"])
    expected = stats.proportion(hits, evidence.patients[:20])
    found = findings["gradient.right_for_wrong_reasons"]
    assert found.estimate == expected
    assert found.planned == 20
    assert found.estimate.clusters == 10


def test_the_tables_count_every_image_once_and_print_the_cut_offs():
    evidence = planted([*KINDS, "zero", "zero"], np.append(RIGHT, [True, False]))
    findings = alignment(evidence, asked(cuts={"low": 0.15, "high": 0.6, "iou": 0.4}))
    tables = {table.name: table for table in findings.tables}
    for name in ("quadrants", "cases"):
        for row in tables[name].rows:
            cells = [int(cell.split(":")[0]) for cell in row[2:]]
            assert sum(cells[1:]) == cells[0] == 21, row
            assert cells[-1] == 1
    assert "at least 0.6; wrong reasons: at most 0.15" in tables["quadrants"].caption
    assert "IoU of at least 0.4" in tables["cases"].caption
    assert PRESETS["none"].digest in tables["coverage"].caption
    assert "all pixels that are not 0" in tables["coverage"].caption


def test_images_that_are_not_evaluable_are_counted_where_they_would_have_counted():
    evidence = planted([*KINDS, "zero", "equal", "equal"], np.append(RIGHT, [True, False, False]))
    evidence.masks[41], evidence.masks[42] = None, np.zeros((SIDE, SIDE), bool)
    findings = alignment(evidence, asked())
    everything = {"all-zero heatmap": 1, NO_ANNOTATION: 1, "empty ground truth": 1}
    assert findings["gradient.iou"].not_evaluable == everything
    assert findings["gradient.iou"].planned == 43
    assert findings["gradient.human_aligned"].not_evaluable == {"all-zero heatmap": 1}
    assert findings["gradient.human_aligned"].planned == 21
    wrong = findings["gradient.distractor"]
    assert wrong.not_evaluable == {NO_ANNOTATION: 1, "empty ground truth": 1}
    assert (wrong.planned, wrong.estimate.n) == (22, 20)


def test_no_right_decision_is_a_reason_and_no_share():
    findings = alignment(planted(KINDS, ~RIGHT & False), asked())
    found = findings["gradient.right_for_wrong_reasons"]
    assert found.estimate is None
    assert found.reason == "no image that could be evaluated was decided right"
    assert value(findings, "wrong_for_wrong_reasons") == pytest.approx(16 / 40)


def test_groups_have_every_measure_and_small_ones_no_estimate():
    site = np.where(np.arange(40) % 5 == 3, "b", "a")  # 'b' has all that looks beside
    evidence = planted(KINDS, RIGHT, groups={"site": site})
    findings = alignment(evidence, asked(by=["site"], min_group=8))
    assert value(findings, "right_for_wrong_reasons", {"site": "b"}) == 1.0
    assert value(findings, "distractor", {"site": "b"}) == 1.0
    assert value(findings, "right_for_wrong_reasons", {"site": "a"}) == pytest.approx(4 / 16)
    assert value(findings, "iou", {"site": "b"}) == 0.0
    names = {table.name: table for table in findings.tables}
    assert {row[1] for row in names["cases_by_group"].rows} == {"site: a", "site: b"}
    findings = alignment(evidence, asked(by=["site"], min_group=9))
    small = findings.find("gradient.iou", {"site": "b"})
    assert small.reason == "8 images, fewer than 9: no estimate is claimed"
    assert findings.find("gradient.iou", {"site": "a"}).estimate is not None


def test_groups_may_be_of_a_column_that_a_second_input_reads():
    evidence = planted(KINDS, RIGHT, features={"age": np.arange(40) % 2})
    findings = alignment(evidence, asked(by=["age"], min_group=10))
    assert findings.find("gradient.iou", {"age": 1}).estimate.n == 20
    assert {item.facets["age"] for item in findings.galleries[0].items} == {"0", "1"}


def test_a_method_that_does_not_fit_is_not_applicable_everywhere_and_its_maps_are_not_asked_for():
    site = np.where(np.arange(40) % 2, "a", "b")
    evidence = planted(KINDS, RIGHT, unfit={"gradcam": "no layer"}, groups={"site": site})
    parameters = asked(methods=["gradient", "gradcam"], by=["site"])
    findings = alignment(evidence, parameters)
    unfit = [m for m in findings.measurements if m.name.startswith("gradcam.")]
    assert {m.name for m in unfit} == {
        name for name in SHIPPED["alignment"].measures(parameters) if name.startswith("gradcam.")
    }
    assert len(unfit) == 3 * len({m.name for m in unfit})
    assert not any(m.applicable or m.estimate for m in unfit)
    assert {m.reason for m in unfit} == {"no layer"}
    rows = {row[0]: row[1:] for row in findings.tables[0].rows}
    assert set(rows["gradcam"][:-2]) == {"not applicable"}
    assert (rows["gradient"][-2:], rows["gradcam"][-2:]) == (["40", "0"], ["0", "0"])
    assert "gradcam is not applicable: no layer." in findings.notes
    nothing = alignment(planted(KINDS, RIGHT, unfit={"gradient": "no"}), asked())
    assert not nothing.galleries
    assert not nothing.examples


def test_the_short_form_is_the_rule_top_with_the_same_seeded_ties():
    maps = np.random.default_rng(3).integers(0, 3, (12, 4, 4)).astype(np.float32)
    evidence = Aligning(
        np.arange(12) % 2, np.full(12, 0.7), maps={"gradient": maps}, masks=[square(2, 5, 7)] * 12
    )
    short = Alignment(methods=["gradient"], top=0.2)
    long = asked(binarise={"rule": "top", "share": 0.2})
    found = [alignment(evidence, each)["gradient.iou"] for each in (short, long)]
    assert found[0] == found[1]
    expected = []
    for index in range(12):
        seed = seed_of("top", short.methods[0].identity, f"digest{index}")
        heat = evidence.heatmaps(short.methods[0]).full(index, (SIDE, SIDE))
        region = metrics.top_fraction_mask(heat, 0.2, tie_break=np.random.default_rng(seed))
        expected.append(metrics.iou(region, square(2, 5, 7)))
    assert found[0].estimate.value == np.mean(expected)


def test_scores_of_other_checks_are_those_of_this_one_and_post_processing_counts():
    evidence = planted(KINDS, RIGHT)
    plain, blurred = asked(), asked(postprocess="clinical-xai-2022")
    annotations = Annotations(evidence)
    method = plain.methods[0]
    for parameters in (plain, blurred):
        found = coverages(evidence, method, parameters, annotations)
        findings = alignment(evidence, parameters)
        for score in SCORES:
            assert value(findings, score) == found.values[score].mean()
    # Blurred maps have no zeros near the object: the region grows, the coverage falls.
    assert found.values["explanation_coverage"][0] < 0.9
    assert coverages(evidence, method, plain, annotations).values["iou"][0] == 1.0


def test_volumes_with_modalities_are_scored_over_all_of_them():
    heat = np.zeros((2, 2, 4, 4, 4), np.float32)
    heat[:, 0, :2, :2, :2], heat[:, 1, 2:, 2:, 2:] = 1.0, 3.0
    truth = np.zeros((8, 8, 8), bool)
    truth[:4, :4, :4] = True
    evidence = Aligning(np.zeros(2, int), np.zeros(2), maps={"gradient": heat}, masks=[truth] * 2)
    parameters = asked()
    found = coverages(evidence, parameters.methods[0], parameters, Annotations(evidence))
    assert found.values["explanation_coverage"].tolist() == [0.5, 0.5]
    assert found.values["ground_truth_coverage"].tolist() == [0.5, 0.5]
    assert found.values["iou"].tolist() == [1 / 3, 1 / 3]
    assert found.values["relevance_mass"].tolist() == [0.25, 0.25]


def test_annotations_survive_being_packed():
    masks = [np.random.default_rng(index).random((5, 7)) > 0.5 for index in range(3)] + [None]
    annotations = Annotations(Aligning(np.zeros(4, int), np.zeros(4), masks=masks))
    for index, mask in enumerate(masks[:3]):
        np.testing.assert_array_equal(annotations[index], mask)
    assert annotations[3] is None


def test_ranked_lists_name_both_ends_right_and_wrong_apart():
    evidence = planted(["equal", "half", "beside", "inside", "half", "beside"], np.arange(6) < 3)
    table = next(t for t in alignment(evidence, asked(ranked=2)).tables if t.name == "ranked")
    rows = {(row[1], row[2]): row[3:] for row in table.rows}
    assert rows["iou", "right"] == ["i0 1.00, i1 0.33", "i2 0.00, i1 0.33"]
    assert rows["explanation coverage", "wrong"] == ["i3 1.00, i4 0.50", "i5 0.00, i4 0.50"]
    assert len(rows) == 2 * len(SCORES)


def test_unreachable_alignment_is_noted_once_for_all_methods():
    maps = {"gradcam": planted(KINDS, RIGHT).maps["gradient"]}
    evidence = planted(KINDS, RIGHT, maps=maps)
    methods = ["gradient", "gradcam"]
    # Two of 256 pixels against an annotation of 16: at best an IoU of 1 / 8.
    findings = alignment(evidence, Alignment(methods=methods, top=2 / 256))
    (note,) = findings.notes
    assert note.startswith("gradient, gradcam: on most images no region as large")
    assert not alignment(evidence, asked(methods=methods)).notes


def test_examples_show_heatmap_and_annotation_and_say_what_the_colours_mean():
    findings = alignment(planted(KINDS, RIGHT), asked())
    assert len(findings.examples) == 4
    example = findings.examples[0]
    assert example.title == "gradient: explanation coverage 1.00, decided wrong"
    captions, pictures = zip(*example.panels, strict=True)
    assert captions == ("with annotation", "gradient", "magnitude of the heatmap")
    for content in pictures[:2]:
        picture = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
        assert picture.shape == (SIDE, SIDE, 3)
        assert (picture == EDGE).all(axis=-1).any()
    assert pictures[2] == findings.examples[1].panels[2][1]


def test_the_display_is_80_percent_where_strongest_and_grey_where_nothing_is():
    picture = np.zeros((1, 3, 3), np.uint8) + np.array([30, 60, 90], np.uint8)
    strength = np.array([[0.0, 0.5, 1.0]])
    shown = overlaid(picture, strength).astype(float)
    assert shown[0, 0].tolist() == [60, 60, 60]
    colours = coloured(strength).astype(float)
    np.testing.assert_allclose(shown[0, 2], 0.2 * 60 + 0.8 * colours[0, 2], atol=0.5)
    np.testing.assert_allclose(shown[0, 1], 0.6 * 60 + 0.4 * colours[0, 1], atol=0.5)
    lightness = coloured(np.linspace(0, 1, 256)).astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -1).all()


def test_a_map_of_superpixels_is_a_region_by_its_non_zero_pixels():
    evidence = planted(["equal"] * 4, [True] * 4)
    evidence.maps["gradient"] = np.stack([(heat_on(square(6, 6)) > 0).astype(np.float32)] * 4)
    assert value(alignment(evidence, asked()), "iou") == 1.0
