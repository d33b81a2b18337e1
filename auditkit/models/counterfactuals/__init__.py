"""Counterfactual generators: networks, guided diffusion, one interface."""
