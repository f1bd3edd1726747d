"""Why a sentence that a model wrote is not shown: for people in words, for metrics as a label."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Objection", "Reason"]


class Reason(StrEnum):
    """A kind of reason. Its value is the label that metrics count under."""

    YEAR = "year"
    NUMBER = "number"
    NUMBER_OF_ANOTHER = "number_of_another"
    NAME = "name"
    CREDIT = "credit"
    ALTERED = "altered"
    MISQUOTED = "misquoted"
    SWAPPED = "swapped"
    NEGATION = "negation"
    DIRECTION = "direction"
    COVERAGE = "coverage"
    NOT_ENTAILED = "not_entailed"
    NO_EVIDENCE = "no_evidence"
    NOTHING_CLAIMED = "nothing_claimed"
    REPEATED = "repeated"
    REPLACED = "replaced"
    ECHO = "echo"
    CUT = "cut"
    DEPENDENT = "dependent"
    CODE = "code"
    MISPLACED = "misplaced"
    MISCOMPUTED = "miscomputed"
    OTHER = "other"

    @property
    def wording(self) -> str:
        """The reason in words; `{about}` stands for what the sentence says there."""
        return _WORDINGS[self]


_WORDINGS = {
    Reason.YEAR: "the year {about} is not in the evidence",
    Reason.NUMBER: "the number {about!r} is not in the evidence",
    Reason.NUMBER_OF_ANOTHER: "the number {about!r} is about something else in the evidence",
    Reason.NAME: "the name {about!r} is not in the evidence",
    Reason.CREDIT: "the evidence has nothing by {about}",
    Reason.ALTERED: "it says {about}",
    Reason.MISQUOTED: "it puts {about!r} in quotation marks, which the evidence does not",
    Reason.SWAPPED: "the evidence has {about} the other way round",
    Reason.NEGATION: "it denies, or leaves undenied, what the evidence says of {about!r}",
    Reason.DIRECTION: "the evidence has the direction of {about!r} the other way round",
    Reason.COVERAGE: "the evidence does not cover what it says",
    Reason.NOT_ENTAILED: "the passages do not entail it",
    Reason.NO_EVIDENCE: "there is no evidence",
    Reason.NOTHING_CLAIMED: "it claims nothing",
    Reason.REPEATED: "it repeats what was said",
    Reason.REPLACED: "the evidence's own words stand in its place",
    Reason.ECHO: "it says no more than the question",
    Reason.CUT: "it was cut off",
    Reason.DEPENDENT: "it refers back to a sentence that was dropped",
    Reason.CODE: "the evidence does not hold this code",
    Reason.MISPLACED: "a property's name is no place for a sentence",
    Reason.MISCOMPUTED: "the evidence gets {about} wrong by its own arithmetic",
    Reason.OTHER: "{about}",
}


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against one sentence: the kind of reason, and what it is about."""

    reason: Reason
    about: str = ""

    def __str__(self) -> str:
        """Return the objection in words."""
        return self.reason.wording.format(about=self.about)
