"""Black boxes, Python factories and MAITE models: what they answer, what they may not do."""

import base64
import io
import json
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import auditkit
from auditkit.errors import AuditError
from auditkit.models import line_process, load_model
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
        (
            "input(); print('{\"outputs\": [[1], [1]]}', flush=True)",
            "one list of numbers per image",
        ),
        (
            'input(); print(\'{"error": "no licence"}\', flush=True)',
            "it said: no licence",
        ),
        (
            "import time; input(); time.sleep(60)",
            "took over 1 s",
        ),
        (
            "import os, time; input(); os.close(1); time.sleep(60)",
            "closed its output",
        ),
        ("import os; input(); os.write(1, b'{}\\n{}\\n')", "more than one line"),
        (
            "import sys; input(); sys.stdout.buffer.write(b'\\xff\\xfe\\n'); sys.stdout.flush()",
            "did not answer with JSON",
        ),
        ("input(); print('[' * 200_000, flush=True)", "did not answer with JSON"),
        (
            "input(); print('{\"outputs\": [[1' + '0' * 400 + ']] }', flush=True)",
            "answered an integer beyond",
        ),
        ("input(); print('{\"outputs\": [[NaN]]}', flush=True)", "answered NaN; finite"),
        ("input(); print('{\"outputs\": [[1e39]]}', flush=True)", r"answered 1e\+39; finite"),
    ],
)
def test_a_command_that_misbehaves_is_one_clear_error(tmp_path, code, message):
    given = {"timeout": 1.0 if "sleep" in code else 30.0}
    model = load_model(command(tmp_path, code, **given))
    with pytest.raises(AuditError, match=message):
        within(20, lambda: model.probabilities(X[:1]))


def within(seconds, work):
    """The outcome of work, which fails if it hangs."""
    found = []

    def run():
        try:
            found.append(work())
        except AuditError as error:
            found.append(error)

    threading.Thread(target=run, daemon=True).start()
    assert until(lambda: found, seconds), "it hangs"
    if isinstance(found[0], AuditError):
        raise found[0]
    return found[0]


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def gone(process):
    """Whether a process has ended; in a container nobody may have waited for an orphan."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


STUBBORN = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open("started", "w") as file:
    print(os.getpid(), child.pid, file=file)
sys.stdin.readline()
print('{"outputs": [[0.5, 0.5]]}' if ANSWERS else "", end=os.linesep if ANSWERS else "", flush=True)
time.sleep(600)
"""

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@linux
def test_what_a_command_started_ends_with_it_when_time_is_up(tmp_path):
    model = load_model(command(tmp_path, "ANSWERS = False" + STUBBORN, timeout=2.0))
    with pytest.raises(AuditError, match="took over 2 s"):
        within(30, lambda: model.probabilities(X[:1]))
    started = (tmp_path / "started").read_text(encoding="utf-8").split()
    assert until(lambda: all(gone(process) for process in started))


@linux
def test_a_command_ends_with_the_last_copy_that_asked_it(tmp_path):
    model = load_model(command(tmp_path, "ANSWERS = True" + STUBBORN))
    model.probabilities(X[:1])
    started = (tmp_path / "started").read_text(encoding="utf-8").split()
    assert not any(gone(process) for process in started)
    del model
    assert until(lambda: all(gone(process) for process in started))


@linux
def test_a_command_ends_with_the_interpreter(tmp_path):
    (tmp_path / "device.py").write_text("ANSWERS = True" + STUBBORN, encoding="utf-8")
    code = (
        "import pathlib, sys\n"
        "from auditkit.models.line_process import LineProcess\n"
        "kept = [LineProcess([sys.executable, 'device.py'], pathlib.Path(), 'device')]\n"
        "kept.append(kept)  # a cycle, which nobody collects at exit\n"
        "print(kept[0].ask(b'{}', 30))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=60, check=True
    )
    assert b"outputs" in done.stdout
    started = (tmp_path / "started").read_text(encoding="utf-8").split()
    assert until(lambda: all(gone(process) for process in started))


def test_a_line_without_an_end_is_not_read_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(line_process, "MOST_BYTES", 1 << 20)
    code = "input()\nwhile True: print('x' * 100_000, end='')"
    model = load_model(command(tmp_path, code))
    with pytest.raises(AuditError, match="answered more than 1 MiB"):
        within(20, lambda: model.probabilities(X[:1]))


