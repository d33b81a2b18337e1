"""The losses of progressive exaggeration (doi:10.1038/s41551-023-01160-9, Methods; arXiv:1911.00483)."""

import torch
from torch.nn import functional


def hinge_of_discriminator(real: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """L_D = -E[min(0, -1 + D(x))] - E[min(0, -1 - D(G(x, c)))], a scalar from 0.

    Args:
        real: (N,) what the discriminator says of images.
        made: (M,) of generated ones.

    Example:
        >>> hinge_of_discriminator(torch.tensor([2.0, 0.5]), torch.tensor([-0.5])).item()
        0.75
    """
    return functional.relu(1 - real).mean() + functional.relu(1 + made).mean()


def hinge_of_generator(made: torch.Tensor) -> torch.Tensor:
    """L_GAN = -E[D(G(x, c))], a scalar.

    Example:
        >>> hinge_of_generator(torch.tensor([-0.5, 1.5])).item()
        -0.5
    """
    return -made.mean()


def distance(images: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference over images, channels and pixels, a scalar; images in [-1, 1].

    Deviates: the paper writes the L1 norm; its code takes the mean, which makes the weight independent of the
    images' size.

    Example:
        >>> distance(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), -0.5)).item()
        0.5
    """
    return functional.l1_loss(made, images)


def wanted_score(log_odds: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    """L_f = -E[b log f + (1 - b) log(1 - f)], f = sigmoid(log-odds), b the wanted score; nats.

    Deviates: the paper writes the divergence D_KL(b || f), which is less by the entropy of b, a constant, so
    that gradients are equal. Computed from log-odds, so that a saturated score keeps its gradient; the
    paper's code adds 1e-12 within the logarithms. It also has a second such term, between f(x) and f of the
    reconstruction, of which the paper says nothing: it is left out.

    Args:
        log_odds: (N,) of the positive decision for generated images.
        centre: (N,) wanted scores in [0, 1].

    Example:
        >>> round(wanted_score(torch.zeros(1), torch.tensor([0.95])).item(), 4)  # ln 2, whatever is wanted
        0.6931
    """
    return functional.binary_cross_entropy_with_logits(log_odds, centre.to(log_odds.dtype))
