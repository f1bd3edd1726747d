"""A page of a PDF as a picture, with words of it marked; drawn in a process of its own.

`python -m index.page_image PATH PAGE BYTES` is that process: standard input holds the
words, standard output a line of JSON and a PNG.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.errors import KnowledgeBaseError

__all__ = ["PageImage", "draw_page"]

_ROOT = Path(__file__).resolve().parent.parent
_SECONDS = 30.0
_BYTES = 2 * 1024**3
_WIDTH = 1100  # pixels
_TALLEST = 4  # times the width
_MARK = (255, 221, 87)
# Words of which so many letters stand at their beginning on a page go on on the next one.
_BEGINNING = 12


@dataclass(frozen=True, slots=True)
class PageImage:
    """A drawn page, by its number from 1; `marked` tells whether the words stand on it."""

    page: int
    marked: bool
    png: bytes


def draw_page(path: Path, page: int, words: str, *, seconds: float = _SECONDS) -> PageImage:
    """Draw a page of a PDF, or the one after it where the words stand there.

    Args:
        path: the file.
        page: its number, from 1.
        words: what to mark; letters and digits are compared, nothing else.
        seconds: how long it may take.

    Raises:
        KnowledgeBaseError: there is no such page, or it can't be drawn in time.
    """
    command = [sys.executable, "-m", "index.page_image", str(path), str(page), str(_BYTES)]
    try:
        done = subprocess.run(
            command, input=words.encode("utf-8", "replace"), capture_output=True, cwd=_ROOT,
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise KnowledgeBaseError(f"{path.name}: page {page} took longer than {seconds} s") from None
    head, _, png = done.stdout.partition(b"\n")
    if done.returncode or not png:
        raise KnowledgeBaseError(f"{path.name}: expected a page {page} that can be drawn")
    found = json.loads(head)
    return PageImage(found["page"], found["marked"], png)


def _letters(text: str) -> tuple[str, list[int]]:
    """A text's letters and digits, folded, and where each stands."""
    kept = [(one, n) for n, char in enumerate(text) for one in char.casefold() if one.isalnum()]
    return "".join(one for one, _ in kept), [n for _, n in kept]


def _span(text: str, words: str) -> tuple[int, int] | None:
    """Where words, or their beginning, stand in a page's text: the first character, how many."""
    wanted, _ = _letters(words)
    there, places = _letters(text)
    # What stands there to a length stands there to any shorter one.
    length = bisect_right(range(len(wanted)), 0, key=lambda n: wanted[: n + 1] not in there)
    if length < min(_BEGINNING, len(wanted)) or not wanted:
        return None
    at = there.find(wanted[:length])
    return places[at], places[at + length - 1] - places[at] + 1


def _boxes(page: Any, words: str) -> Iterator[tuple[float, float, float, float]]:  # noqa: ANN401
    """Left, bottom, right and top, in points, of the lines on which words stand."""
    text = page.get_textpage()
    span = _span(text.get_text_range(), words)
    if span is not None:
        for n in range(text.count_rects(*span)):
            yield text.get_rect(n)


def _drawn(path: Path, number: int, words: str) -> tuple[dict[str, object], bytes]:
    import pypdfium2  # type: ignore[import-untyped]
    from PIL import Image, ImageChops, ImageDraw

    document = pypdfium2.PdfDocument(path)
    boxes: list[tuple[float, float, float, float]] = []
    chosen = number
    for candidate in (number, number + 1):
        if candidate <= len(document) and words.strip() and not boxes:
            boxes = list(_boxes(document[candidate - 1], words))
            chosen = candidate if boxes else number
    page = document[chosen - 1]
    width, height = page.get_size()
    if not 0 < height <= _TALLEST * width:
        raise ValueError(f"a page of {width:.0f} by {height:.0f} points")
    scale = _WIDTH / width
    picture = page.render(scale=scale).to_pil().convert("RGB")
    marks = Image.new("RGB", picture.size, "white")
    draw = ImageDraw.Draw(marks)
    left, bottom = page.get_bbox()[:2]
    for x0, y0, x1, y1 in boxes:
        top = picture.height - (y1 - bottom) * scale
        low = picture.height - (y0 - bottom) * scale
        draw.rectangle([(x0 - left) * scale - 2, top - 2, (x1 - left) * scale + 2, low + 2], _MARK)
    out = io.BytesIO()
    ImageChops.multiply(picture, marks).save(out, "PNG")
    return {"page": chosen, "marked": bool(boxes)}, out.getvalue()


def _serve(path: str, page: str, memory: str) -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    words = sys.stdin.buffer.read().decode("utf-8", "replace")
    told, png = _drawn(Path(path), int(page), words)
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + png)


if __name__ == "__main__":
    _serve(*sys.argv[1:4])
