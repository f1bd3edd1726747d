"""Acts on the last answer that need no new one: its source, a challenge, a place in it, a table.

Each sentence that is shown stands in the evidence word for word, with its citation. Where one
has a figure that its own passage gets wrong, that conflict is told in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import prompts
from app.answer.again import (
    bears_value,
    key_sentence,
    pointed_at,
    said_before,
    spoken_of,
    states_value,
)
from app.answer.compose import asks_figures
from app.answer.verdicts import is_verdict
from app.answer.writer import Writer
from app.question.acts import Act
from app.question.history import Past
from app.question.reading import Reading
from app.record.evidence import Evidence, Span, cited_for
from app.record.sanitize import one_line, verbatim
from app.record.types import Conflict, Delta
from app.verifying.supports import Support

__all__ = ["answered_from_last", "table"]

_MOST_SOURCES = 4
_SHOWN = 160
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")

Chosen = tuple[Evidence, Span]
Dispute = Callable[[Conflict], Iterator[Delta]]


def answered_from_last(
    reading: Reading,
    evidence: Sequence[Evidence],
    composed: Sequence[Chosen],
    writer: Writer,
    dispute: Dispute,
) -> Iterator[Delta]:
    """Answer an act about the last answer.

    Args:
        reading: what is wanted of it.
        evidence: the passages for the question that it answered.
        composed: what would be answered now, for where a model worded the last answer.
        writer: where the answer grows.
        dispute: what states a conflict.
    """
    last = reading.again.answer if reading.again else ""
    spoken = said_before(evidence, last) or list(composed)
    if reading.act is Act.SOURCE:
        yield from _sources(spoken, writer)
    elif reading.act is Act.CHALLENGE:
        yield from _challenged(reading, spoken, evidence, writer, dispute)
    elif reading.said.place.endswith("question"):
        yield _asked(reading.said.place, reading.past, writer)
    else:
        place = reading.said.place
        found = pointed_at(place, evidence, last) if place else spoken_of(reading.said.rest, spoken)
        if not found and place:
            shown_place = verbatim(one_line(place))
            lead = prompts.fill("replies/no-such-place.md", place=shown_place)
            yield writer.plain("", lead.strip())
        shown = found or spoken[:1]
        told, wrong = _told_wrong(shown, writer, dispute)
        yield from told
        for pair in shown:
            if pair not in wrong:
                yield _stated(" ", pair, writer)


def table(chosen: Sequence[Chosen], writer: Writer) -> Iterator[Delta]:
    """Set sentences as a table: what each is about, and what the sources say."""
    yield writer.plain("", prompts.text("replies/table-head.md").strip())
    for item, span in chosen:
        heading = item.passage.heading if item.passage.heading else item.passage.title
        yield writer.plain("\n", f"| {_cell(heading)} | ")
        yield _stated("", (item, span), writer)
        yield writer.plain("", "|")


def _told_wrong(
    pairs: Sequence[Chosen], writer: Writer, dispute: Dispute
) -> tuple[list[Delta], list[Chosen]]:
    """Tell of the wrong figures among sentences; return what was told, and those sentences."""
    told, wrong = list[Delta](), list[Chosen]()
    for item, span in pairs:
        faults = writer.faults.stated_in(span.text, [item.passage.id]) if writer.faults else []
        for fault in faults:
            told += dispute(fault.conflict)
        if faults:
            wrong.append((item, span))
    return told, wrong


def _cell(text: str) -> str:
    return verbatim(one_line(text)).replace("|", "\\|")


def _stated(lead: str, pair: Chosen, writer: Writer, text: str = "") -> Delta:
    item, span = pair
    support = Support(item.passage.id, item.n, span.start, span.end, 1.0)
    return writer.claim(lead, text or span.text, "supported", [support], 1.0)


def _sources(spoken: Sequence[Chosen], writer: Writer) -> Iterator[Delta]:
    """Name the sources that the answer's sentences rest on, each once."""
    yield writer.plain("", prompts.text("replies/sources.md").strip())
    named: set[str] = set()
    for item, span in spoken:
        titles = dict.fromkeys(
            one.title for one in cited_for(item.passage, item.sources_for(span.text))
        )
        fresh = [title for title in titles if title not in named][: _MOST_SOURCES - len(named)]
        if fresh:
            named.update(fresh)
            yield _stated("\n- ", (item, span), writer, one_line("; ".join(fresh)))


def _challenged(
    reading: Reading,
    spoken: Sequence[Chosen],
    evidence: Sequence[Evidence],
    writer: Writer,
    dispute: Dispute,
) -> Iterator[Delta]:
    """Look again: say what the sources say, and whether they have the reader's value."""
    claimed = reading.said.claimed
    question = reading.again.question if reading.again else ""
    # "Yes: …" says yes to a question that is not the reader's.
    spoken = [pair for pair in spoken if not is_verdict(pair[1].text)] or spoken
    figures = bool(claimed) or asks_figures(question)
    first = key_sentence(question, spoken) if figures else list(spoken[:1])
    if _YEAR.fullmatch(claimed):
        first = [pair for pair in spoken if _YEAR.search(pair[1].text)][:1] or first
    there = bears_value(claimed, question, evidence) if claimed else []
    there = [pair for pair in there if pair not in first] or there
    shown = [*first, *(pair for pair in there if pair not in first)]
    disputed, wrong = _told_wrong(shown, writer, dispute)
    yield from disputed
    right = [pair for pair in shown if pair not in wrong]
    if wrong and not right:
        return  # that the source disagrees with itself is what there is to say
    if not claimed or wrong:
        name = "same"
    elif not there and any(states_value(claimed, span.text) for _, span in shown):
        name = "beside"  # the sentence that is shown has it, of something else
    elif not there:
        name = "absent"
    else:
        name = "there" if there[0] in first else "both"
    value = verbatim(one_line(claimed))
    wanted = prompts.placeholders(f"replies/challenge-{name}.md")
    told = {"value": value} if "value" in wanted else {}
    yield writer.plain("", prompts.fill(f"replies/challenge-{name}.md", **told).strip())
    for pair in right:
        yield _stated(" ", pair, writer)


def _asked(place: str, past: Past, writer: Writer) -> Delta:
    """Say again what the reader asked."""
    at = 0 if place.startswith("first") else -1
    asked = verbatim(one_line(past.asked[at])[:_SHOWN]) if past.asked else ""
    name = "first" if at == 0 else "last"
    return writer.plain("", prompts.fill(f"replies/asked-{name}.md", question=asked).strip())
