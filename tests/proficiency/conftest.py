"""A tiny project with a model, so that a study takes seconds."""

from pathlib import Path

import pytest

from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.workroom import Workroom
from auditkit.proficiency.population import Population
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import load_audit
from tests.conftest import LESIONS, STEADY

LIGHT = """\
audit: light
check: colour-shift
data: lesions
with: {radius: 5, angles: 4, directions: [pink, teal]}
expect:
  - {measure: pink.mean_change, at: {radius: 5}, between: [-0.05, 0.05]}
  - {measure: teal.mean_change, at: {radius: 5}, between: [-0.05, 0.05], severity: advisory}
"""

REDRAWN = """\
audit: redrawn
check: attribute-response
data: lesions
with: {attributes: [tint]}
expect:
  - {measure: tint.mean_change, between: [-0.1, 0.1]}
"""

STORED = """\
audit: stored
check: corruption-response
data: lesions
with: {corruptions: [jpeg, mark]}
expect:
  - {measure: jpeg.mean_change, between: [-0.05, 0.05]}
  - {measure: mark.mean_change, between: [-0.05, 0.05]}
"""

HEAT = """\
audit: heat
check: alignment
data: lesions
with: {methods: [gradient]}
expect:
  - {measure: gradient.explanation_coverage, above: 0}
"""


LOOKS = """\
audit: looks
check: alignment
data: lesions
with: {methods: [gradient, {method: occlusion, window: 0.25, stride: 0.25, baseline: mean}]}
expect:
  - {measure: occlusion.coverage_above_chance, above: 0}
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory, networks):
    """A folder with cards and audits."""
    folder = tmp_path_factory.mktemp("proficiency")
    cards, audits = folder / "fixtures", folder / "audits"
    cards.mkdir()
    audits.mkdir()
    (cards / "random.safetensors").symlink_to(networks["random"])
    (cards / "random.model.yaml").write_text(STEADY.format(name="random"))
    (cards / "lesions.data.yaml").write_text(LESIONS)
    written = {"light": LIGHT, "redrawn": REDRAWN, "stored": STORED, "heat": HEAT, "looks": LOOKS}
    for name, text in written.items():
        (audits / f"{name}.audit.yaml").write_text(text)
    return folder


@pytest.fixture(scope="session")
def cards(project):
    return catalogue([project / "fixtures"])


@pytest.fixture(scope="session")
def population(project, cards):
    room = Workroom(Engine(Store(project / "store"), listing=False), Settings.asked("cpu"))
    return Population(room.evidence(cards.model("random"), cards.data("lesions")))


@pytest.fixture(scope="session")
def audit(project, cards):
    def found(name: str):
        return load_audit(Path(project / "audits" / f"{name}.audit.yaml"), cards)

    return found
