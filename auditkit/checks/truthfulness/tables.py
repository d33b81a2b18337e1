"""The table of a truthfulness audit, and what its reader must know."""

from collections.abc import Iterator

from auditkit.checks.measuring import worded
from auditkit.findings import Findings, Table
from auditkit.spec.declarations.truthfulness import Truthfulness
from auditkit.spec.methods import Method
from auditkit.stats import Estimate

FOLLOWED = (
    "The published code is followed: values of a heatmap at or below 0 are never removed, the random "
    "baseline scatters a heatmap over the background, and the x axis is nominal, so that the two curves need "
    "not end alike and ΔAUPC is above 0 for many a heatmap that knows nothing."
)


def table(findings: Findings, parameters: Truthfulness) -> Table:
    """ΔAUPC, AUPC and the distance from each control, by method and fill."""
    over = [f"over[{control.label}]" for control in parameters.controls]
    rows = [
        _row(findings, parameters, method, fill, ["delta_aupc", "aupc", *over])
        for method in parameters.compared
        for fill in parameters.fills
    ]
    columns = ["ΔAUPC", "AUPC", *(f"above {control.label}" for control in parameters.controls)]
    return Table(
        "delta_aupc",
        "ΔAUPC by method",
        ["method", "fill", *columns, "sign over fills", "n", "not evaluable"],
        rows,
        "ΔAUPC above zero: the heatmap finds what matters better than chance. Above a control: ΔAUPC "
        "of the method minus that of the control, each against random orders of its own cells.",
    )


def _row(
    findings: Findings, parameters: Truthfulness, method: Method, fill: str, parts: list[str]
) -> list[str]:
    at = {"fill": fill}
    found = [findings.find(f"{method.label}.{part}", at) for part in parts]
    delta = found[0]
    is_control = method in parameters.controls
    cells = [
        "" if is_control and place > 1 else worded(measurement)
        for place, measurement in enumerate(found)
    ]
    count = delta.estimate.n if delta and delta.estimate else 0
    missing = sum(delta.not_evaluable.values()) if delta else 0
    signs = _signs(findings, parameters, method)
    return [method.label, fill, *cells, signs, str(count), str(missing)]


def _deltas(findings: Findings, parameters: Truthfulness, method: Method) -> list[Estimate]:
    name = f"{method.label}.delta_aupc"
    found = [findings.find(name, {"fill": fill}) for fill in parameters.fills]
    return [one.estimate for one in found if one and one.estimate]


def _signs(findings: Findings, parameters: Truthfulness, method: Method) -> str:
    found = _deltas(findings, parameters, method)
    if len(found) < 2:
        return "–"
    return "differs" if _differ(found) else "same"


def _differ(found: list[Estimate]) -> bool:
    return any(e.value > 0 for e in found) and any(e.value < 0 for e in found)


def sign_changes(findings: Findings, parameters: Truthfulness) -> Iterator[str]:
    """A note for each method whose ΔAUPC has another sign with another fill."""
    for method in parameters.compared:
        found = _deltas(findings, parameters, method)
        if not _differ(found):
            continue
        resolved = any(e.low > 0 for e in found) and any(e.high < 0 for e in found)
        yield (
            f"{method.label}: the sign of ΔAUPC depends on what fills removed pixels"
            + ("" if resolved else ", within what the intervals leave open")
            + "; do not rest a conclusion on one fill."
        )
