"""DEPICT against what is known of a model: oracles, baselines and assumptions, as one command."""
