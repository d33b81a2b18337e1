"""Black boxes, Python factories and MAITE models: what they answer, what they may not do."""

import base64
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
import torch
from PIL import Image

import auditkit
from auditkit.errors import AuditError
from auditkit.models import load_model
from auditkit.session import hindrance_of
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

DATA = DataCard.model_validate(
    {
        "data": "lesions",
        "task": "melanoma",
        "format": "synthetic-dermoscopy",
        "with": {"n": 12, "seed": 1, "size": 64},
    }
)
BASE = {
    "model": "box",
    "task": "melanoma",
    "input": {"size": 32},
    "output": {"kind": "probabilities", "classes": ["benign", "malignant"], "score": 1},
    "threshold": 0.5,
}

DEVICE = """
import base64, io, json, sys
import numpy as np
from PIL import Image
for line in sys.stdin:
    request = json.loads(line)
    rows = []
    for text in request["images"]:
        image = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
        red = image[..., 0].mean() / 255
        rows.append([1 - red, red])
    print(json.dumps({"outputs": rows}), flush=True)
"""


def card(folder, **changes):
    parsed = ModelCard.model_validate({**BASE, **changes})
    return parsed.model_copy(update={"path": folder / "box.model.yaml", "folder": folder})


def command(folder, code=DEVICE, **box):
    (folder / "device.py").write_text(code, encoding="utf-8")
    given = {"command": [sys.executable, "device.py"], "version": "1", "allow_code": True, **box}
    return card(folder, format="command", black_box=given)


def redness(x):
    return (x[:, 0] * 255).round().mean(dim=(1, 2)) / 255


X = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_a_command_is_asked_in_batches_and_answers(tmp_path):
    model = load_model(command(tmp_path, batch=2))
    with torch.no_grad():
        assert torch.allclose(model.probabilities(X)[:, 1], redness(X), atol=1e-6)


def test_a_command_is_not_run_unless_the_card_allows_it(tmp_path):
    marker = tmp_path / "ran"
    code = f"open({str(marker)!r}, 'w')"
    with pytest.raises(AuditError, match="allow_code: true"):
        load_model(command(tmp_path, code, allow_code=False))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("print('hello', flush=True); input()", "did not answer with JSON"),
        ("input(); print('{\"outputs\": [[1]]}', flush=True)", "one list of numbers per image"),
        (
            'input(); print(\'{"error": "no licence"}\', flush=True)',
            "it said: no licence",
        ),
        (
            "import time; input(); time.sleep(60)",
            "took over 1 s",
        ),
    ],
)
def test_a_command_that_misbehaves_is_one_clear_error(tmp_path, code, message):
    model = load_model(command(tmp_path, code, timeout=1.0 if "sleep" in code else 30.0))
    with pytest.raises(AuditError, match=message):
        model.probabilities(X)


@pytest.fixture
def endpoint():
    """A device behind HTTP; yields its address and what it was sent."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, self.headers.get("Authorization"), request))
            if self.path == "/away":
                self.send_response(302)
                self.send_header("Location", "/")
                self.end_headers()
                return
            images = [
                np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
                for text in request["images"]
            ]
            red = [float(image[..., 0].mean() / 255) for image in images]
            if "table" in request:
                red = [row[0] for row in request["table"]]
            answer = json.dumps({"outputs": [[1 - r, r] for r in red]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()


def http(folder, url, **changes):
    box = {"url": url, "version": "1", **changes.pop("box", {})}
    return card(folder, format="http", black_box=box, **changes)


def test_an_endpoint_is_audited_without_gradients(tmp_path, endpoint, monkeypatch):
    url, seen = endpoint
    monkeypatch.setenv("TOKEN", "secret")
    given = http(tmp_path, url, box={"token_variable": "TOKEN"})
    model = load_model(given)
    findings = auditkit.run(
        "colour-shift", model, auditkit.load_data(DATA), radius=20, angles=4, store=tmp_path / "s"
    )
    assert findings["pink.mean_change"].estimate.value > 0.02  # redder answers are higher
    assert seen[0][1] == "Bearer secret"
    hindered = hindrance_of(frozenset({"gradients"}), given, DATA)
    assert hindered.verdict == "not applicable"
    assert "black box" in hindered.reason


def test_the_second_input_reaches_the_endpoint(tmp_path, endpoint):
    table = [{"column": "age", "mean": 50.0, "std": 10.0}]
    model = load_model(http(tmp_path, endpoint[0], table=table))
    with torch.no_grad():
        found = model.probabilities(X, torch.full((5, 1), 0.25))
    assert torch.allclose(found[:, 1], torch.full((5,), 0.25))


@pytest.mark.parametrize(
    ("path", "message"), [("/away", "answered 302"), (":1/", "cannot be reached")]
)
def test_redirects_are_not_followed_and_silence_is_named(tmp_path, endpoint, path, message):
    url, _ = endpoint
    target = "http://127.0.0.1:1/" if path == ":1/" else url + path
    with pytest.raises(AuditError, match=message):
        load_model(http(tmp_path, target)).probabilities(X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"views": "all"}, "no weights, members or views"),
        ({"input": {"size": 32, "mean": [0.5]}}, "only crop and resize are ours"),
        ({"format": "command"}, "'url' is for the format http"),
        ({"black_box": None}, "'black_box' and the formats http and command"),
    ],
)
def test_a_card_that_mixes_black_boxes_with_our_own_is_refused(tmp_path, change, message):
    settings = {"format": "http", "black_box": {"url": "http://x", "version": "1"}, **change}
    settings = {key: value for key, value in settings.items() if value is not None}
    with pytest.raises(ValueError, match=message):
        card(tmp_path, **settings)


FACTORY = """
import torch

