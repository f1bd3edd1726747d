"""A question with all its answers: those that were asked for anew, and those beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.ui.conversation import Turn

__all__ = ["QuestionTakes", "Take", "asked_in", "in_force", "main_line", "without_last"]


@dataclass(frozen=True, slots=True)
class Take:
    """A turn with its number in the conversation."""

    number: int
    turn: Turn


@dataclass(frozen=True, slots=True)
class QuestionTakes:
    """A question; a column for each persona that answered, its last take the one that holds."""

    columns: tuple[tuple[Take, ...], ...]

    @property
    def first(self) -> Take:
        """What the question was first answered with."""
        return self.columns[0][0]

    def holds(self, number: int) -> bool:
        """Whether the turn of this number answers it."""
        return any(take.number == number for column in self.columns for take in column)

    @property
    def holding(self) -> tuple[Take, ...]:
        """What holds, a column each."""
        return tuple(column[-1] for column in self.columns)


def asked_in(turns: Sequence[Turn]) -> list[QuestionTakes]:
    """Put the turns together by question, in their order."""
    return [QuestionTakes(columns) for columns in _columns(turns)]


def _columns(turns: Sequence[Turn]) -> Iterator[tuple[tuple[Take, ...], ...]]:
    columns: list[list[Take]] = []
    for number, turn in enumerate(turns):
        if not turn.also and columns:
            yield tuple(map(tuple, columns))
            columns = []
        take = Take(number, turn)
        if turn.also == "again" and columns:
            columns[-1].append(take)
        else:
            columns.append([take])
    if columns:
        yield tuple(map(tuple, columns))


def main_line(turns: Sequence[Turn]) -> list[Turn]:
    """One turn a question, which a follow-up refers to: what holds in the first column."""
    return [asked.holding[0].turn for asked in asked_in(turns)]


def in_force(turns: Sequence[Turn]) -> list[Turn]:
    """All answers but those that were asked for anew."""
    return [take.turn for asked in asked_in(turns) for take in asked.holding]


def without_last(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The conversation as it was before its last question."""
    asked = asked_in(turns)
    return tuple(turns[: asked[-1].first.number]) if asked else ()
