"""Options and ini settings: command line before ini before default. ``--model`` is the only bare name."""

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import AuditError
from auditkit.spec.catalogue import Catalogue, catalogue
from auditkit.spec.data_card import DataCard
from auditkit.spec.engines import DEVICES, ENGINES, PRECISIONS, EngineChoice, positive
from auditkit.spec.load import SPEC_SUFFIXES, find_specs
from auditkit.spec.model_card import ModelCard
from auditkit.spec.profile import Profile, find_profile
from auditkit.spec.profile_check import check_profile

NO_ALIAS = "AUDITKIT_NO_MODEL_ALIAS"


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    models: tuple[ModelCard, ...]
    data: DataCard | None
    device: str
    precision: str
    batch_size: int | None
    shard: int | None
    fast: bool
    engine: EngineChoice
    folder: Path
    store: Path | str
    baseline: Path | None
    release: bool
    junit_properties: bool
    catalogue: Catalogue
    workers: int
    started: float
    profile: Profile | None = None
    language: str = "en"
    proficiency: Path | None = None

    @property
    def local_store(self) -> Path:
        """A folder of this machine for what never leaves it, where the store itself may be elsewhere."""
        return self.store if isinstance(self.store, Path) else Path(".auditkit/store").resolve()

    @property
    def execution(self) -> dict[str, str]:
        """How evidence is computed, for the record."""
        workers = self.engine.workers or (self.workers if self.workers > 1 else None)
        told = {
            "engine": self.engine.name,
            "workers": str(workers or "auto"),
            "batch size": str(self.batch_size or "auto"),
            "shard": str(self.shard or "auto"),
            "fast": "yes" if self.fast else "no",
        }
        return told | {f"{self.engine.name} {k}": v for k, v in self.engine.options.items()}

    def replaced(self, data: DataCard) -> DataCard:
        """The data card that stands for ``data``: that of --audit-data if it has the same task."""
        return self.data if self.data is not None and self.data.task == data.task else data


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register options and their ini twins."""
    group = parser.getgroup("audit", "audits of models (auditkit)")
    names = ["--audit-model"] if os.environ.get(NO_ALIAS) else ["--audit-model", "--model"]
    group.addoption(
        *names,
        dest="audit_models",
        action="append",
        default=None,
        metavar="NAME",
        help="model to audit: a card's name or path; repeatable (env AUDITKIT_NO_MODEL_ALIAS=1 "
        "leaves the bare --model to another plugin)",
    )
    for name, metavar, text in (
        ("data", "NAME", "data card that replaces the specs' data of the same task"),
        ("profile", "NAME|FILE", "profile of samples, limits and waivers: *.profile.yaml"),
        ("device", "|".join(DEVICES), "where networks run (default: auto)"),
        ("precision", "|".join(PRECISIONS), "arithmetic of float networks (default: float32)"),
        ("batch-size", "auto|N", "inputs per forward pass; no verdict depends on it"),
        ("shard", "auto|N", "images per shard, in whole batches; no number depends on it"),
        ("engine", "|".join(ENGINES), "what computes evidence (default: inline)"),
        ("workers", "auto|N", "workers of the engine (default: one per GPU or core)"),
        ("report", "DIR", "folder of this run's report (default: reports/<run>)"),
        ("store", "PLACE", "folder or URL of the evidence store (default: .auditkit/store)"),
        ("language", "NAME", "language of the report: en or de (default: en)"),
        (
            "baseline",
            "RUN",
            "folder of an earlier run, which 'not_worse_than: baseline' is held against",
        ),
        (
            "proficiency",
            "FILE",
            "result of `auditkit proficiency --out FILE`, told beside verdicts",
        ),
    ):
        dest = f"audit_{name.replace('-', '_')}"
        group.addoption(f"--audit-{name}", dest=dest, default=None, metavar=metavar, help=text)
        parser.addini(dest, f"{text} (as --audit-{name})", default="")
    group.addoption(
        "--audit-engine-option",
        dest="audit_engine_options",
        action="append",
        default=None,
        metavar="NAME=VALUE",
        help="option of the engine, such as address=auto (ray) or partition=gpu (slurm); repeatable",
    )
    parser.addini("audit_engine_options", "as --audit-engine-option", type="linelist", default=[])
    group.addoption(
        "--audit-fast",
        dest="audit_fast",
        action="store_true",
        default=None,
        help="larger batches and faster arithmetic: the last digits may depend on the machine",
    )
    parser.addini("audit_fast", "as --audit-fast", type="bool", default=False)
    group.addoption(
        "--audit-release",
        dest="audit_release",
        action="store_true",
        default=None,
        help="gate a release: refuse stand-ins, uncommitted changes, reruns and deselected audits",
    )
    parser.addini("audit_release", "as --audit-release", type="bool", default=False)
    parser.addini("audit_models", "models to audit (as --model)", type="args", default=[])
    parser.addini(
        "audit_cards", "folders with model and data cards", type="paths", default=["fixtures"]
    )
    parser.addini(
        "audit_junit_properties", "write audit.* properties to JUnit XML", type="bool", default=True
    )


def read_options(config: pytest.Config) -> Options:
    """Options from command line and ini.

    Raises:
        AuditError: a name or a value is not known.
    """
    root = config.rootpath
    folders = [root / folder for folder in config.getini("audit_cards")]
    cards = catalogue(folders)
    names = config.option.audit_models or config.getini("audit_models")
    models = tuple(cards.model(name) for name in dict.fromkeys(names))
    if len({card.model for card in models}) < len(models):
        raise AuditError("two of the models have the same name; names must differ within a run")
    profile = _profile(config, root, cards)
    return Options(
        models=models,
        data=_data(cards, models, _text(config, "audit_data")),
        device=_choice(config, "audit_device", DEVICES),
        precision=_choice(config, "audit_precision", PRECISIONS),
        batch_size=positive(_text(config, "audit_batch_size"), "--audit-batch-size"),
        shard=positive(_text(config, "audit_shard"), "--audit-shard"),
        fast=_flag(config, "audit_fast"),
        engine=_engine(config),
        folder=_folder(config, root, models),
        store=_store(config, root),
        baseline=_baseline(config),
        proficiency=_proficiency(config),
        release=_release(config, profile),
        junit_properties=config.getini("audit_junit_properties"),
        catalogue=cards,
        workers=int(worker_input(config).get("workercount", 1)),
        started=time.time(),
        profile=profile,
        language=_language(config),
    )


def worker_input(config: pytest.Config) -> dict[str, Any]:
    """What the xdist controller told this worker; empty elsewhere."""
    found: dict[str, Any] = getattr(config, "workerinput", {})
    return found


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is an xdist worker."""
    return hasattr(config, "workerinput")


