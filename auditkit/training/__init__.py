"""Training: text-to-image models on captioned images, concept classifiers, target models."""
