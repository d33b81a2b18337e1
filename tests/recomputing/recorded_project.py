"""A tiny real project, and what somebody may do to the record of its run."""

import hashlib
import json
import subprocess
import sys
from dataclasses import astuple, dataclass
from pathlib import Path

from auditkit.evidence.store import Store

CARD = """\
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
assumes: [counts]
expect:
  - {measure: pink.mean_change, between: [-0.3, 0.3]}
"""

TEST = '''\
def test_tint(audit):
    """The score does not hang on the tint."""
    found = audit("colour-shift", data="lesions", radius=3, angles=4, directions=["pink"])
    assert found["pink.mean_change"] < 0.9
    assert not found["pink.mean_change"] > 0.9
'''


@dataclass(frozen=True)
class Project:
    """A root folder with one run."""

    root: Path

    @property
    def run(self):
        return self.root / "run"

    @property
    def store(self):
        return self.root / "store"

    @property
    def results(self):
        return json.loads((self.run / "results.json").read_text())

    @property
    def listed(self):
        return json.loads((self.run / "evidence.json").read_text())

    def shard(self, stage):
        """The first shard of a stage, as it is listed."""
        return next(shard for shard in self.listed["shards"] if shard["stage"].endswith(stage))

    def rewrite(self, change):
        """Change results.json."""
        results = self.results
        change(results)
        (self.run / "results.json").write_text(json.dumps(results))

    def forge(self, stage, name, change):
        """Replace arrays of a shard, and make every hash fit again; returns its address."""
        listed, address = self.listed, self.shard(stage)["address"]
        store = Store(self.store)
        arrays = store.read(address)
        arrays[name] = change(arrays[name])
        digest, size = astuple(store.write(address, arrays, store.sidecar(address).about))
        for shard in listed["shards"]:
            if shard["address"] == address:
                shard |= {"sha256": digest, "size": size}
        text = json.dumps(listed, sort_keys=True, indent=1) + "\n"
        (self.run / "evidence.json").write_text(text)
        seal = hashlib.sha256(text.encode()).hexdigest()
        self.rewrite(lambda results: results["evidence"].update(sha256=seal))
        return address


def run_audits(root, *options):
    """Audits in a process of their own, as a user runs them."""
    command = [sys.executable, "-m", "pytest", "audits", "--model", "random", "-q", *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert "report: " in done.stdout, done.stdout + done.stderr