def _release(config: pytest.Config, profile: Profile | None) -> bool:
    return _flag(config, "audit_release") or (profile is not None and profile.spec.release)


def _profile(config: pytest.Config, root: Path, cards: Catalogue) -> Profile | None:
    """The profile that was asked for; all that it names is there."""
    name = _text(config, "audit_profile")
    if not name:
        return None
    here = config.invocation_params.dir
    given = [here / argument.partition("::")[0] for argument in config.args]
    places = [place for place in given if place.exists()]
    if "/" in name or name.endswith((".yaml", ".yml")):
        name = str((here if config.option.audit_profile else root) / name)
    profile = find_profile(name, places, root)
    if not is_worker(config):
        found = find_specs([profile.path.parent, *places])
        specs = [path for path in found if path.name.endswith(SPEC_SUFFIXES)]
        check_profile(profile, specs, cards)
    return profile


def _folder(config: pytest.Config, root: Path, models: tuple[ModelCard, ...]) -> Path:
    told = worker_input(config).get("auditkit_folder")
    if told:
        return Path(told)
    asked = _text(config, "audit_report")
    if asked:
        return Path(config.invocation_params.dir) / asked
    # Two runs may start in the same second and on different machines.
    parts = [time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), *(m.model for m in models)]
    return root / "reports" / "-".join([*parts, secrets.token_hex(3)])


def _store(config: pytest.Config, root: Path) -> Path | str:
    """A URL as it is; a folder from the project's root."""
    place = _text(config, "audit_store") or ".auditkit/store"
    return place if "://" in place else root / place


def _text(config: pytest.Config, name: str) -> str:
    given = getattr(config.option, name)
    return str(given if given is not None else config.getini(name))


def _language(config: pytest.Config) -> str:
    asked = _text(config, "audit_language")
    if not asked:
        return "en"
    from auditkit.report.language import Language

    return Language(asked).name


def _proficiency(config: pytest.Config) -> Path | None:
    """The file of a study."""
    given = config.option.audit_proficiency
    text = str(given if given is not None else config.getini("audit_proficiency"))
    if not text:
        return None
    start: Path = config.rootpath if given is None else config.invocation_params.dir
    path = start / text
    if not path.is_file():
        raise AuditError(
            f"--audit-proficiency {text}: a file that `auditkit proficiency --out FILE` wrote was expected"
        )
    from auditkit.proficiency.known import studies

    studies(path)
    return path


def _baseline(config: pytest.Config) -> Path | None:
    """The folder of the run to compare with; the command line's is relative to where it was typed."""
    given = config.option.audit_baseline
    text = str(given if given is not None else config.getini("audit_baseline"))
    if not text:
        return None
    start: Path = config.rootpath if given is None else config.invocation_params.dir
    folder = start / text
    if not (folder / "results.json").is_file():
        raise AuditError(
            f"--audit-baseline {text}: the folder of an earlier run, with its results.json, was expected"
        )
    return folder


def _data(cards: Catalogue, models: tuple[ModelCard, ...], name: str) -> DataCard | None:
    if not name:
        return None
    data = cards.data(name)
    if models and data.task not in {card.task for card in models}:
        tasks = ", ".join(sorted({card.task for card in models}))
        raise AuditError(
            f"--audit-data {name} is about {data.task}, the models are about {tasks}; it would "
            "replace nothing"
        )
    return data


def _choice(config: pytest.Config, name: str, known: tuple[str, ...]) -> str:
    value = _text(config, name) or known[0]
    if value not in known:
        from auditkit.spec.problems import nearest

        option = "--" + name.replace("_", "-")
        raise AuditError(f"{option} {value}: {nearest(value, known)}")
    return value


def _flag(config: pytest.Config, name: str) -> bool:
    given = getattr(config.option, name)
    return bool(config.getini(name) if given is None else given)


def _engine(config: pytest.Config) -> EngineChoice:
    asked = config.option.audit_engine_options
    options = config.getini("audit_engine_options") if asked is None else asked
    return EngineChoice.parse(
        _text(config, "audit_engine"), _text(config, "audit_workers"), options
    )
