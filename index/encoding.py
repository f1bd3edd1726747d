"""What an encoder gives for texts: taken from what is there, the rest encoded some at a time.

Vectors and tokens go to the disk as they come, so that memory does not grow with the texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from index.digests import digest_of
from index.encoders import Encoder, EncoderInfo, Progress, TokenEncoder, Vectors
from index.errors import WeightsError
from index.late_interaction import CodedTokens, LateIndex, TokenSegment
from index.store import Reusable
from index.unfinished import Unfinished

__all__ = ["tokens_of", "vectors_of"]

_SEGMENT = 1024  # passages, at most, whose tokens are written together
_AT_ONCE = 256  # passages whose tokens are in memory as floats, unless the encoder wants more
_VECTORS_AT_ONCE = 4096


def tokens_of(
    passages: Sequence[str],
    encoder: TokenEncoder,
    before: Reusable | None,
    unfinished: Unfinished,
    progress: Progress | None,
) -> LateIndex:
    """Return the tokens of passages, encoding those that are new.

    Segments that are well used are kept as they are. What is left of the others is put together
    with what is new, so that there are never many, and little is written for a small change. One
    pass gives a text's tokens and its vector: the latter is put where `vectors_of` finds it.

    Raises:
        WeightsError: the encoder gives something else than it says.
        IndexUnusable: they can't be written.
    """
    texts = {digest_of(text): text for text in passages}
    segments, places, moved = _kept(texts, before, unfinished)
    todo = [digest for digest in texts if digest not in places]
    fresh = [digest for digest in todo if digest not in moved]
    at_once = _at_once(encoder, _AT_ONCE)
    size, done = max(_SEGMENT, at_once), 0
    for start in range(0, len(todo), size):
        some = todo[start : start + size]
        new = [digest for digest in some if digest not in moved]
        coded: dict[bytes, CodedTokens] = {}
        vectors = []
        for first in range(0, len(new), at_once):
            part = new[first : first + at_once]
            told = _shifted(progress, done, len(fresh)) if progress else None
            found, tokens = encoder.encode_passage_tokens([texts[each] for each in part], told)
            vectors.append(_checked(found, len(part), encoder.info))
            coded |= zip(part, map(CodedTokens.of, tokens), strict=True)
            done += len(part)
        if new:
            unfinished.put_vectors(new, np.concatenate(vectors))
        own = [moved[digest] if digest in moved else coded[digest] for digest in some]
        places |= {digest: (len(segments), row) for row, digest in enumerate(some)}
        segments.append(unfinished.put_tokens(TokenSegment.of(some, own)))
    rows = [places[digest_of(text)] for text in passages]
    return LateIndex(segments, np.array(rows, np.int32).reshape(-1, 2))


def _kept(
    texts: Mapping[bytes, str], before: Reusable | None, unfinished: Unfinished
) -> tuple[list[TokenSegment], dict[bytes, tuple[int, int]], dict[bytes, CodedTokens]]:
    """Tell which segments stay, where texts lie in them, and the tokens that leave the others."""
    segments: list[TokenSegment] = []
    places: dict[bytes, tuple[int, int]] = {}
    moved: dict[bytes, CodedTokens] = {}
    for segment in (*(before.segments if before else ()), *unfinished.segments()):
        used = {
            digest: row
            for row, digest in enumerate(segment.digests)
            if digest in texts and digest not in places
        }
        if len(used) * 2 >= max(len(segment), _SEGMENT):
            places |= {digest: (len(segments), row) for digest, row in used.items()}
            segments.append(segment)
        else:
            moved |= {digest: segment.passage(row) for digest, row in used.items()}
    return segments, places, moved


def vectors_of(
    texts: Sequence[str],
    encoder: Encoder,
    before: Reusable | None,
    unfinished: Unfinished,
    progress: Progress | None,
) -> Vectors:
    """Return the vectors of texts, encoding each distinct one that is new once.

    Shape: (len(texts), dimension).

    Raises:
        WeightsError: the encoder gives something else than it says.
        IndexUnusable: they can't be written.
    """
    matrix = np.empty((len(texts), encoder.info.dimension), np.float32)
    rows: dict[bytes, list[int]] = {}
    for row, text in enumerate(texts):
        rows.setdefault(digest_of(text), []).append(row)
    if before is not None:
        for digest in [digest for digest in rows if digest in before.rows]:
            matrix[rows.pop(digest)] = before.vectors.reconstruct(before.rows[digest])
    for digests, vectors in unfinished.vectors():
        for digest, vector in zip(digests, vectors, strict=True):
            matrix[rows.pop(digest, [])] = vector
    missing = list(rows)
    at_once = max(_VECTORS_AT_ONCE, _at_once(encoder, 0))
    for start in range(0, len(missing), at_once):
        some = missing[start : start + at_once]
        told = _shifted(progress, start, len(missing)) if progress else None
        part = [texts[rows[digest][0]] for digest in some]
        found = _checked(encoder.encode_passages(part, told), len(part), encoder.info)
        for digest, vector in zip(some, found, strict=True):
            matrix[rows[digest]] = vector
        if start + len(some) < len(missing):
            unfinished.put_vectors(some, found)
    return matrix


def _at_once(encoder: Encoder, usual: int) -> int:
    """Return how many passages an encoder takes in one call: one that spreads them wants many."""
    return int(getattr(encoder, "passages_at_once", usual))


def _shifted(progress: Progress, done: int, total: int) -> Progress:
    """Tell the progress of a part as that of the whole."""
    return lambda part, _: progress(done + part, total)


def _checked(vectors: Vectors, count: int, info: EncoderInfo) -> Vectors:
    """Hold an encoder to what it says of itself, before an index is built on it."""
    wrong = ""
    if vectors.shape != (count, info.dimension):
        wrong = f"vectors of shape {vectors.shape}, expected {(count, info.dimension)}"
    elif not np.isfinite(vectors).all():
        wrong = "vectors that are not finite, expected numbers"
    elif info.normalized:
        lengths = np.linalg.norm(vectors, axis=1)
        off = float(np.abs(lengths - 1).max())
        if off > 1e-2:
            wrong = f"vectors whose lengths are off 1 by up to {off:.3g}, expected normalized ones"
    if wrong:
        raise WeightsError(
            f"encoder {info.name} ({info.revision}) gave {wrong}; nothing was built; check its "
            "weights with: python -m index.weights"
        )
    return vectors
