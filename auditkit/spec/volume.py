"""Volumes and several modalities: what a model is given, and which files hold what. No torch."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.typed import Strict

Size = Annotated[int, Field(ge=1, le=4096)]
Modality = Annotated[str, Field(min_length=1, max_length=64)]


class VolumeInput(Strict):
    """From one array per modality to the model's input tensor: crop, resample, scale, normalise."""

    modalities: list[Modality] = Field(
        min_length=1,
        max_length=16,
        description="Names, in the order in which the network has them.",
    )
    size: list[Size] = Field(
        min_length=2,
        max_length=3,
        description="Of the input's spatial axes, as the files store them.",
    )
    crop: list[Size] | None = Field(
        None, description="Voxels kept around the centre before resampling; left out: all."
    )
    resample: Literal["linear", "nearest"] = Field(
        "linear", description="Interpolation to `size`; antialiased unless nearest."
    )
    scale: Literal["none", "maximum", "unit", "bytes", "foreground"] = Field(
        "none",
        description="Of each modality of each case: `maximum` divides by it, `unit` maps the range to "
        "0..1, `bytes` to 0..255, `foreground` subtracts the mean and divides by the standard deviation of "
        "voxels that are not 0, which stay 0.",
    )
    mean: list[Number] = Field(default=[0.0], description="Subtracted after `scale`.")
    std: list[Number] = Field(default=[1.0], description="Divided by after `scale`.")
    given_as: Literal["stacked", "separate"] = Field(
        "stacked",
        description="One tensor with a channel per modality, or one argument (N, 1, *size) each.",
    )

    @field_validator("modalities")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        for name in value:
            identifier(name)
        if len(set(value)) < len(value):
            raise ValueError("modalities: each name once is expected")
        return value

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.crop is not None and len(self.crop) != len(self.size):
            raise ValueError("crop: as many numbers as 'size' has are expected")
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (1, len(self.modalities)):
                raise ValueError(f"{name}: one value, or one per modality, is expected")
        if min(self.std) <= 0:
            raise ValueError("std must be positive")
        return self


class VolumeFiles(Strict):
    """How a data set keeps volumes: which file is which modality, which mask values are the region."""

    modalities: dict[Modality, str] = Field(
        default_factory=dict,
        description="Table: the column with the path of each modality's file (.npy, .nii, .nii.gz); an "
        "empty cell is a missing modality. BraTS, MRNet: the layout's own name of each, to rename or "
        "choose.",
    )
    masks: dict[Modality, str] = Field(
        default_factory=dict,
        description="Table: the column with each modality's own mask, where modalities are not on one "
        "grid; for one mask for all, see `columns.mask`.",
    )
    region: list[int] | None = Field(
        None,
        min_length=1,
        description="Labels of the mask that are the region; left out: all but 0.",
    )
    radius: int = Field(
        3, ge=0, le=256, description="Voxels around a landmark that are the region (a ball)."
    )
    finding: Literal["abnormal", "acl", "meniscus"] = Field(
        "meniscus", description="MRNet: which of its labels."
    )


class Glioma(Strict):
    """What the synthetic volumes are drawn with beyond `n`, `seed` and `size`."""

    dimensions: Literal[2, 3] = Field(3, description="Spatial axes; 2 is the slice in the middle.")
    alignment: dict[Modality, Number] = Field(
        default_factory=dict,
        description="Glioma: probability that the tumour's shape on T1C and FLAIR is that of the label "
        "(1 aligned, .5 independent, 0 anti-aligned); left out: t1c 1, flair .7. Knee: the same for the "
        "three views; left out: sagittal 1, coronal .7, axial .5.",
    )

    @field_validator("alignment")
    @classmethod
    def _probabilities(cls, value: dict[str, float]) -> dict[str, float]:
        if not all(0 <= share <= 1 for share in value.values()):
            raise ValueError("alignment: probabilities between 0 and 1 are expected")
        return value
