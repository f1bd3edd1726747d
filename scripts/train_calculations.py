"""Train what tells which calculation is asked for: `python -m scripts.train_calculations`.

Written examples (`scripts/training/calculations.txt`, with what may stand for a slot beside it)
come with the development half of the suite `calculation`; questions of the topics open for
development stand for what is no calculation. The other topics' questions are held out: how many
of them are taken for a calculation is printed, and which. Writes
app/question/calculation_meaning.json. Encoding takes a minute on two cores.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from app.question.calculation_meaning import NONE, CalculationModel, features
from app.question.given import GivenInputs, read
from app.question.in_english import in_english
from app.question.language import language_of
from index.calculations.shapes import machines, models
from index.cli import progress_bar
from index.encoders import Encoder, load_encoder
from index.sources import SHIPPED
from index.sources import read as read_source
from scripts.dev_cases import dev_cases, is_dev

_ROOT = Path(__file__).resolve().parent.parent
_TRAINING = Path(__file__).with_name("training")
_WEIGHTS = _ROOT / "app" / "question" / "calculation_meaning.json"
# Questions of the knowledge base that a person found to be calculations after all.
_REVIEWED = _ROOT / "tests" / "app" / "question" / "reviewed_calculations.txt"
_SEED = 7
_EACH = 8  # examples of a line
_BEFORE = ("ok ", "so ", "hi, ", "quick one: ", "please tell me ", "question: ", "hey, ")
_LEAST_SEEN, _LEAST_WEIGHT = 3, 0.1
_FREEDOM, _FREEDOM_OF_MEANING = 1.0, 30.0
_OF_THE_SUITE = 3.0  # what a question of the suite weighs against a written example
_SURE = 0.5
_BATCH = 16

Example = tuple[str, str]


def main() -> int:
    """Fit, write, and say what of the held-out questions is taken for a calculation."""
    argparse.ArgumentParser(
        prog="python -m scripts.train_calculations", description=__doc__
    ).parse_args()
    written = list(_written(random.Random(_SEED)))
    suite = list(_of_the_suite())
    ours, held = _questions()
    data = [*written, *((question, NONE) for question in ours), *suite]
    weights = np.array([1.0] * (len(data) - len(suite)) + [_OF_THE_SUITE] * len(suite))
    encoder = load_encoder()
    given = [read(text) for text, _ in data]
    vectors = _encoded(given, encoder)
    names = [name for _, name in data]
    by_words = _fitted_to_words(given, names, weights)
    by_meaning = LogisticRegression(C=_FREEDOM_OF_MEANING, max_iter=300, tol=1e-3)
    by_meaning.fit(vectors, names, weights)
    raw = {
        **by_words,
        "vector_weights": np.round(by_meaning.coef_.astype(float), 2).tolist(),
        "vector_bias": np.round(by_meaning.intercept_.astype(float), 3).tolist(),
        "encoder": encoder.info.weights_sha256,
    }
    _WEIGHTS.write_text(json.dumps(raw, separators=(",", ":"), sort_keys=True) + "\n")
    print(f"{len(data)} examples, {len(raw['weights'])} features, "
          f"{_WEIGHTS.stat().st_size:,} bytes")  # fmt: skip
    _tell_held(held, raw, encoder)
    return 0


def _written(rng: random.Random) -> Iterator[Example]:
    """Yield written examples, each line with several fillings."""
    slots = tomllib.loads((_TRAINING / "calculation_slots.toml").read_text(encoding="utf-8"))
    known = {
        "M": [each.name for each in models().values()],
        "G": [each.name for each in machines().values()],
    }
    name = ""
    for line in (_TRAINING / "calculations.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            name = line[2:].strip()
        elif line.strip():
            for _ in range(_EACH):
                yield _said(_filled(line, slots, known, rng), rng), name


def _filled(
    line: str,
    slots: Mapping[str, Sequence[str]],
    known: Mapping[str, Sequence[str]],
    rng: random.Random,
) -> str:
    def slot(match: re.Match[str]) -> str:
        name = match[1]
        return rng.choice(known[name] if name in known and rng.random() < 0.3 else slots[name])

    line = re.sub(r"\(([^()]*\|[^()]*)\)", lambda match: rng.choice(match[1].split("|")), line)
    while "{" in line:
        line = re.sub(r"\{(\w+)\}", slot, line)
    line = re.sub(r"\b(?:a|an|one) (a|an|one|my|two|four|\d+) ", r"\1 ", line)
    return " ".join(line.split())


def _said(text: str, rng: random.Random) -> str:
    """Say it as people do: with a word before it, with or without its mark, in small letters."""
    if rng.random() < 0.25:
        text = rng.choice(_BEFORE) + text
    mark = rng.random()
    if mark < 0.35 and not text.endswith("?"):
        text += "?"
    elif mark < 0.5:
        text = text.rstrip("?")
    return text.lower() if rng.random() < 0.3 else text


def _of_the_suite() -> Iterator[Example]:
    """Yield the suite's open half, as far as it says which calculation is asked for."""
    named = json.loads((_TRAINING / "calculation_cases.json").read_text(encoding="utf-8"))
    for case in dev_cases("calculation"):
        if case["id"] in named:
            yield _in_english(case["question"]), named[case["id"]]


