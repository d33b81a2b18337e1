"""From the audited input, sRGB in [0, 1], to what a network is given: differentiable."""

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.identity import file_path
from auditkit.spec.model_card import Input, ModelCard
from auditkit.spec.volume import VolumeInput

# ITU-R BT.601, as in most picture libraries.
_LUMA = (0.299, 0.587, 0.114)


class Preprocess(nn.Module):
    """Equalise, order the channels, scale, subtract, divide.

    x' = (s * channels(equalise(x)) - mean) / std, with s = 255 for ``scale: bytes`` and 1 otherwise.
    """

    gain: torch.Tensor
    offset: torch.Tensor

    def __init__(self, given: Input, mean_image: torch.Tensor | None = None) -> None:
        super().__init__()
        self.channels, self.equalise = given.channels, given.equalise == "after-resize"
        scale = 255.0 if given.scale == "bytes" else 1.0
        std = torch.tensor(given.std).view(1, -1, 1, 1)
        mean = torch.tensor(given.mean).view(1, -1, 1, 1)
        if mean_image is not None:
            mean = mean + mean_image[None]
        self.register_buffer("gain", scale / std)
        self.register_buffer("offset", mean / std)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs (N, 3, size, size) in [0, 1] as the network's own (N, C, size, size)."""
        if self.equalise:
            from auditkit.models.equalise import equalise

            # Histograms are of bytes; the gradient passes the rounding.
            inputs = equalise(inputs + (inputs.mul(255).round().div(255) - inputs).detach())
        if self.channels == "bgr":
            inputs = inputs.flip(1)
        elif self.channels == "grey":
            luma = inputs.new_tensor(_LUMA).view(1, 3, 1, 1)
            inputs = (inputs * luma).sum(dim=1, keepdim=True)
        scaled = inputs * self.gain - self.offset
        return scaled.contiguous(memory_format=torch.channels_last)


def layout_of(axes: int) -> torch.memory_format:
    """How inputs of so many spatial axes lie in memory: channels last is faster on most processors."""
    return torch.channels_last if axes == 2 else torch.channels_last_3d


class Standardise(nn.Module):
    """Subtract and divide, per modality: what a card of volumes does after scaling each case."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, given: VolumeInput) -> None:
        super().__init__()
        shape = (1, -1, *[1] * len(given.size))
        self.register_buffer("mean", torch.tensor(given.mean).view(shape))
        self.register_buffer("std", torch.tensor(given.std).view(shape))
        self.layout = layout_of(len(given.size))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs (N, M, *space) as the network's own."""
        return ((inputs - self.mean) / self.std).contiguous(memory_format=self.layout)


def preprocessing(card: ModelCard) -> nn.Module:
    """What the network's own input is made with, of pictures or volumes."""
    return preprocess(card, card.input) if card.volume is None else Standardise(card.volume)


def preprocess(card: ModelCard, given: Input) -> Preprocess:
    """The preprocessing that a card (or its vendor's app) states.

    Raises:
        AuditError: the mean image is missing, or has another size than the input.
    """
    if given.mean_image is None:
        return Preprocess(given)
    from auditkit.models.caffe import read_mean_image

    path = file_path(card, given.mean_image, "input.mean_image")
    mean = torch.from_numpy(read_mean_image(path))
    wanted = (given.depth, given.size, given.size)
    if tuple(mean.shape) != wanted:
        raise AuditError(f"{path}: the mean image has shape {tuple(mean.shape)}, expected {wanted}")
    return Preprocess(given, mean)
