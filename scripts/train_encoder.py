"""Train the question tower of the encoder, measure it on topics it never saw, and write both.

Run it as `python -m scripts.train_encoder`; it needs the torch extra.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from index.encoders import Encoder, load_encoder
from index.encoders.adapter import ADAPTER_FILE, Adapter
from index.encoders.openvino_encoder import OpenVinoEncoder
from index.errors import CitewiseError
from index.sources import SHIPPED, read
from index.types import KnowledgeBase
from index.weights import MINILM
from scripts.training.card import model_card, table
from scripts.training.data import (
    Item,
    TrainingPair,
    cases_of,
    digest_of,
    items_of,
    split_questions,
    split_topics,
)
from scripts.training.evaluate import ComparisonRow, compare
from scripts.training.fit import Bank, Fit, Schedule, fit
from scripts.training.low_rank import low_rank_changes, save_adapter

OUT = Path(__file__).resolve().parent.parent / "index" / "encoders" / "dpr"
NAME = "citewise-dpr"
MAX_TOKENS = 256


def main(argv: Sequence[str] | None = None) -> int:
    """Train, measure and write; return the exit status."""
    args = _arguments(argv)
    try:
        _run(args)
    except CitewiseError as error:
        print(f"train_encoder: {error}", file=sys.stderr)
        return 2
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    standard = Schedule()
    parser = argparse.ArgumentParser(prog="python -m scripts.train_encoder", description=__doc__)
    parser.add_argument("--kb", type=Path, default=SHIPPED, help="knowledge base to train on")
    parser.add_argument(
        "--also", type=Path, help="a second one to measure on, with the same passages in order"
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write the encoder to")
    parser.add_argument("--rank", type=int, default=64, help="rank of each matrix' change")
    parser.add_argument("--epochs", type=int, default=standard.epochs, help="at most")
    parser.add_argument("--batch", type=int, default=standard.batch)
    parser.add_argument("--learning-rate", type=float, default=standard.learning_rate)
    parser.add_argument("--seed", type=int, default=standard.seed)
    parser.add_argument("--held-out", type=int, default=12, help="topics kept for measuring")
    parser.add_argument("--validation", type=int, default=5, help="topics to choose epochs by")
    return parser.parse_args(argv)


def _run(args: argparse.Namespace) -> None:
    started = time.monotonic()
    knowledge_base = read(args.kb, name="trained on").knowledge_base
    others = [read(args.also, name="other wording").knowledge_base] if args.also else []
    items = items_of(knowledge_base)
    topics = [topic.slug for topic in knowledge_base.topics]
    rest, held = split_topics(topics, args.held_out, args.seed)
    train, validation = split_topics(rest, args.validation, args.seed)
    schedule = Schedule(
        epochs=args.epochs,
        batch=args.batch,
        learning_rate=args.learning_rate,
        seed=args.seed,
    )
    before = load_encoder(MINILM.name)
    bank = _bank(items, before)
    _say(f"{len(items)} passages; training on {len(train)} topics, held out: {', '.join(held)}")

    learned, unseen = split_questions(_pairs(items, train))
    chosen = fit(
        learned,
        bank.only(frozenset(train)),
        schedule,
        validation=([*unseen, *_pairs(items, validation)], bank),
    )
    figures = ", ".join(f"{figure:.3f}" for figure in chosen.validation)
    _say(f"validation reciprocal rank by epoch: {figures}; chosen: {chosen.best_epoch}")
    with TemporaryDirectory() as folder:
        _write(Path(folder), chosen, args.rank, {})
        rows = _measure([knowledge_base, *others], held, before, Path(folder))
    print(table(rows))

    shipped = fit(_pairs(items, topics), bank, schedule, stop_after=chosen.best_epoch)
    facts: dict[str, Any] = {
        "command": "python -m scripts.train_encoder" + (" --also PATH" if args.also else ""),
        "topics": len(topics),
        "pairs": len(_pairs(items, topics)),
        "epochs": chosen.best_epoch,
        "max_epochs": schedule.epochs,
        "batch": schedule.batch,
        "learning_rate": schedule.learning_rate,
        "seed": schedule.seed,
        "data": digest_of(items),
        "train_topics": len(train),
        "validation_topics": len(validation),
        "held_topics": len(held),
        "held_names": ", ".join(held),
    }
    kept = _write(args.out, shipped, args.rank, facts)
    size = (args.out / ADAPTER_FILE).stat().st_size
    extra = {
        "rank": args.rank,
        "kept": kept,
        "size_kb": size // 1000,
        "base": MINILM.sha256[:12],
        "dimension": before.info.dimension,
    }
    short = {**facts, "data": facts["data"][:12]}
    (args.out / "README.md").write_text(model_card({**short, **extra}, rows), encoding="utf-8")
    _say(f"wrote {args.out} ({size} bytes) after {time.monotonic() - started:.0f} s")


def _bank(items: Sequence[Item], encoder: Encoder) -> Bank:
    texts = [text for item in items for text in item.texts]
    owners = [row for row, item in enumerate(items) for _ in item.texts]
    return Bank(
        tuple(item.passage for item in items), np.array(owners), encoder.encode_passages(texts)
    )


def _pairs(items: Sequence[Item], topics: Sequence[str]) -> list[TrainingPair]:
    wanted = frozenset(topics)
    return [
        TrainingPair(question, item.texts[0], item.passage)
        for item in items
        if item.topic in wanted
        for question in item.questions
    ]


def _write(folder: Path, fitted: Fit, rank: int, training: dict[str, Any]) -> float:
    changes, kept = low_rank_changes(fitted.before, fitted.after, rank)
    config = {
        "name": NAME,
        "base": MINILM.name,
        "base_sha256": MINILM.sha256,
        "towers": {"query": "query", "passage": None},
        "rank": rank,
        "pooling": "mean",
        "normalized": True,
        "max_tokens": MAX_TOKENS,
        "training": training,
    }
    save_adapter(folder, {"query": changes}, config)
    return kept


def _measure(
    bases: Sequence[KnowledgeBase], held: Sequence[str], before: Encoder, folder: Path
) -> list[ComparisonRow]:
    after = OpenVinoEncoder(
        MINILM.locate().parent, NAME, expected_sha256=MINILM.sha256, adapter=Adapter.load(folder)
    )
    cases = cases_of(bases[0], held)
    return [row for base in bases for row in compare(base, cases, before, after)]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
