"""Which images a counterfactual generator was trained on: kept with its weights, by content. No torch."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.spec.counterfactual_card import CounterfactualCard

TRAINED = "images.trained"
"""The tensor, beside the generator's own, in its weights file."""


def image_keys(record_digests: Sequence[str]) -> npt.NDArray[np.int64]:
    """The first eight bytes of the sha256 of each record's digest, in order of size.

    Args:
        record_digests: n of them, as `auditkit.data.dataset.Record` has them.

    Returns:
        (n,); 64 bits: among a million images, two have equal keys with a probability below 1e-7.

    Example:
        >>> len(image_keys(["one picture", "another"]))
        2
    """
    return np.sort(_keys(record_digests))


def trained_images(card: CounterfactualCard) -> npt.NDArray[np.int64]:
    """The keys of the images that a generator was trained on, (n,) in order of size.

    Returns:
        Empty for a generator without weights of its own: what its pipeline has seen is not known here.

    Raises:
        AuditError: the weights cannot be read, or do not say.
    """
    from safetensors import SafetensorError, safe_open

    if card.weights is None:
        return np.empty(0, dtype=np.int64)
    path = card.path.parent / card.weights.file
    try:
        with safe_open(path, framework="numpy") as weights:
            said = TRAINED in weights.keys()  # noqa: SIM118 not a mapping
            keys: npt.NDArray[np.int64] | None = weights.get_tensor(TRAINED) if said else None
    except (OSError, SafetensorError) as error:
        raise AuditError(f"{card.path}: weights {path} cannot be read: {error}") from error
    if keys is None or keys.dtype != np.int64 or keys.ndim != 1:
        raise AuditError(
            f"{card.path}: {path} does not say which images it was trained on ('{TRAINED}', int64); "
            "train the generator again"
        )
    return keys


def was_trained_on(
    record_digests: Sequence[str], keys: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Whether each image is among those that `trained_images` gives, (n,).

    Example:
        >>> was_trained_on(["seen", "new"], image_keys(["seen", "seen too"])).tolist()
        [True, False]
    """
    return np.isin(_keys(record_digests), keys)


def _keys(record_digests: Sequence[str]) -> npt.NDArray[np.int64]:
    starts = [hashlib.sha256(digest.encode()).digest()[:8] for digest in record_digests]
    return np.array([int.from_bytes(start, "big", signed=True) for start in starts], dtype=np.int64)
