"""Measures of checks that compare two versions of each picture."""

from auditkit.spec.declaration import Measure


def change_measures(name: str, when: str) -> dict[str, Measure]:
    """``NAME.mean_change`` and ``NAME.decision_flips``; ``when`` says what is done to the pictures."""
    return {
        f"{name}.mean_change": Measure(
            "probability", (-1.0, 1.0), f"Mean change of the score {when}."
        ),
        f"{name}.decision_flips": Measure(
            "proportion",
            (0.0, 1.0),
            f"Share of images whose decision flips {when}.",
            better="lower",
        ),
    }
