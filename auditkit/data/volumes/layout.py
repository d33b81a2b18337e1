"""What published layouts of volumes share: the card's choice among their own modalities."""

from collections.abc import Mapping

from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest
from auditkit.spec.volume import VolumeFiles


def kept_by(card: DataCard) -> VolumeFiles:
    """How the card says that volumes are kept, or the defaults."""
    return card.volumes or VolumeFiles()


def chosen(card: DataCard, own: Mapping[str, str]) -> Mapping[str, str]:
    """The layout's name of each modality, by the card's name.

    Args:
        card: may rename and choose (``volumes.modalities``).
        own: the layout's name by the name that is usual here.

    Raises:
        AuditError: the layout has no such modality.
    """
    found = kept_by(card).modalities or own
    for name in found.values():
        if name not in own.values():
            raise AuditError(
                f"{card.path}: volumes.modalities: format '{card.format}' has no '{name}'; "
                f"{nearest(name, own.values())}"
            )
    return found


def first_file(sources: list[FileSource]) -> FileSource | None:
    """The first that is there; None if the modality is missing.

    Raises:
        AuditError: a path leads out of the data set's folder.
    """
    return next((source for source in sources if source.path.is_file()), None)
