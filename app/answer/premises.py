"""What a question takes for granted, and where the evidence says otherwise.

A statement, the clause after why, since or because, or a clause before a tag (doesn't it?) is
presupposed. It is held against each sentence of the evidence about the same subject, the very
version and size of a model, and the same attribute: another value of the same unit, the opposite
word, or a denial contradicts it. Where any sentence agrees with the premise, or none speaks
plainly of the same, nothing is corrected: a wrong correction is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.record.evidence import Evidence, Idf, Span
from app.verifying.objections import denied_words, directed_words, lean
from app.verifying.supports import Support
from index.text.names import names_in
from index.text.opposites import CONTRARIES, OPPOSITES
from index.text.quantities import Quantity, agree, quantities
from index.text.sentences import sentences
from index.text.tokens import content_words
from index.types import PassageKind

__all__ = ["Correction", "corrections", "presupposed"]

_SHARE_NAMED, _SHARE = 0.7, 0.9
_COVERED_AT_LEAST = 2
_TURNED = 0.45
# A list of contents states nothing, and what is unsettled refutes nothing.
_NO_STATEMENTS = frozenset({PassageKind.DESCRIPTION, PassageKind.CAVEAT})
_DENIED = 0.3  # of a premise's words, beside which a denial of two is one of something else
_BRITISH = re.compile(r"\b(\w{3,})is(e|es|ed|ing|ation)\b")
_SHARED = re.compile(r"\s*\w*\s*(?:each|apiece)\b")
_RATE = re.compile(r"\s*\w*\s*(?:per|an?|every)\b|\s*\w*/\w")
_CLAUSES = re.compile(r"[;:]\s")
_SEMICOLON = re.compile(r"(?<=;)\s+")
# A single word is a tag after a comma or a dash alone: "is its gradient right?" asks.
_TAG = re.compile(
    r"(?:\s*[,–—-]\s*(?:right|correct|yes|no|true)|,?\s*(?:isn|doesn|don|didn|wasn|aren|weren|hasn|"
    r"haven|won|can|couldn|wouldn)['’]?t (?:it|they|he|she|we|that|this|there))\s*\?",
    re.IGNORECASE,
)
_WHY = re.compile(
    r"\b(?:why|how come)\s+(?P<aux>does|do|did|is|are|was|were|has|have|had|can|could|would|will)?"
    r"\s*(?P<rest>[^?]+)",
    re.IGNORECASE,
)
_GROUND = re.compile(
    r"(?:\b(?:since|because|given that|considering that|now that)|^as)\s+(?P<said>[^,?]+)[,?]",
    re.IGNORECASE,
)
# "Did it win because …?" asks for the ground, and takes it for granted as little as the rest.
_POLAR = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|should|would|will)\b", re.IGNORECASE
)
# A label or keywords state nothing: "KL penalty coefficient". A verb that may be a noun is none.
_STATES = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|can|could|will|would|must|may|might|"
    r"should|cannot|needs?|used|uses|takes|took|gives|gave|keeps|kept|makes|made|adds|rises|rose|"
    r"falls|fell|grows|grew|lowers|improves|reduces|reduced|increases|increased|decreases|"
    r"decreased|hurts|helps|means|learns|learned|stores|stored|requires|required|contains|"
    r"became|becomes|gets|got|comes|came|goes|went|beats|beat|outperforms|outperformed|replaces|"
    r"removes|lets|allows|predicts|attends|reads|sees|saw|freezes|quantizes|trains|trained|"
    r"changed|(?:changes|costs|scales|halves|doubles) (?:the|its|nothing|with|like|as|no)|"
    r"activates|encodes|introduced|runs|ran|works|worked|leaves|left|\w+n['’]t)\b",
    re.IGNORECASE,
)
# What would be otherwise, and a reply to a passage's own heading, deny nothing.
_OTHERWISE = re.compile(r"^(?:(?:but|and|so|yet|even)\s+)?(?:without|unless|if)\b", re.IGNORECASE)
_WITHOUT_WHICH = re.compile(r"[;:]\s+without\b.*$", re.IGNORECASE)
_REPLY = re.compile(r"^(?:no|not [\w ]{2,20})[,:;]\s+", re.IGNORECASE)
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
_ONES_OWN = re.compile(
    r"\b(?:i|me|my|mine|we|us|our|ours|you|your|he|she|they|their|this|these|those)\b",
    re.IGNORECASE,
)
_WITHOUT = re.compile(
    r"\b(?:drop|remov|omit|eliminat|avoid|skip|lack|replac|discard|forgo|forgoes|need no|free of|"
    r"instead|rather|longer|only|than)",
    re.IGNORECASE,
)
# A name and what follows it of version and size; another version is another thing.
_NAMED = re.compile(
    r"(?<![\w-])(?!(?:The|A|An|In|On|At|By|For|With|From|As|And|But|If|It|Its|This|That|These|Those|"
    r"Since|Because|Why|When|While|Given|Like|Unlike)\b)(?P<name>[A-Za-z]*[A-Z](?:[\w.+]*[\w+])?)"
    r"(?:[\s‑-](?:\d+(?:\.\d+)*(?:x\d+)?[a-zA-Z]?\b|[A-Z][\w.+]*|v\d[\w.]*|base\b|small\b|medium\b|"
    r"large\b|mini\b|tiny\b|xl\b|xxl\b))*"
)
_CREDITS = re.compile(r"\s*\([^()]*\b(?:19|20)\d\d[a-z]?\)")
# Units of so many things that a figure in them says nothing without a word on what it is of.
_MANY_SORTS = frozenset(
    "token tokens word words step steps example examples sample samples".split()
)
_ELSEWHERE = re.compile(
    r"\b(?:than|like|as|versus|against|compared|instead|if|would|could|another|other|each|every|"
    r"draft|teacher|student|smaller|larger)\b",
    re.IGNORECASE,
)
_LIGHT = (
    "have has had use uses used using with contain contains consist consists need needs take takes "
    "give gives get gets make makes total model size count number about around roughly exactly"
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
        asked_for = ground and _POLAR.match(part) and ", " not in part[: ground.start()]
        if ground and not asked_for and len(content_words(ground["said"])) >= _COVERED_AT_LEAST:
            found.append(ground["said"])
        if tagged:
            found.append(part[: tagged.start()])
        elif then and not _ASKS.match(part):
            found.append(then["said"])
        elif why and not re.match(r"\W*(?:should|would|not)\b", why["rest"], re.IGNORECASE):
            found.append(why["rest"])
        elif not part.endswith("?") and not _ASKS.match(part) and _STATES.search(part):
            found.append(_BECAUSE.sub("", part))
    stated = (text.strip(" ,.;:!?") for text in found)
    return [text for text in dict.fromkeys(stated) if len(content_words(text)) > 1]


def corrections(
    question: str, evidence: Sequence[Evidence], idf: Idf, most: int = 2
) -> list[Correction]:
    """Find what the evidence contradicts of what a question takes for granted.

    Args:
        question: the question that stands alone.
        evidence: the passages, best first.
        idf: how telling a word is.
        most: how many corrections at the most.
    """
    asked = _american(question)
    found = [_otherwise_dated(asked, evidence)]
    found += [_contradicted(premise, evidence, idf) for premise in presupposed(asked)]
    return [correction for correction in found if correction is not None][:most]


def _contradicted(premise: str, evidence: Sequence[Evidence], idf: Idf) -> Correction | None:
    if _ONES_OWN.search(premise):
        return None  # what the asker has is no affair of the sources
    stated = [
        EvidenceSentence(item, span)
        for item in evidence
        if item.passage.kind not in _NO_STATEMENTS
        for span in item.spans
    ]
    subjects = _subjects(premise, evidence)
    about = [one for one in stated if all(_mentions(one.text, name) for name in subjects)]
    if subjects and (found := _other_value(premise, subjects, about, stated)):
        return _correction(premise, found)
    if quantities(premise):
        return None
    share = _SHARE_NAMED if subjects else _SHARE
    covering = [
        one
        for one in about
        if not _OTHERWISE.match(one.text) and _coverage(premise, one, idf) >= share
    ]
    if denied_words(premise) or _WITHOUT.search(premise):
        return None  # what denies a denial, and what affirms it, is not told apart
    denying = next((one for one in covering if _denied(premise, one)), None)
    if denying is not None:
        return _correction(premise, denying)
    return _opposite(premise, covering)


@dataclass(frozen=True)
class EvidenceSentence:
    """A sentence of the evidence, read under its passage's heading."""

    item: Evidence
    span: Span

    @property
    def text(self) -> str:
        """The sentence without the credits in it: who found it, and when."""
        return _CREDITS.sub("", self.span.text)

    @property
    def context(self) -> str:
        """The sentence with the heading and title that it stands under."""
        passage = self.item.passage
        return f"{passage.title}. {passage.heading}. {self.span.text}"


