"""Features of images and of counterfactuals: what a network's last linear layer is given.

Pictures are compared as people see them: 8 bits, at the audited model's input size, and both real and
generated ones go through the feature network's own preprocessing from there.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.evidence.engine import Compute
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.stages import MakeModel, batcher_for, table_of
from auditkit.evidence.store import Arrays
from auditkit.spec.counterfactual_card import CounterfactualCard

if TYPE_CHECKING:
    from auditkit.data.dataset import Picture
    from auditkit.evidence.evidence import Evidence

Drawn = Callable[[int], "Picture"]

# What of a card's input decides which square of a picture a model sees, before it is scaled.
_GEOMETRY = frozenset({"size", "via", "crop", "resize", "antialias", "equalise"})


def image_features(evidence: "Evidence", network: "Evidence") -> Floats:
    """Features of the images as the audited model sees them, (n, d).

    Args:
        evidence: of the audited model.
        network: evidence of the model that gives the features, on the same data.

    Raises:
        AuditError: the network has no linear layer that is given one vector per picture.
    """
    return _of_images(evidence, network, "features of images", 0.0)


def shifted_features(evidence: "Evidence", network: "Evidence", radius: float) -> Floats:
    """Features of the images, each moved in CIELUV towards a direction of its own, (n, d).

    The direction is uniform over the circle, and a function of the image's content.

    Args:
        evidence: of the audited model.
        network: as `image_features`.
        radius: in u*, v*, above 0.
    """
    return _of_images(evidence, network, "features of images with a colour shift", radius)


def counterfactual_features(
    evidence: "Evidence", card: CounterfactualCard, network: "Evidence"
) -> Floats:
    """Features of one counterfactual per image, of the first or the last bin at random, (n, d).

    Args:
        evidence: of the audited model.
        card: of the generator.
        network: as `image_features`.
    """
    drawn = pairs(evidence, card)[np.arange(evidence.n), sides(evidence)]
    # The pictures themselves are the identity, whatever made them.
    digests = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in drawn]
    name = f"features of counterfactuals {card.counterfactual}"
    return _gathered(evidence, network, name, {}, drawn.__getitem__, digests)


def sides(evidence: "Evidence") -> npt.NDArray[np.int64]:
    """0 for the first bin, 1 for the last one: drawn per image from its content, (n,).

    They are the same for every model and generator, so that these are compared on the same sides.
    """
    found = [seed_of("kernel distance: side", record.digest) % 2 for record in evidence.records]
    return np.array(found, dtype=np.int64)


def _of_images(evidence: "Evidence", network: "Evidence", name: str, radius: float) -> Floats:
    seen = evidence.card.input.model_dump(mode="json", include=set(_GEOMETRY))
    digests = [record.digest for record in evidence.records]
    drawn = partial(_square, evidence, radius=radius)
    return _gathered(evidence, network, name, {"input": seen, "radius": radius}, drawn, digests)


def _square(evidence: "Evidence", index: int, radius: float) -> "Picture":
    """An image as the audited model's input, moved in CIELUV, in 8 bits."""
    from auditkit.colour import shift_luv_polar
    from auditkit.models.geometry import to_input

    inputs = to_input(evidence.data.image(index), evidence.card.input)
    if radius:
        turn = seed_of("kernel distance: angle", evidence.records[index].digest) % 360_000
        inputs = shift_luv_polar(inputs, turn / 1000, radius)
    square: Picture = (inputs * 255).round().byte().permute(1, 2, 0).numpy()
    return square


def _gathered(
    evidence: "Evidence",
    network: "Evidence",
    name: str,
    parameters: dict[str, Any],
    drawn: Drawn,
    contents: Sequence[str],
) -> Floats:
    own = network.card
    if own.volume is not None:
        raise AuditError(f"features: '{own.model}' takes volumes; name a model of pictures")
    columns = [feature.column for feature in own.table]
    digests = [
        ":".join([content, *(record.features.get(column, "") for column in columns)])
        for content, record in zip(contents, evidence.records, strict=True)
    ]
    worker = partial(_features_worker, drawn=drawn)
    found = network.gather(name, parameters, worker, "last features", digests)
    features: Floats = found["feature"].astype(np.float64)
    return features


def _features_worker(
    network: "Evidence",
    make: MakeModel,
    settings: Settings,
    _parameters: dict[str, Any],
    drawn: Drawn,
) -> Compute:
    import torch

    from auditkit.models.last_features import last_features

    model = make()
    batcher = batcher_for(settings)

    def compute(indices: Sequence[int]) -> Arrays:
        inputs = model.prepare([drawn(index) for index in indices])
        table = table_of(network, model, indices)
        with torch.no_grad():
            found = batcher.map(partial(last_features, model), inputs, table)
        return {"feature": found.numpy()}

    return compute
