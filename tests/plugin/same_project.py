"""A project whose audits ask for most kinds of evidence, and the digest of what a run of it found."""

from auditkit.results import read_results
from auditkit.results.digest import found_digest

# Two methods of different kinds: gradients of one pass, and many perturbed passes.
METHODS = "[gradient, {method: occlusion, window: 0.5, stride: 0.5}]"
SPECS = {
    "counts": """\
check: performance
data: lesions
expect:
  - {measure: roc_auc, above: 0.3}
  - {measure: brier, below: 0.5, severity: advisory}
""",
    "light": """\
check: colour-shift
data: lesions
with: {radius: 5, angles: 4, directions: [pink]}
expect:
  - {measure: pink.mean_change, between: [-0.3, 0.3]}
""",
    "truthful": f"""\
check: truthfulness
data: lesions
with:
  methods: {METHODS}
  controls: [random-map]
  fills: [mean, noise]
  steps: 2
  repeats: 1
  images: 8
  performance: auc
expect:
  - {{measure: gradient.delta_aupc, at: {{fill: mean}}, above: -0.5}}
  - {{measure: "occlusion.over[random-map]", at: {{fill: noise}}, above: 0}}
""",
    "forgets": """\
check: randomisation
data: lesions
with: {methods: [gradient], draws: 3, images: 8}
expect:
  - {measure: gradient.random_parameters, below: 0.9}
""",
    "speed": """\
check: efficiency
data: lesions
with: {methods: [gradient], images: 2, repeats: 1, warm_up: 0}
expect:
  - {measure: gradient.seconds, below: 1000}
  - {measure: gradient.forwards, below: 1000, severity: advisory}
""",
}
# Puts the items in the opposite order, draws no page, and says which worker saw which GPUs, and torch or
# not, as it began.
CONFTEST = """\
import os, pathlib, sys

def pytest_collection_modifyitems(items):
    items.reverse()

def pytest_sessionstart(session):
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        seen = f"{os.environ['CUDA_VISIBLE_DEVICES']} {'torch' in sys.modules}"
        pathlib.Path(f"{worker}.seen").write_text(seen)

def pytest_sessionfinish(session):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        import auditkit.report.html
        auditkit.report.html.write = lambda *_: None
"""


def write_specs(folder):
    """Put these audits in place of those that are there."""
    for path in folder.iterdir():
        path.unlink()
    for name, text in SPECS.items():
        (folder / f"{name}.audit.yaml").write_text(f"audit: {name}\n{text}")


def results_of(folder):
    """The results of a run."""
    return read_results(folder / "results.json")


def digest_of(folder):
    """The digest of what a run found."""
    return found_digest(results_of(folder))
