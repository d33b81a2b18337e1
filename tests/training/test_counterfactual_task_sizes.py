"""Networks that do not fit an image are refused before anything is written."""

import counterfactual_world as world
import pytest

from auditkit.errors import AuditError
from auditkit.spec.counterfactual_card import GeneratorNetwork
from auditkit.training.counterfactual.task import _refuse_size


@pytest.mark.parametrize(
    "network",
    [
        GeneratorNetwork(grid=16, downsamplings=4),
        GeneratorNetwork(kind="cyclegan", downsamplings=4),
        GeneratorNetwork(grid=8, downsamplings=0),
    ],
)
def test_too_small_for_the_network(tmp_path, network):
    with pytest.raises(AuditError, match="too small"):
        _refuse_size(world.redness_card(tmp_path, 16), network)


def test_the_shipped_network_fits_from_16_pixels_on(tmp_path):
    _refuse_size(world.redness_card(tmp_path, 16), GeneratorNetwork())
    with pytest.raises(AuditError, match="too small"):
        _refuse_size(world.redness_card(tmp_path, 15), GeneratorNetwork())
