"""The development half of the evaluation suites, for what is calibrated on questions.

The halves are split by topic as the harness splits them (a test holds the two together), so
nothing calibrated here has seen a question of the sealed half.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["SUITES", "dev_cases", "is_dev"]

SUITES = Path(__file__).resolve().parent.parent / "eval" / "suites"
_SALT = "citewise-split-4"


def is_dev(topic: str) -> bool:
    """Tell whether a topic's questions are in the development half."""
    return hashlib.sha256(f"{_SALT}:{topic}".encode()).digest()[0] % 2 == 0


def dev_cases(*slices: str) -> Iterator[dict[str, Any]]:
    """Read the development cases of the named suites; a case without a topic splits by its id."""
    for name in slices:
        with (SUITES / f"{name}.jsonl").open(encoding="utf-8") as file:
            for line in file:
                case = json.loads(line)
                topic = case["topic"]
                if is_dev(case["id"] if topic in ("", "none") else topic):
                    yield case
