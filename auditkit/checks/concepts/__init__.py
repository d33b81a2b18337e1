"""Permutation importance of concepts, and the three assumptions on which it rests.

Jabbour et al., ECCV 2024, arXiv:2407.14509 (DEPICT): one concept is permuted over captions, a
text-to-image model draws the captions, and what the model under audit loses is the concept's importance.
"""
