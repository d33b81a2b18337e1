"""Chosen samples as a profile that runs can be given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from auditkit.errors import AuditError
from auditkit.planning.samples import Sample
from auditkit.results import write_whole
from auditkit.spec.audit import IDENTIFIER
from auditkit.spec.profile import PROFILE_SUFFIX, read_profile


def profile_name(path: Path) -> str:
    """The name that a profile's file says.

    Raises:
        AuditError: it is no name of a profile.
    """
    name = path.name.removesuffix(PROFILE_SUFFIX)
    if not path.name.endswith(PROFILE_SUFFIX) or not IDENTIFIER.fullmatch(name):
        raise AuditError(
            f"--write-profile {path}: NAME{PROFILE_SUFFIX} was expected, NAME of lower-case letters, digits, "
            "'-' and '_'"
        )
    return name


def write_profile(path: Path, samples: Sequence[Sample], budget: str) -> None:
    """Write samples as a profile.

    Raises:
        AuditError: the file's name is none of a profile's, or it cannot be written.
    """
    text = yaml.safe_dump(
        _profile(profile_name(path), samples, budget),
        sort_keys=False,
        allow_unicode=True,
        width=100,
    )
    write_whole(path, text.encode())
    read_profile(path)


def _profile(name: str, samples: Sequence[Sample], budget: str) -> Mapping[str, Any]:
    changed = [
        {
            "audits": [one.audit],
            "set": dict(one.changes),
            "why": f"{one.images} of {one.whole} images, within {budget}",
        }
        for one in samples
        if one.changes
    ]
    given = {"with": changed} if changed else {}
    return {
        "profile": name,
        "title": f"Samples for {budget}",
        "why": f"The largest common share of the images with which auditkit plan expected at most {budget}.",
        **given,
    }
