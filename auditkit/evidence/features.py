"""The second input of models that read age, sex or site beside the picture. No torch."""

import math

from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.spec.model_card import Feature, ModelCard
from auditkit.spec.problems import nearest


def feature_values(card: ModelCard, record: Record) -> list[float]:
    """The card's `table` for one image, (F,): numbers standardised, categories one-hot.

    Raises:
        AuditError: the data have no such column, or a value is missing or unknown.
    """
    values: list[float] = []
    for feature in card.table:
        if feature.column not in record.features:
            raise AuditError(
                f"model '{card.model}' reads the column '{feature.column}' of the data's table; "
                f"{nearest(feature.column, record.features)}; list it under columns.features"
            )
        values += _encoded(feature, record.features[feature.column], record.id)
    return values


def _encoded(feature: Feature, text: str, image: str) -> list[float]:
    if not text:
        return _missing(feature, image)
    if feature.values is not None:
        if text not in feature.values:
            raise AuditError(
                f"image '{image}': {feature.column} is '{text}'; {nearest(text, feature.values)}"
            )
        return [float(text == value) for value in feature.values]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise AuditError(f"image '{image}': {feature.column} is '{text}'; a number was expected")
    return [(number - feature.mean) / feature.std]


def _missing(feature: Feature, image: str) -> list[float]:
    if feature.missing is None:
        raise AuditError(
            f"image '{image}' has no value for {feature.column}; state in the model card what the "
            "device does then (`missing:`), or leave the image out"
        )
    if feature.values is not None:
        return [0.0] * len(feature.values)
    return [(feature.missing - feature.mean) / feature.std]
