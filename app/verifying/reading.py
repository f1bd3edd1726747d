"""The built-in verifier: words first, then a judge that reads sentence and passage together.

Words tell whether a sentence keeps to the evidence; they don't tell that one word of it turns its
meaning round. What words support and the judge finds more likely false than true is not certain:
the evidence's own sentence is shown in its place. Which one that is, of a passage that the sentence
cites, is told by meaning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.record.evidence import Evidence
from app.record.reasons import Objection, Reason
from app.record.types import Usage
from app.verifying.closest import closest
from app.verifying.supports import LexicalVerifier, Pace, Support, Verdict, words_of
from index.judge import PairJudge, load_pair_judge
from index.text.tokens import tokenize

__all__ = ["ReadingVerifier", "word_for_word"]

# What no rewording mends: a figure or a credit that no passage bears.
_REFUSED = frozenset({Reason.NUMBER, Reason.YEAR, Reason.CREDIT})


class ReadingVerifier:
    """Words first, then the judge; it is loaded when it is first asked."""

    pace: Pace = "at once"
    usage = Usage()

    def __init__(
        self, words: LexicalVerifier, judge: Callable[[], PairJudge] = load_pair_judge
    ) -> None:
        """Take what compares words, and where the judge comes from."""
        self._words, self._judge = words, judge

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        """Check a sentence in a thread of its own."""
        return await asyncio.to_thread(self.verify, sentence, cited, evidence)

    def verify(self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]) -> Verdict:
        """Check a sentence against what it cites, then against other passages on its subject."""
        verdict = self._words.verify(sentence, cited, evidence)
        if verdict.status != "supported":
            refused = verdict.objection is not None and verdict.objection.reason in _REFUSED
            nearest = () if refused else self.nearest(sentence, cited, evidence)
            return replace(verdict, instead=nearest or verdict.instead)
        if word_for_word(sentence, verdict.supports, evidence):
            return verdict
        refs = {support.ref for support in verdict.supports}
        read = [item.passage for item in evidence if item.passage.id in refs]
        odds = self._judge().supports(sentence, [(one.heading, one.text) for one in read])
        if odds.max() >= 0:
            return verdict
        against = Objection(Reason.NOT_ENTAILED)
        instead = self.nearest(sentence, cited, evidence) or verdict.supports[:1]
        return Verdict("unsupported", verdict.score, (), against, instead)

    def nearest(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> tuple[Support, ...]:
        """Find what the passages that a sentence cites say of it; nothing if it cites none."""
        own = [item for item in evidence if item.n in cited]
        found = closest(sentence, own, self._judge().meaning, self._words.share) if own else None
        return (found,) if found else ()


def word_for_word(sentence: str, supports: Sequence[Support], evidence: Sequence[Evidence]) -> bool:
    """Tell whether the evidence has a sentence's words in its order, all of them."""
    said = f" {' '.join(tokenize(sentence))} "
    return any(
        said in f" {' '.join(tokenize(words_of(support, evidence)))} " for support in supports
    )
