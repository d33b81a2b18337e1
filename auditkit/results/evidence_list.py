"""evidence.json: the shards on which a run's verdicts rest, each by its digest."""

import json
from pathlib import Path

from pydantic import Field

from auditkit.errors import AuditError
from auditkit.results.part import Part


class ListedShard(Part):
    """One shard of the evidence store, as it was when it was judged."""

    address: str = Field(
        description="Where it lies in the store: AB/ABCDEF...-<first 12 of sha256>.safetensors"
    )
    sha256: str = Field(description="Of the file with the arrays.")
    stage: str = Field(description="What it is, for people.")
    content: str = Field(
        description="What it is of, whatever code computed it: sha256 of stage, parameters and images."
    )
    images: int = Field(description="Number of images in it.")
    size: int = Field(description="Bytes of the file.")


class ListedEvidence(Part):
    """All of them, sorted by address."""

    store: str = Field(description="The store, relative to the run's folder where possible.")
    code: str = Field(description="sha256 of the computing code and the versions of its packages.")
    shards: list[ListedShard] = Field(description="The shards.")


def evidence_list_json(listed: ListedEvidence) -> str:
    """Canonical text: sorted keys, newline at the end."""
    data = listed.model_dump(mode="json")
    return json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def read_evidence_list(file: Path) -> ListedEvidence:
    """Read evidence.json back.

    Raises:
        AuditError: it is not there, or is none.
    """
    try:
        return ListedEvidence.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise AuditError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise AuditError(f"{file} is not a list of evidence of this version: {first}") from error
