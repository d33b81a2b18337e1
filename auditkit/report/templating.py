"""Templates and what they may call: texts of the page's language, words and numbers; all of it escaped."""

import re
from collections.abc import Callable
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from auditkit.report import words
from auditkit.report.bars import bar
from auditkit.report.language import IN_ENGLISH, Language
from auditkit.verdict import Verdict

_MARKS: Final = re.compile(r"`([^`]+)`")


def page_environment(t: Language = IN_ENGLISH) -> Environment:
    """Templates with the functions and filters that pages use."""
    environment = Environment(
        loader=PackageLoader("auditkit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"verdict_words": list(Verdict), "language": t.name, "t": texts(t)}
    environment.globals |= {"counted": t.counted, "word_of": _word_of(t), "has": t.__contains__}
    environment.filters |= _filters(t)
    return environment


def texts(t: Language) -> Callable[..., Markup]:
    """A text of the language as markup: what stands in its places is escaped unless it is markup itself.

    What stands between back quotes in a text is set as code.
    """

    def text(key: str, /, **values: Any) -> Markup:
        pattern = _MARKS.sub(r"<code>\1</code>", str(escape(t.pattern(key))))
        given = {
            name: _harmless(t.grouped(value) if isinstance(value, int) else value)
            for name, value in values.items()
        }
        return Markup(pattern).format(**given)  # noqa: S704 escaped first

    return text


def _word_of(t: Language) -> Callable[[str, str], str]:
    """A word of results.json in the page's language: that of a group of texts, or the word itself."""
    return lambda group, word: t.or_else(f"{group}.{word}", word)


def _filters(t: Language) -> dict[str, Callable[..., Any]]:
    return {
        "at": words.at,
        "bar": bar,
        "breakable": breakable,
        "decision": lambda release: words.decision(release, t),
        "estimate": words.estimate,
        "expected": lambda verdict: words.expected(verdict, t),
        "fixed": words.fixed,
        "grouped": t.grouped,
        "label": words.label,
        "linked": linked,
        "p_value": words.p_value,
        "percent": words.percent,
        "plain": lambda value: words.plain(value, t=t),
        "qualifier": lambda verdict: words.qualifier(verdict, t),
        "rate": lambda found: t("proficiency.rate", **words.rate_parts(found)),
        "short": words.short,
        "signed": words.signed,
        "stated": lambda part: words.stated(part, t),
        "word": lambda word: words.verdict_word(word, t),
    }


def _harmless(value: object) -> object:
    return value if isinstance(value, Markup) or not isinstance(value, str) else words.shown(value)


def breakable(text: str) -> Markup:
    """A technical name that may be broken after its separators."""
    return Markup(re.sub(r"([._/\[])(?=\w)", r"\1<wbr>", str(escape(words.shown(text)))))  # noqa: S704 escaped first


def linked(text: str) -> Markup:
    """Text in which DOIs and arXiv ids are links."""
    safe = str(escape(words.shown(text)))
    safe = re.sub(
        r"(?i)\b(doi:\s?)(10\.\d{4,9}/[\w.()/:-]*\w)",
        r'<a href="https://doi.org/\2" rel="noreferrer">\1\2</a>',
        safe,
    )
    safe = re.sub(
        r"(?i)\b(arxiv:\s?)(\d{4}\.\d{4,5})",
        r'<a href="https://arxiv.org/abs/\2" rel="noreferrer">\1\2</a>',
        safe,
    )
    return Markup(safe)  # noqa: S704 escaped first; only the two patterns become links
