import pytest

from auditkit.spec.problems import SpecError
from auditkit.spec.training import ConceptTraining, read_concept_training

SHORT = "train: concepts\nname: tiny\ndata: pictures\nstart: there\nsteps: 10\n"


def read(folder, text):
    path = folder / "a.training.yaml"
    path.write_text(text)
    return read_concept_training(path)


def test_defaults_are_those_of_the_paper(tmp_path):
    recipe = read(tmp_path, SHORT)
    assert recipe.learning_rate == 1e-4
    assert recipe.parts == ["unet", "text_encoder"]
    assert recipe.beside("there") == tmp_path / "there"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("learning_rat: 1\n", "a.training.yaml:6: unknown key 'learning_rat'.*learning_rate"),
        ("warmup: 10\n", "warmup: fewer than the 10 steps"),
        ("parts: [unet, unet]\n", "parts: each was expected once"),
        ("parts: [vae]\n", "parts.0"),
        ("ema: 1\n", "ema"),
        ("lora: {rank: 0, alpha: 1}\n", "lora.rank"),
        ("name: Tiny One\n", "."),
        ("clip: .inf\n", "clip"),
    ],
)
def test_mistakes_are_told(tmp_path, more, said):
    with pytest.raises(SpecError, match=said):
        read(tmp_path, SHORT + more)


def test_only_what_changes_the_weights_distinguishes_runs():
    first = ConceptTraining(train="concepts", name="a", data="d", start="s", steps=3)
    again = first.model_copy(update={"name": "b", "samples": 0, "workers": 7, "half": True})
    other = first.model_copy(update={"batch": 8})
    assert first.effective() == again.effective() != other.effective()
