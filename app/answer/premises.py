"""What a question takes for granted, and where the evidence says otherwise.

A statement, the clause after why, since or because, or a clause before a tag (doesn't it?) is
presupposed. It is held against each sentence of the evidence that names the same things and
speaks of the same: another value of the same unit, the opposite word, or a denial contradicts
it. Where any passage agrees with the premise, or none speaks plainly of the same, nothing is
corrected: a wrong correction is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.record.evidence import Evidence, Span, Weigh
from app.verifying.checks import denied_words, directed_words, lean
from app.verifying.supports import Support
from index.text.names import names_in
from index.text.opposites import CONTRARIES, OPPOSITES
from index.text.quantities import Quantity, agree, quantities
from index.text.sentences import sentences
from index.text.tokens import content_words

__all__ = ["Correction", "corrections", "presupposed"]

_COVERED = 0.45
_COVERED_AT_LEAST = 2
_TURNED = 0.45
_BRITISH = re.compile(r"\b(\w{3,})is(e|es|ed|ing|ation)\b")
_SEMICOLON = re.compile(r"(?<=;)\s+")
_TAG = re.compile(
    r",?\s*(?:right|correct|yes|no|true|(?:isn|doesn|don|didn|wasn|aren|weren|hasn|haven|won|can|"
    r"couldn|wouldn)['’]?t (?:it|they|he|she|we|that|this|there))\s*\?",
    re.IGNORECASE,
)
_WHY = re.compile(
    r"\b(?:why|how come)\s+(?P<aux>does|do|did|is|are|was|were|has|have|had|can|could|would|will)?"
    r"\s*(?P<rest>[^?]+)",
    re.IGNORECASE,
)
_GROUND = re.compile(
    r"\b(?:since|because|given that|considering that|now that|as)\s+(?P<said>[^,?]+)[,?]",
    re.IGNORECASE,
)
_UNDONE = re.compile(r"\b(?:un|non-?)([a-z]{4,})\b")
_THEN = re.compile(
    r"^(?P<said>[^,?]+), (?:so|then|but|and)(?: then)? (?:why|how|what|which|when|where|who|is|are|"
    r"do|does|did|can|could|should|would|will)\b",
    re.IGNORECASE,
)
_BEGAN = re.compile(
    r"\b(?:introduc|propos|publish|releas|invent|present|creat|develop|launch|unveil)\w*|"
    r"\bcame out\b|\bappeared\b",
    re.IGNORECASE,
)
_BECAUSE = re.compile(r",?\s+(?:because|since)\b.*$", re.IGNORECASE | re.DOTALL)
_ASKS = re.compile(
    r"^\W*(?:what|which|who|whom|whose|when|where|how|why|is|are|was|were|do|does|did|can|could|"
    r"should|would|will|has|have|explain|describe|tell|give|compare|list|name|show|help|please|"
    r"i|i['’]m|i['’]d|my|we|our|let|suppose|imagine|say|assume|if)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Correction:
    """A premise with the sentence of the evidence that contradicts it."""

    premise: str
    said: str
    support: Support


def _american(text: str) -> str:
    return _BRITISH.sub(r"\1iz\2", text)


def presupposed(question: str) -> list[str]:
    """Find what a question takes for granted, as it is worded there."""
    found: list[str] = []
    parts = (part for a, b in sentences(question) for part in _SEMICOLON.split(question[a:b]))
    for part in parts:
        tagged = _TAG.search(part)
        ground = _GROUND.search(part)
        why = _WHY.search(part)
        then = _THEN.match(part)
        if ground and len(content_words(ground["said"])) >= _COVERED_AT_LEAST:
            found.append(ground["said"])
        if tagged:
            found.append(part[: tagged.start()])
        elif then and not _ASKS.match(part):
            found.append(then["said"])
        elif why and not re.match(r"\W*(?:should|would|not)\b", why["rest"], re.IGNORECASE):
            found.append(why["rest"])
        elif not part.endswith("?") and not _ASKS.match(part):
            found.append(_BECAUSE.sub("", part))
    stated = (text.strip(" ,.;:!?") for text in found)
    return [text for text in dict.fromkeys(stated) if len(content_words(text)) > 1]


def corrections(
    question: str, evidence: Sequence[Evidence], weigh: Weigh, most: int = 2
) -> list[Correction]:
    """Find what the evidence contradicts of what a question takes for granted.

    Args:
        question: the question that stands alone.
        evidence: the passages, best first.
        weigh: how telling a word is.
        most: how many corrections at the most.
    """
    asked = _american(question)
    found = [_otherwise_dated(asked, evidence)]
    found += [_contradicted(premise, evidence, weigh) for premise in presupposed(asked)]
    return [correction for correction in found if correction is not None][:most]


def _contradicted(premise: str, evidence: Sequence[Evidence], weigh: Weigh) -> Correction | None:
    first = content_words(premise.split()[0])
    if first and not any(set(first) & item.words for item in evidence):
        # It may be a name: nothing here speaks of it.
        return None
    stated = [Statement(item, span) for item in evidence for span in item.spans]
    near = sorted(
        ((_coverage(premise, one, weigh), -position) for position, one in enumerate(stated)),
        reverse=True,
    )
    speaking = [(share, stated[-place]) for share, place in near if share >= _COVERED]
    for check in (_other_value, _denied):
        verdicts = [(check(premise, one), one) for _, one in speaking]
        against = next((one for verdict, one in verdicts if verdict is False), None)
        if against is not None and not any(verdict for verdict, _ in verdicts):
            return _correction(premise, against)
    return _opposite(premise, [one for _, one in speaking])


@dataclass(frozen=True)
class Statement:
    """A sentence of the evidence, read under its passage's heading."""

    item: Evidence
    span: Span

    @property
    def text(self) -> str:
        """The sentence with the heading where that is a data point's label."""
        return self.span.text

    @property
    def context(self) -> str:
        """The sentence with the heading and title that it stands under."""
        passage = self.item.passage
        return f"{passage.title}. {passage.heading}. {self.span.text}"


