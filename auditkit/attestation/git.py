"""What git knows of a file. Without git or a repository: nothing."""

import subprocess
from pathlib import Path


def head(folder: Path) -> str:
    """The commit that is checked out; empty if there is none."""
    return _git(folder, "rev-parse", "--verify", "HEAD")


def first_commit_of(path: Path) -> str:
    """The first commit in which a file stands with its present bytes; empty if there is none."""
    blob = _git(path.parent, "hash-object", "--", path.name)
    if not blob:
        return ""
    # Among commits that brought these bytes in or took them away, the oldest brought them in.
    commits = _git(
        path.parent, "log", "--reverse", "--format=%H", f"--find-object={blob}", "--", path.name
    )
    return commits.split("\n", 1)[0]


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 a fixed command
            ["git", "-C", str(folder), *arguments],  # noqa: S607 the user's own git
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
