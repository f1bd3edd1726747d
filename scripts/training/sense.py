"""What the sense of the field is fitted on: questions of it, follow-ups, and everyday remarks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.encoders import Encoder
from index.types import KnowledgeBase
from scripts.dev_cases import dev_cases, is_dev

__all__ = ["EVERYDAY", "SenseFit", "everyday", "fit_sense"]

EVERYDAY = Path(__file__).with_name("everyday.txt")
_TURNS = Path(__file__).with_name("turns.txt")
# Talk may be about anything: it says nothing of the field, nor against it.
_TALK = frozenset({"aside", "remark", "greet", "thank", "leave"})
_ASKED, _SAID = 4000, 1200
_SUITES = ("paraphrase", "data-point", "cross-topic", "false-premise", "field", "conversation")
# How much each kind counts, however many there are of it.
_WEIGHTS = {"asked": 1.0, "suites": 1.5, "said": 0.5, "off": 3.0}
_FREEDOM = 10.0
_FOLDS = 5
_BATCH = 64
_SEED = 5
_MOST = 6.0


class SenseFit:
    """A fitted model, with what it makes of its own examples when it has not seen them."""

    def __init__(
        self, weights: NDArray[np.float64], bias: float, unseen: dict[str, float], encoder: Encoder
    ) -> None:
        self._weights, self._bias, self._unseen, self._encoder = weights, bias, unseen, encoder

    def logit(self, text: str) -> float:
        """Tell how much speaks for the field, of an example by a model that did not see it."""
        if text not in self._unseen:
            vector = self._encoder.encode_queries([text])[0]
            self._unseen[text] = float(np.clip(self._weights @ vector + self._bias, -_MOST, _MOST))
        return self._unseen[text]

    def as_json(self) -> dict[str, Any]:
        """Return the weights as they are shipped."""
        return {
            "weights": np.round(self._weights, 3).tolist(),
            "bias": round(self._bias, 3),
            "encoder": self._encoder.info.weights_sha256,
        }


def everyday() -> list[str]:
    """Read the questions and remarks of everyday life, many of them in words of the field."""
    return EVERYDAY.read_text(encoding="utf-8").splitlines()


def fit_sense(knowledge_base: KnowledgeBase, encoder: Encoder) -> SenseFit:
    """Tell questions of the field and what follows them from everyday remarks.

    Args:
        knowledge_base: its topics open for development give questions.
        encoder: whose vectors of the texts are used.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold

    texts, kinds = _examples(knowledge_base)
    vectors = np.concatenate([encoder.encode_queries(part) for part in _batches(texts)])
    named = np.array(kinds)
    right = named != "off"
    trust = np.array([_WEIGHTS[kind] / kinds.count(kind) for kind in kinds])
    trust *= len(texts) / trust.sum()

    def fit(rows: Sequence[int] | NDArray[np.int64]) -> LogisticRegression:
        model = LogisticRegression(C=_FREEDOM, max_iter=1000)
        return model.fit(vectors[rows], right[rows], sample_weight=trust[rows])

    unseen: dict[str, float] = {}
    for seen, rest in KFold(_FOLDS, shuffle=True, random_state=_SEED).split(vectors):
        logits = fit(seen).decision_function(vectors[rest])
        unseen |= {
            texts[at]: float(np.clip(x, -_MOST, _MOST)) for at, x in zip(rest, logits, strict=True)
        }
    whole = fit(np.arange(len(texts)))
    return SenseFit(whole.coef_[0], float(whole.intercept_[0]), unseen, encoder)


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), _BATCH):
        yield texts[start : start + _BATCH]


def _examples(knowledge_base: KnowledgeBase) -> tuple[list[str], list[str]]:
    rng = random.Random(_SEED)
    asked = [
        question
        for topic in knowledge_base.topics
        if is_dev(topic.slug)
        for also_asked in (
            *(one.also_asked for one in topic.faqs),
            *(one.also_asked for one in topic.data_points),
            *(one.also_asked for one in topic.practice),
        )
        for question in also_asked
    ]
    said, act = [], ""
    for line in _TURNS.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            act = line[2:].strip()
        elif line.strip() and act not in _TALK:
            said.append(line.strip())
    suites = [
        case["question"]
        for case in dev_cases(*_SUITES)
        if case.get("answerable", True) and (case["slice"] != "field" or case["gold"])
    ]
    off = [case["question"] for case in dev_cases("unanswerable") if case["style"] != "near-miss"]
    parts = {
        "asked": rng.sample(asked, min(_ASKED, len(asked))),
        "suites": suites,
        "said": rng.sample(said, min(_SAID, len(said))),
        "off": [*everyday(), *off],
    }
    pairs = [(text, kind) for kind, texts in parts.items() for text in texts]
    return [text for text, _ in pairs], [kind for _, kind in pairs]
