"""A table that is not where its card says."""

from pathlib import Path

import pytest

import auditkit
from auditkit.errors import AuditError

CARD = """\
data: clinic
task: melanoma
format: table
file: tables/absent.csv
positive: [malignant]
"""


def test_the_error_names_the_card_the_file_and_what_to_do(tmp_path: Path):
    card = tmp_path / "clinic.data.yaml"
    card.write_text(CARD)
    with pytest.raises(AuditError) as error:
        auditkit.load_data(card)
    assert str(error.value).startswith(
        f"{card}: file {tmp_path / 'tables/absent.csv'} does not exist"
    )
    assert "set AUDITKIT_DATA to the folder that holds 'tables/absent.csv'" in str(error.value)


@pytest.mark.parametrize("kind", ["table", "coco"])
def test_a_path_that_no_system_would_accept_is_not_there(tmp_path: Path, kind: str):
    card = tmp_path / "clinic.data.yaml"
    card.write_text(CARD.replace("tables/absent", "a" * 300).replace("table", kind))
    with pytest.raises(AuditError, match="does not exist"):
        auditkit.load_data(card)
