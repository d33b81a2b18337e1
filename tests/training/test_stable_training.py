"""Training of Stable Diffusion's layout: adapters, and another text encoder."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from concept_runs import data_card, recipe
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file
from transformers import BertConfig, BertModel

from auditkit.errors import AuditError
from auditkit.models.diffusion.load import load_folder
from auditkit.training import diffusion
from auditkit.training.swap import swapped

TINY = SimpleNamespace(
    **runpy.run_path(str(Path(__file__).parents[1] / "models" / "diffusion" / "tiny_pipelines.py"))
)
QUICK = {"steps": 2, "batch": 2, "samples": 0, "ema": 0}
UNET = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("stable")
    data_card(here, n=4)
    TINY.stable(here / "start")
    return here


@pytest.fixture(scope="module")
def clinical_text(tmp_path_factory):
    """A BERT of another width (24), with its tokenizer beside it."""
    here = tmp_path_factory.mktemp("bert")
    sizes = {"hidden_size": 24, "intermediate_size": 16, "num_hidden_layers": 1}
    sizes |= {"num_attention_heads": 2, "max_position_embeddings": 12}
    torch.manual_seed(4)
    BertModel(BertConfig(vocab_size=len(TINY.BERT_WORDS), **sizes)).save_pretrained(here)
    (here / "vocab.txt").write_text("\n".join(TINY.BERT_WORDS))
    return here


@pytest.fixture
def train(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(diffusion.curves, "draw", lambda *_: None)

    def run(out="run", **changes):
        said = recipe(folder, **{**QUICK, **changes})
        return diffusion.train_concepts(said, tmp_path / out, [folder], "cpu").parent

    return run


def unet(out):
    return load_file(out / "unet" / UNET)


def test_all_of_unet_and_text_encoder_are_trained_and_the_autoencoder_is_not(train, folder):
    after = load_folder(train(ema=0) / "pipeline")
    before = load_folder(folder / "start")
    pairs = zip(before.vae.parameters(), after.vae.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    changed = [
        not torch.equal(*pair)
        for pair in zip(before.unet.parameters(), after.unet.parameters(), strict=True)
    ]
    assert all(changed)
    words = [encoder.state_dict() for parts in (before, after) for encoder in parts.text_encoders]
    assert any(not torch.equal(words[0][name], words[1][name]) for name in words[0])


def test_adapters_that_diffusers_loads_give_the_merged_pipeline(train, folder):
    out = train(lora={"rank": 2, "alpha": 6.0}, learning_rate=0.05)
    merged = load_folder(out / "pipeline")
    reference = StableDiffusionPipeline.from_pretrained(folder / "start", safety_checker=None)
    reference.load_lora_weights(out / "adapter")
    latents, states = torch.randn(2, 4, 8, 8), torch.randn(2, 14, 16)
    ids = torch.arange(14).unsqueeze(0)
    base = load_folder(folder / "start")
    with torch.no_grad():
        answers = [
            part(latents, 7, states).sample for part in (merged.unet, reference.unet, base.unet)
        ]
        texts = [
            part(ids)[0]
            for part in (merged.text_encoders[0], reference.text_encoder, base.text_encoders[0])
        ]
    for found, expected, before in (answers, texts):
        assert torch.allclose(found, expected, atol=1e-5)
        assert not torch.allclose(found, before, atol=1e-3)


def test_adapters_change_attention_projections_alone(train, folder):
    out = train(lora={"rank": 2, "alpha": 2.0}, parts=["unet"])
    before, after = unet(folder / "start"), unet(out / "pipeline")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    projections = {
        name
        for name in before
        if name.endswith((".to_q.weight", ".to_k.weight", ".to_v.weight", ".to_out.0.weight"))
    }
    assert before.keys() == after.keys()
    assert changed == projections != set()


def test_adapters_resume_to_the_same_bits(train, tmp_path):
    from auditkit.training.learner import Learner

    lora = {"rank": 2, "alpha": 2.0}
    train("whole", lora=lora, checkpoint_every=1)
    step = Learner.step

    def dies(self, index, batch, data):
        if index == 1:
            raise SystemExit
        return step(self, index, batch, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "step", dies)
        with pytest.raises(SystemExit):
            train("broken", lora=lora, checkpoint_every=1)
    train("broken", lora=lora, checkpoint_every=1)
    first, second = (unet(tmp_path / out / "pipeline") for out in ("whole", "broken"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_adapters_are_refused_where_they_would_do_nothing(tmp_path, monkeypatch):
    from concept_runs import start

    data_card(tmp_path)
    start(tmp_path)
    said = recipe(tmp_path, lora={"rank": 2, "alpha": 2.0})
    with pytest.raises(AuditError, match=r"lora: text_encoder .PhraseEncoder."):
        diffusion.train_concepts(said, tmp_path / "run", [tmp_path], "cpu")


def test_another_text_encoder_keeps_all_but_the_projections_of_its_states(
    folder, clinical_text, tmp_path
):
    out = swapped(folder / "start", clinical_text, tmp_path / "start", 0)
    again = swapped(folder / "start", clinical_text, tmp_path / "again", 0)
    before, after = unet(folder / "start"), unet(out)
    projections = {name for name in before if ".attn2.to_k." in name or ".attn2.to_v." in name}
    assert {name for name in before if not torch.equal(before[name], after[name])} == projections
    assert {after[name].shape[1] for name in projections} == {24}
    assert all(torch.equal(value, unet(again)[name]) for name, value in after.items())
    parts = load_folder(out)
    states = parts.condition(parts.tokens(["red circle"])).states
    assert states.shape == (1, 12, 24)


def test_a_swapped_text_encoder_is_trained(train, clinical_text):
    out = train(text_encoder=clinical_text)
    index = json.loads((out / "pipeline" / "model_index.json").read_text())
    assert index["text_encoder"] == ["transformers", "BertModel"]
    before = load_file(out / "start" / "text_encoder" / "model.safetensors")
    after = load_file(out / "pipeline" / "text_encoder" / "model.safetensors")
    assert not torch.equal(
        before["encoder.layer.0.attention.self.query.weight"],
        after["encoder.layer.0.attention.self.query.weight"],
    )


def test_pipelines_with_two_text_encoders_cannot_be_given_another(clinical_text, tmp_path):
    TINY.xl(tmp_path / "xl")
    with pytest.raises(AuditError, match="one text encoder"):
        swapped(tmp_path / "xl", clinical_text, tmp_path / "out", 0)


def test_only_text_encoders_that_can_be_read_are_taken(folder, clinical_text, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(AuditError, match="'roberta' cannot be taken; one of bert"):
        swapped(folder / "start", tmp_path, tmp_path / "out", 0)
    with pytest.raises(AuditError, match=r"config.json cannot be read"):
        swapped(folder / "start", folder, tmp_path / "out", 0)
    assert not (tmp_path / "out").exists()
