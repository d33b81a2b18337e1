"""Counterfactuals of each image, what the model answers to them, and what is measured in them."""
