"""Damage to YAML files: at nodes, where the file stays YAML, and to its text and bytes, where it may not."""

import copy
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import yaml

from auditkit.spec.strict_yaml import read_yaml

PATHS = (
    *(
        "../../../../../../etc/passwd",
        "/etc/passwd",
        "/dev/zero",
        "/dev/stdin",
        "/proc/self/environ",
    ),
    *("", ".", "..", "/", "~", "*", "**/*", "[", "C:\\x", "\\\\host\\share", "a/../b", "a//b"),
    *("file:///etc/passwd", "https://example.org/x", "pipe", "loop", "folder", "zeros", "a" * 300),
    *(
        "a" * 5000,
        "a/" * 3000,
        "x\0y",
        "x\ny",
        "x\u202ey",
        "\ud83d\ude00",
        "%s%n",
        "${HOME}",
        "`id`",
    ),
)
NUMBERS = (
    *(0, -1, 1, 2**31, 2**63, -(2**64), 10**29, 10**400, 1e308, -1e308, 5e-324, 0.1, -0.0),
    *(math.inf, -math.inf, math.nan),
)
TEXTS = (
    *("", " ", "x", "true", "no", "null", "1", "1e400", "2024-02-30", "9999-12-31", "0000-00-00"),
    *(
        "{}",
        "[]",
        "\u202etxt",
        "\ufeff",
        "\u2028",
        "\x7f",
        "\u0085",
        "\u00e9",
        "e\u0301",
        "x" * 10_000,
    ),
    *(
        "=1+1",
        "<script>",
        "{{7*7}}",
        "%d",
        "{x}",
        "\\",
        "'",
        '"',
        "a: b",
        "- a",
        "#",
        "\t",
        "x\n\n\ny",
    ),
)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, {"x": {"x": "x"}})


def nodes(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all nodes below the root."""
    found = []
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inside:
        found.append((*place, key))
        if isinstance(value, dict | list):
            found += nodes(value, (*place, key))
    return found


def _at(data: Any, place: tuple[Any, ...]) -> Any:
    for part in place:
        data = data[part]
    return data


def _value(random: Random, old: Any) -> Any:
    """Another value, often of the old one's type."""
    kind = random.randrange(6)
    if kind == 0 and isinstance(old, int | float) and not isinstance(old, bool):
        return random.choice([old * 10**6, -old, old + 0.5, old / 10**9, str(old), [old]])
    if kind <= 1:
        return random.choice(NUMBERS)
    if kind == 2:
        return random.choice(OTHERS)
    return random.choice(PATHS if kind == 3 else TEXTS)


def _replace(data: Any, place: tuple[Any, ...], random: Random) -> None:
    parent = _at(data, place[:-1])
    parent[place[-1]] = _value(random, parent[place[-1]])


def _delete(data: Any, place: tuple[Any, ...], random: Random) -> None:
    del _at(data, place[:-1])[place[-1]]


def _misspell(data: Any, place: tuple[Any, ...], random: Random) -> None:
    parent = _at(data, place[:-1])
    if isinstance(parent, dict):
        key = str(place[-1])
        parent[key[1:] + key[:1] if random.random() < 0.5 else key + "s"] = parent.pop(place[-1])


def _letter(data: Any, place: tuple[Any, ...], random: Random) -> None:
    """One letter of a text: a name that is almost known."""
    parent = _at(data, place[:-1])
    old = parent[place[-1]]
    if isinstance(old, str) and old:
        at = random.randrange(len(old))
        parent[place[-1]] = old[:at] + random.choice("aZ0 -_./\u00e9") + old[at + 1 :]


def _copy(data: Any, place: tuple[Any, ...], random: Random) -> None:
    """A part put in another's place."""
    other = random.choice(nodes(data))
    part = copy.deepcopy(_at(data, place))
    _at(data, other[:-1])[other[-1]] = part


def _double(data: Any, place: tuple[Any, ...], random: Random) -> None:
    parent = _at(data, place[:-1])
    if isinstance(parent, list):
        parent[place[-1] : place[-1]] = [copy.deepcopy(parent[place[-1]])] * random.choice([1, 500])


def _many(data: Any, place: tuple[Any, ...], random: Random) -> None:
    parent = _at(data, place[:-1])
    old = parent[place[-1]]
    size = random.choice([30, 2000])
    if isinstance(old, dict):
        old.update({f"unknown_{number}": number for number in range(size)})
    elif isinstance(old, list):
        old.extend(_value(random, None) for _ in range(size))
    else:
        parent[place[-1]] = [old] * size


def _deep(data: Any, place: tuple[Any, ...], random: Random) -> None:
    parent = _at(data, place[:-1])
    for _ in range(random.choice([3, 25])):
        parent[place[-1]] = (
            {"x": parent[place[-1]]} if random.random() < 0.5 else [parent[place[-1]]]
        )


TREES: tuple[Callable[[Any, tuple[Any, ...], Random], None], ...] = (
    *(
        _replace,
        _replace,
        _replace,
        _delete,
        _misspell,
        _letter,
        _letter,
        _copy,
        _double,
        _many,
        _deep,
    ),
)

ODD_LINES = (
    *("x: &a [1]\ny: *a", "<<: {x: 1}", "x: !!python/object/apply:os.system ['touch canary']"),
    *(
        "!!set {a, b}",
        "x: !!binary aGk=",
        "--- # two",
        "...",
        "%YAML 1.1",
        "? [a, b]\n: c",
        "\tx: 1",
    ),
    *(
        "x: |\n  text\n",
        "x: >-\n  text",
        "x: 'open",
        'x: "\\ud800"',
        'x: "\\0"',
        "x: 010",
        "x: 0o17",
    ),
    *(
        "x: 1_000",
        "x: 0x" + "f" * 200,
        "x: 12:30:45",
        "x: .inf",
        "x: .nan",
        "x: 2024-01-01",
        ": x",
        "- x",
    ),
    *(
        "x: " + "[" * 30,
        "x: " + "[" * 3000 + "]" * 3000,
        "{" * 2000,
        "y" * 2000 + ": 1",
        "x: *nothing",
    ),
    *(
        "audit: twice\naudit: twice",
        "x: y: z",
        "@x: 1",
        "x: `id`",
        "x: \x01",
        "x: \u2028y",
        "\u202e: 1",
    ),
    "a: &a [x, x]\n"
    + "\n".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]" for i in range(20)
    ),
    "x: " + "1" * 5000,
    "x: " + "v" * 3_000_000,
    "\n".join(f"k{number}: {{}}" for number in range(50_000)),
)


