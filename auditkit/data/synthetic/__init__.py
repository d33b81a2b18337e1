"""Data made by formula, where the truth behind every picture is known."""