def _in_english(text: str) -> str:
    language = language_of(text, "en")
    return text if language == "en" else in_english(text, language)


def _questions() -> tuple[list[str], list[str]]:
    """Return questions that bring something to calculate with: to learn from, and held out."""
    reviewed = set(_REVIEWED.read_text(encoding="utf-8").splitlines())
    ours: list[str] = []
    held: list[str] = []
    for topic in read_source(SHIPPED, name="ai").knowledge_base.topics:
        asked = [q for faq in topic.faqs for q in (faq.question, *faq.also_asked)]
        asked += [q for point in topic.data_points for q in point.also_asked]
        asked += [q for advice in topic.practice for q in advice.also_asked]
        (ours if is_dev(topic.slug) else held).extend(
            text for text in asked
            if text not in reviewed and any(char.isdigit() or char in '"“' for char in text)
            and read(text).names()
        )  # fmt: skip
    ours += [
        case["question"]
        for case in dev_cases("field", "paraphrase", "every-topic", "data-point", "cross-topic",
                              "false-premise", "unanswerable", "adversarial")
        if case["question"] not in reviewed and read(case["question"]).names()
    ]  # fmt: skip
    return ours, held


def _encoded(
    given: Sequence[GivenInputs], encoder: Encoder
) -> np.ndarray[Any, np.dtype[np.float32]]:
    texts = sorted({" ".join(each.kinds.split()) for each in given}, key=len)
    known: dict[str, np.ndarray[Any, np.dtype[np.float32]]] = {}
    with progress_bar("encoding questions") as tell:
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            known.update(zip(batch, encoder.encode_queries(batch), strict=True))
            tell(start + len(batch), len(texts))
    return np.stack([known[" ".join(each.kinds.split())] for each in given])


def _fitted_to_words(
    given: Sequence[GivenInputs], names: Sequence[str], weights: np.ndarray[Any, Any]
) -> dict[str, Any]:
    measured = [set(features(each)) for each in given]
    seen = Counter(feature for own in measured for feature in own)
    kept = sorted(feature for feature, count in seen.items() if count >= _LEAST_SEEN)
    columns = DictVectorizer().fit([dict.fromkeys(kept, 1.0)])
    table = columns.transform([dict.fromkeys(own, 1.0) for own in measured])
    model = LogisticRegression(C=_FREEDOM, max_iter=300, tol=1e-3).fit(table, names, weights)
    found = {
        feature: {
            str(place): round(float(weight), 2)
            for place, weight in enumerate(own)
            if abs(weight) >= _LEAST_WEIGHT
        }
        for feature, own in zip(columns.feature_names_, model.coef_.T, strict=True)
    }
    return {
        "names": [str(name) for name in model.classes_],
        "bias": [round(float(bias), 3) for bias in model.intercept_],
        "weights": {feature: own for feature, own in found.items() if own},
    }


def _tell_held(held: Sequence[str], raw: dict[str, Any], encoder: Encoder) -> None:
    model = CalculationModel(
        tuple(raw["names"]), raw["weights"], encoder=raw["encoder"],
        **{name: np.array(raw[name], np.float32)
           for name in ("bias", "vector_weights", "vector_bias")},
    )  # fmt: skip
    given = [read(text) for text in held]
    vectors = _encoded(given, encoder)
    taken = []
    for text, each, vector in zip(held, given, vectors, strict=True):
        chances = model.chances(each, vector)
        name = max(chances, key=lambda one: chances[one])
        if 1 - chances[NONE] > _SURE:
            taken.append((1 - chances[NONE], name, text))
    print(f"held-out questions taken for a calculation: {len(taken)} of {len(held)}")
    for chance, name, text in sorted(taken, reverse=True):
        print(f"  {chance:.2f} {name}  {text}")


if __name__ == "__main__":
    raise SystemExit(main())
