"""A message read in its conversation: what it does, and the ways to search for what it asks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.question.acts import ON_THE_LAST_ANSWER, Act, Said, read
from app.question.history import Exchange, Form, Past, forms, needs_subject, read_history
from app.question.subjects import Subjects
from app.record.types import Question

__all__ = ["Reading", "read_in_conversation"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message does and asks.

    `forms` are the ways to search for it, the likeliest first; `language` is the one that it is
    written in (ISO 639-1); `again` is the exchange whose answer an act is about.
    """

    said: Said
    past: Past
    forms: tuple[Form, ...]
    language: str = "en"
    again: Exchange | None = None

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
    if said.act in ON_THE_LAST_ANSWER:
        return _on_the_last_answer(said, past, language, subjects)
    if said.act is Act.ASK and needs_subject(said, past, subjects):
        said = replace(said, act=Act.CLARIFY)
    ways = forms(said, past, subjects) if said.act is Act.ASK else (Form(question.text),)
    return Reading(said, past, ways, language)


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
