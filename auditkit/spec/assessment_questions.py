"""The questions of guidelines G1 and G2 (Jin et al., arXiv:2202.10553, sections 2.1 and 8.1)."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from auditkit.spec.typed import Strict

Word = Literal["yes", "partly", "no"]
_EXPECTED = "yes, partly or no was expected"


def is_empty(value: Any) -> bool:
    """Whether a line of a form was left empty."""
    return value is None or (isinstance(value, str) and not value.strip())


def _filled(value: Any) -> Any:
    if is_empty(value):
        raise ValueError("is not filled in")
    return value


def _nothing(value: Any) -> Any:
    """A line of a form that needs no text and was left empty."""
    return "" if value is None else value


def _word(value: Any) -> Any:
    if isinstance(value, str) and value in ("yes", "partly", "no"):
        return value
    if is_empty(value):
        raise ValueError(f"is not filled in; {_EXPECTED}")
    raise ValueError(f"{_EXPECTED}, got {value!r}")


Text = Annotated[str, BeforeValidator(_filled)]
OptionalText = Annotated[str, BeforeValidator(_nothing)]


def _or_word(schema: dict[str, Any]) -> None:
    """`yes` needs no reason and may stand alone."""
    mapping = {key: schema.pop(key) for key in list(schema) if key != "description"}
    schema["anyOf"] = [{"const": "yes"}, mapping]


class Answer(Strict):
    """An answer; whatever is not `yes` needs a reason, and `yes` may stand alone."""

    model_config = ConfigDict(json_schema_extra=_or_word)

    answer: Annotated[Word, BeforeValidator(_word)]
    reason: OptionalText = Field("", description="In the assessor's own words.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, dict | Answer):
            return value
        return {"answer": _word(value)}

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.answer != "yes" and not self.reason.strip():
            raise ValueError(
                f"'{self.answer}' needs a reason: {{answer: {self.answer}, reason: ...}}"
            )
        return self


class Conclusion(Strict):
    """Whether an assessor finds that a guideline is met."""

    met: Annotated[Word, BeforeValidator(_word)] = Field(
        description="The assessor's conclusion: yes, partly or no."
    )
    conclusion: OptionalText = Field(
        "", description="In the assessor's own words; needed unless `met` is yes."
    )

    @model_validator(mode="after")
    def _concluded(self) -> Self:
        if self.met != "yes" and not self.conclusion.strip():
            raise ValueError(f"'met: {self.met}' needs words: conclusion: ...")
        return self

    @classmethod
    def questions(cls) -> Iterator[tuple[str, str]]:
        """The id of each question and its words, in order."""
        for name, field in cls.model_fields.items():
            if field.annotation is Answer:
                yield name, field.description or ""

    def answers(self) -> Iterator[tuple[str, Answer]]:
        """The id of each question and its answer, in order."""
        for name, _ in self.questions():
            yield name, getattr(self, name)


class Understandability(Conclusion):
    """G1: explanations should be easily understandable by clinical users, without technical knowledge."""

    form: Answer = Field(description="Is the form of the explanation easy to understand?")
    without_ai_knowledge: Answer = Field(
        description="Can it be interpreted without technical knowledge of machine learning, AI or "
        "programming?"
    )
    context: Answer = Field(
        description="Is its context easy to understand: what it is about, and what it does not say?"
    )
    model_information: Answer = Field(
        description="Is what else users need to know of the model there: its performance, its training "
        "data, its confidence?"
    )


class Relevance(Conclusion):
    """G2: explanations should be relevant to clinical decisions and support clinical reasoning."""

    localisation: Answer = Field(
        description="Feature extraction: does it show where the features are that matter?"
    )
    pathology: Answer = Field(
        description="Feature extraction: does it say what these features are, so that their pathology can "
        "be identified?"
    )
    reasoning: Answer = Field(
        description="Reasoning: does it support reasoning on these features, up to diagnostic hypotheses "
        "(differential diagnosis)?"
    )
    rationale: Answer = Field(
        description="Does it answer questions about the rationale of the model's decision: why these "
        "features?"
    )
    workflow: Answer = Field(
        description="Does it correspond to how clinicians reach a decision in this task?"
    )
    validity: Answer = Field(
        description="Does it help to assess whether a decision of the model is valid?"
    )
    decision: Answer = Field(description="Does it help to make the final decision on a case?")
    learning: Answer = Field(
        description="Does it help users to improve their own skills, or to discover something new?"
    )


GUIDELINES: dict[str, tuple[str, type[Conclusion]]] = {
    "understandability": ("G1", Understandability),
    "relevance": ("G2", Relevance),
}
"""Under which key an assessor answers the questions of which guideline."""
