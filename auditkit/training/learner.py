"""One step of the optimiser, in as many parts as memory demands."""

import gc
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from auditkit.errors import AuditError
from auditkit.evidence.identity import seed_of
from auditkit.models.diffusion.parts import TextToImage
from auditkit.models.memory import ran_out
from auditkit.spec.training import ConceptTraining
from auditkit.training.batches import Batch
from auditkit.training.captioned import Captioned
from auditkit.training.ema import Average
from auditkit.training.objective import Noising
from auditkit.training.schedule import rate

_PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
# A loss scale this small means that every step overflows: float16 cannot hold the network's values.
_SMALLEST_SCALE = 2.0**-10
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class Learner:
    """Networks, optimiser and average of a run.

    Attributes:
        parameters: what is trained, by name.
        average: of them.
        noising: the forward process.
        at_once: images that go through the networks at once.
    """

    def __init__(
        self,
        parts: TextToImage,
        recipe: ConceptTraining,
        networks: Mapping[str, nn.Module],
    ) -> None:
        """Take ``networks`` (those that are trained, by name) as they are; LoRA is in them already."""
        self._parts, self._recipe, self._networks = parts, recipe, networks
        self.parameters = {
            f"{name}.{key}": value
            for name, network in networks.items()
            for key, value in network.named_parameters()
            if value.requires_grad
        }
        self.average = Average(self.parameters, recipe.ema)
        self.noising = Noising(parts.scheduler, parts.device)
        self.at_once = recipe.batch
        self._optimiser = torch.optim.AdamW(
            self.parameters.values(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        self._scaler = torch.amp.GradScaler(
            parts.device.type, enabled=recipe.precision == "float16"
        )

    def step(self, index: int, batch: Batch, data: Captioned) -> float:
        """Learn from the batch of step ``index`` (from 0); returns the mean loss.

        Raises:
            AuditError: loss or gradient are not finite (the weights are left as they were), or one image
                is too much for the memory.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = rate(self._recipe, index)
        with self._training(index):
            loss = self._gradients(batch, data)
            while loss is None:
                self._halve()
                loss = self._gradients(batch, data)
        self._update(index, loss)
        self.average.update(index + 1)
        return loss

    @torch.no_grad()
    def loss(self, batches: Iterable[Batch], data: Captioned) -> float:
        """Mean loss per image without learning, of the averaged weights if there are any."""
        with self.average.in_place(), self.resting():
            losses = [self._losses(batch, data).cpu() for batch in batches]
        return float(torch.cat(losses).double().mean())

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Networks as they are used, not trained; other batch sizes are not compiled for."""
        for network in self._networks.values():
            network.eval()
        if self._recipe.compile:
            with torch.compiler.set_stance("force_eager"):
                yield
        else:
            yield

    def _gradients(self, batch: Batch, data: Captioned) -> float | None:
        """Accumulate gradients of the mean loss; None if memory does not suffice."""
        self._optimiser.zero_grad(set_to_none=True)
        total = 0.0
        try:
            for part in batch.split(self.at_once):
                loss = self._losses(part, data).sum() / len(batch)
                torch.autograd.backward(self._scaler.scale(loss))
                total += loss.item()
        except RuntimeError as error:
            if _of_compiler(error):
                raise AuditError(
                    f"compile: the U-Net could not be compiled ({str(error)[:200]}); a C++ compiler that "
                    "PyTorch knows is needed, or compile: false"
                ) from error
            if not ran_out(error):
                raise
            return None
        return total

    def _losses(self, batch: Batch, data: Captioned) -> torch.Tensor:
        """Squared error per image (N,), float32: the mean over the target's elements."""
        parts, device = self._parts, self._parts.device
        images = batch.images.to(device).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)
        noise, timesteps = batch.noise.to(device), batch.timesteps.to(device)
        posterior = None if batch.posterior is None else batch.posterior.to(device)
        with torch.no_grad():
            latents = parts.encode(images.contiguous(), posterior).float()
            noised = self.noising.noised(latents, noise, timesteps)
            target = self.noising.target(latents, noise, timesteps)
        precision = _PRECISIONS[self._recipe.precision]
        with (
            torch.autocast(device.type, precision, enabled=precision != torch.float32),
            _attention(device, precision),
        ):
            conditioning = parts.condition(data.chosen(batch.rows))
            answer = parts.predict(noised, timesteps, conditioning)
        return (answer.float() - target).square().flatten(1).mean(1)

    def _update(self, index: int, loss: float) -> None:
        self._scaler.unscale_(self._optimiser)
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self._recipe.clip)
        finite = self._scaler.is_enabled() or bool(torch.isfinite(norm))
        if not (torch.isfinite(torch.tensor(loss)) and finite):
            raise AuditError(
                f"step {index + 1}: the loss ({loss}) or its gradient is not finite, so training was "
                "stopped before it spoilt the weights; lower learning_rate, or use precision: float32. "
                "If it happens at the first step, a picture or a weight of the pipeline is not finite"
            )
        self._scaler.step(self._optimiser)
        self._scaler.update()
        if self._scaler.is_enabled() and self._scaler.get_scale() < _SMALLEST_SCALE:
            raise AuditError(
                f"step {index + 1}: gradients overflow float16 at every step; use precision: bfloat16 or "
                "float32"
            )

    @contextmanager
    def _training(self, index: int) -> Iterator[None]:
        """Networks in training; what they draw (dropout) follows from the step."""
        for network in self._networks.values():
            network.train()
        device = self._parts.device
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed_of("dropout", self._recipe.seed, index))
            yield

    def _halve(self) -> None:
        self._optimiser.zero_grad(set_to_none=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self.at_once == 1:
            raise AuditError(
                "memory does not suffice for one image; use gradient_checkpointing: true, lora, a lower "
                "precision, or a device with more memory"
            )
        self.at_once = (self.at_once + 1) // 2
        pieces = -(-self._recipe.images_per_step // self.at_once)
        sys.stderr.write(
            f"\nout of memory: going on with batches of {self.at_once}, {pieces} per step\n"
        )

    def tensors(self) -> dict[str, dict[str, torch.Tensor]]:
        """Weights, averaged weights and the optimiser's moments, for a checkpoint."""
        moments = {
            f"{name}.{moment}": self._optimiser.state[value][moment]
            for name, value in self.parameters.items()
            for moment in _MOMENTS
            if self._optimiser.state.get(value)
        }
        return {"weights": dict(self.parameters), "average": self.average.values, "adam": moments}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        """Take up what `tensors` gave."""
        for name, value in self.parameters.items():
            value.copy_(tensors["weights"][name])
            if name in self.average.values:
                self.average.values[name].copy_(tensors["average"][name])
            moments = tensors["adam"]
            if f"{name}.step" in moments:
                self._optimiser.state[value] = {
                    moment: moments[f"{name}.{moment}"].to(value.device) for moment in _MOMENTS
                }

    @property
    def state(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return {"at_once": self.at_once, "scaler": self._scaler.state_dict()}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.at_once = int(state["at_once"])
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(state["scaler"])


@contextmanager
def _attention(device: torch.device, precision: torch.dtype) -> Iterator[None]:
    """PyTorch's fused attention on CPUs is several times slower in half precision than the plain one."""
    if device.type == "cpu" and precision != torch.float32:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    else:
        yield


def _of_compiler(error: BaseException) -> bool:
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))
