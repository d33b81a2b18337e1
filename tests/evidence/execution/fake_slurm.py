"""sbatch, srun, sacct and scancel as far as submitit calls them: array tasks are processes of this machine.

Called by these names through links; what it knows lies in the folder FAKE_SLURM.
"""

import os
import re
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

HOME = Path(os.environ.get("FAKE_SLURM", "."))


def sbatch(script):
    if "SLURM_JOB_ID" in os.environ:
        sys.exit("an array that inherits what another job was given")
    text = Path(script).read_text()
    job = str(4200 + 100 * len(list(HOME.glob("batch-*"))))
    (HOME / f"batch-{job}").write_text(text)
    last = re.search(r"--array='?0-(\d+)%", text)
    for task in range(int(last[1]) + 1 if last else 1):
        array = {"SLURM_ARRAY_JOB_ID": job, "SLURM_ARRAY_TASK_ID": str(task)} if last else {}
        env = {**os.environ, **array, "SLURM_JOB_ID": str(int(job) + task), "SLURM_PROCID": "0"}
        detached = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(["bash", script], env=env, start_new_session=True, **detached)
        (HOME / f"{job}_{task}").write_text(str(process.pid))
    sys.stdout.write(f"Submitted batch job {job}\n")


def srun(*words):
    """Run what follows its options."""
    command = [word for word in words if not word.startswith("--")]
    options = list(pairwise(words))
    for option in ("--output", "--error"):
        name = next(value for word, value in options if word == option)
        command.remove(name)
        places = {
            "%A": os.environ["SLURM_ARRAY_JOB_ID"],
            "%a": os.environ["SLURM_ARRAY_TASK_ID"],
            "%t": "0",
        }
        for sign, value in places.items():
            name = name.replace(sign, value)
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1 if option == "--output" else 2)
    os.execvp(command[0], command)


def sacct(*_):
    sys.stdout.write("JobID|State|NodeList\n")
    for file in HOME.glob("4*_*"):
        state = "RUNNING" if _runs(int(file.read_text())) else "NODE_FAIL"
        sys.stdout.write(f"{file.name}|{state}|here\n")


def scancel(*names):
    for name in names:
        pid = int((HOME / name).read_text())
        if _runs(pid):
            os.killpg(pid, signal.SIGKILL)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def installed(folder):
    """Put the commands into a folder."""
    folder.mkdir()
    for command in ("sbatch", "srun", "sacct", "scancel"):
        file = folder / command
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" {command} "$@"\n')
        file.chmod(0o755)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
