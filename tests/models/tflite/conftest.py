"""The small TFLite files."""

from pathlib import Path

import pytest
import torch

SAMPLES = Path(__file__).parents[3] / "fixtures" / "tflite"


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def sample():
    return lambda name: SAMPLES / f"{name}.tflite"
