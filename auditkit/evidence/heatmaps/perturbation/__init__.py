"""Heatmap methods that only need answers: they cover parts of the input and watch."""