def _coverage(premise: str, one: EvidenceSentence, idf: Idf) -> float:
    """Return the share of the premise's telling words in a sentence and its heading."""
    turned = directed_words(premise)
    words = frozenset(
        stem
        for word in re.findall(r"\w+", premise)
        if word.lower() not in turned
        for stem in content_words(word)
        if not stem[0].isdigit()
    )
    total = sum(idf(word) for word in words)
    shared = words & frozenset(content_words(one.context))
    if not shared & one.span.words or len(shared) < min(_COVERED_AT_LEAST, len(words)):
        return 0.0
    return sum(idf(word) for word in shared) / total if total else 0.0


def _subjects(premise: str, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """The names in a premise, each with its version and size: Llama 2 70B, BERT-base."""
    named = {name.partition("-")[0] for name in names_in(premise) if not name[0].isdigit()}
    first = premise.split()[0].partition("-")[0]
    if first[:1].isupper() and content_words(first):
        known = [span.text for item in evidence for span in item.spans]
        if not any(re.search(rf"\b{re.escape(first.lower())}\b", text) for text in known):
            named.add(first)  # no common word that only begins the sentence
    whole = (match for match in _NAMED.finditer(premise) if match["name"] in named)
    return tuple(dict.fromkeys(_folded(match[0]) for match in whole))


def _folded(name: str) -> str:
    return re.sub(r"[\s‑-]+", " ", name.lower()).strip()


def _mentions(text: str, subject: str) -> list[re.Match[str]]:
    """Where a text names a subject: the very version and size, no other."""
    return [match for match in _NAMED.finditer(text) if _folded(match[0]) == subject]


def _other_value(
    premise: str,
    subjects: Sequence[str],
    about: Sequence[EvidenceSentence],
    stated: Sequence[EvidenceSentence],
) -> EvidenceSentence | None:
    """Find a sentence that gives another value of what a premise says of its subject.

    None where any sentence has the premise's own value, whatever it is a value of.
    """
    named = [match.span() for match in _NAMED.finditer(premise)]
    claimed = [
        q
        for q in quantities(premise)
        if q.kind != "year"
        and (q.noun or q.dimension)
        # A size that is part of a name is not what is said of it: Mistral 7B, Mixtral 8x7B.
        and not any(start <= q.start < end for start, end in named)
    ]
    if len(claimed) != 1:
        return None
    (value,) = claimed
    if any(agree(value, q) or agree(q, value) for one in stated for q in quantities(one.text)):
        return None
    attribute = _attribute(premise, subjects, value)
    if not attribute and (value.dimension or value.noun in _MANY_SORTS):
        return None
    for one in about:
        said = frozenset(content_words(one.text))
        if attribute <= said and _gives_another(premise, value, one.text, subjects[0], attribute):
            return one
    return None


def _attribute(premise: str, subjects: Sequence[str], value: Quantity) -> frozenset[str]:
    """The words by which a premise says what its value is of, the subject's name apart."""
    names = {stem for name in subjects for stem in content_words(name)}
    words = frozenset(content_words(premise)) - names - frozenset(content_words(value.text))
    light = frozenset(content_words(_LIGHT))
    unit = frozenset(content_words(value.noun))
    return frozenset(word for word in words - light - unit if not word[0].isdigit())


def _gives_another(
    premise: str, value: Quantity, text: str, subject: str, attribute: frozenset[str]
) -> bool:
    """Tell whether a sentence gives the subject one value of that unit.

    The nearest name before the value is the subject's, or the only name in the sentence is; no
    comparison and no other statement of a figure stands between, and where the unit is one of
    many things nothing but the attribute.
    """
    stated = [q for q in quantities(text) if q.kind != "year"]
    alike = [q for q in stated if _same_unit(value, q)]
    if len(alike) != 1:
        return False
    (other,) = alike
    if _SHARED.match(text, other.end) or _is_rate(text, other) != _is_rate(premise, value):
        return False
    names = [match for match in _NAMED.finditer(text) if _is_name(match, text)]
    before = [match for match in names if match.end() <= other.start]
    if not before:
        return {_folded(match[0]) for match in names} == {subject}
    if _folded(before[-1][0]) != subject:
        return False
    way = text[before[-1].end() : other.start]
    if any(word not in premise.split() for word in _ELSEWHERE.findall(way)):
        return False
    if value.dimension or value.noun in _MANY_SORTS:
        return frozenset(content_words(way)) - frozenset(content_words(_LIGHT)) <= attribute
    between = [q for q in stated if before[-1].end() <= q.start and q.end <= other.start]
    if not between:
        return True
    rest = text[between[-1].end : other.start]
    unit = frozenset(content_words(between[-1].noun))
    return not re.search(r"\bof\b", rest) and frozenset(content_words(rest)) <= unit


def _is_rate(text: str, value: Quantity) -> bool:
    """Tell whether a value is one for each of something: tokens per parameter, dollars a month."""
    return _RATE.match(text, value.end) is not None


def _is_name(match: re.Match[str], text: str) -> bool:
    return match.start() > 0 or match["name"] in names_in(text) or not match["name"].islower()


def _same_unit(claimed: Quantity, stated: Quantity) -> bool:
    if stated.kind != claimed.kind or stated.dimension != claimed.dimension:
        return False
    return bool(claimed.dimension) or content_words(stated.noun) == content_words(claimed.noun)


def _otherwise_dated(question: str, evidence: Sequence[Evidence]) -> Correction | None:
    """Find a sentence that dates otherwise what a question says was introduced in a year.

    Only a name's own credit dates it, as LoRA (Hu et al., 2021), and all credits must agree.
    """
    asked = {int(q.low) for q in quantities(question) if q.kind == "year"}
    names = [name for name in names_in(question) if not name.isdigit()]
    if len(asked) != 1 or len(names) != 1 or not _BEGAN.search(question):
        return None
    credit = re.compile(
        rf"(?<![\w-]){re.escape(names[0])} \([^()]*?(?:et al\.|&)[^()]*?(\d{{4}})\)"
    )
    dated = {
        int(found[1]): EvidenceSentence(item, span)
        for item in evidence
        for span in item.spans
        for found in credit.finditer(span.text)
        if not re.search(
            r"[\w-]+ed $|\b(?:plain|standard|than|with|to) $", span.text[: found.start()]
        )
    }
    if len(dated) != 1 or asked & set(dated):
        return None
    return _correction(f"in {min(asked)}", next(iter(dated.values())))


def _opposite(premise: str, speaking: Sequence[EvidenceSentence]) -> Correction | None:
    """Find a sentence that has the opposite word where the premise has its own."""
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


def _denied(premise: str, one: EvidenceSentence) -> bool:
    """Tell whether a sentence denies what a premise affirms."""
    words = frozenset(content_words(premise))
    text = _WITHOUT_WHICH.sub("", _REPLY.sub("", one.text))
    undone = frozenset(
        stem for word in _UNDONE.findall(text.lower()) for stem in content_words(word)
    )
    if undone & words and not undone & frozenset(content_words(text)):
        return True
    # What one of its clauses affirms, it does not deny: "B starts at zero: … not zero".
    affirmed = (part for part in _CLAUSES.split(text) if not denied_words(part))
    denied = denied_words(text) & words - frozenset(content_words(" ".join(affirmed)))
    return len(denied) >= max(_COVERED_AT_LEAST, _DENIED * len(words))


def _correction(premise: str, one: EvidenceSentence) -> Correction:
    span = one.span
    support = Support(one.item.passage.id, one.item.n, span.start, span.end, 1.0)
    return Correction(premise, span.text, support)
