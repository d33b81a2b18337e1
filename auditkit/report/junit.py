"""results.json as JUnit XML: a suite per audit and model, a case per expectation.

The structure is what the strictest reader takes (Jenkins' xUnit plug-in, whose schema pytest calls xunit2):
cases have neither properties nor places in files. Facts of an audit are properties of its suite; those of an
expectation stand in its output as ``[[PROPERTY|name=value]]``, its file and line among them.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET

from auditkit.report.words import shown
from auditkit.results import Results, VerdictResult
from auditkit.verdict import Verdict

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def render(results: Results) -> bytes:
    """The document, in UTF-8; the same results give the same bytes."""
    suites = [
        _suite(results, audit, model, verdicts)
        for (audit, model), verdicts in _grouped(results.verdicts).items()
    ]
    root = ET.Element("testsuites", name=_text(f"auditkit {results.run.id}"))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.attrib[count]) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    text = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def outcome(verdict: VerdictResult) -> tuple[str, str]:
    """Which element says how a case ended, and its message; both empty for one that passed.

    As pytest sees a verdict, with two differences: results.json does not keep `on_inconclusive`, so that what
    is inconclusive fails; and a waiver in force makes of a failure a skipped case that says who waived it.
    """
    text = f"{verdict.verdict.value.upper()}: {verdict.measure}: {verdict.reason}"
    waiver = verdict.waiver
    if verdict.verdict is Verdict.PASS:
        return "", ""
    if verdict.verdict is Verdict.ERROR:
        return "error", text
    if waiver and waiver.in_force:
        reference = f" ({waiver.reference})" if waiver.reference else ""
        by = f"waived until {waiver.expires} by {waiver.approver}{reference}: {waiver.reason}"
        return "skipped", f"{by}; {text}"
    if verdict.verdict is Verdict.NOT_APPLICABLE:
        return "skipped", f"not applicable: {verdict.reason}"
    return "failure", text


def _grouped(verdicts: Sequence[VerdictResult]) -> dict[tuple[str, str], list[VerdictResult]]:
    found: dict[tuple[str, str], list[VerdictResult]] = {}
    for verdict in verdicts:
        found.setdefault((verdict.audit, verdict.model), []).append(verdict)
    return found


def _suite(
    results: Results, audit: str, model: str, verdicts: Sequence[VerdictResult]
) -> ET.Element:
    counts = Counter(outcome(verdict)[0] for verdict in verdicts)
    suite = ET.Element(
        "testsuite",
        name=_text(f"{audit}[{model}]"),
        tests=str(len(verdicts)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
        timestamp=_text(results.run.started),
        file=_text(verdicts[0].file),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _facts(results, audit, model):
        ET.SubElement(properties, "property", name=name, value=_text(value))
    suite.extend([_case(verdict) for verdict in verdicts])
    return suite


def _facts(results: Results, audit: str, model: str) -> Iterator[tuple[str, str]]:
    """Who was audited, by which spec and on which data: names and digests."""
    yield "audit.run", results.run.id
    yield "audit.model", model
    for known in results.models:
        if known.model == model:
            yield "audit.weights_sha256", known.weights_sha256
            yield "audit.card_sha256", known.card_sha256
    manifests = {data.data: data.manifest_sha256 for data in results.data}
    for found in results.audits:
        if (found.audit, found.model) == (audit, model):
            yield "audit.spec_sha256", found.sha256
            yield "audit.data", found.data
            yield "audit.manifest_sha256", manifests.get(found.data, "")
            return


def _case(verdict: VerdictResult) -> ET.Element:
    classname, name = _address(verdict.node)
    case = ET.Element("testcase", classname=_text(classname), name=_text(name))
    kind, message = outcome(verdict)
    if kind:
        ended = ET.SubElement(case, kind, type=verdict.verdict.value, message=_text(message))
        ended.text = f"{_text(message)}\n{_text(verdict.file)}:{verdict.line}"
    output = ET.SubElement(case, "system-out")
    values = _values(verdict).items()
    output.text = "\n".join(f"[[PROPERTY|{name}={_text(value)}]]" for name, value in values)
    return case


def _values(verdict: VerdictResult) -> Mapping[str, str]:
    """The facts of an expectation that are known, under the names of pytest's own junit.xml."""
    waiver = verdict.waiver
    found = {
        "audit.verdict": verdict.verdict.value,
        "audit.severity": verdict.severity,
        "audit.measure": verdict.measure,
        "audit.expected": verdict.expected,
        "audit.estimate": verdict.value,
        "audit.low": verdict.low,
        "audit.high": verdict.high,
        "audit.n": verdict.n,
        "audit.p_adjusted": verdict.p_adjusted,
        "audit.waiver": f"{waiver.approver}, until {waiver.expires}" if waiver else None,
        "audit.file": verdict.file,
        "audit.line": verdict.line,
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def _address(node: str) -> tuple[str, str]:
    """Class and name of a node id, as pytest writes them: a case keeps its history in CI."""
    path, bracket, parameters = node.partition("[")
    *before, name = path.split("::")
    return ".".join(each.replace("/", ".") for each in before), f"{name}{bracket}{parameters}"


def _text(value: str) -> str:
    """Text that XML can hold, on one line."""
    return " ".join(_SURROGATES.sub("\ufffd", shown(value)).split())
