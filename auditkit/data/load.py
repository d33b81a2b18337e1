"""From a data card to a data set."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from auditkit.data.artifact import draw_artifact
from auditkit.data.dataset import Dataset
from auditkit.data.entry import Listing
from auditkit.data.files import FileData, PlacedConcepts
from auditkit.data.volumes import VolumeData
from auditkit.spec.data_card import VOLUMES, DataCard

# Functions from a card to the pictures or cases that a folder or a table lists.
LISTINGS: Mapping[str, str] = {
    "table": "auditkit.data.formats.table:listing",
    "folder": "auditkit.data.formats.image_folder:listing",
    "coco": "auditkit.data.formats.coco:listing",
    "hugging-face": "auditkit.data.formats.hugging_face:listing",
    "isic-2019": "auditkit.data.dermatology.isic_2019:listing",
    "isic-2016": "auditkit.data.dermatology.isic_2016:listing",
    "fitzpatrick17k": "auditkit.data.dermatology.fitzpatrick17k:listing",
    "ddi": "auditkit.data.dermatology.ddi:listing",
    "mimic-cxr": "auditkit.data.radiology.mimic_cxr:listing",
    "volumes": "auditkit.data.volumes.table:listing",
    "brats": "auditkit.data.volumes.brats:listing",
    "mrnet": "auditkit.data.volumes.mrnet:listing",
}

# Functions (or classes) from a card to a data set that is drawn, not read.
GENERATORS: Mapping[str, str] = {
    "synthetic-dermoscopy": "auditkit.data.synthetic.dataset:SyntheticData",
    "synthetic-clinical": "auditkit.data.synthetic.dataset:SyntheticData",
    "synthetic-shapes": "auditkit.data.synthetic.shapes:ShapesData",
    "synthetic-glioma": "auditkit.data.synthetic.glioma:GliomaData",
    "synthetic-knee": "auditkit.data.synthetic.knee:KneeData",
}


def load_data(card: DataCard, labels: Mapping[str, int] | None = None) -> Dataset:
    """The data set that a card describes.

    Args:
        card: the data card.
        labels: index of the class per label text, as the model has them; several texts may have
            the same index. None: labels are indices, or the card says which are positive.

    Raises:
        AuditError: the data set is not there, or not as the card and its format say.
    """
    return draw_artifact(_as_stored(card, labels))


def _as_stored(card: DataCard, labels: Mapping[str, int] | None) -> Dataset:
    if card.format in GENERATORS:
        return cast("Dataset", _function(GENERATORS[card.format])(card))
    listing = list_data(card)
    if card.format in VOLUMES:
        return VolumeData(card, listing, labels)
    placed = any(entry.concept_regions for entry in listing.entries)
    return (PlacedConcepts if placed else FileData)(card, listing, labels)


def list_data(card: DataCard) -> Listing:
    """What a data set of files lists, without opening a picture or volume.

    Raises:
        AuditError: its tables are missing or damaged.
    """
    return cast("Listing", _function(LISTINGS[card.format])(card))


def _function(place: str) -> Callable[[DataCard], object]:
    module, _, name = place.partition(":")
    return cast("Callable[[DataCard], object]", getattr(import_module(module), name))
