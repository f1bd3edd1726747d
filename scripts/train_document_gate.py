"""Calibrate the gate for documents: `python -m scripts.train_document_gate`.

The questions in `scripts/training/documents.jsonl` are about Citewise's own documentation, which
answers one half of them and says nothing on the other. A logistic model learns from them which
find their answer, by features that mean the same in documents on any subject; what is of the field
at all is judged as everywhere. The operating point is the highest at which 85 % of the questions
that are answered there pass. Writes `documents` in app/question/gate.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from app.question.answerable import DEPTH, WEIGHTS, Gates, features
from index.build import build
from index.encoders import load_encoder
from index.live import LiveIndex
from index.sources import read

_ROOT = Path(__file__).resolve().parent.parent
_QUESTIONS = Path(__file__).with_name("training") / "documents.jsonl"
_FEATURES = ("met_top", "read_first", "covered_by_best")
_ANSWERED = 0.85


def main() -> int:
    """Fit, choose the operating point, report."""
    from sklearn.linear_model import LogisticRegression

    lines = _QUESTIONS.read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    encoder = load_encoder()
    with TemporaryDirectory() as folder:
        build(read(_ROOT / "docs", name="docs").knowledge_base, Path(folder), encoder)
        retriever = LiveIndex(Path(folder), encoder).retriever()
        idf = retriever.index.lexical.idf
        found = [
            features(case["question"], retriever.search(case["question"], DEPTH), idf)
            for case in cases
        ]
    answered = np.array([case["answered"] for case in cases])
    measured = np.array([[row[name] for name in _FEATURES] for row in found])
    center, scale = measured.mean(axis=0), measured.std(axis=0)
    model = LogisticRegression().fit((measured - center) / scale, answered)
    weights = model.coef_[0] / scale
    bias = float(model.intercept_[0] - weights @ center)
    domain = np.array([Gates.shipped().documents.domain(row) for row in found])
    sure = domain / (1 + np.exp(-(measured @ weights + bias)))
    threshold = float(np.quantile(sure[answered], 1 - _ANSWERED))
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
    passed = sure >= threshold
    print(
        f"{len(cases)} questions: {passed[answered].mean():.2f} of the answered ones pass, "
        f"{1 - passed[~answered].mean():.2f} of the others are refused"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
