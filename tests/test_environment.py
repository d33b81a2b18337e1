"""What is recorded of the machine is true, and is found without loading what the run did not load."""

import hashlib
import subprocess
import sys
from importlib.metadata import version

from auditkit.environment import environment, libraries, requirements
from auditkit.evidence.identity import code_version


def test_every_distribution_is_listed_once_and_in_order():
    lines = requirements().splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(set(names))
    assert f"numpy=={version('numpy')}" in lines
    assert f"pytest-auditkit=={version('pytest-auditkit')}" in lines


def test_the_environment_names_code_requirements_and_machine():
    found = environment("cpu", "float32", "abc")
    assert (found.device, found.precision, found.commit) == ("cpu", "float32", "abc")
    assert found.code_sha256 == code_version()
    assert found.requirements_sha256 == hashlib.sha256(requirements().encode()).hexdigest()
    assert " cores" in found.hardware
    assert "GiB" in found.hardware


def test_switches_are_those_of_the_process(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    found = environment("cpu", "float32", "").determinism
    assert found["OMP_NUM_THREADS"] == "3"
    assert found["PYTHONHASHSEED"] == "not set"


def test_torch_tells_its_switches_if_it_is_there(compiled_modules):
    import torch

    assert libraries()["torch threads"] == str(torch.get_num_threads())
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = not before
        assert libraries()["TF32 in cuDNN"] == ("no" if before else "yes")
    finally:
        torch.backends.cudnn.allow_tf32 = before


def test_workers_tell_what_the_controller_did_not_load():
    script = (
        "import sys\nfrom auditkit.environment import environment, libraries\n"
        "assert libraries() == {}\n"
        "told = {'torch threads': '1', 'accelerator': 'a GPU, CUDA 99'}\n"
        "found = environment('cuda', 'float32', '', told)\n"
        "assert found.determinism['torch threads'] == '1'\n"
        "assert found.hardware.endswith('; a GPU, CUDA 99')\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
