"""A message read in its conversation: what it does, and the ways to search for what it asks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.question.acts import ON_THE_LAST_ANSWER, Act, Said, read
from app.question.calculations import Asked, calculation_asked
from app.question.history import Exchange, Form, Past, forms, needs_subject, read_history
from app.question.subjects import Subjects
from app.record.types import Question

__all__ = ["Reading", "read_in_conversation"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message does and asks.

    `forms` are the ways to search for it, the likeliest first; `language` is the one that it is
    written in (ISO 639-1); `again` is the exchange whose answer an act is about; `calculation` is
    what is to be worked out, where it is that.
    """

    said: Said
    past: Past
    forms: tuple[Form, ...]
    language: str = "en"
    again: Exchange | None = None
    calculation: Asked | None = None

    @property
    def act(self) -> Act:
        """What the message does."""
        return self.said.act


def read_in_conversation(question: Question, subjects: Subjects) -> Reading:
    """Read a question's text with its history.

    JSON that a program asks for is no talk: its question is taken as it is.
    """
    past = read_history(question.history, subjects)
    said = read(question.text)
    if question.form is not None:
        said = Said(Act.ASK, question.text)
    language = "en"
    asked = calculation_asked(question.text, question.history) if _may_ask(said) else None
    if asked is not None and question.form is None:
        said = replace(said, act=Act.CALCULATE)
        return Reading(said, past, (Form(question.text),), language, calculation=asked)
    if said.act in ON_THE_LAST_ANSWER:
        return _on_the_last_answer(said, past, language, subjects)
    if said.act is Act.ASK and needs_subject(said, past, subjects):
        said = replace(said, act=Act.CLARIFY)
    ways = forms(said, past, subjects) if said.act is Act.ASK else (Form(question.text),)
    return Reading(said, past, ways, language)


def _may_ask(said: Said) -> bool:
    """Tell whether a turn may ask for a calculation, or change the one before it."""
    return said.act in (Act.ASK, Act.CLARIFY, Act.CHALLENGE, Act.EXAMPLE, Act.REFER, Act.REMARK)


def _on_the_last_answer(said: Said, past: Past, language: str, subjects: Subjects) -> Reading:
    """Read what is wanted of the last answer; without one, it may still be a question."""
    if past.last is None:
        asks = said.act is Act.CHALLENGE and bool(said.claimed)
        said = replace(said, act=Act.ASK) if asks else Said(Act.CLARIFY, "")
        return Reading(said, past, forms(said, past, subjects), language)
    form = Form(past.last.question, "", _also(said.act, past.last))
    return Reading(said, past, (form,), language, past.last)


def _also(act: Act, last: Exchange) -> tuple[str, ...]:
    """Ask for what an act needs beside the passages that answered."""
    subject = " and ".join(last.subjects[:2])
    if act is Act.EXAMPLE:
        return (f"{last.question} An example with numbers",)
    if act is Act.SIMPLIFY:
        return (f"What is {subject}?",)
    return (f"What should I know about {subject}?",) if act is Act.EXPAND else ()
