"""Declaration of the check `plausibility`."""

from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters
from auditkit.spec.methods import HasMethods
from auditkit.spec.postprocess import PRESETS, Postprocess, PresetOrStage
from auditkit.spec.removing import HasControls, HasModalityWeights

PAPER = "Jin et al., Med. Image Anal. 2023, arXiv:2202.10553"


class HasPlausibility(HasModalityWeights):
    """Mixin: how FP and MSFI are computed."""

    postprocess: PresetOrStage = Field(
        "none",
        description="What is done to a heatmap before it is scored: none, clinical-xai-2022 (blur of 3 "
        "pixels, positive, 99 % of the mass), display, or a mapping.",
    )
    dilate: int = Field(
        0,
        ge=0,
        le=256,
        description="Pixels by which the annotation is widened, in every direction.",
    )
    compat: Literal["glioma-2022", "knee-2022"] | None = Field(
        None,
        description="Follow the published code of one task instead: glioma (importance scaled from its "
        "least to its most, the annotation widened by a square of 20 pixels in every slice) or knee "
        "(importance divided by its most).",
    )

    @model_validator(mode="after")
    def _one_dilation(self) -> Self:
        if self.compat is not None and self.dilate:
            raise ValueError("dilate: the published code has its own; drop it or 'compat'")
        return self

    @property
    def stage(self) -> Postprocess:
        """The post-processing stage."""
        return PRESETS[self.postprocess] if isinstance(self.postprocess, str) else self.postprocess


class Plausibility(HasPlausibility, HasControls, HasMethods, Parameters):
    """Feature portion (FP) and modality-specific feature importance (MSFI)."""

    gallery: int = Field(4, ge=0, le=100, description="Cases shown with slices through their maps.")
    images: int | None = Field(None, ge=2, description="Only the first images of the data.")


def _measures(parameters: Plausibility) -> Mapping[str, Measure]:
    return dict(_all(parameters))


def _all(parameters: Plausibility) -> Iterator[tuple[str, Measure]]:
    for method in (*parameters.methods, *parameters.controls):
        text = f"Mean over images of the share of {method.label}'s heat inside the annotation (FP)."
        yield f"{method.label}.fp", Measure("proportion", (0.0, 1.0), text, better="higher")
        text = f"Mean over images of FP per modality weighted by importance (MSFI), {method.label}."
        yield f"{method.label}.msfi", Measure("proportion", (0.0, 1.0), text)
    for method in parameters.methods:
        for control in parameters.controls:
            text = f"Mean over images of MSFI of {method.label} minus that of {control.label}."
            yield f"{method.label}.msfi_over[{control.label}]", Measure("MSFI", (-1.0, 1.0), text)


def _needs(parameters: Plausibility) -> frozenset[Need]:
    """Labels are for the modalities' importance, where it is not given."""
    return frozenset({"annotations"} if parameters.weights else {"annotations", "labels"})


PLAUSIBILITY = CheckDeclaration(
    name="plausibility",
    title="Plausibility of heatmaps",
    summary="Do heatmaps lie on what clinicians marked, in the modalities that matter?",
    paper=f"{PAPER} (section 4.4.1, Eqs. 2-4)",
    parameters=Plausibility,
    measures=_measures,
    compute="auditkit.checks.plausibility:plausibility",
    needs=_needs,
    guidelines=("G4",),
)
