"""What holds for every request: error bodies, headers, bodies' limits, keys, the log's line."""

from __future__ import annotations

import io
import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api import check_binding, log_to
from app.api.keys import KeyRing, add_key, read_keys, revoke_key
from app.api.schemas import ErrorBody
from app.record.errors import ModelError, SettingsError
from tests.api.conftest import MODEL, FakePipeline, Running, asking, serving, settings_of

CHAT = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/v1/models", f"/v1/models/{MODEL}", "/metrics", "/v1/none"]
)
def test_head_is_get_without_a_body(api: Running, path: str) -> None:
    whole, head = api.http.get(path), api.http.head(path)
    assert head.status_code == whole.status_code
    assert head.content == b""
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert api.http.get("/healthz").status_code == 200  # the connection is still in step


def error_of(reply: httpx.Response, status: int) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    ErrorBody.model_validate(body)
    fields: dict[str, Any] = body["error"]
    return fields


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/nothing", "/docs"])
def test_unknown_routes(api: Running, path: str) -> None:
    assert error_of(api.http.get(path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, "POST"),
        ("DELETE", "/v1/models", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
        ("OPTIONS", CHAT, "POST"),
        ("HEAD", CHAT, "POST"),
        ("TRACE", "/v1/embeddings", "POST"),
    ],
)
def test_wrong_methods(api: Running, method: str, path: str, allowed: str) -> None:
    reply = api.http.request(method, path)
    assert reply.status_code == 405
    if method != "HEAD":
        assert error_of(reply, 405)["code"] == "method_not_allowed"
    assert reply.headers["allow"] == allowed


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nonsense", b"[]", b'"x"', b"null", b"3", b"\xff\xfe", b'{"a": NaN}',
        b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"model": "\\ud800"}',
    ],
)  # fmt: skip
def test_bodies_that_are_no_json_object(api: Running, body: bytes) -> None:
    error = error_of(api.http.post(CHAT, content=body, headers=JSON), 400)
    assert error["type"] == "invalid_request_error"
    assert len(error["message"]) <= 501


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_wrong_content_types(api: Running, headers: dict[str, str]) -> None:
    body = json.dumps(asking()).encode()
    reply = api.http.post(CHAT, content=body, headers=headers)
    assert error_of(reply, 415)["code"] == "unsupported_media_type"


def test_content_types_with_parameters_pass(api: Running) -> None:
    body = json.dumps(asking()).encode()
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/x+json"):
        assert api.http.post(CHAT, content=body, headers={"content-type": kind}).status_code == 200


def test_too_large_bodies() -> None:
    with serving(FakePipeline(), max_body_bytes=2000) as api:
        declared = api.chat("x" * 3000)
        assert error_of(declared, 413)["code"] == "request_too_large"
        chunks: Iterator[bytes] = iter([b'{"a": "', b"x" * 1500, b"x" * 1500, b'"}'])
        chunked = api.http.post(CHAT, content=chunks, headers=JSON)
        error_of(chunked, 413)
        assert api.chat().status_code == 200


def test_every_answer_has_a_request_id_and_safe_headers(api: Running) -> None:
    replies = [
        api.chat(), api.chat(stream=True), api.chat(model="x"), api.http.get("/v1/x"),
        api.http.get("/healthz"), api.http.get("/openapi.json"),
    ]  # fmt: skip
    ids = [reply.headers["x-request-id"] for reply in replies]
    assert len(set(ids)) == len(ids)
    for reply in replies:
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "no-" in reply.headers["cache-control"]
        assert "access-control-allow-origin" not in reply.headers


def test_a_clients_request_id_is_kept_if_it_is_harmless(api: Running) -> None:
    kept = api.http.get("/healthz", headers={"x-request-id": "abc-1"})
    assert kept.headers["x-request-id"] == "abc-1"
    odd = api.http.get("/healthz", headers={"x-request-id": "a b\t{}" * 30})
    assert odd.headers["x-request-id"].startswith("req_")


def test_a_body_that_never_comes_is_dropped_with_its_client(api: Running) -> None:
    address = (api.http.base_url.host, api.http.base_url.port or 0)
    with socket.create_connection(address) as raw:
        raw.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: ")
        raw.sendall(b"application/json\r\ncontent-length: 50\r\n\r\n{")
    assert api.chat().status_code == 200


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = log_to(stream)
    yield stream
    logger = logging.getLogger("citewise")
    logger.removeHandler(handler)
    logger.propagate = True


