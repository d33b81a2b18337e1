"""Renderings of results.json, and of nothing else: one HTML file, and Markdown for a job summary."""
