"""Text-to-image pipelines from local folders."""

from pathlib import Path

import torch

from auditkit.errors import AuditError
from auditkit.models.diffusion import components
from auditkit.models.diffusion.folder import (
    SMALL,
    XL,
    PipelineFolder,
    check_sums,
    pipeline_folder,
)
from auditkit.models.diffusion.parts import TextToImage
from auditkit.models.networks import device_of
from auditkit.spec.generator_card import GeneratorCard

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_generator(
    card: GeneratorCard, device: str = "auto", precision: str = "float32"
) -> TextToImage:
    """The pipeline that a card describes, ready to draw.

    Args:
        card: of the generator.
        device: auto, cpu, cuda or mps.
        precision: of U-Net and text encoders: float32, bfloat16 or float16.

    Raises:
        AuditError: files are missing, damaged, not what the card states, may not be read, or do not
            belong together.
    """
    try:
        check_sums(card)
        return load_folder(card.root, device, precision, card.size)
    except AuditError as error:
        raise AuditError(f"generator '{card.generator}' ({card.path}): {error}") from error


def load_folder(
    root: Path, device: str = "auto", precision: str = "float32", size: int | None = None
) -> TextToImage:
    """The pipeline in a folder; nothing is fetched, and no code in it is run.

    Args:
        root: the folder, in the layout of diffusers.
        device: auto, cpu, cuda or mps.
        precision: of U-Net and text encoders.
        size: side of the images in pixels; None is as trained.

    Raises:
        AuditError: as `load_generator`.
    """
    folder = pipeline_folder(root)
    folder.files()
    components.library("diffusers")
    parts = _small(folder, size) if folder.kind == SMALL else _latent(folder, size)
    return parts.to(device_of(device), PRECISIONS[precision])


def _latent(folder: PipelineFolder, size: int | None) -> TextToImage:
    from auditkit.models.diffusion.stable import StableTextToImage
    from auditkit.models.diffusion.xl import XLTextToImage

    root, classes = folder.root, folder.classes
    texts = [
        (
            components.text_encoder(
                root / f"text_encoder{ending}", classes[f"text_encoder{ending}"]
            ),
            components.tokenizer(root / f"tokenizer{ending}", classes[f"tokenizer{ending}"]),
        )
        for ending in ("", "_2")
        if f"text_encoder{ending}" in classes
    ]
    unet = components.network(root / "unet", classes["unet"])
    vae = components.network(root / "vae", classes["vae"])
    scheduler = components.scheduler(root / "scheduler", classes["scheduler"])
    try:
        if folder.kind == XL:
            zero = bool(folder.index.get("force_zeros_for_empty_prompt", True))
            return XLTextToImage(unet, vae, texts, scheduler, size, null_is_zero=zero)
        return StableTextToImage(unet, vae, texts, scheduler, size)
    except AuditError as error:
        raise AuditError(f"{root}: {error}") from error


def _small(folder: PipelineFolder, size: int | None) -> TextToImage:
    from auditkit.models.diffusion.small import PixelTextToImage

    parts = PixelTextToImage.load(folder.root)
    if size not in (None, parts.size[0]):
        raise AuditError(f"size: {folder.root} draws images of {parts.size[0]} pixels, not {size}")
    return parts
