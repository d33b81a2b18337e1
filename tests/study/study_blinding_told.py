"""What can be told from all that a browser receives but decoded pixels: features, questions, classifiers.

Every question is "of two, which?": of the two pictures of a pair, which is malignant; of two models' pairs
of one reference image, which is whose; of two showings in one set, which is the repeat. Which of the two
comes first in the question is a fair coin, so that without a leak every answer is right with probability
one half, independently of all others, whatever the classifier. Classifiers are trained on references
already asked about (half of them at first) and answer about the next ones, so that the number of right
answers has exactly the binomial distribution.
"""

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from study_blinding_crawl import Response, Seen, Truth

Row = dict[str, float | str]
SHORT, BUCKETS, START = 80, 32, 16
RANDOM = re.compile(r'(name="(?:csrf|nonce)" value=")[^"]+')


@dataclass(frozen=True)
class Question:
    """Of two, which? n questions of p features.

    Attributes:
        name: of what is asked.
        features: (n, p) of the first, less those of the second; of a page as it is.
        answer: (n,) whether it is the first.
        groups: (n,) what must not be on both sides of training.
        turns: whether the other answer is right where all features have the other sign.
    """

    name: str
    features: np.ndarray
    answer: np.ndarray
    groups: np.ndarray
    turns: bool = True


@dataclass(frozen=True)
class Told:
    """How often a classifier was right about what it was not trained on."""

    question: str
    classifier: str
    right: int
    n: int

    @property
    def p(self) -> float:
        """Probability of as many right answers, or more, by fair coins."""
        return binomtest(self.right, self.n, 0.5, alternative="greater").pvalue

    @property
    def interval(self) -> tuple[float, float]:
        """Of the accuracy: 95 %, Clopper and Pearson."""
        found = binomtest(self.right, self.n).proportion_ci(0.95, "exact")
        return float(found.low), float(found.high)


# Features


def of_response(name: str, one: Response) -> Row:
    """Status, length, time, headers with their order and values."""
    row: Row = {
        f"{name} status": one.status,
        f"{name} bytes": len(one.body),
        f"{name} seconds": float(np.log(one.seconds)),
        f"{name} headers": ",".join(header for header, _ in one.headers),
    }
    for header, value in one.headers:
        row[f"{name} header {header}"] = value
    return row


def _without(slug: str, row: Row) -> Row:
    """A slug is a feature of its own, and not again wherever it stands."""
    return {
        name: value.replace(slug, "SLUG") if isinstance(value, str) else value
        for name, value in row.items()
    }


def of_page(seen: Seen) -> Row:
    """All of a task but its pictures."""
    row: Row = {"place": seen.place, "shown": len(seen.pictures)}
    row |= {f"place by {k}": seen.place % k for k in (2, 3, 4, 5)}
    for name, response in seen.responses.items():
        row |= of_response(name, response)
        text = response.body.decode()
        nonce = re.search(r'name="nonce" value="([^"]+)"', text)
        row[f"{name} nonce"] = nonce[1] if nonce else ""
        row[f"{name} text"] = RANDOM.sub(r"\1", text)
    return _without(seen.slug, row) | {"slug": seen.slug}


def of_picture(place: int, one: Response) -> Row:
    """All of a picture but its pixels, and the checksums that follow from them."""
    row = of_response("picture", one) | {"picture place": place}
    return row | of_png(one.body)


def of_png(content: bytes) -> Row:
    """Chunks, their contents but for pixels, and how pixels are packed."""
    at, kinds, packed, others, ihdr = 8, [], b"", b"", b""
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kind, inner = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        kinds.append(f"{kind.decode('latin-1')} {length}")
        if kind == b"IDAT":
            packed += inner
        elif kind == b"IHDR":
            ihdr = inner
        else:
            others += inner
        at += 12 + length
    lines = zlib.decompress(packed)
    stride = 1 + 3 * int.from_bytes(ihdr[:4], "big")
    filters = Counter(lines[::stride])
    return {
        "png start": content[:8].hex(),
        "png chunks": ",".join(kinds),
        "png header": ihdr.hex(),
        "png others": others.hex(),
        "png rest": content[at:].hex(),
        "png packed": len(packed),
        # Of a stored block: kind, length and its complement.
        "png packing": packed[:7].hex(),
        **{f"png filter {kind}": filters[kind] for kind in range(5)},
    }


