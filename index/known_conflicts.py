"""What disagrees anywhere in a knowledge base, kept with its index as `conflicts.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from index.conflicts import Disagreement, Stated
from index.types import Passage

__all__ = ["read", "write"]


def write(path: Path, conflicts: Sequence[Disagreement], passages: Sequence[Passage]) -> None:
    """Write conflicts as JSON, passages as positions in `passages`."""
    rows = {passage.id: row for row, passage in enumerate(passages)}
    made = [
        {
            "quantity": conflict.quantity,
            "values": [
                {"value": v.value, "passage": rows[v.passage.id], "standing": v.standing}
                for v in conflict.values
            ],
        }
        for conflict in conflicts
    ]
    path.write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read(path: Path, passages: Sequence[Passage]) -> tuple[Disagreement, ...]:
    """Read what `write` wrote.

    Raises:
        OSError: there is no such file.
        ValueError, TypeError, KeyError, IndexError: it is something else.
    """
    raw: list[dict[str, Any]] = orjson.loads(path.read_bytes())
    return tuple(
        Disagreement(
            conflict["quantity"],
            tuple(
                Stated(value["value"], passages[value["passage"]], value["standing"])
                for value in conflict["values"]
            ),
        )
        for conflict in raw
    )
