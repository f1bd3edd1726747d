"""The composition: topics -> passages -> vectors and BM25 -> an index directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index import files, store
from index.encoders import Encoder, EncoderInfo, Progress, TokenEncoder, Vectors
from index.errors import IndexUnusable, KnowledgeBaseError, WeightsError
from index.late_interaction import CodedTokens, LateChoice, LateIndex
from index.late_interaction import choose as choose_late
from index.lexical import Bm25
from index.manifest import Manifest, fingerprint_of, hash_of
from index.passages import embedded_texts, full_text, passages_of
from index.store import EmbeddedText
from index.types import KnowledgeBase, Passage
from index.unfinished import Unfinished
from index.vectors import VectorChoice, VectorKind, choose

__all__ = ["BuildReport", "build"]

_AT_ONCE = 1024  # passages whose tokens are in memory as floats


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. `encoded` and `reused` count embedded texts."""

    directory: Path
    fingerprint: str
    topics: int
    passages: int
    encoded: int
    reused: int
    vectors: VectorKind
    late_interaction: bool
    unchanged: bool = False


def build(
    knowledge_base: KnowledgeBase,
    out: Path,
    encoder: Encoder,
    progress: Progress | None = None,
    *,
    vectors: VectorChoice = "auto",
    late_interaction: LateChoice = "auto",
) -> BuildReport:
    """Build the index of a knowledge base in `out` and make it the current one.

    An index of the same knowledge base, encoder and kind of vectors is left as it is, if it is
    whole. Vectors of texts that the current index already holds are reused, and those of a build
    that was ended.

    Args:
        knowledge_base: what to index.
        out: the index directory; it is made if need be.
        encoder: what makes the vectors.
        progress: called with the texts encoded so far and their number.
        vectors: how they are searched; `auto` decides by their number.
        late_interaction: whether passages' token vectors are kept; `auto` keeps them where the
            encoder gives them and the passages are not too many.

    Raises:
        KnowledgeBaseError: there is nothing to index.
        WeightsError: the encoder gives something else than it says, or no tokens though they
            are asked for.
        IndexUnusable: it could not be written; what was there still serves.
    """
    passages = [passage for topic in knowledge_base.topics for passage in passages_of(topic)]
    texts = _texts(knowledge_base, passages)
    if not texts:
        raise KnowledgeBaseError(
            f"knowledge base {knowledge_base.name!r} has no passage with a text: expected at "
            "least one topic with an FAQ, a data point or a description"
        )
    token_encoder = choose_late(late_interaction, len(passages), encoder)
    counts = {
        "topics": len(knowledge_base.topics),
        "passages": len(passages),
        "texts": len(texts),
        "vectors": len(texts),
    }
    kind = choose(vectors, len(texts))
    manifest = _manifest(knowledge_base, encoder.info, counts, kind, token_encoder is not None)
    before = _current(out, encoder)
    if before is not None and before.fingerprint == manifest.fingerprint:
        files.tidy(out)
        return _report(out, manifest, encoded=0, unchanged=True)
    with store.prepared(out):
        known = _vectors_of(before)
        late = None
        unfinished = Unfinished(out, encoder.info)
        if token_encoder is not None:
            late, fresh = _late(passages, token_encoder, before, unfinished, progress)
            known |= fresh
        matrix, encoded = _encode(texts, encoder, known, before, progress)
        lexical = Bm25.build(_documents(passages, texts))
        if late is not None:
            manifest = manifest.with_counts({"tokens": late.tokens})
        store.write(out, manifest, passages, texts, matrix, lexical, late)
        unfinished.clear()
    return _report(out, manifest, encoded=encoded)


def _manifest(
    knowledge_base: KnowledgeBase,
    encoder: EncoderInfo,
    counts: Mapping[str, int],
    kind: VectorKind,
    late_interaction: bool,
) -> Manifest:
    digest = hash_of(knowledge_base)
    return Manifest(
        fingerprint=fingerprint_of(digest, encoder, kind, late_interaction),
        encoder=encoder,
        knowledge_base=knowledge_base.name,
        knowledge_base_sha256=digest,
        counts=counts,
        vectors=kind,
        late_interaction=late_interaction,
    )


