"""What a message does, told by a capable model in one JSON, and checked before it is used.

The rules of `app.question.reading` come first: what they take for an act is one, and a question
that stands alone costs no call. What leans on the conversation, names nothing that is known, or
is in another language is read by the model as well. Its act, wishes and question are taken one
by one, where they agree with what the rules know. The question is a search query and nothing
else: it never reaches another prompt, and the checks bound what it can be.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import prompts
from app.chat_models import ChatModel, Decoding, Finished
from app.question.acts import ON_THE_LAST_ANSWER, TALK, Act, MessageAct, Wishes
from app.question.acts import Form as AnswerForm
from app.question.history import Form, names_something
from app.question.in_english import in_english
from app.question.language import ENGLISH, languages
from app.question.message_acts import place_in, value_in
from app.question.reading import Reading, asks, reread
from app.question.subjects import Subjects
from app.record.errors import ModelError
from app.record.sanitize import inert, neutralize
from app.record.types import JsonForm, Message, Question, Rewrite, Usage
from index.text.tokens import content_words

__all__ = ["asks_model", "objection", "read_by_model"]

_LONGEST = 300
_MAX_TOKENS = 160
_TURNS = 6
_TURN_CHARACTERS = 600
_SPEAKERS = {"user": "User", "assistant": "Assistant"}

_SAYS_ONLY = frozenset({Act.THANK, Act.LEAVE, Act.REMARK})

_Act = Literal[
    "ask", "greet", "thank", "leave", "remark", "about", "clarify", "shorten", "expand", "simplify",
    "example", "reformat", "translate", "repeat", "source", "challenge", "refer",
]  # fmt: skip
_Wish = Literal["short", "long", "simple", "example", "list", "table", "steps", "code"]
_About = Literal["", "self", "knowledge", "how", "trust", "model", "privacy", "documents"]


class _Told(BaseModel):
    """What a model says of a message; anything else is refused whole."""

    model_config = ConfigDict(extra="forbid")

    act: _Act
    question: str = ""
    wishes: list[_Wish] = Field(default_factory=list, max_length=8)
    sentences: int = Field(0, ge=0, le=20)
    words: int = Field(0, ge=0, le=500)
    language: str = Field("", max_length=2)
    about: _About = ""


def asks_model(question: Question, reading: Reading, subjects: Subjects) -> bool:
    """Tell whether a message that the rules take for a question is worth a model's look."""
    if reading.act is not Act.ASK or question.form is not None:
        return False
    text = reading.said.rest
    names = bool(subjects.find(text)) or names_something(text)
    leans = bool(reading.forms[0].taken)
    return leans or reading.language != ENGLISH or (bool(reading.past.asked) and not names)


async def read_by_model(
    question: Question, reading: Reading, subjects: Subjects, model: ChatModel, seconds: float
) -> tuple[Reading, Rewrite]:
    """Let a model say what a message does and asks.

    Args:
        question: what was said last, with the turns before it.
        reading: what the rules make of it.
        subjects: what the index knows by name.
        model: who reads.
        seconds: how long it may take.

    Returns:
        The reading with what was taken of the model's, and how that came about.
    """
    usage, reason = Usage(), ""
    told: _Told | None = None
    try:
        async with asyncio.timeout(seconds):
            text, usage, cut_off = await _written(model, question.text, question.history)
        told = _parsed(text)
        reason = "it was cut off" if cut_off else "" if told else "it is not the JSON asked for"
    except TimeoutError:
        reason = f"it was not there within {seconds:g} s"
    except ModelError as error:
        reason = f"the model failed: {error}"
    if reason or told is None:
        return reading, Rewrite("rules", reason, usage)
    said = _act(told, question.text, reading, subjects)
    if said.act is not Act.ASK:
        return reread(reading, said, subjects), Rewrite("model", "", usage)
    reading = replace(reading, said=said)
    reason = objection(told.question, _asked(question.text, reading), question.history)
    if reason:
        return reading, Rewrite("rules", reason, usage)
    forms = (_form(told.question, question, reading), *reading.forms)
    return replace(reading, forms=forms), Rewrite("model", "", usage)


