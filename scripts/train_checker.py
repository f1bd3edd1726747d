"""Fit what weighs a passage against a statement: `python -m scripts.train_checker`.

The material's restatements of the topics that are set aside for tuning, which the judge was not
trained on, are searched for as a reader's statement would be. A passage says its true restatements
and denies its false ones; any other passage that is found says nothing of them. Thresholds are
chosen so that at most the given share of what isn't true passes as supported, and of what isn't
false as contradicted; statements whose passage is taken away stand for what is not in the sources.
Writes app/checking/weights.json.
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

from app.checking.checker import opposing, supporting
from app.checking.weighing import CLASSES, FEATURES, CheckerWeights, Read, measured
from app.record.evidence import evidence_of
from app.verifying.supports import LexicalVerifier
from index.__main__ import DEFAULT_INDEX
from index.cli import say
from index.encoders import load_encoder
from index.judge import load_pair_judge
from index.live import LiveIndex
from index.retrieve import HybridRetriever
from scripts.training.data import part_of

_ROOT = Path(__file__).resolve().parent.parent
_MATERIAL = _ROOT / "scripts" / "training" / "material"
_OUT = _ROOT / "app" / "checking" / "weights.json"
_READ = 5
_SEED = 3
_MOST_SUPPORTED, _MOST_CONTRADICTED = 0.03, 0.03
_SAME_SAID = 0.8


@dataclass(frozen=True)
class MeasuredPassage:
    """A passage that was found for a statement, as the statement reads against it."""

    features: Mapping[str, float]
    own: bool  # the statement restates it
    near: bool  # another one of the topic that covers nearly all of the statement
    verified: bool
    rival: bool  # it says something else in a place that can be shown


@dataclass(frozen=True)
class MeasuredStatement:
    """A statement with the passages that were found."""

    true: bool
    passages: tuple[MeasuredPassage, ...]


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
    weights = CheckerWeights(
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
        if part_of(path.stem) == "tune"
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    claims = [record for record in records if record["kind"] == "claim"]
    random.Random(_SEED).shuffle(claims)
    return claims


def _found(
    retriever: HybridRetriever, statements: Sequence[Mapping[str, Any]]
) -> Iterator[MeasuredStatement]:
    idf = retriever.index.lexical.idf
    verifier, judge = LexicalVerifier(idf), load_pair_judge()
    for number, one in enumerate(statements, start=1):
        items = evidence_of(retriever.search(one["claim"], _READ).hits)
        measures = [measured(one["claim"], item, verifier, idf) for item in items]
        passages = [(item.passage.heading, item.passage.text) for item in items]
        odds = judge.supports(one["claim"], passages).tolist()
        reads = [
            Read(item, start, end, compared, 0.0, 0.0)
            for item, (_, start, end, compared) in zip(items, measures, strict=True)
        ]
        # Passage by passage, so that one can be taken away.
        verified = [
            bool(supporting([read], verifier.verify(one["claim"], (), [read.item])))
            for read in reads
        ]
        rivals = {read.item.passage.id for read in opposing(reads)}
        topic = one["ref"].partition("/")[0]
        yield MeasuredStatement(
            one["label"] == "supported",
            tuple(
                MeasuredPassage(
                    {**found, "judge": chance},
                    item.passage.id == one["ref"],
                    item.passage.topic == topic and found["span"] > _SAME_SAID,
                    supported,
                    item.passage.id in rivals,
                )
                for item, (found, *_), chance, supported in zip(
                    items, measures, odds, verified, strict=True
                )
            ),
        )
        if number % 500 == 0:
            say(f"{number} of {len(statements)} read")


def _pairs(found: Sequence[MeasuredStatement]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pairs of statement and passage with their class; what another one may say too is left out."""
    rows, labels = [], []
    for one in found:
        label = CLASSES.index("says" if one.true else "denies")
        for passage in one.passages:
            if passage.own or not passage.near:
                rows.append([passage.features[name] for name in FEATURES])
                labels.append(label if passage.own else CLASSES.index("silent"))
    return np.array(rows), np.array(labels)


def _thresholds(found: Sequence[MeasuredStatement], weights: CheckerWeights) -> tuple[float, float]:
    """Choose where a statement counts as supported, and as contradicted.

    Each holds for what is wrong by itself and for what is not in the sources by itself.
    """
    says: tuple[list[float], list[float]] = ([], [])
    denies: tuple[list[float], list[float]] = ([], [])
    for one in found:
        for absent in (False, True):
            here = [passage for passage in one.passages if not (absent and passage.own)]
            chances = [weights.chances(passage.features) for passage in here]
            pairs = list(zip(here, chances, strict=True))
            if absent or not one.true:
                says[absent].append(max((c["says"] for p, c in pairs if p.verified), default=0.0))
            if absent or one.true:
                denies[absent].append(max((c["denies"] for p, c in pairs if p.rival), default=0.0))
    return (
        round(max(float(np.quantile(part, 1 - _MOST_SUPPORTED)) for part in says), 3),
        round(max(float(np.quantile(part, 1 - _MOST_CONTRADICTED)) for part in denies), 3),
    )


if __name__ == "__main__":
    sys.exit(main())
