"""Calibrate the gate: `python -m scripts.train_gate`.

Answerable questions are those of the development half of the suites; unanswerable ones are the
near misses and the out-of-domain questions there, and answerable ones whose passages are left
out of what was found. To these come pairs that were written for training, a question and its
near miss, alike in form; and, of the topics open for development that the judge was not trained on,
other ways of asking that are kept out of the index and the near misses that were written with
them. The operating points, one for indexes with other ways of asking and one for those without,
are the highest thresholds at which 92 % of the suites' answerable questions are answered. What is
reported is cross-validated by topic. Writes app/question/gate.json and docs/abstention.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.question.answerable import DEPTH, READ_FEATURES, SENSE, WEIGHTS, features
from app.question.features import FEATURES, TOKEN_FEATURES
from app.question.field_sense import SENSE_WEIGHTS
from index.__main__ import DEFAULT_INDEX
from index.build import build
from index.cli import say
from index.encoders import load_encoder
from index.live import LiveIndex
from index.retrieve import FusionSettings, HybridRetriever
from index.sources import SHIPPED, read
from index.types import KnowledgeBase, SearchHits
from scripts.dev_cases import dev_cases, is_dev
from scripts.training.data import part_of, unasked
from scripts.training.sense import SenseFit, everyday, fit_sense

_ROOT = Path(__file__).resolve().parent.parent
_PAIRS = Path(__file__).with_name("training") / "near_misses.jsonl"
_MATERIAL = Path(__file__).with_name("training") / "material"
_FOLDS = 5
_LEFT_OUT_WEIGHT = 0.5
# The strength of the penalty on weights is its inverse, as in scikit-learn.
_FREEDOM = 0.1
_PAIRED, _PAIRED_MISS = "pair, answerable", "pair, near miss"
_HELD, _WRITTEN_MISS = "held-out way of asking", "near miss of a topic"
_EVERYDAY = "everyday remark"
_HEADS = {
    "domain": ("out-of-domain",),
    "field": ("out-of-domain", _EVERYDAY),
    "answer": ("near-miss", "left out", _PAIRED_MISS, _WRITTEN_MISS),
}
# The heads that judge what is asked of the shipped knowledge base.
_SHIPPED_HEADS = ("field", "answer")
_EVERY = 4
_ANSWERED = 0.92
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


@dataclass(frozen=True)
class GateRow:
    """A question with what the gate measures; `kind` is its slice or how it was made.

    `phrased` tells whether the index that was asked holds other ways of asking.
    """

    phrased: bool
    topic: str
    kind: str
    answerable: bool
    measured: tuple[float, ...]


@dataclass(frozen=True)
class Fitted:
    """A gate for one kind of index, with what it was fitted on and the held-out scores."""

    title: str
    rows: Sequence[GateRow]
    scores: NDArray[np.float64]
    threshold: float


def main() -> int:
    """Fit, choose the operating points, report."""
    parser = argparse.ArgumentParser(prog="python -m scripts.train_gate", description=__doc__)
    parser.add_argument("--index", type=Path, default=DEFAULT_INDEX)
    options = parser.parse_args()
    encoder = load_encoder()
    raw: dict[str, dict[str, Any]] = {}
    reports = []
    knowledge_base = read(SHIPPED, name="ai").knowledge_base
    sense = fit_sense(knowledge_base, encoder)
    SENSE_WEIGHTS.write_text(json.dumps(sense.as_json()) + "\n", encoding="utf-8")
    thinned, held = _thinned(knowledge_base)
    with TemporaryDirectory() as folder:
        # A knowledge base whose owners wrote no other ways of asking must be judged as well.
        places = {"thinned": thinned, "bare": _bare(knowledge_base)}
        for name, base in places.items():
            # Vectors of the index that there is are used again.
            shutil.copytree(options.index, Path(folder) / name, symlinks=True)
            build(base, Path(folder) / name, encoder)
        indexes = [LiveIndex(Path(folder) / name, encoder).index for name in places]
    for kind, title, names, fusion in (
        (
            "tokens",
            "with token vectors",
            (*FEATURES, *TOKEN_FEATURES, SENSE, *READ_FEATURES),
            FusionSettings(),
        ),
        (
            "plain",
            "without token vectors",
            (*FEATURES, SENSE, *READ_FEATURES),
            FusionSettings(late_weight=0),
        ),
    ):
        retrievers = [HybridRetriever(index, encoder, fusion) for index in indexes]
        rows = [
            row
            for phrased, retriever in zip((True, False), retrievers, strict=True)
            for row in _rows(retriever, names, held, sense, phrased=phrased)
        ]
        say(f"{title}: {len(rows)} questions")
        scores = _cross_validated(rows)
        own = {head: _as_json(names, *_fit(rows, kinds, head)) for head, kinds in _HEADS.items()}
        raw[kind] = {**own}
        for setting, phrased, whose in (
            ("threshold", True, "with other ways of asking"),
            ("bare_threshold", False, "without other ways of asking"),
        ):
            chosen = [i for i, row in enumerate(rows) if row.phrased is phrased]
            asked, given = [rows[i] for i in chosen], scores[chosen]
            threshold = _operating_point(asked, given)
            raw[kind][setting] = round(threshold, 3)
            reports.append(Fitted(f"{title}, {whose}", asked, given, threshold))
    raw["documents"] = json.loads(WEIGHTS.read_text(encoding="utf-8"))["documents"]
    WEIGHTS.write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    report = _report(reports)
    (_ROOT / "docs" / "abstention.md").write_text(report, encoding="utf-8")
    print(report)
    return 0


def _bare(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """Return the knowledge base without the other ways in which its questions are asked."""
    return replace(knowledge_base, topics=tuple(map(unasked, knowledge_base.topics)))


@dataclass(frozen=True)
class Held:
    """Other ways of asking that were kept out of an index, to be asked of it."""

    topic: str
    question: str


def _thinned(knowledge_base: KnowledgeBase) -> tuple[KnowledgeBase, list[Held]]:
    """Keep every so many other ways of asking out of the knowledge base.

    Returns:
        The knowledge base without them, and those of the topics open for development.
    """
    held: list[Held] = []

    def thin(topic: str, asked: tuple[str, ...]) -> tuple[str, ...]:
        if is_dev(topic) and part_of(topic) == "tune":
            held.extend(Held(topic, question) for question in asked[_EVERY - 1 :: _EVERY])
        return tuple(question for n, question in enumerate(asked, 1) if n % _EVERY)

    topics = tuple(
        replace(
            topic,
            faqs=tuple(replace(f, also_asked=thin(topic.slug, f.also_asked)) for f in topic.faqs),
            data_points=tuple(
                replace(p, also_asked=thin(topic.slug, p.also_asked)) for p in topic.data_points
            ),
            practice=tuple(
                replace(p, also_asked=thin(topic.slug, p.also_asked)) for p in topic.practice
            ),
        )
        for topic in knowledge_base.topics
    )
    return replace(knowledge_base, topics=topics), held


def _near_misses() -> Iterator[Held]:
    """Yield the near misses that were written with the topics, of those open for development."""
    for path in sorted(_MATERIAL.glob("*.jsonl")):
        if not is_dev(path.stem) or part_of(path.stem) != "tune":
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["kind"] == "near_miss":
                yield Held(path.stem, row["question"])


def _rows(
    retriever: HybridRetriever,
    names: Sequence[str],
    held: Sequence[Held],
    sense: SenseFit,
    *,
    phrased: bool,
) -> Iterator[GateRow]:
    idf = retriever.index.lexical.idf

    def row(topic: str, kind: str, answerable: bool, found: SearchHits) -> GateRow:
        values = features(found.query, found, idf, sense.logit)
        return GateRow(phrased, topic, kind, answerable, tuple(values[name] for name in names))

    slices = ("paraphrase", "data-point", "cross-topic", "false-premise", "unanswerable")
    for case in dev_cases(*slices):
        found = retriever.search(case["question"], 2 * DEPTH)
        # A question without a topic is a cluster of its own.
        topic = case["id"] if case["topic"] in ("", "none") else case["topic"]
        kind = case["slice"] if case["answerable"] else case["style"]
        yield row(topic, kind, case["answerable"], found)
        if case["slice"] in ("paraphrase", "data-point"):
            left = tuple(hit for hit in found.hits if hit.passage.id not in case["gold"])
            yield row(topic, "left out", False, replace(found, hits=left))
    for case in dev_cases("field"):
        # What people ask in public, where the knowledge base is known to hold the answer.
        if case["gold"]:
            yield row(case["id"], "field", True, retriever.search(case["question"], DEPTH))
    # One half of them is asked of each index: the heads are the same.
    for remark in everyday()[int(phrased) :: 2]:
        yield row(remark, _EVERYDAY, False, retriever.search(remark, DEPTH))
    for one in held:
        yield row(one.topic, _HELD, True, retriever.search(one.question, DEPTH))
    for one in _near_misses():
        yield row(one.topic, _WRITTEN_MISS, False, retriever.search(one.question, DEPTH))
    for line in _PAIRS.read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        yield row(pair["topic"], _PAIRED, True, retriever.search(pair["answerable"], DEPTH))
        missed = retriever.search(pair["unanswerable"], DEPTH)
        yield row(pair["topic"], _PAIRED_MISS, False, missed)


def _arrays(rows: Sequence[GateRow]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return np.array([row.measured for row in rows]), np.array([row.answerable for row in rows])


def _as_json(names: Sequence[str], weights: NDArray[np.float64], bias: float) -> dict[str, Any]:
    named = [(name, float(w)) for name, w in zip(names, weights, strict=True) if w]
    return {"weights": {name: round(w, 4) for name, w in named}, "bias": round(bias, 4)}


def _fit(
    rows: Sequence[GateRow], negatives: Sequence[str], head: str
) -> tuple[NDArray[np.float64], float]:
    """Tell the answerable from some kinds of the unanswerable.

    What is of the field at all is told without the judge, and all else without the sense of the
    field: their weights there are 0.
    """
    from sklearn.linear_model import LogisticRegression

    rows = [row for row in rows if row.answerable or row.kind in negatives]
    x, y = _arrays(rows)
    # Each kind of question counts the same, however many there are, and so do the two sides;
    # questions with their passage left out may still be answered by another and count for less.
    kinds = np.array([row.kind for row in rows])
    trust = np.array([_LEFT_OUT_WEIGHT if kind == "left out" else 1.0 for kind in kinds])
    for kind in set(kinds):
        trust[kinds == kind] /= (kinds == kind).sum()
    trust[y] /= trust[y].sum()
    trust[~y] /= trust[~y].sum()
    if head != "field":
        x[:, -len(READ_FEATURES) - 1] = 0.0
    if head != "answer":
        x[:, -len(READ_FEATURES) :] = 0.0
    center, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    model = LogisticRegression(C=_FREEDOM, max_iter=5000)
    model.fit((x - center) / scale, y, sample_weight=trust * len(rows))
    weights = model.coef_[0] / scale
    return weights, float(model.intercept_[0] - weights @ center)


def _cross_validated(rows: Sequence[GateRow]) -> NDArray[np.float64]:
    """Score each question by a model that saw none of its topic. Shape: (rows,)."""
    from sklearn.model_selection import GroupKFold

    x, _ = _arrays(rows)
    scores = np.ones(len(rows))
    for train, test in GroupKFold(_FOLDS).split(x, groups=[row.topic for row in rows]):
        for head in _SHIPPED_HEADS:
            weights, bias = _fit([rows[i] for i in train], _HEADS[head], head)
            scores[test] *= 1 / (1 + np.exp(-(x[test] @ weights + bias)))
    return scores


def _operating_point(rows: Sequence[GateRow], scores: NDArray[np.float64]) -> float:
    suites = np.array([row.answerable and row.kind not in (_PAIRED, _HELD) for row in rows])
    return float(np.quantile(scores[suites], 1 - _ANSWERED))


def _report(gates: Sequence[Fitted]) -> str:
    sections = [line for gate in gates for line in _section(gate)]
    return "\n".join(
        [
            "# Abstention, measured",
            "",
            "Made by `python -m scripts.train_gate` on the development half of the suites and on",
            "pairs of a question and its near miss (`scripts/training/near_misses.jsonl`), over",
            "the shipped knowledge base with and without other ways of asking, cross-validated by",
            "topic (five folds). AUROC is against the suites' answerable questions; that of near",
            "misses in pairs is against the answerable halves, which are alike in form.",
            "",
            "Risk at coverage: of the suites' questions that the gate is surest of, the share that",
            "the knowledge base can't answer. “Left out” are answerable questions whose passages",
            "were taken out of what was found; some of them are still answered by a neighbor, so",
            "their row understates the gate.",
            "",
            *sections,
        ]
    )


def _section(gate: Fitted) -> list[str]:
    scores, threshold = gate.scores, gate.threshold
    kinds = np.array([row.kind for row in gate.rows])
    y = np.array([row.answerable for row in gate.rows])
    lines = []
    for kind in dict.fromkeys(kinds):
        chosen = kinds == kind
        answered = (scores[chosen] >= threshold).mean()
        against = y & ~np.isin(kinds, (_PAIRED, _HELD))
        for mine, theirs in ((_PAIRED_MISS, _PAIRED), (_WRITTEN_MISS, _HELD)):
            against = kinds == theirs if kind == mine else against
        area = "–" if y[chosen].any() else f"{_auroc(scores[against], scores[chosen]):.3f}"
        lines.append(f"| {kind} | {chosen.sum()} | {answered:.2f} | {area} |")
    suites = ~np.isin(kinds, ("left out", _PAIRED, _PAIRED_MISS, _HELD, _WRITTEN_MISS, _EVERYDAY))
    right = y[suites][np.argsort(-scores[suites], kind="stable")]
    curve = [
        f"| {coverage:.0%} | {1 - right[: max(1, round(coverage * len(right)))].mean():.3f} |"
        for coverage in _COVERAGES
    ]
    return [
        f"## Indexes {gate.title}",
        "",
        f"The operating point is {threshold:.3f}: the highest at which {_ANSWERED:.0%} of the",
        "suites' answerable questions are answered.",
        "",
        "| questions | n | answered | AUROC |",
        "|---|---|---|---|",
        *lines,
        "",
        "| coverage | risk |",
        "|---|---|",
        *curve,
        "",
    ]


def _auroc(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    both = np.concatenate([above, below])
    return float(roc_auc_score([True] * len(above) + [False] * len(below), both))


if __name__ == "__main__":
    sys.exit(main())
