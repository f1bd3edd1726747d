"""The last answer in another form: shorter, longer, simpler, with an example, as a table.

Everything is chosen from the evidence for the question that was answered, so that each sentence
stands in a passage word for word, as in any composed answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from app.answer.compose import ComposedSentence, compose
from app.answer.verdicts import is_verdict, same_question
from app.question.acts import Act, Wishes
from app.question.subjects import explains
from app.record.evidence import Evidence, Idf, Span
from index.text.anaphora import concludes, leans
from index.text.quantities import quantities
from index.text.tokens import content_words
from index.types import PassageKind

__all__ = [
    "as_wished",
    "bears_value",
    "key_sentence",
    "pointed_at",
    "said_before",
    "says_nothing_new",
    "spoken_of",
    "states_value",
]

Chosen = tuple[Evidence, Span]

_PUNCTUATION = re.compile(r"[\W_]+")
# Advice, caveats and figures explain nothing out of their place.
_EXPLAINING = frozenset(PassageKind) - {PassageKind.PRACTICE, PassageKind.CAVEAT, PassageKind.DATA}
_COUNTS = re.compile(
    r"\bhow (?:many|much)\b(?P<what>(?:(?! (?:do|does|did|is|are|was|were|has|have|can)\b)[^?])*)",
    re.IGNORECASE,
)
_MARKER = re.compile(r"\s*\[\d+\]")
_EXAMPLE = re.compile(
    r"\b(?:for (?:example|instance)|e\.g\.|such as|say,|suppose)\b|[=≈]", re.IGNORECASE
)
_TEX = re.compile(r"\$[^$]+\$|\\[a-z]+|`[^`]+`")
_FORMULA = re.compile(r"[Σ√∂∏]|\^\{|\bexp\(|\b[a-zA-Z]\([a-zA-Z]\)\s*=")
_SYMBOL = re.compile(r"[≈=∝≤≥]|\w\|\w")
_ORDINALS = {
    "first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3,
    "fifth": 4, "last": -1,
}  # fmt: skip
_SHORT_WORDS = 45
_SHORT_SENTENCES = 2
_LEAST_WORDS = 6
_LEAST_ROWS = 2
# Where a sentence may end early and still say what it says.
_CLAUSE = re.compile(
    r"; |, (?:which|where|whereas|while|although|though|but|so that|because|since)\b|: (?=[A-Z])"
)
# Where a definition may end early and still be true: what follows only narrows it.
_NARROWS = re.compile(
    r",? (?:in|by|with|from|on|for|to) which\b|,? (?:that|which|whose|where|so that)\b"
    r"| (?:by|with|without|on|for|from|through|among|between|over|across|during|using|used)\b"
)
_SIMPLE_WORDS = 80
_SIMPLE_SENTENCE = 40
_TOO_HARD = 60
_TO_THE_POINT = 20  # how much harder a sentence may be that speaks of all that is asked
_A_FIGURE_MORE = 0.5  # words in common that a sentence may lack for having one figure less
_OPENING = 3  # sentences of a passage that say what it is about
_FEW_FIGURES = 4  # a row of more has nearly every value
_MORE = 6
_FEW = 3
# An answer of which so much was said in the one before says it again.
_MOSTLY = 0.5
_SAID_AGAIN = 2
_NEAR = 5  # passages
_SAME_SUBJECT = 0.5


def as_wished(
    act: Act,
    wishes: Wishes,
    question: str,
    evidence: Sequence[Evidence],
    idf: Idf,
    *,
    shape: str,
    said: Sequence[str] = (),
    taken: str = "",
) -> list[ComposedSentence]:
    """Choose an answer's sentences as they are wished for.

    Args:
        act: what the turn does; `Act.ASK` for a question with wishes of its own.
        wishes: the form, the length, the manner.
        question: what is or was asked, standing alone.
        evidence: the passages, best first.
        idf: how telling a word is.
        shape: how the persona lays an answer out.
        said: the answers that were given to it so far; for a question, those before it.
        taken: the subject that a question took from what was said before.
    """
    fresh = compose(question, evidence, idf, shape=shape)
    spoken = _spoken(evidence, said[-1]) if said and act is not Act.ASK else []
    base = spoken or _pairs(fresh, evidence)
    if wishes.simple:
        chosen = _simple(base, evidence, said, question)
    elif wishes.example:
        chosen = [*(base[:1] if act is Act.ASK else []), *_examples(question, evidence, idf)]
    elif wishes.persona and act is Act.REPEAT:
        practice = sorted(evidence, key=lambda one: one.passage.kind is not PassageKind.PRACTICE)
        chosen = [*base[:1], *_more(practice, set(_keys(said)), base)]
    elif wishes.long:
        old = set(_keys(said)) if act is Act.EXPAND else set()
        chosen = [*(base if act is Act.ASK else []), *_more(evidence, old, base)]
    elif act is Act.REPEAT or wishes.form or wishes.words or wishes.sentences or wishes.short:
        chosen = base
    elif act is Act.ASK and said:
        return _not_again(question, fresh, evidence, "\n".join(said), taken)
    else:
        return fresh
    words = frozenset(content_words(question))
    if wishes.form and not wishes.sentences and len(chosen) < _LEAST_ROWS:
        chosen = [*chosen, *_more(evidence, set(), chosen)][:_MORE]
    return _laid_out(_bounded(chosen, wishes, evidence, words, question), wishes, question)


def _not_again(
    question: str,
    fresh: Sequence[ComposedSentence],
    evidence: Sequence[Evidence],
    answers: str,
    taken: str,
) -> list[ComposedSentence]:
    """Say of what was said already only what answers, and then what is new.

    What speaks of nothing but the subject that the question took over was answer enough once.
    """
    pairs, plain = _pairs(fresh, evidence), _plain(_MARKER.sub("", answers))
    old = [pair for pair in pairs if _plain(pair[1].text) in plain]
    size = sum(len(pair[1].text.split()) for pair in pairs)
    if sum(len(pair[1].text.split()) for pair in old) < _MOSTLY * size:
        return list(fresh)
    asked = set(content_words(question))
    own = (asked - set(content_words(taken))) or asked
    telling = [pair for pair in old if pair[1].words & own]
    best = sorted(telling, key=lambda pair: -len(pair[1].words & own))[:_SAID_AGAIN]
    kept: list[ComposedSentence] = []
    dropped = False
    for one, pair in zip(fresh, pairs, strict=True):
        # What leans on a sentence that is left out would hang in the air.
        dropped = (pair in old and pair not in best) or (dropped and leans(one.text))
        if not dropped:
            kept.append(one if kept else replace(one, lead=""))
    more = _more(evidence[:_NEAR], {plain}, _pairs(kept, evidence))
    new = [pair for pair in more if pair[1].words & asked][:_FEW]
    added = _laid_out(new, Wishes(), question)
    return [*kept, *(replace(one, lead=" ") for one in added)] or list(fresh)


def says_nothing_new(sentences: Sequence[ComposedSentence], answer: str) -> bool:
    """Tell whether all of some sentences stand in an answer that was given."""
    said = _plain(_MARKER.sub("", answer))
    return all(_plain(one.text) in said for one in sentences)


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


def spoken_of(message: str, spoken: Sequence[Chosen]) -> list[Chosen]:
    """Return the sentence of an answer that a message asks for by what it speaks of."""
    wanted = set(content_words(message))
    return sorted(
        (pair for pair in spoken if pair[1].words & wanted),
        key=lambda pair: -len(pair[1].words & wanted),
    )[:1]


def key_sentence(question: str, spoken: Sequence[Chosen]) -> list[Chosen]:
    """Return the sentence that answers a question for a figure, one with a figure if there is one.

    That is the first that has what is counted as the question has it ("tokens per parameter",
    not the two apart), else the one that speaks of most that is asked.
    """
    figured = [pair for pair in spoken if _numbers(pair[1].text)] or list(spoken)
    counts = _COUNTS.search(question)
    words = content_words(counts["what"])[:2] if counts else []
    for pair in figured:
        if len(words) > 1 and tuple(words) in set(pairwise(content_words(pair[1].text))):
            return [pair]
    if len(words) == 1 and counts:
        # "2 experts" and "2 of 8 experts" count experts.
        what = re.escape(counts["what"].strip())
        like = re.compile(rf"\b\d+(?:\s+of\s+\S+)?\s+{what}\b", re.IGNORECASE)
        figured = [pair for pair in figured if like.search(pair[1].text)] or figured
    asked = set(content_words(question))
    return sorted(figured, key=lambda pair: _crowd(pair[1]) - len(pair[1].words & asked))[:1]


def bears_value(value: str, question: str, evidence: Sequence[Evidence]) -> list[Chosen]:
    """Return the sentence of the evidence that states a value of what a question asks about."""
    wanted = _value(value)
    asked = set(content_words(question))
    if not wanted or not asked:
        return []
    found = [
        (item, span)
        for item in evidence
        for span in item.spans
        if wanted <= _numbers(span.text)
        and len(_numbers(span.text)) <= _FEW_FIGURES
        and len(span.words & asked) >= _SAME_SUBJECT * len(asked)
    ]
    return sorted(found, key=lambda pair: -len(pair[1].words & asked))[:1]


def states_value(value: str, sentence: str) -> bool:
    """Tell whether a sentence has a value, whatever it is the value of."""
    wanted, there = _value(value), _numbers(sentence)
    ends = {end for each in there for end in each}  # "1 to 64" has 64
    return bool(wanted) and all(set(each) <= ends for each in wanted)


def _value(value: str) -> frozenset[tuple[float, float]]:
    return _numbers(value) or _numbers(f"{value} of them")  # "four" alone may be no number


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
    base: Sequence[Chosen],
    evidence: Sequence[Evidence],
    said: Sequence[str],
    question: str,
) -> list[Chosen]:
    """Take the definition, then what is said in short sentences without formulas and figures."""
    topics = [item.passage.topic for item, _ in base] or [item.passage.topic for item in evidence]
    asked = frozenset(content_words(question))
    explaining = [
        item
        for item in evidence[:1]
        if explains(item.passage.heading, question) and _difficulty(item.spans[0].text) < _TOO_HARD
    ]
    first = [(item, item.spans[0]) for item in explaining] or [
        (item, span)
        for item in evidence
        if item.passage.kind is PassageKind.DEFINITION and item.passage.topic == topics[0]
        for span in item.spans
    ]
    spoken = _keys(said)
    others = [
        (item, span)
        for item in evidence
        if item.passage.topic == topics[0] and item.passage.kind in _EXPLAINING
        for at, span in enumerate(item.spans[:_OPENING])
        if (at == 0 or not (leans(span.text) or concludes(span.text)))
        and not _verdict_on_another(item, span, question)
        and not span.text.rstrip().endswith(":")
        and span.words & asked
        and not any(_plain(span.text) in text for text in spoken)
    ]
    of_all = max(1, len(asked))
    ranked = sorted(
        others,
        key=lambda pair: (
            _difficulty(pair[1].text) - _TO_THE_POINT * len(pair[1].words & asked) / of_all
        ),
    )
    easy = [pair for pair in ranked if _difficulty(pair[1].text) < _SIMPLE_SENTENCE]
    # A definition that was given already gives way to what sums the subject up in other words;
    # it opens again only where that leaves room to say as much that is new.
    known = [pair for pair in first if any(_plain(pair[1].text) in text for text in spoken)]
    summed = [pair for pair in easy if pair[0].passage.kind is PassageKind.DESCRIPTION][:1]
    if known:
        brief = [pair for pair in known[:1] if 2 * len(pair[1].text.split()) <= _SIMPLE_WORDS]
        first = summed or brief or [pair for pair in first if pair not in known]
    easy = easy or ranked[:1]
    chosen, words = list[Chosen](), 0
    left = [*known, *base] if not first and not easy else []
    for pair in [*first, *easy, *left]:
        size = len(pair[1].text.split())
        if chosen and words + size > _SIMPLE_WORDS:
            continue
        if not any(pair[1].words <= other[1].words for other in chosen):
            chosen.append(pair)
            words += size
    # The definition opens; what goes together stays together, in the order in which it was found.
    opens = [pair for pair in chosen if pair in first][:1]
    others = [pair for pair in chosen if pair not in opens]
    if others and opens[:1] == known[:1] and 2 * _size(opens) > 3 * _size(others):
        return opens  # too little is new to be worth more than what says it best
    return [*opens, *sorted(others, key=lambda pair: (pair[0].n, pair[1].start))]


def _size(pairs: Sequence[Chosen]) -> int:
    return sum(len(span.text.split()) for _, span in pairs)


def _crowd(span: Span) -> float:
    """Return how much the figures of a sentence crowd each other: which of ten answers?"""
    return _A_FIGURE_MORE * max(0, len(_numbers(span.text)) - 1)


def _difficulty(sentence: str) -> float:
    """Return how hard a sentence reads: its words, more for formulas, code and figures."""
    words = sentence.split()
    long_ones = sum(len(word) > 10 for word in words)
    written = _TEX.findall(sentence) + _FORMULA.findall(sentence) + _SYMBOL.findall(sentence)
    return len(words) + 2 * long_ones + 12 * len(written) + 4 * len(_numbers(sentence))


def _examples(question: str, evidence: Sequence[Evidence], idf: Idf) -> list[Chosen]:
    """Take the sentences that give an instance, with the one before where they lean on it."""
    asked = set(content_words(question))
    rated: list[tuple[float, Evidence, int]] = []
    for rank, item in enumerate(evidence):
        spans = _spans(item)
        for at, span in enumerate(spans):
            shown = bool(_EXAMPLE.search(span.text)) + min(4, len(_numbers(span.text))) / 2
            # A formula is no instance.
            shown -= len(_TEX.findall(span.text)) + bool(_FORMULA.search(span.text))
            if shown > 0:
                share = sum(idf(word) for word in span.words & asked)
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


def _bounded(
    chosen: Sequence[Chosen],
    wishes: Wishes,
    evidence: Sequence[Evidence],
    asked: frozenset[str],
    question: str,
) -> list[Chosen]:
    """Keep what the wished length has room for, the sentence that answers at least."""
    if not (wishes.sentences or wishes.words or wishes.short):
        return list(chosen)
    split = [pair for one in chosen for pair in _sentences_of(one)]
    # There is no room for the question that a verdict answers.
    split = [pair for pair in split if not _verdict_on_another(*pair, question)] or split
    most = wishes.sentences or (_SHORT_SENTENCES if wishes.short else len(split))
    room = wishes.words or (_SHORT_WORDS if wishes.short or wishes.sentences == 1 else 0)
    if not split or not room:
        return split[:most]
    kept = [_first_within(split, evidence, asked, room)]
    room -= len(kept[0][1].text.split())
    if wishes.form and most > 1 and len(split) > 1:
        # A list or a table of one is none.
        room = max(room, min(len(pair[1].text.split()) for pair in split if pair not in kept))
    for pair in split:
        size = len(pair[1].text.split())
        if pair not in kept and size <= room and len(kept) < most and not leans(pair[1].text):
            kept.append(pair)
            room -= size
    return kept[:most]


def _sentences_of(pair: Chosen) -> list[Chosen]:
    """Cut what is longer than a sentence into its sentences."""
    item, span = pair
    inside = [one for one in item.spans if span.start <= one.start and one.end <= span.end]
    return [(item, one) for one in inside] or [pair]


def _first_within(
    split: Sequence[Chosen], evidence: Sequence[Evidence], asked: frozenset[str], room: int
) -> Chosen:
    """Choose the sentence that a short answer gives: the first, if need be cut at a clause.

    Where it is still too long, one of the same passages that says most of what is asked is taken;
    where none speaks of it the first is given, cut as short as it can be.
    """
    first = split[0]
    whole = _cut(first, room, _CLAUSE)
    if whole is None and first[0].passage.kind is PassageKind.DEFINITION:
        whole = _cut(first, room, _NARROWS)
    if whole is not None:
        return whole
    topic = first[0].passage.topic
    others = [
        (item, span) for item in evidence if item.passage.topic == topic for span in item.spans
    ]
    apart = [pair for pair in [*split[1:], *others] if not _leans(pair[1].text)]
    fitting = [cut for pair in apart if (cut := _cut(pair, room, _CLAUSE)) and cut[1].words & asked]
    if fitting:
        return max(fitting, key=lambda pair: len(pair[1].words & asked))
    longest = len(first[1].text.split())
    return next((c for most in range(room, longest) if (c := _cut(first, most, _CLAUSE))), first)


def _leans(text: str) -> bool:
    return leans(text) or concludes(text)


def _cut(pair: Chosen, room: int, at: re.Pattern[str]) -> Chosen | None:
    """Return a sentence, or as much of it as there is room for; None if too little is left.

    Args:
        pair: the sentence with its evidence.
        room: words.
        at: where it may be cut.
    """
    item, span = pair
    if len(span.text.split()) <= room:
        return pair
    for place in reversed(list(at.finditer(span.text))):
        text = span.text[: place.start()]
        if _LEAST_WORDS <= len(text.split()) <= room and text.count("(") == text.count(")"):
            return item, Span(span.start, span.start + len(text), text)
    return None


def _verdict_on_another(item: Evidence, span: Span, question: str) -> bool:
    """Tell whether a sentence answers another question than the one asked, by yes or no."""
    heading = item.passage.heading
    asks = is_verdict(span.text) and heading.endswith("?")
    return asks and not same_question(question, heading)


def _laid_out(chosen: Sequence[Chosen], wishes: Wishes, question: str) -> list[ComposedSentence]:
    listed = wishes.form in ("list", "steps") and len(chosen) > 1
    sentences = []
    for number, (item, span) in enumerate(chosen, start=1):
        bullet = f"\n{number}. " if wishes.form == "steps" else "\n- "
        lead = bullet if listed else ("" if number == 1 else " ")
        bounded = wishes.sentences or wishes.words or wishes.short
        under = not bounded and _verdict_on_another(item, span, question)
        sentences.append(
            ComposedSentence(
                lead, span.text, item.n, span.start, span.end,
                under=item.passage.heading if under else "",
            )
        )  # fmt: skip
    return sentences


def _numbers(text: str) -> frozenset[tuple[float, float]]:
    return frozenset((q.low, q.high) for q in quantities(text) if q.kind != "year")
