"""An answer built from the evidence itself, when the model can't be trusted with it.

Sentences are taken from the passages word for word, so that each is supported by construction.
The first sentence answers: a definition where one is asked for, the figure, else the passage
that answers best, in its own order. A second passage comes in for a second part of the question
alone. The persona's shape decides how it is laid out: the papers, the figures, or a checklist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.answer.verdicts import is_verdict, of_another_question, same_question
from app.question.subjects import (
    asks_more,
    compared,
    explains,
    names_explained,
    opens_with,
    weighs,
)
from app.record.evidence import Evidence, Idf, Span
from index.text.anaphora import carries_on, concludes, leans
from index.text.quantities import quantities
from index.text.tokens import content_words
from index.types import PassageKind

__all__ = ["ComposedSentence", "asks_figures", "compose", "figure_of"]

# What an answer begins with where it can: not with a caveat, an advice or a list of contents.
_LEADING_KINDS = frozenset({PassageKind.FAQ, PassageKind.DATA, PassageKind.DEFINITION})
_ADDING_KINDS = frozenset({PassageKind.FAQ, PassageKind.DATA, PassageKind.SECTION})
_BLOCKS = ("```", "|", "$$")
_LISTED = re.compile(r"(?:^|\n)[ \t]*([-*+•]|\d{1,3}[.)])[ \t]+$")
_NAME = re.compile(r"[^\W\d][\w.-]*")
_FIRST_OF = 4
_BOTH = 3  # the definitions of both that are compared stand among the first
_WORTH = 0.6
_WHOLE = 6
_LEADING = 4
_SAYS_AS_MUCH = 0.5
_LONGEST_NAME = 3  # words
_LEAST_BULLETS = 2
_GAIN = 0.2
_GAIN_NEAR = 0.12
_NEAR_TOP = 0.85
_NEAR, _SURELY_NEAR = 0.8, 0.9
_SPEAKS = 0.2
_NEW_WORDS = 2
_MORE = 4
_DEFINITION = re.compile(
    r"\s*(?:what(?:'?s|’s| (?:exactly |actually |even |really )?(?:is|are|was|were|does))|define|"
    r"explain|who is|meaning of|definition of)\b(?: exactly| actually| even| really)?(?: meant by)?"
    r"\s*(?:an? |the )?(?P<what>[^,;?]{2,60}?)(?: mean| stand for)?"
    r"(?:,? (?:anyway|exactly|actually|really|then|in (?:simple|plain) (?:words|terms|english)))?"
    r"\s*\??\s*|"
    r"(?!(?:how|which|who|whose|why|when|where|is|are|was|does|do|did|can|should|any)\b)"
    r"(?P<bare>(?:[^,;:.?]|\.(?=\S)){2,40})\?",
    re.IGNORECASE,
)
_EXPLAIN = re.compile(r"\W*(?:please |can you |could you )*(?:explain|describe)\b", re.IGNORECASE)
_WHETHER = re.compile(r"\W*(?:is|are|was|were|do|does|did|can|should|will)\b", re.IGNORECASE)
# What a heading begins with that asks for the good and the bad of what it names.
_WEIGHING = re.compile(
    r"(?:is|are|does|do|can|should|when|why|which|for which|what does .+ cost)\b", re.IGNORECASE
)
_SIDES = 2
_WHY_OR_HOW = re.compile(
    r"\W*(?:why|how(?! (?:do|can|should|would) (?:i|we)\b| to\b)|what (?:does|did))\b", re.I
)
_ASKS_FIGURES = re.compile(
    r"\bhow (?:many|much|far|long|large|big|small|high|low|well|bad|badly|often|fast|close)\b"
    r"|\bwhat (?:share|number|fraction|accuracy|score|size|rate|value|length|loss)\b"
    r"|\b(?:numbers?|percent\w*|figures?|ratio|factor)\b",
    re.IGNORECASE,
)
_ASKS_STEPS = re.compile(
    r"\bhow (?:do|can|should|would|to)\b|\bwhat (?:should|can|do) (?:i|we)\b|"
    r"\b(?:should i|best way|recommend|set|fix|avoid)\b",
    re.IGNORECASE,
)
_ASKS_HOW = re.compile(r"\bhow (?:do|can|should|would) (?:i|we)\b|\bhow to\b", re.IGNORECASE)
_FIGURES_WORTH = 0.1
_REPEATED = 0.7
_SAME_FIGURES = 0.5


@dataclass(frozen=True, slots=True)
class ComposedSentence:
    """A sentence as it will be shown, with the passage span that it is.

    `under` is the question that it answers by yes or no, where that is not the one asked.
    """

    lead: str
    text: str
    n: int
    start: int
    end: int
    under: str = ""


Chosen = tuple[Evidence, Span]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks: its words, by how telling they are, and what it asks for."""

    question: str
    words: Mapping[str, float]
    figures: bool
    steps: bool
    how: bool
    defined: frozenset[str]
    more: str
    explains: bool
    compares: bool
    weighs: bool

    @classmethod
    def of(cls, question: str, idf: Idf) -> _Asked:
        """Read a question."""
        words = {word: idf(word) for word in content_words(question) if not word[0].isdigit()}
        first, more = asks_more(question)
        defines = _DEFINITION.fullmatch(first or question)
        what = (defines["what"] or defines["bare"] or "") if defines else ""
        return cls(
            question,
            words,
            asks_figures(question),
            _ASKS_STEPS.search(question) is not None,
            _ASKS_HOW.search(question) is not None,
            frozenset(content_words(what)),
            question if _EXPLAIN.match(question) else more if defines else "",
            _WHY_OR_HOW.match(question) is not None,
            compared(question) is not None,
            weighs(question),
        )

    def share(self, words: frozenset[str]) -> float:
        """Return the share of the question's telling words, by weight."""
        total = sum(self.words.values())
        met = sum(weight for word, weight in self.words.items() if word in words)
        return met / total if total else 0.0

    def worth(self, span: Span) -> float:
        """Return how much a sentence says to the question."""
        has_what_is_asked = self.figures and bool(_numbers(span.text))
        return self.share(span.words) + _FIGURES_WORTH * has_what_is_asked


