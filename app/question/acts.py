"""What a turn may do: greet, ask, shorten or challenge the last answer, ask for its source."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

__all__ = ["ON_THE_LAST_ANSWER", "TALK", "Act", "Form", "MessageAct", "Wishes"]


class Act(StrEnum):
    """What a turn does."""

    GREET = "greet"
    THANK = "thank"
    LEAVE = "leave"
    REMARK = "remark"
    ABOUT = "about"
    CLARIFY = "clarify"
    ASK = "ask"
    CALCULATE = "calculate"
    SHORTEN = "shorten"
    EXPAND = "expand"
    SIMPLIFY = "simplify"
    EXAMPLE = "example"
    REFORMAT = "reformat"
    TRANSLATE = "translate"
    REPEAT = "repeat"
    SOURCE = "source"
    CHALLENGE = "challenge"
    REFER = "refer"


TALK = frozenset({Act.GREET, Act.THANK, Act.LEAVE, Act.REMARK, Act.ABOUT, Act.CLARIFY})
ON_THE_LAST_ANSWER = frozenset(
    {
        Act.SHORTEN, Act.EXPAND, Act.SIMPLIFY, Act.EXAMPLE, Act.REFORMAT, Act.TRANSLATE,
        Act.REPEAT, Act.SOURCE, Act.CHALLENGE, Act.REFER,
    }
)  # fmt: skip

Form = Literal["", "list", "table", "steps", "code"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How an answer is wanted. 0 and "" leave it to Citewise.

    `sentences` and `words` bound its length; `language` is an ISO 639-1 code; `persona` the
    short name of one.
    """

    sentences: int = 0
    words: int = 0
    short: bool = False
    long: bool = False
    simple: bool = False
    example: bool = False
    form: Form = ""
    language: str = ""
    persona: str = ""

    @property
    def act(self) -> Act | None:
        """What these wishes make of a turn that says nothing else."""
        wanted = (
            (self.simple, Act.SIMPLIFY),
            (self.sentences or self.words or self.short, Act.SHORTEN),
            (self.example, Act.EXAMPLE),
            (self.form, Act.REFORMAT),
            (self.long, Act.EXPAND),
            (self.language, Act.TRANSLATE),
            (self.persona, Act.REPEAT),
        )
        return next((act for wish, act in wanted if wish), None)


@dataclass(frozen=True, slots=True)
class MessageAct:
    """A message as it was read.

    `rest` is what it says once openers, closers and wishes are taken off; `switched` tells that
    it announces another subject, `back_to` what it returns to; `claimed` is the value that a
    challenge holds against the last answer; `place` what it points at ("first
    number"), or what it asks of Citewise itself; `meant` are words of
    the last answer that it asks the meaning of; `beside` is the courtesy that comes with it.
    """

    act: Act
    rest: str
    wishes: Wishes = field(default_factory=Wishes)
    switched: bool = False
    back_to: str = ""
    claimed: str = ""
    place: str = ""
    meant: str = ""
    beside: Act | None = None
