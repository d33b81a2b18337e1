"""The small TFLite files."""

import pytest
import torch
from tflite_inputs import SAMPLES


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def sample():
    return lambda name: SAMPLES / f"{name}.tflite"