def test_one_line_a_request_and_no_words_of_it(api: Running, log: io.StringIO) -> None:
    reply = api.chat("a very secret question")
    api.chat("a very secret question", stream=True)
    api.pipeline.error_at = (1, ModelError("a very secret question"))
    api.chat(stream=True)
    api.chat(temperature=9)
    deadline = time.monotonic() + 2  # a line is written once its answer is out
    requests: list[dict[str, Any]] = []
    while len(requests) < 4 and time.monotonic() < deadline:
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
        requests = [line for line in lines if line["event"] == "request"]
        while requests and requests[0]["request_id"] != reply.headers["x-request-id"]:
            del requests[0]  # an earlier test's, come late
    assert len(requests) == 4
    first = requests[0]
    assert first["request_id"] == reply.headers["x-request-id"]
    assert (first["status"], first["path"], first["outcome"]) == (200, CHAT, "ok")
    assert (first["hits"], first["citations"], first["prompt_tokens"]) == (1, 3, 120)
    assert requests[1]["stream"] is True
    assert (requests[2]["outcome"], requests[2]["error"]) == ("broken", "model_error")
    assert (requests[3]["status"], requests[3]["param"]) == (400, "temperature")
    assert all("secret" not in json.dumps(request) for request in requests)


def test_keys_are_asked_for_once_configured(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    secret = add_key(file, "ann")
    with serving(FakePipeline(), api_keys_file=file) as api:
        error = error_of(api.chat(), 401)
        assert error["code"] == "invalid_api_key"
        assert api.chat().headers["www-authenticate"] == "Bearer"
        assert api.http.get("/v1/nothing").status_code == 401
        assert api.http.get("/page").headers["www-authenticate"].startswith("Basic")
        assert api.http.get("/page", auth=("any", secret)).status_code == 404
        for wrong in ("Bearer x", f"Bearer {secret}x", "Basic !", f"Token {secret}", "Bearer"):
            reply = api.http.get("/v1/models", headers={"authorization": wrong})
            assert reply.status_code == 401
        bearer = {"authorization": f"Bearer {secret}"}
        assert api.http.get("/v1/models", headers=bearer).status_code == 200
        assert api.http.get("/healthz").status_code == 200
        document = api.http.get("/openapi.json", headers=bearer).json()
        assert document["security"] == [{"key": []}]
        other = add_key(file, "bob")
        revoke_key(file, "ann")
        assert api.http.get("/v1/models", headers=bearer).status_code == 401
        bobs = {"authorization": f"Bearer {other}"}
        assert api.http.get("/v1/models", headers=bobs).status_code == 200
        file.write_text("{}")
        assert api.http.get("/v1/models", headers=bobs).status_code == 500


def test_the_file_of_keys(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "keys.json"
    secret = add_key(file, "ann")
    assert file.stat().st_mode & 0o077 == 0
    assert secret not in file.read_text()
    assert [key.name for key in read_keys(file)] == ["ann"]
    assert KeyRing(file).find(secret) == read_keys(file)[0]
    assert KeyRing(file).find("cw-other") is None
    with pytest.raises(SettingsError, match="choose another name"):
        add_key(file, "ann")
    with pytest.raises(SettingsError, match="there are: ann"):
        revoke_key(file, "bob")
    with pytest.raises(SettingsError, match="1 to 64"):
        add_key(file, " ")
    revoke_key(file, "ann")
    assert KeyRing(file).find(secret) is None
    assert list(file.parent.iterdir()) == [file]
    file.write_text('{"keys": 3}')
    with pytest.raises(SettingsError, match="damaged"):
        KeyRing(file)
    with pytest.raises(SettingsError, match="app keys add"):
        read_keys(tmp_path / "missing.json")


def test_wider_than_this_machine_only_with_keys_or_on_purpose(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        check_binding(settings_of(host=host))
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.org"):
        with pytest.raises(SettingsError, match="CITEWISE_OPEN_TO_ALL"):
            check_binding(settings_of(host=host))
        check_binding(settings_of(host=host, open_to_all=True))
    file = tmp_path / "keys.json"
    add_key(file, "ann")
    check_binding(settings_of(host="0.0.0.0", api_keys_file=file))
    revoke_key(file, "ann")
    with pytest.raises(SettingsError, match="no API keys"):
        check_binding(settings_of(host="0.0.0.0", api_keys_file=file))
