"""What retrieval saw of a question and its evidence, as the numbers that the gate judges by."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.text.names import asked_names, versions_in
from index.text.tokens import UNSEEN, content_words
from index.types import Hit

__all__ = ["DEPTH", "FEATURES", "TOKEN_FEATURES", "measure"]

DEPTH = 10
_READ = 3
_MANY = 12.0
# A token that is met less closely than this has no counterpart in the passage.
_UNMET = 0.5

_STAGE = (
    "dense_top", "dense_margin", "dense_gap", "lexical_top", "score_top", "score_gap",
    "agreement", "same_topic",
)  # fmt: skip
_WORDS = (
    "covered_by_best", "covered_by_all", "unknown_words", "asked_missing", "names",
    "names_missed", "names_missed_first", "names_unknown", "versions", "versions_missed",
    "versions_missed_first", "versions_missed_all", "others", "others_missed",
    "others_missed_first",
)  # fmt: skip
# What only an index with token vectors gives.
TOKEN_FEATURES = (
    "met_top", "met_first", "met_together", "met_margin", "met_least", "met_least_together",
    "met_quartile", "unmet", "unmet_together",
)  # fmt: skip
FEATURES = (*_STAGE, *_WORDS)

# What a question asks a number, a name or a date of: the words right after these.
_ASKED = re.compile(
    r"\b(?:how (?:many|much)|what|which|whose|number of|count of|size of|amount of|rate of)"
    r"\s+((?:[\w-]+\s+){0,2}[\w-]+)",
    re.IGNORECASE,
)
_INSIDE_SENTENCE = re.compile(r"(?<=[a-z,;] )[A-Z][\w-]+")


def measure(
    question: str,
    hits: Sequence[Hit],
    idf: Callable[[str], float],
    token_weights: Sequence[float] = (),
) -> dict[str, float]:
    """Measure what the gate judges by, each in 0 to 1 or nearly so.

    Args:
        question: as it was searched for.
        hits: the best `DEPTH`.
        idf: how much a stem tells (its inverse document frequency).
        token_weights: what the question's tokens count for, where the index has token vectors;
            `TOKEN_FEATURES` are measured then, and only then.

    Returns:
        The features by name. Without hits or telling words there is nothing to go by: all are 0
        but `unknown_words`.
    """
    names = (*FEATURES, *TOKEN_FEATURES) if token_weights else FEATURES
    # A bare number is in some passage or other: it tells nothing about what is asked.
    words = [w for w in dict.fromkeys(content_words(question)) if not w[0].isdigit()]
    if not hits or not words:
        return {**dict.fromkeys(names, 0.0), "unknown_words": 1.0}
    read = [_Read.of(hit) for hit in hits]
    return {
        **_by_stage(hits, words, idf),
        **_by_words(question, words, read, idf),
        **(_by_tokens(hits, np.array(token_weights)) if token_weights else {}),
    }


@dataclass(frozen=True, slots=True)
class _Read:
    """A passage as the question is held against it: its text, stems and versioned names."""

    text: str
    words: frozenset[str]
    versions: frozenset[str]

    @classmethod
    def of(cls, hit: Hit) -> _Read:
        text = f"{hit.passage.title} {hit.passage.heading} {hit.passage.text}"
        return cls(text, frozenset(content_words(text)), versions_in(text))


def _by_stage(
    hits: Sequence[Hit], words: Sequence[str], idf: Callable[[str], float]
) -> dict[str, float]:
    """How high the best passages score, how far ahead, and whether the stages agree."""
    total = sum(idf(word) for word in words) or 1.0
    dense = sorted((hit.trace["dense"] for hit in hits), reverse=True)
    scores = [hit.score for hit in hits]
    return {
        "dense_top": dense[0],
        "dense_margin": dense[0] - dense[min(len(dense) - 1, 4)],
        "dense_gap": dense[0] - dense[min(len(dense) - 1, 1)],
        "lexical_top": max(hit.trace["lexical"] for hit in hits) / (total * 2.0),
        "score_top": scores[0],
        "score_gap": scores[0] - scores[min(len(scores) - 1, 1)],
        "agreement": 1.0 / max(1.0, hits[0].trace["lexical_rank"]),
        "same_topic": sum(h.passage.topic == hits[0].passage.topic for h in hits[:5]) / 5,
    }


def _by_words(
    question: str, words: Sequence[str], read: Sequence[_Read], idf: Callable[[str], float]
) -> dict[str, float]:
    """How much of what the question names is in the passages that would be read."""
    best, first = [passage.words for passage in read[:_READ]], read[0].words
    together = frozenset().union(*best)
    rarest = idf(UNSEEN)
    names = _names(question, words, read)
    others = [word for word in words if word not in names]
    versions = versions_in(question)
    version_sets = [passage.versions for passage in read]

    def missed(wanted: Sequence[str], there: frozenset[str]) -> float:
        total = sum(idf(word) for word in wanted)
        return sum(idf(w) for w in wanted if w not in there) / total if total else 0.0

    def missed_versions(there: frozenset[str]) -> float:
        return len(versions - there) / len(versions) if versions else 0.0

    return {
        "covered_by_best": 1 - min(missed(words, passage) for passage in best),
        "covered_by_all": 1 - missed(words, together),
        "unknown_words": sum(idf(word) >= rarest for word in words) / len(words),
        "asked_missing": _asked_missing(question, together),
        "names": min(len(names), 6) / 6,
        "names_missed": min(missed(names, passage) for passage in best),
        "names_missed_first": missed(names, first),
        "names_unknown": sum(idf(name) >= rarest for name in names) / max(1, len(names)),
        "versions": float(bool(versions)),
        "versions_missed": min(missed_versions(found) for found in version_sets[:_READ]),
        "versions_missed_first": missed_versions(version_sets[0]),
        "versions_missed_all": missed_versions(frozenset().union(*version_sets)),
        "others": min(len(others), _MANY) / _MANY,
        "others_missed": missed(others, together),
        "others_missed_first": missed(others, first),
    }


def _by_tokens(hits: Sequence[Hit], weights: NDArray[np.float64]) -> dict[str, float]:
    """How closely the question's tokens are met, by the best passage and by all that are read."""
    read = [np.array(hit.met) for hit in hits[:5] if hit.met]
    if not read:
        return dict.fromkeys(TOKEN_FEATURES, 0.0)
    met = np.stack(read)
    scores = met @ weights
    best = met[:_READ][scores[:_READ].argmax()]
    together = met[:_READ].max(axis=0)
    telling = weights >= np.median(weights)
    return {
        "met_top": float(scores.max()),
        "met_first": float(scores[0]),
        "met_together": float(together @ weights),
        "met_margin": float(scores.max() - scores.min()),
        "met_least": float(best[telling].min()),
        "met_least_together": float(together[telling].min()),
        "met_quartile": float(np.quantile(best[telling], 0.25)),
        "unmet": float(weights[best < _UNMET].sum()),
        "unmet_together": float(weights[together < _UNMET].sum()),
    }


def _names(question: str, words: Sequence[str], read: Sequence[_Read]) -> list[str]:
    """Return the stems of a question's names, those among them that passages write as names."""
    written = {stem for name in asked_names(question) for stem in content_words(name)}
    for passage in read[:5]:
        for name in _INSIDE_SENTENCE.findall(passage.text):
            written.update(content_words(name))
    return [word for word in words if word in written]


def _asked_missing(question: str, evidence: frozenset[str]) -> float:
    """Return the share of what is asked for that the evidence does not name, 0 to 1."""
    asked = {word for found in _ASKED.findall(question) for word in content_words(found)}
    return len(asked - evidence) / len(asked) if asked else 0.0
