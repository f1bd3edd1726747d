"""A follow-up rewritten by a capable model, and checked before anything is searched with it.

The rules of `app.question.history` decide whether a question needs it, and give the form that
is used where the model's is no good. Whatever the model writes is a search query and nothing
else: it never reaches another prompt, and the checks bound what it can be.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import aclosing

import prompts
from app.chat_models import ChatModel, Decoding, Finished
from app.question.history import Form
from app.record.errors import ModelError
from app.record.sanitize import inert, neutralize
from app.record.types import Message, Question, Rewrite, Usage
from index.text.tokens import content_words

__all__ = ["objection", "stand_alone"]

_LONGEST = 300
_MAX_TOKENS = 96
_TURNS = 6
_TURN_CHARACTERS = 600
_SPEAKERS = {"user": "User", "assistant": "Assistant"}
_QUOTES = "\"'`“”‘’ \n\t"


async def stand_alone(
    question: Question, forms: Sequence[Form], model: ChatModel | None, seconds: float
) -> tuple[tuple[Form, ...], Rewrite]:
    """Make a question stand alone, by the model where there is one and the question needs it.

    Args:
        question: what was asked last, with the turns before it.
        forms: the ways to search for it by the rules, the likeliest first.
        model: who rewrites; None leaves it to the rules.
        seconds: how long the model may take.

    Returns:
        The ways to search, the model's first where it is good, and how they came about.
    """
    by_rules = tuple(forms)
    if not by_rules[0].taken:
        return by_rules, Rewrite()
    if model is None:
        return by_rules, Rewrite("rules")
    usage, reason, text = Usage(), "", ""
    try:
        async with asyncio.timeout(seconds):
            text, usage, cut_off = await _written(model, question.text, question.history)
        reason = "it was cut off" if cut_off else objection(text, question.text, question.history)
    except TimeoutError:
        reason = f"it was not there within {seconds:g} s"
    except ModelError as error:
        reason = f"the model failed: {error}"
    if reason:
        return by_rules, Rewrite("rules", reason, usage)
    return (Form(text, by_rules[0].taken, (question.text,)), *by_rules), Rewrite("model", "", usage)


def objection(text: str, question: str, history: Sequence[Message]) -> str:
    """Say why a rewritten question is not to be used; empty where it may be.

    It must be one line of at most 300 characters without markup, keep at least half of what was
    asked, take up something that was said before, and bring in next to nothing else.
    """
    words, asked = set(content_words(text)), set(content_words(question))
    said = {word for turn in history for word in content_words(turn.content)}
    brought = words - said - asked
    if not words:
        return "it says nothing"
    if "\n" in text:
        return "it has several lines"
    if len(text) > _LONGEST:
        return f"it has {len(text)} characters, at most {_LONGEST} are taken"
    if neutralize(text) != text:
        return "it holds markup, an address or invisible characters"
    if not words & said:
        return "it takes up nothing that was said before"
    if 2 * len(asked & words) < len(asked):
        return "it leaves out what was asked"
    if len(brought) > max(1, len(words) // 3):
        return "it brings in what nobody said"
    return ""


async def _written(
    model: ChatModel, question: str, history: Sequence[Message]
) -> tuple[str, Usage, bool]:
    """Ask the model; give its text, its tokens, and whether it was cut off."""
    pieces: list[str] = []
    finished = Finished("length", Usage())
    prompt = [Message("user", _prompt(question, history))]
    async with aclosing(model.stream(prompt, Decoding(0, 1, _MAX_TOKENS))) as events:
        async for event in events:
            if isinstance(event, Finished):
                finished = event
            else:
                pieces.append(event.text)
    text = "".join(pieces).strip(_QUOTES)
    return text, finished.usage, finished.reason == "length"


def _prompt(question: str, history: Sequence[Message]) -> str:
    turns = [turn for turn in history if turn.role in _SPEAKERS][-_TURNS:]
    lines = [f"{_SPEAKERS[turn.role]}: {_plain(turn.content)}" for turn in turns]
    return prompts.fill(
        "rewrite.md",
        fence=f"=====[{secrets.token_hex(6)}]=====",
        conversation="\n".join(lines),
        question=_plain(question),
    ).strip()


def _plain(text: str) -> str:
    """Put a turn on one line, as what is read of it."""
    return " ".join(inert(text).split())[:_TURN_CHARACTERS]
