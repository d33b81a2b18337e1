"""Models that are no file of weights: devices that can only be asked, and Python code."""

from pydantic import Field

from auditkit.spec.audit import Number
from auditkit.spec.typed import Strict


class BlackBox(Strict):
    """A device that can only be asked: an HTTP endpoint, or a command."""

    url: str | None = Field(None, pattern=r"^https?://", description="Of the endpoint.")
    token_variable: str | None = Field(
        None, description="Environment variable with a bearer token for the endpoint."
    )
    command: list[str] | None = Field(
        None, min_length=1, description="Program and arguments; it reads and writes JSON lines."
    )
    allow_code: bool = Field(False, description="A command is only run if this is true.")
    version: str = Field(description="Of the device: part of the evidence's identity.")
    batch: int = Field(16, ge=1, le=1024, description="Images per request.")
    timeout: Number = Field(60.0, gt=0, description="Seconds per request.")


class PythonSource(Strict):
    """A network made by Python code that the user trusts."""

    factory: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="`package.module:function`, called with `arguments` (and `weights`, a path).",
    )
    allow_code: bool = Field(False, description="The code is only run if this is true.")
    version: str = Field(description="Of the code: part of the evidence's identity.")
    gradients: bool = Field(True, description="Whether the network can be differentiated.")
