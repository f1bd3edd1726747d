"""What is closed unless someone opens it: other origins, other machines, descriptions."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.api.keys import add_key
from tests.api.conftest import FakePipeline, Running, asking, serving

CHAT = "/v1/chat/completions"
PAGE = "https://app.example.org"
PREFLIGHT = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
}


def test_no_other_origin_may_ask_by_default(api: Running) -> None:
    asked = api.http.options(CHAT, headers=PREFLIGHT)
    assert asked.status_code == 405
    replies = [asked, api.http.post(CHAT, json=asking(), headers={"origin": PAGE})]
    for reply in replies:
        assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_origins_that_are_named_may_ask(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    secret = add_key(file, "ann")
    with serving(FakePipeline(), cors_origins=[PAGE], api_keys_file=file) as api:
        allowed = api.http.options(CHAT, headers=PREFLIGHT)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == PAGE
        assert "x-stainless-lang" in allowed.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in allowed.headers
        other = {**PREFLIGHT, "origin": "https://evil.example"}
        refused = api.http.options(CHAT, headers=other)
        assert refused.status_code == 400
        assert "access-control-allow-origin" not in refused.headers
        keyless = api.http.post(CHAT, json=asking(), headers={"origin": PAGE})
        assert keyless.status_code == 401
        assert keyless.headers["access-control-allow-origin"] == PAGE
        headers = {"origin": PAGE, "authorization": f"Bearer {secret}"}
        for stream in (False, True):
            reply = api.http.post(CHAT, json=asking(stream=stream), headers=headers)
            assert reply.status_code == 200
            assert reply.headers["access-control-allow-origin"] == PAGE
            assert "x-request-id" in reply.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_descriptions_can_be_switched_off(path: str) -> None:
    with serving(FakePipeline(), api_docs=False) as api:
        assert api.http.get(path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "x" * 8001}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x" * 8001}]}]},
    ],
)
def test_requests_that_bring_too_much(api: Running, body: dict[str, object]) -> None:
    reply = api.http.post(CHAT, json={"model": "citewise-expert", **body})
    assert reply.status_code == 400
    assert reply.json()["error"]["param"].startswith("messages")


def test_errors_name_no_secret_and_no_path(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    secret = add_key(file, "ann")
    with serving(FakePipeline(), api_keys_file=file) as api:
        wrong = {"authorization": f"Bearer {secret}wrong"}
        reply = api.http.post(CHAT, json=asking(), headers=wrong)
        assert secret not in reply.text
        assert str(tmp_path) not in reply.text
        file.unlink()
        gone = api.http.post(CHAT, json=asking(), headers={"authorization": f"Bearer {secret}"})
        assert gone.status_code == 500
        assert str(tmp_path) not in gone.text


def test_a_key_in_the_address_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    secret = add_key(file, "ann")
    with serving(FakePipeline(), api_keys_file=file) as api:
        reply = httpx.get(f"{api.url}/v1/models?api_key={secret}&key={secret}", trust_env=False)
        assert reply.status_code == 401
