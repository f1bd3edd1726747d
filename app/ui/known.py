"""What an index knows, in one sentence for the empty page."""

from __future__ import annotations

from app.config.personas import speaks_of_models
from app.ui import texts
from app.ui.conversation import Answering, BrowsedIndex
from app.ui.library import LIBRARY
from app.ui.speaking import language
from index.errata import SHIPPED_NAME
from index.errors import CitewiseError

__all__ = ["Knowing"]


class Knowing:
    """Says what the pipeline's index knows; counts once for an index."""

    def __init__(self, pipeline: Answering) -> None:
        self._pipeline = pipeline
        self._made = ("", "", "")

    def html(self) -> str:
        """How many topics, documents, passages and sources, and of which years."""
        try:
            index = self._pipeline.index
        except CitewiseError:
            return ""
        made = index.fingerprint, language()
        if self._made[:2] != made:
            self._made = *made, _known_html(index)
        return self._made[2]

    def knowledge_base(self) -> str:
        """Its sources' names joined with "+"; unknown counts as the shipped knowledge base."""
        try:
            return self._pipeline.index.knowledge_base
        except CitewiseError:
            return SHIPPED_NAME

    def tagline(self) -> str:
        """What answers come from, in a line."""
        return texts.TAGLINE if self.shipped() else texts.TAGLINE_OTHER

    def shipped(self) -> bool:
        """Whether the shipped knowledge base is in it; unknown counts as yes."""
        return speaks_of_models(self.knowledge_base())


def _known_html(index: BrowsedIndex) -> str:
    passages = index.passages
    if not passages:
        return ""
    documents = {passage.place.path for passage in passages if passage.place is not None}
    topics = {passage.topic for passage in passages if passage.place is None}
    sources = {(one.url, one.label): one.year for each in passages for one in each.sources}
    years = sorted({year for year in sources.values() if year is not None})
    counts = len(topics), len(documents), len(passages), len(sources)
    library = f'<a href="{LIBRARY}">{texts.LIBRARY_ADD}</a>'
    return f'<p class="knows">{texts.known(*counts, years)} {library}</p>'
