"""A second look at a run: its evidence computed again and compared."""