def objection(text: str, asked: str, history: Sequence[Message]) -> str:
    """Say why a question that a model wrote is not to be used; empty where it may be.

    It must be one line of at most 300 characters without markup, keep at least half of what was
    asked, and bring in next to nothing that was not said. Nothing can be held against one whose
    message is in another language (`asked` is empty) but its form.
    """
    words, own = set(content_words(text)), set(content_words(asked))
    said = {word for turn in history for word in content_words(turn.content)}
    brought = words - said - own
    if not words:
        return "it says nothing"
    if "\n" in text:
        return "it has several lines"
    if len(text) > _LONGEST:
        return f"it has {len(text)} characters, at most {_LONGEST} are taken"
    if neutralize(text) != text:
        return "it holds markup, an address or invisible characters"
    if not asked:
        return ""
    if 2 * len(own & words) < len(own):
        return "it leaves out what was asked"
    if len(brought) > max(1, len(words) // 3):
        return "it brings in what nobody said"
    return ""


def _act(told: _Told, text: str, reading: Reading, subjects: Subjects) -> MessageAct:
    """Take the act and the wishes that a model tells of, where the rules know nothing against it.

    What names a known subject of which the last answer did not speak asks for that subject.
    """
    said = replace(reading.said, wishes=_wishes(told, reading.said.wishes))
    act = Act(told.act)
    last = reading.past.last
    before = f"{last.question} {last.answer}".casefold() if last is not None else ""
    named = [one.text.casefold() for one in subjects.find(reading.said.rest)]
    if any(name not in before for name in named) or (named and act in TALK):
        return said
    if act in ON_THE_LAST_ANSWER and last is None:
        return said
    if act in _SAYS_ONLY and asks(reading.said.rest):
        return said
    if act is Act.ABOUT:
        return replace(said, act=act, place=told.about or "self")
    if act is Act.CHALLENGE:
        return replace(said, act=act, claimed=value_in(text))
    if act is Act.REFER:
        return replace(said, act=act, place=place_in(text))
    return replace(said, act=act, rest="" if act in TALK - {Act.CLARIFY} else said.rest)


def _wishes(told: _Told, known: Wishes) -> Wishes:
    """Add what a model heard wished for to what the rules did, which stands where they did."""
    forms = [form for form in get_args(AnswerForm) if form in told.wishes]
    language = told.language if told.language in languages() else ""
    return replace(
        known,
        sentences=known.sentences or told.sentences,
        words=known.words or told.words,
        short=known.short or "short" in told.wishes,
        long=known.long or "long" in told.wishes,
        simple=known.simple or "simple" in told.wishes,
        example=known.example or "example" in told.wishes,
        form=known.form or next(iter(forms), ""),
        language=known.language or language,
    )


def _asked(text: str, reading: Reading) -> str:
    """Return what a model's question is held against; nothing where it had to translate."""
    return text if reading.language == ENGLISH else ""


def _form(text: str, question: Question, reading: Reading) -> Form:
    """Return the model's question as a way to search, with the subject that it took over."""
    own = in_english(question.text, reading.language)
    said = {word for turn in question.history for word in content_words(turn.content)}
    carries = (set(content_words(text)) - set(content_words(own))) & said
    taken = next((form.taken for form in reading.forms if form.taken), "")
    return Form(text, taken if carries else "", (own,))


def _parsed(text: str) -> _Told | None:
    """Read the first JSON object of a model's text; None where it is not what was asked for."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return _Told.model_validate_json(text[start : end + 1])
    except ValidationError:
        return None


async def _written(
    model: ChatModel, message: str, history: Sequence[Message]
) -> tuple[str, Usage, bool]:
    """Ask the model; give its text, its tokens, and whether it was cut off."""
    pieces: list[str] = []
    finished = Finished("length", Usage())
    prompt = [Message("user", _prompt(message, history))]
    form = JsonForm(_schema(), "reading") if model.writes_json else None
    async with aclosing(model.stream(prompt, Decoding(0, 1, _MAX_TOKENS, form=form))) as events:
        async for event in events:
            if isinstance(event, Finished):
                finished = event
            else:
                pieces.append(event.text)
    return "".join(pieces), finished.usage, finished.reason == "length"


def _schema() -> Mapping[str, object]:
    """Return the form of what the model tells, every field of which it must give."""
    schema = _Told.model_json_schema()
    return {**schema, "required": [*schema["properties"]]}


def _prompt(message: str, history: Sequence[Message]) -> str:
    turns = [turn for turn in history if turn.role in _SPEAKERS][-_TURNS:]
    lines = [f"{_SPEAKERS[turn.role]}: {_plain(turn.content)}" for turn in turns]
    return prompts.fill(
        "reading.md",
        fence=f"=====[{secrets.token_hex(6)}]=====",
        conversation="\n".join(lines),
        message=_plain(message),
    ).strip()


def _plain(text: str) -> str:
    """Put a turn on one line, as what is read of it."""
    return " ".join(inert(text).split())[:_TURN_CHARACTERS]
