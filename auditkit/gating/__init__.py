"""Stored results judged under another policy."""
