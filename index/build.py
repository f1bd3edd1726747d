"""The composition: topics -> passages -> vectors and BM25 -> an index directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from index import store
from index.encoders import Encoder, Progress, Vectors
from index.errors import IndexUnusable, KnowledgeBaseError
from index.lexical import Bm25
from index.manifest import Manifest, fingerprint_of, hash_of
from index.passages import embedded_texts, passages_of
from index.store import EmbeddedText
from index.types import KnowledgeBase, Passage

__all__ = ["BuildReport", "build"]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. `encoded` and `reused` count embedded texts."""

    directory: Path
    fingerprint: str
    topics: int
    passages: int
    encoded: int
    reused: int
    unchanged: bool = False


def build(
    knowledge_base: KnowledgeBase, out: Path, encoder: Encoder, progress: Progress | None = None
) -> BuildReport:
    """Build the index of a knowledge base in `out` and make it the current one.

    An index of the same knowledge base and encoder is left as it is, if it is whole. Vectors
    of texts that the current index already holds are reused.

    Raises:
        KnowledgeBaseError: there is nothing to index.
        IndexUnusable: it could not be written; what was there still serves.
    """
    passages = [passage for topic in knowledge_base.topics for passage in passages_of(topic)]
    if not passages:
        raise KnowledgeBaseError(
            f"knowledge base {knowledge_base.name!r} has no passage: expected at least one topic "
            "with an FAQ, a data point or a description"
        )
    digest = hash_of(knowledge_base)
    fingerprint = fingerprint_of(digest, encoder.info)
    texts = _texts(knowledge_base, passages)
    before = _current(out, encoder)
    if before is not None and before.fingerprint == fingerprint:
        return BuildReport(
            out / fingerprint, fingerprint, len(knowledge_base.topics), len(passages), 0,
            len(texts), unchanged=True,
        )  # fmt: skip
    vectors, encoded = _encode(texts, encoder, before, progress)
    manifest = Manifest(
        fingerprint=fingerprint,
        encoder=encoder.info,
        knowledge_base=knowledge_base.name,
        knowledge_base_sha256=digest,
        counts={
            "topics": len(knowledge_base.topics),
            "passages": len(passages),
            "texts": len(texts),
            "vectors": len(vectors),
        },
        files={},
    )
    lexical = Bm25.build(_documents(passages, texts))
    directory = store.write(out, manifest, passages, texts, vectors, lexical)
    store.publish(out, fingerprint)
    return BuildReport(
        directory, fingerprint, len(knowledge_base.topics), len(passages), encoded,
        len(texts) - encoded,
    )  # fmt: skip


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
        return store.load(out, encoder.info)
    except IndexUnusable:
        return None


def _encode(
    texts: list[EmbeddedText],
    encoder: Encoder,
    before: store.LoadedIndex | None,
    progress: Progress | None,
) -> tuple[Vectors, int]:
    known: dict[str, int] = {}
    if before is not None:
        known = {entry.text: row for row, entry in enumerate(before.texts)}
    fresh = list(dict.fromkeys(entry.text for entry in texts if entry.text not in known))
    encoded = encoder.encode_passages(fresh, progress)
    position = {text: row for row, text in enumerate(fresh)}
    vectors = np.empty((len(texts), encoder.info.dimension), np.float32)
    for row, entry in enumerate(texts):
        if entry.text in position:
            vectors[row] = encoded[position[entry.text]]
        else:
            assert before is not None
            vectors[row] = _vector(before.vectors, known[entry.text])
    return vectors, len(fresh)


def _vector(vectors: faiss.Index, row: int) -> Vectors:
    return np.asarray(vectors.reconstruct(row), np.float32)
