"""Renderings of results.json alone: an HTML file, and Markdown for a job summary."""
