"""What was left alone, in words; nothing heavy is imported, since collecting says it as well."""

from collections.abc import Mapping


def other_tasks(found: Mapping[str, int]) -> str:
    """How many specs are about models of another task."""
    total = sum(found.values())
    tasks = ", ".join(f"{count} {task}" for task, count in found.items())
    verbs = ("specs belong", "were") if total > 1 else ("spec belongs", "was")
    return f"{total} {verbs[0]} to other tasks ({tasks}) and {verbs[1]} not planned"
