"""A small linear model of what a clause does: thank, ask, shorten, doubt.

It knows words that acts are made of, and counts all others as unknown: a clause of the field is
mostly unknown words, and so is a question. Numbers and names of languages stand for their kind.
The weights are JSON, made from written examples by `python -m scripts.train_acts`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["ASK", "ActModel", "grams", "shipped", "words"]

ASK = "ask"
_WEIGHTS = Path(__file__).with_name("act_model.json")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d[\d.,]*%?[a-z]*")
_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve fifteen sixteen twenty thirty "
    "forty fifty hundred thousand million billion".split()
)
_LANGUAGES = frozenset(
    "german english spanish french italian portuguese chinese hindi japanese arabic russian".split()
)
_SPELT = {
    "isnt": "isn't", "dont": "don't", "doesnt": "doesn't", "didnt": "didn't", "cant": "can't",
    "wasnt": "wasn't", "arent": "aren't", "thats": "that's", "whats": "what's", "im": "i'm",
    "ive": "i've", "youre": "you're", "u": "you", "r": "are", "pls": "please", "plz": "please",
    "thx": "thanks", "shouldnt": "shouldn't", "wont": "won't", "couldnt": "couldn't",
}  # fmt: skip
_LONGEST = 3
_MOST_UNKNOWN, _MOST_PAIRS = 4, 6


@dataclass(frozen=True, slots=True)
class ActModel:
    """Multinomial logistic regression over runs of up to three words.

    `weights` are by run, then by the place of an act in `acts`; `bias` is one an act. `words` are
    those that it knows, `own_words` those among them that acts are made of.
    """

    acts: tuple[str, ...]
    words: frozenset[str]
    own_words: frozenset[str]
    bias: tuple[float, ...]
    weights: Mapping[str, Mapping[int, float]]

    def chances(self, clause: str) -> dict[str, float]:
        """Estimate what a clause does: a chance an act, together 1."""
        logits = list(self.bias)
        for gram in set(grams(words(clause), self.words)):
            for act, weight in self.weights.get(gram, {}).items():
                logits[act] += weight
        top = max(logits)
        raised = [math.exp(logit - top) for logit in logits]
        total = sum(raised)
        return {act: each / total for act, each in zip(self.acts, raised, strict=True)}

    def likeliest(self, clause: str) -> tuple[str, float]:
        """Name what a clause does most likely, with the chance of it."""
        chances = self.chances(clause)
        act = max(chances, key=chances.__getitem__)
        return act, chances[act]


def words(text: str) -> list[str]:
    """Return a text's words as the model has them: `#` for a number, `@` for a language."""
    found = [_SPELT.get(word, word) for word in _WORD.findall(text.lower().replace("’", "'"))]
    return [
        "#" if word[0].isdigit() or word in _NUMBERS else "@" if word in _LANGUAGES else word
        for word in found
    ]


def grams(found: Sequence[str], known: Collection[str]) -> list[str]:
    """Return what the model weighs: runs of words, how many are unknown, how long it is."""
    row = ["^", *(word if word in known else "*" for word in found), "$"]
    runs = [
        " ".join(row[at : at + size])
        for size in range(1, _LONGEST + 1)
        for at in range(len(row) - size + 1)
    ]
    unknown = min(row.count("*"), _MOST_UNKNOWN)
    return [*runs, f"unknown={unknown}", f"pairs={min(len(found) // 2, _MOST_PAIRS)}"]


@cache
def shipped() -> ActModel:
    """Read the weights that come with Citewise."""
    raw: dict[str, Any] = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
    weights = {
        gram: {int(act): weight for act, weight in own.items()}
        for gram, own in raw["weights"].items()
    }
    known, own = frozenset(raw["words"]), frozenset(raw["own_words"])
    return ActModel(tuple(raw["acts"]), known, own, tuple(raw["bias"]), weights)