def make(bias=0.0, weights=None):
    layer = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2))
    torch.nn.init.constant_(layer[2].weight, 1.0)
    torch.nn.init.constant_(layer[2].bias, bias)
    return layer

class Maite:
    metadata = {"id": "m", "index2label": {0: "benign", 1: "malignant"}}
    def __call__(self, batch):
        return [[1 - float(x[0].mean()), float(x[0].mean())] for x in batch]

number = 3
def nothing():
    return 3
"""


@pytest.fixture
def factory(tmp_path, monkeypatch):
    (tmp_path / "our_factory.py").write_text(FACTORY, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "our_factory", raising=False)

    def build(name="make", **changes):
        source = {"factory": f"our_factory:{name}", "version": "1", "allow_code": True}
        source |= changes.pop("python", {})
        return card(tmp_path, format="python", python=source, **changes)

    return build


def test_python_code_makes_a_network_with_gradients(factory):
    output = {**BASE["output"], "kind": "logits"}
    model = load_model(factory(output=output, arguments={"bias": 1.0}))
    x = X.clone().requires_grad_()
    assert torch.allclose(model.probabilities(x), torch.full((5, 2), 0.5))
    (model.raw(x)[:, 0].sum()).backward()
    assert x.grad.abs().sum() > 0


def test_python_code_is_not_imported_unless_the_card_allows_it(factory):
    with pytest.raises(AuditError, match="allow_code: true"):
        load_model(factory(python={"allow_code": False}))
    assert "our_factory" not in sys.modules


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing", "cannot be imported"), ("number", "is no function"), ("nothing", "gave int")],
)
def test_a_factory_that_gives_no_model_is_named(factory, name, message):
    with pytest.raises(AuditError, match=message):
        load_model(factory(name))


def test_a_maite_classifier_comes_from_a_factory_or_as_an_object(factory, tmp_path):
    by_card = load_model(factory("Maite", python={"gradients": False}))
    import our_factory

    wrapped = auditkit.wrap_model(
        our_factory.Maite(),
        name="maite",
        task="melanoma",
        size=32,
        version="1",
        score="malignant",
        threshold=0.5,
    )
    assert wrapped.classes == ["benign", "malignant"]
    with torch.no_grad():
        assert torch.allclose(by_card.probabilities(X), wrapped.probabilities(X))
    findings = auditkit.run(
        "performance", wrapped, auditkit.load_data(DATA), store=tmp_path / "store"
    )
    assert findings["accuracy"].estimate.n == 12


def test_another_network_under_the_same_name_has_another_identity():
    from auditkit.models.identity import model_digest

    def wrapped(seed):
        torch.manual_seed(seed)
        layers = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2)]
        network = torch.nn.Sequential(*layers)
        return auditkit.wrap_model(
            network, name="n", task="melanoma", size=32, version="1", kind="logits"
        )

    assert model_digest(wrapped(1).card) == model_digest(wrapped(1).card)
    assert model_digest(wrapped(1).card) != model_digest(wrapped(2).card)
