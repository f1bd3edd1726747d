"""The statements of a text: its sentences, each as it is to be read on its own.

A sentence that begins with "it" or "this method" is read with the subject of the sentence before
it put there. A marker such as [1] at a sentence's end is no part of what it says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.question.subjects import Subjects
from index.text.anaphora import leans
from index.text.names import names_in
from index.text.sentences import FENCE, MARKER, sentences

__all__ = ["TextSentence", "statements"]

_OPENING = re.compile(
    r"(?:(?:however|moreover|furthermore|additionally|in addition|also|then|so|thus|hence|"
    r"therefore|consequently|as a result|for example|in practice|because of this|and|but|yet)"
    r",?\s+)?"
    r"(?P<points>"
    r"(?P<whose>its|their)\b"
    r"|they(?=\s+\w)"
    r"|(?:it|they|this|these|that|those|both)(?P<is>['’](?:s|re))?(?=\s+(?:also|then|only|often|"
    r"usually|always|never|still|thus|therefore|typically|can|could|may|might|must|should|will|"
    r"would|do|does|did|is|are|was|were|has|have|had|needs?|\w+(?:s|ed)\b)|['’](?:s|re))"
    r"(?:['’](?:s|re))?"
    r"|(?:this|that|the|these|those|such an?)\s+(?:same\s+)?(?:method|technique|approach|model|"
    r"algorithm|architecture|mechanism|scheme|optimizer|trick|metric|benchmark|dataset|library|"
    r"framework|tokenizer|engine|layer|loss|score|paper|idea|procedure)s?\b(?!\s+of\b)"
    r")",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|may|must|will|would|does|do|did|uses?|used|"
    r"needs?|takes?|gives?|makes?|lets?|keeps?|adds?|reduces?|trains?|stores?|splits?|maps?|"
    r"computes?|requires?|allows?|improves?|introduced|proposed|replaces?|freezes?|scales?|runs?|"
    r"reads?|writes?|works?|consists?|contains?|means|refers|measures?)\b"
)
_BACK = 3  # sentences that a subject may be taken from


@dataclass(frozen=True, slots=True)
class TextSentence:
    """A sentence of a text, `start` to `end` in its code points, and how it is read on its own.

    `at` is where in the sentence a subject was put, `put` what was put there and `taken` how
    many characters it took the place of; `before` is the sentence that the subject came from.
    """

    text: str
    start: int
    end: int
    read_as: str
    at: int = 0
    put: str = ""
    taken: int = 0
    before: str = ""

    def place(self, start: int, end: int) -> tuple[int, int] | None:
        """Where a place of `read_as` stands in the text; None where it lies in what was put."""
        if not self.put or end <= self.at:
            return start + self.start, end + self.start
        if start < self.at + len(self.put):
            return None
        shift = self.start + self.taken - len(self.put)
        return start + shift, end + shift


def statements(text: str, subjects: Subjects) -> list[TextSentence]:
    """Cut a text into its sentences and read each in its place."""
    found: list[TextSentence] = []
    for start, end in sentences(text):
        if text.startswith(FENCE, start):
            continue
        end = _without_markers(text, start, end)
        if end > start:
            found.append(_read(text[start:end], start, found, subjects))
    return found


def _without_markers(text: str, start: int, end: int) -> int:
    """Leave out the citation markers that end a sentence; its full stop may follow them."""
    body = text[start:end].rstrip()
    for marker in reversed(list(MARKER.finditer(body))):
        rest = body[marker.end() :].strip()
        if rest.strip(".!?") or not re.search(r"[\w.!?)”\"\]]\s*$", body[: marker.start()]):
            break
        body = body[: marker.start()].rstrip()
    return start + len(body)


def _read(
    sentence: str, start: int, before: Sequence[TextSentence], subjects: Subjects
) -> TextSentence:
    as_is = TextSentence(sentence, start, start + len(sentence), sentence)
    match = _OPENING.match(sentence)
    if match is None:
        return as_is
    many = re.match(r"they|these|those|both|their", match["points"], re.IGNORECASE) is not None
    for earlier in reversed(before[-_BACK:]):
        subject = _subject(earlier.read_as, subjects, many=many)
        if not subject:
            continue
        at, taken = match.start("points"), len(match["points"])
        put = subject
        if match["whose"]:
            put = f"{subject}'s"
        elif match["is"]:
            put = f"{subject} {'is' if match['is'].endswith('s') else 'are'}"
        read_as = f"{sentence[:at]}{put}{sentence[at + taken :]}"
        return TextSentence(
            sentence, start, start + len(sentence), read_as, at, put, taken, earlier.read_as
        )
    return as_is


def _subject(sentence: str, subjects: Subjects, *, many: bool) -> str:
    """What a sentence is about: the known subject, else the name, ahead of its verb."""
    verb = _VERB.search(sentence)
    ahead = sentence[: verb.start()] if verb else sentence
    if leans(ahead):
        return ""
    named = subjects.find(ahead)
    if many and len(named) > 1 and re.fullmatch(
        r"(?:,| and|, and|\s)+", ahead[named[0].end : named[1].start]
    ):  # fmt: skip
        return ahead[named[0].start : named[1].end]
    if named:
        return named[0].text
    names = names_in(sentence[:1].lower() + sentence[1:]) if verb else []
    first = re.match(r"[A-Z][\w.+-]*(?:\s+[A-Z0-9][\w.+-]*)*", ahead)
    if first and first.group().lower() not in ("the", "a", "an", "in", "for", "with", "on", "at"):
        return first.group()
    return next((name for name in names if name in ahead), "")
