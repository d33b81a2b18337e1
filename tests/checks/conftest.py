"""A network for checks that ask a real one."""

import pytest

import auditkit
from auditkit.spec.model_card import ModelCard


@pytest.fixture
def model(networks):
    card = ModelCard.model_validate(
        {
            "model": "random",
            "task": "melanoma",
            "format": "timm",
            "architecture": "test_resnet",
            "weights": {"file": "random.safetensors"},
            "input": {"size": 48},
            "output": {"kind": "logits", "classes": ["benign", "malignant"], "score": 1},
            "threshold": 0.5,
        }
    )
    folder = networks["random"].parent
    placed = {"path": folder / "m.model.yaml", "folder": folder}
    return auditkit.load_model(card.model_copy(update=placed))
