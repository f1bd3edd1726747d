"""Citation markers in what a model wrote: read, and taken out of its sentences.

Inline code and indexing (`a[0]`) are text.
"""

from __future__ import annotations

import re

from index.text.sentences import FENCE, MARKER, Segment, code_spans

__all__ = ["is_whole", "read_markers"]

_CLOSED = re.compile(r"[.!?…:][\"'”’)\]*_]*$")
# What is indexed is a short variable or one with a digit or underscore: a[0], x_1[2], not GPT-3[2].
_INDEXED = re.compile(r"(?<![\w.-])(?:[A-Za-z]|[a-z]{2}|[a-z_]\w*[\d_])$")
_WORDS_OF_TWO = re.compile(
    r"\b(?:al|am|an|as|at|be|by|do|go|he|if|in|is|it|me|my|no|of|on|or|so|to|up|us|we)$"
)
_RANGE = re.compile(r"(\d+)\s*[-–]\s*(\d+)")
_MOST_CITED = 20


def is_whole(segment: Segment) -> bool:
    """Tell whether a text's last segment came to its end: a sentence's mark or a closing fence."""
    if segment.kind == "code":
        return segment.body.count(FENCE) > 1
    return _CLOSED.search(read_markers(segment.body, 0)[0]) is not None


def read_markers(body: str, known: int) -> tuple[str, list[int], list[int]]:
    """Take the citation markers out of a sentence.

    Args:
        body: the sentence as the model wrote it.
        known: how many passages the model was given, numbered from 1.

    Returns:
        The sentence without its markers; the known numbers cited, by first use; the numbers
        that name no passage.
    """
    code = code_spans(body)
    cited: list[int] = []
    kept: list[str] = []
    position = 0
    indexed_to = -1
    for match in MARKER.finditer(body):
        if any(start <= match.start() < end for start, end in code):
            continue
        indexing = match["square"] and _indexed(body, match.start())
        if indexing or match.start() == indexed_to:
            indexed_to = match.end()
            continue
        numbers = _numbers(match["square"] or match["round"])
        if 0 in numbers and len(numbers) > 1:
            continue  # an interval: passages are numbered from 1
        kept.append(body[position : match.start()].rstrip(" \t"))
        position = match.end()
        cited += numbers
    kept.append(body[position:])
    clean = re.sub(r"[ \t]+([.,;:!?])", r"\1", "".join(kept)).strip()
    unique = list(dict.fromkeys(cited))
    return clean, [n for n in unique if 1 <= n <= known], [n for n in unique if not 1 <= n <= known]


def _indexed(body: str, at: int) -> bool:
    before = body[max(0, at - 60) : at]
    return _INDEXED.search(before) is not None and _WORDS_OF_TWO.search(before) is None


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", _RANGE.sub(_spell_out, text))]


def _spell_out(match: re.Match[str]) -> str:
    first, last = int(match[1]), int(match[2])
    if first <= last < first + _MOST_CITED:
        return ",".join(str(number) for number in range(first, last + 1))
    return f"{first},{last}"
