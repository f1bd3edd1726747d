"""Calibrate the verifier and measure it: `python -m scripts.train_verifier`.

The logistic model over the verifier's features is fitted on the training material's true and false
restatements, and its threshold chosen so that at most 2 % of the false ones are shown as they are
written. A passage is taken to speak of a sentence where it covers what 97 % of the
free true restatements have covered by theirs. Then the topics that are set aside are measured.
Writes app/verifying/verifier.json and its part of docs/verification.md; `--measure` only that.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.config.settings import load_settings
from app.record.evidence import Evidence
from app.verifying.figures import unborne
from app.verifying.reading import ReadingVerifier
from app.verifying.supports import FEATURES, Calibration, LexicalVerifier
from index.cli import say
from index.store import load
from index.types import Hit, Passage
from scripts.measure_claims import held_out, measure, table
from scripts.training.claims_data import restatements, shipped_passages

_ROOT = Path(__file__).resolve().parent.parent
_REPORT = _ROOT / "docs" / "verification.md"
_WEIGHTS = _ROOT / "app" / "verifying" / "verifier.json"
_BEGIN, _END = "<!-- claims -->", "<!-- /claims -->"
_SEED = 7
_PASSAGES = 900  # of some 3,000: enough for five weights
_MOST_WRONG = 0.02
_PARTIAL_OF_SUPPORTED = 0.7
_MOST_PASSED_OVER, _MOST_ELSEWHERE = 0.03, 0.05


@dataclass(frozen=True)
class Judged:
    """How restatements read against their passages.

    Shapes: `features` (claims, features); `covered`, what the closest run has of each; `elsewhere`,
    what a run of another passage of the topic has; `true`, `free`, `refused` (claims,).
    """

    features: NDArray[np.float64]
    covered: NDArray[np.float64]
    elsewhere: NDArray[np.float64]
    true: NDArray[np.bool_]
    free: NDArray[np.bool_]
    refused: NDArray[np.bool_]


def main() -> int:
    """Fit, choose the thresholds, measure."""
    parser = argparse.ArgumentParser(prog="python -m scripts.train_verifier", description=__doc__)
    parser.add_argument("--index", type=Path, help="whose words are weighed (as in settings)")
    parser.add_argument("--measure", action="store_true", help="keep the calibration there is")
    options = parser.parse_args()
    idf = load(load_settings(index=options.index).index).lexical.idf
    passages = shipped_passages()
    calibration = Calibration.shipped()
    if not options.measure:
        calibration = _fitted(_judge(passages, LexicalVerifier(idf)))
        _WEIGHTS.write_text(json.dumps(asdict(calibration), indent=2) + "\n", encoding="utf-8")
        say(str(calibration))
    verifier = ReadingVerifier(LexicalVerifier(idf, calibration))
    found = measure(
        held_out(passages),
        lambda pair: verifier.verify(pair.sentence, [1], [Evidence(1, Hit(pair.passage, 1.0))]),
    )
    text = _REPORT.read_text(encoding="utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    _REPORT.write_text(f"{before}{_BEGIN}\n{table(found)}\n{_END}{after}", encoding="utf-8")
    print(table(found))
    return 0


def _judge(passages: Mapping[str, Passage], verifier: LexicalVerifier) -> Judged:
    rows = list(_read(passages, verifier))
    say(f"{len(rows)} restatements")
    features, covered, elsewhere, true, free, refused = zip(*rows, strict=True)
    return Judged(
        np.array(features), np.array(covered), np.array(elsewhere), np.array(true),
        np.array(free), np.array(refused),
    )  # fmt: skip


def _read(
    passages: Mapping[str, Passage], verifier: LexicalVerifier
) -> Iterator[tuple[list[float], float, float, bool, bool, bool]]:
    rng, claims = random.Random(_SEED), restatements(test=False)
    topics: dict[str, list[str]] = {}
    for ref in claims:
        topics.setdefault(passages[ref].topic, []).append(ref)
    for ref in rng.sample(sorted(claims), min(_PASSAGES, len(claims))):
        own = Evidence(1, Hit(passages[ref], 1.0))
        others = [other for other in topics[passages[ref].topic] if other != ref]
        other = Evidence(2, Hit(passages[rng.choice(others or [ref])], 1.0))
        for record in claims[ref]:
            claim = record["claim"]
            found, supports, against = verifier.features(claim, (own,))
            _, elsewhere, _ = verifier.features(claim, (other,))
            yield (
                [found[name] for name in FEATURES],
                supports[0].score,
                elsewhere[0].score,
                record["label"] == "supported",
                record["distance"] == "free",
                bool(against or unborne(claim, (own,))),
            )


def _fitted(judged: Judged) -> Calibration:
    from sklearn.linear_model import LogisticRegression

    usable = ~judged.refused
    model = LogisticRegression(C=1.0, max_iter=5000, class_weight="balanced")
    model.fit(judged.features[usable], judged.true[usable])
    scores = np.where(judged.refused, 0.0, model.predict_proba(judged.features)[:, 1])
    whole = float(model.predict_proba([[1.0, 0.0, 1.0]])[0, 1])
    # A sentence that the evidence has word for word, and that nothing speaks against, must pass.
    threshold = min(_shown_at(scores, judged.true), np.floor(1000 * whole) / 1000)
    covered = judged.covered[judged.true & judged.free]
    return Calibration(
        weights={
            name: round(float(weight), 4)
            for name, weight in zip(FEATURES, model.coef_[0], strict=True)
        },
        bias=round(float(model.intercept_[0]), 4),
        supported_at=round(float(threshold), 3),
        partial_at=round(float(_PARTIAL_OF_SUPPORTED * threshold), 3),
        speaks_at=round(float(np.quantile(covered, _MOST_PASSED_OVER)), 3),
        elsewhere_at=round(float(np.quantile(judged.elsewhere, 1 - _MOST_ELSEWHERE)), 3),
    )


def _shown_at(scores: NDArray[np.float64], true: Sequence[bool] | NDArray[np.bool_]) -> float:
    """Find the lowest threshold at which at most 2 % of the false restatements are shown."""
    wrong = np.sort(scores[~np.asarray(true)])[::-1]
    return float(np.ceil(wrong[int(_MOST_WRONG * len(wrong))] * 1000 + 1) / 1000)


if __name__ == "__main__":
    sys.exit(main())
