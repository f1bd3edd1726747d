"""The document behind a citation, opened at its place."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

from app.record.types import Question
from app.ui import texts
from app.ui.conversation import Turn, play
from app.ui.evidence import evidence_html
from app.ui.library import library_page
from app.ui.viewer import place_address, viewer_pages
from index.errors import KnowledgeBaseError
from index.page_image import draw_page
from index.passages import passages_of
from index.recipe import SourceSpec, original_of, read_sources, write_recipe
from index.types import Passage, Place
from tests.index.made_files import pdf
from tests.scripted import listening
from tests.ui.playing import PlayingPipeline

NOTES = """# Keys

The first part of the notes stands here.

## Rotating

Keys are **rotated** every `37` days by the [night shift](https://x.org/night), see
[logs](logs.md) and [this](javascript:alert(1)) <script>alert(1)</script> & more.

![picture](https://evil.org/x.png)

## Lending

Keys are lent to nobody.
"""


HOSTILE = (
    "[a](https://x.org/a) [b](javascript:alert(1)) [c](c.md) ![p](https://evil.org/x.png) "
    '<iframe src="//evil.org"></iframe> [d](//evil.org) <https://x.org/e>'
)


@dataclass(frozen=True)
class Indexed:
    passages: tuple[Passage, ...]
    fingerprint: str

    @property
    def index(self) -> Indexed:
        return self


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("viewed")
    (home / "docs").mkdir()
    (home / "docs" / "keys.md").write_text(NOTES, encoding="utf-8")
    pages = [
        [(50, 700, "Pumps move water up a hill, slowly.")],
        [(50, 700, "Another page begins."), (50, 300, "Valves close at 4 bar.")],
    ]
    (home / "docs" / "pumps.pdf").write_bytes(pdf(pages))
    write_recipe(home / "index", [SourceSpec("d", str(home / "docs"))])
    return home / "index"


@pytest.fixture(scope="module")
def known(index: Path) -> Indexed:
    base, _ = read_sources([SourceSpec("d", str(index.parent / "docs"))])
    passages = tuple(one for topic in base.topics for one in passages_of(topic))
    last = _passage(Indexed(passages, ""), "lent to nobody")
    return Indexed((*passages, replace(last, id="d/keys.md#hostile/0", text=HOSTILE)), "viewed")


@pytest.fixture(scope="module")
def http(index: Path, known: Indexed) -> Iterator[httpx.Client]:
    app = Starlette(routes=viewer_pages(known, index))
    with listening(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client


def _passage(known: Indexed, words: str) -> Passage:
    return next(one for one in known.passages if words in one.text)


def _view(http: httpx.Client, passage: Passage, quote: str) -> str:
    shown = http.get("/" + place_address(passage.id, quote).partition("#")[0])
    assert shown.status_code == 200
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    return shown.text


def test_the_words_are_marked_in_the_document_and_nothing_acts(
    http: httpx.Client, known: Indexed
) -> None:
    passage = _passage(known, "rotated")
    shown = _view(http, passage, "Keys are **rotated** every `37` days by the [night shift]("
                  "https://x.org/night)")  # fmt: skip
    marked = "".join(re.findall(r"<mark>(.*?)</mark>", shown))
    assert marked == "Keys are rotated every 37 days by the night shift"
    assert shown.index("The first part of the notes") < shown.index('id="here"')
    assert shown.index('id="here"') < shown.index("lent to nobody")
    assert "<script" not in shown
    assert "<img" not in shown
    assert "<mark>" not in _view(http, passage, "Words that stand nowhere.")
    assert "<mark>" not in _view(http, passage, "")


def test_links_lead_to_the_web_alone_and_no_picture_is_fetched(
    http: httpx.Client, known: Indexed
) -> None:
    shown = _view(http, known.passages[-1], "a b")
    assert set(re.findall(r'href="([^"]*)"', shown)) == {
        "https://x.org/a", "https://evil.org/x.png", "https://x.org/e",
    }  # fmt: skip
    assert re.findall(r"<(?:img|iframe|script)", shown) == []


def test_a_page_of_a_pdf_is_shown_with_the_words_marked(http: httpx.Client, known: Indexed) -> None:
    passage = _passage(known, "Valves")
    quote = "Valves close at 4 bar."
    shown = _view(http, passage, quote)
    source = re.search(r'<img id="here" src="(view/page\.png\?[^"]*)"', shown)
    assert source is not None
    picture = http.get("/" + source[1].replace("&amp;", "&"))
    assert picture.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(picture.content)).convert("RGB")
    yellow = [
        y for y in range(image.height)
        if any(image.getpixel((x, y)) == (255, 221, 87) for x in range(0, image.width, 4))
    ]  # fmt: skip
    middle = (min(yellow) + max(yellow)) / 2 / image.height
    assert abs(middle - (1 - 303 / 800)) < 0.01
    assert max(yellow) - min(yellow) < 0.05 * image.height


def test_words_on_the_next_page_are_found_there(index: Path) -> None:
    file = index.parent / "docs" / "pumps.pdf"
    drawn = draw_page(file, 1, "Valves close, at 4 bar")
    assert (drawn.page, drawn.marked) == (2, True)
    both = draw_page(file, 1, "Pumps move water up a hill, slowly. Another page begins.")
    assert (both.page, both.marked) == (1, True)
    assert not draw_page(file, 1, "Pumps are blue and stand nowhere.").marked
    assert (draw_page(file, 1, "").marked, draw_page(file, 1, "").page) == (False, 1)
    for page in (0, 9):
        with pytest.raises(KnowledgeBaseError):
            draw_page(file, page, "")
    with pytest.raises(KnowledgeBaseError, match="longer"):
        draw_page(file, 1, "", seconds=0.01)
    broken = index.parent / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(KnowledgeBaseError):
        draw_page(broken, 1, "")


def test_only_files_of_the_sources_are_opened(index: Path, known: Indexed) -> None:
    passage = _passage(known, "Valves")
    assert original_of(index, passage) == index.parent / "docs" / "pumps.pdf"
    assert passage.place is not None
    (index.parent / "secret.pdf").write_bytes(pdf([[(50, 700, "Secret.")]]))
    for path in ("../secret.pdf", str(index.parent / "secret.pdf"), "gone.pdf"):
        wrong = replace(passage, place=replace(passage.place, path=path))
        assert original_of(index, wrong) is None
    assert original_of(index, replace(passage, id="other/pumps.pdf#x")) is None


def test_what_is_not_known_is_said_to_be_gone(http: httpx.Client) -> None:
    for query in ("", "?" + urlencode({"ref": "<b>nothing</b>"})):
        gone = http.get(f"/view{query}")
        assert (gone.status_code, texts.VIEW_GONE in gone.text) == (404, True)
        assert "<b>" not in gone.text
        assert http.get(f"/view/page.png{query}").status_code == 404


async def test_evidence_opens_documents_and_nothing_else() -> None:
    question = Question("What is Chinchilla?")
    turn = Turn(question.text, "Expert")
    async for played, _ in play(PlayingPipeline(delay=0), question, turn, asyncio.Event()):
        turn = played
    assert "<iframe" not in evidence_html(turn, "t0")  # words about papers stand in no document
    cited = replace(turn.citations[0], place=Place("a b.md"), quote='"quoted" & more')
    found = replace(turn, citations=(cited,))
    (source,) = re.findall(r'<iframe [^>]*src="([^"]*)"', evidence_html(found, "t0"))
    assert source == place_address(cited.ref, cited.quote).replace("&", "&amp;")


def test_the_library_is_a_page_of_its_own_with_one_script_that_its_policy_names() -> None:
    app = Starlette(routes=[library_page()])
    with listening(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        shown = client.get("/library")
    scripts = re.findall(r"<script>(.*?)</script>", shown.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = shown.headers["content-security-policy"]
    assert (len(scripts), f"script-src 'sha256-{digest}';" in policy) == (1, True)
    assert "innerHTML" not in scripts[0]
    assert "curl" in re.findall(r"<noscript>(.*?)</noscript>", shown.text)[0]
