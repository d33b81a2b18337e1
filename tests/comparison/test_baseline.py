"""What an earlier run has to compare with, and what is said where it has nothing."""

import re

import numpy as np
import pytest
from finished_runs import (
    IMAGES,
    LABELS,
    MEASURES,
    PATIENTS,
    auroc_measurement,
    mean_measurement,
    model,
    run,
    scores,
    simple,
)
from finished_runs import audit as audit_in

from auditkit.comparison.baseline import Baseline
from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.results.samples import samples_file, samples_name
from auditkit.spec.audit import Expectation
from auditkit.verdict import Verdict, judge

EXPECTED = Expectation(measure="roc_auc", not_worse_than="baseline", margin=0.05)
MEASURED = auroc_measurement(scores())
ASKED = {
    "audit": "performance",
    "check": "performance",
    "parameters": {},
    "model": "net",
    "task": "melanoma",
    "better": "higher",
}


def test_the_same_release_is_not_worse_and_a_spoilt_one_is(tmp_path):
    baseline = Baseline.read(simple(tmp_path / "old", scores()))
    same = baseline.against(auroc_measurement(scores()), **ASKED)
    assert judge(EXPECTED, MEASURED, same).verdict is Verdict.PASS
    worse = baseline.against(auroc_measurement(scores(worse=0.8)), **ASKED)
    found = judge(EXPECTED, auroc_measurement(scores(worse=0.8)), worse)
    assert found.verdict is Verdict.FAIL
    assert found.p_value < 0.001
    value = baseline.value(worse.paired)
    assert (value.run, value.pairs, value.only_old) == ("old", 400, 0)
    assert value.new - value.value == pytest.approx(worse.paired.estimate.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model": "other", "task": "pneumonia"},
            "neither 'other' nor a single model for pneumonia",
        ),
        ({"audit": "heatmaps"}, "no findings of 'heatmaps'"),
        ({"check": "light"}, "was of the check 'performance' there"),
        ({"parameters": {"radius": 5}}, r"other parameters there \(radius\)"),
    ],
)
def test_what_the_baseline_lacks_is_said(tmp_path, changes, message):
    baseline = Baseline.read(simple(tmp_path / "old", scores()))
    found = baseline.against(MEASURED, **(ASKED | changes))
    assert found.paired is None
    assert re.search(message, found.missing)
    assert judge(EXPECTED, MEASURED, found).verdict is Verdict.NOT_RUN


def test_parameters_that_only_choose_images_do_not_matter(tmp_path):
    baseline = Baseline.read(simple(tmp_path / "old", scores()))
    found = baseline.against(MEASURED, **(ASKED | {"parameters": {"by": ["sex"], "images": 9}}))
    assert found.paired is not None


def test_a_renamed_release_is_compared_with_the_only_model_of_its_task(tmp_path):
    folder = simple(tmp_path / "old", scores())
    asked = ASKED | {"model": "net-next"}
    assert Baseline.read(folder).against(MEASURED, **asked).paired is not None
    models = [model(), model("net-second")]
    several = simple(tmp_path / "several", scores(), models=models)
    assert Baseline.read(several).against(MEASURED, **asked).missing
    assert Baseline.read(several).against(MEASURED, **ASKED).paired is not None


def test_a_measure_without_numbers_per_image_is_not_run(tmp_path):
    old = auroc_measurement(scores(), sample=None)
    folder = run(tmp_path / "old", [audit_in(tmp_path / "old", [old])], [])
    baseline = Baseline.read(folder)
    assert "kept no numbers per image" in baseline.against(MEASURED, **ASKED).missing
    assert "no numbers per image are kept" in baseline.against(old, **ASKED).missing


def test_a_changed_file_of_samples_is_not_believed(tmp_path):
    folder = simple(tmp_path / "old", scores())
    file, _ = samples_name(samples_file("performance", "net", "lesions", [MEASURED], MEASURES))
    (folder / file).write_bytes((folder / file).read_bytes().replace(b"digest-000", b"digest-xxx"))
    assert "was changed" in Baseline.read(folder).against(MEASURED, **ASKED).missing


def test_relabelled_images_are_inconclusive(tmp_path):
    baseline = Baseline.read(simple(tmp_path / "old", scores()))
    labels = LABELS.copy()
    labels[:4] = 1 - labels[:4]
    sample = type(MEASURED.sample)("auroc", IMAGES, PATIENTS, scores(), labels)
    moved = auroc_measurement(scores(), sample=sample)
    found = judge(EXPECTED, moved, baseline.against(moved, **ASKED))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "4 images have another label" in found.reason


def test_what_could_not_be_estimated_now_is_inconclusive(tmp_path):
    baseline = Baseline.read(simple(tmp_path / "old", scores()))
    nothing = Measurement("roc_auc", {}, None, "", (0, 1), 2, reason="one class only")
    found = judge(EXPECTED, nothing, baseline.against(nothing, **ASKED))
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "one class only")


def test_lower_is_better_for_an_error(tmp_path):
    values = np.random.default_rng(0).uniform(0.1, 0.3, 400)
    folder = tmp_path / "old"
    found = audit_in(folder, [mean_measurement(values)])
    baseline = Baseline.read(run(folder, [found], []))
    expected = Expectation(measure="brier", not_worse_than="baseline", margin=0.02)
    asked = ASKED | {"better": "lower"}
    for shift, verdict in ((-0.05, Verdict.PASS), (0.001, Verdict.PASS), (0.05, Verdict.FAIL)):
        new = mean_measurement(values + shift)
        assert judge(expected, new, baseline.against(new, **asked)).verdict is verdict


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(AuditError, match="give the folder of a run"):
        Baseline.read(tmp_path)
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(AuditError, match="not a results file of this version"):
        Baseline.read(tmp_path)


def test_an_average_against_other_labels_is_inconclusive(tmp_path):
    """Better labels would otherwise make up for a worse model."""
    expected = Expectation(measure="accuracy", not_worse_than="baseline", margin=0.05)

    def accuracy(labels):
        right = (scores() > 0.75) == labels
        sample = type(MEASURED.sample)("mean", IMAGES, PATIENTS, right.astype(float), labels)
        return mean_measurement(right.astype(float), "accuracy", sample=sample)

    wrong = LABELS.copy()
    wrong[:20] = 1 - wrong[:20]
    folder = tmp_path / "old"
    folder.mkdir()
    baseline = Baseline.read(run(folder, [audit_in(folder, [accuracy(wrong)])], []))
    now = accuracy(LABELS)
    found = judge(expected, now, baseline.against(now, **ASKED))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "20 images have another label" in found.reason
    same = accuracy(wrong)
    assert judge(expected, same, baseline.against(same, **ASKED)).verdict is Verdict.PASS
