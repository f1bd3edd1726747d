"""Embedding similarity of answers and references, token by token: made once, kept with the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from eval.errors import EvaluationError
from eval.metrics.answers import embedding_f1
from eval.metrics.text import strip_markers
from eval.scoring import Scored
from index.encoders import TokenEncoder

__all__ = ["SIMILARITY", "attached", "measured"]

SIMILARITY = "similarity.json"


def _pair(scored: Scored) -> tuple[str, str] | None:
    output = scored.sample.output
    if scored.sample.error or not output.answered or output.abstained or not scored.case.answerable:
        return None
    text, reference = strip_markers(output.text), scored.case.reference
    return (text, reference) if text and reference else None


def _key(pair: tuple[str, str]) -> str:
    return hashlib.sha256("\0".join(pair).encode()).hexdigest()


def measured(
    scored: Sequence[Scored], encoder: TokenEncoder, tell: Callable[[int, int], None]
) -> dict[str, float]:
    """Return each answer's `embedding_f1` with its reference, by a hash of both texts.

    Texts are read as far as the encoder reads, 256 tokens with the shipped one.
    """
    pairs = [pair for pair in dict.fromkeys(map(_pair, scored)) if pair]
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    vectors = dict(zip(texts, encoder.encode_passage_tokens(texts, tell)[1], strict=True))
    found = {}
    for text, reference in pairs:
        value = embedding_f1(vectors[text].vectors, vectors[reference].vectors)
        if value is not None:
            found[_key((text, reference))] = round(value, 6)
    return found


def attached(scored: Sequence[Scored], directory: Path) -> list[Scored]:
    """Add `embedding_f1` to the scores where it was measured.

    Raises:
        EvaluationError: the file is none of ours.
    """
    place = directory / SIMILARITY
    if not place.is_file():
        return list(scored)
    try:
        known: dict[str, float] = json.loads(place.read_text(encoding="utf-8"))
        pairs = [(each, _pair(each)) for each in scored]
        return [
            replace(each, scores={**each.scores, "embedding_f1": known.get(_key(pair))})
            if pair else each
            for each, pair in pairs
        ]  # fmt: skip
    except (ValueError, AttributeError) as error:
        raise EvaluationError(
            f"{place} can't be read ({error}); make it anew with: python -m eval score "
            f"{directory} --embeddings"
        ) from error
