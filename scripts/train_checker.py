"""Fit what weighs a passage against a statement: `python -m scripts.train_checker`.

The material's restatements of topics that are not set aside are searched for as a reader's
statement would be. A passage says its true restatements and denies its false ones; any other
passage that is found says nothing of them. Thresholds are chosen so that at most the given share
of what isn't true passes as supported, and of what isn't false as contradicted; statements whose
passage is taken away stand for what is not in the sources. Writes app/checking/weights.json.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.checking.weighing import CLASSES, FEATURES, Weights, measured
from app.record.evidence import evidence_of
from app.verifying.supports import LexicalVerifier
from index.__main__ import DEFAULT_INDEX
from index.cli import say
from index.encoders import load_encoder
from index.live import LiveIndex
from index.retrieve import HybridRetriever
from scripts.training.data import is_test

_ROOT = Path(__file__).resolve().parent.parent
_MATERIAL = _ROOT / "scripts" / "training" / "material"
_OUT = _ROOT / "app" / "checking" / "weights.json"
_READ = 5
_SEED = 3
_MOST_SUPPORTED, _MOST_CONTRADICTED = 0.03, 0.03
_SAME_SAID = 0.8


@dataclass(frozen=True)
class Found:
    """A statement's features beside each passage that was found, its own passage among them."""

    true: bool
    rows: NDArray[np.float64]  # (passages, features)
    own: NDArray[np.bool_]  # (passages,)
    near: NDArray[np.bool_]  # (passages,) of the same topic, and covering nearly all of it


def main() -> int:
    """Fit, choose the thresholds, write."""
    from sklearn.linear_model import LogisticRegression

    parser = argparse.ArgumentParser(prog="python -m scripts.train_checker", description=__doc__)
    parser.add_argument("--index", type=Path, default=DEFAULT_INDEX)
    parser.add_argument("--statements", type=int, default=3000, help="how many to read (3000)")
    options = parser.parse_args()
    live = LiveIndex(options.index, load_encoder())
    found = list(_found(live.retriever(), _statements()[: options.statements]))
    X, y = _pairs(found)
    mean, scale = X.mean(axis=0), X.std(axis=0)
    scale[scale == 0] = 1.0
    model = LogisticRegression(C=0.3, max_iter=3000).fit((X - mean) / scale, y)
    weights = Weights(
        model.coef_.round(4).tolist(), model.intercept_.round(4).tolist(),
        mean.round(4).tolist(), scale.round(4).tolist(), 1.0, 1.0,
    )  # fmt: skip
    says_at, denies_at = _thresholds(found, weights)
    fitted = replace(weights, says_at=says_at, denies_at=denies_at)
    _OUT.write_text(json.dumps(asdict(fitted), indent=1) + "\n", encoding="utf-8")
    say(f"{len(X)} pairs of {len(found)} statements; supported from {says_at}, "
        f"contradicted from {denies_at}; wrote {_OUT.relative_to(_ROOT)}")  # fmt: skip
    return 0


def _statements() -> list[Mapping[str, Any]]:
    records = [
        json.loads(line)
        for path in sorted(_MATERIAL.glob("*.jsonl"))
        if not is_test(path.stem)
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    claims = [record for record in records if record["kind"] == "claim"]
    random.Random(_SEED).shuffle(claims)
    return claims


def _found(retriever: HybridRetriever, statements: Sequence[Mapping[str, Any]]) -> Iterator[Found]:
    weigh = retriever.index.lexical.weight
    verifier = LexicalVerifier(weigh)
    for number, one in enumerate(statements, start=1):
        items = evidence_of(retriever.search(one["claim"], _READ).hits)
        read = [measured(one["claim"], item, verifier, weigh)[0] for item in items]
        topics = [item.passage.topic == one["ref"].partition("/")[0] for item in items]
        yield Found(
            one["label"] == "supported",
            np.array([[each[name] for name in FEATURES] for each in read]),
            np.array([item.passage.id == one["ref"] for item in items]),
            np.array(
                [t and each["span"] > _SAME_SAID for t, each in zip(topics, read, strict=True)]
            ),
        )
        if number % 500 == 0:
            say(f"{number} of {len(statements)} read")


def _pairs(found: Sequence[Found]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pairs of statement and passage with their class; what another one may say too is left out."""
    rows, labels = [], []
    for one in found:
        label = CLASSES.index("says" if one.true else "denies")
        for row, own, near in zip(one.rows, one.own, one.near, strict=True):
            if own or not near:
                rows.append(row)
                labels.append(label if own else CLASSES.index("silent"))
    return np.array(rows), np.array(labels)


def _thresholds(found: Sequence[Found], weights: Weights) -> tuple[float, float]:
    """Choose where a statement counts as supported, and as contradicted."""
    says, denies = ([], []), ([], [])
    for one in found:
        chances = [
            weights.chances(dict(zip(FEATURES, row.tolist(), strict=True))) for row in one.rows
        ]
        without = [c for c, own in zip(chances, one.own, strict=True) if not own]
        if not one.true:
            says[0].append(max(c["says"] for c in chances))
        if one.true:
            denies[0].append(max(c["denies"] for c in chances))
        if without:
            says[1].append(max(c["says"] for c in without))
            denies[1].append(max(c["denies"] for c in without))
    return (
        round(max(float(np.quantile(part, 1 - _MOST_SUPPORTED)) for part in says), 3),
        round(max(float(np.quantile(part, 1 - _MOST_CONTRADICTED)) for part in denies), 3),
    )


if __name__ == "__main__":
    sys.exit(main())
