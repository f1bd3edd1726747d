"""Calibrate the verifier: `python -m scripts.train_verifier`.

True sentences are the passages' own and the reference answers of the development suites, which
say the same in other words; wrong ones are their corruptions and sentences about other topics. The
logistic model over the verifier's features is fitted and its threshold chosen so that at most
2 % of the wrong ones pass; what is reported is cross-validated by topic. Writes
app/verifying/verifier.json and docs/verification.md.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.record.evidence import Evidence, evidence_of
from app.verifying.supports import FEATURES, LexicalVerifier
from index.__main__ import DEFAULT_INDEX
from index.cli import say
from index.encoders import load_encoder
from index.live import LiveIndex
from index.text.names import names_in
from index.text.sentences import sentences
from index.types import Hit, Passage
from scripts.corruptions import KINDS, add_clause, corrupt
from scripts.dev_cases import dev_cases, is_dev

_ROOT = Path(__file__).resolve().parent.parent
_SEED = 7
_OWN = 9
_WHOLE = np.array([1.0, 1.0, 0.0])
_MOST_WRONG = 0.02
_PARTIAL_OF_SUPPORTED = 0.7
_FOLDS = 5


@dataclass(frozen=True)
class Pair:
    """A sentence with the evidence it is to be judged by; `kind` says true or which corruption."""

    topic: str
    kind: str
    sentence: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Judged:
    """The best reading of each pair: features of the passage that objects least."""

    pairs: Sequence[Pair]
    features: NDArray[np.float64]
    refused: NDArray[np.bool_]

    @property
    def true(self) -> NDArray[np.bool_]:
        """Which pairs are true. Shape: (pairs,)."""
        return np.array([pair.kind.startswith("true") for pair in self.pairs])


def main() -> int:
    """Fit, choose the threshold, report."""
    parser = argparse.ArgumentParser(prog="python -m scripts.train_verifier", description=__doc__)
    parser.add_argument("--index", type=Path, default=DEFAULT_INDEX)
    options = parser.parse_args()
    live = LiveIndex(options.index, load_encoder())
    pairs = list(_pairs(live))
    say(f"{len(pairs)} pairs")
    judged = _judge(pairs, LexicalVerifier(live.index.lexical.weight))
    held_out = _cross_validated(judged)
    weights, bias = _fit(judged.features, judged.true & ~judged.refused)
    # A sentence whose every word is covered, and that nothing speaks against, must pass.
    whole = 1 / (1 + np.exp(-(weights @ _WHOLE + bias)))
    threshold = min(_threshold(held_out, judged), np.floor(1000 * whole) / 1000)
    _write(weights, bias, threshold)
    (_ROOT / "docs" / "verification.md").write_text(
        _report(judged, held_out, threshold), encoding="utf-8"
    )
    print(_report(judged, held_out, threshold))
    return 0


def _pairs(live: LiveIndex) -> Iterator[Pair]:
    rng = random.Random(_SEED)
    cases = list(dev_cases("paraphrase", "data-point"))
    passages = {passage.id: passage for passage in live.index.passages}
    names = sorted({name for p in passages.values() for name in names_in(p.text)})
    texts = [passage.text for passage in live.index.passages if not is_dev(passage.topic)]
    yield from _own_sentences(live, names, texts, rng)
    seen: set[str] = set()
    for case in cases:
        evidence = evidence_of(live.retriever().search(case["question"], 6).hits)
        if case["gold"][0] not in {item.passage.id for item in evidence}:
            evidence = [*evidence[:5], Evidence(6, Hit(passages[case["gold"][0]], 0.0))]
        for sentence in _sentences(case["reference"]):
            if sentence in seen:
                continue
            seen.add(sentence)
            yield from _with_corruptions(
                "paraphrase", case["topic"], sentence, evidence, names, texts, rng
            )
        other = rng.choice(cases)
        if other["topic"] != case["topic"]:
            wrong = _sentences(other["reference"])[0]
            yield Pair(case["topic"], "other topic", wrong, tuple(evidence))


def _own_sentences(
    live: LiveIndex, names: Sequence[str], texts: Sequence[str], rng: random.Random
) -> Iterator[Pair]:
    """Take some of each development topic's own sentences, with its passages as evidence."""
    by_topic: dict[str, list[Passage]] = {}
    for passage in live.index.passages:
        if is_dev(passage.topic):
            by_topic.setdefault(passage.topic, []).append(passage)
    for topic, passages in by_topic.items():
        for passage in rng.sample(passages, min(_OWN, len(passages))):
            others = [other for other in passages if other is not passage]
            shown = [passage, *rng.sample(others, min(5, len(others)))]
            evidence = [Evidence(n, Hit(p, 0.5)) for n, p in enumerate(shown, start=1)]
            sentence = rng.choice(_sentences(passage.text))
            yield from _with_corruptions("verbatim", topic, sentence, evidence, names, texts, rng)