def test_a_late_answer_is_not_taken_for_the_next_requests(tmp_path):
    code = """
import os, sys
if os.path.exists("before"):
    sys.stdin.readline()
    print('{"outputs": [[0.25, 0.75]]}', flush=True)
else:
    open("before", "w").close()
    print("hello", flush=True)
    sys.stdin.readline()
    print('{"outputs": [[1, 0]]}', flush=True)
sys.stdin.readline()
"""
    model = load_model(command(tmp_path, code))
    with pytest.raises(AuditError, match=r"'hello'|more than one line"):
        model.probabilities(X[:1])
    assert model.probabilities(X[:1]).tolist() == [[0.25, 0.75]]


def test_threads_have_a_process_each(tmp_path):
    code = DEVICE.replace("rows = []", "open(f'{os.getpid()}.process', 'w').close()\n    rows = []")
    model = load_model(command(tmp_path, "import os\n" + code))
    copies = [model.copy() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        for answers in pool.map(lambda copied: copied.probabilities(X), copies):
            assert torch.allclose(answers[:, 1], redness(X), atol=1e-6)
    assert len(list(tmp_path.glob("*.process"))) == 3


@pytest.mark.parametrize(
    ("answers", "output", "message"),
    [
        ("[0.9]", {"classes": ["a", "b"], "score": 0}, r"set output\.score: 1"),
        ("[0.5, 0.5]", {"classes": ["a", "b", "c"], "score": 1}, "names 3 classes"),
        ("[0.5, 0.5]", {"score": 2}, r"output\.score is 2, but the network has 2 outputs"),
    ],
)
def test_a_black_box_that_does_not_fit_its_card_is_refused(tmp_path, answers, output, message):
    code = f"""
import json, sys
for line in sys.stdin:
    print(json.dumps({{"outputs": [{answers}] * len(json.loads(line)["images"])}}), flush=True)
"""
    given = command(tmp_path, code)
    stated = {"kind": "probabilities", **output}
    model = load_model(
        card(tmp_path, format="command", black_box=given.black_box.model_dump(), output=stated)
    )
    with pytest.raises(AuditError, match=message):
        model.probabilities(X)


def test_a_device_that_changes_its_number_of_outputs_is_refused(tmp_path):
    code = """
import sys
for n, line in enumerate(sys.stdin):
    print('{"outputs": [[0.5, 0.5]]}' if n == 0 else '{"outputs": [[0.2, 0.4, 0.4]]}', flush=True)
"""
    given = command(tmp_path, code).black_box.model_dump()
    stated = {"kind": "probabilities"}
    model = load_model(
        card(tmp_path, format="command", black_box=given, output=stated, threshold=None)
    )
    model.probabilities(X[:1])
    with pytest.raises(AuditError, match="different numbers of outputs"):
        model.probabilities(X[1:2])


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
    maps = auditkit.run(
        "truthfulness", model, auditkit.load_data(DATA), store=tmp_path / "s", steps=2, repeats=1,
        methods=["gradient", {"method": "occlusion", "window": 0.5, "stride": 0.5}], images=4,
        fills=["mean"],
    )  # fmt: skip
    assert not maps["gradient.delta_aupc"].applicable
    assert "black box" in maps["gradient.delta_aupc"].reason
    assert maps["occlusion.delta_aupc"].applicable


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
    ("reply", "message"),
    [
        (b"SSH-2.0-device\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "IncompleteRead"),
        (b"HTTP/1.1 500 no\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "answered 500 no"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "did not answer with JSON"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}" + b" " * 50, "took over 1 s"),
    ],
)
def test_an_endpoint_that_misbehaves_is_one_clear_error(tmp_path, reply, message):
    slow = reply[-20:] if message == "took over 1 s" else b""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            peer, _ = server.accept()
            with peer:
                while not peer.recv(1 << 16).endswith(b"}"):  # the end of the request
                    pass
                peer.sendall(reply.removesuffix(slow))
                with suppress(OSError):
                    for part in slow:
                        time.sleep(0.2)
                        peer.sendall(bytes([part]))

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        model = load_model(http(tmp_path, url, box={"timeout": 1.0 if slow else 30.0}))
        with pytest.raises(AuditError, match=message):
            within(20, lambda: model.probabilities(X[:1]))


@pytest.mark.parametrize("url", ["http://a b/", "http://a:port/", "http://[a/"])
def test_an_address_that_is_none_is_named(tmp_path, url):
    with pytest.raises(AuditError, match=r"correct black_box\.url"):
        load_model(http(tmp_path, url)).probabilities(X[:1])


def test_a_token_is_never_quoted(tmp_path, endpoint, monkeypatch):
    monkeypatch.setenv("TOKEN", "sec\nret")
    given = http(tmp_path, endpoint[0], box={"token_variable": "TOKEN"})
    with pytest.raises(AuditError, match="set it to the token alone") as caught:
        load_model(given).probabilities(X[:1])
    assert "ret" not in str(caught.value).replace("retry", "")
    assert not endpoint[1]


def test_an_endpoint_answers_several_threads(tmp_path, endpoint):
    model = load_model(http(tmp_path, endpoint[0]))
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda copied: copied.probabilities(X), [model.copy()] * 3))
    assert all(torch.allclose(one[:, 1], redness(X), atol=1e-6) for one in answers)


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
import threading
import time
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

