import re
from xml.etree import ElementTree as ET

import pytest
import report_samples
from report_builders import verdict
from report_hostile import BREAKING_OUT, everywhere, full

from auditkit.report.junit import outcome, render
from auditkit.results import WaiverResult
from auditkit.verdict import Verdict

# Written from the schema of Jenkins' xUnit plug-in (junit-10), against which pytest holds its xunit2 family.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {
        *("name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp"),
        *("hostname", "id", "package", "file", "log", "url"),
    },
    "testcase": {"name", "time", "classname", "group"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
    "system-err": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testsuite", "properties", "testcase", "system-out", "system-err"},
    "testcase": {"skipped", "error", "failure", "system-out", "system-err"},
    "properties": {"property"},
}
REQUIRED = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name"},
    "property": {"name", "value"},
}


def assert_strict(element):
    assert set(element.attrib) <= ATTRIBUTES[element.tag]
    assert REQUIRED.get(element.tag, set()) <= set(element.attrib)
    assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
    for child in element:
        assert_strict(child)


@pytest.fixture(scope="module")
def run(folder):
    return full(folder)


def test_the_strictest_reader_takes_it(run, results):
    for each in (run, results, report_samples.passing(), everywhere(run, BREAKING_OUT)):
        root = ET.fromstring(render(each))
        assert root.tag == "testsuites"
        assert_strict(root)


def test_every_expectation_is_a_case_and_counts_are_right(run):
    root = ET.fromstring(render(run))
    cases = list(root.iter("testcase"))
    assert len(cases) == len(run.verdicts) == int(root.get("tests"))
    assert len(list(root)) == len({(v.audit, v.model) for v in run.verdicts})
    for suite in root:
        own = list(suite.iter("testcase"))
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(count)) == sum(case.find(tag) is not None for case in own)
        assert int(suite.get("tests")) == len(own)
    assert int(root.get("failures")) == len(list(root.iter("failure")))


WAIVER = WaiverResult(
    approver="A. Person",
    reason="known",
    expires="2030-01-01",
    reference="R-1",
    origin="x",
    in_force=True,
)


@pytest.mark.parametrize(
    ("word", "element"),
    [
        (Verdict.PASS, ""),
        (Verdict.FAIL, "failure"),
        (Verdict.INCONCLUSIVE, "failure"),
        (Verdict.NOT_INTERPRETABLE, "failure"),
        (Verdict.NOT_RUN, "failure"),
        (Verdict.NOT_APPLICABLE, "skipped"),
        (Verdict.ERROR, "error"),
    ],
)
def test_outcomes_are_pytests(word, element):
    assert outcome(verdict("a", "m", word))[0] == element


def test_a_waiver_in_force_skips_and_says_who(run):
    kind, text = outcome(verdict("a", "m", Verdict.FAIL, waiver=WAIVER))
    assert kind == "skipped"
    assert "A. Person" in text
    assert "2030-01-01" in text
    assert "R-1" in text
    expired = WAIVER.model_copy(update={"in_force": False})
    assert outcome(verdict("a", "m", Verdict.FAIL, waiver=expired))[0] == "failure"


def test_case_is_named_as_pytest_names_it():
    (case,) = ET.fromstring(render(report_samples.passing())).iter("testcase")
    assert case.get("classname") == "audits.dermoscopy.performance.audit.yaml"
    assert case.get("name") == "roc_auc[dermanet]"


def test_values_and_digests_are_there(run):
    root = ET.fromstring(render(run))
    case = next(case for case in root.iter("testcase") if "pink.mean_change" in case.get("name"))
    told = dict(re.findall(r"\[\[PROPERTY\|([^=]+)=(.*)\]\]", case.find("system-out").text))
    assert told["audit.estimate"] == "0.063"
    assert (told["audit.low"], told["audit.high"], told["audit.n"]) == ("0.057", "0.069", "400")
    assert told["audit.verdict"] == "fail"
    assert told["audit.expected"] == "between -0.05 and 0.05"
    assert (told["audit.file"], told["audit.line"]) == ("audits/dermoscopy/light.audit.yaml", "12")
    suite = next(suite for suite in root if suite.get("name") == "light[dermanet]")
    facts = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert facts["audit.weights_sha256"] == run.models[0].weights_sha256
    assert facts["audit.manifest_sha256"] == run.data[0].manifest_sha256
    assert facts["audit.run"] == run.run.id


def test_text_can_forge_neither_elements_nor_values(run):
    hostile = everywhere(run, BREAKING_OUT)
    text = render(hostile).decode("utf-8")
    tags = [element.tag for element in ET.fromstring(text).iter()]
    assert tags == [element.tag for element in ET.fromstring(render(everywhere(run, "x"))).iter()]
    assert not re.search("[\x00-\x08\x0b-\x1f\x1b\u202e\ufffe]", text)
    for output in ET.fromstring(text).iter("system-out"):
        rows = output.text.split("\n")
        assert all(row.startswith("[[PROPERTY|audit.") and row.endswith("]]") for row in rows)
        assert len({row.partition("=")[0] for row in rows}) == len(rows)
