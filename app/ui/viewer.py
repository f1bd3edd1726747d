"""The document behind a citation, opened at its place: the words that are cited are marked.

A document is shown as it was read, and a page of a PDF also as a picture. Nothing of it runs: its
text is Markdown without HTML, and the policy allows no script, no form and no other server.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from app.ui import safe, texts
from app.ui.links import place_words
from app.ui.speaking import language
from index.errors import KnowledgeBaseError
from index.page_image import PageImage, draw_page
from index.recipe import original_of
from index.types import Passage

__all__ = ["place_address", "viewer_pages"]

_PATH: Final = "view"
_MOST_WORDS = 600  # characters of what is marked
_PARTS = 40  # of a document, shown before and after the place
_PICTURES_KEPT = 24
_AT_ONCE = 2
_OVERLAP = 170
_ENDS = ".!?…)”"  # of a sentence, marked with it
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}


class _Indexed(Protocol):
    @property
    def passages(self) -> Sequence[Passage]:
        """What is known."""

    @property
    def fingerprint(self) -> str:
        """Which index it is."""


class Knowing(Protocol):
    """What has an index."""

    @property
    def index(self) -> _Indexed:
        """The index that serves now."""


def place_address(ref: str, quote: str) -> str:
    """Where a passage's document is shown, relative to the page; it opens at the mark."""
    return f"{_PATH}?{urlencode({'ref': ref, 'quote': quote[:_MOST_WORDS]})}#here"


def viewer_pages(knowing: Knowing, index: Path | None) -> list[BaseRoute]:
    """Make the pages that show documents.

    Args:
        knowing: what has the passages.
        index: the index directory, whose recipe tells where the files lie; None shows no pictures.
    """
    pictures, documents = _Pictures(), _Documents(knowing)

    async def show(request: Request) -> Response:
        passage, parts = await asyncio.to_thread(documents.find, request)
        if passage is None:
            return _page(texts.VIEW_TITLE, f"<p>{texts.VIEW_GONE}</p>", 404)
        quote = _words_of(request)
        file = await asyncio.to_thread(_pdf_of, index, passage)
        image = ""
        if file is not None:
            query = urlencode({"ref": passage.id, "quote": quote})
            alt = safe.attribute(f"{passage.title}, {place_words(passage.place)}"
                                 if passage.place else passage.title)  # fmt: skip
            image = f'<img id="here" src="{_PATH}/page.png?{safe.attribute(query)}" alt="{alt}">'
        body = await asyncio.to_thread(_document_html, passage, parts, quote, image)
        return _page(passage.title, body)

    async def picture(request: Request) -> Response:
        passage, _ = await asyncio.to_thread(documents.find, request)
        file = await asyncio.to_thread(_pdf_of, index, passage) if passage else None
        if passage is None or file is None or passage.place is None:
            return Response(status_code=404, headers=_HEADERS)
        try:
            drawn = await pictures.drawn(file, passage.place.page or 1, _words_of(request))
        except (KnowledgeBaseError, OSError):
            return Response(status_code=404, headers=_HEADERS)
        return Response(drawn.png, media_type="image/png", headers=_HEADERS)

    return [
        Route(f"/{_PATH}", show, methods=["GET"]),
        Route(f"/{_PATH}/page.png", picture, methods=["GET"]),
    ]


class _Pictures:
    """Draws pages, a few at once, and keeps the last ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], PageImage] = OrderedDict()
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def drawn(self, file: Path, page: int, words: str) -> PageImage:
        state = file.stat()
        key = (file, state.st_mtime_ns, state.st_size, page, words)
        if key not in self._kept:
            async with self._room:
                self._kept[key] = await asyncio.to_thread(draw_page, file, page, words)
        self._kept.move_to_end(key)
        while len(self._kept) > _PICTURES_KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]


def _words_of(request: Request) -> str:
    return request.query_params.get("quote", "")[:_MOST_WORDS]


def _pdf_of(index: Path | None, passage: Passage) -> Path | None:
    if index is None or passage.place is None or passage.place.page is None:
        return None
    try:
        file = original_of(index, passage)
    except KnowledgeBaseError:
        return None
    return file if file is not None and file.suffix.lower() == ".pdf" else None


class _Documents:
    """The passages of an index by id and by document, gathered once for each index."""

    def __init__(self, knowing: Knowing) -> None:
        self._knowing = knowing
        self._fingerprint = ""
        self._by_id: dict[str, Passage] = {}
        self._by_topic: dict[str, list[Passage]] = {}

    def find(self, request: Request) -> tuple[Passage | None, Sequence[Passage]]:
        """The passage that is asked for and its document's, in reading order."""
        index = self._knowing.index
        if index.fingerprint != self._fingerprint:
            by_topic: dict[str, list[Passage]] = {}
            for one in index.passages:
                if one.place is not None:
                    by_topic.setdefault(one.topic, []).append(one)
            self._by_topic = by_topic
            self._by_id = {one.id: one for some in by_topic.values() for one in some}
            self._fingerprint = index.fingerprint
        passage = self._by_id.get(request.query_params.get("ref", ""))
        return (passage, self._by_topic.get(passage.topic, ())) if passage else (None, ())


