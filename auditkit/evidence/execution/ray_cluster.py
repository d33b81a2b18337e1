"""A Ray cluster: one that runs already, or one on this machine that ends with the engine."""

import math
import os
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from auditkit.errors import AuditError
from auditkit.evidence.engine import threads

# Packed jobs alone go through Ray's object store: cards, numbers and digests.
_OBJECTS = 256 * 2**20


@dataclass(frozen=True)
class Share:
    """What each worker gets.

    Attributes:
        cpus: cores.
        gpus: of one GPU, or several whole ones.
    """

    cpus: float
    gpus: float


@dataclass
class Cluster:
    """A connection to Ray.

    Attributes:
        address: None for a Ray of our own on this machine, ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``.
        ours: whether `close` ends the connection.
    """

    address: str | None
    ours: bool = False

    def connect(self, workers: int | None, cpus: float, runtime_env: dict[str, Any] | None) -> None:
        """Start or find Ray; do nothing if this process is connected already.

        Raises:
            AuditError: Ray is not installed, or there is no cluster at the address.
        """
        ray = installed()
        if ray.is_initialized():
            return
        usual: dict[str, Any] = {
            "log_to_driver": False,
            "logging_level": "ERROR",
            "runtime_env": runtime_env,
        }
        if self.address is None:
            cores = workers * cpus if workers else threads()
            usual |= {
                "num_cpus": max(1, math.ceil(cores)),
                "include_dashboard": False,
                "object_store_memory": _OBJECTS,
            }
        try:
            ray.init(address=self.address or "local", **usual)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise AuditError(
                f"no Ray cluster can be reached at {self.address or 'this machine'}: "
                f"{str(error).strip().splitlines()[0]}"
            ) from error
        self.ours = True

    def share(self, cpus: float, gpus: float | None, device: str) -> Share:
        """What each worker gets; a whole GPU unless said otherwise, where the cluster has any."""
        if gpus is None:
            has = installed().cluster_resources().get("GPU", 0) > 0
            gpus = 1.0 if has and device in ("auto", "cuda") else 0.0
        return Share(cpus, gpus)

    def room(self, share: Share) -> int:
        """How many workers the cluster has room for now; at least one."""
        total = installed().cluster_resources()
        kind, part = ("GPU", share.gpus) if share.gpus else ("CPU", share.cpus)
        return max(1, int(total.get(kind, 0) / part)) if part else 1

    def close(self) -> None:
        """End a Ray of our own; leave any other one running."""
        if self.ours:
            self.ours = False
            installed().shutdown()


def installed() -> Any:
    """Ray.

    Raises:
        AuditError: it is not installed.
    """
    if find_spec("ray") is None:
        raise AuditError('the engine ray needs Ray: pip install "pytest-auditkit[ray]"')
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    return import_module("ray")
