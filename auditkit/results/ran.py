"""When, how and under which rules a run was made, as it stands in results.json."""

from typing import Literal

from pydantic import Field

from auditkit.results.part import Part


class Deviations(Part):
    """What makes this run less than the whole planned audit."""

    planned: int = Field(description="Expectations planned.")
    judged: int = Field(description="Expectations with a verdict.")
    deselected: list[str] = Field(description="Node ids that were deselected or not reached.")
    other_tasks: dict[str, int] = Field(
        description="Specs that were not planned, by the task they belong to."
    )
    reruns: bool = Field(description="Whether a rerun plug-in was active.")
    dirty: bool = Field(description="Whether the repository had uncommitted changes.")
    stand_ins: list[str] = Field(description="Models and data sets that are stand-ins.")
    empty_dossier: list[str] = Field(
        default_factory=list, description="Required fields of dossiers that are not provided."
    )


class Environment(Part):
    """On what it ran."""

    auditkit: str = Field(description="Version of auditkit.")
    python: str = Field(description="Version of Python.")
    platform: str = Field(description="Operating system and processor.")
    packages: dict[str, str] = Field(description="Versions of the packages that compute.")
    device: str = Field(description="cpu, cuda or mps, as asked for.")
    precision: str = Field(description="Arithmetic of float models.")
    commit: str = Field(description="Commit of the repository that holds the specs.")
    hardware: str = Field(default="", description="Processor, cores, memory, accelerator, driver.")
    determinism: dict[str, str] = Field(
        default_factory=dict, description="Threads and switches of the libraries that compute."
    )
    code_sha256: str = Field(default="", description="Over auditkit's own code that computes.")
    page_sha256: str = Field(
        default="", description="Over auditkit's own code and templates that draw the report."
    )
    requirements_sha256: str = Field(
        default="", description="Of requirements.txt in the run's folder: every installed version."
    )


class SourceFile(Part):
    """A spec or card as it was read, copied into the run's folder."""

    kind: Literal["spec", "test", "profile", "model card", "data card", "other card"] = Field(
        description="What it is."
    )
    file: str = Field(description="Where it was read, relative to the root folder if inside.")
    kept: str = Field(description="Where its copy lies in the run's folder.")
    sha256: str = Field(description="Of its bytes.")


class Registered(Part):
    """A spec against the record that was made of it before the run."""

    file: str = Field(description="Of the spec, relative to the root folder.")
    state: Literal["unchanged", "changed", "not registered"] = Field(
        description="Whether the spec is the registered one."
    )
    recorded: str = Field(description="When the record says that it was made, UTC; empty if none.")
    reason: str = Field(description="Why the record replaced an earlier one; empty if none.")


class Registration(Part):
    """What was recorded before the run (`auditkit register`)."""

    file: str = Field(
        description="The record, relative to the root folder; empty if there is none."
    )
    sha256: str = Field(description="Of the record.")
    recorded: str = Field(description="When its last entry says that it was made, UTC.")
    commit: str = Field(
        description="Commit in which the record stands unchanged; empty if in none."
    )
    specs: list[Registered] = Field(description="Every spec of the run.")
    problem: str = Field(
        default="", description="Why the record could not be used, such as a broken chain."
    )


class ProfileResult(Part):
    """The profile under which a run was planned and judged."""

    profile: str = Field(description="Name.")
    title: str = Field(description="One line for people.")
    file: str = Field(description="Its file, relative to the root folder.")
    sha256: str = Field(description="Of the file.")
    changes: list[str] = Field(description="What it changed in this run, in words.")


class EvidenceList(Part):
    """The arrays on which the verdicts rest, listed in evidence.json."""

    sha256: str = Field(description="Of evidence.json in the run's folder.")
    shards: int = Field(description="Number of shards.")
    size: int = Field(description="Bytes of all shards.")


class Redaction(Part):
    """What was withheld from this copy of a report."""

    withheld: list[Literal["images", "ids"]] = Field(description="What.")
    original_sha256: str = Field(description="Of the results.json that this is a copy of.")
    images: int = Field(description="Pictures that were withheld.")
    ids: int = Field(description="Identifiers that were replaced by pseudonyms.")


class Run(Part):
    """When, how and by which command."""

    id: str = Field(description="Name of the run's folder.")
    started: str = Field(description="UTC, ISO 8601.")
    finished: str = Field(description="UTC, ISO 8601.")
    seconds: float = Field(description="Wall time.")
    command: list[str] = Field(description="The command line.")
    exit_status: int = Field(description="pytest's exit status.")
    evidence: dict[str, int] = Field(description="Shards computed and shards found.")
    release: bool | None = Field(
        default=None, description="Whether release mode was on; null in files of version 1.0."
    )
    batch_size: int | None = Field(
        default=None, description="Inputs per forward pass, if it was stated."
    )
    execution: dict[str, str] = Field(
        default_factory=dict,
        description="How evidence was computed: engine, workers, batch size, shard size, fast or not.",
    )
    baseline: str = Field(
        default="", description="The earlier run that this one was compared with, as it was stated."
    )
    baseline_sha256: str = Field(default="", description="Of that run's results.json.")
