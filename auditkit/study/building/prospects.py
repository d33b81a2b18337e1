"""What a study that was built can tell: its guidance, from what is there and not from what was asked for."""

from collections import Counter
from collections.abc import Iterable

from auditkit.study.assigning import references
from auditkit.study.building.building import Built
from auditkit.study.building.summary import workload
from auditkit.study.folder import KeyItem, read_key
from auditkit.study.guidance import guidance


def prospects(built: Built) -> str:
    """Tables of `guidance` for a study of pairs, as lines for the terminal.

    References and repeats are those that every expert is shown if nothing is rejected by screening; patients
    are those of these references.

    Raises:
        AuditError: the key is gone or was changed.
    """
    study, load = built.study, workload(built.study)
    key = read_key(built.folder)
    drawn = references(study, ())
    shown = {one.item for one in study.items if not one.practice and one.reference in drawn}
    owners = patients([one for one in key.items if one.item in shown])
    # The last table, of the work, is for planning: the summary has what was built.
    *tables, _ = guidance(
        len(drawn),
        len(study.experts),
        len(key.models),
        per_patient=per_patient(owners.values()),
        repeats=load.repeats / load.first,
    )
    parts = ["\n".join(table.lines()) for table in tables]
    unknown = sum(not patient for patient in owners.values())
    if unknown:
        parts.append(
            f"the patients of {unknown} of {len(owners)} references are unknown: each counts as a patient of "
            "its own, and intervals are too narrow if some are of one patient"
        )
    return "\n\n".join(parts)


def patients(items: Iterable[KeyItem]) -> dict[str, str]:
    """The patient of each image; "" where it is unknown."""
    return {item.image: item.patient for item in items}


def per_patient(owners: Iterable[str]) -> float:
    """Images of one patient, as the average image sees it: with m_i images of patient i, sum m_i^2 / sum m_i.

    Answers that correlate by q within a patient have a mean of variance (s^2 / n) (1 + (m - 1) q) with this
    m; the mean of m_i gives less wherever patients differ.

    Args:
        owners: patient of each image; "" is a patient of its own each time.

    Example:
        >>> per_patient(["a", "a", "a", "b"]), per_patient(["", ""])
        (2.5, 1.0)
    """
    known = list(owners)
    sizes = Counter(known)
    alone = sizes.pop("", 0)
    return (alone + sum(size**2 for size in sizes.values())) / len(known)
