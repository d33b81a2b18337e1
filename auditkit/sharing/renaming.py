"""Pseudonyms in place of ids, wherever in results they can stand."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final, TypeVar

from auditkit.results import AuditResult, DataResult, Results, VerdictResult
from auditkit.results.part import Part
from auditkit.sharing.paths import argument_without_paths, paths_in, without_paths
from auditkit.sharing.vocabulary import Vocabulary
from auditkit.sharing.withholding import is_picture

# Heads of columns, facets and groups whose values are ids.
ID_NAMES: Final = frozenset(
    {
        *("id", "image", "image_id", "patient", "patient_id", "subject", "subject_id"),
        *("case_id", "lesion_id", "study_id", "exam_id"),
    }
)
# Heads of columns that quote what was written about a patient.
QUOTING: Final = frozenset({"sentence"})
# Checks whose examples are headed by the picture's caption, which may be a report about a patient.
QUOTING_CHECKS: Final = frozenset({"effective-generation"})
WITHHELD: Final = "(withheld)"
# Data of pictures, in which a number is no id.
_LEFT_ALONE: Final = ("sha256", "outline", "commit")

AnyPart = TypeVar("AnyPart", bound=Part)


class Renaming:
    """Replaces ids and, in copies that leave the house, absolute paths.

    Args:
        vocabulary: the ids that are known.
        paths: whether absolute paths are replaced, too.
    """

    def __init__(self, vocabulary: Vocabulary, *, paths: bool) -> None:
        self.vocabulary = vocabulary
        self.paths: set[str] = set()
        self._paths = paths

    def audit(self, found: AuditResult) -> AuditResult:
        """An audit's findings."""
        return self._part(found, found.data)

    def verdict(self, found: VerdictResult, data: str) -> VerdictResult:
        """A verdict about a data set."""
        return self._part(found, data)

    def data(self, found: DataResult) -> DataResult:
        """A data set's identity and make-up."""
        return self._part(found, found.data)

    def results(self, found: Results) -> Results:
        """A whole run."""
        content = found.model_dump(mode="json")
        of_audit = {audit.audit: audit.data for audit in found.audits}
        # Each part knows whose ids it can hold.
        own = {
            "audits": [self._json(part, part["data"]) for part in content["audits"]],
            "verdicts": [
                self._json(part, of_audit.get(part["audit"], "")) for part in content["verdicts"]
            ],
            "data": [self._json(part, part["data"]) for part in content["data"]],
        }
        rest = {name: part for name, part in content.items() if name not in own}
        renamed = self._json(rest, "") | own
        renamed["run"]["command"] = list(map(self._argument, content["run"]["command"]))
        return Results.model_validate(renamed)

    def text(self, text: str, data: str = "") -> str:
        """Any text."""
        if self._paths:
            self.paths |= set(paths_in(text))
            text = without_paths(text, self._path)
        return self.vocabulary.in_text(text, data)

    def _argument(self, text: str) -> str:
        self.paths |= set(paths_in(text))
        plain = argument_without_paths(text, self._path) if self._paths else text
        return self.vocabulary.in_text(plain, "")

    def _path(self, path: str) -> str:
        return self.vocabulary.path(path)

    def _part(self, found: AnyPart, data: str) -> AnyPart:
        content = self._json(found.model_dump(mode="json"), data)
        return type(found).model_validate(content)

    def _json(self, part: Any, data: str, key: str = "") -> Any:
        if isinstance(part, str):
            if key == "image_id":
                return self.vocabulary.of(part, data)
            return part if key.endswith(_LEFT_ALONE) else self.text(part, data)
        if isinstance(part, list):
            return [self._json(item, data, key) for item in part]
        return self._fields(part, data, key) if isinstance(part, dict) else part

    def _fields(self, part: dict[str, Any], data: str, key: str) -> dict[str, Any]:
        if key == "facets":
            return {name: self._named(name, value, data) for name, value in part.items()}
        if key == "groups":
            return {name: self._counts(name, counts, data) for name, counts in part.items()}
        found = {self.text(name, data): self._json(part[name], data, name) for name in part}
        if is_picture(part):
            # Its name is its digest, which stays.
            found["file"] = part["file"]
        if part.keys() >= {"columns", "rows"}:
            found["rows"] = [list(self._cells(part["columns"], row, data)) for row in part["rows"]]
        if part.get("check") in QUOTING_CHECKS:
            found["examples"] = [shown | {"title": WITHHELD} for shown in found["examples"]]
        return found

    def _cells(self, heads: list[str], row: list[str], data: str) -> Iterator[str]:
        for head, cell in zip_longest(heads[: len(row)], row, fillvalue=""):
            yield self._named(head, cell, data)

    def _named(self, name: str, value: str, data: str) -> str:
        """A value under a name that says whether it is an id."""
        if name in QUOTING and value:
            return WITHHELD
        return self.vocabulary.of(value, data) if is_id(name) else self.text(value, data)

    def _counts(self, name: str, counts: Any, data: str) -> Any:
        """Images by value of a group."""
        if not isinstance(counts, dict):
            return self._json(counts, data)
        return {self._named(name, value, data): count for value, count in counts.items()}


def is_id(name: str) -> bool:
    """Whether a column, facet or group of this name holds ids."""
    return name.lower().replace(" ", "_") in ID_NAMES


def ids_in(results: Results) -> Mapping[str, set[str]]:
    """Ids in the places of results that hold nothing else, by data set."""
    found: dict[str, set[str]] = {data.data: set() for data in results.data}
    for data in results.data:
        for name, counts in data.groups.items():
            if is_id(name):
                found[data.data] |= set(counts)
    for audit in results.audits:
        found.setdefault(audit.data, set()).update(_ids_of(audit))
    return found


def _ids_of(audit: AuditResult) -> Iterator[str]:
    yield from (example.image_id for example in audit.examples)
    shown = [
        *((item.image_id, item.facets) for each in audit.galleries for item in each.items),
        *((case.image_id, case.facets) for each in audit.counterfactuals for case in each.cases),
    ]
    for image, facets in shown:
        yield image
        yield from (value for name, value in facets.items() if is_id(name))
    for table in audit.tables:
        for place, head in enumerate(table.columns):
            if is_id(head):
                yield from (row[place] for row in table.rows)
