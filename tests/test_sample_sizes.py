"""The sample sizes that the comments of the shipped audits state are those the functions give."""

import math
import re
from collections import Counter
from pathlib import Path

import pytest
import scipy.stats
import yaml

from auditkit import load_data
from auditkit.stats import required_n_auroc, required_n_mean, required_n_proportion

AUDITS = Path(__file__).parents[1] / "audits" / "dermoscopy"
TWO_ALIKE = {"design_effect": 1 + (2 - 1) * 0.2}
COPIES = {"design_effect": 2.0}


def required_n_correlation(correlation, margin, design_effect):
    """Fisher's z: the standard error of atanh r is 1 / sqrt(n - 3)."""
    reach = scipy.stats.norm.ppf(0.975) + scipy.stats.norm.ppf(0.9)
    distance = math.atanh(correlation) - math.atanh(margin)
    return math.ceil(design_effect * math.ceil((reach / distance) ** 2 + 3))


# File, words of the comment up to the number, number needed, number of images there.
STATED = [
    (
        "performance.audit.yaml",
        "A true AUROC of 0.765:",
        required_n_auroc(0.765, 0.70, 0.4, **TWO_ALIKE),
        1000,
    ),
    (
        "performance.audit.yaml",
        "A true AUROC of 0.77:",
        required_n_auroc(0.77, 0.65, 0.4, **TWO_ALIKE),
        315,
    ),
    (
        "performance.audit.yaml",
        "A true sensitivity of 0.59:",
        required_n_proportion(0.59, 0.50, **TWO_ALIKE),
        414,
    ),
    (
        "performance.audit.yaml",
        "A true specificity of 0.675:",
        required_n_proportion(0.675, 0.60, **TWO_ALIKE),
        586,
    ),
    (
        "light.audit.yaml",
        "A true change of 0.022:",
        required_n_mean(0.15, 0.022, 0.05, **TWO_ALIKE),
        400,
    ),
    (
        "light.audit.yaml",
        "A true flip rate of 0.05:",
        required_n_proportion(0.05, 0.10, **TWO_ALIKE),
        400,
    ),
    (
        "handling.audit.yaml",
        "A true change of 0.022:",
        required_n_mean(0.15, 0.022, 0.05, **TWO_ALIKE),
        400,
    ),
    (
        "handling.audit.yaml",
        "A true flip rate of 0.05:",
        required_n_proportion(0.05, 0.10, **TWO_ALIKE),
        400,
    ),
    (
        "heatmaps.audit.yaml",
        "A true difference of 0.072:",
        required_n_mean(0.25, 0.072, 0, **TWO_ALIKE),
        160,
    ),
    (
        "heatmaps.audit.yaml",
        "A true difference of 0.1:",
        required_n_mean(0.35, 0.1, 0, **TWO_ALIKE),
        160,
    ),
    (
        "methods.audit.yaml",
        "A true mean rank of 2.1:",
        required_n_mean(1.12, 2.1, 2.5, **TWO_ALIKE),
        160,
    ),
    (
        "lesion.audit.yaml",
        "A true excess of 0.1:",
        required_n_mean(0.35, 0.1, 0, **TWO_ALIKE),
        160,
    ),
    (
        "lesion.audit.yaml",
        "A true mass of 0.45:",
        required_n_mean(0.15, 0.45, 0.4, **TWO_ALIKE),
        160,
    ),
    (
        "arithmetic.audit.yaml",
        "A true share of equal answers of 0.9999:",
        required_n_proportion(0.9999, 0.99, **COPIES),
        1000,
    ),
    (
        "preprocessing.audit.yaml",
        "A true correlation of 0.95:",
        required_n_correlation(0.95, 0.90, **COPIES),
        1000,
    ),
    (
        "reproduction.audit.yaml",
        "A true correlation of 0.993:",
        required_n_correlation(0.993, 0.99, **COPIES),
        1000,
    ),
    (
        "reproduction.audit.yaml",
        "A true agreement of decisions of 0.997:",
        required_n_proportion(0.997, 0.98, **COPIES),
        1000,
    ),
    (
        "attributes.audit.yaml",
        "A true change of 0.04:",
        required_n_mean(0.15, 0.04, 0.1, **TWO_ALIKE),
        100,
    ),
    (
        "lesion-attributes.audit.yaml",
        "A true change of -0.04:",
        required_n_mean(0.15, -0.04, -0.1, **TWO_ALIKE),
        100,
    ),
    (
        "concepts-permutable.audit.yaml",
        "A true share of 0.001:",
        required_n_proportion(0.001, 0.05, **TWO_ALIKE),
        400,
    ),
    (
        "concepts-drawn.audit.yaml",
        "A true AUROC of 0.95:",
        required_n_auroc(0.95, 0.88, 0.5, **TWO_ALIKE),
        400,
    ),
    (
        "concepts-independent.audit.yaml",
        "A true effect of 0.08:",
        required_n_mean(0.35, 0.08, 0.15, **TWO_ALIKE),
        400,
    ),
    (
        "concepts.audit.yaml",
        "A true importance of 0.01:",
        required_n_mean(0.2, 0.01, 0.05, **TWO_ALIKE),
        400,
    ),
    (
        "counterfactuals.audit.yaml",
        "A true consistency of 0.96:",
        required_n_proportion(0.96, 0.90, **TWO_ALIKE),
        300,
    ),
    (
        "counterfactual-attributes.audit.yaml",
        "A true difference of 1.4:",
        required_n_mean(3.0, 1.4, 2.3, **TWO_ALIKE),
        300,
    ),
    (
        "counterfactuals-clinical.audit.yaml",
        "A true consistency of 0.97:",
        required_n_proportion(0.97, 0.90, **TWO_ALIKE),
        200,
    ),
    (
        "counterfactual-attributes-clinical.audit.yaml",
        "A true difference of 3.5:",
        required_n_mean(3.0, 3.5, 5, **TWO_ALIKE),
        200,
    ),
    (
        "counterfactual-stability.audit.yaml",
        "A true correlation of profiles of 0.8:",
        required_n_mean(1.0, 0.8, 0.5, **TWO_ALIKE),
        160,
    ),
    (
        "counterfactual-screening.audit.yaml",
        "A true share of 0.9:",
        required_n_proportion(0.9, 0.75, **TWO_ALIKE),
        160,
    ),
    (
        "counterfactual-control.audit.yaml",
        "A true difference of 0.1:",
        required_n_mean(0.3, 0.1, 0.25, **TWO_ALIKE),
        200,
    ),
    (
        "counterfactuals-guided.audit.yaml",
        "A true consistency of 0.95:",
        required_n_proportion(0.95, 0.80, **TWO_ALIKE),
        80,
    ),
    (
        "counterfactual-attributes-guided.audit.yaml",
        "A true difference of 1:",
        required_n_mean(2.0, 1.0, 2.3, **TWO_ALIKE),
        80,
    ),
    (
        "test_camera.py",
        "A true change of 0.01:",
        required_n_mean(0.15, 0.01, 0.05, **TWO_ALIKE),
        200,
    ),
    (
        "expert-study.audit.yaml",
        "A true share of 0.2:",
        required_n_proportion(0.2, 0.5, **TWO_ALIKE),
        60,
    ),
]


