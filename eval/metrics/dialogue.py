"""Whether an answer in a dialogue does what its turn asked for: form, words, subjects, language.

All checks are mechanical. What a careful reader would see beyond them is for a judge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from eval.dialogues import Expectation, Form, Language
from eval.metrics.text import MARKER, sentences
from eval.samples import Output

__all__ = ["REPEATED", "failures", "languages", "share_repeated", "topics_cited", "word_count"]

# An answer of which so many 4-grams stand in the one before says it again.
REPEATED = 0.6
_SOURCES = re.compile(
    r"\n+\s*(?:sources|quellen|fuentes|fontes|fonti)\s*:?\s*\n.*\Z", re.IGNORECASE | re.DOTALL
)
_CJK = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[^\W_]+(?:[.,'’×·^-][^\W_]+)*")
_LIST_ITEM = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+\S", re.MULTILINE)
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{3,}:?\s*\|", re.MULTILINE)
# The commonest words of each language; those that several share decide nothing.
_COMMON: dict[Language, frozenset[str]] = {
    "en": frozenset("the of and to is in that it for as with are by on be this which not".split()),
    "es": frozenset("el la los las de que y en un una es por con para se del no como más".split()),
    "fr": frozenset("le la les de et est un une des que en pour dans qui par sur pas du".split()),
    "de": frozenset("der die das und ist in ein eine den von mit zu für auf nicht dem im".split()),
    "pt": frozenset("o a os as de que e em um uma é por com para se do da não como mais".split()),
    "it": frozenset("il la i le di che e in un una è per con si del della non come più".split()),
}
_LEAST_COMMON = 2


def topics_cited(output: Output) -> list[str]:
    """Return the topics of an answer's citations, each once."""
    return list(dict.fromkeys(cited.ref.split("/")[0] for cited in output.citations))


def failures(want: Expectation, output: Output, before: str | None) -> list[str]:
    """Say what an answer lacks of what is expected; empty where it passes.

    A refusal that is not wanted, or the lack of one, says it all.

    Args:
        want: what is expected.
        output: the answer.
        before: the text of the answer before it; None for the first.
    """
    abstains = True if want.kind == "refuse" else want.abstain
    if abstains is not None and output.abstained != abstains:
        return ["refuses" if output.abstained else "does not refuse"]
    text = _plain(output.text)
    return [
        *_of_kind(want, output, text),
        *_of_subject(want, topics_cited(output)),
        *_of_words(want, text, [text, *(f"{c.title} {c.url}" for c in output.citations)]),
        *_of_form(want, text, before),
    ]


def _of_kind(want: Expectation, output: Output, text: str) -> Iterator[str]:
    claims = sum(1 for claim in output.claims if claim.cites)
    strays = sorted(set(topics_cited(output)) - set(want.topics))
    if want.kind == "answer" and not claims:
        yield "claims nothing with a citation"
    elif want.kind in ("smalltalk", "meta") and strays:
        yield f"cites {strays}"
    elif want.kind == "off" and not output.abstained and (claims or strays):
        yield f"answers what is off the subject, citing {strays}"
    elif want.kind == "clarify":
        if "?" not in text and "？" not in text:
            yield "asks nothing back"
        if claims > 1:
            yield f"claims {claims} things instead of asking back"


def _of_subject(want: Expectation, cited: list[str]) -> Iterator[str]:
    expected = want.topics if want.kind in ("answer", "clarify") else ()
    if expected and not set(expected) & set(cited):
        yield f"cites {cited}, none of {list(expected[:4])}"
    if strays := sorted(set(want.not_topics) & set(cited)):
        yield f"cites {strays}, which is left behind"


def _of_words(want: Expectation, text: str, shown: list[str]) -> Iterator[str]:
    count = word_count(text)
    if want.max_words is not None and count > want.max_words:
        yield f"{count} words, at most {want.max_words} wanted"
    if want.min_words is not None and count < want.min_words:
        yield f"{count} words, at least {want.min_words} wanted"
    if want.must_any and not any(_holds(text, needle) for needle in want.must_any):
        yield f"says none of {list(want.must_any)}"
    if lacking := [needle for needle in want.must_all if not _holds(text, needle)]:
        yield f"lacks {lacking}"
    if said := [needle for needle in want.must_not if _holds(text, needle)]:
        yield f"says {said}"
    if want.must_any_shown and not any(
        _holds("\n".join(shown), needle) for needle in want.must_any_shown
    ):
        yield f"shows none of {list(want.must_any_shown)}"


def _of_form(want: Expectation, text: str, before: str | None) -> Iterator[str]:
    if want.lang and languages(text) != {want.lang}:
        yield f"is not wholly in {want.lang}"
    if want.lang_some and want.lang_some not in languages(text):
        yield f"has no sentence in {want.lang_some}"
    if want.format and not _formed(text, want.format):
        yield f"is no {want.format}"
    if want.differs and before is not None:
        share = share_repeated(text, before)
        if share >= REPEATED:
            yield f"{share:.0%} of it is the answer before"
    if want.adds and before is not None and share_repeated(text, before) == 1.0:
        yield "says nothing but the answer before"


def share_repeated(text: str, before: str) -> float:
    """Share of a text's word 4-grams that stand in the text before it; 0 where it has none."""
    own = _grams(_plain(text))
    return len(own & _grams(_plain(before))) / len(own) if own else 0.0


def _grams(text: str) -> set[tuple[str, ...]]:
    found = [word.lower() for word in _words(text)]
    return {tuple(found[i : i + 4]) for i in range(len(found) - 3)}


def word_count(text: str) -> int:
    """Count words, and Chinese characters, without markers and a closing list of sources."""
    return len(_words(_plain(text)))


def _words(text: str) -> list[str]:
    return [*_WORD.findall(_CJK.sub(" ", text)), *_CJK.findall(text)]


def _plain(text: str) -> str:
    return MARKER.sub("", _SOURCES.sub("", text)).strip()


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFC", text).lower()
    text = re.sub(r"[\u00a0\u2009\u202f]", " ", text).replace("’", "'").replace("‑", "-")
    return re.sub(r"(?<=\d),(?=\d{3})", "", text)


def _holds(text: str, needle: str) -> bool:
    """Whether a text holds a needle; one that begins or ends on a digit is a number of its own."""
    want = _folded(needle)
    left = r"(?<![\d.])" if want[0].isdigit() else ""
    right = r"(?![\d]|[.,]\d)" if want[-1].isdigit() else ""
    return re.search(left + re.escape(want) + right, _folded(text)) is not None


def languages(text: str) -> set[Language]:
    """Return the languages of a text's sentences, by their commonest words.

    A sentence with fewer than two of them in any language decides nothing.
    """
    return {found for each in _sentences(text) if (found := _language(each))}


def _sentences(text: str) -> list[str]:
    return sentences(re.sub(r"(?<=[。！？])", "\n", text))


def _language(sentence: str) -> Language | None:
    letters = re.findall(r"[^\W\d_]", sentence)
    if letters and len(_CJK.findall(sentence)) / len(letters) > 0.25:
        return "zh"
    words = re.findall(r"[^\W\d_]+", sentence.lower())
    counts = {code: sum(word in common for word in words) for code, common in _COMMON.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] >= _LEAST_COMMON else None


def _formed(text: str, form: Form) -> bool:
    if form == "list":
        return len(_LIST_ITEM.findall(text)) >= 2
    if form == "table":
        return _TABLE_RULE.search(text) is not None
    if form == "code":
        return "```" in text
    return len(_sentences(text)) == 1 and "\n" not in text.strip()
