"""Whether what a modality shows is what the label says, in a share of the cases."""

from collections.abc import Mapping

from auditkit.data.synthetic.noise import stream
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard
from auditkit.spec.problems import nearest


def alignment_of(card: DataCard, defaults: Mapping[str, float]) -> dict[str, float]:
    """Probability per modality that its cue is that of the label: the card's, else the default.

    Raises:
        AuditError: the card names a modality without a cue.
    """
    given = card.with_.glioma.alignment if card.with_ and card.with_.glioma else {}
    for name in given:
        if name not in defaults:
            raise AuditError(
                f"{card.path}: with.glioma.alignment: '{name}' has no cue; {nearest(name, defaults)}"
            )
    return {**defaults, **given}


def agrees(seed: int, index: int, modality: str, probability: float) -> bool:
    """Whether a modality's cue is that of the label, else of the other class (``rand >= p``).

    The number drawn belongs to (seed, index, modality) alone and is used for nothing else, so that a case
    of two data sets that differ in an alignment differs in that cue only.
    """
    return float(stream(seed, index, f"alignment of {modality}").random()) < probability