def _comments(name):
    lines = (AUDITS / name).read_text(encoding="utf-8").splitlines()
    return " ".join(line.strip(" #") for line in lines if line.lstrip().startswith("#"))


@pytest.mark.parametrize(("name", "words", "needed", "there"), STATED)
def test_the_comment_states_what_the_function_gives(name, words, needed, there):
    assert f"{words} {needed} needed" in _comments(name)
    assert needed <= there


@pytest.mark.parametrize("name", sorted({row[0] for row in STATED}))
def test_every_number_of_the_comments_is_recomputed(name):
    assert len(re.findall(r"\d+ needed", _comments(name))) == sum(row[0] == name for row in STATED)
    assert re.search(r"design effect (1\.2|2) \(", _comments(name))
    assert "90 % power" in _comments(name)


@pytest.mark.parametrize("path", sorted(AUDITS.glob("*.audit.yaml")), ids=lambda path: path.name)
def test_the_images_of_the_spec_are_those_of_the_comment(path):
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    given = spec.get("with", {})
    if spec["check"] == "triangulation":
        assert "Sample sizes are those of the audits" in _comments(path.name)
        return
    images = given.get("images", 60 if "answers" in given else 1000)
    assert f"{images} images" in _comments(path.name)
    if path.name == "speed.audit.yaml":
        # Order statistics bound a median from both sides at 95 % from six images on, whatever the spread.
        assert 2 * 0.5**6 < 0.05 < 2 * 0.5**5
        assert f"{images} images: six bound a median" in _comments(path.name)
    else:
        assert any(row[0] == path.name and row[3] == images for row in STATED)


def test_the_data_hold_the_images_that_the_comments_count():
    records = load_data(AUDITS.parents[1] / "fixtures" / "data" / "dermoscopy.data.yaml").records
    tones = Counter(record.groups["skin_tone"] for record in records)
    melanomas = sum(record.label for record in records)
    assert (len(records), len({record.patient for record in records})) == (1000, 500)
    assert (melanomas, len(records) - melanomas, min(tones.values())) == (414, 586, 315)