def matrix(rows: Sequence[Row]) -> np.ndarray:
    """Features as numbers, (n, p): what is equal in all rows is left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns: list[np.ndarray] = []
    for name in names:
        values = [row.get(name, "") for row in rows]
        if len(set(values)) == 1:
            continue
        if all(isinstance(value, (int, float)) for value in values):
            columns.append(np.array(values, float)[:, np.newaxis])
        else:
            columns.append(_of_texts([str(value) for value in values]))
    found = np.hstack([np.zeros((len(rows), 1)), *columns])
    return found[:, np.ptp(found, axis=0) > 0]


def _of_texts(texts: Sequence[str]) -> np.ndarray:
    """Length; which of the commonest it is; first characters; characters, or words, it has."""
    short = max(map(len, texts)) <= SHORT
    common = [text for text, _ in Counter(texts).most_common(4)]
    first, bags = np.zeros((len(texts), START)), np.zeros((len(texts), BUCKETS))
    for i, text in enumerate(texts):
        start = [ord(character) for character in text[:START]] if short else []
        first[i, : len(start)] = start
        for part in text if short else re.split(r"\W+", text):
            bags[i, zlib.crc32(part.encode()) % BUCKETS] += 1
    lengths = np.array([[len(text)] for text in texts], float)
    same = np.array([[text == one for one in common] for text in texts], float)
    return np.hstack([lengths, same, first, bags])


# Questions


def questions(
    seen: Sequence[Seen], truths: Mapping[str, Truth], rng: np.random.Generator
) -> list[Question]:
    """All that can be asked about the tasks of one phase; practice is not asked about."""
    seen = [one for one in seen if one.slug in truths]
    truth = [truths[one.slug] for one in seen]
    phase, pages = truth[0].phase, matrix([of_page(one) for one in seen])
    made = [of_picture(place, p) for one in seen for place, p in enumerate(one.pictures)]
    each = len(seen[0].pictures)
    pictures = matrix(made).reshape(len(seen), each, -1)
    whole = np.hstack([pages, pictures.reshape(len(seen), -1)])
    first = [i for i, one in enumerate(truth) if not one.repeat]
    if each == 2:
        found = [_of_sides(f"{phase}: side", pages, pictures, truth)]
    else:
        # An item's two pictures are two tasks.
        by_item = _grouped(first, lambda i: (truth[i].reference, truth[i].model))
        found = [_asked(f"{phase}: side", whole, by_item, truth, lambda t: t.malignant[0], rng)]
    found.append(_of_models(f"{phase}: model", whole[first], [truth[i] for i in first], rng))
    if any(one.repeat for one in truth):
        found.append(_of_repeats(f"{phase}: repeat", whole, truth, rng))
    return found


def _grouped(indices, key):
    grouped = defaultdict(list)
    for i in indices:
        grouped[key(i)].append(i)
    return list(grouped.values())


def _of_sides(name, pages, pictures, truth) -> Question:
    """Whether A is the malignant one, of every pair that is shown."""
    rows = np.hstack([pages, pictures[:, 0] - pictures[:, 1]])
    answer = np.array([one.malignant[0] for one in truth])
    return Question(name, rows, answer, np.array([one.reference for one in truth]), turns=False)


def _of_models(name, rows, truth, rng) -> Question:
    """Which of two models' pairs of a reference, once for each reference."""
    models = sorted({one.model for one in truth})[:2]
    known = [i for i, one in enumerate(truth) if one.model in models]
    # An item's tasks are one: they have one model, drawn once.
    items = _grouped(known, lambda i: (truth[i].reference, truth[i].model))
    means = np.array([rows[of].mean(axis=0) for of in items])
    own = [truth[of[0]] for of in items]
    by_reference = _grouped(range(len(own)), lambda i: own[i].reference)
    return _asked(name, means, by_reference, own, lambda one: one.model == models[0], rng)


def _of_repeats(name, rows, truth, rng) -> Question:
    """Each repeat beside a pair of the same set that is shown for the first time."""
    sets = defaultdict(lambda: ([], []))
    for i, one in enumerate(truth):
        sets[one.sitting][one.repeat].append(i)
    pairs = []
    for fresh, repeats in sets.values():
        rng.shuffle(fresh)
        rng.shuffle(repeats)
        pairs += list(zip(fresh, repeats, strict=False))
    return _asked(name, rows, pairs, truth, lambda one: one.repeat, rng)


def _asked(name, rows, pairs, truth, is_it, rng) -> Question:
    swapped = [pair[::-1] if rng.integers(2) else pair for pair in pairs]
    first, second = np.array(swapped).T
    answer = np.array([is_it(truth[i]) for i in first])
    assert all(is_it(truth[i]) != is_it(truth[j]) for i, j in swapped)
    groups = np.array([truth[i].reference for i in first])
    return Question(name, rows[first] - rows[second], answer, groups)


# Classifiers


def classifiers() -> dict[str, object]:
    """Those that are tried: what adds up, and what interacts."""
    return {
        "logistic regression": make_pipeline(
            StandardScaler(), LogisticRegression(C=0.1, max_iter=300)
        ),
        "gradient boosting": GradientBoostingClassifier(
            n_estimators=20, max_depth=2, random_state=0
        ),
    }


def told(question: Question, rng: np.random.Generator, blocks: int = 3) -> list[Told]:
    """How often each classifier is right about the later half of groups, block after block."""
    names = rng.permutation(np.unique(question.groups))
    half = len(names) // 2
    block = {
        name: max(0, (i - half) * blocks // (len(names) - half) + 1) for i, name in enumerate(names)
    }
    of = np.array([block[name] for name in question.groups])
    right: Counter[str] = Counter()
    for k in range(1, blocks + 1):
        test = of == k
        for name, classifier in classifiers().items():
            guess = _guess(classifier, question, of < k, test, rng)
            right[name] += int((guess == question.answer[test]).sum())
    n = int((of > 0).sum())
    return [Told(question.name, name, right[name], n) for name in classifiers()]


def _guess(classifier, question, train, test, rng):
    rows, answer = question.features[train], question.answer[train]
    if question.turns:
        rows, answer = np.vstack([rows, -rows]), np.concatenate([answer, ~answer])
    if not rows.shape[1] or len(set(answer)) == 1:
        return rng.integers(2, size=test.sum()) == 1
    return classifier.fit(rows, answer).predict(question.features[test])


def leaks(found: Sequence[Told], alpha: float = 0.001) -> set[tuple[str, str]]:
    """(question, classifier) of what is told beyond chance, after Bonferroni."""
    return {(one.question, one.classifier) for one in found if one.p < alpha / len(found)}