def compose(
    question: str, evidence: Sequence[Evidence], idf: Idf, *, shape: str, most: int = 7
) -> list[ComposedSentence]:
    """Choose the sentences that answer the question, in a sensible order, without repetition.

    Args:
        question: the question that stands alone.
        evidence: the passages, best first.
        idf: how telling a word is.
        shape: `papers`, `figures` or `checklist`: how the persona lays an answer out.
        most: how many sentences at the most.
    """
    # A document's name for what follows it says nothing by itself.
    evidence = [item for item in evidence if not all(_is_label(item, s) for s in item.spans)]
    if not evidence:
        return []
    asked = _Asked.of(question, idf)
    explained = explains(evidence[0].passage.heading, asks_more(question)[0] or question)
    first = evidence[0] if explained else _first(evidence, asked)
    leading = [first, *_second(evidence, first, asked)]
    chosen = [pair for item in leading for pair in _leading(item, asked)]
    for item in evidence:
        if item in leading or len(chosen) >= most:
            continue
        added = [span for span in _adding(item, first, asked, chosen) if not _repeats(span, chosen)]
        chosen += [(item, span) for span in added][: most - len(chosen)]
    chosen = [pair for pair in chosen if not _is_label(*pair)]
    shaped = _shaped(chosen, first, shape)
    return [_under_its_question(one, leading, question) for one in shaped]


def _second(evidence: Sequence[Evidence], first: Evidence, asked: _Asked) -> list[Evidence]:
    """Take what tells more of the subject than its definition, where more is asked.

    Of two that are compared it is the other one's definition, of what is weighed both sides.
    """
    if asked.compares and _defines(first):
        return [item for item in evidence[:_BOTH] if item is not first and _defines(item)][:1]
    if not _defines(first) or (asked.defined and not asked.more):
        return []
    if asked.weighs:
        return [item for item in evidence if _weighs(item, first, asked)][:_SIDES]
    may_be_asked_whether = _WHETHER.match(asked.more) is not None
    further = [
        item
        for item in evidence
        if item.passage.topic == first.passage.topic
        and item.hit.score >= _WORTH * first.hit.score
        and not _defines(item)
        and not (is_verdict(item.spans[0].text) and not may_be_asked_whether)
    ]
    leading = [item for item in further if _leads(item, asked)]
    return (leading or [one for one in further if one.passage.kind is PassageKind.SNIPPET])[:1]


def _weighs(item: Evidence, first: Evidence, asked: _Asked) -> bool:
    """Tell whether a passage says what something is good for, or what it costs."""
    names = asked.defined <= frozenset(content_words(item.passage.heading))
    weighing = _WEIGHING.match(item.passage.heading) is not None
    near = item.hit.score >= _WORTH * first.hit.score
    return names and weighing and near and not _defines(item)


