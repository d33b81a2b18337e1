"""Stages of all images together, which are too long to be computed whole: a few images stand for all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from auditkit.evidence.fewer import first_images
from auditkit.evidence.portable import Portable
from auditkit.evidence.stage import Compute
from auditkit.evidence.store import Arrays
from auditkit.planning.usage import Usage, metered
from auditkit.planning.watching import Counting

Worker = Callable[[], Compute]
_FEW = 2
# Less than this is mostly preparation, seconds.
_QUICK = 1.0


@dataclass(frozen=True)
class Together:
    """What a stage of all images together costs.

    Attributes:
        spent: of the calibration.
        usage: of the stage.
        arrays: as the stage would have them, each few images standing for all.
        images: that were computed.
    """

    spent: Usage
    usage: Usage
    arrays: Arrays
    images: int


def together(kind: str, worker: Worker) -> Together | None:
    """A stage's cost, where few images tell it; None where it has to be computed whole."""
    known: Mapping[str, Callable[[Portable], Together | None]] = {
        "costs": _costs,
        "counterfactual company": _company,
    }
    if kind not in known or not isinstance(worker, Portable):
        return None
    return known[kind](worker)


def _costs(worker: Portable) -> Together | None:
    """Heatmaps that are timed: one call of each kind for one image, and for two where that is quick."""
    plan, evidence = worker.parameters["plan"], worker.evidence
    first, arrays = _timed(worker, 1)
    spent, image, images = first, first, 1
    if 2 * float(arrays["seconds"][0]) * plan["batch"] < _QUICK and evidence.n > 1:
        one, _ = _timed(worker, 1)
        two, arrays = _timed(worker, 2)
        # What was prepared for all images is in both.
        spent, image, images = first + one + two, two + one.times(-1.0), 2
    alone = plan["threads"] == 1
    busy = 1.0 - float(np.mean(arrays["waited"])) if alone else 1.0
    timed = float(np.median(arrays["seconds"])) * plan["batch"] * busy
    each, began = (image.cpu, first.cpu) if alone else (image.wall, first.wall)
    watched = max(timed, each - timed)
    n, repeats, warm_up = evidence.n, plan["repeats"], plan["warm_up"]
    seconds = n * watched + (n * repeats + warm_up) * timed + max(0.0, began - watched - timed)
    calls = (n * (1 + repeats) + warm_up) * plan["batch"]
    passes = (calls * float(np.mean(arrays[name])) for name in ("forwards", "backwards"))
    usage = Usage(seconds, seconds, *passes)
    whole = {name: np.resize(array, (n, *array.shape[1:])) for name, array in arrays.items()}
    return Together(spent, usage, whole, images)


def _timed(worker: Portable, images: int) -> tuple[Usage, Arrays]:
    """So many images: of each, one call that is watched for memory, and one that is timed."""
    few = {"plan": {**worker.parameters["plan"], "repeats": 1, "warm_up": 0}}
    less = replace(
        worker,
        evidence=first_images(worker.evidence, images),
        parameters={**worker.parameters, **few},
    )
    with metered() as meter:
        arrays = less()([0])
    return meter.usage, arrays


def _company(worker: Portable) -> Together | None:
    """Pictures drawn alone and beside others: two images, as many times as there are pairs of them."""
    function = worker.worker
    assert isinstance(function, partial)
    images = list(function.keywords["images"])
    if len(images) <= _FEW:
        return None
    less = replace(
        worker, worker=partial(function.func, **{**function.keywords, "images": images[:_FEW]})
    )
    compute = less()
    with metered(Counting()) as meter:
        arrays = compute([0])
    usage = meter.usage.times(len(images) / _FEW)
    whole = {name: np.resize(array, (1, len(images))) for name, array in arrays.items()}
    return Together(meter.usage, usage, whole, _FEW)
