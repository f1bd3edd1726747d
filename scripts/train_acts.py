"""Train what tells the acts of a conversation: `python -m scripts.train_acts`.

Two linear models are fitted: one over the words of a clause, one over the shipped encoder's
vector of it; a clause does what both say. Written examples (`scripts/training/turns.txt`) come
with the words that people put around them; questions of the topics open for development, and
those of everyday life (`everyday.txt` beside them), stand for what is no act. The other topics'
questions are held out: how many of them are taken for an act is printed, and which. Writes
app/question/act_model.json and app/question/act_meaning.json. It takes some minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from app.question.act_meaning import meaning_by
from app.question.act_model import ASK, grams, words
from app.question.clauses import clauses
from app.question.reading import asks
from index.cli import progress_bar
from index.encoders import Encoder, load_encoder
from index.sources import SHIPPED, read
from scripts.dev_cases import is_dev
from scripts.training.sense import everyday

_ROOT = Path(__file__).resolve().parent.parent
_TURNS = Path(__file__).with_name("training") / "turns.txt"
_WEIGHTS = _ROOT / "app" / "question" / "act_model.json"
_MEANING = _WEIGHTS.with_name("act_meaning.json")
_QUESTIONS = 7000
# What is said of a subject by name is a question, however much it is worded like a wish.
_OF_A_SUBJECT = (
    "{}", "and {}", "what is {}", "what's {}", "explain {}", "explain {} to me", "describe {}",
    "define {}", "tell me about {}", "tell me more about {}", "give me an example of {}",
    "an example of {}", "summarize {}", "sources on {}", "papers about {}", "who invented {}",
    "i want to understand {}", "i don't get {}", "why {}", "is {} any good", "show me {}",
    "what did they say about {}", "a list of what {} needs", "how certain is {}",
)  # fmt: skip
_SEED = 7
_AROUND = 3
_SOCIAL_BEFORE = ("", "ok ", "well ", "so ", "and ", "oh ")
_BEFORE = ("", "", "ok ", "but ", "and ", "so ", "hm ", "sorry ", "now ", "then ", "well ", "wait ")
_ASKED_FOR = (
    *_BEFORE,
    "please ",
    "can you ",
    "could you ",
    "could you please ",
    "just ",
    "ok now ",
)
_AFTER = (
    "",
    "",
    "",
    " please",
    " now",
    " then",
    " thanks",
    " for me",
    " though",
    " again",
    " maybe",
)
_WISHES = frozenset({"short", "long", "simple", "example", "list", "steps", "table", "code"})
_SOCIAL = frozenset({"greet", "thank", "leave", "remark"})
_LEAST_SEEN = 2
_COMMON = 30
_SHORT = 3
_FREEDOM, _FREEDOM_OF_MEANING = 2.0, 30.0
_LEAST_WEIGHT = 0.12
_BATCH = 64

Example = tuple[str, str]


def main() -> int:
    """Fit, write, and say what of the held-out questions is taken for an act."""
    argparse.ArgumentParser(prog="python -m scripts.train_acts", description=__doc__).parse_args()
    turns = list(_turns())
    ours, held = _questions()
    ours += [remark for remark in everyday() if asks(remark)]
    known = _vocabulary(turns)
    data = [*_surrounded(turns), *((question, ASK) for question in ours)]
    raw = _fitted(data, known)
    around = {word for text in (*_ASKED_FOR, *_AFTER) for word in words(text)}
    own = {word for text, act in turns if act != ASK for word in words(text)} | around
    raw["own_words"] = sorted(own)
    _write(_WEIGHTS, raw)
    encoder = load_encoder()
    _write(_MEANING, _fitted_to_vectors([*turns, *((question, ASK) for question in ours)], encoder))
    print(f"{len(turns)} examples, {len(raw['weights'])} runs, {_WEIGHTS.stat().st_size:,} bytes")
    meaning = meaning_by(encoder)
    acts = {question: [clause.act for clause in clauses(question, meaning)] for question in held}
    taken = {question: done for question, done in acts.items() if ASK not in done}
    print(f"held-out questions taken for an act: {len(taken)} of {len(held)}")
    for question, done in taken.items():
        print(f"  {question}  {done}")
    return 0


def _write(path: Path, raw: dict[str, Any]) -> None:
    path.write_text(json.dumps(raw, separators=(",", ":"), sort_keys=True) + "\n")


def _turns() -> Iterator[Example]:
    act = ""
    for line in _TURNS.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            act = line[2:].strip()
        elif line.strip():
            yield line.strip(), act


def _questions() -> tuple[list[str], list[str]]:
    """Return clauses of questions to learn from, and whole questions that are held out."""
    ours: list[str] = []
    held: list[str] = []
    rng = random.Random(_SEED)
    for topic in read(SHIPPED, name="ai").knowledge_base.topics:
        asked = [q for faq in topic.faqs for q in (faq.question, *faq.also_asked)]
        asked += [q for point in topic.data_points for q in point.also_asked]
        asked += [q for advice in topic.practice for q in advice.also_asked]
        asked += [rng.choice(_OF_A_SUBJECT).format(term) for term in topic.terms]
        (ours if is_dev(topic.slug) else held).extend(asked)
    random.Random(_SEED).shuffle(ours)
    return ours[:_QUESTIONS], held


def _surrounded(turns: Sequence[Example]) -> Iterator[Example]:
    """Yield examples, also with what people say before and after."""
    rng = random.Random(_SEED)
    for text, act in turns:
        yield text, act
        for _ in range(_AROUND):
            before = _SOCIAL_BEFORE if act in _SOCIAL else _ASKED_FOR if act in _WISHES else _BEFORE
            yield f"{rng.choice(before)}{text}{rng.choice(_AFTER)}", act


def _vocabulary(turns: Sequence[Example]) -> frozenset[str]:
    """Return the words of short examples, and of others those that come more than once."""
    seen = Counter(word for text, _ in turns for word in set(words(text)))
    brief = {w for t, act in turns if act != ASK and len(words(t)) <= _SHORT for w in words(t)}
    around = {word for text in (*_ASKED_FOR, *_AFTER) for word in words(text)}
    return frozenset({w for w, count in seen.items() if count >= _LEAST_SEEN} | brief | around)


def _fitted(data: Sequence[Example], known: frozenset[str]) -> dict[str, Any]:
    measured = [(set(grams(words(text), known)), act) for text, act in data]
    seen = Counter(gram for own, _ in measured for gram in own)
    telling = Counter(gram for own, act in measured for gram in own if act != ASK)
    kept = sorted(g for g, n in seen.items() if telling[g] >= _LEAST_SEEN or n >= _COMMON)
    columns = DictVectorizer().fit([dict.fromkeys(kept, 1.0)])
    table = columns.transform([dict.fromkeys(own, 1.0) for own, _ in measured])
    model = LogisticRegression(C=_FREEDOM, max_iter=500, tol=1e-3).fit(
        table, [act for _, act in measured]
    )
    weights = {
        gram: {str(act): round(float(w), 2) for act, w in enumerate(own) if abs(w) >= _LEAST_WEIGHT}
        for gram, own in zip(columns.feature_names_, model.coef_.T, strict=True)
    }
    return {
        "acts": [str(act) for act in model.classes_],
        "words": sorted(known),
        "bias": [round(float(bias), 3) for bias in model.intercept_],
        "weights": {gram: own for gram, own in weights.items() if own},
    }


def _fitted_to_vectors(data: Sequence[Example], encoder: Encoder) -> dict[str, Any]:
    # Clauses are read as queries, which the shipped encoder does not read as it does passages.
    rows = []
    with progress_bar("encoding clauses") as tell:
        for start in range(0, len(data), _BATCH):
            tell(start, len(data))
            batch = [text for text, _ in data[start : start + _BATCH]]
            rows.append(encoder.encode_queries(batch))
    model = LogisticRegression(C=_FREEDOM_OF_MEANING, max_iter=500, tol=1e-3)
    model.fit(np.concatenate(rows), [act for _, act in data])
    return {
        "acts": [str(act) for act in model.classes_],
        "weights": np.round(model.coef_.astype(float), 2).tolist(),
        "bias": np.round(model.intercept_.astype(float), 3).tolist(),
        "encoder": encoder.info.weights_sha256,
    }


if __name__ == "__main__":
    raise SystemExit(main())
