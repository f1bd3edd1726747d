"""The evidence for a question: searched for in each of its forms, judged, and the best kept."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from app.answer.clock import Clock
from app.answer.conflicts import find_conflicts
from app.answer.manner import of_the_subject
from app.answer.origins import named_work, told_origin
from app.answer.pipeline_settings import PipelineSettings
from app.answer.replies import nearest_questions
from app.question import answerable as gate
from app.question.acts import Act
from app.question.field_sense import field_sense_by
from app.question.gaps import find_gap, lexicon_of
from app.question.history import Form, names_nothing, without_quantities
from app.question.language import ENGLISH
from app.question.reading import Reading, only_tells
from app.question.spelling import spelled, written_out
from app.question.subjects import (
    NamedSubject,
    Subjects,
    asks_more,
    compared,
    opens_with,
    subjects_of,
)
from app.record.types import Gap, Question, Retrieved
from index import rerankers
from index.errata import SHIPPED_NAME
from index.rerankers import Reranker
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.text.anaphora import leans
from index.text.sentences import MARKER, sentences
from index.text.tokens import UNSEEN, content_words
from index.types import Hit, Passage, PassageKind, SearchHits

__all__ = ["EvidenceSearch"]

_NEAREST_WITHIN = 40
# What tells something of a name that its topic's definition lacks.
_TELLING = frozenset({PassageKind.FAQ, PassageKind.DATA, PassageKind.PRACTICE, PassageKind.SNIPPET})
# How many passages an act on the last answer chooses from.
_AGAIN = 12
# What a follow-up says itself must be of the field, or stand in what is found.
_OWN_DOMAIN = 0.9
_PERHAPS_DOMAIN = 0.2
# So surely must be answered what does not plainly sound like the field, or only may lean on the
# history; and what sounds like everyday life.
_SURE, _SURELY = 0.5, 0.8
_PLAINLY = 2.0
_UNKNOWN = 0.5
_OWN_COVERED = 0.5
_GUESSED_COVERED = 0.8
_READ = 5
# Below this what a question finds alone is compared with what it finds with its history, which
# must be so many times as sure.
_DOUBTFUL = 0.35
_BETTER = 2.0
_TOLD = 0.45  # what a statement must find, which asks for nothing
_OPENING = 60  # code points of a passage by which it is known again
# Where a passage that compares two names is looked for.
_COMPARING = 4
_IS = re.compile(r"\s(?:is|are|means)\s")
_APART = re.compile(r"[(),;]|\bor\b")
_DIFFER = re.compile(r"\b(?:diff\w*|distinguish\w*|than)\b", re.IGNORECASE)
_CHOICE = re.compile(r"\b(?:diff\w*|distinguish\w*|than|or|vs|versus)\b", re.IGNORECASE)
_TOLD_OF = 2  # a topic's definition, and what tells of a name that this lacks
# How sure it is that a definition which is asked for by its very name answers.
_DEFINED = 0.95
_ORIGIN = "who named or invented it"  # as `app.question.gaps` says it


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found for one form of a question, and how sure it is that it answers."""

    form: Form
    found: SearchHits
    confidence: float
    answerable: bool
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class EvidenceSearch:
    """The search for one turn's evidence."""

    reading: Reading
    retriever: HybridRetriever
    reranker: Reranker | None
    settings: PipelineSettings
    clock: Clock

    def best(self, question: Question, forms: Sequence[Form]) -> tuple[Retrieved, Form]:
        """Find what answers a question best in one of its forms, and tell which form that is."""
        reading, retriever, clock = self.reading, self.retriever, self.clock
        k = question.passages or self.settings.passages
        if reading.again is not None:
            k = max(k, _AGAIN)
        looked = self._looked(forms, max(k, _NEAREST_WITHIN))
        found = looked.found
        if self.reranker is not None:
            # After the gate, which is calibrated on what fusion finds.
            found = rerankers.rerank(self.reranker, found, self.settings.rerank_depth)
        hits = found.hits[:k]
        beside = of_the_subject(hits, found.hits, retriever.index.passages)
        found_conflicts = find_conflicts(
            looked.form.query, hits, found.hits, retriever.index.lexical.idf, beside
        )
        nearest = nearest_questions(looked.form.query, found.hits, retriever.index.lexical.idf)
        clock.spent("retrieve")
        retrieved = Retrieved(
            standalone_query=looked.form.query,
            hits=hits,
            conflicts=found_conflicts.asked,
            answerable=looked.answerable and reading.act is not Act.CLARIFY,
            confidence=looked.confidence,
            index_fingerprint=retriever.index.fingerprint,
            nearest=nearest,
            timings={**found.timings_ms, **clock.milliseconds()},
            unasked=found_conflicts.unasked,
            counterparts=found_conflicts.counterparts,
            act=reading.act,
            gap=looked.gap if reading.language == ENGLISH else None,
            beside=beside,
        )
        return retrieved, looked.form

    def _looked(self, forms: Sequence[Form], depth: int) -> _Looked:
        """Search with one form after the other until one answers; else with the own words.

        What a question finds doubtfully, or finds although it was just said, gives way to what
        another form finds better.
        """
        reading = self.reading
        if reading.language == ENGLISH:
            forms = [_put_right(form, self.retriever) for form in forms]
        own, last = reading.said.rest, reading.past.last
        said = last.answer if last is not None and reading.again is None else ""
        first: _Looked | None = None
        tells = reading.act is Act.ASK and only_tells(reading.said)
        least, forms = (_TOLD, forms[:1]) if tells else (0.0, forms)
        for form in forms:
            looked = self._look(form, depth)
            if not looked.answerable or looked.confidence < least:
                continue
            if not self._of_the_field(own, looked):
                continue
            if first is None:
                first = looked
                if looked.confidence >= _DOUBTFUL and not _was_said(looked.found.hits, said):
                    return looked
            elif not _was_said(looked.found.hits, said) and (
                looked.confidence >= _BETTER * first.confidence
                or (_was_said(first.found.hits, said) and looked.confidence >= first.confidence)
            ):
                return looked
        if first is not None:
            return first
        # What is refused is refused in the reader's own words, without the history.
        return replace(self._look(Form(own), depth), answerable=False)

    def _look(self, form: Form, depth: int) -> _Looked:
        """Search for one form of a question and judge what is found."""
        retriever, clock = self.retriever, self.clock
        # The gate and the nearest questions look further than the evidence.
        found = retriever.search(form.query, depth, also=form.also)
        clock.spent("retrieve")
        judge = self.settings.gate or gate.Gates.shipped().judging(found, retriever.index)
        judged = gate.features(form.query, found, retriever.index.lexical.idf, self._sense())
        confidence = judge.confidence(judged)
        subjects = subjects_of(retriever.index)
        if defined := _defined(found, form.query, subjects, retriever.index):
            gap = _origin_untold(form.query, defined, subjects, retriever.index)
            clock.spent("gate")
            sure = max(confidence, _DEFINED) * (gate.UNNAMED if gap else 1)
            return _Looked(form, defined, sure, True, gap)
        gap = find_gap(form.query, found.hits, lexicon_of(retriever.index), subjects)
        if first := asks_more(form.query)[0]:
            found = _defined(found, first, subjects, retriever.index) or found
        found = _both_defined(found, form.query, subjects, retriever.index)
        # What is there of the subject is given where the gate thinks it near enough.
        doubted = confidence * (gate.UNNAMED if gap else 1)
        judged_by = doubted if gap and gap.kind == "absent" else confidence
        clock.spent("gate")
        # How a subject works that the knowledge base has is told, however doubtful the gate.
        answerable = judge.answerable(judged_by) or (gap is None and subjects.at_work(form.query))
        return _Looked(form, found, doubted, answerable, gap)

    def _sense(self) -> gate.Sense | None:
        """Return what tells a text's sense; a team's own documents may be on anything."""
        if self.retriever.index.knowledge_base != SHIPPED_NAME:
            return None
        sense = field_sense_by(self.retriever.encoder)
        return sense.logit if sense else None

    def _of_the_field(self, own: str, looked: _Looked) -> bool:
        """Tell whether what a follow-up says itself is of the field, its borrowed subject aside.

        "When is it a bad idea?" says nothing of any field: it is where what it is asked of surely
        answers it, the more surely the more it sounds like an everyday remark.
        """
        form, hits, sense = looked.form, looked.found.hits, self._sense()
        if not form.taken or names_nothing(own):
            return True
        borrowed = set(content_words(form.taken))
        words = set(content_words(without_quantities(own))) - borrowed
        if not words:
            return True
        idf = self.retriever.index.lexical.idf
        unknown = sum(idf(word) >= idf(UNSEEN) for word in words)
        if len(words) > 1 and unknown >= _UNKNOWN * len(words):
            return False
        if sense is not None and looked.confidence >= _least_sure(sense(own), form):
            return True
        read = [_all_of(hit.passage) for hit in hits[:_READ]]
        there = {word for text in read for word in content_words(text)}
        total = sum(idf(word) for word in words)
        covered = sum(idf(word) for word in words & there) / total if total else 1.0
        if form.guessed and covered < _GUESSED_COVERED:
            return False
        alone = self.retriever.search(own, gate.DEPTH)
        judge = self.settings.gate or gate.Gates.shipped().judging(alone, self.retriever.index)
        domain = judge.of_field(gate.domain_features(own, alone, idf, sense))
        self.clock.spent("gate")
        if domain >= _OWN_DOMAIN:
            return True
        perhaps = domain >= _PERHAPS_DOMAIN and covered >= _OWN_COVERED
        return perhaps and not form.guessed


