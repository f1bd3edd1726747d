"""The training material's claims: true and false restatements beside their passages."""

from __future__ import annotations

import json
from pathlib import Path

from index.passages import passages_of
from index.sources import SHIPPED, read_all
from index.types import Passage
from scripts.training.data import is_test

__all__ = ["restatements", "shipped_passages"]

MATERIAL = Path(__file__).with_name("material")


def shipped_passages() -> dict[str, Passage]:
    """Return the shipped knowledge base's passages by id."""
    topics = read_all([f"ai={SHIPPED}"]).knowledge_base.topics
    return {passage.id: passage for topic in topics for passage in passages_of(topic)}


def restatements(*, test: bool, folder: Path = MATERIAL) -> dict[str, list[dict[str, str]]]:
    """Return the material's claims by passage id: those set aside for testing, or the others."""
    found: dict[str, list[dict[str, str]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        if is_test(path.stem) != test:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["kind"] == "claim":
                found.setdefault(record["ref"], []).append(record)
    return found
