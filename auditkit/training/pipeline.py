"""The pipeline that a recipe starts from, with the networks that it trains."""

from collections.abc import Iterator
from pathlib import Path

from torch import nn

from auditkit.errors import AuditError
from auditkit.evidence.identity import seed_of
from auditkit.models.diffusion.parts import TextToImage
from auditkit.spec.training import ConceptTraining
from auditkit.training.lora import adapt


def opened(recipe: ConceptTraining, out: Path, device: str) -> TextToImage:
    """The pipeline to start from, in float32 on the device.

    Raises:
        AuditError: a folder is missing, or not a pipeline that can be trained.
    """
    from auditkit.models.diffusion.load import load_folder

    folder = recipe.beside(recipe.start)
    if not folder.is_dir():
        raise AuditError(f"{recipe.path}: start: there is no folder {folder}")
    if recipe.text_encoder is not None:
        from auditkit.training.swap import swapped

        folder = swapped(folder, recipe.beside(recipe.text_encoder), out / "start", recipe.seed)
    return load_folder(folder, device)


def prepared(parts: TextToImage, recipe: ConceptTraining) -> dict[str, nn.Module]:
    """The networks that are trained, by name, made ready as the recipe says; all others are frozen."""
    networks = dict(_networks(parts))
    for network in networks.values():
        network.requires_grad_(requires_grad=False).eval()
    trained = {
        name: network for name, network in networks.items() if name.startswith(tuple(recipe.parts))
    }
    for name, network in trained.items():
        network.requires_grad_(requires_grad=True)
        if recipe.gradient_checkpointing:
            _checkpoint_gradients(name, network)
    if recipe.lora is not None:
        adapt(trained, recipe.lora, seed_of("lora", recipe.seed))
    if recipe.compile:
        parts.unet.compile(dynamic=False)
    return trained


def _networks(parts: TextToImage) -> Iterator[tuple[str, nn.Module]]:
    yield "unet", parts.unet
    for index, encoder in enumerate(parts.text_encoders):
        yield ("text_encoder" if index == 0 else f"text_encoder_{index + 1}"), encoder


def _checkpoint_gradients(name: str, network: nn.Module) -> None:
    """Let the backward pass compute activations again instead of keeping them."""
    for method in ("enable_gradient_checkpointing", "gradient_checkpointing_enable"):
        switch = getattr(network, method, None)
        if switch is not None:
            switch()
            return
    raise AuditError(
        f"gradient_checkpointing: {name} ({type(network).__name__}) cannot do without its activations; "
        "use a smaller batch and accumulate instead"
    )