def _least_sure(sense: float, form: Form) -> float:
    """Return how sure an answer must be to a question whose own words have that sense."""
    if form.guessed:
        return _SURE if sense >= _PLAINLY else math.inf
    return 0.0 if sense >= _PLAINLY else _SURE if sense >= 0 else _SURELY


def _put_right(form: Form, retriever: HybridRetriever) -> Form:
    """Put a form's words as the index writes them; it is searched for as it was typed as well."""
    index, count = retriever.index, retriever.encoder.count_tokens
    idf, bare = index.lexical.idf, sum(count([""]))

    def is_word(word: str) -> bool:
        """What has a form that the index knows, or what the encoder reads as one piece."""
        known = all(idf(stem) < idf(UNSEEN) for stem in content_words(word))
        return known or sum(count([word])) <= bare + 1

    query = spelled(form.query, lambda: lexicon_of(index).counts, is_word)
    query = written_out(query, subjects_of(index))
    return (
        form if query == form.query else replace(form, query=query, also=(form.query, *form.also))
    )


def _was_said(hits: Sequence[Hit], answer: str) -> bool:
    """Tell whether the passage that answers best is what the last answer gave."""
    opening = hits[0].passage.text[:_OPENING] if hits else ""
    return bool(opening) and opening in MARKER.sub("", answer)


