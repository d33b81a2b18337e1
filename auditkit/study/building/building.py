"""Building a study: from a plan to a folder that experts can be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditkit.session import Session
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.study import StudyPlan
from auditkit.study.building.counterfactuals import counterfactual_material
from auditkit.study.building.heatmaps import heatmap_ready
from auditkit.study.building.pairing import pairs_ready
from auditkit.study.building.plans import check_plan
from auditkit.study.building.ready import Ready
from auditkit.study.building.seeds import checked_seed
from auditkit.study.building.table import table_material
from auditkit.study.building.writing import write_study
from auditkit.study.folder import Blinded
from auditkit.study.whole import refuse_existing


@dataclass(frozen=True)
class Built:
    """A study that was built.

    Attributes:
        folder: where it lies.
        study: what the server knows of it.
        left_out: number of images of the data (or of the table) that nobody is shown, by reason.
    """

    folder: Path
    study: Blinded
    left_out: Mapping[str, int]


def build(
    plan: StudyPlan,
    catalogue: Catalogue,
    folder: Path,
    *,
    session: Session | None = None,
    seed: str | None = None,
) -> Built:
    """Build a study: plan, pictures, what the server may know, and the key.

    Args:
        plan: as read.
        catalogue: where its models, data and generators are looked for.
        folder: a new one.
        session: computes evidence; not needed for a table of pairs.
        seed: what is drawn is drawn from it: which references, which picture of a pair comes first. New
            if None. Names are never drawn from it.

    Raises:
        AuditError: the plan asks for what is not there, or nothing that passes; the folder exists.
        Unavailable: a model has no generator of the kind that the plan asks for.
    """
    refuse_existing(folder)
    seed = checked_seed(seed)
    ready = _ready(plan, catalogue, session, seed)
    study = write_study(plan, ready, folder, seed)
    return Built(folder, study, ready.left_out)


def _ready(plan: StudyPlan, catalogue: Catalogue, session: Session | None, seed: str) -> Ready:
    stand_ins = check_plan(plan, catalogue)
    if plan.kind == "pairs":
        return pairs_ready(plan, table_material(plan), seed, stand_ins)
    assert session is not None, "models are asked"
    if plan.kind == "heatmaps":
        return heatmap_ready(plan, catalogue, session, stand_ins)
    material = counterfactual_material(plan, catalogue, session)
    return pairs_ready(plan, material, seed, stand_ins)
