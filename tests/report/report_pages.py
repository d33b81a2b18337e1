"""Reading a rendered page: its elements, attributes and the text a reader sees."""

from html.parser import HTMLParser

VOID = {"meta", "br", "wbr", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Elements in order with their attributes, and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    @property
    def text(self) -> str:
        """Visible text with single spaces."""
        return " ".join("".join(self.words).split())

    def named(self, *tags: str) -> list[tuple[str, dict[str, str]]]:
        """All elements of these kinds."""
        return [element for element in self.elements if element[0] in tags]

    def values(self, *names: str) -> list[str]:
        """All values of these attributes."""
        return [v for _, found in self.elements for k, v in found.items() if k in names]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)