def _document_html(passage: Passage, parts: Sequence[Passage], quote: str, image: str) -> str:
    at = next((n for n, one in enumerate(parts) if one.id == passage.id), 0)
    first, last = max(0, at - _PARTS), min(len(parts), at + _PARTS + 1)
    out = [f'<p class="from">{safe.text(passage.place.path if passage.place else "")}</p>']
    out.append(f"<h1>{safe.text(passage.title)}</h1>")
    if image:
        out.append(f"{image}<h2>{texts.VIEW_AS_READ}</h2>")
    out.append("<p>…</p>" if first else "")
    heading, before = "", ""
    for n, part in enumerate(parts[first:last], first):
        if part.heading not in (heading, part.title):
            out.append(f"<h2>{safe.text(part.heading)}</h2>")
        text = _without_overlap(before, part.text) if part.heading == heading else part.text
        html = _rendered(text if n != at else part.text)
        if n == at:
            marked = _marked(html, quote)
            anchor = "" if image else ' id="here"'
            html = f'<section{anchor} class="place">{marked}</section>'
        out.append(html)
        heading, before = part.heading, part.text
    out.append("<p>…</p>" if last < len(parts) else "")
    return "".join(out)


def _without_overlap(before: str, text: str) -> str:
    """A part without the sentence of the one before that it begins with, for context."""
    first, gap, rest = text.partition("\n\n")
    repeated = bool(gap) and len(first) <= _OVERLAP and before.rstrip().endswith(first.strip())
    return rest if repeated else text


@cache
def _markdown() -> Any:  # noqa: ANN401
    from markdown_it import MarkdownIt

    # Without HTML, and with no picture fetched from anywhere.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _rendered(text: str) -> str:
    html: str = _markdown().render(safe.shown(text))
    return re.sub(r'<a href="([^"]*)"', _link, html)


def _link(found: re.Match[str]) -> str:
    """A link opens elsewhere and tells nobody where from; one within its own site leads nowhere."""
    if not found[1].startswith(("http://", "https://")):
        return "<a"
    return f'<a rel="noopener noreferrer nofollow" target="_blank" href="{found[1]}"'


def _marked(html: str, quote: str) -> str:
    """HTML with words marked in its text; letters and digits are compared, nothing else.

    Words that don't stand there as a whole leave all of it unmarked, as it is framed anyway.
    """
    wanted = _letters(re.sub(r"<[^>]*>", "", _rendered(quote)))
    pieces = re.split(r"(<[^>]*>)", html)
    places = [
        (n, at) for n, piece in enumerate(pieces) if not piece.startswith("<")
        for at in _letter_places(piece)
    ]  # fmt: skip
    there = "".join(_letters(pieces[n][at]) for n, at in places)
    start = there.find(wanted) if wanted else -1
    if start < 0:
        return html
    (first, begin), (last, end) = places[start], places[start + len(wanted) - 1]
    while end + 1 < len(pieces[last]) and pieces[last][end + 1] in _ENDS:
        end += 1
    for n in range(last, first - 1, -1):
        piece = pieces[n]
        if piece.startswith("<") or not piece.strip():
            continue
        left, right = begin if n == first else 0, end + 1 if n == last else len(piece)
        pieces[n] = f"{piece[:left]}<mark>{piece[left:right]}</mark>{piece[right:]}"
    return "".join(pieces)


def _letter_places(piece: str) -> list[int]:
    """Where letters and digits stand in escaped text; those of a character's name are none."""
    named = {at for found in re.finditer(r"&#?\w+;", piece) for at in range(*found.span())}
    return [
        at for at, char in enumerate(piece) if at not in named and len(_letters(char)) == 1
    ]  # fmt: skip


def _letters(text: str) -> str:
    text = re.sub(r"&#?\w+;", "", text)
    return "".join(one for char in text for one in char.casefold() if one.isalnum())


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html>\n<html lang="{language()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe.attribute(title)} · {texts.TITLE}</title><style>{_style()}</style></head>"
        f'<body><main dir="auto">{body}</main></body></html>\n',
        status,
        _HEADERS,
    )


@cache
def _style() -> str:
    return (Path(__file__).resolve().parent / "viewer.css").read_text(encoding="utf-8")
