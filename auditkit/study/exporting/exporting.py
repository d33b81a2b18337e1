"""`auditkit study export`: a closed study becomes a folder of tables, written whole."""

import json
from pathlib import Path

from auditkit.data.answer_rows import COLUMNS
from auditkit.errors import AuditError
from auditkit.results import write_whole
from auditkit.spec.answers_card import ANSWERS_SUFFIX
from auditkit.study.exporting.answer_rows import choice_rows, given, noted_rows
from auditkit.study.exporting.cards import answers_card, card_text
from auditkit.study.exporting.pair_rows import is_shown, pair_rows
from auditkit.study.exporting.pictures import write_pictures
from auditkit.study.exporting.tables import write_table
from auditkit.study.exporting.unsealed import Unsealed, unsealed
from auditkit.study.exporting.veto_tables import write_vetoes
from auditkit.study.folder import PICTURES
from auditkit.study.storing import Store
from auditkit.study.whole import refuse_existing, whole_folder


def export(folder: Path, store: Store, out: Path) -> Path:
    """Unblind a closed study of pairs and write what it found.

    `pairs.csv`, `choices.csv` and `noted.csv` have one row per pair, per answer that counts, and per
    attribute noted; pairs to which an expert gave no answer have no row of that expert. Beside them: the
    card that audits read, the pictures of pairs that were shown, a table of vetoes per model, and the audit
    trail.

    Args:
        folder: of the study.
        store: of its answers.
        out: a new folder.

    Returns:
        The card, ``NAME.answers.yaml``.

    Raises:
        AuditError: the study is not closed, nobody answered, its files are not those that it was built with,
            or ``out`` is there already or cannot be written.
    """
    refuse_existing(out)
    study = unsealed(folder, store)
    answers = given(study)
    if not answers:
        raise AuditError(
            f"{folder}: the study was closed without a single answer; nothing to export"
        )
    with whole_folder(out) as half:
        files = write_pictures(
            study, [item for item in study.items if is_shown(study, item)], half / PICTURES
        )
        rows = {
            "pairs": pair_rows(study, files),
            "choices": choice_rows(answers),
            "noted": noted_rows(study, answers),
        }
        digests = {
            name: write_table(half / f"{name}.csv", COLUMNS[name], own)
            for name, own in rows.items()
        }
        card = f"{study.plan.study}{ANSWERS_SUFFIX}"
        write_whole(half / card, card_text(answers_card(study, digests, PICTURES)))
        write_vetoes(study, half)
        write_trail(study, half / "trail.csv")
    return out / card


def write_trail(study: Unsealed, path: Path) -> None:
    """Write the audit trail; details as JSON."""
    rows = (
        {
            "at": event.at.isoformat(),
            "person": event.person,
            "action": event.action,
            "detail": json.dumps(dict(event.detail), ensure_ascii=False, sort_keys=True),
        }
        for event in study.trail
    )
    write_table(path, ("at", "person", "action", "detail"), rows)
