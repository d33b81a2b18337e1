"""One picture with all that is found in it once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence.measuring.colour import colour_planes
from auditkit.evidence.measuring.frame import dark_corners, with_rim
from auditkit.evidence.measuring.hair import hair_of, thin_and_dark, without_hair
from auditkit.evidence.measuring.kinds import Grey, Mask, Picture, Plane
from auditkit.evidence.measuring.lesion import Search, anywhere, around, find_lesion


@dataclass(frozen=True)
class Seen:
    """What is in a picture.

    Attributes:
        planes: CIELAB and CIELUV, float32 (5, S, S).
        value: max(R, G, B), uint8 (S, S).
        corners: dark corners.
        rim: dark corners and the shade along them.
        thin: thin dark lines of any length.
        hair: those that are hair.
        bare: CIELAB with hair filled, float32 (3, S, S).
        lesion: where it is found to be; None if it is not.
    """

    planes: Plane
    value: Grey
    corners: Mask
    rim: Mask
    thin: Mask
    hair: Mask
    bare: Plane
    lesion: Mask | None

    @classmethod
    def of(cls, picture: Picture, search: Search | None) -> "Seen":
        """Look at a picture.

        Args:
            picture: sRGB uint8 (S, S, 3).
            search: where the lesion is; None if it may be anywhere.
        """
        planes = colour_planes(picture)
        value: npt.NDArray[np.uint8] = picture.max(axis=-1)
        corners = dark_corners(planes[0])
        rim = with_rim(corners)
        thin = thin_and_dark(value)
        hair = hair_of(thin, rim)
        bare = without_hair(planes[:3], hair)
        if search is None:
            somewhere = find_lesion(bare, rim, anywhere(len(rim)))
            search = None if somewhere is None else around(somewhere)
        lesion = None if search is None else find_lesion(bare, rim, search)
        return cls(planes, value, corners, rim, thin, hair, bare, lesion)
