"""The last answer in another form: shorter, longer, simpler, with an example, as a table.

Everything is chosen from the evidence for the question that was answered, so that each sentence
stands in a passage word for word, as in any composed answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app.answer.compose import ComposedSentence, compose
from app.question.acts import Act, Wishes
from app.record.evidence import Evidence, Span, Weigh
from index.text.anaphora import concludes, leans
from index.text.quantities import quantities
from index.text.tokens import content_words
from index.types import PassageKind

__all__ = ["as_wished", "bears_value", "pointed_at", "said_before"]

Chosen = tuple[Evidence, Span]

_PUNCTUATION = re.compile(r"[\W_]+")
_MARKER = re.compile(r"\s*\[\d+\]")
_EXAMPLE = re.compile(
    r"\b(?:for (?:example|instance)|e\.g\.|such as|say,|suppose)\b|[=≈]", re.IGNORECASE
)
_TEX = re.compile(r"\$[^$]+\$|\\[a-z]+|`[^`]+`")
_ORDINALS = {
    "first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3,
    "fifth": 4, "last": -1,
}  # fmt: skip
_SHORT_WORDS = 45
_SIMPLE_WORDS = 80
_SIMPLE_SENTENCE = 28
_MORE = 6
_ROWS = 6
_FEW = 3


def as_wished(
    act: Act,
    wishes: Wishes,
    question: str,
    evidence: Sequence[Evidence],
    weigh: Weigh,
    *,
    shape: str,
    said: Sequence[str] = (),
) -> list[ComposedSentence]:
    """Choose an answer's sentences as they are wished for.

    Args:
        act: what the turn does; `Act.ASK` for a question with wishes of its own.
        wishes: the form, the length, the manner.
        question: what is or was asked, standing alone.
        evidence: the passages, best first.
        weigh: how telling a word is.
        shape: how the persona lays an answer out.
        said: the answers that were given to it so far.
    """
    fresh = compose(question, evidence, weigh, shape=shape)
    spoken = _spoken(evidence, said[-1]) if said else []
    base = spoken or _pairs(fresh, evidence)
    if wishes.simple:
        chosen = _simple(base, evidence, said)
    elif wishes.example:
        chosen = [*(base[:1] if act is Act.ASK else []), *_examples(question, evidence, weigh)]
    elif wishes.long:
        old = set(_keys(said)) if act is Act.EXPAND else set()
        chosen = [*(base if act is Act.ASK else []), *_more(evidence, old, base)]
    elif (
        (act is Act.REPEAT and not wishes.persona)
        or wishes.form
        or wishes.words
        or wishes.sentences
        or wishes.short
    ):
        chosen = base
    else:
        return fresh
    return _laid_out(_bounded(chosen, wishes), wishes)


def said_before(evidence: Sequence[Evidence], answer: str) -> list[Chosen]:
    """Return the evidence's sentences that an answer gave, in its order."""
    return _spoken(evidence, answer)


def pointed_at(place: str, evidence: Sequence[Evidence], answer: str) -> list[Chosen]:
    """Return the sentence of an answer that "the first number" or "the second point" means."""
    spoken = _spoken(evidence, answer)
    ordinal, _, what = place.partition(" ")
    if what in ("number", "figure", "value"):
        spoken = [pair for pair in spoken if _numbers(pair[1].text)]
    at = _ORDINALS.get(ordinal, 0)
    return [spoken[at]] if -len(spoken) <= at < len(spoken) else []


def bears_value(value: str, evidence: Sequence[Evidence]) -> list[Chosen]:
    """Return the first sentence of the evidence that states every number of a value."""
    wanted = _numbers(value)
    if not wanted:
        return []
    pairs = ((item, span) for item in evidence for span in _spans(item))
    return [pair for pair in pairs if wanted <= _numbers(pair[1].text)][:1]


def _spoken(evidence: Sequence[Evidence], answer: str) -> list[Chosen]:
    plain = _plain(_MARKER.sub("", answer))
    found = [
        (plain.find(key), item, span)
        for item in evidence
        for span in item.spans
        if (key := _plain(span.text)) and key in plain
    ]
    unique: dict[int, Chosen] = {}
    for at, item, span in sorted(found, key=lambda each: (each[0], -len(each[2].text))):
        unique.setdefault(at, (item, span))
    return list(unique.values())


def _plain(text: str) -> str:
    return _PUNCTUATION.sub(" ", text).strip().casefold()


def _keys(texts: Iterable[str]) -> list[str]:
    return [_plain(_MARKER.sub("", text)) for text in texts]


def _pairs(sentences: Sequence[ComposedSentence], evidence: Sequence[Evidence]) -> list[Chosen]:
    return [(evidence[one.n - 1], Span(one.start, one.end, one.text)) for one in sentences]


def _spans(item: Evidence) -> list[Span]:
    """Return a passage's sentences; a data point is one whole."""
    if item.passage.kind is PassageKind.DATA:
        return [Span(0, len(item.passage.text), item.passage.text)]
    return list(item.spans)


