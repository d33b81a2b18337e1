"""Folders are read as diffusers reads them, run no code, and what is wrong with them is said."""

import json
import shutil
import socket
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_pipelines import clinical, stable, xl

from auditkit.errors import AuditError
from auditkit.models.diffusion.folder import file_sum, pipeline_digest
from auditkit.models.diffusion.load import load_folder, load_generator
from auditkit.models.diffusion.sampling import generate
from auditkit.models.diffusion.small import PixelTextToImage
from auditkit.spec.generator_card import GeneratorCard

UNET, TEXT = "unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "p"
    return folder, stable(folder)


@pytest.fixture
def folder(saved, tmp_path):
    """A copy to be changed."""
    return shutil.copytree(saved[0], tmp_path / "p")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_arguments, **_more):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def drawn(parts):
    return generate(parts, ["red circle", "blue"], [1, 2], steps=3, guidance=3.0)[0]


def change(path, function):
    content = json.loads(path.read_text())
    function(content)
    path.write_text(json.dumps(content))


def renamed(path, rename):
    save_file({rename(name): value for name, value in load_file(path).items()}, path)


def card(folder, **more):
    parsed = GeneratorCard.model_validate(
        {"generator": "tiny", "task": "shapes", "folder": folder.name, **more}
    )
    return parsed.model_copy(update={"path": folder.parent / "tiny.generator.yaml"})


def test_sharded_weights_are_read(folder, saved):
    whole = drawn(load_folder(folder, "cpu"))
    for slot in ("unet", "text_encoder"):
        for path in (folder / slot).glob("*.safetensors"):
            path.unlink()
    saved[1].unet.save_pretrained(folder / "unet", max_shard_size="100KB")
    saved[1].text_encoder.save_pretrained(folder / "text_encoder", max_shard_size="10KB")
    assert (folder / "unet/diffusion_pytorch_model.safetensors.index.json").is_file()
    assert len(list((folder / "text_encoder").glob("*.safetensors"))) > 1
    assert torch.equal(drawn(load_folder(folder, "cpu")), whole)
    next((folder / "unet").glob("*-00001-*.safetensors")).unlink()
    with pytest.raises(AuditError, match="which is not there"):
        load_folder(folder, "cpu")


def test_half_precision_variants_are_read_and_full_precision_is_preferred(folder, saved):
    whole = drawn(load_folder(folder, "cpu"))
    for path in (folder / UNET, folder / TEXT):
        state = {name: value.half() for name, value in load_file(path).items()}
        save_file(state, path.with_suffix(".fp16.safetensors"))
    assert torch.equal(drawn(load_folder(folder, "cpu")), whole)
    for path in (folder / UNET, folder / TEXT):
        path.unlink()
    halved = load_folder(folder, "cpu")
    assert next(halved.unet.parameters()).dtype == torch.float32
    assert 0 < (drawn(halved).int() - whole.int()).abs().max() <= 8


def test_names_of_older_versions_are_read(folder):
    whole = drawn(load_folder(folder, "cpu"))
    former = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def older(name):
        for new, old in former.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        return name

    renamed(folder / "vae/diffusion_pytorch_model.safetensors", older)
    assert any("query" in n for n in load_file(folder / "vae/diffusion_pytorch_model.safetensors"))
    renamed(folder / TEXT, lambda name: f"text_model.{name.removeprefix('text_model.')}")
    assert torch.equal(drawn(load_folder(folder, "cpu")), whole)


def test_a_bert_with_the_names_of_a_language_model_is_read(tmp_path):
    clinical(tmp_path / "p")
    whole = drawn(load_folder(tmp_path / "p", "cpu"))
    state = {f"bert.{name}": value for name, value in load_file(tmp_path / "p" / TEXT).items()}
    save_file({**state, "cls.predictions.bias": torch.zeros(3)}, tmp_path / "p" / TEXT)
    assert torch.equal(drawn(load_folder(tmp_path / "p", "cpu")), whole)


