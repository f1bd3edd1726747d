"""Calibrate the gate for documents: `python -m scripts.train_document_gate`.

The questions in `scripts/training/documents.jsonl` are about Citewise's own documentation and that
of nine public projects (`documents.toml` says which, at which commit): it answers one half of them
and says nothing on the other. A logistic model learns from six which questions find their answer,
by features that mean the same in documents on any subject; what is of the field at all is judged
as everywhere. The operating point is the highest at which 92 % of the questions that are answered
there pass; the other four measure it. Documentation that isn't there yet is fetched by git. Writes
`documents` in app/question/gate.json and its part of docs/documents.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.question.answerable import DEPTH, WEIGHTS, Gates, features
from index.build import build
from index.cli import say
from index.encoders import Encoder, load_encoder
from index.live import LiveIndex
from index.sources import read

_ROOT = Path(__file__).resolve().parent.parent
_TRAINING = Path(__file__).with_name("training")
_REPORT = _ROOT / "docs" / "documents.md"
_BEGIN, _END = "<!-- gate -->", "<!-- /gate -->"
_FEATURES = ("met_top", "read_first", "covered_by_best")
_ANSWERED = 0.92

Rows = list[tuple[dict[str, float], bool]]


def main() -> int:
    """Fit, choose the operating point, report."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.train_document_gate", description=__doc__
    )
    parser.add_argument("--trees", type=Path, default=_ROOT / ".cache" / "documents")
    options = parser.parse_args()
    lines = (_TRAINING / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    trees = tomllib.loads((_TRAINING / "documents.toml").read_text(encoding="utf-8"))
    encoder = load_encoder()
    measured: dict[str, Rows] = {}
    for name, tree in trees.items():
        own = [case for case in cases if case["documents"] == name]
        measured[name] = _measured(_folder(name, tree, options.trees), own, encoder)
        say(f"{name}: {len(own)} questions")
    trained = [measured[name] for name, tree in trees.items() if tree["part"] == "train"]
    weights, bias = _fit(trained)

    def sure(rows: Rows) -> NDArray[np.float64]:
        domain = np.array([Gates.shipped().documents.domain(found) for found, _ in rows])
        return np.asarray(domain / (1 + np.exp(-(_values(rows) @ weights + bias))))

    threshold = _operating_point(trained, [sure(rows) for rows in trained])
    named = zip(_FEATURES, weights, strict=True)
    raw = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    raw["documents"] = {
        "answer": {
            "weights": {name: round(float(w), 4) for name, w in named},
            "bias": round(bias, 4),
        },
        "threshold": round(threshold, 3),
    }
    WEIGHTS.write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    passed = {name: sure(rows) >= threshold for name, rows in measured.items()}
    found = _report(trees, measured, passed)
    text = _REPORT.read_text(encoding="utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    _REPORT.write_text(f"{before}{_BEGIN}\n{found}\n{_END}{after}", encoding="utf-8")
    print(found)
    return 0


def _folder(name: str, tree: Mapping[str, str], kept: Path) -> Path:
    """Return where a project's documentation lies, fetched first if it isn't there yet."""
    if "repository" not in tree:
        return _ROOT / tree["folder"]
    own = kept / name
    if not (own / tree["folder"]).is_dir():
        say(f"{name}: fetching {tree['repository']}")
        own.mkdir(parents=True, exist_ok=True)
        for arguments in (
            ["init", "--quiet"],
            ["fetch", "--quiet", "--depth", "1", tree["repository"], tree["commit"]],
            ["checkout", "--quiet", tree["commit"], "--", tree["folder"]],
        ):
            subprocess.run(["git", "-C", str(own), *arguments], check=True)
    return own / tree["folder"]


def _measured(folder: Path, cases: Sequence[Mapping[str, Any]], encoder: Encoder) -> Rows:
    """Measure what the gate judges by, with whether the documents answer the question."""
    with TemporaryDirectory() as index:
        build(read(folder, name="docs").knowledge_base, Path(index), encoder)
        retriever = LiveIndex(Path(index), encoder).retriever()
        idf = retriever.index.lexical.idf
        return [
            (
                features(case["question"], retriever.search(case["question"], DEPTH), idf),
                case["answered"],
            )
            for case in cases
        ]


def _values(rows: Rows) -> NDArray[np.float64]:
    """Shape: (rows, features)."""
    return np.array([[found[name] for name in _FEATURES] for found, _ in rows])


def _answered(rows: Rows) -> NDArray[np.bool_]:
    return np.array([answered for _, answered in rows])


def _fit(trees: Sequence[Rows]) -> tuple[NDArray[np.float64], float]:
    """Fit the model; each tree counts the same, and so do its two sides."""
    from sklearn.linear_model import LogisticRegression

    values = np.concatenate([_values(rows) for rows in trees])
    answered = np.concatenate([_answered(rows) for rows in trees])
    shares = np.concatenate([_share(_answered(rows)) for rows in trees])
    center, scale = values.mean(axis=0), values.std(axis=0)
    model = LogisticRegression(C=0.5)
    model.fit((values - center) / scale, answered, sample_weight=100 * shares)
    weights = model.coef_[0] / scale
    return weights, float(model.intercept_[0] - weights @ center)


def _share(answered: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.where(answered, 0.5 / answered.sum(), 0.5 / (~answered).sum()))


def _operating_point(trees: Sequence[Rows], sure: Sequence[NDArray[np.float64]]) -> float:
    """Return the highest threshold at which enough pass of what is answered, tree by tree."""
    scores = [own[_answered(rows)] for rows, own in zip(trees, sure, strict=True)]
    passing = (
        threshold
        for threshold in sorted(np.concatenate(scores), reverse=True)
        if np.mean([np.mean(own >= threshold) for own in scores]) >= _ANSWERED
    )
    return float(next(passing))


def _report(
    trees: Mapping[str, Mapping[str, str]],
    measured: Mapping[str, Rows],
    passed: Mapping[str, NDArray[np.bool_]],
) -> str:
    lines = ["| documentation of | part | answered pass | others refused |", "|---|---|--:|--:|"]
    for name, tree in trees.items():
        answered = _answered(measured[name])
        pass_, refuse = passed[name][answered], ~passed[name][~answered]
        lines.append(
            f"| {name} | {tree['part']} | {pass_.sum()} of {len(pass_)} "
            f"| {refuse.sum()} of {len(refuse)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
