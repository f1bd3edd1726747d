"""`POST /v1/check` and the links that keep its results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.keys import add_key
from app.api.schemas import CheckReply, CheckRevoked, ErrorBody
from app.store import Store, open_store
from tests.api.conftest import FakePipeline, Running, serving

TEXT = "GPT-3 has 150 billion parameters."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "kept.db"))
    yield opened
    opened.close()


@pytest.fixture
def api(store: Store) -> Iterator[Running]:
    with serving(FakePipeline(), store) as running:
        yield running


def check(api: Running, **fields: Any) -> httpx.Response:
    return api.http.post("/v1/check", json={"text": TEXT, **fields})


def test_a_text_is_checked_and_not_kept(api: Running) -> None:
    reply = CheckReply.model_validate(check(api).json())
    assert (reply.id, reply.link, reply.text) == (None, None, TEXT)
    assert sum(reply.counts.values()) == len(reply.sentences)


def test_a_link_keeps_the_result_until_it_is_revoked(api: Running) -> None:
    made = CheckReply.model_validate(check(api, keep=True).json())
    assert made.link == f"/checks/{made.id}"
    kept = api.http.get(f"/v1/checks/{made.id}")
    assert CheckReply.model_validate(kept.json()) == made
    gone = api.http.request("DELETE", f"/v1/checks/{made.id}")
    assert CheckRevoked.model_validate(gone.json()).id == made.id
    for method in ("GET", "DELETE"):
        reply = api.http.request(method, f"/v1/checks/{made.id}")
        assert reply.status_code == 404
        assert ErrorBody.model_validate(reply.json()).error.code == "check_not_found"


def test_a_link_is_anyones_to_read_and_its_keys_to_revoke(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    ada, bob = ({"authorization": f"Bearer {add_key(file, name)}"} for name in ("ada", "bob"))
    with serving(FakePipeline(), store, api_keys_file=file) as api:
        body = {"text": TEXT, "keep": True}
        made = api.http.post("/v1/check", json=body, headers=ada).json()
        path = f"/v1/checks/{made['id']}"
        assert api.http.get(path).status_code == 401
        assert api.http.get(path, headers=bob).json() == made
        assert api.http.request("DELETE", path, headers=bob).status_code == 404
        assert api.http.request("DELETE", path, headers=ada).status_code == 200


def test_a_server_that_keeps_nothing_says_so() -> None:
    with serving(FakePipeline()) as api:
        assert check(api).status_code == 200
        refused = check(api, keep=True)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "keep"
        assert api.http.get("/v1/checks/check_0").status_code == 404


@pytest.mark.parametrize(("body", "param"), [({}, "text"), ({"text": ""}, "text")])
def test_bodies_that_hold_no_text_are_refused(
    api: Running, body: dict[str, Any], param: str
) -> None:
    reply = api.http.post("/v1/check", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