@pytest.mark.parametrize("make", [stable, clinical, xl])
def test_what_is_saved_draws_the_same(tmp_path, make):
    made = make(tmp_path / "p")
    parts = load_folder(tmp_path / "p", "cpu")
    parts.save(tmp_path / "again")
    assert torch.equal(drawn(load_folder(tmp_path / "again", "cpu")), drawn(parts))
    theirs = type(made).from_pretrained(tmp_path / "again", local_files_only=True)
    theirs.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    images = theirs(
        ["red circle", "blue"], num_inference_steps=3, guidance_scale=3.0, output_type="np",
        generator=generators,
    ).images  # fmt: skip
    assert (drawn(parts).numpy() - images * 255).max() <= 1
    assert not list((tmp_path / "again").rglob("*.py"))


def test_a_small_pipeline_is_read(tmp_path):
    words = ["red", "blue", "circle"]
    parts = PixelTextToImage.untrained(words, size=16, factor=2, channels=(16, 16), width=16)
    parts.save(tmp_path / "p")
    found = load_folder(tmp_path / "p", "cpu")
    assert torch.equal(drawn(found), drawn(parts))
    with pytest.raises(AuditError, match="draws images of 16 pixels, not 32"):
        load_folder(tmp_path / "p", "cpu", size=32)
    (tmp_path / "p" / TEXT).write_bytes(b"half")
    with pytest.raises(AuditError, match="not a whole safetensors file"):
        load_folder(tmp_path / "p", "cpu")


def test_the_size_of_a_card_is_drawn(folder):
    parts = load_generator(card(folder, size=24), "cpu")
    assert parts.size == (24, 24)
    assert drawn(parts).shape == (2, 24, 24, 3)
    with pytest.raises(AuditError, match="25 is no multiple of 2"):
        load_generator(card(folder, size=25), "cpu")


def test_images_survive_the_autoencoders_scaling(tmp_path):
    xl(tmp_path / "p")
    parts = load_folder(tmp_path / "p", "cpu")
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    latents = parts.encode(images)
    assert latents.shape == (2, *parts.latent_shape)
    with torch.no_grad():
        mode = parts.vae.encode(images).latent_dist.mode()
        assert torch.allclose(latents, mode * parts.vae.config.scaling_factor, atol=1e-6)
        assert torch.allclose(parts.decode(latents), parts.vae.decode(mode).sample, atol=1e-5)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(parts.encode(images, noise), latents)


def test_captions_that_are_cut_are_told(folder):
    parts = load_folder(folder, "cpu")
    assert parts.truncated(["red", "abcdefghijkl", "abcdefghijklm"]) == [False, False, True]
    assert parts.tokens(["abcdefghijklm"])["ids0"].shape == (1, 14)


# Safety.


def test_no_code_of_a_folder_is_run(folder, tmp_path):
    marker = tmp_path / "ran"
    code = f"from pathlib import Path\nPath({str(marker)!r}).write_text('')\n"
    code += "class Mine:\n    pass\n"
    for place in ("pipeline.py", "unet/modeling.py", "unet/unet.py", "tokenizer/words.py"):
        (folder / place).write_text(code)
    index = folder / "model_index.json"
    sys.path.insert(0, str(folder))
    try:
        load_folder(folder, "cpu")
        before = index.read_text()
        for harm in (
            lambda c: c.update(_class_name=["pipeline", "Mine"]),
            lambda c: c.update(_class_name="Mine"),
            lambda c: c.update(unet=["unet", "Mine"]),
            lambda c: c.update(text_encoder=["pipeline", "Mine"]),
        ):
            change(index, harm)
            with pytest.raises(AuditError, match="is not read"):
                load_folder(folder, "cpu")
            index.write_text(before)
        # Slots that text-to-image has no use for are left alone.
        change(index, lambda c: c.update(safety_checker=["pipeline", "Mine"]))
        load_folder(folder, "cpu")
        for place in ("unet/config.json", "text_encoder/config.json"):
            change(folder / place, lambda c: c.update(auto_map={"AutoModel": "pipeline.Mine"}))
            with pytest.raises(AuditError, match="auto_map"):
                load_folder(folder, "cpu")
            change(folder / place, lambda c: c.pop("auto_map"))
        change(
            folder / "tokenizer/tokenizer_config.json",
            lambda c: c.update(auto_map={"AutoTokenizer": ["words.Mine", None]}),
        )
        with pytest.raises(AuditError, match="auto_map"):
            load_folder(folder, "cpu")
    finally:
        sys.path.remove(str(folder))
    assert not marker.exists()


