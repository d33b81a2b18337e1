"""What both sides of `benchmarks/explainers.py` explain: networks, pictures and their exact answers.

A setting is a network with its pictures. For errors, a network's answers for all 2^P coalitions of a
picture become a network of their own, `Table`: it answers as the real one does, at no cost, so that
errors can be averaged over many repetitions.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

PHOTOS = Path(__file__).resolve().parents[1] / "fixtures" / "photos"
# LIME's kernel: the default of ours, given to both sides.
WIDTH = 0.25


class Timed(nn.Module):
    """A network that counts the seconds in which it answers."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.seconds = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Answer, (N, K)."""
        started = time.perf_counter()
        found: Tensor = self.network(x)
        self.seconds += time.perf_counter() - started
        return found


class Bands(nn.Module):
    """A network for pictures whose rows lie behind one another, so that a grid of them is bands."""

    def __init__(self, network: nn.Module, side: int) -> None:
        super().__init__()
        self.network = network
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """Answer, (N, K), for (N, 3, side x side)."""
        found: Tensor = self.network(x.view(len(x), 3, self.side, self.side))
        return found


class Table(nn.Module):
    """A game as a network: one pixel per player, the value of the coalition that is not black."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values
        self.bits = 2 ** torch.arange(len(values).bit_length() - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Answer, (N, 1), for (N, 1, P)."""
        return self.values[(x[:, 0] > 0.5).long() @ self.bits][:, None]


@dataclass(frozen=True)
class Setting:
    """A network and the pictures on which one of its outputs is explained.

    Attributes:
        name: for people.
        network: from (N, C, *space) to (N, K).
        images: (N, C, *space); black is 0.
        target: (N,), the output of each picture.
        side: cells along each axis of the grid of players.
        owner: int64 (1, 1, *space), the player of each pixel.
    """

    name: str
    network: Timed
    images: Tensor
    target: Tensor
    side: int
    owner: Tensor

    @property
    def players(self) -> int:
        """P."""
        return int(self.side ** (self.images.dim() - 2))

    def first(self, images: int) -> "Setting":
        """The same with so many pictures."""
        found = (self.images[:images], self.target[:images])
        return Setting(self.name, self.network, *found, self.side, self.owner)

    def per_player(self, maps: Tensor) -> Tensor:
        """One value of each player's pixels, (N, P), of maps (N, 1 or C, *space)."""
        order = self.owner.flatten().argsort(stable=True)
        starts = torch.bincount(self.owner.flatten()).cumsum(0).roll(1)
        starts[0] = 0
        return maps[:, 0].flatten(1)[:, order[starts]]


def setting(name: str, network: nn.Module, images: Tensor, side: int) -> Setting:
    """A setting in which each picture's strongest output is explained."""
    with torch.no_grad():
        target = torch.cat([network(image[None]).argmax(1) for image in images])
    owner = torch.zeros(images.shape[2:], dtype=torch.long)
    for axis, size in enumerate(images.shape[2:]):
        cell = (2 * torch.arange(size) + 1) * side // (2 * size)
        shape = [1] * owner.dim()
        shape[axis] = size
        owner = owner * side + cell.view(shape)
    return Setting(name, Timed(network), images, target, side, owner[None, None])


def table_setting(values: Tensor) -> Setting:
    """One picture of P pixels whose answers are given."""
    players = len(values).bit_length() - 1
    return setting("table", Table(values), torch.ones(1, 1, players), players)


def small_network(side: int) -> nn.Module:
    """Four strided convolutions and three dense layers with ReLUs, random weights.

    The dense layers see all places together: a third of what coalitions change is not additive.
    """
    torch.manual_seed(64)
    parts: list[nn.Module] = []
    for given, wanted in ((3, 8), (8, 16), (16, 32), (32, 32)):
        parts += [nn.Conv2d(given, wanted, 3, 2, 1), nn.BatchNorm2d(wanted), nn.ReLU()]
    parts.append(nn.Flatten())
    for given in (32 * (side // 16) ** 2, 64):
        parts += [nn.Linear(given, 64), nn.BatchNorm1d(64), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(64, 10))


def resnet50() -> nn.Module:
    """ResNet-50 of torchvision with random weights."""
    from torchvision.models import resnet50 as built

    torch.manual_seed(50)
    network: nn.Module = built(weights=None)
    return network


def settled(network: nn.Module, images: Tensor) -> nn.Module:
    """Give batch normalisation the statistics that training would have left: those of pictures."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(images)
    return network.eval().requires_grad_(requires_grad=False)


def photographs(count: int, side: int) -> Tensor:
    """The fixtures' photographs, the largest centred square of each, (count, 3, side, side) in 0..1."""
    found = []
    for path in sorted(PHOTOS.glob("*.jpg"))[:count]:
        picture = Image.open(path).convert("RGB")
        edge = min(picture.size)
        left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
        square = picture.crop((left, top, left + edge, top + edge)).resize((side, side))
        found.append(torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1) / 255.0)
    return torch.stack(found)


@torch.no_grad()
def all_values(game: Setting, image: int, rows: int) -> Tensor:
    """The answers for all 2^P coalitions of a picture, float32 (2^P,); bit p is player p."""
    found = []
    for start in range(0, 2**game.players, rows):
        number = torch.arange(start, min(start + rows, 2**game.players))
        present = ((number[:, None] >> torch.arange(game.players)) & 1).float()
        kept = present.index_select(1, game.owner.flatten()).view(-1, 1, *game.owner.shape[2:])
        answers = game.network(game.images[image] * kept)
        found.append(answers[:, game.target[image]])
    return torch.cat(found).float()


def members(players: int) -> Tensor:
    """Who is in each of the 2^P coalitions, bool (2^P, P)."""
    return ((torch.arange(2**players)[:, None] >> torch.arange(players)) & 1).bool()


def exact_shapley(values: Tensor) -> Tensor:
    """Shapley values by their definition, float64 (P,).

    phi_p = sum over S without p of |S|! (P - |S| - 1)! / P! (v(S and p) - v(S)) (Shapley 1953).

    >>> exact_shapley(torch.tensor([0.0, 1.0, 3.0, 4.0])).tolist()
    [1.0, 3.0]
    """
    players = len(values).bit_length() - 1
    who, size = members(players), members(players).sum(1).double()
    logs = torch.lgamma(size + 1) + torch.lgamma(players - size)
    weight = (logs - torch.lgamma(torch.tensor(players + 1.0).double())).exp()
    number = torch.arange(2**players)
    found = []
    for player in range(players):
        without = number[~who[:, player]]
        gain = values[without + 2**player].double() - values[without].double()
        found.append((weight[without] * gain).sum())
    return torch.stack(found)


def proximity(size: Tensor, players: int) -> Tensor:
    """LIME's weight of coalitions of a size: exponential kernel on the cosine distance to everybody."""
    distance = 1 - (size / players).sqrt()
    weight: Tensor = (-(distance**2) / (2 * WIDTH**2)).exp()
    return weight


def exact_lime(values: Tensor) -> Tensor:
    """Coefficients of the weighted linear regression on all 2^P coalitions, float64 (P,)."""
    players = len(values).bit_length() - 1
    who = members(players).double()
    rows = torch.cat([torch.ones(len(who), 1), who], dim=1)
    weighted = rows * proximity(who.sum(1), players)[:, None]
    found: Tensor = torch.linalg.solve(weighted.T @ rows, weighted.T @ values.double())
    return found[1:]
