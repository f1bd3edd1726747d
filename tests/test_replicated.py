"""Two whole endpoints over one PostgreSQL and one index directory: either may be asked, or die."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from index.build import build
from index.encoders import Encoder
from index.sources import read
from tests.conftest import ROOT
from tests.postgresql import database_of
from tests.test_end_to_end import ASKED, serving, wait_for

OTHER = ROOT / "tests" / "data" / "tower-sample.json"


@contextmanager
def endpoints(index: Path, database: str, folder: Path) -> Iterator[tuple[ExitStack, list[str]]]:
    """Both servers; the stack ends the second one."""
    words = ["--index", str(index), "--database", database, "--answer-mode", "compose"]
    with ExitStack() as first, ExitStack() as second:
        addresses = []
        for number, stack in enumerate((first, second)):
            own = folder / str(number)
            own.mkdir()
            addresses.append(stack.enter_context(serving(own, *words)))
        for address in addresses:
            wait_for(address, "/readyz")
        yield second, addresses


def ask(address: str) -> dict[str, object]:
    body = {"model": "citewise-expert", "messages": [{"role": "user", "content": ASKED}]}
    reply = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    answer: dict[str, object] = reply.json()
    return answer


def fingerprint(address: str) -> object:
    grounding = ask(address)["x_grounding"]
    assert isinstance(grounding, dict)
    return grounding["index_fingerprint"]


def test_two_endpoints_are_one_service(
    postgresql: Path, shipped_index: Path, encoder: Encoder, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    shutil.copytree(shipped_index, index, symlinks=True)
    with (
        database_of(postgresql) as database,
        endpoints(index, database, tmp_path) as (second, (one, two)),
    ):
        # What one has answered the other knows.
        answers = {address: ask(address) for address in (one, two)}
        texts = {str(answer["choices"]) for answer in answers.values()}
        assert len(texts) == 1
        for answered, judged in ((one, two), (two, one)):
            said = {"response_id": answers[answered]["id"], "rating": "up"}
            for _ in range(50):  # it is written after the answer has gone out
                reply = httpx.post(f"{judged}/v1/feedback", json=said, timeout=30)
                if reply.status_code != 404:
                    break
                time.sleep(0.1)
            assert reply.status_code == 201, reply.text

        # An index built once is taken up by both.
        before = fingerprint(one)
        assert fingerprint(two) == before
        build(read(OTHER, name="other").knowledge_base, index, encoder)
        named = {httpx.get(f"{each}/readyz", timeout=10).status_code for each in (one, two)}
        assert named == {200}
        until = time.monotonic() + 20
        while time.monotonic() < until and {fingerprint(one), fingerprint(two)} & {before}:
            time.sleep(0.3)
        assert fingerprint(one) == fingerprint(two) != before

        # One ends; the other answers on and knows what both were told.
        second.close()
        with pytest.raises(httpx.ConnectError):
            ask(two)
        said = {"response_id": answers[two]["id"], "rating": "down"}
        assert httpx.post(f"{one}/v1/feedback", json=said, timeout=30).status_code == 201
        assert ask(one)["choices"]
