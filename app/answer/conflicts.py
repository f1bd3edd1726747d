"""Where the sources disagree: what the evidence holds of it, and how an answer says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import prompts
from app.record.evidence import Evidence, cited_for
from app.record.types import Basis, Citation, ClaimStatus, Conflict, ConflictValue
from app.verifying.supports import Support
from index.disagreements import Disagreement, conflicts_for
from index.text.quantities import quantities
from index.text.tokens import content_words
from index.types import Hit

__all__ = [
    "ConflictSentence",
    "FoundConflicts",
    "find_conflicts",
    "in_answer",
    "numbered",
    "statements",
]

_MARK = "\0"
_ITSELF = "conflict-itself"
_SPOKEN_OF = 0.75


@dataclass(frozen=True, slots=True)
class FoundConflicts:
    """The conflicts among what a question's search found.

    `asked` are those that the question asks about, `unasked` the others, and `counterparts` the
    passages that they name and that are no evidence of the answer.
    """

    asked: tuple[Conflict, ...]
    unasked: tuple[Conflict, ...]
    counterparts: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class ConflictSentence:
    """A piece of text that states a value, with what supports it.

    A value that its own passage gets wrong is stated as unsupported.
    """

    lead: str
    text: str
    supports: tuple[Support, ...]
    status: ClaimStatus = "supported"
    basis: Basis | None = None


def find_conflicts(
    question: str,
    evidence: Sequence[Hit],
    found: Sequence[Hit],
    idf: Callable[[str], float],
    beside: Sequence[Hit] = (),
) -> FoundConflicts:
    """Find the conflicts among what a question's search found, and what is beside it."""
    asked, unasked = conflicts_for(question, found, idf, beside)
    known = {hit.passage.id for hit in (*evidence, *beside)}
    others = {
        value.passage.id: value.passage
        for conflict in (*asked, *unasked)
        for value in conflict.values
        if value.passage.id not in known
    }
    counterparts = tuple(Hit(passage, 0.0) for passage in others.values())
    return FoundConflicts(
        tuple(map(_conflict, asked)), tuple(map(_conflict, unasked)), counterparts
    )


def in_answer(
    asked: Sequence[Conflict], unasked: Sequence[Conflict], citations: Sequence[Citation]
) -> list[Conflict]:
    """What the question asks about, and what an answer's quotes give one value of."""
    given = (
        conflict
        for conflict in unasked
        if any(
            (value.ref == one.ref and _gives(one.quote, value))
            or (value.value in one.quote and _speaks_of(one.quote, conflict.quantity))
            for value in conflict.values
            for one in citations
        )
    )
    return [*asked, *given]


def _speaks_of(quote: str, quantity: str) -> bool:
    """Tell whether a quote from elsewhere has nearly all words that name a quantity."""
    named = frozenset(content_words(quantity))
    return len(named & frozenset(content_words(quote))) >= _SPOKEN_OF * len(named)


def _gives(quote: str, value: ConflictValue) -> bool:
    """Tell whether a quote has a value's number; a note words the rest in its own way."""
    return any(quantity.text in quote for quantity in quantities(value.value)[:1])


def numbered(
    conflicts: Sequence[Conflict], number_of: Callable[[str], int]
) -> tuple[Conflict, ...]:
    """The conflicts with the number under which an answer cites each value's passage, or 0."""
    return tuple(
        replace(conflict, values=tuple(replace(v, n=number_of(v.ref)) for v in conflict.values))
        for conflict in conflicts
    )


def statements(conflict: Conflict, evidence: Sequence[Evidence]) -> Iterator[ConflictSentence]:
    """State every value of a conflict beside its source, then what sets one of them apart."""
    by_ref = {item.passage.id: item for item in evidence}
    supports = [_support(value, by_ref[value.ref], conflict) for value in conflict.values]
    wording = _wording([by_ref[value.ref] for value in conflict.values])
    said = prompts.fill(
        f"replies/{wording}.md",
        quantity=_named(conflict.quantity.rstrip(".")),
        values=" against ".join(f"{value.value}{_MARK}" for value in conflict.values),
    ).strip()
    *parts, closing = said.split(_MARK)
    stated = zip(parts, supports, conflict.values, strict=True)
    for position, (part, support, value) in enumerate(stated):
        text = part.lstrip() + (closing if position == len(parts) - 1 else "")
        lead = part[: len(part) - len(part.lstrip())]
        wrong = value.standing == "miscomputed"
        yield ConflictSentence(
            lead if position else "\n\n",
            text,
            (support,),
            "unsupported" if wrong else "supported",
            "computed" if wording == _ITSELF and not wrong else None,
        )
    for value, support in zip(conflict.values, supports, strict=True):
        if value.standing:
            note = prompts.fill(f"replies/conflict-{value.standing}.md", value=value.value)
            worked = value.standing in ("computed", "miscomputed")
            basis: Basis | None = "computed" if worked else None
            yield ConflictSentence(" ", note.strip(), (support,), basis=basis)


def _conflict(found: Disagreement) -> Conflict:
    values = (
        ConflictValue(stated.value, stated.passage.id, standing=stated.standing)
        for stated in found.values
    )
    return Conflict(found.quantity, tuple(values))


def _wording(items: Sequence[Evidence]) -> str:
    """How to say who disagrees: one passage with itself, the passages of a source, or sources."""
    if len({item.passage.id for item in items}) == 1:
        return _ITSELF
    return "conflict" if len({_source(item) for item in items}) > 1 else "conflict-one-source"


def _source(item: Evidence) -> str:
    return " ".join(one.key for one in cited_for(item.passage, item.passage.sources))


def _named(quantity: str) -> str:
    """A quantity as a sentence names it: a label, or what a figure is left open in or asked by."""
    return f"a figure ({quantity})" if "…" in quantity or quantity.endswith("?") else quantity


def _support(value: ConflictValue, item: Evidence, conflict: Conflict) -> Support:
    """The sentence that gives a value; for one that was worked out, the one it is held against."""
    given = [value.value, *(other.value for other in conflict.values if other.ref == value.ref)]
    start = next((at for one in given if (at := item.passage.text.find(one)) >= 0), 0)
    span = next((s for s in item.spans if s.start <= start < s.end), item.spans[0])
    return Support(value.ref, item.n, span.start, span.end, 1.0)
