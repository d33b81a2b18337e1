"""Copies of a report that may leave the house."""
