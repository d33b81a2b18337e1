"""What a program needs of a study's pages: forms, pictures, presets, links and notes; parsed strictly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from auditkit.errors import AuditError
from auditkit.study.simulated.client import Reply

Attributes = Sequence[tuple[str, str | None]]
_SIGNED_IN = "Signed in as "
_VOID = frozenset({"input", "img", "br", "link", "meta", "hr"})


@dataclass
class Form:
    """A form: where it goes, and its hidden fields."""

    action: str
    hidden: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """A hidden field. Raises AuditError: it is not there."""
        if name not in self.hidden:
            raise AuditError(f"the form for {self.action} has no field '{name}'")
        return self.hidden[name]


@dataclass
class Page:
    """A page of a study.

    Attributes:
        path: where it was.
        kinds: classes of its body: ``pair``, ``screening``, ``rating``, ``grouping`` say what is asked.
        forms: by action.
        images: addresses of pictures, in their order.
        links: where links lead.
        notes: texts of its banners.
        people: row headers of its tables.
        presets: names that can be selected, by category.
        problem: what the page says is wrong; "" if nothing.
        signed_in: whose page it is; "" if nobody's.
    """

    path: str
    kinds: list[str] = field(default_factory=list)
    forms: dict[str, Form] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    presets: dict[str, list[str]] = field(default_factory=dict)
    problem: str = ""
    signed_in: str = ""

    def form(self, action: str) -> Form:
        """The form that goes there. Raises AuditError: there is none."""
        if action not in self.forms:
            raise AuditError(f"{self.path}: there is no form for {action} {self.problem}".rstrip())
        return self.forms[action]


def read_page(reply: Reply) -> Page:
    """A page from the server's reply.

    Raises:
        AuditError: the server refuses the page, or it is not as expected.
    """
    reader = _Reader(Page(reply.path))
    reader.feed(reply.text)
    reader.close()
    if reply.status >= 400:
        said = reader.page.problem or reader.main
        raise AuditError(f"{reply.path}: the server says {reply.status}: {said:.300}")
    return reader.page


@dataclass
class _Element:
    """An element that is open, and the text inside so far."""

    tag: str
    given: Mapping[str, str]
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.main = ""
        self._open: list[_Element] = []
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(_Element(tag, given))
        if tag == "body":
            self.page.kinds = given.get("class", "").split()
        elif tag == "form":
            action = given.get("action", self.page.path)
            self._form = self.page.forms.setdefault(action, Form(action))
        elif tag == "input" and self._form is not None and given.get("type") == "hidden":
            self._form.hidden[given["name"]] = given.get("value", "")
        elif tag == "img":
            self.page.images.append(given.get("src", ""))
        elif tag == "a":
            self.page.links.append(given.get("href", ""))
        elif tag == "option":
            self._read_option(given.get("value", ""))

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            element = self._open.pop()
            self._ended(element, " ".join(element.text.split()))
            if element.tag == tag:
                break

    def _ended(self, element: _Element, text: str) -> None:
        classes = element.given.get("class", "").split()
        if element.tag == "form":
            self._form = None
        elif element.tag == "main":
            self.main = text
        elif element.tag == "th" and element.given.get("scope") == "row":
            self.page.people.append(text)
        elif element.tag == "footer" and text.startswith(_SIGNED_IN):
            self.page.signed_in = text.removeprefix(_SIGNED_IN).partition(".")[0]
        elif "banner" in classes:
            self.page.notes.append(text)
        elif "problem" in classes and "hidden" not in element.given:
            self.page.problem = text

    def _read_option(self, value: str) -> None:
        category = next(
            (one.given["data-category"] for one in self._open if "data-category" in one.given), None
        )
        if category is not None and any(one.tag == "datalist" for one in self._open):
            self.page.presets.setdefault(category, []).append(value)
