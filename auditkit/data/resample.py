"""Parts of a data set to train on: where a concept and the label agree, and by patient."""

import hashlib
from collections.abc import Iterable, Sequence

from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.spec.problems import nearest


def one_to_one(records: Sequence[Record], concept: str, seed: int) -> list[int]:
    """Images of which a concept and the label say the same, as many of either class.

    A model trained on them can rely on the concept alone: the primary-feature models of DEPICT
    (arXiv:2407.14509, sections 9.1 and 10 of its supplement). Kept are images whose label is 1 and whose
    concept is present (any value but 0), and images whose label is 0 and whose concept is absent; unknown
    values are left out. The larger class is then drawn from by whole patients, in an order that depends on
    the seed and the patient's name only; at most one patient is kept in part, where no whole one fits.

    Deviates: the paper does not say how it subsampled, nor that the classes are of one size; so that
    models of different concepts are trained on one prevalence, they are here.

    Args:
        records: of a two-class task.
        concept: name of a concept; binary or a count.
        seed: of the drawing.

    Returns:
        Indices into `records`, ascending; half of them of each class. Four images with the labels
        0, 0, 1, 1 and the values 0, 1, 1, 1 give one of the last two beside the first.

    Raises:
        AuditError: there is no such concept, a label is neither 0 nor 1, or one side is empty.
    """
    sides: tuple[list[int], list[int]] = ([], [])
    for index, record in enumerate(records):
        present = _present(record, concept)
        if record.label not in (0, 1):
            raise AuditError(
                f"'{record.id:.200}' has the label {record.label}; a concept can agree with labels 0 and 1 "
                "only: say in the data card which labels are positive"
            )
        if present is not None and present == (record.label == 1):
            sides[record.label].append(index)
    for label, found, state in ((1, sides[1], "present"), (0, sides[0], "absent")):
        if not found:
            raise AuditError(
                f"no image of {len(records)} has the label {label} and '{concept}' {state}: concept and "
                "label cannot be made to agree; choose another concept"
            )
    size = min(map(len, sides))
    return sorted(index for side in sides for index in _drawn(records, side, size, seed))


def split_patients(
    records: Sequence[Record], share: float, seed: int
) -> tuple[list[int], list[int]]:
    """Two parts that share no patient.

    Patients are put in an order that depends on the seed and their names only, and the first of them
    validate: round(share x patients), at least one, and never all.

    Args:
        records: of at least two patients.
        share: of the patients that validate, in (0, 1).
        seed: of the order.

    Returns:
        Indices to train on and indices to validate on, ascending.

    Raises:
        AuditError: there are fewer than two patients, or the share is not in (0, 1).
    """
    patients = _shuffled({record.patient for record in records}, seed)
    if len(patients) < 2 or not 0 < share < 1:
        raise AuditError(
            f"{len(patients)} patients cannot be split with a share of {share} to validate on; at least "
            "two patients and a share between 0 and 1 were expected"
        )
    count = min(max(round(share * len(patients)), 1), len(patients) - 1)
    held = set(patients[:count])
    parts: tuple[list[int], list[int]] = ([], [])
    for index, record in enumerate(records):
        parts[record.patient in held].append(index)
    return parts


def _present(record: Record, concept: str) -> bool | None:
    """Whether an image shows a concept; None if that is not known."""
    if concept not in record.concepts:
        raise AuditError(f"there is no concept '{concept}'; {nearest(concept, record.concepts)}")
    value = record.concepts[concept]
    return value != "0" if value else None


def _drawn(records: Sequence[Record], side: Sequence[int], size: int, seed: int) -> list[int]:
    """`size` of the images, patients whole but for at most one."""
    images: dict[str, list[int]] = {}
    for index in side:
        images.setdefault(records[index].patient, []).append(index)
    drawn: list[int] = []
    too_large: list[str] = []
    for patient in _shuffled(images, seed):
        if len(drawn) + len(images[patient]) <= size:
            drawn += images[patient]
        else:
            too_large.append(patient)
    # Any patient that did not fit has more images than are missing now.
    return drawn + images[too_large[0]][: size - len(drawn)] if too_large else drawn


def _shuffled(patients: Iterable[str], seed: int) -> list[str]:
    """Patients in an order of which neither images nor other patients change anything."""
    return sorted(
        patients, key=lambda patient: hashlib.sha256(f"{seed} {patient}".encode()).digest()
    )
