"""Tiny pipelines of random weights, saved by diffusers itself."""

import json

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

LETTERS = [chr(code) for code in range(97, 123)]
CLIP_WORDS = [
    "<|startoftext|>",
    "<|endoftext|>",
    *LETTERS,
    *[letter + "</w>" for letter in LETTERS],
    ",</w>",
    "re",
    "red</w>",
]
BERT_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue", "circle", ",", "##s"]
LENGTH = 14


def clip_tokenizer(folder):
    folder.mkdir(parents=True)
    words = {word: index for index, word in enumerate(CLIP_WORDS)}
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\nr e\nre d</w>\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=LENGTH)


def clip_config(**changes):
    sizes = {"vocab_size": len(CLIP_WORDS), "hidden_size": 16, "intermediate_size": 32}
    sizes |= {"num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": LENGTH}
    special = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "projection_dim": 16}
    return CLIPTextConfig(**{**sizes, **special, **changes})


def scheduler(**changes):
    usual = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    return DDIMScheduler(**{**usual, "steps_offset": 1, "clip_sample": False, **changes})


def unet(**changes):
    sizes = {"sample_size": 8, "in_channels": 4, "out_channels": 4, "layers_per_block": 1}
    sizes |= {"block_out_channels": (16, 32), "norm_num_groups": 4, "attention_head_dim": 4}
    blocks = {
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }
    return UNet2DConditionModel(**{**sizes, **blocks, "cross_attention_dim": 16, **changes})


def vae(**changes):
    blocks = {
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
    }
    sizes = {"block_out_channels": (8, 16), "norm_num_groups": 4, "latent_channels": 4}
    return AutoencoderKL(**{**blocks, **sizes, "sample_size": 16, **changes})


def stable(folder, **parts):
    """Saves a Stable Diffusion of these parts; the others are the usual ones."""
    torch.manual_seed(0)
    given = {
        "vae": vae(),
        "unet": unet(),
        "scheduler": scheduler(),
        "text_encoder": CLIPTextModel(clip_config()),
        "tokenizer": clip_tokenizer(folder.parent / f"{folder.name} words"),
        **parts,
    }
    pipeline = StableDiffusionPipeline(
        **given, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.save_pretrained(folder)
    return pipeline


def clinical(folder):
    """With a BERT as text encoder."""
    torch.manual_seed(1)
    words = folder.parent / "bert words"
    words.mkdir(parents=True)
    (words / "vocab.txt").write_text("\n".join(BERT_WORDS))
    tokenizer = BertTokenizer.from_pretrained(words, model_max_length=LENGTH)
    sizes = {"vocab_size": len(BERT_WORDS), "hidden_size": 16, "intermediate_size": 32}
    sizes |= {"num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": LENGTH}
    encoder = BertModel(BertConfig(**sizes)).eval()
    return stable(folder, text_encoder=encoder, tokenizer=tokenizer)


def xl(folder, *, zeros=True, autoencoder=None):
    torch.manual_seed(2)
    second = clip_config(hidden_size=24, projection_dim=16)
    pipeline = StableDiffusionXLPipeline(
        vae=autoencoder or vae(),
        unet=unet(
            cross_attention_dim=40,
            addition_embed_type="text_time",
            addition_time_embed_dim=4,
            projection_class_embeddings_input_dim=40,
        ),
        scheduler=scheduler(),
        text_encoder=CLIPTextModel(clip_config()),
        tokenizer=clip_tokenizer(folder.parent / f"{folder.name} words"),
        text_encoder_2=CLIPTextModelWithProjection(second),
        tokenizer_2=clip_tokenizer(folder.parent / f"{folder.name} words 2"),
        force_zeros_for_empty_prompt=zeros,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.save_pretrained(folder)
    return pipeline
