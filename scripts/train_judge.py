"""Train the judge: `python -m scripts.train_judge`.

One small model learns two tasks. *Answers*: a way of asking beside the passage that it asks for,
against near misses of that passage, their answerable twins, which are put alike, and passages
found near the question. *Supports*: true and false restatements beside their passage. The topics
that the training material sets aside measure it. Writes index/judge/weights.safetensors and its
part of docs/judge.md. About half an hour of one core; the states of the texts are kept in
.cache/judge, so that a second run begins at once.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch.nn import functional, utils

from index.cli import say
from index.judge import WEIGHTS
from index.sources import SHIPPED, read_all
from scripts.training.claims_data import shipped_passages
from scripts.training.judge_data import JudgedPair, Texts, near, pairs_of, refs_of
from scripts.training.judge_model import Batch, JudgeModel, batch_of
from scripts.training.judge_style import StyleOdds

_ROOT = Path(__file__).resolve().parent.parent
_REPORT = _ROOT / "docs" / "judge.md"
_KEPT = _ROOT / ".cache" / "judge"
_BEGIN, _END = "<!-- judge -->", "<!-- /judge -->"
_SEED = 0
_BATCH, _SORTED = 32, 16
_LEARNING_RATE, _DECAY, _WARM_UP = 1e-3, 0.05, 200
# A near miss or a near passage may answer after all: no label is taken as certain.
_SMOOTHING = 0.02
_NEAR = 25
_WITHOUT_HEADING = 0.5
_SHOWN_FALSE = 0.03
_MEASURED = 1500
_ASKED = ("asked", "twin")
# There are far fewer twins than ways of asking; what tells them from near misses is the point.
_TWINS = 3


@dataclass(frozen=True)
class Material:
    """Pairs to learn from and to measure by, with the states of all their texts."""

    texts: Texts
    passages: dict[str, tuple[str, str]]
    train: list[JudgedPair]
    test: list[JudgedPair]
    neighbours: dict[str, list[str]]

    def sides(
        self, pairs: Sequence[JudgedPair], rng: random.Random | None = None
    ) -> tuple[Batch, Batch]:
        """Return the pairs' texts and their passages, padded.

        With `rng`, for training, half of the passages come without their heading, and always
        where the heading is the question: else any question that is put like a heading, but is
        none, would look like a near miss.
        """
        asked = batch_of([self.texts[pair.text, None] for pair in pairs], padding=-1)
        read = batch_of([self.texts[self._passage(pair, rng)] for pair in pairs], padding=-2)
        return asked, read

    def _passage(self, pair: JudgedPair, rng: random.Random | None) -> tuple[str, str | None]:
        heading, text = self.passages[pair.ref]
        if rng is not None and (heading == pair.text or rng.random() < _WITHOUT_HEADING):
            return text, None
        return heading, text

    def length(self, pair: JudgedPair) -> int:
        """Count the tokens of a pair's passage."""
        return self.texts.length(self.passages[pair.ref])


