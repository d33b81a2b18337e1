"""A small project to audit: a tiny network with random weights, synthetic pictures, audits of five checks.

Used by the scripts beside it that are about how evidence is computed, not about what it says.
"""

from pathlib import Path

MODEL = """\
model: tiny
task: melanoma
format: timm
architecture: test_resnet
weights: {file: tiny.safetensors}
input: {size: 64}
output: {kind: logits, classes: [benign, malignant], score: 1}
threshold: 0.5
"""
DATA = """\
data: lesions
task: melanoma
format: synthetic-dermoscopy
with: {{n: {images}, seed: 5, size: 64, images_per_patient: 2}}
"""
METHODS = "[gradient, smoothgrad, {method: occlusion, window: 0.25, stride: 0.125}]"
SPECS = {
    "counts": """\
check: performance
data: lesions
expect:
  - {measure: sensitivity, above: 0.3}
  - {measure: specificity, above: 0.5}
  - {measure: roc_auc, above: 0.3}
  - {measure: accuracy, above: 0.1, severity: advisory}
""",
    "light": """\
check: colour-shift
data: lesions
with: {radius: 5, angles: 8, directions: [pink]}
expect:
  - {measure: pink.mean_change, between: [-0.3, 0.3]}
""",
    "forgets": """\
check: randomisation
data: lesions
with: {methods: [gradient], draws: 3}
expect:
  - {measure: gradient.random_parameters, below: 0.9}
""",
    "truthful": f"""\
check: truthfulness
data: lesions
with: {{methods: {METHODS}, controls: [random-map], fills: [mean], steps: 5, repeats: 5}}
expect:
  - {{measure: gradient.delta_aupc, at: {{fill: mean}}, above: -0.5}}
  - {{measure: smoothgrad.delta_aupc, at: {{fill: mean}}, above: -0.5}}
  - {{measure: occlusion.delta_aupc, at: {{fill: mean}}, above: -0.5}}
  - {{measure: "gradient.over[random-map]", at: {{fill: mean}}, above: 0}}
  - {{measure: "smoothgrad.over[random-map]", at: {{fill: mean}}, above: 0}}
  - {{measure: "occlusion.over[random-map]", at: {{fill: mean}}, above: 0}}
""",
}


def write_project(folder: Path, images: int = 96, audits: tuple[str, ...] = tuple(SPECS)) -> Path:
    """Cards, weights and specs in a new folder.

    Args:
        folder: where.
        images: in the data set.
        audits: which of `SPECS`.
    """
    import timm
    import torch
    from safetensors.torch import save_file

    cards, specs = folder / "cards", folder / "audits"
    for each in (cards, specs):
        each.mkdir(parents=True)
    torch.manual_seed(3)
    state = timm.create_model("test_resnet", num_classes=2).state_dict()
    # So that answers differ between images.
    state["fc.weight"].mul_(30)
    save_file(state, cards / "tiny.safetensors")
    (cards / "tiny.model.yaml").write_text(MODEL)
    (cards / "lesions.data.yaml").write_text(DATA.format(images=images))
    for name in audits:
        (specs / f"{name}.audit.yaml").write_text(f"audit: {name}\n{SPECS[name]}")
    (folder / "pytest.ini").write_text("[pytest]\naudit_cards = cards\n")
    return folder
