"""A checked text on the page, and the pages under which results are kept."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.record.checked import Bearing, Checked, CheckedSentence, Difference
from app.store import Store, open_store
from app.ui.checked_html import checked_html
from app.ui.checking import checked_page
from app.ui.kept_pages import kept_pages
from app.ui.readers import COOKIE
from index.types import Source

TEXT = "GPT-3 has 150 billion parameters."
SAID = Difference("figure", "150 billion", 10, 21, "175 billion", 7, 18)
BEARING = Bearing(
    "p/data/1", "Pre-training", "GPT-3 <b>", "GPT-3: 175 billion. <script>", 0, 19,
    (Source("b", "Brown et al. (2020) — GPT-3", "https://arxiv.org/abs/2005.14165", 2020),),
    None, (SAID,),
)  # fmt: skip
SENTENCE = CheckedSentence(TEXT, 0, 33, "contradicted", 0.8, "", (BEARING,))
CHECKED = Checked(TEXT, (SENTENCE,), "0123456789abcdef", datetime(2026, 1, 2, 3, 4, tzinfo=UTC))


def shown(marked: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", marked))


def test_what_differs_is_marked_on_both_sides() -> None:
    made = checked_html(CHECKED)
    assert re.findall(r'<b class="differs">([^<]*)</b>', made) == ["150 billion", "175 billion"]
    assert "".join(re.findall(r"<mark>([^<]*)</mark>", made)) == "GPT-3: ."
    assert "&lt;script&gt;" in made
    assert "<script" not in made
    assert 'href="https://arxiv.org/abs/2005.14165"' in made
    assert "2026-01-02 03:04 UTC" in made
    assert CHECKED.index_fingerprint in made


def test_what_is_merely_near_is_not_marked_as_evidence() -> None:
    near = replace(SENTENCE, verdict="not_in_sources", passages=(replace(BEARING, differences=()),))
    made = checked_html(replace(CHECKED, sentences=(near,)))
    assert "<mark>" not in made
    assert "<details>" in made


@given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_no_word_is_lost_or_obeyed(text: str, start: int, end: int, at: int) -> None:
    difference = Difference("word", text[at:end], at, end, text[start:end], start, end)
    passage = Bearing("a/faq/0", "A", "h", text, start, end, (), None, (difference,))
    sentence = CheckedSentence(text, 0, len(text), "contradicted", 0.5, "", (passage,))
    made = checked_html(replace(CHECKED, text=text, sentences=(sentence,)))
    allowed = {"p", "span", "ol", "li", "div", "b", "mark", "ul", "time", "code"}
    assert set(re.findall(r"<([a-z]+)", made)) <= allowed
    plain = shown(made)
    if text.isprintable():
        assert plain.count(text) >= 2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "kept.db"))
    yield opened
    opened.close()


def reader(store: Store, name: str) -> TestClient:
    client = TestClient(Starlette(routes=kept_pages("/checks", store, store.checks, checked_page)))
    client.cookies.set(COOKIE, (name * 43)[:43])
    return client


def test_whoever_has_a_link_reads_it_and_its_owner_revokes_it(store: Store) -> None:
    from starlette.requests import Request

    from app.ui.readers import owner_behind

    cookie = f"{COOKIE}={'a' * 43}".encode()
    scope = {"type": "http", "headers": [(b"cookie", cookie)]}
    owner = owner_behind(Request(scope))
    assert owner is not None
    kept = store.checks.keep(owner, CHECKED)
    path = f"/checks/{kept.id}"
    ada, bob = reader(store, "a"), reader(store, "b")
    page = bob.get(path)
    assert page.status_code == 200
    assert checked_html(CHECKED) in page.text
    assert "<form" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert bob.post(path).status_code == 404
    assert '<form method="post"' in ada.get(path).text
    assert ada.post(path).status_code == 200
    assert ada.get(path).status_code == bob.get(path).status_code == 404
