"""Random and image-like inputs for the small TFLite files."""

from pathlib import Path

import numpy as np
import torch

SAMPLES = Path(__file__).parents[3] / "fixtures" / "tflite"


def byte_images(count, shape, seed=0):
    """Half noise, half smooth surfaces that saturate here and there; (N, H, W, C) uint8."""
    generator = np.random.default_rng(seed)
    noise = generator.integers(0, 256, (count // 2, *shape))
    walks = generator.normal(0, 1.2, (count - count // 2, *shape)).cumsum(1).cumsum(2)
    smooth = walks + generator.uniform(40, 215, (len(walks), 1, 1, shape[2]))
    return np.concatenate([noise, np.clip(smooth.round(), 0, 255)]).astype(np.uint8)


def images_for(model, count, seed=0):
    """What the file's input expects: bytes, or real values in [-1, 1]; (N, H, W, C)."""
    images = byte_images(count, model.input_shape, seed)
    return images if model.quantised_input else images / np.float32(127.5) - 1


def tensor_of(images):
    """(N, C, H, W) float32."""
    return torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2)
