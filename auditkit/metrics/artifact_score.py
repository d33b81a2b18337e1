"""How much a generated picture has of what generators leave behind, relative to its reference."""

import numpy as np
import numpy.typing as npt

Pictures = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.float32]

LARGEST = 256.0
# In grey levels of 255: what is below this does not show.
_VISIBLE = 1.0


def artifact_scores(pictures: Pictures, reference: Pictures) -> Floats:
    r"""Artifact score: the largest local gain in detail over a reference, in three bands.

    Of a picture x (grey levels 0 to 255, S the shorter side, L_s a Gaussian blur of s pixels),

        fine    f = x - L_1 x                             A = sqrt(L_{S/32} mean over colours f^2)
        coarse  c = L_1 x - L_{max(2, S/32)} x            A = sqrt(L_{S/32} mean over colours c^2)
        grid    g_k = L_{S/16} (f sign_k)                 A = sqrt(mean over colours sum_k g_k^2)

    with sign_k = (-1)^row, (-1)^column and (-1)^(row + column): what repeats every two pixels, in phase, as
    strided and transposed convolutions leave it ("checkerboard", Odena et al. 2016,
    doi:10.23915/distill.00003). Blots with a rim ("water droplets", Karras et al. 2020, arXiv:1912.04958)
    raise the other two. With e = 1 + median of A over the reference,

        score = max over bands and places of (A(picture) + e) / (A(reference) + e).

    A place of average detail thus counts double if its detail trebles. The median, and not the mean, keeps
    a reference with hairs or a sharp lesion from hiding what appears elsewhere.

    Args:
        pictures: (k, h, w, 3) uint8, h and w at least 8.
        reference: (h, w, 3) uint8.

    Returns:
        (k,) in (0, 256): 1 for the reference itself, below 1 where it is blurred everywhere, near 1 after a
        shift of colour or a careful compression. Detail that an artist would draw (hairs, a ruler) counts
        as well, and an artifact in the midst of coarse texture is hardly seen: the score sorts out, people
        decide.

    Deviates: the papers on counterfactuals leave this to people's eyes; the score is ours.

    Example:
        >>> grey = np.full((64, 64, 3), 128, np.uint8)
        >>> rows, columns = np.indices((64, 64))
        >>> checkers = (grey + 4 * ((rows + columns) % 2)[..., None]).astype(np.uint8)
        >>> artifact_scores(np.stack([grey, checkers]), grey).round(1).tolist()
        [1.0, 3.0]
    """
    before = _bands(reference)
    floors = [_VISIBLE + float(np.median(band)) for band in before]
    return np.array([_gain(_bands(picture), before, floors) for picture in pictures])


def _gain(after: list[Levels], before: list[Levels], floors: list[float]) -> float:
    both = zip(after, before, floors, strict=True)
    return max(float(((new + floor) / (old + floor)).max()) for new, old, floor in both)


def _bands(picture: Pictures) -> list[Levels]:
    """Local amplitude of fine detail, of coarse detail and of the grid of two pixels."""
    x = picture.astype(np.float32)
    side = min(x.shape[:2])
    smooth = _blurred(x, 1.0)
    fine, coarse = x - smooth, smooth - _blurred(x, max(2.0, side / 32))
    rows, columns = ((-1.0) ** np.arange(length, dtype=np.float32) for length in x.shape[:2])
    signs = [rows[:, None] + 0 * columns, columns + 0 * rows[:, None], rows[:, None] * columns]
    grids = [_local(fine * sign[..., None], side, side / 16) ** 2 for sign in signs]
    return [
        *(_root(_local((band**2).mean(axis=-1), side, side / 32)) for band in (fine, coarse)),
        _root(np.sum(grids, axis=0).mean(axis=-1)),
    ]


def _local(values: Levels, side: int, deviation: float) -> Levels:
    """Local means, on a coarser grid whose cells have an even number of pixels."""
    cell = 2 * max(1, side // 64)
    height, width = (length // cell for length in values.shape[:2])
    cut = values[: height * cell, : width * cell]
    cells = cut.reshape(height, cell, width, cell, *values.shape[2:]).mean(axis=(1, 3))
    return _blurred(cells, deviation / cell)


def _root(squares: Levels) -> Levels:
    # Blurring leaves rounding below 0.
    roots: Levels = np.sqrt(np.maximum(squares, 0.0))
    return roots


def _blurred(values: Levels, deviation: float) -> Levels:
    """Gaussian blur of the first two axes, mirrored at the border."""
    from scipy import ndimage

    widths = (deviation, deviation, *[0.0] * (values.ndim - 2))
    blurred: Levels = ndimage.gaussian_filter(values, widths, mode="reflect", truncate=3.0)
    return blurred
