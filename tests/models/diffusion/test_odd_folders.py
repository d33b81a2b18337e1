"""Settings and weights that no pipeline has are refused before they cost time, memory or images."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_pipelines import stable

from auditkit.errors import AuditError
from auditkit.models.diffusion.folder import pipeline_digest, read_settings
from auditkit.models.diffusion.load import load_folder, load_generator
from auditkit.models.diffusion.sampling import generate
from auditkit.models.diffusion.small import PixelTextToImage
from auditkit.spec.generator_card import GeneratorCard

UNET, TEXT = "unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"
UNET_CONFIG, TEXT_CONFIG = "unet/config.json", "text_encoder/config.json"
VAE_CONFIG, WORDS = "vae/config.json", "tokenizer/tokenizer_config.json"
SCHEDULER = "scheduler/scheduler_config.json"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small Stable Diffusion and a pipeline of our own."""
    folder = tmp_path_factory.mktemp("saved")
    stable(folder / "stable")
    sizes = {"size": 16, "factor": 2, "channels": (16, 16), "width": 16}
    PixelTextToImage.untrained(["red", "circle"], **sizes).save(folder / "small")
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved / "stable", tmp_path / "p")


@pytest.fixture
def small(saved, tmp_path):
    return shutil.copytree(saved / "small", tmp_path / "p")


def drawn(parts, captions=("red circle", "blue")):
    return generate(parts, captions, [1, 2], steps=3, guidance=3.0)


