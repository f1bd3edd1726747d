"""The prompt, within the model's context: what never changes first, oldest history first to go.

Retrieved text and the question are data. They stand behind a delimiter that only this process
could draw, another for each question, and each of their lines is marked ("spotlighting" by
delimiting and datamarking, Hines et al. 2024). A mark between all words, as in that paper,
doubles the evidence's tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import prompts
from app.chat_models import ChatModel
from app.config.personas import Persona
from app.record.errors import ContextOverflow, RequestError
from app.record.evidence import Evidence
from app.record.json_schema import schema_text
from app.record.sanitize import inert
from app.record.types import Message, Question

__all__ = ["Delimiter", "Prompt", "build_prompt", "unmarked"]

# Signs that neither the evidence nor an answer has a use for; one is drawn for each request.
_MARKS = "┆┇┊┋╎╏⁞⦙⸽"
_ANY_MARK = re.compile(f"[{_MARKS}]")
_SECRET = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Delimiter:
    """What sets data apart in one prompt: twelve hexadecimal digits, drawn for what is asked."""

    token: str

    def __post_init__(self) -> None:
        """Refuse what was not drawn here.

        Raises:
            RequestError: the token is not of twelve hexadecimal digits.
        """
        if not re.fullmatch("[0-9a-f]{12}", self.token):
            raise RequestError(
                f"got the delimiter {self.token!r:.40}, expected twelve hexadecimal digits",
                field="delimiter",
            )

    @classmethod
    def drawn(cls, question: Question) -> Delimiter:
        """Draw one that no author of a passage or question could know.

        It follows from a secret of this process and all that is asked (HMAC, RFC 2104), so that
        who asks the same again gets the same prompt, and greedy decoding the same answer.
        """
        return cls(hmac.digest(_SECRET, repr(question).encode(), "sha256").hex()[:12])

    @property
    def fence(self) -> str:
        """The line around the evidence."""
        return f"=====[{self.token}]====="

    @property
    def mark(self) -> str:
        """The sign before each line of data."""
        return _MARKS[int(self.token, 16) % len(_MARKS)]

    def marked(self, text: str) -> str:
        """Mark each line of data; imitations of fence, mark and control tokens go."""
        plain = unmarked(inert(text)).replace(self.token, "")
        return "\n".join(f"{self.mark} {line}" for line in plain.split("\n"))


def unmarked(text: str) -> str:
    """Take out the marks that a model copied from its prompt, wherever the text is cut."""
    return _ANY_MARK.sub("", text)


@dataclass(frozen=True)
class Prompt:
    """The messages for the model, the passages that found room, and the size in tokens."""

    messages: tuple[Message, ...]
    evidence: tuple[Evidence, ...]
    tokens: int
    delimiter: Delimiter

    @cached_property
    def sha256(self) -> str:
        """Hash the exact messages. Hexadecimal."""
        return _sha256("\0".join(f"{m.role}\0{m.content}" for m in self.messages))

    @cached_property
    def prefix_sha256(self) -> str:
        """Hash the part that all questions under a persona share. Hexadecimal."""
        return _sha256(self.messages[0].content)


@dataclass(frozen=True, slots=True)
class _Room:
    """How much is kept: the newest turns, the first passages, sentences of the last of these."""

    turns: int
    passages: int
    sentences: int


async def build_prompt(
    question: Question,
    persona: Persona,
    evidence: Sequence[Evidence],
    model: ChatModel,
    answer_tokens: int,
    delimiter: Delimiter | None = None,
) -> Prompt:
    """Fit persona, contract, history, evidence and question into the model's context.

    What does not fit goes in this order: the oldest turns; the last passages, whole; the last
    sentences of the one passage that is left.

    Args:
        question: what is asked, with its history.
        persona: who answers.
        evidence: the passages, best first; one at least.
        model: whose tokenizer counts and whose context bounds.
        answer_tokens: what the answer may need.
        delimiter: what sets data apart; drawn for the question where none is given.

    Raises:
        ContextOverflow: the question itself, with one sentence of evidence, is too long.
    """
    drawn = delimiter or Delimiter.drawn(question)
    # Earlier turns lead a very small model astray more often than they help it.
    turns = () if model.small else _turns(question.history)

    async def made(room: _Room) -> Prompt:
        kept = evidence[: room.passages]
        newest = turns[len(turns) - room.turns :]
        while newest and len(newest) < len(turns) and newest[0].role == "assistant":
            newest = newest[1:]  # an answer without its question
        make = _small if model.small else _whole
        messages = make(question, persona, kept, room.sentences, drawn, newest)
        return Prompt(messages, tuple(kept), await model.count_tokens(messages), drawn)

    def fits(prompt: Prompt) -> bool:
        return prompt.tokens + answer_tokens <= model.context_tokens

    rooms = list(_rooms(len(turns), evidence))
    fullest = await made(rooms[0])
    if fits(fullest):
        return fullest
    barest = await made(rooms[-1])
    if not fits(barest):
        raise ContextOverflow(
            f"the question needs {barest.tokens} tokens with one sentence of evidence and the "
            f"answer may have {answer_tokens}, but {model.name} has a context of "
            f"{model.context_tokens}; shorten the question or ask for fewer tokens"
        )
    too_much, enough, found = 0, len(rooms) - 1, barest
    while enough - too_much > 1:
        middle = (too_much + enough) // 2
        tried = await made(rooms[middle])
        if fits(tried):
            enough, found = middle, tried
        else:
            too_much = middle
    return found


def _rooms(turns: int, evidence: Sequence[Evidence]) -> Iterator[_Room]:
    """From all of it to the least, one step at a time."""
    for kept in range(turns, -1, -1):
        yield _Room(kept, len(evidence), len(evidence[-1].spans))
    for passages in range(len(evidence) - 1, 0, -1):
        yield _Room(0, passages, len(evidence[passages - 1].spans))
    for sentences in range(len(evidence[0].spans) - 1, 0, -1):
        yield _Room(0, 1, sentences)


def _turns(history: Sequence[Message]) -> tuple[Message, ...]:
    return tuple(Message(t.role, inert(t.content)) for t in history if t.role != "system")


def _sentences(evidence: Sequence[Evidence], most: int) -> Iterator[tuple[Evidence, list[str]]]:
    """Each passage with its sentences, those of the last one at most so many."""
    for item in evidence:
        spans = item.spans[:most] if item is evidence[-1] else item.spans
        yield item, [" ".join(span.text.split()) for span in spans]


def _whole(
    question: Question,
    persona: Persona,
    evidence: Sequence[Evidence],
    sentences: int,
    delimiter: Delimiter,
    turns: Sequence[Message],
) -> tuple[Message, ...]:
    parts = [persona.system, *_rules(question)]
    if question.instructions:
        wishes = inert(question.instructions)
        parts.append(prompts.fill("instructions.md", instructions=wishes))
    system = "\n\n".join(part.strip() for part in parts if part.strip())
    passages = "\n".join(
        delimiter.marked("\n".join([_headline(item), *lines]))
        for item, lines in _sentences(evidence, sentences)
    )
    asked = prompts.fill(
        "evidence.md",
        fence=delimiter.fence,
        mark=delimiter.mark,
        passages=passages,
        question=delimiter.marked(question.text.strip()),
    )
    return (Message("system", system), *turns, Message("user", asked.strip()))


def _headline(item: Evidence) -> str:
    return " ".join(f"[{item.n}] {item.passage.title} / {item.passage.heading}".split())


def _small(
    question: Question,
    persona: Persona,
    evidence: Sequence[Evidence],
    sentences: int,
    delimiter: Delimiter,
    turns: Sequence[Message],
) -> tuple[Message, ...]:
    """A short prompt, with the mark as its only delimiter: a very small model bears no more."""
    del turns
    system = f"{persona.brief}\n\n{_small_rules(question)}".strip()
    passages = "\n".join(
        delimiter.marked(f"[{item.n}] {' '.join(lines)}")
        for item, lines in _sentences(evidence, sentences)
    )
    question_line = " ".join(inert(question.text).split())
    asked = prompts.fill(
        "evidence-small.md", mark=delimiter.mark, passages=passages, question=question_line
    )
    return (Message("system", system), Message("user", asked.strip()))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _rules(question: Question) -> list[str]:
    if question.form is None:
        return [prompts.text("contract.md"), prompts.text("demonstrations.md")]
    return [prompts.fill("contract-json.md", schema=inert(schema_text(question.form)))]


def _small_rules(question: Question) -> str:
    if question.form is None:
        return prompts.text("contract-small.md")
    return prompts.fill("contract-small-json.md", schema=inert(schema_text(question.form)))