def _lines(text: str, random: Random) -> str:
    lines = text.splitlines()
    at = random.randrange(len(lines))
    kind = random.randrange(6)
    if kind == 0:
        lines.insert(at, lines[random.randrange(len(lines))])
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        lines[at] = random.choice(["  ", " ", "\t", "- "]) + lines[at]
    else:
        lines.insert(random.choice([0, at, len(lines)]), random.choice(ODD_LINES))
    return "\n".join(lines) + "\n"


def _encoded(text: str, random: Random) -> bytes:
    """As other programs save it; only the first three are to be read."""
    crlf = text.replace("\n", "\r\n").encode()
    return random.choice(
        [
            crlf,
            b"\xef\xbb\xbf" + text.encode(),
            text.encode() + b"\n" * 1000,
            text.replace("\n", "\r").encode(),
            text.encode("utf-16"),
            text.encode("utf-32"),
            ("# \u00e9\n" + text).encode("latin-1", "replace"),
            text.encode() + b"\x00",
            text.encode() + b"\xed\xa0\x80",
            b"",
            b"\n",
            b"# nothing\n",
            b"\x89PNG\r\n\x1a\n" + text.encode(),
        ]
    )


class _Dumper(yaml.SafeDumper):
    """Texts in quotes, so that none is read as something else, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def dump(data: Any) -> bytes:
    """As a file; texts that UTF-8 cannot hold are written as escapes."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=False)).encode()


def damaged(source: Path, random: Random, bytes_damage: Callable[[bytes, Random], bytes]) -> bytes:
    """A damaged copy of a YAML file: six in ten at its nodes, the others in its text, encoding or bytes."""
    text = source.read_text(encoding="utf-8")
    kind = random.random()
    if kind < 0.6:
        with suppress(RecursionError):  # nested deeper than can be written: damage the text instead
            data = read_yaml(source).data
            for _ in range(random.choice([1, 1, 1, 2, 3])):
                places = nodes(data) if isinstance(data, dict) else []
                if places:
                    random.choice(TREES)(data, random.choice(places), random)
            return dump(data)
    if kind < 0.8:
        return _lines(text, random).encode("utf-8", "surrogatepass")
    if kind < 0.88:
        return _encoded(text, random)
    return bytes_damage(text.encode(), random)
