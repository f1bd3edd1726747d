"""A part of an index as an index of its own: the passages of some of its sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from index.errors import KnowledgeBaseError
from index.lexical import Bm25
from index.store import EmbeddedText, LoadedIndex
from index.types import Passage, PassageKind
from index.vectors.faiss_store import FaissVectors

__all__ = ["only", "source_names"]


def source_names(folder: Path, index: LoadedIndex) -> tuple[str, ...]:
    """Tell of each passage which source it is from; empty where that is not known.

    A document's passages say it themselves. Of the others it stands in what the last reading of
    the sources found; an index of one source is all of that.
    """
    from index.recipe import read_recipe, read_states, slugs_by_source

    specs = read_recipe(folder) or ()
    names = sorted((spec.name for spec in specs), key=len, reverse=True)
    alone = names[0] if len(names) == 1 else "" if names else index.knowledge_base
    by_slug = slugs_by_source(read_states(folder))
    return tuple(
        _source_of(passage, names or [index.knowledge_base], by_slug) or alone
        for passage in index.passages
    )


def _source_of(passage: Passage, names: Sequence[str], by_slug: Mapping[str, str]) -> str:
    if passage.kind is PassageKind.SECTION:
        return next((name for name in names if passage.id.startswith(f"{name}/")), "")
    return by_slug.get(passage.topic, "")


def only(index: LoadedIndex, names: Sequence[str], wanted: Sequence[str]) -> LoadedIndex:
    """Return an index of some sources' passages; how telling a word is stays that of all.

    Args:
        index: the whole.
        names: each passage's source.
        wanted: the sources to keep.

    Raises:
        KnowledgeBaseError: there is no source of one of the names.
    """
    known = sorted({name for name in names if name})
    if unknown := [name for name in wanted if name not in known]:
        raise KnowledgeBaseError(
            f"no source {', '.join(map(repr, unknown))}; expected some of "
            f"{', '.join(map(repr, known)) or 'none that is known'}"
        )
    rows = np.flatnonzero([name in wanted for name in names])
    place = {int(row): n for n, row in enumerate(rows)}
    kept = [n for n, text in enumerate(index.texts) if text.passage in place]
    texts = tuple(EmbeddedText(place[index.texts[n].passage], index.texts[n].text) for n in kept)
    flat = faiss.IndexFlatIP(index.vectors.d)
    flat.add(np.stack([index.vectors.reconstruct(n) for n in kept]))
    return replace(
        index,
        passages=tuple(index.passages[row] for row in rows),
        texts=texts,
        owners=np.fromiter((text.passage for text in texts), np.int64, len(texts)),
        vectors=FaissVectors(flat),
        lexical=_Part(index.lexical, rows),
        late=index.late.only(rows) if index.late is not None else None,
    )


class _Part(Bm25):
    """The scores of some rows of a lexical index."""

    def __init__(self, whole: Bm25, rows: NDArray[np.int64]) -> None:
        self._whole, self._own = whole, rows

    def scores(self, query: str) -> NDArray[np.float32]:
        """Score the rows. Shape: (rows,)."""
        return self._whole.scores(query)[self._own]

    def idf(self, token: str) -> float:
        """Return how much a token tells, in the whole."""
        return self._whole.idf(token)
