"""Reading an audit spec and holding it against what exists: checks, measures, data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.spec.audit import AuditSpec, Expectation
from auditkit.spec.beside import Beside, beside
from auditkit.spec.catalogue import Catalogue, checks
from auditkit.spec.conditions import condition_problems
from auditkit.spec.data_card import DataCard
from auditkit.spec.declaration import CheckDeclaration, Combined, Measure, Parameters
from auditkit.spec.problems import Problem, SpecError, nearest
from auditkit.spec.regular import is_file, is_folder
from auditkit.spec.strict_yaml import Document, Place, read_yaml
from auditkit.spec.typed import typed, typed_part

SPEC_SUFFIXES = (".audit.yaml", ".audit.yml")


@dataclass(frozen=True)
class Audit:
    """A spec that is known to be answerable: check, typed parameters and data card resolved."""

    spec: AuditSpec
    check: CheckDeclaration
    parameters: Parameters
    data: DataCard
    path: Path
    digest: str
    lines: tuple[int, ...]
    beside: Beside = field(default_factory=Beside)
    combined_lines: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """The audit's unique id."""
        return self.spec.audit


def load_audit(path: Path, catalogue: Catalogue) -> Audit:
    """Read and validate one spec.

    Raises:
        SpecError: with every problem that was found, each with file and line.
    """
    document = read_yaml(path)
    spec = typed(document, AuditSpec)
    declaration = _check(document, spec)
    problems: list[Problem] = []
    data = _data(document, spec, catalogue, problems)
    try:
        parameters = typed_part(document, spec.parameters, declaration.parameters, ("with",))
    except SpecError as error:
        raise SpecError([*problems, *error.problems]) from None
    beside = _beside(document, data, parameters, catalogue, problems)
    measures = declaration.measures(parameters)
    for i, expectation in enumerate(spec.expect):
        problems += _expectation_problems(document, ("expect", i), expectation, measures)
    if problems or data is None:
        raise SpecError(problems)
    lines = tuple(document.line(("expect", i)) for i in range(len(spec.expect)))
    combined = tuple(document.line(("with", *one.place)) for one in parameters.combined)
    return Audit(
        spec, declaration, parameters, data, path, document.digest, lines, beside, combined
    )


def keyword_parameters(
    check: str, parameters: dict[str, Any], path: Path, line: int = 1
) -> tuple[CheckDeclaration, Parameters]:
    """A check by name and its parameters given as keywords, typed.

    Raises:
        AuditError: the check or a parameter is not known, or has another type.
    """
    known = checks()
    if check not in known:
        raise AuditError(f"unknown check '{check}'; {nearest(check, known)}")
    lines: dict[Place, int] = {(): line, **{(key,): line for key in parameters}}
    document = Document(path, parameters, lines)
    try:
        typed_parameters = typed_part(document, parameters, known[check].parameters, ())
    except SpecError as error:
        messages = "; ".join(problem.message for problem in error.problems)
        raise AuditError(f"{check}: {messages}") from None
    return known[check], typed_parameters


def _check(document: Document, spec: AuditSpec) -> CheckDeclaration:
    known = checks()
    if spec.check not in known:
        message = f"unknown check '{spec.check}'; {nearest(spec.check, known)}"
        raise SpecError([Problem(document.path, document.line(("check",)), message)])
    return known[spec.check]


def _data(
    document: Document, spec: AuditSpec, catalogue: Catalogue, problems: list[Problem]
) -> DataCard | None:
    name = spec.data
    path_like = "/" in name or name.endswith((".yaml", ".yml"))
    if path_like and not Path(name).is_absolute():
        name = str(document.path.parent / name)
    try:
        return catalogue.data(name)
    except SpecError as error:
        problems += error.problems
    except AuditError as error:
        problems.append(Problem(document.path, document.line(("data",)), str(error)))
    return None


def _beside(
    document: Document,
    data: DataCard | None,
    parameters: Parameters,
    catalogue: Catalogue,
    problems: list[Problem],
) -> Beside:
    try:
        return beside(parameters, data, catalogue) if data else Beside()
    except AuditError as error:
        problems.append(Problem(document.path, document.line(("with",)), str(error)))
        return Beside()


def _expectation_problems(
    document: Document, place: Place, expectation: Expectation, measures: Any
) -> list[Problem]:
    name = expectation.measure
    line = document.line((*place, "measure"))
    if name not in measures:
        message = f"unknown measure '{name}'; {nearest(name, measures)}"
        return [Problem(document.path, line, message)]
    measure: Measure = measures[name]
    found = [
        Problem(document.path, document.line((*place, "at", dimension)), message)
        for dimension, message in at_problems(expectation, measure)
    ]
    for key, message in condition_problems(expectation, measures):
        found.append(Problem(document.path, document.line((*place, key)), message))
    return found


def at_problems(expectation: Expectation, measure: Measure) -> list[tuple[str, str]]:
    """What is wrong with the values of dimensions that an expectation names: dimension and message."""
    problems = []
    for dimension, value in expectation.at.items():
        if dimension not in measure.at:
            hint = nearest(dimension, measure.at) if measure.at else "it has no dimensions"
            problems.append(
                (dimension, f"at: '{expectation.measure}' has no '{dimension}'; {hint}")
            )
            continue
        known = measure.at[dimension]
        if known is not None and value not in known:
            listed = ", ".join(str(item) for item in known)
            problems.append(
                (dimension, f"at: {dimension} {value!r} is not computed; known: {listed}")
            )
    for dimension, known in measure.at.items():
        if dimension in expectation.at:
            continue
        if known is not None and len(known) > 1:
            listed = ", ".join(str(item) for item in known)
            problems.append((dimension, f"at: say which {dimension} is meant; known: {listed}"))
        if known is None and not measure.everywhere:
            problems.append((dimension, f"at: say which value of '{dimension}' is meant"))
    return problems