def configure(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def reweigh(path, change):
    state = load_file(path)
    name = min(name for name, value in state.items() if value.is_floating_point())
    change(state, name)
    save_file(state, path)


def spoilt(state, name):
    state[name][..., 0] = torch.nan


def dropped(state, name):
    del state[name]


@pytest.mark.parametrize(
    ("place", "values", "said"),
    [
        (UNET_CONFIG, {"sample_size": None}, "sample_size is None; .* say 'size'"),
        (UNET_CONFIG, {"sample_size": 2**20}, "at most 2048 pixels a side"),
        (UNET_CONFIG, {"sample_size": -8}, "sample_size is -8"),
        (UNET_CONFIG, {"sample_size": [8, 8, 8]}, "sample_size is"),
        (UNET_CONFIG, {"sample_size": "8"}, "sample_size is 8"),
        (UNET_CONFIG, {"layers_per_block": 10**400}, "'layers_per_block' is 1000"),
        (UNET_CONFIG, {"layers_per_block": 1e12}, "'layers_per_block' is 1000"),
        (UNET_CONFIG, {"addition_embed_type": "text", "addition_embed_type_num_heads": 2}, "unet"),
        (VAE_CONFIG, {"scaling_factor": 0}, "scaling_factor is 0"),
        (VAE_CONFIG, {"scaling_factor": None}, "scaling_factor is None"),
        (VAE_CONFIG, {"shift_factor": "x"}, "shift_factor is x"),
        (VAE_CONFIG, {"latents_mean": [0, 0], "latents_std": [1, 1]}, "latents_mean is"),
        (WORDS, {"model_max_length": "many"}, "model_max_length is many"),
        (WORDS, {"model_max_length": -1}, "model_max_length is -1"),
        (WORDS, {"model_max_length": 2}, "3 at least"),
        (SCHEDULER, {"beta_end": 1e30}, "'beta_end' is 1e"),
        (SCHEDULER, {"num_train_timesteps": -5}, "no DDIMScheduler"),
        (SCHEDULER, {"num_train_timesteps": 2.5}, "no DDIMScheduler"),
        (SCHEDULER, {"num_train_timesteps": 2}, "cannot draw in 3 steps"),
        (SCHEDULER, {"prediction_type": "odd"}, r"cannot draw in 3 steps .*mend the pipeline's"),
        (SCHEDULER, {"steps_offset": 10**6}, "cannot draw in 3 steps"),
        (SCHEDULER, {"trained_betas": []}, "betas leave no share of the signal"),
        (SCHEDULER, {"trained_betas": [float("nan")] * 1000}, "betas leave no share of the signal"),
        (SCHEDULER, {"beta_start": -1.0, "beta_schedule": "linear"}, "betas leave no share"),
    ],
)
def test_absurd_settings_are_refused(folder, place, values, said):
    configure(folder / place, **values)
    with pytest.raises(AuditError, match=said):
        drawn(load_folder(folder, "cpu"))


@pytest.mark.parametrize(
    ("place", "values", "said"),
    [
        ("model_index.json", {"factor": 3}, "in_channels is 16; 31 was expected"),
        ("model_index.json", {"factor": 0}, "'factor' is 0"),
        ("model_index.json", {"colours": 1}, "'colours' is 1"),
        ("model_index.json", {"colours": {"mean": None, "spread": 1}}, "'colours' is"),
        ("model_index.json", {"colours": {"mean": [0, 0, 0], "spread": 0}}, "'colours' is"),
        ("model_index.json", {"factor": "2"}, "'factor' is 2; a whole number"),
        (TEXT_CONFIG, {"width": 8}, "no PhraseEncoder"),
        (TEXT_CONFIG, {"width": 1_000_000}, "'width' is 1000000"),
        (TEXT_CONFIG, {"heads": 0}, "'heads' is 0"),
        (TEXT_CONFIG, {"heads": 3}, "no PhraseEncoder"),
        (TEXT_CONFIG, {"phrases": 2**20}, "'phrases' is 1048576"),
        (TEXT_CONFIG, {"words": -1}, "'words' is -1"),
        (TEXT_CONFIG, {"layers": True}, "'layers' is True"),
        (TEXT_CONFIG, {"layers": 99}, "no PhraseEncoder"),
        (TEXT_CONFIG, {"vocabulary": "ab"}, "'vocabulary' is no list"),
        (TEXT_CONFIG, {"vocabulary": ["a", "a"]}, "different words"),
        (TEXT_CONFIG, {"vocabulary": [1, 2]}, "different words"),
        (TEXT_CONFIG, {"vocabulary": ["a", "b", "c"]}, "no PhraseEncoder"),
        (TEXT_CONFIG, {"other": 1}, "no PhraseEncoder"),
        (UNET_CONFIG, {"sample_size": 2**20}, "sample_size is 1048576"),
        (UNET_CONFIG, {"sample_size": None}, "sample_size is None"),
        (UNET_CONFIG, {"block_out_channels": [2**16, 2**16]}, "no UNet2DConditionModel"),
    ],
)
def test_absurd_settings_of_a_small_pipeline_are_refused(small, place, values, said):
    configure(small / place, **values)
    with pytest.raises(AuditError, match=said):
        load_folder(small, "cpu")


@pytest.mark.parametrize("place", [UNET, TEXT])
@pytest.mark.parametrize(("change", "said"), [(spoilt, "holds NaN"), (dropped, "no |do not fit")])
@pytest.mark.parametrize("kind", ["stable", "small"])
def test_no_weight_is_missing_or_no_number(saved, tmp_path, kind, place, change, said):
    copied = shutil.copytree(saved / kind, tmp_path / "p")
    reweigh(copied / place, change)
    with pytest.raises(AuditError, match=said):
        load_folder(copied, "cpu")


def test_a_small_pipeline_draws_from_no_global_state(small):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    load_folder(small, "cpu")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_layers_of_layers_are_counted_before_they_are_built(tmp_path):
    path = tmp_path / "config.json"
    blocks = {"down_block_types": ["DownBlock2D"] * 4, "layers_per_block": 2}
    usual = {**blocks, "transformer_layers_per_block": [1, 2, 10]}
    path.write_text(json.dumps(usual))
    assert read_settings(path) == usual
    path.write_text(json.dumps({**usual, "layers_per_block": [[[[90]]]]}))
    read_settings(path)
    for change in ({"down_block_types": ["DownBlock2D"] * 10_000}, {"layers_per_block": 100}):
        path.write_text(json.dumps({**usual, "transformer_layers_per_block": 100, **change}))
        with pytest.raises(AuditError, match="multiply to"):
            read_settings(path)


@pytest.mark.parametrize("text", ['{"a": ' + "[" * 900 + "]" * 900 + "}", "[" * 10**5, "9" * 10**5])
def test_deep_and_giant_json_is_no_trouble(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    try:
        read_settings(path)
    except AuditError as error:
        assert str(path) in str(error)  # noqa: PT017 either answer is right, a crash is not
    path.write_bytes(b" " * (2**24 + 1))
    with pytest.raises(AuditError, match="larger than any file of its kind"):
        read_settings(path)


@pytest.mark.parametrize("shards", [{"a": ["x"]}, {"a": "../o.safetensors"}, {"a": 1}, {}, []])
def test_an_index_names_files_beside_it(folder, shards):
    (folder / UNET).rename(folder / "o.safetensors")
    index = folder / f"{UNET}.index.json"
    index.write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(AuditError, match="names no safetensors files beside it"):
        load_folder(folder, "cpu")


def test_a_tokenizer_reads_its_own_files_alone(folder, tmp_path):
    whole = drawn(load_folder(folder, "cpu"))[0]
    other = json.loads((folder / "tokenizer/tokenizer.json").read_text())
    words = other["model"]["vocab"]
    words["red</w>"], words["a"] = words["a"], words["red</w>"]
    for place in (folder / "tokenizer/tokenizer.4.0.0.json", tmp_path / "vocab.json"):
        place.write_text(json.dumps(other))
    elsewhere = str(tmp_path / "vocab.json")
    files = dict.fromkeys(("vocab_file", "tokenizer_file", "vocab", "merges"), elsewhere)
    newer = {"fast_tokenizer_files": ["tokenizer.4.0.0.json"]}
    configure(folder / WORDS, **files, **newer, init_inputs=[elsewhere])
    assert torch.equal(drawn(load_folder(folder, "cpu"))[0], whole)


def test_a_token_beyond_the_encoders_vocabulary_is_refused(folder):
    path = folder / "tokenizer/tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"]["red</w>"] = 10_000
    path.write_text(json.dumps(content))
    with pytest.raises(AuditError, match="has 10001 tokens, the text encoder's vocab_size is"):
        load_folder(folder, "cpu")


def test_folders_of_links_are_read_as_downloads_leave_them(folder, tmp_path):
    """The cache of the Hugging Face hub holds files beside its folders, and links in them."""
    whole = drawn(load_folder(folder, "cpu"))[0]
    (tmp_path / "blobs").mkdir()
    shutil.move(folder / UNET, tmp_path / "blobs/1")
    (folder / UNET).symlink_to(tmp_path / "blobs/1")
    assert torch.equal(drawn(load_folder(folder, "cpu"))[0], whole)
    made = {"generator": "tiny", "task": "shapes", "folder": "p"}
    card = GeneratorCard.model_validate(made)
    card = card.model_copy(update={"path": tmp_path / "tiny.generator.yaml"})
    before = pipeline_digest(card)
    (tmp_path / "blobs/1").write_bytes((tmp_path / "blobs/1").read_bytes() + b"\0")
    assert pipeline_digest(card) != before
    (tmp_path / "blobs/1").unlink()
    with pytest.raises(AuditError, match="has no weights"):
        load_folder(folder, "cpu")


def test_a_folder_that_no_file_system_holds_is_explained(tmp_path):
    card = GeneratorCard.model_validate({"generator": "g", "task": "t", "folder": "f" * 400})
    card = card.model_copy(update={"path": tmp_path / "g.generator.yaml"})
    for ask in (load_generator, pipeline_digest):
        with pytest.raises(AuditError, match="cannot be looked into"):
            ask(card)


@pytest.mark.parametrize("kind", ["stable", "small"])
def test_odd_captions_are_drawn_and_long_ones_told(saved, kind):
    parts = load_folder(saved / kind, "cpu")
    odd = ["", " ", "\n\t", "röt ⬤ 红", "🟥" * 5, "\0", ",,,", "a" * 10_000, "red " * 10_000]
    images, finite = generate(parts, odd, list(range(len(odd))), steps=1, guidance=2.0)
    assert images.shape[0] == len(odd)
    assert finite.all()
    cut = parts.truncated(odd)
    assert cut[-1]
    assert not cut[0]
