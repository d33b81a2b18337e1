"""What a diffusion model is trained on: noised latents, and what it should say of them."""

from typing import Any

import torch

from auditkit.errors import AuditError

PREDICTIONS = ("epsilon", "v_prediction", "sample")


class Noising:
    """The forward process of a variance-preserving diffusion (Ho et al., arXiv:2006.11239, eq. 4).

    z_t = a_t x + s_t e, with a_t^2 the scheduler's cumulative product of alphas, s_t^2 = 1 - a_t^2. The
    target is e, x, or v = a_t e - s_t x (Salimans and Ho, arXiv:2202.00512, appendix D).
    """

    def __init__(self, scheduler: Any, device: torch.device) -> None:
        products = getattr(scheduler, "alphas_cumprod", None)
        self.prediction = str(getattr(scheduler.config, "prediction_type", "epsilon"))
        if products is None or self.prediction not in PREDICTIONS:
            raise AuditError(
                f"scheduler {type(scheduler).__name__} (prediction '{self.prediction}') cannot be trained "
                f"with: a variance-preserving one was expected that predicts one of {PREDICTIONS}"
            )
        products = products.to(device=device, dtype=torch.float64)
        self._signal = products.sqrt().float()
        self._noise = (1 - products).sqrt().float()

    @property
    def timesteps(self) -> int:
        """T, the number of timesteps."""
        return len(self._signal)

    def noised(
        self, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """z_t, of the shape of the latents (N, C, h, w)."""
        signal, level = self._at(timesteps)
        return signal * latents + level * noise

    def target(
        self, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """What the U-Net should predict (N, C, h, w)."""
        if self.prediction == "epsilon":
            return noise
        if self.prediction == "sample":
            return latents
        signal, level = self._at(timesteps)
        return signal * noise - level * latents

    def _at(self, timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        shape = (-1, 1, 1, 1)
        return self._signal[timesteps].view(shape), self._noise[timesteps].view(shape)
