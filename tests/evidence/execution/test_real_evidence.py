"""A real network in worker processes: all arrays are the same to the last bit, whatever the shards."""

from contextlib import closing

import numpy as np
import pytest

from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.execution.processes import Processes
from auditkit.evidence.removal import RemovalPlan
from auditkit.evidence.workroom import Workroom
from auditkit.spec.catalogue import catalogue
from auditkit.spec.methods import parse_method
from tests.conftest import LESIONS, STEADY

ONE_BY_ONE = Settings.asked("cpu", batch_size=1)
IMAGES = 9


@pytest.fixture(scope="module")
def cards(tmp_path_factory, networks):
    folder = tmp_path_factory.mktemp("cards")
    (folder / "random.safetensors").symlink_to(networks["random"])
    (folder / "random.model.yaml").write_text(STEADY.format(name="random"))
    (folder / "lesions.data.yaml").write_text(LESIONS.replace("n: 24", f"n: {IMAGES}"))
    return catalogue([folder])


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Workers compute the shards that they are asked for; how large these are, the driver says."""
    with closing(Processes(Store(tmp_path_factory.mktemp("store")), ONE_BY_ONE, 2)) as engine:
        yield engine


def arrays_of(cards, engine, settings):
    """Everything that a truthfulness audit gathers."""
    evidence = Workroom(engine, settings).evidence(cards.model("random"), cards.data("lesions"))
    found = {"score": evidence.scores().score, "decision": evidence.scores().decision}
    method, plan = parse_method("gradient"), RemovalPlan("mean", steps=2, repeats=1)
    found["maps"] = evidence.heatmaps(method).maps
    found["removal"] = evidence.removal(method, plan).score
    found["random"] = evidence.random_removal(method, plan).score
    return found


@pytest.fixture(scope="module")
def inline(cards, tmp_path_factory):
    return arrays_of(cards, Engine(Store(tmp_path_factory.mktemp("inline"))), ONE_BY_ONE)


@pytest.mark.parametrize("shard", [1, 7, 64])
def test_arrays_are_those_of_inline(cards, processes, inline, shard):
    engine = Engine(processes.store, executor=processes)
    found = arrays_of(cards, engine, Settings.asked("cpu", batch_size=1, shard=shard))
    assert engine.counts.computed > 4 * -(-IMAGES // shard)
    assert found.keys() == inline.keys()
    for name, array in inline.items():
        np.testing.assert_array_equal(found[name], array, strict=True, err_msg=name)
    assert len(np.unique(inline["score"])) > 5
