"""What the study's benchmarks share: a study of random pictures, its server, and hands that answer at once.

`Hands` sign in by a link and answer the real forms, at random: they measure nothing, so that what is timed is
the server. A simulated expert that looks at pictures is `auditkit study simulate`.
"""

import http.client
import random
import re
import secrets
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from auditkit.spec.study import Expert
from auditkit.study.building.pictures import encoded
from auditkit.study.folder import PICTURES, Blinded, Item, write_blinded

CSRF = re.compile(r'name="csrf" value="([^"]+)"')
IMAGE = re.compile(r'<img src="(/picture/[^"]+)"')
CATEGORIES = ("lesion", "background", "other")
COMPARATORS = ("A only", "A > B", "different", "A < B", "B only")
WORDS = ("darker", "pinker", "more hair", "larger", "more colours", "sharper border", "a ruler")


def small_study(
    folder: Path, *, references: int, models: int, experts: int, side: int, stage_one: int = 10**6
) -> Blinded:
    """A study of noise, without a key: nobody will unblind it."""
    generator = np.random.default_rng(0)
    (folder / PICTURES).mkdir(parents=True)
    items = []
    for reference in range(references):
        for model in range(models):
            names = tuple(secrets.token_hex(8) for _ in range(2))
            for name in names:
                pixels = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
                (folder / PICTURES / f"{name}.png").write_bytes(encoded(pixels))
            items.append(
                Item(item=f"i{reference}-{model}", reference=f"r{reference}", pictures=names)
            )
    study = Blinded(
        study="benchmark",
        title="Noise",
        kind="pairs",
        question="Which image appears most likely to represent a melanoma?",
        experts=tuple(Expert(expert=f"e{number}", simulated=True) for number in range(experts)),
        coordinator="coordinator",
        categories=CATEGORIES,
        prescreen=False,
        references=references,
        stage_one=stage_one,
        set_size=20,
        repeats=0.0,
        order_seed="0" * 32,
        width=side,
        height=side,
        items=tuple(items),
    )
    write_blinded(folder, study)
    return study


@dataclass
class Server:
    """`auditkit study serve` in a process of its own, that can be killed and started again."""

    folder: Path
    port: int
    links: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[str] | None" = None
    database: str = ""

    def start(self) -> None:
        """Until it listens; the first time, its links are read."""
        command = [sys.executable, "-m", "auditkit.cli", "study", "serve", str(self.folder)]
        command += [
            "--port",
            str(self.port),
            *(["--database", self.database] if self.database else []),
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout
        for line in self.process.stdout:
            if found := re.match(r"(\S+) \((expert|coordinator)\): (\S+)", line):
                self.links.setdefault(found[1], found[3])
            if "is served at" in line:
                break
        self._until_it_answers()

    def _until_it_answers(self) -> None:
        for _ in range(200):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/")
                connection.getresponse().read()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("the server does not answer")

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As by Ctrl-C."""
        assert self.process
        self.process.terminate()
        self.process.wait()


@dataclass(frozen=True)
class Acknowledged:
    """What the server said it kept."""

    slug: str
    nonce: str
    comment: str
    revision: int


class Hands:
    """One expert's browser, as far as the server can tell.

    Attributes:
        seconds: of every request, by what was asked.
        kept: every revision that was acknowledged.
        sent: every nonce that was sent, acknowledged or not, with its comment.
    """

    def __init__(
        self,
        port: int,
        link: str,
        seed: int,
        pause: Callable[[random.Random], float] = lambda _: 0.0,
    ) -> None:
        self.port, self.random, self.pause = port, random.Random(seed), pause
        self.seconds: dict[str, list[float]] = {}
        self.kept: list[Acknowledged] = []
        self.sent: dict[str, str] = {}
        self.failures: list[str] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookie = ""
        self._enter(urllib.parse.urlsplit(link).path)

    def _enter(self, path: str) -> None:
        _, headers, _ = self.ask("enter", "POST", path)
        self.cookie = headers["set-cookie"].split(";")[0]

    def ask(
        self, what: str, method: str, path: str, body: str = "", *, script: bool = False
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; again until the server answers, with the same body."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        headers["Origin"] = f"http://127.0.0.1:{self.port}"
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if script:
            headers["Accept"] = "application/json"
        while True:
            begun = time.perf_counter()
            try:
                self._connection.request(method, path, body or None, headers)
                response = self._connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException):
                self._connection.close()
                time.sleep(0.05)
                continue
            self.seconds.setdefault(what, []).append(time.perf_counter() - begun)
            if response.status >= 400:
                self.failures.append(f"{response.status} {what}: {content[:200]!r}")
            return response.status, {k.lower(): v for k, v in response.getheaders()}, content

    def answer_one(self) -> bool:
        """The next task, with its pictures, two changes that are saved and the answer; False at the end."""
        _, headers, _ = self.ask("next", "GET", "/next")
        path = headers["location"]
        if not path.startswith("/task/"):
            return False
        _, _, content = self.ask("page", "GET", path)
        text = content.decode()
        for image in IMAGE.findall(text):
            self.ask("picture", "GET", image)
        csrf = CSRF.search(text)
        assert csrf, text[:500]
        for submitted in (False, False, True):
            time.sleep(self.pause(self.random))
            self._save(path, csrf[1], submitted=submitted)
        return True

    def _save(self, path: str, csrf: str, *, submitted: bool) -> None:
        nonce, comment = secrets.token_urlsafe(16), secrets.token_hex(8)
        fields = [("csrf", csrf), ("nonce", nonce), ("choice", self.random.choice("AB"))]
        fields += [("submitted", "yes")] if submitted else []
        for category in CATEGORIES:
            fields += [("category", category), ("attribute", self.random.choice(WORDS))]
            fields += [("comparator", self.random.choice(COMPARATORS))]
        fields += [("comment", comment), ("seconds", "1.5")]
        self.sent[nonce] = comment
        body = urllib.parse.urlencode(fields)
        status, _, content = self.ask("save", "POST", path, body, script=True)
        if status == 200:
            revision = int(re.search(rb'"revision":\s*(\d+)', content)[1])  # type: ignore[index]
            self.kept.append(Acknowledged(path.rsplit("/", 1)[1], nonce, comment, revision))
