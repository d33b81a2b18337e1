"""Generators of progressive exaggeration: an image and a bin become an image, all in [-1, 1]."""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from auditkit.spec.counterfactual_card import GeneratorNetwork

# The largest value whose atanh is taken: a quarter of a grey level below white, so that 8 bits do not change.
_LARGEST = 1 - 1 / 510


@dataclass(frozen=True)
class Bins:
    """Equal parts of the score: how many, and whether a generator is told an image's own one as well."""

    count: int
    own: bool


class BinNorm(nn.Module):
    """Batch normalisation whose gain and offset are those of bins, 1 and 0 at first.

    Those of the wanted bin, as in the paper, plus those of the image's own where it is told: how far a score
    has to go need not be learned from the image.
    """

    def __init__(self, channels: int, bins: Bins) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        told = 2 if bins.own else 1
        self.gains = nn.ModuleList(nn.Embedding(bins.count, channels) for _ in range(told))
        self.offsets = nn.ModuleList(nn.Embedding(bins.count, channels) for _ in range(told))
        for place, (gain, offset) in enumerate(zip(self.gains, self.offsets, strict=True)):
            nn.init.constant_(cast("nn.Embedding", gain).weight, float(place == 0))
            nn.init.zeros_(cast("nn.Embedding", offset).weight)

    def forward(self, features: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Features (N, C, H, W) for bins (N, 2), wanted and own."""
        gain, offset = _looked_up(self.gains, told), _looked_up(self.offsets, told)
        normed: torch.Tensor = self.norm(features)
        return torch.addcmul(offset[:, :, None, None], normed, gain[:, :, None, None])


def _looked_up(tables: nn.ModuleList, told: torch.Tensor) -> torch.Tensor:
    """The sum over the tables of the rows (N, C) of each image."""
    rows = [table(told[:, place]) for place, table in enumerate(tables)]
    return torch.stack(rows).sum(0)


class Layer(nn.Module):
    """A convolution, with reflected borders where it has an odd kernel and stride 1, and a `BinNorm`."""

    def __init__(self, convolution: nn.Module, channels: int, bins: Bins) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = BinNorm(channels, bins)

    def forward(self, features: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Without an activation."""
        normed: torch.Tensor = self.norm(self.convolution(features), told)
        return normed


class Block(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int, bins: Bins) -> None:
        super().__init__()
        self.first = Layer(same(channels, channels, 3), channels, bins)
        self.second = Layer(same(channels, channels, 3), channels, bins)

    def forward(self, features: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Of the features' shape."""
        changed: torch.Tensor = self.second(self.first(features, told).relu_(), told)
        return features + changed


def same(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """A convolution with reflected borders whose output is as large as its input."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="reflect")


class Generator(nn.Module):
    """What all generators are: convolutions down, blocks, convolutions up."""

    def __init__(self, network: GeneratorNetwork, count: int, inputs: int) -> None:
        super().__init__()
        self.bins = count
        bins = self._told = Bins(count, network.own)
        widths = [network.width * 2**place for place in range(network.downsamplings + 1)]
        kernel = 7 if network.kind == "cyclegan" else 3
        self.stem = Layer(same(inputs, widths[0], kernel), widths[0], bins)
        self.down = nn.ModuleList(
            Layer(nn.Conv2d(fine, coarse, 3, 2, 1), coarse, bins)
            for fine, coarse in pairwise(widths)
        )
        self.blocks = nn.ModuleList(Block(widths[-1], bins) for _ in range(network.blocks))

    def _encoded(self, features: torch.Tensor, told: torch.Tensor) -> list[torch.Tensor]:
        """What the stem and each convolution down give; the last one after the blocks."""
        found = [self.stem(features, told).relu_()]
        for layer in self.down:
            found.append(layer(found[-1], told).relu_())
        for block in self.blocks:
            found[-1] = block(found[-1], told)
        return found


class CycleGenerator(Generator):
    """The paper's generator (doi:10.1038/s41551-023-01160-9), after CycleGAN with nine blocks.

    Every norm is conditional on the bin. Xavier's initial values. 11,483,139 parameters at width 64, two
    downsamplings, nine blocks and ten bins.
    """

    def __init__(self, network: GeneratorNetwork, count: int) -> None:
        super().__init__(network, count, 3)
        bins = self._told
        widths = [network.width * 2**place for place in range(network.downsamplings, -1, -1)]
        self.up = nn.ModuleList(
            Layer(nn.ConvTranspose2d(coarse, fine, 3, 2, 1, output_padding=1), fine, bins)
            for coarse, fine in pairwise(widths)
        )
        self.head = same(widths[-1], 3, 7)
        self.apply(_xavier)

    def forward(self, images: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, S, S) in [-1, 1] for bins (N, 2), wanted and own."""
        features = self._encoded(images, told)[-1]
        for layer in self.up:
            features = layer(features, told).relu_()
        made: torch.Tensor = self.head(features)
        return made.float().tanh()[..., : images.shape[-2], : images.shape[-1]]


class DeltaGenerator(Generator):
    """tanh(atanh(x) + d(x, c)): starts as the identity, because the convolution that gives d is zero.

    Works on cells of ``grid`` pixels, whose pixels become channels. d is made per cell and brought to full
    resolution bilinearly: rearranging channels into pixels would leave a pattern of the cells' period. What
    is finer than a cell is turned up and down: filtered images, times what the cells say, are part of d.
    """

    def __init__(self, network: GeneratorNetwork, count: int) -> None:
        super().__init__(network, count, 3 * network.grid**2)
        bins = self._told
        self.grid = network.grid
        self._multiple = network.grid * 2**network.downsamplings
        widths = [network.width * 2**place for place in range(network.downsamplings, -1, -1)]
        self.up = nn.ModuleList(
            Layer(same(coarse, fine, 3), fine, bins) for coarse, fine in pairwise(widths)
        )
        self.textures = same(3, network.textures, 5) if network.textures else None
        self.mixed = nn.Conv2d(network.textures, 3, 1, bias=False) if network.textures else None
        self.head = same(network.width, 3 + network.textures, 3)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]  # it has a bias

    def forward(self, images: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, S, S) in [-1, 1] for bins (N, 2), wanted and own."""
        height, width = images.shape[-2:]
        whole = _padded(images.contiguous(), self._multiple)
        cells = functional.pixel_unshuffle(whole, self.grid)
        *finer, features = self._encoded(cells.contiguous(memory_format=torch.channels_last), told)
        for layer, skipped in zip(self.up, reversed(finer), strict=True):
            enlarged = functional.interpolate(features, scale_factor=2, mode="bilinear")
            features = layer(enlarged, told).add_(skipped).relu_()
        coarse = enlarged_bilinearly(self.head(features).float().contiguous(), self.grid)
        delta = self._detailed(coarse, whole)
        start = whole.float().clamp(-_LARGEST, _LARGEST).atanh()
        return start.add_(delta).tanh_()[..., :height, :width]

    def _detailed(self, coarse: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """The change in colour, and filtered images turned up and down, as the grid says."""
        if self.textures is None or self.mixed is None:
            return coarse
        fine = self.textures(images).float() * coarse[:, 3:]
        detailed: torch.Tensor = coarse[:, :3] + self.mixed(fine).float()
        return detailed


def generator(network: GeneratorNetwork, count: int) -> Generator:
    """The network that a card or a recipe describes, for so many bins, with initial values."""
    return {"delta": DeltaGenerator, "cyclegan": CycleGenerator}[network.kind](network, count)


def enlarged_bilinearly(features: torch.Tensor, factor: int) -> torch.Tensor:
    """As `torch.nn.functional.interpolate`, as two products of matrices.

    With few channels, they take a sixth of its time on a CPU.

    Args:
        features: (N, C, H, W).
        factor: how many times larger.
    """
    rows, columns = (_weights(side, factor, features) for side in features.shape[-2:])
    return rows.T @ features @ columns


def _weights(side: int, factor: int, like: torch.Tensor) -> torch.Tensor:
    """Of each value in each enlarged one, (side, side * factor)."""
    each = torch.eye(side, dtype=like.dtype, device=like.device)[:, None]
    return functional.interpolate(each, scale_factor=factor, mode="linear")[:, 0]


def _padded(images: torch.Tensor, multiple: int) -> torch.Tensor:
    """To multiples of a side, by repeating the last row and column."""
    height, width = images.shape[-2:]
    missing = (0, -width % multiple, 0, -height % multiple)
    return functional.pad(images, missing, mode="replicate") if any(missing) else images


def _xavier(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # all of them have one