@pytest.mark.parametrize("name", ["diffusion_pytorch_model.bin", "model.ckpt", "unet.pt"])
def test_pickled_weights_are_refused(folder, name):
    (folder / UNET).unlink()
    (folder / "unet" / name).write_bytes(b"a pickle")
    with pytest.raises(AuditError, match=r"could run code.*safe_serialization=True"):
        load_folder(folder, "cpu")


# Mistakes.


def without(slot):
    def damage(folder):
        shutil.rmtree(folder / slot)

    return damage


def unnamed(slot):
    def damage(folder):
        change(folder / "model_index.json", lambda c: c.update({slot: [None, None]}))

    return damage


def configured(place, **values):
    def damage(folder):
        change(folder / place, lambda c: c.update(values))

    return damage


def written(place, content):
    def damage(folder):
        (folder / place).write_bytes(content)

    return damage


def gone(*places):
    def damage(folder):
        for place in places:
            (folder / place).unlink()

    return damage


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, "does not exist"),
        (gone("model_index.json"), "no model_index.json"),
        (written("model_index.json", b"{"), "cannot be read as JSON"),
        (written("model_index.json", b"[]"), "no mapping"),
        (configured("model_index.json", _class_name="FluxPipeline"), "'FluxPipeline' is not read"),
        (without("text_encoder"), "no folder text_encoder"),
        (without("tokenizer"), "no folder tokenizer"),
        (without("unet"), "no folder unet"),
        (unnamed("text_encoder"), "names no text_encoder"),
        (unnamed("vae"), "names no vae"),
        (configured("model_index.json", scheduler=["diffusers", "Heun"]), "class 'Heun'"),
        (gone(UNET), "has no weights"),
        (gone("tokenizer/tokenizer.json"), "has no vocabulary"),
        (gone("scheduler/scheduler_config.json"), "scheduler_config.json cannot be read"),
        (written("tokenizer/tokenizer.json", b"{}"), "cannot be read as a CLIPTokenizer"),
        (written(UNET, b"half"), "not a whole safetensors file"),
        (written(TEXT, b"half"), "not a whole safetensors file"),
        (configured("unet/config.json", block_out_channels=[8, 32]), "no UNet2DConditionModel"),
        (configured("unet/config.json", layers_per_block=10**6), "'layers_per_block' is 1000000"),
        (configured("unet/config.json", down_block_types=["Odd"]), "no UNet2DConditionModel"),
        (configured("text_encoder/config.json", hidden_size=32), "text_encoder"),
        (configured("text_encoder/config.json", vocab_size=10**6), "belong to it"),
        (configured("text_encoder/config.json", vocab_size=2**40), "'vocab_size' is"),
        (configured("scheduler/scheduler_config.json", beta_schedule="odd"), "no DDIMScheduler"),
    ],
)
def test_a_damaged_folder_is_explained(folder, damage, said):
    damage(folder)
    with pytest.raises(AuditError, match=said):
        load_generator(card(folder), "cpu")


def test_components_that_do_not_belong_together_are_explained(tmp_path, folder):
    xl(tmp_path / "other")
    second = tmp_path / "other" / "text_encoder_2"
    # A projection is no part of the plain encoder.
    state = load_file(second / "model.safetensors")
    state = {n: v for n, v in state.items() if not n.startswith("text_projection")}
    save_file(state, folder / TEXT)
    shutil.copy(second / "config.json", folder / "text_encoder")
    with pytest.raises(
        AuditError, match="cross_attention_dim is 16, the text encoder's hidden_size"
    ):
        load_folder(folder, "cpu")


def test_sums_of_a_card_are_held_to_and_the_digest_is_of_what_is_read(folder):
    right = card(folder, sha256={UNET: file_sum(folder / UNET)})
    load_generator(right, "cpu")
    before = pipeline_digest(right)
    (folder / "README.md").write_text("not read")
    assert pipeline_digest(right) == before
    change(folder / "scheduler/scheduler_config.json", lambda c: c.update(beta_end=0.013))
    assert pipeline_digest(right) != before
    wrong = card(folder, sha256={UNET: "0" * 64})
    for ask in (load_generator, pipeline_digest):
        with pytest.raises(AuditError, match="the card says 000"):
            ask(wrong)
    with pytest.raises(AuditError, match="which is not in"):
        pipeline_digest(card(folder, sha256={"unet/none.safetensors": "0" * 64}))