def _shaped(chosen: Sequence[Chosen], first: Evidence, shape: str) -> list[ComposedSentence]:
    """Lay the chosen sentences out as a persona does."""
    lead = [pair for pair in chosen if pair[0] is first]
    rest = list(chosen[len(lead) :])
    if shape == "checklist":
        return _laid_out(lead[:1], lead[1:] + rest)
    if shape == "figures":
        prose = [pair for pair in rest if not _numbers(pair[1].text)]
        return _laid_out(lead + prose, [pair for pair in rest if _numbers(pair[1].text)])
    return _laid_out(chosen, [])


def _under_its_question(
    one: ComposedSentence, leading: Sequence[Evidence], question: str
) -> ComposedSentence:
    """Set a verdict under the question that it was given to, where another one was asked.

    A verdict opens its passage; later in it the same words answer nothing.
    """
    opened = (item for item in leading if item.n == one.n and item.spans[0].start == one.start)
    heading = next((item.passage.heading for item in opened), "")
    if not is_verdict(one.text) or not heading.endswith("?"):
        return one
    return one if same_question(question, heading) else replace(one, under=heading)


def asks_figures(question: str) -> bool:
    """Tell whether a question asks for a number."""
    return _ASKS_FIGURES.search(question) is not None


def _first(evidence: Sequence[Evidence], asked: _Asked) -> Evidence:
    """Choose the passage that the answer begins with."""
    if asked.defined and evidence[0].passage.kind is not PassageKind.DEFINITION:
        for item in evidence:
            about = frozenset(content_words(item.passage.title))
            if item.passage.kind is PassageKind.DEFINITION and asked.defined <= item.words | about:
                return item

    best = evidence[0]
    both = asked.compares and any(_defines(item) for item in evidence[1:_BOTH])
    beside = _beside(best, asked)
    if both or (_leads(best, asked) and not beside):
        return best
    # A list of contents answers nothing, however near it is.
    least = 0.0 if best.passage.kind is PassageKind.DESCRIPTION else _NEAR_TOP * best.hit.score
    near = (item for item in evidence[:_FIRST_OF] if item.hit.score >= least)
    leading = (
        item for item in near if _leads(item, asked) and not (beside and _beside(item, asked))
    )
    if found := next(leading, None):
        return found
    if best.passage.kind is not PassageKind.DESCRIPTION:
        return best
    return next((one for one in evidence if one.passage.kind is not best.passage.kind), best)


def _beside(item: Evidence, asked: _Asked) -> bool:
    """Tell whether a passage is of a kind that does not answer what is asked.

    What a word means answers why and how, but not which, whether or what to do; a figure does not
    answer what to do, nor yes or no what was not asked by yes or no.
    """
    if of_another_question(asked.question, item.passage.heading, item.spans[0].text):
        return True
    if _defines(item):
        return not (asked.defined or asked.explains)
    return item.passage.kind is PassageKind.DATA and asked.how and not asked.figures


def _defines(item: Evidence) -> bool:
    """Tell whether a passage says what something is, and no more."""
    if item.passage.kind is PassageKind.DEFINITION:
        return True
    names = names_explained(item.passage.heading)
    return bool(names) and len(names[0].split()) <= _LONGEST_NAME


def _leads(item: Evidence, asked: _Asked) -> bool:
    """Tell whether a passage is of a kind that an answer may begin with."""
    kind = item.passage.kind
    return kind in _LEADING_KINDS or (asked.steps and kind is PassageKind.PRACTICE)


def _leading(item: Evidence, asked: _Asked) -> list[Chosen]:
    """Take the best passage: whole, or of a long one what speaks most to the question."""
    if item.passage.kind is PassageKind.DATA:
        return [(item, figure_of(item))]
    spans = item.spans[_opening(item, asked) :]
    if len(spans) <= _WHOLE:
        return [(item, span) for span in _joined(item, spans)]
    ranked = sorted(range(1, len(spans)), key=lambda i: (-asked.worth(spans[i]), i))
    kept = {0, *ranked[: _LEADING - 1]}
    # What leans on a sentence that is left out would hang in the air.
    kept |= {i - 1 for i in kept if i and (leans(spans[i].text) or concludes(spans[i].text))}
    return [(item, span) for span in _joined(item, [spans[i] for i in sorted(kept)])]


def _opening(item: Evidence, asked: _Asked) -> int:
    """Tell with which sentence of a passage the answer begins.

    A part of a document may begin in the middle of a thought, or with something else that it
    tells: it is read from the first sentence on that stands alone and says about as much to the
    question as the one that says most.
    """
    if item.passage.kind is not PassageKind.SECTION:
        return 0
    spans = item.spans
    worth = [asked.worth(span) if _opens(item, at) else 0.0 for at, span in enumerate(spans)]
    return next(at for at, own in enumerate(worth) if own >= _SAYS_AS_MUCH * max(worth))