def resolve_at(expectation: Expectation, measure: Measure) -> dict[str, float | str]:
    """The expectation's ``at`` with dimensions of one value filled in."""
    only = {name: known[0] for name, known in measure.at.items() if known and len(known) == 1}
    return {**only, **expectation.at}


def find_specs(paths: list[Path], suffixes: tuple[str, ...] = SPEC_SUFFIXES) -> list[Path]:
    """Specs and cards at or below ``paths``, sorted."""
    found: set[Path] = set()
    for path in paths:
        if not is_file(path) and not is_folder(path):
            raise AuditError(f"{path} does not exist; give spec files (*.audit.yaml) or folders")
        inside = path.rglob("*") if is_folder(path) else [path]
        found |= {item for item in inside if item.name.endswith(suffixes) or item == path}
    return sorted(item for item in found if is_file(item))


def check_assumptions(audits: list[Audit]) -> None:
    """Ids are unique, assumed audits exist, and nothing assumes itself in a circle.

    Raises:
        SpecError: naming the file.
    """
    problems = []
    known: dict[str, Audit] = {}
    for audit in audits:
        if audit.id in known:
            message = f"audit id '{audit.id}' is already used in {known[audit.id].path}; rename one"
            problems.append(Problem(audit.path, 1, message))
        known[audit.id] = audit
    for audit in audits:
        for name in audit.spec.assumes:
            if name not in known:
                message = f"assumes '{name}', which is not an audit here; {nearest(name, known)}"
                problems.append(Problem(audit.path, 1, message))
            elif known[name].data.task != audit.data.task:
                message = f"assumes '{name}', which is about another task ({known[name].data.task})"
                problems.append(Problem(audit.path, 1, message))
        problems += _unassumed(audit, known)
        problems += _uncombined(audit, known)
        if _reaches(audit.id, audit.id, known, set()):
            problems.append(Problem(audit.path, 1, _circle(audit)))
    if problems:
        raise SpecError(problems)


def _circle(audit: Audit) -> str:
    if not audit.check.combines:
        return f"'{audit.id}' assumes itself in a circle"
    return (
        f"'{audit.id}' rests on itself in a circle: one of the audits that it combines assumes it; drop "
        "one of the two"
    )


def _unassumed(audit: Audit, known: Mapping[str, Audit]) -> list[Problem]:
    """Checks that the audit's check rests on, and of which it assumes no audit on the same ground."""
    problems = []
    for check in audit.check.rests_on:
        assumed = [known[name] for name in audit.spec.assumes if name in known]
        if not any(_supports(other, check, audit) for other in assumed):
            message = (
                f"'{audit.check.name}' rests on '{check}': add to 'assumes' an audit of that check on "
                f"'{audit.data.data}', with the same generator and at least the same concepts"
            )
            problems.append(Problem(audit.path, 1, message))
    return problems


def _uncombined(audit: Audit, known: Mapping[str, Audit]) -> list[Problem]:
    """What is wrong with the findings of other audits that the audit's check combines."""
    every = audit.parameters.combined
    lines = audit.combined_lines or (1,) * len(every)
    return [
        Problem(audit.path, line, text)
        for one, line in zip(every, lines, strict=True)
        for text in _uncombinable(audit, one, known)
    ]


def _uncombinable(audit: Audit, one: Combined, known: Mapping[str, Audit]) -> list[str]:
    """What is wrong with one of them."""
    other = known.get(one.audit)
    if other is None:
        return [f"names the audit '{one.audit}', which is not here; {nearest(one.audit, known)}"]
    if other.data.task != audit.data.task:
        return [f"names '{one.audit}', which is about another task ({other.data.task})"]
    if other.check.combines:
        return [f"names '{one.audit}', which combines audits itself; name those"]
    return _unmeasured(other, one.measure, one.at)


def _unmeasured(audit: Audit, measure: str, at: Mapping[str, float | str]) -> list[str]:
    """What is wrong with a measure of an audit."""
    measures = audit.check.measures(audit.parameters)
    if measure not in measures:
        return [
            f"names '{measure}' of '{audit.id}', which is unknown; {nearest(measure, measures)}"
        ]
    if measures[measure].choices:
        return [f"names '{measure}' of '{audit.id}', which is a name and no number"]
    asked = Expectation(measure=measure, at=dict(at), above=0)
    problems = at_problems(asked, measures[measure])
    return [f"names '{measure}' of '{audit.id}': {text}" for _, text in problems]


def _supports(other: Audit, check: str, audit: Audit) -> bool:
    """Whether an assumed audit asks what a check rests on, of the same data, generator and concepts."""
    if other.check.name != check or other.data.path != audit.data.path:
        return False
    generators = other.parameters.generators
    same = not generators or tuple(generators) == tuple(audit.parameters.generators)
    first, own = (tuple(one.parameters.counterfactuals[:1]) for one in (other, audit))
    if first != own:
        return False
    asked, permuted = audit.parameters.permuted_concepts, other.parameters.permuted_concepts
    return same and set(asked) <= set(permuted)


def rested_on(audit: Audit) -> list[str]:
    """Ids of the audits that are judged before an audit: what it assumes, and what it combines."""
    return [*audit.spec.assumes, *(one.audit for one in audit.parameters.combined)]


def _reaches(start: str, goal: str, known: dict[str, Audit], seen: set[str]) -> bool:
    for name in rested_on(known[start]) if start in known else ():
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            if _reaches(name, goal, known, seen):
                return True
    return False
