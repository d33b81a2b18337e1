"""What an endurance run is of: audits of a small project, or, for the tests, stages that only wait.

Each is gathered by a command that can be killed and started again, over a store of its own.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from small_project import SPECS, write_project

HERE = Path(__file__).parent
MAXIMUM = 1800.0


def arrays_of(sidecar: Path) -> Path:
    """The file with the arrays that a sidecar is about."""
    (found,) = sidecar.parent.glob(f"{sidecar.stem}*.safetensors")
    return found


@dataclass
class Work:
    """Something to be gathered.

    Attributes:
        folder: holds all that is written.
        engine: inline or processes.
        workers: threads or worker processes.
    """

    folder: Path
    engine: str
    workers: int = 2
    _runs: int = 0

    def write(self) -> None:
        """Make the folder, and what is needed in it."""
        raise NotImplementedError

    def command(self, store: str) -> list[str]:
        """One that ends with status 0 or 1 when everything is in the store."""
        raise NotImplementedError

    def digest(self, store: str) -> str:
        """Of what is found with this store, after everything was gathered."""
        raise NotImplementedError

    def environment(self, log: Path, **more: str) -> dict[str, str]:
        """Of every process, whose computations go to a log."""
        hook = self.folder / "hook"
        hook.mkdir(exist_ok=True)
        start = "import os\nif 'ENDURANCE_LOG' in os.environ:\n    import endurance_hook\n"
        (hook / "sitecustomize.py").write_text(f"{start}    endurance_hook.install()\n")
        path = [str(hook), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
        return os.environ | {
            "PYTHONPATH": os.pathsep.join(path),
            "ENDURANCE_LOG": str(log),
            "OMP_NUM_THREADS": "1",
            **more,
        }

    def gather_next(self) -> None:
        """The next command is to be `auditkit gather`."""
        self._runs += self._runs % 2

    def start(
        self,
        store: str,
        environment: Mapping[str, str],
        before: Sequence[str] = (),
    ) -> "subprocess.Popen[bytes]":
        """The command, as a process whose output goes to a file beside the store."""
        self._runs += 1
        with (self.folder / f"{store}.out").open("ab") as out:
            return subprocess.Popen(
                [*before, *self.command(store)],
                cwd=self.folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def said(self, store: str) -> str:
        """What all runs over a store have printed."""
        return (self.folder / f"{store}.out").read_text()

    def sidecars(self, store: str) -> list[Path]:
        """Of all shards of a store."""
        return sorted((self.folder / store).glob("??/*.json"))


@dataclass
class Audits(Work):
    """Audits of a small project, by `auditkit gather` and by pytest in turns."""

    images: int = 96
    audits: tuple[str, ...] = tuple(SPECS)

    def write(self) -> None:
        """Write the project."""
        write_project(self.folder, self.images, self.audits)

    def command(self, store: str) -> list[str]:
        """Gather at first, and every other time."""
        given = ["audits", "--model", "tiny"]
        if self._runs % 2:
            words = [sys.executable, "-m", "auditkit.cli", "gather", *given, "--cards", "cards"]
            return [*words, *self._options(store, "--")]
        report = f"{store}-run{self._runs}"
        words = [sys.executable, "-m", "pytest", *given, "-q", "--audit-report", report]
        return [*words, *self._options(store, "--audit-")]

    def _options(self, store: str, prefix: str) -> list[str]:
        given = {"store": store, "engine": self.engine, "workers": self.workers}
        given |= {"batch-size": 1, "shard": 2, "device": "cpu"}
        return [word for name, value in given.items() for word in (f"{prefix}{name}", str(value))]

    def digest(self, store: str) -> str:
        """Of the results of a run of pytest, which finds all evidence."""
        from auditkit.results import read_results
        from auditkit.results.digest import found_digest

        self._runs += self._runs % 2
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ENDURANCE")}
        subprocess.run(
            self.command(store), cwd=self.folder, env=environment, capture_output=True, check=False
        )
        results = read_results(self.folder / f"{store}-run{self._runs}" / "results.json")
        assert results.run.evidence["computed"] == 0, "pytest did not find all evidence"
        return found_digest(results)


@dataclass
class Waiting(Work):
    """Stages of small arrays, each of which takes a moment."""

    shards: int = 40
    seconds: float = 0.05

    def write(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True)

    def command(self, store: str) -> list[str]:
        """A script that gathers them."""
        script = str(HERE / "endurance_waiting.py")
        given = [store, self.engine, self.workers, self.shards, self.seconds]
        return [sys.executable, script, *map(str, given)]

    def digest(self, store: str) -> str:
        """Of all files with arrays."""
        total = hashlib.sha256()
        for sidecar in self.sidecars(store):
            total.update(sidecar.stem.encode())
            total.update(arrays_of(sidecar).read_bytes())
        return total.hexdigest()