def _coverage(premise: str, one: Statement, weigh: Weigh) -> float:
    """Return the share of the premise's telling words in a sentence; 0 where it lacks a name."""
    said = frozenset(re.findall(r"[\w+.-]*\w", one.context.lower()))
    if any(not _held(name, said) for name in names_in(premise)):
        return 0.0
    turned = directed_words(premise)
    words = frozenset(
        stem
        for word in re.findall(r"\w+", premise)
        if word.lower() not in turned
        for stem in content_words(word)
        if not stem[0].isdigit()
    )
    total = sum(weigh(word) for word in words)
    shared = words & frozenset(content_words(one.context))
    if not shared & one.span.words or len(shared) < min(_COVERED_AT_LEAST, len(words)):
        return 0.0
    return sum(weigh(word) for word in shared) / total if total else 0.0


def _held(name: str, said: frozenset[str]) -> bool:
    folded = name.lower()
    return folded in said or folded.rstrip("s") in said or any(folded in w.split("-") for w in said)


def _otherwise_dated(question: str, evidence: Sequence[Evidence]) -> Correction | None:
    """Find a sentence that dates otherwise what a question says was introduced in a year."""
    asked = {int(q.low) for q in quantities(question) if q.kind == "year"}
    names = [name for name in names_in(question) if not name.isdigit()]
    if len(asked) != 1 or not names or not _BEGAN.search(question):
        return None
    against = None
    for one in (Statement(item, span) for item in evidence for span in item.spans):
        said = frozenset(re.findall(r"[\w.+-]*\w", one.text.lower()))
        if not any(_held(name, said) for name in names):
            continue
        stated = {int(q.low) for q in quantities(one.text) if q.kind == "year"}
        if asked & stated:
            return None
        if against is None and len(stated) == 1 and _begins(names, one.text):
            against = one
    return _correction(f"in {min(asked)}", against) if against else None


def _begins(names: Sequence[str], sentence: str) -> bool:
    """Tell whether a sentence says when a thing began: in a verb, or as LoRA (Hu et al., 2021)."""
    credited = any(
        re.search(rf"\b{re.escape(name)}\b[^()]{{0,4}}\([^()]*\b(?:19|20)\d\d\)", sentence)
        for name in names
    )
    return credited or _BEGAN.search(sentence) is not None


def _other_value(premise: str, one: Statement) -> bool | None:
    """Tell whether a sentence gives a premise's values (True), another one (False) or none."""
    claimed = [q for q in quantities(premise) if q.kind != "year" and (q.noun or q.dimension)]
    stated = [q for q in quantities(one.text) if q.kind != "year"]
    verdicts = [_same_unit_other_value(quantity, stated) for quantity in claimed]
    if False in verdicts:
        return False
    return True if True in verdicts and None not in verdicts else None


def _same_unit_other_value(claimed: Quantity, stated: Sequence[Quantity]) -> bool | None:
    if any(agree(claimed, q) or agree(q, claimed) for q in stated):
        return True
    unit = content_words(claimed.noun)
    alike = [
        q
        for q in stated
        if q.kind == claimed.kind
        and q.dimension == claimed.dimension
        and (claimed.dimension or content_words(q.noun) == unit)
    ]
    return False if len(alike) == 1 else None


def _opposite(premise: str, speaking: Sequence[Statement]) -> Correction | None:
    """Find a sentence that has the opposite word where the premise has its own."""
    if denied_words(premise):
        return None
    for row in (*OPPOSITES, *CONTRARIES):
        leans = [(lean(premise, one.text, row), -position) for position, one in enumerate(speaking)]
        if not leans or min(leans)[0] < 0:
            # Some sentence has the premise's own word there.
            continue
        turned, position = max(leans)
        against = speaking[-position]
        both = all(side & directed_words(premise) for side in row)
        if turned >= _TURNED and not both and not denied_words(against.text):
            return _correction(premise, against)
    return None


def _denied(premise: str, one: Statement) -> bool | None:
    """Tell whether a sentence denies what a premise affirms (False); None where it does not."""
    if denied_words(premise):
        return None
    words = frozenset(content_words(premise))
    undone = frozenset(
        stem for word in _UNDONE.findall(one.text.lower()) for stem in content_words(word)
    )
    if undone & words and not undone & frozenset(content_words(one.text)):
        return False
    return False if len(denied_words(one.text) & words) >= _COVERED_AT_LEAST else None


def _correction(premise: str, one: Statement) -> Correction:
    span = one.span
    support = Support(one.item.passage.id, one.item.n, span.start, span.end, 1.0)
    return Correction(premise, span.text, support)
