"""Artifacts that a data card draws into its pictures, for controls."""

from typing import Literal

from pydantic import Field

from auditkit.spec.typed import Strict

ARTIFACT_COLUMN = "artifact"


class Artifact(Strict):
    """What is drawn into pictures that do not have it, so that it goes with the label."""

    draw: Literal["red-dot"] = Field(description="An opaque red disc in the upper left corner.")
    on: Literal["positive", "negative", "all"] = Field(description="Which pictures get it.")
