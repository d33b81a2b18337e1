"""One digest of what a run found and judged: equal wherever, however and whenever it was computed.

Fields are left out, never rounded; verdicts and decisions are sorted, since their order is that of the
items. What is left out, and why:

- ``run``: name, times, command line, exit status, counts of shards, engine, workers, batch and shard size, so
  how it was executed.
- ``environment``: machine, versions, commit, device.
- ``deviations.dirty`` and ``deviations.reruns``: the state of the repository, and another plugin.
- ``evidence``: addresses and digests of shards, which follow their size and the code's version.
- ``sources``, ``registration``: copies of what was read, with times; what matters of them stands with its own
  digest in models, data, instruments and audits.
- ``redaction``, ``language``: of the copy and of its page.
- ``file``, ``card`` and ``origin``: where a file lay; its sha256 stays.
- ``proficiency``: what a study of planted faults says, which is no finding of this run.
- measured time and memory (`MEASURED`): of the check `efficiency`, whatever is told of seconds and of memory.
  What was judged by them goes with them: those verdicts, and of that model the decision and the adjusted
  p-values, which follow from all p-values together.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from operator import itemgetter
from typing import Any, Final

from auditkit.results.schema import Results

LEFT_OUT: Final[Mapping[str, Collection[str]]] = {
    "": ("run", "environment", "evidence", "sources", "registration", "redaction", "language"),
    "deviations": ("dirty", "reruns"),
    "profile": ("file",),
    "models": ("card",),
    "audits": ("file",),
    "verdicts": ("file", "proficiency"),
    "verdicts.waiver": ("origin",),
}
"""Fields that are left out, by the part that they belong to."""

MEASURED: Final[Mapping[str, Collection[str]]] = {"efficiency": ("seconds", "peak_memory")}
"""Last words of measures that are about a machine, by check."""

# Of a verdict about a machine: which expectation it is, and nothing that was found.
_ASKED: Final = ("node", "audit", "model", "measure", "at", "expected", "severity", "condition")
# Of verdicts and decisions beside such a one: what follows from all p-values together.
_TOGETHER: Final = ("p_adjusted", "fault")


def found_digest(results: Results) -> str:
    """sha256 of the canonical JSON of what was found and judged, in lower-case hexadecimal digits."""
    text = json.dumps(found(results), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def found(results: Results) -> dict[str, Any]:
    """What the digest is of."""
    kept: dict[str, Any] = _without(results.model_dump(mode="json"), "")
    checks = {(audit["audit"], audit["model"]): audit["check"] for audit in kept["audits"]}
    kept["audits"] = [_machineless(audit) for audit in kept["audits"]]
    measured = [verdict for verdict in kept["verdicts"] if _of_machine(verdict, checks)]
    models = {verdict["model"] for verdict in measured}
    for verdict in kept["verdicts"]:
        if verdict in measured:
            _keep(verdict, _ASKED)
        elif verdict["model"] in models:
            _drop(verdict, _TOGETHER)
    for release in kept["release"]:
        if release["model"] in models:
            _keep(release, ("model",))
    kept["verdicts"].sort(key=itemgetter("node"))
    kept["release"].sort(key=itemgetter("model"))
    return kept


def _without(value: Any, place: str) -> Any:
    """The value without the fields that are left out of its part."""
    if isinstance(value, list):
        return [_without(each, place) for each in value]
    if not isinstance(value, dict):
        return value
    left_out = LEFT_OUT.get(place, ())
    inner = f"{place}." if place else ""
    return {k: _without(v, f"{inner}{k}") for k, v in value.items() if k not in left_out}


def _of_machine(verdict: Mapping[str, Any], checks: Mapping[tuple[str, str], str]) -> bool:
    check = checks.get((verdict["audit"], verdict["model"]), "")
    return _is_measured(check, verdict["measure"])


def _is_measured(check: str, measure: str) -> bool:
    return measure.rpartition(".")[2] in MEASURED.get(check, ())


def _machineless(audit: dict[str, Any]) -> dict[str, Any]:
    """An audit's findings without time and memory, and without the renderings that quote them."""
    check = audit["check"]
    if check not in MEASURED:
        return audit
    kept = [m for m in audit["measurements"] if not _is_measured(check, m["name"])]
    return audit | {"measurements": kept, "figures": [], "tables": [], "notes": []}


def _keep(part: dict[str, Any], names: Collection[str]) -> None:
    _drop(part, [name for name in part if name not in names])


def _drop(part: dict[str, Any], names: Collection[str]) -> None:
    for name in names:
        part.pop(name, None)
