"""The audit spec: what a user writes in ``*.audit.yaml``."""

import hashlib
import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from auditkit.spec.dates import Date
from auditkit.spec.typed import Strict

# pytest marks that change or repeat an outcome: a verdict is not negotiable.
DECIDING_MARKS = ("skip", "skipif", "xfail", "flaky", "usefixtures", "parametrize")
CONDITIONS = ("above", "below", "between", "in_", "not_worse_than")
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]*")


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a number was expected, got {value!r}")  # noqa: TRY004 pydantic locates ValueError
    return float(value)


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]


def identifier(value: str) -> str:
    """Accept only what can stand in a test id and a file name everywhere."""
    if not IDENTIFIER.fullmatch(value):
        raise ValueError(
            f"'{value}' is not a valid name; use lower-case letters, digits, '-' and '_'"
        )
    return value


class Waiver(Strict):
    """A deviation that somebody accepts: it does not change the verdict, but a release may pass with it."""

    approver: str = Field(min_length=1, description="Who accepts it: name and role.")
    reason: str = Field(min_length=1, description="Why; printed in the report.")
    expires: Date = Field(description="Last day on which it holds.")
    reference: str = Field("", description="Ticket, risk file or decision that it rests on.")


class Expectation(Strict):
    """What a measurement must satisfy, whatever its interval (or its candidates) leaves open.

    Exactly one of above, below, between, in, not_worse_than.
    """

    measure: str = Field(description="Name of a measure that the check declares.")
    at: dict[str, Number | str] = Field(
        default_factory=dict, description="Which value of each dimension of the measure is meant."
    )
    above: Number | None = Field(None, description="The interval must lie above this value.")
    below: Number | None = Field(None, description="The interval must lie below this value.")
    between: list[Number] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="The interval must lie inside these two values (an equivalence test).",
    )
    in_: list[str] | None = Field(
        None,
        alias="in",
        min_length=1,
        description="Of a measure that is a name: all names that cannot be excluded must be among these.",
    )
    not_worse_than: Literal["baseline"] | None = Field(
        None,
        description="Against the run given by --audit-baseline, on the same images, in pairs: the whole "
        "interval of the difference must lie above -margin (below margin, if lower is better).",
    )
    margin: Number | None = Field(
        None, gt=0, description="Of not_worse_than: the loss that is accepted."
    )
    severity: Literal["blocking", "advisory"] = Field(
        "blocking", description="Whether a release depends on it."
    )
    min_n: int = Field(
        1, ge=1, description="Fewer independent units (patients) than this: inconclusive."
    )
    on_inconclusive: Literal["fail", "skip", "xfail"] = Field(
        "fail", description="What pytest sees when the interval straddles; only if advisory."
    )
    why: str = Field("", description="Where the threshold comes from; printed in the report.")
    waiver: Waiver | None = Field(
        None, description="Who accepts that this does not pass, why, and until when."
    )

    @field_validator("at", mode="before")
    @classmethod
    def _no_booleans(cls, value: Any) -> Any:
        if isinstance(value, dict) and any(isinstance(item, bool) for item in value.values()):
            raise ValueError("a dimension's value is a number or text, not true or false")
        return value

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        given = [name for name in CONDITIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                "exactly one of 'above', 'below', 'between', 'in', 'not_worse_than' is expected, "
                + (f"got {' and '.join(given).replace('in_', 'in')}" if given else "got none")
            )
        if (self.margin is None) != (self.not_worse_than is None):
            raise ValueError("margin and not_worse_than belong together: give both or neither")
        if self.in_ is not None and len(set(self.in_)) < len(self.in_):
            raise ValueError("in: each name was expected once")
        if self.between is not None and not self.between[0] < self.between[1]:
            raise ValueError("between: the first value must be smaller than the second")
        if self.on_inconclusive != "fail" and self.severity == "blocking":
            raise ValueError(
                "on_inconclusive may be 'skip' or 'xfail' only if severity is advisory"
            )
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """The open interval in which a number must lie."""
        if self.between is not None:
            return self.between[0], self.between[1]
        low = self.above if self.above is not None else -math.inf
        high = self.below if self.below is not None else math.inf
        return low, high

    @property
    def wording(self) -> str:
        """The condition in words: 'between -0.05 and 0.05', 'in [hair, ruler]'."""
        if self.in_ is not None:
            return f"in [{', '.join(self.in_)}]"
        if self.not_worse_than is not None:
            return f"not worse than {self.not_worse_than} by {self.margin:g}"
        if self.between is not None:
            return f"between {self.between[0]:g} and {self.between[1]:g}"
        return f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"

    @property
    def key(self) -> str:
        """The expectation's part of a test id, unique within its audit."""
        parts = [self.measure, *(f"{name}-{_plain(value)}" for name, value in self.at.items())]
        if self.not_worse_than is not None:
            parts.append(f"not-worse-than-{self.not_worse_than}")
        if self.severity == "advisory":
            parts.append("advisory")
        plain = ".".join(parts)
        safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", plain)
        if safe == plain:
            return safe
        return f"{safe}-{hashlib.sha256(plain.encode()).hexdigest()[:6]}"


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


class AuditSpec(Strict):
    """One audit: a check on data, with parameters and expectations."""

    audit: str = Field(description="Unique id; other audits name it in `assumes`.")
    check: str = Field(description="Name of the check (`auditkit list checks`).")
    title: str = Field("", description="One line for people.")
    why: str = Field("", description="Why this matters; printed in the report.")
    data: str = Field(description="Name of a data card, or the path of one.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="The check's parameters."
    )
    expect: list[Expectation] = Field(min_length=1, description="What must hold.")
    assumes: list[str] = Field(
        default_factory=list,
        description="Audits without whose success this one is not interpretable.",
    )
    hazards: list[str] = Field(
        default_factory=list,
        description="Ids in the risk-management file (ISO 14971) whose control this audit is evidence for.",
    )
    marks: list[str] = Field(default_factory=list, description="pytest markers for its items.")

    _identifiers = field_validator("audit")(identifier)

    @field_validator("marks")
    @classmethod
    def _marks_do_not_decide(cls, value: list[str]) -> list[str]:
        for mark in value:
            if mark in DECIDING_MARKS:
                raise ValueError(f"mark '{mark}' would decide in place of the verdict; drop it")
            if not mark.isidentifier():
                raise ValueError(f"mark '{mark}' is not a valid marker name")
        return value

    @model_validator(mode="after")
    def _expectations_differ(self) -> Self:
        keys = [expectation.key for expectation in self.expect]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"expect: '{key}' is expected twice; use 'between', or drop one")
        if self.audit in self.assumes:
            raise ValueError("assumes: an audit cannot assume itself")
        return self
