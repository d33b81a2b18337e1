import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from auditkit.errors import AuditError
from auditkit.training.objective import Noising

CPU = torch.device("cpu")
TIMESTEPS = torch.tensor([0, 1, 500, 999])


@pytest.fixture
def given():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(4, 3, 5, 5, generator=generator) for _ in range(2)]


@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_noise_and_velocity_are_those_of_diffusers(given, schedule):
    reference = DDPMScheduler(beta_schedule=schedule, prediction_type="v_prediction")
    noising = Noising(reference, CPU)
    noised = reference.add_noise(*given, TIMESTEPS)
    velocity = reference.get_velocity(*given, TIMESTEPS)
    assert torch.allclose(noising.noised(*given, TIMESTEPS), noised, atol=1e-5)
    assert torch.allclose(noising.target(*given, TIMESTEPS), velocity, atol=1e-5)


@pytest.mark.parametrize("kind", [DDIMScheduler, DPMSolverMultistepScheduler])
def test_the_sampler_that_a_folder_names_does_not_matter(given, kind):
    noising = Noising(kind(prediction_type="epsilon"), CPU)
    noised = DDPMScheduler().add_noise(*given, TIMESTEPS)
    assert torch.allclose(noising.noised(*given, TIMESTEPS), noised, atol=1e-5)
    assert noising.timesteps == 1000


def test_epsilon_asks_for_the_noise_and_sample_for_the_latents(given):
    latents, noise = given
    epsilon = Noising(DDPMScheduler(prediction_type="epsilon"), CPU)
    sample = Noising(DDPMScheduler(prediction_type="sample"), CPU)
    assert torch.equal(epsilon.target(latents, noise, TIMESTEPS), noise)
    assert torch.equal(sample.target(latents, noise, TIMESTEPS), latents)


def test_other_processes_are_refused():
    with pytest.raises(AuditError, match="FlowMatchEulerDiscreteScheduler"):
        Noising(FlowMatchEulerDiscreteScheduler(), CPU)