def _simple(
    base: Sequence[Chosen], evidence: Sequence[Evidence], said: Sequence[str]
) -> list[Chosen]:
    """Take the definition, then what is said in short sentences without formulas and figures."""
    topics = [item.passage.topic for item, _ in base] or [item.passage.topic for item in evidence]
    first = [
        (item, span)
        for item in evidence
        if item.passage.kind is PassageKind.DEFINITION and item.passage.topic == topics[0]
        for span in item.spans
    ]
    spoken = _keys(said)
    others = [
        (item, span)
        for item in evidence
        if item.passage.topic == topics[0] and item.passage.kind is not PassageKind.DATA
        for at, span in enumerate(item.spans)
        if (at == 0 or not (leans(span.text) or concludes(span.text)))
        and not any(_plain(span.text) in text for text in spoken)
    ]
    ranked = sorted(others, key=lambda pair: _difficulty(pair[1].text))
    easy = [pair for pair in ranked if _difficulty(pair[1].text) < _SIMPLE_SENTENCE]
    chosen, words = list[Chosen](), 0
    for pair in [*first, *easy, *(base if not first and not easy else [])]:
        size = len(pair[1].text.split())
        if chosen and words + size > _SIMPLE_WORDS:
            continue
        if not any(pair[1].words <= other[1].words for other in chosen):
            chosen.append(pair)
            words += size
    return chosen


def _difficulty(sentence: str) -> float:
    """Return how hard a sentence reads: its words, more for formulas, code and figures."""
    words = sentence.split()
    long_ones = sum(len(word) > 10 for word in words)
    return (
        len(words) + 2 * long_ones + 12 * len(_TEX.findall(sentence)) + 4 * len(_numbers(sentence))
    )


def _examples(question: str, evidence: Sequence[Evidence], weigh: Weigh) -> list[Chosen]:
    """Take the sentences that give an instance, with the one before where they lean on it."""
    asked = set(content_words(question))
    rated: list[tuple[float, Evidence, int]] = []
    for rank, item in enumerate(evidence):
        spans = _spans(item)
        for at, span in enumerate(spans):
            shown = bool(_EXAMPLE.search(span.text)) + min(2, len(_numbers(span.text))) / 2
            if shown:
                share = sum(weigh(word) for word in span.words & asked)
                rated.append((shown + 0.2 * share - 0.15 * rank, item, at))
    rated.sort(key=lambda each: -each[0])
    chosen: list[Chosen] = []
    for _, item, at in rated[:2]:
        spans = _spans(item)
        start = at - 1 if at and (leans(spans[at].text) or concludes(spans[at].text)) else at
        chosen += [(item, span) for span in spans[start : at + 1] if (item, span) not in chosen]
    return chosen[:_FEW]


def _more(evidence: Sequence[Evidence], old: set[str], base: Sequence[Chosen]) -> list[Chosen]:
    """Take what was not said yet, passage by passage, of the subject that was spoken of first."""
    topics = {item.passage.topic for item, _ in base}
    items = sorted(evidence, key=lambda item: item.passage.topic not in topics)
    chosen: list[Chosen] = []
    for item in items:
        fresh = [
            (item, span)
            for span in _spans(item)
            if not any(_plain(span.text) in text for text in old)
            and not any(span.words <= other.words for _, other in [*chosen, *base])
        ]
        whole = (
            fresh if len(fresh) == len(_spans(item)) else [p for p in fresh if not leans(p[1].text)]
        )
        chosen += whole[:_FEW]
        if len(chosen) >= _MORE:
            break
    return chosen[:_MORE]


def _bounded(chosen: Sequence[Chosen], wishes: Wishes) -> list[Chosen]:
    """Keep what the wished length has room for, the first sentence at least."""
    most = wishes.sentences or (2 if wishes.short else len(chosen))
    words = wishes.words or (_SHORT_WORDS if wishes.short or wishes.sentences == 1 else 0)
    kept = list(chosen)
    if words and kept:
        # The first sentence says it; where it is too long, the shortest that says most of it does.
        kept = [pair for pair in kept if len(pair[1].text.split()) <= words] or [
            min(kept, key=lambda pair: len(pair[1].text))
        ]
        room, fitting = words, list[Chosen]()
        for pair in kept:
            size = len(pair[1].text.split())
            if size <= room or not fitting:
                fitting.append(pair)
                room -= size
        kept = fitting
    return kept[:most]


def _laid_out(chosen: Sequence[Chosen], wishes: Wishes) -> list[ComposedSentence]:
    listed = wishes.form in ("list", "steps") and len(chosen) > 1
    sentences = []
    for number, (item, span) in enumerate(chosen, start=1):
        bullet = f"\n{number}. " if wishes.form == "steps" else "\n- "
        lead = bullet if listed else ("" if number == 1 else " ")
        sentences.append(ComposedSentence(lead, span.text, item.n, span.start, span.end))
    return sentences


def _numbers(text: str) -> frozenset[tuple[float, float]]:
    return frozenset((q.low, q.high) for q in quantities(text) if q.kind != "year")
