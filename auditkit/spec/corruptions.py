"""Ways in which a picture is stored, sent, taken or marked, that say nothing about what it shows. No numpy.

After the common corruptions of Hendrycks and Dietterich (arXiv:1903.12261), section 3. Deviates: lengths are
shares of the picture's shorter edge, not pixels, so that a corruption is as strong at any size; strengths are
what a spec says, not five levels; a mark in a corner is ours.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from auditkit.spec.audit import Number, identifier
from auditkit.spec.named import parse_named
from auditkit.spec.typed import Strict

_NAME: Final = "Which one it is."

Share = Annotated[Number, Field(gt=0, le=0.5)]
Level = Annotated[int, Field(ge=0, le=255)]


class Corruption(Strict):
    """Base of a corruption's parameters."""

    # What pictures are, for people: formatted with the parameters.
    _done: ClassVar[str]

    corruption: str = Field(description=_NAME)
    name: str = Field("", description="Prefix of its measures; its own name if left out.")

    @model_validator(mode="after")
    def _valid_name(self) -> Self:
        if self.name:
            identifier(self.name)
        return self

    @property
    def label(self) -> str:
        """The prefix of its measures."""
        return self.name or self.corruption

    @property
    def identity(self) -> dict[str, Any]:
        """What determines the picture: everything but the display name."""
        return self.model_dump(mode="json", exclude={"name"})

    @property
    def done(self) -> str:
        """What is done to pictures: they are ...."""
        return self._done.format(**self.model_dump())


class Jpeg(Corruption):
    """Compressed as JPEG and read again, colours at half resolution (4:2:0)."""

    corruption: Literal["jpeg"] = Field("jpeg", description=_NAME)
    quality: int = Field(50, ge=1, le=95, description="Of libjpeg; smaller is coarser.")

    _done: ClassVar[str] = "compressed as JPEG of quality {quality}"


class Resize(Corruption):
    """Made smaller and brought back to its size, bicubic both times."""

    corruption: Literal["resize"] = Field("resize", description=_NAME)
    scale: Number = Field(0.5, gt=0, lt=1, description="Share of width and height in between.")

    _done: ClassVar[str] = "made smaller, to {scale:g} of their edges, and brought back"


class Blur(Corruption):
    """A Gaussian blur, as out of focus."""

    corruption: Literal["blur"] = Field("blur", description=_NAME)
    sigma: Share = Field(0.01, description="Standard deviation, as a share of the shorter edge.")

    _done: ClassVar[str] = "blurred by {sigma:g} of the edge"


class Noise(Corruption):
    """Gaussian noise in each pixel and channel of its own, as of a sensor in poor light."""

    corruption: Literal["noise"] = Field("noise", description=_NAME)
    sigma: Share = Field(0.02, description="Standard deviation, as a share of the range of sRGB.")

    _done: ClassVar[str] = "given noise of {sigma:g} of the range"


class Mark(Corruption):
    """A square of one colour in a corner, as of a sticker or a stamp, a third of its edge from the sides."""

    corruption: Literal["mark"] = Field("mark", description=_NAME)
    size: Share = Field(0.12, description="Its edge, as a share of the shorter edge.")
    corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = Field(
        "top-left", description="Where it is."
    )
    colour: list[Level] = Field(
        default=[255, 255, 255], min_length=3, max_length=3, description="sRGB, 0 to 255."
    )

    _done: ClassVar[str] = "marked with a square of {size:g} of the edge, {corner}"


CORRUPTIONS: Mapping[str, type[Corruption]] = {
    str(kind.model_fields["corruption"].default): kind for kind in (Jpeg, Resize, Blur, Noise, Mark)
}


def parse_corruption(value: Any) -> Any:
    """A corruption from its name alone (``jpeg``) or from a mapping with ``corruption``."""
    if isinstance(value, Corruption):
        return value
    return parse_named(value, "corruption", CORRUPTIONS, "corruption")


AnyCorruption = Annotated[SerializeAsAny[Corruption], BeforeValidator(parse_corruption)]
