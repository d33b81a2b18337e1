"""The same from Python, for notebooks and other tools: models, data, checks."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from auditkit.data import Dataset
from auditkit.data import load_data as _load_data
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Peers, Settings, Store
from auditkit.evidence.engine import Engine, threads
from auditkit.findings import Findings
from auditkit.models import load_model as _load_model
from auditkit.models.identity import label_indices
from auditkit.session import hindrance_of
from auditkit.spec.beside import Beside, beside
from auditkit.spec.catalogue import Catalogue, catalogue
from auditkit.spec.data_card import DataCard
from auditkit.spec.fallback import settled
from auditkit.spec.load import keyword_parameters
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from auditkit.models.model import Model

CARDS = "AUDITKIT_CARDS"
STORE = "AUDITKIT_STORE"


def _catalogue() -> Catalogue:
    """Cards below the folders in the environment variable AUDITKIT_CARDS, or below ./fixtures."""
    folders = os.environ.get(CARDS, "fixtures").split(os.pathsep)
    return catalogue(Path(folder) for folder in folders)


def load_model(
    name_or_card: str | Path | ModelCard, *, device: str = "auto", precision: str = "float32"
) -> "Model":
    """A model by the name of its card, by the card's path, or from a card.

    Raises:
        AuditError: there is no such card, or the weights are not what it says.
    """
    if isinstance(name_or_card, ModelCard):
        return _load_model(settled(name_or_card), device, precision)
    return _load_model(_catalogue().model(str(name_or_card)), device, precision)


def wrap_model(
    model: Any,
    *,
    name: str,
    task: str,
    size: int,
    version: str,
    classes: Sequence[str] | None = None,
    score: int | str | None = None,
    threshold: float | None = None,
    kind: Literal["probabilities", "logits"] = "probabilities",
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
    device: str = "cpu",
) -> "Model":
    """A model object as a model to audit: a PyTorch module, or a MAITE image classifier.

    Args:
        model: ``torch.nn.Module`` from (N, 3, size, size) to (N, K), or a callable of MAITE's
            image-classification protocol, from arrays (3, size, size) to pseudo-probabilities (K,).
        name: of the model, for reports.
        task: what it is about; the data's must be the same.
        size: side of its square input in pixels.
        version: part of the identity of what is computed; change it when the model changes. The
            parameters, buffers and `repr` of a PyTorch module are part of it already; behaviour that is
            in none of them (code of `forward`, constants), and everything about a MAITE object, must be
            told apart by it.
        classes: names of its outputs. A MAITE model's own ``metadata["index2label"]`` if left out.
        score: the positive class by index or name; None to decide between all classes.
        threshold: of the score.
        kind: what it answers.
        mean: subtracted from inputs in [0, 1].
        std: divided by.
        device: where it runs.

    Raises:
        AuditError: the object is no model, or what is stated about it does not fit.
    """
    from auditkit.models.python_source import wrapped

    stated: dict[str, Any] = {
        "model": name,
        "task": task,
        "threshold": threshold,
        "input": {"size": size, "mean": list(mean), "std": list(std)},
        "output": {"kind": kind, "score": score},
    }
    return wrapped(model, stated, version, None if classes is None else list(classes), device)


def load_data(
    name_or_card: str | Path | DataCard, *, classes: Sequence[str] | None = None
) -> Dataset:
    """A data set by the name of its card, by the card's path, or from a card.

    Args:
        name_or_card: name, path or card.
        classes: class names that labels in a table may use, in the model's order of outputs.

    Raises:
        AuditError: there is no such card, or the table or its files are not as they should be.
    """
    card = name_or_card
    if not isinstance(card, DataCard):
        card = _catalogue().data(str(card))
    return _load_data(card, {name: i for i, name in enumerate(classes)} if classes else None)


def run(
    check: str, model: "Model", data: Dataset, *, store: str | Path | None = None, **parameters: Any
) -> Findings:
    """Run a check on a model and a data set.

    Args:
        check: name of the check (``auditkit list checks``).
        model: from `load_model`.
        data: from `load_data`.
        store: folder of the evidence store; default: environment variable AUDITKIT_STORE, or
            ``.auditkit/store`` below the working folder.
        parameters: the check's parameters, as under ``with:`` in a spec.

    Returns:
        Findings: measurements with intervals, figures, tables, examples.

    Raises:
        AuditError: a name or a parameter is not known, or the model cannot be asked.
    """
    declaration, typed = keyword_parameters(check, parameters, Path("run"))
    hindered = hindrance_of(declaration.needs(typed), model.card, data.card)
    if hindered is not None:
        raise AuditError(f"{hindered.verdict.value}: {hindered.reason}")
    from auditkit.checks import compute

    images = getattr(typed, "images", None)
    named = beside(typed, data.card, _catalogue())
    others: dict[str, Callable[[], Evidence]] = {
        name: partial(_evidence, model, load_data(card), images, store)
        for name, card in named.data.items()
    }
    own = _evidence(model, data, images, store, others, named)
    return compute(declaration, own, typed)


def _evidence(
    model: "Model",
    data: Dataset,
    images: int | None,
    store: str | Path | None,
    others: Mapping[str, Callable[[], Evidence]] | None = None,
    named: Beside | None = None,
) -> Evidence:
    if data.card.task != model.card.task:
        raise AuditError(
            f"data set '{data.card.data}' is about {data.card.task}, model '{model.card.model}' about "
            f"{model.card.task}; they must have the same task"
        )
    folder = Path(store or os.environ.get(STORE, ".auditkit/store"))
    engine = Engine(Store(folder), threads() if model.device.type == "cpu" else 1)
    settings = Settings(device=model.device.type, precision=model.precision)
    own_data, named = _with_classes(data, model.card), named or Beside()

    def of(card: ModelCard, own: "Callable[[], Model]", peers: Peers) -> Evidence:
        return Evidence(card, own_data, engine, settings, images, own, others, peers)

    shared = Peers.of(named)
    models = {
        name: partial(
            of, card, partial(_load_model, card, settings.device, settings.precision), shared
        )
        for name, card in named.others.items()
    }
    return of(model.card, model.copy, replace(shared, models=models))


def _with_classes(data: Dataset, card: ModelCard) -> Dataset:
    """Labels by name are held to the model's classes, as in a spec."""
    if data.card.format.startswith("synthetic-"):
        return data
    return _load_data(data.card, label_indices(card))