def main() -> int:
    """Read, train, measure, write."""
    parser = argparse.ArgumentParser(prog="python -m scripts.train_judge", description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(_SEED)
    material = read_material()
    model = JudgeModel(material.texts["?", None][0].shape[1] // 2)
    _train(model, material, options.epochs)
    save_file(model.weights(), WEIGHTS)
    text = _REPORT.read_text(encoding="utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    found = measured(model, material)
    _REPORT.write_text(f"{before}{_BEGIN}\n{found}\n{_END}{after}", encoding="utf-8")
    print(found)
    return 0


def read_material() -> Material:
    """Read the pairs and the states of their texts."""
    knowledge_base = read_all([f"ai={SHIPPED}"]).knowledge_base
    passages = refs_of(shipped_passages())
    train, test = pairs_of(knowledge_base, "train"), pairs_of(knowledge_base, "test")
    asked = [(pair.text, None) for pair in (*train, *test)]
    alone = [(text, None) for _, text in passages.values()]
    texts = Texts([("?", None), *passages.values(), *alone, *asked], _KEPT)
    return Material(texts, passages, train, test, _neighbours(texts, passages, (*train, *test)))


def _neighbours(
    texts: Texts, passages: dict[str, tuple[str, str]], pairs: Sequence[JudgedPair]
) -> dict[str, list[str]]:
    """Return the passages near each question, without the one that it asks for."""
    refs = list(passages)
    asked = {pair.text: pair.ref for pair in pairs if pair.kind in _ASKED}
    vectors = np.stack([texts.direction(passages[ref]) for ref in refs])
    questions = np.stack([texts.direction((text, None)) for text in asked])
    return {
        text: [refs[row] for row in rows if refs[row] != gold]
        for (text, gold), rows in zip(
            asked.items(), near(questions, vectors, _NEAR).tolist(), strict=True
        )
    }


def _train(model: JudgeModel, material: Material, epochs: int) -> None:
    rng, started, step = random.Random(_SEED), time.monotonic(), 0
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=_DECAY)
    total = epochs * len(list(_batches(material, _epoch(material, random.Random(_SEED)), rng)))
    for epoch in range(1, epochs + 1):
        losses = []
        for batch in _batches(material, _epoch(material, rng), rng):
            step += 1
            rate = _LEARNING_RATE * min(1, step / _WARM_UP) * max(0.0, 1 - step / total)
            for group in optimizer.param_groups:
                group["lr"] = rate
            odds = model(batch[0].task, *material.sides(batch, rng))
            wanted = torch.tensor([float(pair.true) for pair in batch])
            loss = functional.binary_cross_entropy_with_logits(
                odds, wanted * (1 - 2 * _SMOOTHING) + _SMOOTHING
            )
            loss.backward()  # type: ignore[no-untyped-call]
            utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            if step % 200 == 0:
                minutes = (time.monotonic() - started) / 60
                say(f"step {step} of {total}: loss {np.mean(losses[-200:]):.3f}, {minutes:.1f} min")
        save_file(model.weights(), _KEPT / f"epoch-{epoch}.safetensors")
        say(f"epoch {epoch}\n{measured(model, material)}")


def _epoch(material: Material, rng: random.Random) -> list[JudgedPair]:
    """Return an epoch's pairs: each question with one of the passages near it as well.

    Twins come several times, their near misses no more often than others.
    """
    others = [
        JudgedPair("answers", pair.text, rng.choice(material.neighbours[pair.text]), False, "near")
        for pair in material.train
        if pair.kind in _ASKED
    ]
    twins = [pair for pair in material.train if pair.kind == "twin"]
    return [*material.train, *(_TWINS - 1) * twins, *others]


def _batches(
    material: Material, pairs: Sequence[JudgedPair], rng: random.Random
) -> Iterator[list[JudgedPair]]:
    """Batch pairs of one task and of similar length, in random order."""
    batches = []
    for task in ("answers", "supports"):
        own = [pair for pair in pairs if pair.task == task]
        rng.shuffle(own)
        for start in range(0, len(own), _BATCH * _SORTED):
            part = sorted(own[start : start + _BATCH * _SORTED], key=material.length)
            batches += [part[n : n + _BATCH] for n in range(0, len(part), _BATCH)]
    rng.shuffle(batches)
    yield from batches


def measured(model: JudgeModel, material: Material) -> str:
    """Measure on the topics that are set aside, as a table in Markdown."""
    claims = [pair for pair in material.test if pair.task == "supports"]
    asked = [pair for pair in material.test if pair.kind == "asked"]
    asked = random.Random(_SEED).sample(asked, min(_MEASURED, len(asked)))
    missed = [pair for pair in material.test if pair.kind == "near miss"]
    twins = [pair for pair in material.test if pair.kind == "twin"]
    beside = [
        JudgedPair("answers", pair.text, material.neighbours[pair.text][0], False, "near")
        for pair in asked
    ]
    odds = {
        pair: score for pair, score in _judged(model, material, [*claims, *asked, *missed, *twins])
    }
    odds |= dict(_judged(model, material, beside))
    kinds = {
        "true and false restatements, close": [p for p in claims if p.kind == "close"],
        "true and false restatements, free": [p for p in claims if p.kind == "free"],
        "ways of asking and near misses": [*asked, *missed],
        "near misses and their answerable twins": [*twins, *missed],
        "ways of asking and the nearest other passage": [*asked, *beside],
    }
    style = StyleOdds([pair for pair in material.train if pair.task == "answers"])
    lines = [
        "| told apart | n | AUROC | by style alone | true ones kept where 3 % of the others are |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, pairs in kinds.items():
        true, false = _split(pairs, [odds[pair] for pair in pairs])
        by_style = "–"
        if pairs[0].task == "answers":
            by_style = f"{_auroc(*_split(pairs, style([pair.text for pair in pairs]))):.3f}"
        lines.append(
            f"| {name} | {len(pairs)} | {_auroc(true, false):.3f} | {by_style} "
            f"| {_kept(true, false):.2f} |"
        )
    return "\n".join(lines)


def _split(
    pairs: Sequence[JudgedPair], scores: Iterable[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Part the scores of true pairs from those of the others."""
    given, true = np.array([*scores]), np.array([pair.true for pair in pairs])
    return given[true], given[~true]


def _judged(
    model: JudgeModel, material: Material, pairs: Sequence[JudgedPair]
) -> Iterator[tuple[JudgedPair, float]]:
    model.eval()
    with torch.inference_mode():
        for batch in _batches(material, pairs, random.Random(_SEED)):
            yield from zip(
                batch, model(batch[0].task, *material.sides(batch)).tolist(), strict=True
            )
    model.train()


def _auroc(true: NDArray[np.float64], false: NDArray[np.float64]) -> float:
    """The chance that a true one scores higher than a false one (Hanley and McNeil 1982)."""
    above = (true[:, np.newaxis] > false).mean()
    return float(above + 0.5 * (true[:, np.newaxis] == false).mean())


def _kept(true: NDArray[np.float64], false: NDArray[np.float64]) -> float:
    return float((true > np.quantile(false, 1 - _SHOWN_FALSE)).mean())


if __name__ == "__main__":
    sys.exit(main())