def _defined(
    found: SearchHits, query: str, subjects: Subjects, index: LoadedIndex
) -> SearchHits | None:
    """Put first what says what is asked for by name; None where no name is asked for.

    That is the FAQ that asks just this, or a topic's definition and what sums the topic up.
    """
    introduced = subjects.introduced(query)
    topics = introduced.topics if introduced else subjects.defined_by(query)
    explained = "" if introduced else subjects.explained_by(query)
    if not found.hits or not (topics or explained):
        return None
    best = found.hits[0]
    by_id = {hit.passage.id: hit for hit in found.hits}
    wanted = [explained]
    if not explained:
        name = frozenset(content_words(introduced.text)) if introduced else None
        name = name or subjects.asked_for(query)
        defined = {f"{topic}/{PassageKind.DEFINITION}" for topic in topics}
        meant = {
            passage.topic
            for passage in index.passages
            if passage.id in defined and _defines(passage.text, name)
        }
        ranked = [hit.passage.topic for hit in found.hits if hit.passage.id in defined]
        likely = meant or topics
        topic = next((one for one in ranked if one in likely), min(likely))
        wanted = [f"{topic}/{kind}" for kind in (PassageKind.DEFINITION, PassageKind.SNIPPET)]
        naming = _naming(topic, subjects.asked_for(query), index)
        wanted[1:1] = [naming] if naming else []
        if introduced and (told := origin_in(introduced, index)):
            wanted[1:1] = [told[0].id]
    known = {passage.id: passage for passage in index.passages if passage.id in wanted}
    first = tuple(
        replace(by_id.get(ref, best), passage=known[ref], score=best.score)
        for ref in wanted
        if ref in known
    )
    if all(hit.passage.kind is PassageKind.SNIPPET for hit in first):
        return None
    others = tuple(hit for hit in found.hits if hit.passage.id not in wanted)
    return replace(found, hits=(*first, *others))


