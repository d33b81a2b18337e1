"""Whether a condition suits its measure: can hold, can fail, and asks a name of names."""

from collections.abc import Mapping

from auditkit.spec.audit import Expectation
from auditkit.spec.declaration import Measure
from auditkit.spec.problems import nearest

Problems = list[tuple[str, str]]
"""Key of the expectation at which a problem stands, and what is wrong."""


def condition_problems(expectation: Expectation, measures: Mapping[str, Measure]) -> Problems:
    """What is wrong with a condition on a known measure; nothing, if it can hold and can fail."""
    measure = measures[expectation.measure]
    if expectation.not_worse_than is not None:
        return _of_baselines(expectation, measure)
    if measure.choices:
        return _of_names(expectation, measure)
    if expectation.in_ is None:
        return _of_numbers(expectation, measure)
    names = ", ".join(name for name, other in measures.items() if other.choices)
    which = f" ('in' is for {names})" if names else ""
    return [("in", f"'{expectation.measure}' is a number: use above, below or between{which}")]


def _of_baselines(expectation: Expectation, measure: Measure) -> Problems:
    name, margin = expectation.measure, expectation.margin
    if measure.choices:
        return [("not_worse_than", f"'{name}' is a name, which has no margin: use in: [...]")]
    if measure.better is None:
        message = f"of '{name}', neither more nor less is better: use above, below or between"
        return [("not_worse_than", message)]
    span = measure.bounds[1] - measure.bounds[0]
    if margin is not None and margin >= span:
        return [("margin", f"'{name}' cannot get worse by {margin:g}, so it tests nothing")]
    return []


def _of_names(expectation: Expectation, measure: Measure) -> Problems:
    name, choices = expectation.measure, measure.choices
    if expectation.in_ is None:
        return [("measure", f"'{name}' is a name: use in: [...] with some of {', '.join(choices)}")]
    found = [
        ("in", f"in: '{name}' cannot be '{wrong}'; {nearest(wrong, choices)}")
        for wrong in expectation.in_
        if wrong not in choices
    ]
    if not found and set(expectation.in_) == set(choices):
        found.append(("in", f"'{name}' {expectation.wording} always holds, so it tests nothing"))
    return found


def _of_numbers(expectation: Expectation, measure: Measure) -> Problems:
    (low, high), (least, most) = expectation.limits, measure.bounds
    span = f"'{expectation.measure}' lies between {least:g} and {most:g}: {expectation.wording}"
    if low >= most or high <= least:
        return [("measure", f"{span} can never hold")]
    if low < least and high > most:
        return [("measure", f"{span} always holds, so it tests nothing")]
    return []
