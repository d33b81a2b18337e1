"""The same evidence of fewer images."""

from dataclasses import replace

from auditkit.evidence.evidence import Evidence


def first_images(evidence: Evidence, count: int) -> Evidence:
    """The same evidence of the first images only; workers elsewhere make it so too."""
    count = min(count, evidence.n)
    recipe = evidence._recipe  # noqa: SLF001 evidence is made again, of the same parts
    return Evidence(
        evidence.card,
        evidence.data,
        evidence._engine,  # noqa: SLF001 as above
        evidence.settings,
        count,
        evidence._model,  # noqa: SLF001 as above
        evidence._others,  # noqa: SLF001 as above
        evidence.peers,
        None if recipe is None else replace(recipe, images=count),
    )
