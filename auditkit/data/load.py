"""From a data card to a data set."""

from auditkit.data.dataset import Dataset
from auditkit.spec.data_card import DataCard


def load_data(card: DataCard, classes: list[str] | None = None) -> Dataset:
    """The data set that a card describes.

    Args:
        card: the data card.
        classes: class names of the model, to which labels by name are held.
    """
    if card.format == "synthetic-dermoscopy":
        from auditkit.data.synthetic.dataset import SyntheticDermoscopyData

        return SyntheticDermoscopyData(card)
    from auditkit.data.table import TableData

    return TableData(card, classes)
