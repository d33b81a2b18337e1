"""The same in pytest style: the tolerance of a camera's white balance, on fewer images."""

# Sample size: 200 images of 100 patients, design effect 1.2 (two images per patient, intra-patient
# correlation 0.2), 90 % power, margin 0.05. A true change of 0.01: 180 needed if its standard
# deviation is 0.15.
CAMERA = {"radius": 2, "angles": 8, "images": 200}


def test_white_balance_tolerance(audit):
    """Predictions hold within a camera's white-balance tolerance."""
    shift = audit("colour-shift", data="dermoscopy", **CAMERA)
    for direction in ("pink", "teal"):
        change = shift[f"{direction}.mean_change"]
        assert -0.05 < change < 0.05
