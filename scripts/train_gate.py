"""Calibrate the gate: `python -m scripts.train_gate`.

Answerable questions are those of the development half of the suites; unanswerable ones are the
near misses and the out-of-domain questions there, and answerable ones whose passages are left
out of what was found. The operating point is the highest threshold at which 85 % of the
answerable questions are answered. What is reported is cross-validated by topic. Writes
app/gate.json and docs/abstention.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.gate import DEPTH, FEATURES, features
from app.live_index import LiveIndex
from index.__main__ import DEFAULT_INDEX
from index.build import build
from index.cli import say
from index.encoders import load_encoder
from index.sources import SHIPPED, read
from index.types import KnowledgeBase, SearchResult
from scripts.dev_cases import dev_cases

_ROOT = Path(__file__).resolve().parent.parent
_FOLDS = 5
_LEFT_OUT_WEIGHT = 0.5
_HEADS = {"domain": ("out-of-domain",), "answer": ("near-miss", "left out")}
_ANSWERED = 0.85
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


@dataclass(frozen=True)
class Row:
    """A question with what the gate measures; `kind` is its slice or how it was made."""

    topic: str
    kind: str
    answerable: bool
    measured: tuple[float, ...]


def main() -> int:
    """Fit, choose the operating point, report."""
    parser = argparse.ArgumentParser(prog="python -m scripts.train_gate", description=__doc__)
    parser.add_argument("--index", type=Path, default=DEFAULT_INDEX)
    options = parser.parse_args()
    encoder = load_encoder()
    rows = list(_rows(LiveIndex(options.index, encoder)))
    with TemporaryDirectory() as folder:
        # A knowledge base whose owners wrote no other ways of asking must be judged as well.
        build(_bare(read(SHIPPED).knowledge_base), Path(folder), encoder)
        rows += _rows(LiveIndex(Path(folder), encoder))
    say(f"{len(rows)} questions")
    scores = _cross_validated(rows)
    threshold = _operating_point(rows, scores)
    raw = {
        **{name: _as_json(*_fit(rows, kinds)) for name, kinds in _HEADS.items()},
        "threshold": round(threshold, 3),
    }
    (_ROOT / "app" / "gate.json").write_text(json.dumps(raw, indent=2) + "\n")
    report = _report(rows, scores, threshold)
    (_ROOT / "docs" / "abstention.md").write_text(report, encoding="utf-8")
    print(report)
    return 0


def _bare(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """Return the knowledge base without the other ways in which its questions are asked."""
    return replace(
        knowledge_base,
        topics=tuple(
            replace(
                topic,
                faqs=tuple(replace(faq, also_asked=()) for faq in topic.faqs),
                data_points=tuple(replace(point, also_asked=()) for point in topic.data_points),
            )
            for topic in knowledge_base.topics
        ),
    )


def _rows(live: LiveIndex) -> Iterator[Row]:
    retriever, weigh = live.retriever(), live.index.lexical.weight

    def measured(question: str, found: SearchResult) -> tuple[float, ...]:
        values = features(question, found.hits[:DEPTH], weigh)
        return tuple(values[name] for name in FEATURES)

    slices = ("paraphrase", "data-point", "cross-topic", "false-premise", "unanswerable")
    for case in dev_cases(*slices):
        found = retriever.search(case["question"], 2 * DEPTH)
        # A question without a topic is a cluster of its own.
        topic = case["id"] if case["topic"] in ("", "none") else case["topic"]
        question = case["question"]
        kind = case["slice"] if case["answerable"] else case["style"]
        yield Row(topic, kind, case["answerable"], measured(question, found))
        if case["slice"] in ("paraphrase", "data-point"):
            left = tuple(hit for hit in found.hits if hit.passage.id not in case["gold"])
            without = replace(found, hits=left)
            yield Row(topic, "left out", False, measured(question, without))


def _arrays(rows: Sequence[Row]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return np.array([row.measured for row in rows]), np.array([row.answerable for row in rows])


def _as_json(weights: NDArray[np.float64], bias: float) -> dict[str, Any]:
    named = zip(FEATURES, weights, strict=True)
    return {"weights": {name: round(float(w), 4) for name, w in named}, "bias": round(bias, 4)}


def _fit(rows: Sequence[Row], negatives: Sequence[str]) -> tuple[NDArray[np.float64], float]:
    """Tell the answerable from some kinds of the unanswerable."""
    from sklearn.linear_model import LogisticRegression

    rows = [row for row in rows if row.answerable or row.kind in negatives]
    x, y = _arrays(rows)
    # The two sides count the same; questions with their passage left out may still be
    # answered by another, so they count for less.
    trust = np.array([_LEFT_OUT_WEIGHT if row.kind == "left out" else 1.0 for row in rows])
    trust[y] /= trust[y].sum()
    trust[~y] /= trust[~y].sum()
    center, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=5000)
    model.fit((x - center) / scale, y, sample_weight=trust * len(rows))
    weights = model.coef_[0] / scale
    return weights, float(model.intercept_[0] - weights @ center)


def _cross_validated(rows: Sequence[Row]) -> NDArray[np.float64]:
    """Score each question by a model that saw none of its topic. Shape: (rows,)."""
    from sklearn.model_selection import GroupKFold

    x, _ = _arrays(rows)
    scores = np.zeros(len(rows))
    for train, test in GroupKFold(_FOLDS).split(x, groups=[row.topic for row in rows]):
        scores[test] = 1.0
        for kinds in _HEADS.values():
            weights, bias = _fit([rows[i] for i in train], kinds)
            scores[test] *= 1 / (1 + np.exp(-(x[test] @ weights + bias)))
    return scores


def _operating_point(rows: Sequence[Row], scores: NDArray[np.float64]) -> float:
    _, y = _arrays(rows)
    return float(np.quantile(scores[y], 1 - _ANSWERED))


def _report(rows: Sequence[Row], scores: NDArray[np.float64], threshold: float) -> str:
    from sklearn.metrics import roc_auc_score

    kinds = np.array([row.kind for row in rows])
    _, y = _arrays(rows)
    lines = []
    for kind in dict.fromkeys(kinds):
        chosen = kinds == kind
        answered = (scores[chosen] >= threshold).mean()
        area = "–"
        if not y[chosen].any():
            both = np.concatenate([scores[y], scores[chosen]])
            area = f"{roc_auc_score([True] * y.sum() + [False] * chosen.sum(), both):.3f}"
        lines.append(f"| {kind} | {chosen.sum()} | {answered:.2f} | {area} |")
    real = kinds != "left out"
    order = np.argsort(-scores[real], kind="stable")
    right = y[real][order]
    curve = [
        f"| {coverage:.0%} | {1 - right[: max(1, round(coverage * len(right)))].mean():.3f} |"
        for coverage in _COVERAGES
    ]
    return "\n".join(
        [
            "# Abstention, measured",
            "",
            "Made by `python -m scripts.train_gate` on the development half of the suites, over",
            "the shipped knowledge base with and without other ways of asking, cross-validated by",
            "topic (five folds). AUROC is against all answerable questions.",
            "",
            "| questions | n | answered | AUROC |",
            "|---|---|---|---|",
            *lines,
            "",
            f"The operating point is {threshold:.3f}: the highest at which {_ANSWERED:.0%} of the",
            "answerable questions are answered.",
            "",
            "Risk at coverage: of the questions that the gate is surest of, the share that the",
            "knowledge base can't answer.",
            "",
            "| coverage | risk |",
            "|---|---|",
            *curve,
            "",
            "“Left out” are answerable questions whose passages were taken out of what was found;",
            "some of them are still answered by a neighbor, so their row understates the gate.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
