"""What the judge learns from: pairs of texts that go together or don't, and their states."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.cli import say
from index.judge.interaction import Task
from index.judge.states import TokenStates
from index.types import KnowledgeBase, Passage
from scripts.training.claims_data import MATERIAL
from scripts.training.data import Part, items_of, part_of

__all__ = ["JudgedPair", "Texts", "near", "pairs_of", "refs_of"]

_EVERY = 1000
_WHAT_IS = re.compile(r"What (?:is|are) (.+)\?")
_PLAIN = (
    "How does {} work?", "What does {} do?", "What is the point of {}?", "Explain how {} works.",
    "What is {} used for?", "Tell me about {}.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A text that is judged beside a passage; `kind` tells what sort of pair it is."""

    task: Task
    text: str
    ref: str
    true: bool
    kind: str


class Texts:
    """The states of texts, read once and kept in a folder: they take minutes."""

    def __init__(self, texts: Iterable[tuple[str, str | None]], kept: Path) -> None:
        """Read the states of texts, alone or as pairs, or what an earlier run kept of them."""
        ordered = list(dict.fromkeys(texts))
        digest = hashlib.sha256(json.dumps(ordered).encode()).hexdigest()[:16]
        self._row = {text: row for row, text in enumerate(ordered)}
        files = [kept / f"{digest}-{part}.npy" for part in ("states", "ids", "starts")]
        if not all(file.is_file() for file in files):
            kept.mkdir(parents=True, exist_ok=True)
            states, ids, starts = _read(ordered)
            np.save(files[0], states)
            np.save(files[1], ids)
            np.save(files[2], starts)
        self._states, self._ids, self._starts = (np.load(file, mmap_mode="r") for file in files)

    def __getitem__(self, text: tuple[str, str | None]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a text's states, (tokens, 2 · hidden) float16, and its ids, (tokens,)."""
        row = self._row[text]
        own = slice(int(self._starts[row]), int(self._starts[row + 1]))
        return self._states[own], self._ids[own]

    def length(self, text: tuple[str, str | None]) -> int:
        """Count a text's tokens."""
        row = self._row[text]
        return int(self._starts[row + 1] - self._starts[row])

    def direction(self, text: tuple[str, str | None]) -> NDArray[np.float32]:
        """Return the mean of a text's last states, at length 1. Shape: (hidden,)."""
        states, _ = self[text]
        mean = states[:, states.shape[1] // 2 :].astype(np.float32).mean(axis=0)
        direction: NDArray[np.float32] = mean / np.linalg.norm(mean)
        return direction


def _read(
    texts: Sequence[tuple[str, str | None]],
) -> tuple[NDArray[np.float16], NDArray[np.int32], NDArray[np.int64]]:
    reader, states, ids = TokenStates(), [], []
    for number, text in enumerate(texts, start=1):
        own, tokens = reader.of(*text)
        states.append(own.astype(np.float16))
        ids.append(tokens.astype(np.int32))
        if number % _EVERY == 0:
            say(f"{number} of {len(texts)} texts read")
    starts = np.cumsum([0, *(len(own) for own in ids)])
    return np.concatenate(states), np.concatenate(ids), starts


def pairs_of(knowledge_base: KnowledgeBase, part: Part) -> list[JudgedPair]:
    """Return a part's pairs.

    True and false restatements beside their passage; ways of asking for a passage beside it, near
    misses and their answerable twins beside theirs; and plain questions on what is defined beside
    its definition.
    """
    asked = [
        JudgedPair("answers", question, item.passage, True, "asked")
        for item in items_of(knowledge_base)
        if part_of(item.topic) == part
        for question in (*item.questions, *_plain(item.questions))
    ]
    return [*_written(part), *asked]


def _plain(questions: Iterable[str]) -> Iterator[str]:
    """Ask of what a definition defines in other plain forms, each name in one of them."""
    names = [found[1] for question in questions if (found := _WHAT_IS.fullmatch(question))]
    for number, name in enumerate(names):
        yield _PLAIN[number % len(_PLAIN)].format(name)


def _written(part: Part) -> Iterator[JudgedPair]:
    for path in sorted(MATERIAL.glob("*.jsonl")):
        if part_of(path.stem) != part:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["kind"] == "claim":
                true = record["label"] == "supported"
                yield JudgedPair(
                    "supports", record["claim"], record["ref"], true, record["distance"]
                )
            else:
                kind = record["kind"].replace("_", " ")
                yield JudgedPair("answers", record["question"], record["ref"], kind == "twin", kind)


def refs_of(passages: Mapping[str, Passage]) -> dict[str, tuple[str, str]]:
    """Return each passage's heading and text, by id."""
    return {ref: (passage.heading, passage.text) for ref, passage in passages.items()}


def near(
    directions: NDArray[np.float32], passages: NDArray[np.float32], count: int
) -> NDArray[np.int64]:
    """Return the rows of the passages nearest to each text, nearest first.

    Shapes: `directions` (texts, hidden), `passages` (passages, hidden); the result
    (texts, count).
    """
    found = []
    for start in range(0, len(directions), _EVERY):
        alike = directions[start : start + _EVERY] @ passages.T
        found.append(np.argsort(-alike, axis=1, kind="stable")[:, :count])
    return np.concatenate(found)
