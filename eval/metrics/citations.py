"""Citation quality after ALCE (Gao et al. 2023), with a verifier that is not the product's own.

The verifier reads numbers and words with this package's own code. Its limits, which a reader of
the scores must know: it sees words, not meaning, so a sentence with the passage's words in
another relation passes; a true paraphrase in quite other words fails; negation is not looked at.
It is exact about figures: each must stand in what is cited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.metrics.number_fidelity import figures, same
from eval.metrics.text import MARKER, char_ngrams, content, fold, sentences

__all__ = [
    "AttributedStatement",
    "citation_precision",
    "citation_recall",
    "credits_right",
    "exact_quotes",
    "figures_attributed",
    "misattributed",
    "numbers_cited",
    "supports",
    "valid_ids",
]

_CREDIT = re.compile(
    r"\b([A-Z][\w-]+)(?:'s|’s)?(?: et al\.?| (?:and|&) [A-Z][\w-]+)?,? \(?((?:19|20)\d\d)\b"
)
_CREDIT_REACH = 80
_CODE = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1`*[ \t]*$|(`+)(?!`)[^\n]*?(?<!`)\2(?!`)", re.M | re.S)
WORDS_AT = 0.70
NGRAMS_AT = 0.60


@dataclass(frozen=True, slots=True)
class AttributedStatement:
    """A sentence of an answer, markers removed, with the text behind each of its citations."""

    text: str
    premises: tuple[str, ...]


def supports(premise: str, statement: str) -> bool:
    """Tell whether a premise supports a statement, sentence by sentence.

    Each sentence must have all its figures in the premise, at least 70% of its content words,
    and at least 60% of its character 4-grams. Precedents for n-gram containment as a stand-in
    for entailment: Lin (2004) and, for citations, ALCE's own ablation against a model.
    """
    given = figures(premise)
    known, grams = set(content(premise)), char_ngrams(premise)
    for sentence in sentences(statement) or [statement]:
        if not all(any(same(figure, other) for other in given) for figure in figures(sentence)):
            return False
        stems = set(content(sentence))
        if stems and len(stems & known) < WORDS_AT * len(stems):
            return False
        own = char_ngrams(sentence)
        if len(own & grams) < NGRAMS_AT * len(own):
            return False
    return True


def citation_recall(statements: Sequence[AttributedStatement]) -> float | None:
    """Share of statements that what they cite, taken together, supports.

    (1/|S|) Σ_s 1[concat(C_s) ⊨ s]; a statement without citations counts 0. ALCE, section 4.3.
    None where nothing is stated.
    """
    if not statements:
        return None
    return sum(_recalled(statement) for statement in statements) / len(statements)


def citation_precision(statements: Sequence[AttributedStatement]) -> float | None:
    """Share of citations that are not idle.

    A citation c of s is precise if concat(C_s) ⊨ s and not (c ⊭ s and C_s without c ⊨ s).
    ALCE, section 4.3. None where nothing is cited.
    """
    judged = [
        _precise(statement, position)
        for statement in statements
        for position in range(len(statement.premises))
    ]
    return sum(judged) / len(judged) if judged else None


def misattributed(statements: Sequence[AttributedStatement]) -> float | None:
    """Share of the statements with a citation that what they cite does not support.

    What a reader takes for proved and is not. None where nothing is cited.
    """
    cited = [statement for statement in statements if statement.premises]
    return sum(not _recalled(each) for each in cited) / len(cited) if cited else None


def figures_attributed(statements: Sequence[AttributedStatement]) -> float | None:
    """Share of the figures, years among them, that stand in what their own statement cites.

    Σ_s |{f ∈ F(s) : f ∈ F(C_s)}| / Σ_s |F(s)|: stricter than `numbers_grounded`, to which any of
    the evidence will do. A figure without a citation counts 0. None without figures.
    """
    judged = []
    for statement in statements:
        given = figures(_joined(statement.premises))
        judged += [any(same(f, g) for g in given) for f in figures(statement.text)]
    return sum(judged) / len(judged) if judged else None


def credits_right(statements: Sequence[AttributedStatement]) -> float | None:
    """Share of the credits (a name with a year) that what is cited gives as well.

    The name must stand there with the same year within 80 characters after it, as in a source's
    label. None where nobody is credited.
    """
    judged = []
    for statement in statements:
        given = _joined(statement.premises)
        for name, year in _CREDIT.findall(statement.text):
            near = rf"\b{re.escape(name)}\b[^\n]{{0,{_CREDIT_REACH}}}\b{year}\b"
            judged.append(re.search(near, given) is not None)
    return sum(judged) / len(judged) if judged else None


def _recalled(statement: AttributedStatement) -> bool:
    return bool(statement.premises) and supports(_joined(statement.premises), statement.text)


def _precise(statement: AttributedStatement, position: int) -> bool:
    if not _recalled(statement):
        return False
    own = statement.premises[position]
    rest = statement.premises[:position] + statement.premises[position + 1 :]
    needless = (
        not supports(own, statement.text)
        and bool(rest)
        and (supports(_joined(rest), statement.text))
    )
    return not needless


def _joined(premises: Iterable[str]) -> str:
    return "\n".join(premises)


def numbers_cited(text: str) -> list[int]:
    """Return the source numbers that a text's markers name, by first use; code has no markers."""
    prose = _CODE.sub(" ", text)
    found = (int(part) for m in MARKER.finditer(prose) for part in re.findall(r"\d+", m[1]))
    return list(dict.fromkeys(found))


def valid_ids(text: str, known: Iterable[int]) -> float | None:
    """Share of the source numbers cited in a text that are listed; None without markers."""
    cited, listed = numbers_cited(text), set(known)
    return sum(number in listed for number in cited) / len(cited) if cited else None


def exact_quotes(quotes: Iterable[tuple[str, str]]) -> float | None:
    """Share of (quote, passage) pairs whose quote stands in the passage word for word.

    Compared after folding white space and compatibility forms; None without quotes.
    """
    judged = [bool(quote.strip()) and fold(quote) in fold(passage) for quote, passage in quotes]
    return sum(judged) / len(judged) if judged else None