class Locked(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lock, self.layer = threading.Lock(), make()
    def forward(self, x):
        return torch.sigmoid(self.layer(x)).softmax(dim=1)

class Tuple(torch.nn.Module):
    def forward(self, x):
        return x.mean(dim=(1, 2, 3)), x

class KeyMissing(torch.nn.Module):
    def forward(self, x):
        return {}["scores"]

class Alone:
    asked = most = 0
    def __call__(self, batch):
        Alone.asked += 1
        Alone.most = max(Alone.most, Alone.asked)
        time.sleep(0.02)
        Alone.asked -= 1
        return [[0.25, 0.75] for _ in batch]

class Failing:
    def __call__(self, batch):
        return {}["scores"]
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
    [
        ("missing", "cannot be imported"),
        ("number", "is no function"),
        ("nothing", "gave int"),
        ("Maite", r"MAITE image classifier, .*set python\.gradients: false"),
        ("Locked", r"cannot pickle '_thread.lock' object.*python\.gradients: false"),
        ("Tuple", "answered with tuple; one tensor"),
        ("KeyMissing", "KeyError: 'scores'"),
    ],
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


def test_a_module_that_fails_while_it_is_imported_is_named(factory, tmp_path):
    (tmp_path / "our_factory.py").write_text("1 / 0", encoding="utf-8")
    with pytest.raises(AuditError, match=r"cannot be imported \(ZeroDivisionError"):
        load_model(factory())


@pytest.mark.parametrize("name", ["Alone", "Locked"])
def test_what_cannot_be_copied_is_shared_by_threads(factory, name):
    model = load_model(factory(name, python={"gradients": False}))
    with torch.no_grad(), ThreadPoolExecutor(4) as pool:
        copies = [model.copy() for _ in range(4)]
        answers = list(pool.map(lambda copied: copied.probabilities(X), copies))
    assert all(torch.equal(answers[0], other) for other in answers)
    import our_factory

    assert our_factory.Alone.most <= 1  # a MAITE object is asked by one thread at a time


def test_a_maite_classifier_that_fails_is_named(factory):
    with pytest.raises(AuditError, match=r"the model Failing .*KeyError: 'scores'"):
        load_model(factory("Failing", python={"gradients": False}))


def seeded(*layers):
    torch.manual_seed(0)
    ends = (torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2))
    return auditkit.wrap_model(
        torch.nn.Sequential(*layers, *ends),
        name="n",
        task="melanoma",
        size=32,
        version="1",
        kind="logits",
    )


def test_another_architecture_of_the_same_parameters_has_another_identity():
    from auditkit.models.identity import model_digest

    relu, sigmoid = (
        model_digest(seeded(act).card) for act in (torch.nn.ReLU(), torch.nn.Sigmoid())
    )
    assert relu != sigmoid
    assert relu == model_digest(seeded(torch.nn.ReLU()).card)


def test_the_identity_holds_every_value_of_a_network():
    from auditkit.models.identity import model_digest

    norms = [torch.nn.BatchNorm2d(3) for _ in range(3)]  # with counters of no dimension
    norms[1].num_batches_tracked += 1
    norms[2].register_buffer("more", torch.ones(1), persistent=False)
    assert len({model_digest(seeded(norm).card) for norm in norms}) == 3


def test_a_description_with_an_address_is_the_same_in_every_run():
    from auditkit.models.identity import model_digest

    class Described(torch.nn.Identity):
        def extra_repr(self):
            return repr(object())

    assert model_digest(seeded(Described()).card) == model_digest(seeded(Described()).card)
