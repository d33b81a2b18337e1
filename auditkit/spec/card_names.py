"""What a card may name: a device's files inside their folder, builders that fetch nothing. No torch."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditkit.spec.model_card import ModelCard

SUMS = "sha256.json"

# Arguments of torchvision's and timm's builders that fetch or open weights, whatever a release adds to
# them: weights_backbone, pretrained_backbone, pretrained_cfg, pretrained_cfg_overlay, checkpoint_path, ...
_FETCHING = ("pretrained", "weights", "checkpoint")


def own_files(card: "ModelCard") -> list[str]:
    """Names of all files that a card needs beside itself, each once."""
    return list(dict.fromkeys(_files(card)))


def _files(card: "ModelCard") -> Iterator[str]:
    for network in card.networks:
        yield from filter(None, [network.weights.file, network.weights.definition])
    for given in (card.input, card.vendor_input):
        if given is not None and given.mean_image:
            yield given.mean_image
    if card.output.classes_file:
        yield card.output.classes_file


def check_own_files(names: Iterable[str]) -> None:
    """Refuse names that `auditkit weights` could not keep inside the folder of one model.

    Raises:
        ValueError: there is none, or one is not a plain relative path.
    """
    names = list(names)
    if not names:
        raise ValueError(
            "fallback: the card names no file of the device, so its stand-in would never be used; "
            "name the file under 'weights', or drop 'fallback'"
        )
    for name in names:
        if not plain(name):
            raise ValueError(
                f"'{name}' is looked for in the user's folder of this model, because the card has a "
                "'fallback'; a plain relative path was expected, without '..', '\\' or a drive"
            )
        if name.casefold() == SUMS:
            raise ValueError(
                f"'{name}' is the name of auditkit's own list of sums; rename the file"
            )


def plain(name: str) -> bool:
    """Whether a name is a relative path that stays below its folder, on every system."""
    parts = name.split("/")
    return not any(part.strip() in ("", ".", "..") for part in parts) and not any(
        sign in name for sign in "\\:\0"
    )


def check_builder(architecture: str | None, arguments: Iterable[str]) -> None:
    """Refuse what makes a builder of torchvision or timm fetch weights, or give no classifier.

    Raises:
        ValueError: the architecture is a place, or an argument is not one of the network's own.
    """
    if architecture is not None and any(sign in architecture for sign in ":/\\"):
        raise ValueError(
            f"architecture: '{architecture}' is a place on a hub or on this machine; the name of an "
            "architecture in torchvision or timm was expected"
        )
    for name in sorted(arguments):
        if name.startswith(_FETCHING):
            raise ValueError(
                f"arguments: '{name}' would load weights past 'weights' and its sha256; drop it"
            )
        if name == "features_only":
            raise ValueError("arguments: 'features_only' makes no classifier; drop it")
