"""Cards of models that read volumes: which formats, and that a saved network answers as it did."""

import pytest
import torch

from auditkit.errors import AuditError
from auditkit.models import load_model
from auditkit.models.volume_cnn import VolumeCnn
from auditkit.spec.catalogue import read_model_card
from auditkit.spec.problems import SpecError

CARD = """\
model: volumes
task: t
format: {format}
weights: {{file: {file}}}
volume: {{modalities: [t1, t2], size: [8, 8, 8], scale: foreground{more}}}
output: {{kind: logits, classes: [low, high], score: high}}
threshold: 0.5
"""


def write(folder, kind, file, more=""):
    path = folder / "volumes.model.yaml"
    path.write_text(CARD.format(format=kind, file=file, more=more))
    return path


@pytest.fixture
def network():
    torch.manual_seed(0)
    return VolumeCnn(2, modalities=2, axes=3, widths=(4, 8)).eval()


def saved(folder, network, kind):
    example = torch.randn(2, 2, 8, 8, 8)
    if kind == "torchscript":
        torch.jit.trace(network, example[:1]).save(str(folder / "net.pt"))
        return "net.pt"
    batch = torch.export.Dim("batch")
    program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
    torch.export.save(program, str(folder / "net.pt2"))
    return "net.pt2"


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["torchscript", "torch-export"])
def test_a_saved_network_of_volumes_answers_as_it_did(tmp_path, network, kind):
    card = read_model_card(write(tmp_path, kind, saved(tmp_path, network, kind)))
    model = load_model(card)
    cases = [[torch.randn(8, 8, 8).numpy() for _ in range(2)] for _ in range(3)]
    inputs = model.prepare(cases)
    with torch.no_grad():
        expected = network(inputs).softmax(dim=1)
        torch.testing.assert_close(model.probabilities(inputs), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["onnx", "tflite", "timm"])
def test_a_format_of_pictures_is_refused_with_those_that_fit(tmp_path, kind):
    architecture = "architecture: x\n" if kind == "timm" else ""
    path = write(tmp_path, kind, "net.bin")
    path.write_text(path.read_text() + architecture)
    with pytest.raises(SpecError, match=f"'{kind}' reads pictures; expected .*volume-cnn"):
        read_model_card(path)


def test_input_and_volume_exclude_each_other(tmp_path):
    path = write(tmp_path, "volume-cnn", "net.safetensors")
    text = path.read_text()
    path.write_text(text + "input: {size: 64}\n")
    with pytest.raises(SpecError, match="'input' and 'vendor_input' are about pictures"):
        read_model_card(path)
    path.write_text("\n".join(line for line in text.splitlines() if "volume:" not in line))
    with pytest.raises(SpecError, match="'input' is missing"):
        read_model_card(path)


def test_mean_fits_the_modalities(tmp_path):
    with pytest.raises(SpecError, match=r"mean: one value, or one per modality"):
        read_model_card(write(tmp_path, "volume-cnn", "x.safetensors", ", mean: [0, 0, 0]"))


def test_arguments_that_do_not_fit_the_weights_are_one_clear_error(tmp_path, network):
    from safetensors.torch import save_file

    save_file(network.state_dict(), tmp_path / "net.safetensors")
    path = write(tmp_path, "volume-cnn", "net.safetensors")
    path.write_text(path.read_text() + "arguments: {widths: [4]}\n")
    with pytest.raises(AuditError, match=r"features\.0"):
        load_model(read_model_card(path))


@pytest.mark.parametrize("text", ["modalities: [t1, t2]", "size: [8, 8, 8]"])
def test_a_program_is_given_what_it_was_exported_for(tmp_path, network, text):
    other = {"modalities: [t1, t2]": "modalities: [t1]", "size: [8, 8, 8]": "size: [8, 8, 6]"}
    path = write(tmp_path, "torch-export", saved(tmp_path, network, "torch-export"))
    path.write_text(path.read_text().replace(text, other[text]))
    with pytest.raises(AuditError, match=r"takes inputs of \(N, 2, 8, 8, 8\) and was given"):
        load_model(read_model_card(path))


class Masked(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(2).mean(dim=2)
        return mean.masked_fill(mean < 0, -torch.inf).softmax(dim=1) * 10


def test_infinite_constants_of_a_program_are_read(tmp_path):
    path = write(tmp_path, "torch-export", saved(tmp_path, Masked().eval(), "torch-export"))
    model = load_model(read_model_card(path))
    given = torch.ones(1, 2, 8, 8, 8)
    given[:, 1] = -1
    with torch.no_grad():
        expected = torch.tensor([[10.0, 0.0]]).softmax(dim=1)
        torch.testing.assert_close(model.probabilities(given), expected)