def _with_corruptions(
    how: str,
    topic: str,
    sentence: str,
    evidence: Sequence[Evidence],
    names: Sequence[str],
    texts: Sequence[str],
    rng: random.Random,
) -> Iterator[Pair]:
    yield Pair(topic, f"true, {how}", sentence, tuple(evidence))
    for kind in KINDS:
        wrong = corrupt(kind, sentence, names, rng)
        if wrong:
            yield Pair(topic, f"{kind}, {how}", wrong, tuple(evidence))
    added = add_clause(sentence, rng.choice(texts))
    if added:
        yield Pair(topic, f"addition, {how}", added, tuple(evidence))


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def _judge(pairs: Sequence[Pair], verifier: LexicalVerifier) -> Judged:
    rows, refused = [], []
    for pair in pairs:
        readings = [verifier.features(pair.sentence, (item,)) for item in pair.evidence]
        best = max(readings, key=lambda r: (not r[2], r[0]["passage"] + r[0]["span"]))
        rows.append([best[0][name] for name in FEATURES])
        refused.append(bool(best[2]))
    return Judged(pairs, np.array(rows), np.array(refused))


def _fit(
    features: NDArray[np.float64], true: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=5000, class_weight="balanced")
    model.fit(features, true)
    return model.coef_[0], float(model.intercept_[0])


def _cross_validated(judged: Judged) -> NDArray[np.float64]:
    """Score each pair by a model that saw none of its topic. Shape: (pairs,)."""
    from sklearn.model_selection import GroupKFold

    scores = np.zeros(len(judged.pairs))
    topics = [pair.topic for pair in judged.pairs]
    # What the checks refuse outright never reaches the model.
    usable = ~judged.refused
    for train, test in GroupKFold(_FOLDS).split(judged.features, groups=topics):
        chosen = train[usable[train]]
        weights, bias = _fit(judged.features[chosen], judged.true[chosen])
        scores[test] = 1 / (1 + np.exp(-(judged.features[test] @ weights + bias)))
    scores[judged.refused] = 0.0
    return scores


def _threshold(scores: NDArray[np.float64], judged: Judged) -> float:
    """Find the lowest threshold at which at most 2 % of the wrong sentences pass."""
    wrong = np.sort(scores[~judged.true])[::-1]
    allowed = int(_MOST_WRONG * len(wrong))
    return float(np.ceil(wrong[allowed] * 1000 + 1) / 1000)


def _write(weights: NDArray[np.float64], bias: float, threshold: float) -> None:
    raw = {
        "weights": {name: round(float(w), 4) for name, w in zip(FEATURES, weights, strict=True)},
        "bias": round(bias, 4),
        "supported_at": round(threshold, 3),
        "partial_at": round(_PARTIAL_OF_SUPPORTED * threshold, 3),
    }
    (_ROOT / "app" / "verifying" / "verifier.json").write_text(json.dumps(raw, indent=2) + "\n")


def _report(judged: Judged, scores: NDArray[np.float64], threshold: float) -> str:
    kinds = np.array([pair.kind for pair in judged.pairs])
    passed = scores >= threshold
    rows = [
        f"| {kind} | {int((kinds == kind).sum())} | {passed[kinds == kind].mean():.3f} "
        f"| {judged.refused[kinds == kind].mean():.3f} |"
        for kind in dict.fromkeys(kinds)
    ]
    wrong = ~judged.true
    precision = passed[judged.true].sum() / max(1, passed.sum())
    return "\n".join(
        [
            "# Verification, measured",
            "",
            "Made by `python -m scripts.train_verifier` on the development topics: passages' own",
            "sentences and the suites' reference answers, which say the same in other words,",
            "against their corruptions: another number, name or direction, a negation, another",
            "quantifier, two numbers or names that change places, a clause of another topic added.",
            "Scores are cross-validated by topic (five folds).",
            "",
            "| sentences | n | shown as supported | refused by a check |",
            "|---|---|---|---|",
            *rows,
            "",
            f"Threshold {threshold:.3f}: {passed[wrong].mean():.3f} of {int(wrong.sum())} wrong "
            f"sentences pass, {passed[judged.true].mean():.3f} of {int(judged.true.sum())} true "
            f"ones; precision {precision:.3f} at this mix.",
            "",
            "The corruptions are mechanical, so some of the wrong sentences are still true, and",
            "some of the true ones say more than their passages do.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
