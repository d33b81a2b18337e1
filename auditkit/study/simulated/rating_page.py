"""What a program needs of the page of a heatmap, beyond what `pages` reads of every page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from auditkit.errors import AuditError
from auditkit.spec.ratings_card import Scale
from auditkit.study.folder import Layout
from auditkit.study.simulated.client import Reply
from auditkit.study.simulated.pages import Attributes


@dataclass
class RatingPage:
    """The page of a heatmap.

    Attributes:
        layout: of its pictures.
        classes: that can be predicted.
        predicted: what the model predicts; "" at the first step.
        ratings: that can be chosen, where each has a button.
        limits: least and largest rating and their step, where a number is asked for.
    """

    layout: Layout = field(default_factory=Layout)
    classes: list[str] = field(default_factory=list)
    predicted: str = ""
    ratings: list[float] = field(default_factory=list)
    limits: tuple[float, float, float | None] | None = None

    @property
    def scale(self) -> Scale:
        """Which ratings can be given. Raises AuditError: the page asks for none."""
        if self.limits is not None:
            low, high, step = self.limits
            return Scale(low=low, high=high, step=step)
        if len(self.ratings) < 2:
            raise AuditError("the page asks for no rating")
        return Scale(
            low=self.ratings[0], high=self.ratings[-1], step=self.ratings[1] - self.ratings[0]
        )


def read_rating_page(reply: Reply) -> RatingPage:
    """The page of a heatmap from the server's reply."""
    reader = _Reader()
    reader.feed(reply.text)
    reader.close()
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = RatingPage()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = {name: value or "" for name, value in attrs}
        if given.get("id") == "viewer":
            rows, columns = int(given["data-rows"]), int(given["data-columns"])
            self.page.layout = Layout(rows=rows, columns=columns)
        if "data-predicted" in given:
            self.page.predicted = given["data-predicted"]
        if tag == "input" and given.get("name") == "decision":
            self.page.classes.append(given["value"])
        if tag == "input" and given.get("name") == "rating":
            self._read_rating(given)

    def _read_rating(self, given: dict[str, str]) -> None:
        if given["type"] == "radio":
            self.page.ratings.append(float(given["value"]))
            return
        step = None if given["step"] == "any" else float(given["step"])
        self.page.limits = float(given["min"]), float(given["max"]), step
