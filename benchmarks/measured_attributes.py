r"""Measured attributes held against a generator's true ones: what moves which, and does it move rightly?

Each picture of synthetic data is drawn twice, with one attribute at its lowest and at its highest value and
nothing else changed, and measured as a pair of counterfactuals is. Printed are, in Markdown, how well lesions
are found; standardised effects (mean of highest minus lowest, by the standard deviation between pictures);
and the share of pictures in which a measured attribute moves as its true one. `blur` is a Gaussian blur of
one pixel that is taken away. From the repository's root::

    python benchmarks/measured_attributes.py dermoscopy clinical
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

import auditkit
from auditkit.data.dataset import Dataset, Mask, Picture
from auditkit.data.synthetic.dataset import SyntheticData
from auditkit.evidence.measuring import measure
from auditkit.evidence.measuring.lesion import around
from auditkit.evidence.measuring.seen import Seen
from auditkit.metrics import NotEvaluable
from auditkit.spec.attributes import ATTRIBUTES
from auditkit.spec.measured import QUANTITIES

BLUR = 1.0
# True attribute, measured one, and whether that rises (1) or falls with it.
EXPECTED = (
    ("tint", "background.a", 1),
    ("tint", "background.u", 1),
    ("colour_temperature", "background.b", 1),
    ("colour_temperature", "background.v", 1),
    ("skin_tone", "background.L", -1),
    ("brightness", "background.L", 1),
    ("brightness", "brightness", 1),
    ("darkness", "lesion.L", -1),
    ("darkness", "lesion.contrast", 1),
    ("redness", "lesion.a", 1),
    ("redness", "lesion.redness", 1),
    ("colours", "lesion.colour_spread", 1),
    ("network", "lesion.texture", 1),
    ("atypical_network", "lesion.texture", 1),
    ("globules", "lesion.texture", 1),
    ("blue_white_veil", "lesion.blue_white", 1),
    ("size", "lesion.area", 1),
    ("asymmetry", "lesion.asymmetry", 1),
    ("border_irregularity", "lesion.border_irregularity", 1),
    ("hair", "hair", 1),
    ("ruler", "ruler", 1),
    ("dark_corner", "dark_corners", 1),
    ("blur", "sharpness", 1),
)


def pair(data: SyntheticData, index: int, cause: str) -> list[Picture]:
    """A picture with an attribute at its lowest and at its highest value."""
    if cause == "blur":
        own = data.image(index)
        blurred = ndimage.gaussian_filter(own.astype(np.float64), (BLUR, BLUR, 0))
        return [np.rint(blurred).astype(np.uint8), own]
    known = ATTRIBUTES[cause]
    return [data.intervened(index, cause, value) for value in (known.low, known.high)]


def measured(data: SyntheticData, images: int, *, annotated: bool) -> np.ndarray:
    """(causes, images, 3, quantities): of the picture, with the cause lowest and highest."""
    causes = [*ATTRIBUTES, "blur"]
    found = np.full((len(causes), images, 3, len(QUANTITIES)), np.nan)
    for at, cause in enumerate(causes):
        for i in range(images):
            mask = data.mask(i) if annotated else None
            values = measure([data.image(i), *pair(data, i, cause)], mask, 0.06)
            for side, own in enumerate(values):
                numbers = [own[name] for name in QUANTITIES]
                found[at, i, side] = [
                    np.nan if isinstance(value, NotEvaluable) else value for value in numbers
                ]
    return found


def effects(found: np.ndarray) -> np.ndarray:
    """(causes, quantities) mean difference by the standard deviation between pictures."""
    return np.nanmean(found[:, :, 2] - found[:, :, 1], axis=1) / np.nanstd(found[0, :, 0], axis=0)


def print_effects(found: np.ndarray, names: Sequence[str]) -> None:
    columns, table = [list(QUANTITIES).index(name) for name in names], effects(found)
    print(f"| true \\ measured | {' | '.join(name.split('.')[-1] for name in names)} |")
    print(f"|---|{'---:|' * len(names)}")
    for cause, row in zip([*ATTRIBUTES, "blur"], table, strict=True):
        cells = ["." if abs(row[k]) < 0.1 else f"{row[k]:+.1f}" for k in columns]
        print(f"| {cause} | {' | '.join(cells)} |")
    print(flush=True)


def print_directions(found: np.ndarray) -> None:
    causes, quantities = [*ATTRIBUTES, "blur"], list(QUANTITIES)
    print(
        "| true | measured | moves rightly | effect | next strongest cause |\n|---|---|---:|---:|---|"
    )
    table = effects(found)
    for cause, name, sign in EXPECTED:
        column, row = quantities.index(name), causes.index(cause)
        change = found[row, :, 2, column] - found[row, :, 1, column]
        right = np.mean(sign * change[np.isfinite(change)] > 0)
        strength = np.abs(table[:, column])
        strength[[causes.index(c) for c, n, _ in EXPECTED if n == name]] = 0
        other = int(np.argmax(strength))
        print(
            f"| {cause} | {name} | {right:.2f} | {table[row, column]:+.1f} | "
            f"{causes[other]} {table[other, column]:+.1f} |"
        )
    print(flush=True)


def overlap(picture: Picture, truth: Mask, *, annotated: bool) -> float:
    """Intersection over union of the lesion that is found and the true one."""
    lesion = Seen.of(picture, around(truth) if annotated else None).lesion
    return float((lesion & truth).sum() / (lesion | truth).sum()) if lesion is not None else np.nan


def print_overlap(data: Dataset, images: int, *, annotated: bool) -> None:
    found = np.array(
        [overlap(data.image(i), data.mask(i), annotated=annotated) for i in range(images)]
    )
    with_it = "with" if annotated else "without"
    known = np.nan_to_num(found)
    print(
        f"Lesion found {with_it} annotation, {images} pictures: IoU {np.median(known):.2f} (median), "
        f"{known.mean():.2f} (mean, 0 if not found); below .5 in {np.mean(known < 0.5):.3f}, not found in "
        f"{np.mean(np.isnan(found)):.3f}.\n",
        flush=True,
    )


def main() -> None:
    """Print the tables of every data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--without-annotation", action="store_true")
    given = parser.parse_args()
    for name in given.data:
        data = auditkit.load_data(name)
        assert isinstance(data, SyntheticData)
        print(f"## {name}\n")
        for annotated in (True, False):
            print_overlap(data, 4 * given.images, annotated=annotated)
        started = time.process_time()
        found = measured(data, given.images, annotated=not given.without_annotation)
        seconds = (time.process_time() - started) / found[..., 0].size
        print(f"{1000 * seconds:.0f} ms of CPU time per picture, drawing included.\n")
        lesion = [one for one in QUANTITIES if one.startswith("lesion.")]
        print_effects(found, [one for one in QUANTITIES if one not in lesion])
        print_effects(found, lesion)
        print_directions(found)


if __name__ == "__main__":
    main()
