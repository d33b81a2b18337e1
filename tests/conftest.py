"""A small project to audit: real files, a tiny real network, synthetic pictures."""

import contextlib
import os
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

# A busy machine is no failure.
settings.register_profile("auditkit", deadline=None)
settings.load_profile("auditkit")


def pytest_collection_modifyitems(items):
    """Proofs that take minutes are run where they are asked for."""
    if os.environ.get("AUDITKIT_LONG"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: set AUDITKIT_LONG=1"))


STEADY = """\
model: {name}
task: melanoma
format: timm
architecture: test_resnet
weights: {{file: {name}.safetensors}}
input: {{size: 64}}
output: {{kind: logits, classes: [benign, malignant], score: 1}}
threshold: 0.5
"""

LESIONS = """\
data: lesions
task: melanoma
format: synthetic-dermoscopy
with: {n: 24, seed: 5, size: 64, images_per_patient: 2}
"""

PHOTOS = (
    "data: things\ntask: imagenet\nformat: synthetic-dermoscopy\nwith: {n: 4, seed: 1, size: 64}\n"
)

COUNTS = """\
audit: counts
check: performance
data: lesions
expect:
  - {measure: sensitivity, above: 0.3}
  - {measure: specificity, above: 0.5}
  - {measure: accuracy, above: 0.1, severity: advisory}
"""

LIGHT = """\
audit: light
check: colour-shift
data: lesions
with: {radius: 5, angles: 4, directions: [pink]}
expect:
  - {measure: pink.mean_change, between: [-0.3, 0.3]}
"""

OTHER = """\
audit: other
check: performance
data: things
expect:
  - {measure: accuracy, above: 0.5}
"""


# pytester forgets what an inner run imported; importing a compiled module anew can end the process.
COMPILED = (
    "captum.attr",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "PIL.Image",
    "PIL.WebPImagePlugin",
    "safetensors.numpy",
    "safetensors.torch",
    "scipy.stats",
    "timm",
    "torch",
    "torchvision",
)
# The same for models of other formats; each comes with an extra.
COMPILED_EXTRAS = ("ai_edge_litert.interpreter", "onnx", "onnxruntime")


@pytest.fixture(scope="session")
def compiled_modules() -> None:
    """Import what inner runs would import."""
    for module in COMPILED:
        import_module(module)
    for module in COMPILED_EXTRAS:
        with contextlib.suppress(ImportError):
            import_module(module)


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory, compiled_modules: None) -> dict[str, Path]:
    """Weights of tiny networks: one that answers .88 to everything, one random, one NaN."""
    import timm
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("networks")
    found = {}
    for name in ("steady", "random", "nan"):
        torch.manual_seed(3)
        state = timm.create_model("test_resnet", num_classes=2).state_dict()
        if name != "random":
            state["fc.weight"].zero_()
            state["fc.bias"] = torch.tensor([0.0, 2.0 if name == "steady" else float("nan")])
        else:
            state["fc.weight"].mul_(30)
        found[name] = folder / f"{name}.safetensors"
        save_file(state, found[name])
    return found


@pytest.fixture(scope="session")
def random_card(networks):
    """The card of the random network; its input has that many pixels."""
    from auditkit.spec.model_card import ModelCard

    def card(size):
        parsed = ModelCard.model_validate(
            {
                "model": "random",
                "task": "melanoma",
                "format": "timm",
                "architecture": "test_resnet",
                "weights": {"file": "random.safetensors"},
                "input": {"size": size},
                "output": {"kind": "logits", "classes": ["benign", "malignant"], "score": 1},
                "threshold": 0.5,
            }
        )
        folder = networks["random"].parent
        return parsed.model_copy(update={"path": folder / "m.model.yaml", "folder": folder})

    return card


@pytest.fixture
def project(pytester: pytest.Pytester, networks: dict[str, Path]) -> pytest.Pytester:
    """A folder with cards and specs, ready for `pytester.runpytest("--model", "steady")`."""
    cards = pytester.mkdir("cards")
    for name, path in networks.items():
        (cards / f"{name}.safetensors").symlink_to(path)
        (cards / f"{name}.model.yaml").write_text(STEADY.format(name=name))
    (cards / "lesions.data.yaml").write_text(LESIONS)
    (cards / "things.data.yaml").write_text(PHOTOS)
    audits = pytester.mkdir("audits")
    (audits / "counts.audit.yaml").write_text(COUNTS)
    (audits / "light.audit.yaml").write_text(LIGHT)
    (audits / "other.audit.yaml").write_text(OTHER)
    pytester.makeini("[pytest]\naudit_cards = cards\n")
    return pytester
