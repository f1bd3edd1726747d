"""`POST /v1/feedback`, and the answers that are kept for it."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.api.keys import add_key
from app.api.schemas import ErrorBody, FeedbackReply
from app.record.errors import NotKept, StoreUnavailable
from app.record.types import Message
from app.store import KeptAnswer, Store, open_store
from tests.api.conftest import MODEL, FakePipeline, Running, asking, frames, serving
from tests.conftest import ROOT
from tests.store.conftest import exchange

FEEDBACK = "/v1/feedback"
ANYONE = "anyone"


@pytest.fixture
def api(store: Store) -> Iterator[Running]:
    with serving(FakePipeline(), store) as running:
        yield running


def judged(api: Running, response_id: str, **fields: Any) -> httpx.Response:
    body = {"response_id": response_id, "rating": "down", **fields}
    return api.http.post(FEEDBACK, json=body)


def ask_each_way(api: Running) -> list[str]:
    """The ids of a chat completion and a response, each whole and streamed."""
    whole = api.chat().json()["id"]
    streamed = frames(api.chat(stream=True).text)[0]["id"]
    client = api.openai
    response = client.responses.create(model=MODEL, input="What is attention?").id
    events = list(client.responses.create(model=MODEL, input="What?", stream=True))
    assert events[-1].type == "response.completed"
    return [whole, streamed, response, events[-1].response.id]


def test_an_answer_of_every_kind_can_be_judged_at_once(api: Running, store: Store) -> None:
    ids = ask_each_way(api)
    for response_id in ids:
        reply = judged(
            api, response_id, reasons=["wrong", "incomplete", "wrong"], comment="No.", claim=2
        )
        assert reply.status_code == 201, reply.text
        body = reply.json()
        FeedbackReply.model_validate(body)
        assert body["id"].startswith("fb_")
        assert (body["response_id"], body["rating"], body["claim"]) == (response_id, "down", 2)
        assert body["reasons"] == ["wrong", "incomplete"]
    kept = list(store.feedback.export())
    assert [one.subject for one in kept] == ids
    first = kept[0]
    assert first.exchange.question == "What is attention?"
    assert first.exchange.answer == api.pipeline.record()
    assert first.exchange.found is not None
    assert first.exchange.found.hits[0].passage.id == "attention/faq/0"
    assert (first.owner, first.judgement.comment) == (ANYONE, "No.")


def test_the_history_is_kept_with_a_follow_up(api: Running, store: Store) -> None:
    messages = [
        {"role": "user", "content": "What is LoRA?"},
        {"role": "assistant", "content": "Low rank."},
        {"role": "user", "content": "Why?"},
    ]
    response_id = api.chat(messages=messages).json()["id"]
    assert judged(api, response_id, rating="up").status_code == 201
    (kept,) = store.feedback.export()
    assert kept.exchange.question == "Why?"
    assert kept.exchange.history == (
        Message("user", "What is LoRA?"), Message("assistant", "Low rank."),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_id": None}, "response_id"),
        ({"response_id": ""}, "response_id"),
        ({"response_id": "x" * 201}, "response_id"),
        ({"rating": "great"}, "rating"),
        ({"rating": None}, "rating"),
        ({"reasons": ["ugly"]}, "reasons[0]"),
        ({"reasons": "wrong"}, "reasons"),
        ({"rating": "up", "reasons": ["wrong"]}, "reasons"),
        ({"comment": "x" * 4001}, "comment"),
        ({"comment": 3}, "comment"),
        ({"claim": -1}, "claim"),
        ({"claim": 3}, "claim"),
        ({"claim": 2**70}, "claim"),
        ({"claim": "0"}, "claim"),
    ],
)
def test_feedback_that_does_not_fit_is_refused(
    api: Running, store: Store, fields: dict[str, Any], param: str
) -> None:
    response_id = api.chat().json()["id"]
    reply = judged(api, **{"response_id": response_id, **fields})
    assert reply.status_code == 400, reply.text
    ErrorBody.model_validate(reply.json())
    assert reply.json()["error"]["param"] == param
    assert list(store.feedback.export()) == []


def test_nulls_and_whole_floats_are_taken(api: Running) -> None:
    response_id = api.chat().json()["id"]
    reply = judged(api, response_id, reasons=None, comment=None, claim=1.0)
    assert reply.status_code == 201
    assert (reply.json()["reasons"], reply.json()["comment"], reply.json()["claim"]) == ([], "", 1)


@pytest.mark.parametrize("unknown", ["chatcmpl-unknown", "\0", "ans-1", "' OR 1=1 --"])
def test_an_unknown_response_is_not_found(api: Running, unknown: str) -> None:
    reply = judged(api, unknown)
    assert reply.status_code == 404
    error = reply.json()["error"]
    assert (error["param"], error["code"]) == ("response_id", "response_not_found")
    assert "last 30 days" in error["message"]


def test_an_abstention_can_be_judged_but_has_no_claims(store: Store) -> None:
    with serving(FakePipeline(abstains=True), store) as api:
        response_id = api.chat().json()["id"]
        reply = judged(api, response_id, claim=0)
        assert reply.json()["error"]["param"] == "claim"
        assert judged(api, response_id, reasons=["should_have_answered"]).status_code == 201


def test_what_is_not_to_be_kept_is_not(api: Running, store: Store) -> None:
    chat = api.chat(store=False).json()["id"]
    streamed = frames(api.chat(store=False, stream=True).text)[0]["id"]
    response = api.openai.responses.create(model=MODEL, input="What?", store=False).id
    title = api.chat(
        "Generate a concise 3-7 word title for this conversation, omitting punctuation."
    ).json()["id"]
    for response_id in (chat, streamed, response, title):
        assert judged(api, response_id).status_code == 404
    assert judged(api, api.chat(store=True).json()["id"]).status_code == 201


def test_keeping_can_be_switched_off(store: Store) -> None:
    with serving(FakePipeline(), store, keep_answers=0) as api:
        reply = judged(api, api.chat().json()["id"])
        assert reply.status_code == 404
        assert "keep_answers is 0" in reply.json()["error"]["message"]


def test_without_a_store_there_is_no_such_route() -> None:
    with serving(FakePipeline()) as api:
        assert judged(api, api.chat().json()["id"]).status_code == 404
        assert FEEDBACK not in api.http.get("/openapi.json").json()["paths"]


def test_the_description_has_the_route(api: Running) -> None:
    document = api.http.get("/openapi.json").json()
    operation = document["paths"][FEEDBACK]["post"]
    assert {"201", "400", "404", "413", "415", "503"} <= set(operation["responses"])
    assert "200" not in operation["responses"]
    request = document["components"]["schemas"]["FeedbackRequest"]
    assert request["required"] == ["response_id", "rating"]
    assert api.http.get(FEEDBACK).status_code == 405


def test_a_key_judges_its_own_answers_alone(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    ann, bob = ({"authorization": f"Bearer {add_key(file, name)}"} for name in ("ann", "bob"))
    before = KeptAnswer("chatcmpl-before", ANYONE, datetime.now(UTC), exchange())
    store.answers.keep([before])
    with serving(FakePipeline(), store, api_keys_file=file) as api:
        asked = api.http.post("/v1/chat/completions", json=asking(), headers=ann)
        body = {"response_id": asked.json()["id"], "rating": "up"}
        assert api.http.post(FEEDBACK, json=body).status_code == 401
        assert api.http.post(FEEDBACK, json=body, headers=bob).status_code == 404
        assert api.http.post(FEEDBACK, json=body, headers=ann).status_code == 201
        old = {**body, "response_id": before.id}
        assert api.http.post(FEEDBACK, json=old, headers=ann).status_code == 404
    assert [one.owner for one in store.feedback.export()] == ["key:ann"]


def test_old_answers_are_deleted(store: Store) -> None:
    now = datetime.now(UTC)
    old = [KeptAnswer(f"old-{n}", ANYONE, now - timedelta(days=4), exchange()) for n in range(3)]
    young = KeptAnswer("young", ANYONE, now - timedelta(days=2), exchange())
    store.answers.keep([*old, young])
    with serving(FakePipeline(), store, keep_answers=3) as api:
        assert judged(api, api.chat().json()["id"]).status_code == 201
    with pytest.raises(NotKept):
        store.answers.find(ANYONE, "old-0")
    assert store.answers.find(ANYONE, "young") == young


def test_many_answers_at_once_are_all_kept_and_written_before_the_end(store: Store) -> None:
    with serving(FakePipeline(), store) as api, ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda n: api.chat(stream=n % 2 == 0).text, range(60)))
    found = [json.loads(raw)["id"] if raw.startswith("{") else frames(raw)[0]["id"] for raw in ids]
    assert len(set(found)) == 60
    for response_id in found:
        store.answers.find(ANYONE, response_id)


def test_a_database_that_fails_is_told_and_breaks_no_answer(
    api: Running, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    kept = api.chat().json()["id"]
    assert judged(api, kept).status_code == 201
    with store.database.connection() as connection:
        connection.execute(text("ALTER TABLE answers RENAME TO gone"))
    with caplog.at_level(logging.ERROR, "citewise.store"):
        whole, streamed = api.chat(), api.chat(stream=True)
        assert whole.status_code == streamed.status_code == 200
        assert frames(streamed.text)[-1] == "[DONE]"
        begun = time.monotonic()
        while _lost(caplog) < 2 and time.monotonic() - begun < 5:
            time.sleep(0.01)
    assert _lost(caplog) == 2
    assert not any("What is attention" in line for line in caplog.messages)
    reply = judged(api, whole.json()["id"])
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == "store_unavailable"
    assert int(reply.headers["retry-after"]) <= 120
    with store.database.connection() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO answers"))
    assert judged(api, whole.json()["id"]).status_code == 404
    assert judged(api, api.chat().json()["id"]).status_code == 201


def _lost(caplog: pytest.LogCaptureFixture) -> int:
    said = (re.match(r"(\d+) answers are not kept", line) for line in caplog.messages)
    return sum(int(found[1]) for found in said if found)


SERVER = """
import socket, sys, uvicorn
from app.api import create_app
from app.store import open_store
from tests.api.conftest import FakePipeline, settings_of
listener = socket.create_server(("127.0.0.1", 0))
store = open_store(sys.argv[1])
app = create_app(FakePipeline(), settings_of(), store)
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run([listener])
"""


@contextmanager
def endpoint(database: str) -> Iterator[httpx.Client]:
    """A server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, database], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:
            yield http
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def test_two_endpoints_share_one_database(database: str) -> None:
    with endpoint(database) as one, endpoint(database) as two, ThreadPoolExecutor(8) as threads:

        def exchanged(number: int) -> str:
            asked, judging = (one, two) if number % 2 else (two, one)
            response_id = asked.post("/v1/chat/completions", json=asking()).json()["id"]
            body = {"response_id": response_id, "rating": "up", "comment": str(number)}
            for _ in range(200):  # the other process has written it in a moment
                reply = judging.post(FEEDBACK, json=body)
                if reply.status_code != 404:
                    break
                time.sleep(0.02)
            assert reply.status_code == 201, reply.text
            return str(reply.json()["id"])

        ids = list(threads.map(exchanged, range(40)))
    store = open_store(database)
    kept = {one.id: one for one in store.feedback.export()}
    store.close()
    assert set(kept) == set(ids)
    assert {kept[identity].judgement.comment for identity in ids} == {str(n) for n in range(40)}


def test_feedback_is_exported_as_lines(store: Store, database: str) -> None:
    with serving(FakePipeline(), store) as api:
        for comment in ("Good – ſo.", "Second"):
            assert judged(api, api.chat().json()["id"], comment=comment, claim=0).status_code == 201

    def export(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app", "feedback", "export", "--database", database, *words],
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    shown = export()
    assert shown.returncode == 0, shown.stderr
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [line["comment"] for line in lines] == ["Good – ſo.", "Second"]
    first = lines[0]
    assert (first["rating"], first["claim"], first["question"]) == ("down", 0, "What is attention?")
    assert first["answer"]["citations"][0]["quote"] == "weighs values"
    assert first["hits"] == [{"ref": "attention/faq/0", "topic": "attention", "score": 0.9}]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert export("--since", tomorrow).stdout == ""
    refused = export("--since", "soon")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "2026-01-31" in refused.stderr


def test_readiness_names_the_database(
    api: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.http.get("/readyz").json()["parts"]["database"] is True

    def away() -> None:
        raise StoreUnavailable("the database is away")

    monkeypatch.setattr(store.database, "reading", away)
    unready = api.http.get("/readyz")
    assert unready.status_code == 503
    assert unready.json()["error"]["message"] == "not ready: database"