def _opens(item: Evidence, at: int) -> bool:
    span = item.spans[at]
    hangs = leans(span.text) or concludes(span.text) or carries_on(span.text)
    listed = at > 0 and bool(_mark(item, at))
    announces_nothing = span.text.endswith(":") and span is item.spans[-1]
    return not (hangs or listed or announces_nothing or _is_block(span) or _is_label(item, span))


def _is_label(item: Evidence, span: Span) -> bool:
    """Tell whether a piece of a document is one bare name: over code, or for what is documented.

    A passage that is one word under a heading that lacks it is what the heading asks for.
    """
    name = span.text.strip("`*_: ")
    if item.passage.kind is not PassageKind.SECTION or not _NAME.fullmatch(name):
        return False
    if _mark(item, item.spans.index(span)):
        return False
    above = f"{item.passage.heading} {item.passage.title}".lower()
    return len(item.spans) > 1 or name.rpartition(".")[2].lower() in above


def _is_block(span: Span) -> bool:
    return span.text.startswith(_BLOCKS)


def _announced(item: Evidence, at: int) -> range:
    """Where what a sentence announces stands: a list in full, else what comes next.

    A bare name over what comes next, as the tabs of an example have it, is passed over.
    """
    end = min(at + 2, len(item.spans))
    while end < len(item.spans) and _is_label(item, item.spans[end - 1]):
        end += 1
    while end < len(item.spans) and end > at + 1 and _mark(item, end) and _mark(item, end - 1):
        end += 1
    return range(at + 1, end)


def _mark(item: Evidence, at: int) -> str:
    """The bullet or number that a sentence of a list has."""
    found = _LISTED.search(item.passage.text[: item.spans[at].start])
    return found[1] if found else ""


def _joined(item: Evidence, chosen: Sequence[Span]) -> list[Span]:
    """Give code and tables the sentence that introduces them, and such a sentence what follows."""
    if item.passage.kind is not PassageKind.SECTION:
        return list(chosen)
    spans = item.spans
    kept = {spans.index(span) for span in chosen}
    kept |= {i - 1 for i in kept if i and _is_block(spans[i]) and not _is_block(spans[i - 1])}
    for i in [i for i in kept if spans[i].text.endswith(":")]:
        kept |= set(_announced(item, i))
    # A sentence that announces what the passage does not hold says nothing.
    announces = len(kept) > 1 and spans[max(kept)].text.endswith(":")
    return [spans[i] for i in sorted(kept - {max(kept)} if announces else kept)]


def _adding(item: Evidence, first: Evidence, asked: _Asked, chosen: Sequence[Chosen]) -> list[Span]:
    """Take the sentence of a further passage that bears what the question still asks."""
    top = first.hit.score
    if asked.defined and not asked.more and first.passage.kind is PassageKind.DEFINITION:
        if item.passage.topic != first.passage.topic:
            return []
        summed_up = item.spans[:_MORE] if item.passage.kind is PassageKind.SNIPPET else []
        about = [first.words | frozenset(content_words(first.passage.title))]
        about += [span.words for _, span in chosen]
        named = any(_names(words, asked) for words in about)
        return list(summed_up) if named else _naming(item, asked) or list(summed_up)
    if item.hit.score < _WORTH * top or item.passage.kind is PassageKind.DESCRIPTION:
        return []
    if sum(other is not first for other, _ in chosen) >= _MORE:
        return []
    said = frozenset().union(*(other.words | i.words for i, other in chosen))
    head = frozenset(content_words(item.passage.heading))
    is_data = item.passage.kind is PassageKind.DATA
    spans = [figure_of(item)] if is_data else [s for s in item.spans if _stands(item, s)]
    if not spans:
        return []
    best = max(spans, key=asked.worth)
    gain = asked.share((best.words | head) - said)
    needed = _GAIN_NEAR if item.hit.score >= _NEAR_TOP * top else _GAIN
    lacks_figure = asked.figures and not any(_numbers(span.text) for _, span in chosen)
    if lacks_figure and _numbers(best.text) and item.hit.score >= _NEAR_TOP * top:
        return [best]
    new = (best.words - said) & asked.words.keys()
    # A neighbour's definition answers only for a subject that the question names as well.
    if item.passage.kind is PassageKind.DEFINITION and not head & asked.words.keys() - said:
        return []
    # So close a passage, or a near one asked for in as many words, may be the one that answers.
    open_subject = not asked.defined and first.passage.kind is not PassageKind.DEFINITION
    same_subject = open_subject or item.passage.topic == first.passage.topic
    fits = item.passage.kind in _ADDING_KINDS and same_subject
    close = item.hit.score >= _SURELY_NEAR * top
    near = item.hit.score >= _NEAR * top and _asked_for(item) >= _asked_for(first)
    answers_too = fits and (close or near) and asked.share(item.words) >= _SPEAKS
    return _joined(item, [best]) if (gain >= needed and new) or answers_too else []


