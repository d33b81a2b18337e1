from pathlib import Path

import pytest
import report_samples
from report_builders import verdict

from auditkit.report import words
from auditkit.report.language import Language
from auditkit.report.summary import _pattern, sentence, summaries
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.strict_yaml import read_yaml
from auditkit.verdict import Verdict

ENGLISH, GERMAN = Language("en"), Language("de")
AUDITS = Path(__file__).parents[2] / "audits"


def found(measure, estimate, **changes):
    return verdict("a", measure, Verdict.FAIL, estimate, **changes)


MARGIN = {"expected": "between -0.05 and 0.05"}


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (
            (0.31, 0.29, 0.33),
            "the model's score rises by 0.310 [0.290, 0.330] when images turn pinker",
        ),
        ((-0.31, -0.33, -0.29), "the model's score falls by 0.310 [0.290, 0.330] when images"),
        ((0.01, -0.02, 0.04), "the model's score changes by 0.010 [−0.020, 0.040] when images"),
        ((-0.01, -0.04, 0.02), "the model's score changes by −0.010 [−0.040, 0.020] when images"),
        ((0.0, 0.0, 0.0), "the model's score changes by 0.000 [0.000, 0.000] when images"),
        ((-0.01, -0.02, 0.0), "the model's score changes by −0.010 [−0.020, 0.000] when images"),
    ],
)
def test_a_change_rises_or_falls_by_its_sign_and_only_if_that_is_resolved(estimate, said):
    text = sentence(found("pink.mean_change", estimate, **MARGIN), "colour-shift")
    assert text.startswith(said)
    assert text.endswith("; limit: between −0.05 and 0.05.")


def test_sentences_are_of_the_reader_s_language():
    text = sentence(found("pink.mean_change", (0.31, 0.29, 0.33), **MARGIN), "colour-shift", GERMAN)
    assert text == (
        "der Score des Modells steigt um 0.310 [0.290, 0.330], wenn Bilder rosafarbener werden; Grenze: "
        "zwischen −0.05 und 0.05."
    )


def test_where_a_measure_was_taken_is_said():
    text = sentence(found("roc_auc", (0.7, 0.6, 0.8), at={"skin_tone": "dark"}), "performance")
    assert "AUROC of 0.700 [0.600, 0.800] (skin_tone dark); limit: above 0." in text


@pytest.mark.parametrize(
    ("check", "measure", "said"),
    [
        ("depict", "importance[blue-white veil]", "permuting blue-white veil costs"),
        ("truthfulness", "grad-cam.v2.delta_aupc", "removing what grad-cam.v2 highlights costs"),
        ("truthfulness", "lime.over[random-map]", "than removing what random-map does"),
        ("counterfactual-attributes", "difference[concept[hair]]", "concept[hair] is larger in"),
        ("performance", "roc_auc.largest_gap", "between two groups, the AUROC differs by up to"),
        ("own-check", "own.measure", "own.measure of a is 0.500 [0.400, 0.600] (n = 400)"),
        ("performance", "own", "own of a is 0.500"),
    ],
)
def test_parts_of_a_measure_s_name_have_their_places(check, measure, said):
    assert said in sentence(found(measure, (0.5, 0.4, 0.6)), check)


def test_against_a_baseline_the_value_is_a_difference():
    condition = {"not_worse_than": "baseline", "margin": 0.02}
    text = sentence(found("roc_auc", (-0.03, -0.04, -0.02), condition=condition), "performance")
    assert text == (
        "against the baseline, roc_auc falls by 0.030 [0.020, 0.040]; limit: not worse than the "
        "baseline by 0.02."
    )


def test_without_an_estimate_the_reason_speaks():
    text = sentence(verdict("a", "m", Verdict.NOT_RUN, reason="no camera."), "colour-shift")
    assert text == "m: no camera."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expected": "above 0.7"}, "above 0.7"),
        ({"expected": "below -1e-05"}, "below −1e−05"),
        ({"expected": "in [a, b]", "condition": {"in": ["a", "b"]}}, "in [a, b]"),
        ({"expected": "as the paper says, -3"}, "as the paper says, −3"),
    ],
)
def test_what_is_expected_in_words(changes, said):
    assert words.expected(found("m", (1, 1, 1), **changes)) == said


def gating():
    """Every measure on which a shipped audit has an expectation."""
    for path in sorted(AUDITS.rglob("*.audit.yaml")):
        spec = read_yaml(path).data
        for each in spec["expect"]:
            yield spec["check"], each["measure"]


def test_every_gating_measure_of_the_shipped_audits_has_its_sentence():
    asked = sorted(set(gating()))
    assert len(asked) > 60
    # A measure that is a name has no estimate to speak of.
    names = {"top_concept", "top_modality", "conclusion"}
    generic = [pair for pair in asked if not _pattern(pair[1], pair[0], ENGLISH)[0]]
    assert {measure.partition("[")[0] for _, measure in generic} <= names
    assert {check for check, _ in asked} <= set(SHIPPED)


@pytest.mark.parametrize("language", [ENGLISH, GERMAN])
def test_every_sentence_can_be_said(language):
    for check, measure in sorted(set(gating())):
        for estimate in ((0.3, 0.2, 0.4), (-0.3, -0.4, -0.2), (0.0, -0.1, 0.1)):
            text = sentence(found(measure, estimate), check, language)
            assert "{" not in text
            assert "0.2" in text or "0.1" in text


def test_every_blocking_expectation_is_told_once(whole):
    (summary,) = summaries(whole)
    blocking = [each for each in whole.verdicts if each.severity == "blocking"]
    open_ones = [one.verdict.node for one in summary.open]
    assert len(open_ones) == len(set(open_ones))
    met = sum(count for _, count, _ in summary.met)
    assert met + len(open_ones) + summary.inapplicable == len(blocking)
    assert met == sum(each.verdict is Verdict.PASS for each in blocking)
    assert summary.told == f"{met} of {len(blocking)} blocking expectations pass."


def test_summary_of_a_model_without_blocking_expectations():
    results = report_samples.passing()
    advisory = results.verdicts[0].model_copy(update={"severity": "advisory"})
    (summary,) = summaries(results.model_copy(update={"verdicts": [advisory]}))
    assert summary.told == "No blocking expectation was made of it."
    assert not summary.open
    assert not summary.met


def test_the_page_has_a_sentence_for_what_does_not_pass(page):
    assert (
        "the model&#39;s score rises by 0.063 [0.057, 0.069] when images turn pinker (radius 5); limit: "
        "between −0.05 and 0.05." in page
    )
