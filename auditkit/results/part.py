"""Base of everything in results.json."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION: Literal["1.1"] = "1.1"


class Part(BaseModel):
    """Base of everything in results.json."""

    model_config = ConfigDict(extra="forbid")
