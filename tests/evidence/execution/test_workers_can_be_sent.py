"""Features are of pictures that one evidence shows and another's network looks at: both are sent to workers.

`tests/plugin/conftest.py` sends every job of whole runs from cards; this is what they do not come to.
"""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from auditkit.evidence.counterfactuals import features
from auditkit.spec.model_card import Input


class Shown:
    """As much of an evidence as features ask for."""

    n = 2
    records = (SimpleNamespace(digest="a", features={}), SimpleNamespace(digest="b", features={}))
    card = SimpleNamespace(input=Input(size=8), volume=None, table=())

    def gather(self, name, parameters, worker, stage, digests):
        self.worker = worker
        return {"feature": np.zeros((len(digests), 3), np.float32)}


@pytest.mark.parametrize(
    "asked",
    [features.image_features, lambda shown, network: features.shifted_features(shown, network, 5)],
)
def test_features_of_images(asked):
    shown, network = Shown(), Shown()
    assert asked(shown, network).shape == (2, 3)
    assert pickle.loads(pickle.dumps(network.worker)).func is features._features_worker


def test_features_of_counterfactuals(monkeypatch):
    pictures = np.arange(2 * 2 * 12, dtype=np.uint8).reshape(2, 2, 2, 2, 3)
    monkeypatch.setattr(features, "pairs", lambda _shown, _card: pictures)
    shown, network = Shown(), Shown()
    features.counterfactual_features(shown, SimpleNamespace(counterfactual="g"), network)
    read = pickle.loads(pickle.dumps(network.worker)).keywords["drawn"]
    side = features.sides(shown)[1]
    np.testing.assert_array_equal(read(1), pictures[1, side])
