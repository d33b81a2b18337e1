"""A model that reads redness, a few synthetic lesions, and a recipe that trains within a second."""

import subprocess
import sys
from pathlib import Path

import torch
from counterfactual_world import redness_card
from safetensors.torch import load_file

from auditkit.spec.training_counterfactual import CounterfactualTraining

MODEL = """\
model: redness
task: melanoma
format: python
python: {factory: "counterfactual_world:redness", allow_code: true, version: "1"}
weights: {file: redness.safetensors}
input: {size: 16}
output: {kind: logits, classes: [benign, malignant], score: 1}
threshold: 0.5
"""

DATA = """\
data: {name}
task: {task}
format: synthetic-dermoscopy
with: {{n: {n}, seed: {seed}, size: 24, images_per_patient: 2}}
"""

RECIPE = {
    "model": "redness",
    "data": "lesions",
    "held_out": 0.2,
    "network": {"kind": "delta", "width": 4, "grid": 2, "downsamplings": 1, "blocks": 1},
    "discriminator_width": 4,
    "bins": 4,
    "batch": 4,
    "discriminator_steps": 2,
    "learning_rate": 5e-4,
    "steps": 6,
    "evaluate_every": 3,
    "checkpoint_every": 2,
    "samples": 2,
    "stop": None,
}


def project(folder, n=40):
    """A folder with a model card, its weights and data cards."""
    folder.mkdir(exist_ok=True)
    redness_card(folder)
    (folder / "redness.model.yaml").write_text(MODEL)
    data_card(folder, n=n)
    return folder


def data_card(folder, name="lesions", n=40, seed=5, task="melanoma"):
    path = folder / f"{name}.data.yaml"
    path.write_text(DATA.format(name=name, n=n, seed=seed, task=task))
    return path


def recipe(**changes):
    return CounterfactualTraining.model_validate({**RECIPE, **changes})


def weights(card):
    return load_file(card.with_name(card.name.replace(".counterfactual.yaml", ".safetensors")))


def equal(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


_KILLED = """\
import os, signal, sys, torch
from pathlib import Path
torch.set_num_threads({threads})
from counterfactual_runs import recipe
from auditkit.training.counterfactual import run
learn = run.Learner.step
def killed(self, step, *given):
    if step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(self, step, *given)
run.Learner.step = killed
run.train_counterfactual(recipe(**{changes}), Path({out!r}), [Path({folder!r})], "cpu")
"""


def killed(folder, out, step, **changes):
    """Train in a process of its own that is killed, without a warning, before a step; its exit status."""
    here = Path(__file__).parent
    code = _KILLED.format(
        threads=torch.get_num_threads(),
        step=step,
        changes=changes,
        out=str(out),
        folder=str(folder),
    )
    path = f"sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]\n"
    done = subprocess.run([sys.executable, "-c", "import sys\n" + path + code], capture_output=True)
    return done.returncode, done.stderr.decode()