def _asked_for(item: Evidence) -> float:
    """How much of the question stands in what a passage is asked for, as the search found."""
    return item.hit.trace.get("asked", 0.0)


def _names(words: frozenset[str], asked: _Asked) -> bool:
    """Tell whether some words name what is asked to be defined."""
    return asked.defined <= words


def _naming(item: Evidence, asked: _Asked) -> list[Span]:
    """Take the sentence that names what a topic's definition does not, one that opens with it."""
    at = [number for number, span in enumerate(item.spans) if _names(span.words, asked)]
    if item.passage.kind is PassageKind.DATA and at:
        return [figure_of(item)]
    standing = [number for number in at if _stands(item, item.spans[number])]
    opening = [at for at in standing if opens_with(item.spans[at].text, asked.defined)]
    for number in opening or standing:
        return _joined(item, [item.spans[number]])
    # What leans on the sentence before it comes with that one.
    for number in at:
        if number and leans(item.spans[number].text) and _stands(item, item.spans[number - 1]):
            return _joined(item, item.spans[number - 1 : number + 1])
    return []


def _stands(item: Evidence, span: Span) -> bool:
    """Tell whether a sentence can be read without those around it, and without its question."""
    announces_nothing = span.text.endswith(":") and span is item.spans[-1]
    hangs = leans(span.text) or is_verdict(span.text)
    return not (hangs or _is_block(span) or announces_nothing)


def figure_of(item: Evidence) -> Span:
    """Take a data point's note where it states the figure itself, else all of it."""
    text = item.passage.text
    head, _, note = text.partition(". ")
    figures = _numbers(head.removeprefix(item.passage.heading))
    if note and (not figures or figures & _numbers(note)):
        return Span(len(text) - len(note), len(text), note)
    return Span(0, len(text), text)


def _numbers(text: str) -> frozenset[tuple[float, float]]:
    return frozenset((q.low, q.high) for q in quantities(text) if q.kind != "year")


def _repeats(span: Span, chosen: Sequence[Chosen]) -> bool:
    """Tell whether the answer has a sentence's words, or its figures and most of its words."""
    figures = _numbers(span.text)
    said = frozenset().union(*(_numbers(other.text) for _, other in chosen))
    words = frozenset().union(*(other.words for _, other in chosen))
    if figures and figures <= said and len(span.words & words) >= _SAME_FIGURES * len(span.words):
        return True
    return any(
        len(span.words & other.words) >= _REPEATED * max(1, min(len(span.words), len(other.words)))
        for _, other in chosen
    )


def _leads_of(chosen: Sequence[Chosen]) -> list[str]:
    """What stands before each sentence: an item of a list stays one, under its own number."""
    leads: list[str] = []
    listed = ""
    for item, span in chosen:
        mark = _mark(item, item.spans.index(span)) if span in item.spans else ""
        if mark:
            mark = _following(listed, mark)
            leads.append(f"\n{mark} " if listed or not leads else f"\n\n{mark} ")
        else:
            leads.append("\n\n" if listed else " ")
        listed = mark
    return leads


def _following(before: str, mark: str) -> str:
    """Return an item's mark; Markdown counts on by itself, so a gap begins another list."""
    last, number = before[:-1], mark[:-1]
    if not (last.isdigit() and number.isdigit()):
        return mark
    closing = before[-1]
    if int(number) != int(last) + 1:
        closing = ")" if closing == "." else "."
    return number + closing


def _laid_out(prose: Sequence[Chosen], bullets: Sequence[Chosen]) -> list[ComposedSentence]:
    if len(bullets) < _LEAST_BULLETS:
        prose, bullets = [*prose, *bullets], []
    leads = _leads_of(prose) + ["\n- "] * len(bullets)
    leads[:1] = [lead.lstrip() for lead in leads[:1]]
    if bullets:
        leads[len(prose)] = "\n\n- "
    return [
        ComposedSentence(lead, span.text, item.n, span.start, span.end)
        for lead, (item, span) in zip(leads, [*prose, *bullets], strict=True)
    ]
