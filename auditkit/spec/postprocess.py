"""From a heatmap to what is scored: the post-processing stage, and how a map becomes a region."""

import hashlib
import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.problems import nearest
from auditkit.spec.typed import Strict

TOP: Final = 0.1
_DIGITS = 12


class Postprocess(Strict):
    """What is done to one heatmap before it is scored, in the order of the fields."""

    resample: Literal["nearest", "bilinear"] = Field(
        "nearest", description="How a coarse map is enlarged to the input."
    )
    blur: Number = Field(
        0.0, ge=0, le=100, description="Standard deviation in pixels of a Gaussian blur; 0: none."
    )
    signs: Literal["signed", "positive", "absolute"] = Field(
        "signed",
        description="Whether evidence against the explained class stays, becomes 0, or counts as well.",
    )
    scale: Literal["none", "maximum", "percentile-99", "mass-99"] = Field(
        "none",
        description="Which magnitude becomes 1, what is beyond being clipped: the largest, the 99th "
        "percentile, or the one up to which 99 % of the sum of magnitudes lies.",
    )
    joint: bool = Field(
        True, description="Whether all modalities share one scale, or each has its own."
    )

    @property
    def digest(self) -> str:
        """Names the stage: the start of the sha256 of its parameters."""
        text = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]

    @property
    def wording(self) -> str:
        """For people: 'bilinear, blur 3 px, positive, scale mass-99 (stage 0123456789ab)'."""
        parts = [self.resample, f"blur {self.blur:g} px" if self.blur else "", self.signs]
        if self.scale != "none":
            parts.append(f"scale {self.scale}{'' if self.joint else ' per modality'}")
        return f"{', '.join(filter(None, parts))} (stage {self.digest})"


PRESETS: Final = {
    "none": Postprocess(),
    "clinical-xai-2022": Postprocess(blur=3.0, signs="positive", scale="mass-99"),
    "display": Postprocess(signs="absolute", scale="percentile-99"),
}
"""Stages by name: nothing but nearest-neighbour enlargement; that of Jin et al. (arXiv:2202.10553); that in
which heatmaps are shown (DeGrave et al., doi:10.1038/s41551-023-01160-9, Supplement)."""

Preset = Literal["none", "clinical-xai-2022", "display"]


def _known_preset(value: Any) -> Any:
    if isinstance(value, str) and value not in PRESETS:
        raise ValueError(f"unknown stage '{value}'; {nearest(value, PRESETS)}")
    return value


def _kind(value: Any) -> str:
    return "preset" if isinstance(value, str) else "stage"


PresetOrStage = Annotated[
    Annotated[Preset, Tag("preset")] | Annotated[Postprocess, Tag("stage")],
    Discriminator(_kind),
    BeforeValidator(_known_preset),
]


class Rule(Strict):
    """Base of a rule that makes a region of a map; a user names it by ``rule``."""

    model_config = ConfigDict(json_schema_extra={"required": ["rule"]})


class TopShare(Rule):
    """The hottest pixels, an exact number of them; equal ones are drawn by seed."""

    rule: Literal["top"] = "top"
    share: Number = Field(TOP, gt=0, lt=1, description="Share of the pixels.")

    @property
    def wording(self) -> str:
        """For people."""
        return f"the hottest {100 * self.share:.4g} % of the pixels"


class ShareOfMaximum(Rule):
    """Pixels of at least a share of the map's maximum."""

    rule: Literal["threshold"] = "threshold"
    share: Number = Field(0.5, gt=0, le=1, description="Share of the map's maximum.")

    @property
    def wording(self) -> str:
        """For people."""
        return f"pixels of at least {self.share:g} of the map's maximum"


class Deviations(Rule):
    """Pixels of at least the map's mean plus standard deviations (Boggust et al., published code)."""

    rule: Literal["deviations"] = "deviations"
    count: Number = Field(1.0, ge=0, le=10, description="Standard deviations above the mean.")

    @property
    def wording(self) -> str:
        """For people."""
        return f"pixels of at least the map's mean plus {self.count:g} standard deviations"


class Nonzero(Rule):
    """All pixels that are not 0: of sufficient input subsets, of LIME's positive superpixels."""

    rule: Literal["nonzero"] = "nonzero"

    @property
    def wording(self) -> str:
        """For people."""
        return "all pixels that are not 0"


Binarise = TopShare | ShareOfMaximum | Deviations | Nonzero
_RULES = ("top", "threshold", "deviations", "nonzero")


def _named_rule(value: Any) -> Any:
    if value is None or isinstance(value, Rule):
        return value
    name = value.get("rule") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise ValueError(f"a mapping with the key 'rule' was expected; {nearest('', _RULES)}")  # noqa: TRY004 pydantic turns ValueError into a located problem
    if name not in _RULES:
        raise ValueError(f"unknown rule '{name}'; {nearest(name, _RULES)}")
    return value


NamedRule = Annotated[
    Annotated[Binarise, Field(discriminator="rule")] | None, BeforeValidator(_named_rule)
]


class HasRegions(Strict):
    """Mixin: from a method's heatmap to the explanation region."""

    postprocess: PresetOrStage = Field(
        "none",
        description="What is done to a heatmap before it is scored: none, clinical-xai-2022 (blur of 3 "
        "pixels, positive, 99 % of the mass), display, or a mapping.",
    )
    binarise: NamedRule = Field(
        None, description="Which pixels are the explanation region; left out: `top`."
    )
    top: Number = Field(TOP, gt=0, lt=1, description="Short for binarise: {rule: top, share: ...}.")
    signs: Literal["positive", "absolute"] = Field(
        "positive", description="Whether evidence against the explained class counts."
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.binarise is not None and self.top != TOP:
            raise ValueError("'top' is short for 'binarise: {rule: top}'; give one of them")
        return self

    @property
    def rule(self) -> Binarise:
        """The rule that makes the region."""
        return self.binarise or TopShare(share=self.top)

    @property
    def stage(self) -> Postprocess:
        """The post-processing stage."""
        return PRESETS[self.postprocess] if isinstance(self.postprocess, str) else self.postprocess

    @property
    def region_wording(self) -> str:
        """For people: how a heatmap becomes a region."""
        which = "either sign" if self.signs == "absolute" else "evidence for the decision"
        return f"Heatmaps: {self.stage.wording}; explanation: {self.rule.wording}, {which}."
