"""Permutation of concepts: images drawn from captions, and what models answer to them."""
