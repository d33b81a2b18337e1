"""The same in pytest style: the tolerance of a camera's white balance, on fewer images."""

CAMERA = {"radius": 2, "angles": 8, "images": 200}


def test_white_balance_tolerance(audit):
    """Predictions hold within a camera's white-balance tolerance."""
    shift = audit("colour-shift", data="dermoscopy", **CAMERA)
    for direction in ("pink", "teal"):
        change = shift[f"{direction}.mean_change"]
        assert -0.05 < change < 0.05
