import pytest
import report_samples
from report_builders import SHA

from auditkit.report.banners import banners


def titles(**changes):
    results = report_samples.passing()
    return [banner.title for banner in banners(results.model_copy(update=changes))]


def deviating(**changes):
    return report_samples.passing().deviations.model_copy(update=changes)


def test_whole_clean_run_has_none():
    assert titles() == []


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"dirty": True}, "Uncommitted changes"),
        ({"reruns": True}, "Reruns"),
        ({"planned": 2}, "Partial run"),
        ({"deselected": ["x"]}, "Partial run"),
        ({"stand_ins": ["dermanet"]}, "Stand-ins"),
        ({"other_tasks": {"glioma": 2}}, "Other tasks"),
    ],
)
def test_each_deviation_has_its_banner(changes, title):
    assert titles(deviations=deviating(**changes)) == [title]


@pytest.mark.parametrize("status", [2, 3, 4])
def test_run_that_broke_off_says_so(status):
    run = report_samples.passing().run.model_copy(update={"exit_status": status})
    assert titles(run=run) == ["Broken off"]


def test_weights_without_an_expected_digest_are_named():
    model = report_samples.model(stand_in="", pinned=False)
    assert titles(models=[model]) == ["Weights not pinned"]
    assert titles(models=[model.model_copy(update={"weights_sha256": ""})]) == ["Weights not read"]
    assert titles(models=[model.model_copy(update={"pinned": True, "weights_sha256": SHA})]) == []


def test_stand_in_without_a_deviation_is_still_named():
    assert titles(models=[report_samples.model()]) == ["Stand-ins"]
