"""docs/cluster.md: its commands are understood, its manifest is what KubeRay takes."""

import argparse
import re
import shlex
from pathlib import Path

import pytest
import yaml

from auditkit.commands import gathering
from auditkit.evidence.execution.slurm_options import options_of
from auditkit.spec.engines import EngineChoice

PAGE = (Path(__file__).parents[3] / "docs" / "cluster.md").read_text(encoding="utf-8")


def manifest():
    return yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])


def gathers():
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
    found = [
        line.split("&&")[0] for line in shell.splitlines() if line.startswith("auditkit gather")
    ]
    return [*found, manifest()["spec"]["entrypoint"]]


@pytest.mark.parametrize("command", gathers(), ids=range(len(gathers())))
def test_each_gather_command_is_understood(command):
    parser = argparse.ArgumentParser()
    gathering.add_commands(parser.add_subparsers())
    given = parser.parse_args(shlex.split(command)[1:])
    choice = EngineChoice.parse(given.engine, given.workers, given.engine_option, "--")

    assert choice.name in ("processes", "slurm", "ray")
    if choice.name == "slurm":
        pytest.importorskip("submitit", reason="the extra slurm is not installed")
        own = {name: text for name, text in choice.options.items() if name != "folder"}
        assert options_of(own, "slurm").keys() >= own.keys()


def test_the_page_has_a_command_for_each_engine():
    text = " ".join(gathers())
    assert {"--engine processes", "--engine slurm", "--engine ray"} <= {
        found[0] for found in re.finditer(r"--engine \w+", text)
    }


def test_the_manifest_asks_for_gpus_a_token_and_the_store_on_every_pod():
    spec = manifest()["spec"]
    cluster = spec["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    pods = [cluster["headGroupSpec"]["template"]["spec"], workers["template"]["spec"]]

    assert cluster["authOptions"] == {"mode": "token"}
    assert pods[1]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    for pod in pods:
        (container,) = pod["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": "audit-store"}}]
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    choice = re.search(r"gpus=([\d.]+)", spec["entrypoint"])
    assert int(re.search(r"--workers (\d+)", spec["entrypoint"])[1]) == (
        workers["maxReplicas"] / float(choice[1])
    )
