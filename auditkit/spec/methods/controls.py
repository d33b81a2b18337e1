"""Maps that know nothing of the model: what a heatmap method must do better than."""

from typing import Literal

from pydantic import Field

from auditkit.spec.methods.base import Method


class Control(Method):
    """Base of maps that do not look at the model."""

    @property
    def needs_gradients(self) -> bool:
        """The model is not asked at all."""
        return False


class RandomMap(Control):
    """Control: independent random values, one per cell; knows neither model nor image."""

    method: Literal["random-map"] = "random-map"
    cell: int = Field(1, ge=1, le=512, description="Side of a cell in pixels.")
    draw: int = Field(0, ge=0, description="Another number is another random map.")


class EdgeMap(Control):
    """Control: size of the image's own gradient (Adebayo et al., arXiv:1810.03292, section 5)."""

    method: Literal["edge-map"] = "edge-map"


class GaussianMap(Control):
    """Control: a Gaussian around the centre; knows neither model nor image."""

    method: Literal["gaussian-map"] = "gaussian-map"
    width: float = Field(
        0.25, gt=0, le=4, description="Standard deviation, as a fraction of each side."
    )
