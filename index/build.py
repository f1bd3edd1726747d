"""The composition: topics -> passages -> vectors and BM25 -> an index directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from index import files, store
from index.digests import digest_of
from index.encoders import Encoder, EncoderInfo, Progress
from index.encoding import tokens_of, vectors_of
from index.errors import KnowledgeBaseError
from index.late_interaction import LateChoice
from index.late_interaction import choose as choose_late
from index.lexical import Bm25
from index.manifest import Manifest, fingerprint_of, hash_of
from index.passages import embedded_texts, full_text, passages_of
from index.store import EmbeddedText
from index.types import KnowledgeBase, Passage
from index.unfinished import Unfinished
from index.vectors import VectorChoice, VectorKind, choose

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
    passages, texts = _cut(knowledge_base)
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
    before = store.reusable(out, encoder.info)
    if before is not None and before.fingerprint == manifest.fingerprint:
        files.tidy(out)
        return _report(out, manifest, encoded=0, unchanged=True)
    with store.prepared(out):
        if before is None or store.current_fingerprint(out) != before.fingerprint:
            before = store.reusable(out, encoder.info)  # another build may have been first
        unfinished = Unfinished(out, encoder.info)
        late = None
        if token_encoder is not None:
            full = [full_text(passage) for passage in passages]
            late = tokens_of(full, token_encoder, before, unfinished, progress)
            manifest = manifest.with_counts({"tokens": late.tokens})
        every = [entry.text for entry in texts]
        matrix = vectors_of(every, encoder, before, unfinished, progress)
        lexical = Bm25.build(_documents(passages, texts), before.lexical if before else None)
        store.write(out, manifest, passages, texts, matrix, lexical, late)
        unfinished.clear()
    held = before.rows if before is not None else {}
    return _report(out, manifest, encoded=len({digest_of(text) for text in every} - held.keys()))


def _cut(knowledge_base: KnowledgeBase) -> tuple[list[Passage], list[EmbeddedText]]:
    """Return all passages and the texts that each is found under."""
    passages: list[Passage] = []
    texts: list[EmbeddedText] = []
    for topic in knowledge_base.topics:
        own = passages_of(topic)
        for row, (_, group) in enumerate(embedded_texts(topic, own), len(passages)):
            texts += [EmbeddedText(row, text) for text in group]
        passages += own
    return passages, texts


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


def _documents(passages: list[Passage], texts: list[EmbeddedText]) -> Iterator[str]:
    """Yield one lexical document a passage: its title and every text it is found under."""
    groups = groupby(texts, key=lambda text: text.passage)
    found = {row: [text.text for text in group] for row, group in groups}
    for row, passage in enumerate(passages):
        parts = (passage.title, passage.heading, passage.text, *found.get(row, ()))
        yield " \n".join(dict.fromkeys(parts))
