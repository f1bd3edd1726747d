"""Documents in growing numbers: what building, following a change and asking take.

`python -m scripts.bench.documents build FOLDER` builds with vectors that are made up, `ask` asks:
each in a process of its own, which prints what it took as a line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from index import store
from index.build import build
from index.encoders import EncoderInfo, Progress, TokenVectors, Vectors, load_encoder
from index.passages import full_text, passages_of
from index.recipe import KEPT, SourceSpec, read_sources, write_recipe, write_states
from index.retrieve import HybridRetriever
from index.sources import SHIPPED, Kept, read_all
from index.text.sentences import sentences
from scripts.bench.measure import peak_mb, run, summary, table, timed, work_dir
from scripts.bench.ours import questions

__all__ = ["figures"]

_PASSAGES_A_FILE = 25 / 3  # 3,000 files make 25,000 passages
_SENTENCES = 3
_REAL_TEXTS = 512
_QUESTIONS = 200


def figures(sizes: Sequence[int]) -> str:
    """Measure knowledge bases of about so many passages; return Markdown."""
    rows: list[tuple[object, ...]] = []
    for size in sizes:
        folder = work_dir(f"documents-{size}")
        shutil.rmtree(folder)
        _write_documents(folder / "docs", size)
        base = [sys.executable, "-m", "scripts.bench.documents"]
        (made,) = run([*base, "build", str(folder)]).lines
        changed = folder / "docs" / "0000" / "0007.md"
        text = changed.read_text(encoding="utf-8")
        changed.write_text(f"{text}\n## Added\n\nThe valve opens at 7 bar.\n", encoding="utf-8")
        (synced,) = run([*base, "sync", str(folder)]).lines
        (asked,) = run([*base, "ask", str(folder)]).lines
        shutil.rmtree(folder)
        rows.append(
            (made["passages"], made["files"], made["mb"], made["cpu"], made["peak_mb"],
             synced["cpu"], synced["peak_mb"], asked["median"], asked["cpu"], asked["peak_mb"]),
        )  # fmt: skip
    head = [
        "passages", "files", "index MB", "build without the encoder, s", "its peak MB",
        "`sync` of one changed file, s", "its peak MB", "a query, median ms",
        "the same, processor ms", "peak MB",
    ]  # fmt: skip
    about = (
        f"Seconds are of processor time. The encoder takes {_encoding():.1f} ms of it for a "
        f"passage, all cores together ({_REAL_TEXTS} passages).\n\n"
    )
    return about + table(head, rows)


def _write_documents(folder: Path, passages: int) -> None:
    """Write Markdown whose sentences are those of the shipped knowledge base, shuffled."""
    known = [
        passage.text[start:end].strip()
        for topic in read_all([f"ai={SHIPPED}"]).knowledge_base.topics
        for passage in passages_of(topic)
        for start, end in sentences(passage.text)
    ]
    chance = random.Random(3)
    for number in range(round(passages / _PASSAGES_A_FILE)):
        parts = [f"# Document {number}\n"]
        upto = round((number + 1) * _PASSAGES_A_FILE) - round(number * _PASSAGES_A_FILE)
        for section in range(upto):
            text = " ".join(chance.sample(known, _SENTENCES))
            parts.append(f"## Section {section}\n\n{text}\n")
        path = folder / f"{number // 100:04}" / f"{number:04}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(parts), encoding="utf-8")


class _MadeUp:
    """Stands for the shipped encoder: as many tokens, vectors that mean nothing and cost little."""

    def __init__(self) -> None:
        self._real = load_encoder()
        noise = np.random.default_rng(5).standard_normal((4096, self.info.dimension), np.float32)
        self._noise = noise / np.linalg.norm(noise, axis=1, keepdims=True)

    @property
    def info(self) -> EncoderInfo:
        return self._real.info

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.encode_passages(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        del progress
        return np.stack([_direction(text, self.info.dimension) for text in texts])

    def encode_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, tuple[TokenVectors, ...]]:
        found, tokens = self.encode_passage_tokens(texts)
        return found, tuple(tokens)

    def encode_passage_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        tokens = []
        for text, count in zip(texts, self.count_tokens(texts), strict=True):
            at = _number(text) % (len(self._noise) - 512)
            ids = np.arange(at, at + count, dtype=np.int32)
            tokens.append(TokenVectors(ids, self._noise[at : at + count]))
        return self.encode_passages(texts, progress), tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._real.count_tokens(texts)

    def decode(self, ids: Sequence[int]) -> str:
        return self._real.decode(ids)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _direction(text: str, dimension: int) -> Vectors:
    vector = np.random.default_rng(_number(text)).standard_normal(dimension, np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _build(folder: Path) -> dict[str, object]:
    encoder, started = _MadeUp(), _cpu()
    specs = [SourceSpec("docs", str((folder / "docs").resolve()))]
    kept = Kept.open(folder / KEPT)
    base, states = read_sources(specs, kept, folder)
    report = build(base, folder, encoder)
    write_recipe(folder, specs)
    write_states(folder, states)
    kept.save()
    size = sum(path.stat().st_size for path in report.directory.rglob("*") if path.is_file())
    return {
        "passages": report.passages,
        "files": report.topics,
        "cpu": _cpu() - started,
        "peak_mb": peak_mb(),
        "mb": size / 1e6,
    }


def _sync(folder: Path) -> dict[str, object]:
    """Follow a change with the command itself, in this process."""
    from index.__main__ import main

    status = main(["sync", "--index", str(folder)])
    if status:
        sys.exit(status)
    return {"cpu": _cpu(), "peak_mb": peak_mb()}


def _ask(folder: Path) -> dict[str, object]:
    encoder = load_encoder()
    retriever = HybridRetriever(store.load(folder, encoder.info), encoder)
    asked = questions(read_all([f"ai={SHIPPED}"]).knowledge_base, _QUESTIONS + 20)
    for question in asked[:20]:
        retriever.search(question, 8)
    started = time.process_time()
    median, _ = summary(timed([partial(retriever.search, one, 8) for one in asked[20:]]))
    used = (time.process_time() - started) / _QUESTIONS * 1e3
    return {"median": median, "cpu": used, "peak_mb": peak_mb()}


def _encoding() -> float:
    """Milliseconds of processor time that the shipped encoder takes for a passage."""
    encoder = load_encoder()
    base = read_all([f"ai={SHIPPED}"]).knowledge_base
    texts = [full_text(passage) for topic in base.topics for passage in passages_of(topic)]
    random.Random(4).shuffle(texts)
    encoder.encode_passages(texts[:64])
    started = time.process_time()
    encoder.encode_passages(texts[64 : 64 + _REAL_TEXTS])
    return (time.process_time() - started) / _REAL_TEXTS * 1e3


def _cpu() -> float:
    """Processor seconds of this process and of those that it started."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    print(json.dumps({"build": _build, "sync": _sync, "ask": _ask}[sys.argv[1]](Path(sys.argv[2]))))