def _report(out: Path, manifest: Manifest, *, encoded: int, unchanged: bool = False) -> BuildReport:
    counts = manifest.counts
    return BuildReport(
        directory=out / manifest.fingerprint,
        fingerprint=manifest.fingerprint,
        topics=counts["topics"],
        passages=counts["passages"],
        encoded=encoded,
        reused=counts["texts"] - encoded,
        vectors=manifest.vectors,
        late_interaction=manifest.late_interaction,
        unchanged=unchanged,
    )


def _texts(knowledge_base: KnowledgeBase, passages: list[Passage]) -> list[EmbeddedText]:
    rows = {passage.id: row for row, passage in enumerate(passages)}
    return [
        EmbeddedText(rows[passage_id], text)
        for topic in knowledge_base.topics
        for passage_id, texts in embedded_texts(topic)
        for text in texts
    ]


def _documents(passages: list[Passage], texts: list[EmbeddedText]) -> list[str]:
    """One lexical document a passage: its topic's title and every text it is found under."""
    parts = [[passage.title, passage.heading, passage.text] for passage in passages]
    for text in texts:
        parts[text.passage].append(text.text)
    return [" \n".join(dict.fromkeys(part)) for part in parts]


def _current(out: Path, encoder: Encoder) -> store.LoadedIndex | None:
    """Open the current index for reuse; one that can't be used has nothing to reuse."""
    try:
        return store.load(out, encoder.info, any_recipe=True)
    except IndexUnusable:
        return None


def _vectors_of(before: store.LoadedIndex | None) -> dict[str, Vectors]:
    """Return the vectors of the texts that the index before holds."""
    if before is None:
        return {}
    return {entry.text: before.vectors.reconstruct(row) for row, entry in enumerate(before.texts)}


def _encode(
    texts: list[EmbeddedText],
    encoder: Encoder,
    known: Mapping[str, Vectors],
    before: store.LoadedIndex | None,
    progress: Progress | None,
) -> tuple[Vectors, int]:
    """Give each text its vector, encoding each distinct one that is not known once.

    Returns:
        The vectors, one a text, and how many texts were encoded for this index.
    """
    held = {entry.text for entry in before.texts} if before is not None else set()
    missing = list(dict.fromkeys(entry.text for entry in texts if entry.text not in known))
    encoded: dict[str, Vectors] = {}
    if missing:
        found = _checked(encoder.encode_passages(missing, progress), len(missing), encoder.info)
        encoded = dict(zip(missing, found, strict=True))
    vectors = np.empty((len(texts), encoder.info.dimension), np.float32)
    for row, entry in enumerate(texts):
        vectors[row] = encoded[entry.text] if entry.text in encoded else known[entry.text]
    return vectors, len({entry.text for entry in texts} - held)


def _late(
    passages: list[Passage],
    encoder: TokenEncoder,
    before: store.LoadedIndex | None,
    unfinished: Unfinished,
    progress: Progress | None,
) -> tuple[LateIndex, dict[str, Vectors]]:
    """Encode the tokens of passages that are new, and keep those of the others.

    Returns:
        The tokens of all passages, and the vectors of the texts that were encoded: one pass
        gives both. Some passages at a time, so that memory holds their tokens in 8 bits.
    """
    known: dict[str, CodedTokens] = {}
    if before is not None and before.late is not None:
        late = before.late
        known = {full_text(passage): late.passage(n) for n, passage in enumerate(before.passages)}
    vectors: dict[str, Vectors] = {}
    for text, vector, own in unfinished.found():
        vectors[text], known[text] = vector, own
    texts = [full_text(passage) for passage in passages]
    fresh = list(dict.fromkeys(text for text in texts if text not in known))
    for start in range(0, len(fresh), _AT_ONCE):
        some = fresh[start : start + _AT_ONCE]
        found, tokens = encoder.encode_passage_tokens(
            some, _shifted(progress, start, len(fresh)) if progress else None
        )
        vectors |= zip(some, _checked(found, len(some), encoder.info), strict=True)
        coded = [CodedTokens.of(own) for own in tokens]
        known |= zip(some, coded, strict=True)
        if start + _AT_ONCE < len(fresh):
            unfinished.put(some, found, coded)
    return LateIndex.build([known[text] for text in texts]), vectors


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
