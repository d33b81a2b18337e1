"""Days in YAML: text such as 2027-01-31, since the YAML of specs has no dates."""

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from auditkit.spec.assessment_questions import is_empty


def _date(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value
    if is_empty(value):
        raise ValueError("is not filled in; a date was expected, YYYY-MM-DD")
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError(f"a date was expected, YYYY-MM-DD, got {value!r}")
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value} is no date of the calendar; YYYY-MM-DD was expected") from None


Date = Annotated[dt.date, BeforeValidator(_date)]
