"""Text is cut into sentences, whole or as it streams in.

Feeding the same text cut at other places gives the same segments: a boundary is decided only
once enough of what follows is there. Fenced code is one segment; a citation marker or a remark in
parentheses belongs to the sentence that it follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["FENCE", "MARKER", "Segment", "SentenceStream", "code_spans", "sentences"]

SegmentKind = Literal["sentence", "code"]

# What models write for a citation: [1], [1, 2], 【3†source】, (source 4).
_NUMBERS = r"\d{1,3}(?:\s*(?:,|;|-|–|&|and)\s*(?:(?:source|passage|evidence)s?\s*)?\d{1,3})*"
_WORD = r"(?:(?:source|passage|reference|ref|evidence|citation)s?\.?\s*[:#]?\s*)"
MARKER = re.compile(
    rf"[\[【［]\s*\^?{_WORD}?#?(?P<square>{_NUMBERS})\s*(?:†[^\]】］\n]{{0,40}})?[\]】］]"
    rf"|\(\s*{_WORD}(?P<round>{_NUMBERS})\s*\)",
    re.IGNORECASE,
)
_OPENING = "[【［("
_LONGEST_MARKER = 80
_LONGEST_SENTENCE = 2000
FENCE = "```"
_FENCE_END = re.compile(r"^[ \t]*```[ \t]*(?:\n|$)", re.MULTILINE)
_BULLET = re.compile(r"(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)[ \t]+")
_BULLET_BEGUN = re.compile(r"(?:[-*+•]|\d{1,3}[.)]?|#{1,6}|>)[ \t]*$")
_TERMINATOR = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?=[\s\[【［])|\n")
# A remark on the sentence before it: "(Defaults to 100)". What only numbers an item is none.
_REMARK = re.compile(r"\((?=[^()\n]*[^\W\d_]{3})[^()\n]{4,80}\)(?=\s|$)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|al|vs|cf|fig|figs|eq|eqs|sec|dr|mr|mrs|prof|approx|resp|no|vol|pp|"
    r"ch|ca|incl|est)|\b[A-Z])\.$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or a block of code, with what stands before it.

    The `lead` (spaces, line breaks, a bullet) and the `body` of all segments, joined, are the
    model's text.
    """

    kind: SegmentKind
    lead: str
    body: str


class SentenceStream:
    """Cuts a stream of text into segments as soon as each is certain."""

    def __init__(self) -> None:
        self._buffer = ""
        self._line_start = True

    def feed(self, text: str) -> Iterator[Segment]:
        """Take the next piece and yield the segments that it completes."""
        self._buffer += text
        while (segment := self._next(final=False)) is not None:
            yield segment

    def close(self) -> Iterator[Segment]:
        """Yield what is left once the stream has ended."""
        while (segment := self._next(final=True)) is not None:
            yield segment

    def _next(self, *, final: bool) -> Segment | None:
        text = self._buffer
        start = len(text) - len(text.lstrip())
        if start == len(text):
            if final:
                self._buffer = ""
            return None
        line_start = self._line_start or "\n" in text[:start]
        if line_start:
            rest = text[start : start + 3]
            if rest == FENCE:
                return self._code(start, final=final)
            if not final and (FENCE.startswith(rest) or _BULLET_BEGUN.match(text, start)):
                return None
            bullet = _BULLET.match(text, start)
            if bullet is not None and bullet.end() < len(text):
                start = bullet.end()
        end = _sentence_end(text, start, final=final)
        return None if end is None else self._cut("sentence", start, end)

    def _code(self, start: int, *, final: bool) -> Segment | None:
        text = self._buffer
        opened = text.find("\n", start)
        closing = _FENCE_END.search(text, opened + 1) if opened >= 0 else None
        if closing is not None and (final or closing.group().endswith("\n")):
            return self._cut("code", start, closing.end())
        return self._cut("code", start, len(text)) if final else None

    def _cut(self, kind: SegmentKind, start: int, end: int) -> Segment:
        text = self._buffer
        self._buffer = text[end:]
        self._line_start = kind == "code"
        return Segment(kind, text[:start], text[start:end])


def sentences(text: str) -> list[tuple[int, int]]:
    """Return where the sentences of a whole text start and end, in code points."""
    stream, found, position = SentenceStream(), [], 0
    for segment in [*stream.feed(text), *stream.close()]:
        start = position + len(segment.lead)
        position = start + len(segment.body)
        found.append((start, position))
    return found


def code_spans(text: str) -> list[tuple[int, int]]:
    """Find the inline code of a text: where each span starts and ends, backticks included."""
    return [match.span() for match in re.finditer(r"(`+)(?!`).*?(?<!`)\1(?!`)", text)]


def _sentence_end(text: str, start: int, *, final: bool) -> int | None:
    """Find where the sentence that begins at `start` ends; None while that is not certain."""
    for match in _TERMINATOR.finditer(text, start):
        if match.start() - start > _LONGEST_SENTENCE:
            break
        if match.group() == "\n":
            return match.start()
        end = match.end()
        if text.count("`", start, end) % 2 or _ABBREVIATION.search(text, start, end):
            continue
        if (decided := _after_terminator(text, end, final=final)) is not None:
            if decided < 0:
                return None
            if decided > 0:
                return decided
    if len(text) - start > _LONGEST_SENTENCE:
        space = text.rfind(" ", start, start + _LONGEST_SENTENCE)
        return space if space > start else start + _LONGEST_SENTENCE
    return len(text.rstrip()) if final else None


def _after_terminator(text: str, end: int, *, final: bool) -> int | None:
    """Decide a boundary by what follows: its end, 0 for none, -1 where more text is needed."""
    while True:
        following = end + len(text[end:]) - len(text[end:].lstrip(" \t"))
        if following == len(text):
            return end if final else -1
        if text[following] == "\n":
            return end
        if text[following] not in _OPENING:
            return 0 if text[following].islower() else end
        belongs = MARKER.match(text, following) or _REMARK.match(text, following)
        if belongs is not None:
            end = belongs.end()
            continue
        unspaced = following == end and text[end - 1] not in "]】］)"
        closed = any(character in "]】］)\n" for character in text[following:])
        if not final and not closed and len(text) - following < _LONGEST_MARKER:
            return -1
        return 0 if unspaced else end
