"""docs/judges.md: one section a judge, each rewritten by the judge alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from index.files import put
from scripts.judges.environments import ROOT

__all__ = ["JudgeReport", "publish", "table"]

_DOCUMENT = ROOT / "docs" / "judges.md"
_OPENING = """# Judges

How the endpoint stands before judges that we did not write. Each section below is written by \
its command; run them all with `make judges`, one with `python -m scripts.judges NAME`. \
Versions are pinned in `scripts/judges/clients`.
"""


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What a judge found; `passed` is False where something is not as it must be."""

    name: str
    title: str
    body: str
    passed: bool


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def publish(section: JudgeReport, document: Path = _DOCUMENT) -> None:
    """Put a section into the document in the place of its last version."""
    text = document.read_text(encoding="utf-8") if document.is_file() else _OPENING
    begin, end = f"<!-- {section.name} -->", f"<!-- /{section.name} -->"
    block = f"{begin}\n## {section.title}\n\n{section.body.strip()}\n{end}"
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if place.search(text):
        text = place.sub(lambda _: block, text)
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    put(document, text)
