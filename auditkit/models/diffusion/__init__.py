"""Text-to-image diffusion models: their folders, their parts, sampling."""
