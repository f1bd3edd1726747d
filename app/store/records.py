"""What is kept: exchanges, the conversations that they make up, and what readers say of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar, get_args

from app.record.types import Answer, Message, Retrieved

__all__ = [
    "REASONS",
    "Also",
    "ConversationHead",
    "Exchange",
    "Feedback",
    "Judgement",
    "KeptAnswer",
    "Linked",
    "Page",
    "Rating",
    "Reason",
    "Shared",
    "StoredTurn",
    "Thread",
]

Rating = Literal["up", "down"]
Reason = Literal[
    "wrong", "not_supported", "incomplete", "should_have_answered", "should_not_have_answered"
]
REASONS: tuple[Reason, ...] = get_args(Reason)
Also = Literal["", "again", "beside"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its answer and what was found for it: all that is needed to show it again.

    `found` holds the passages themselves, so that an answer is shown as it was after the index
    changed. `history` are the turns that the question leaned on, where no conversation holds
    them. `stopped` says that the reader stopped the answer, which is as far as it had come.
    `also` sets it to the exchange before it, which asked the same: `again` is answered anew and
    takes its place, `beside` is answered by another persona and stands next to it.
    """

    question: str
    answer: Answer
    found: Retrieved | None = None
    history: tuple[Message, ...] = ()
    stopped: bool = False
    also: Also = ""


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """An exchange in its conversation; positions begin at 0 and have no gaps."""

    id: str
    position: int
    created: datetime
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class ConversationHead:
    """A conversation's head. `updated` is when its last turn came; times are in UTC."""

    id: str
    owner: str
    title: str
    persona: str
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation with all its turns, in their order."""

    conversation: ConversationHead
    turns: tuple[StoredTurn, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some conversations, newest first. `next` fetches the page after it; None: there is none."""

    conversations: tuple[ConversationHead, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer of the endpoint under the id that its client knows, kept for a while."""

    id: str
    owner: str
    created: datetime
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Shared:
    """A conversation, or some of it, as it was when it was shared."""

    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Linked(Generic[T]):
    """Something under the id of its link."""

    id: str
    owner: str
    created: datetime
    content: T


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a reader says of an answer, or of the claim at position `claim` in its claims."""

    rating: Rating
    reasons: tuple[Reason, ...] = ()
    comment: str = ""
    claim: int | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """A judgement with a copy of what it is about, which stays when the answer goes.

    `subject` is the id of the response or of the answer. A reader may judge one subject again;
    both judgements are kept, the later one is the one that holds.
    """

    id: str
    subject: str
    owner: str
    created: datetime
    judgement: Judgement
    exchange: Exchange