def origin_in(asked: NamedSubject, index: LoadedIndex) -> tuple[Passage, int, int] | None:
    """Find the sentence of an index that says who introduced a subject; see `told_origin`."""
    own = [passage for passage in index.passages if passage.topic in asked.topics]
    others = (passage for passage in index.passages if passage.topic not in asked.topics)
    return told_origin(asked.text, own, others)


def _origin_untold(
    query: str, found: SearchHits, subjects: Subjects, index: LoadedIndex
) -> Gap | None:
    """Tell that nothing says who introduced what a question asks this of."""
    asked = subjects.introduced(query)
    if asked is None or origin_in(asked, index):
        return None
    names, sources = subjects.names_of(asked.topics), found.hits[0].passage.sources
    return None if named_work(asked.text, names, sources) else Gap("asked", (_ORIGIN,))


def _defines(text: str, name: frozenset[str]) -> bool:
    """Tell whether a definition's first sentence is about just that name: "A name (short) is …"."""
    subject, _, others = _IS.split(text, maxsplit=1)[0].partition("(")
    names = (subject, *_APART.split(others))
    return any(frozenset(content_words(each)) == name for each in names)


def _both_defined(
    found: SearchHits, query: str, subjects: Subjects, index: LoadedIndex
) -> SearchHits:
    """Put first what two names mean whose difference is asked, where no FAQ found compares them."""
    names = compared(query)
    if names is None or not found.hits:
        return found
    words = {word for name in names for word in content_words(name)}
    telling = _DIFFER if _DIFFER.search(query) else _CHOICE
    for hit in found.hits[:_COMPARING]:
        heading = set(content_words(hit.passage.heading))
        if (
            telling.search(hit.passage.heading)
            and words <= heading
            and len(heading) <= 2 * len(words)
        ):
            return found
    told = [one for name in names if (one := _meaning(name, found, subjects, index))]
    first = {hit.passage.id: hit for hit in told}
    if len(first) < len(names):
        return found
    others = (hit for hit in found.hits if hit.passage.id not in first)
    return replace(found, hits=(*first.values(), *others))


def _meaning(name: str, found: SearchHits, subjects: Subjects, index: LoadedIndex) -> Hit | None:
    """Return what says what a name means: the definition, or what tells of a name it lacks."""
    defined = _defined(found, f"what is {name}", subjects, index)
    words = set(content_words(name))
    told = defined.hits[:_TOLD_OF] if defined else ()
    naming = (hit for hit in told if words <= set(content_words(_all_of(hit.passage))))
    return next(naming, told[0] if told else None)


def _all_of(passage: Passage) -> str:
    return f"{passage.title} {passage.heading} {passage.text}"


def _naming(topic: str, name: frozenset[str], index: LoadedIndex) -> str:
    """Return the id of the passage that says most of a name that the topic's definition lacks.

    That is one with a sentence which opens with the name, else one which has it.
    """
    own = [passage for passage in index.passages if passage.topic == topic]
    defined = next((one for one in own if one.kind is PassageKind.DEFINITION), None)
    if defined is None or name <= frozenset(content_words(f"{defined.title} {defined.text}")):
        return ""
    found: list[tuple[bool, bool, str]] = []
    for passage in own:
        for start, end in sentences(passage.text) if passage.kind in _TELLING else ():
            sentence = passage.text[start:end]
            if name <= frozenset(content_words(sentence)):
                opens = opens_with(sentence, name)
                found.append((leans(sentence), not opens, passage.id))
    return min(found, key=itemgetter(0, 1))[2] if found else ""
