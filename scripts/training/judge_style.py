"""How a question is put, apart from what it asks: what the judge should not go by.

Near misses are written in whole sentences, ways of asking mostly are not. A judge that looks at
that alone tells them apart without reading a passage, so what it is measured by says how far
style alone gets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from index.text.tokens import STOP_WORDS
from scripts.training.judge_data import JudgedPair

__all__ = ["StyleOdds"]

_WORD = re.compile(r"\w+")


class StyleOdds:
    """The log-odds that a question is answered by its passage, from the question's style alone."""

    def __init__(self, pairs: Sequence[JudgedPair]) -> None:
        """Fit to pairs of questions and passages."""
        self._vectorizer = DictVectorizer()
        self._model = LogisticRegression(max_iter=2000)
        style = self._vectorizer.fit_transform(_style(pair.text) for pair in pairs)
        self._model.fit(style, [pair.true for pair in pairs])

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the log-odds of each text. Shape: (texts,)."""
        odds = self._model.decision_function(self._vectorizer.transform(map(_style, texts)))
        return np.asarray(odds, np.float32)


def _style(text: str) -> dict[str, float]:
    """Tell function words, the first of them, signs and length; no word that carries a subject."""
    said = _WORD.findall(text.lower())
    style = {f"has {word}": 1.0 for word in said if word in STOP_WORDS}
    if said and said[0] in STOP_WORDS:
        style[f"begins {said[0]}"] = 1.0
    style |= {f"sign {sign}": 1.0 for sign in "?.,:;'" if sign in text}
    style[f"words {min(len(said), 30) // 3}"] = 1.0
    return style
