"""Behind a proxy: the documented recipes, and proxies that pass on less, run and are used."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.cli.serve import build_server
from app.config.settings import load_settings
from app.record.errors import SettingsError
from app.store import open_store
from index.live import LiveIndex
from tests.conftest import ROOT
from tests.scripted import running
from tests.ui.chromium import BROWSER
from tests.ui.conftest import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

_BLOCK = re.compile(r"^```(nginx|caddy)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RECIPES = _BLOCK.findall((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
_OWN_NGINX, _OWN_CADDY, _PATH_NGINX, _PATH_CADDY = (text for _, text in _RECIPES)
_HEADER = re.compile(r"^ *proxy_set_header .*\n", re.MULTILINE)


def _bare(recipe: str) -> str:
    """The recipe without the headers: nginx then sends its own idea of the host."""
    return _HEADER.sub("", recipe)


def _stripping(recipe: str) -> str:
    """The recipe with the path taken away before a request is passed on."""
    return recipe.replace("127.0.0.1:7860;", "127.0.0.1:7860/;")


@dataclass(frozen=True)
class Case:
    name: str
    proxy: str
    recipe: str
    path: str = ""
    root_path: str = ""
    secure: bool = True


CASES = [
    Case("nginx", "nginx", _OWN_NGINX),
    Case("caddy", "caddy", _OWN_CADDY),
    Case("nginx under a path", "nginx", _PATH_NGINX, "/citewise", "/citewise"),
    Case("caddy under a path", "caddy", _PATH_CADDY, "/citewise", "/citewise"),
    Case("no host", "nginx", _bare(_OWN_NGINX), secure=False),
    Case(
        "no host, path taken away", "nginx", _stripping(_bare(_PATH_NGINX)), "/citewise",
        "/citewise", secure=False,
    ),
    Case("path taken away", "nginx", _stripping(_PATH_NGINX), "/citewise", "/citewise"),
    Case("path that nobody told", "nginx", _stripping(_PATH_NGINX), "/citewise"),
    Case(
        "deeper path taken away", "caddy",
        _OWN_CADDY.replace(
            "    reverse_proxy 127.0.0.1:7860",
            "    handle_path /tools/ai/* {\n        reverse_proxy 127.0.0.1:7860\n    }",
        ),
        "/tools/ai", "/tools/ai",
    ),
]  # fmt: skip


def _program(name: str) -> str:
    """The proxy's program; CI has it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        assert os.environ.get("CI") != "true", f"CI needs {name}: apt-get install {name}"
        pytest.skip(f"no {name}; install it with: apt-get install {name}")
    return found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-signed certificate for this machine, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def _nginx(recipe: str, folder: Path, certificate: Path, port: int) -> list[str]:
    config = recipe.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    config = re.sub(r"/etc/ssl/certs/\S+?;", f"{certificate}/cert.pem;", config)
    config = re.sub(r"/etc/ssl/private/\S+?;", f"{certificate}/key.pem;", config)
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{kept}{config}}}\n",
        encoding="utf-8",
    )
    return [_program("nginx"), "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]


def _caddy(recipe: str, folder: Path, certificate: Path, port: int) -> list[str]:
    tls = f"    tls {certificate}/cert.pem {certificate}/key.pem\n"
    site = re.sub(r"^\S*example\.org \{\n", f"https://127.0.0.1:{port} {{\n{tls}", recipe)
    (folder / "Caddyfile").write_text(
        f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{site}", encoding="utf-8"
    )
    return [_program("caddy"), "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]


@contextmanager
def _proxied(case: Case, upstream: str, folder: Path, certificate: Path) -> Iterator[str]:
    """The proxy in front of the server; gives the address that people are told."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    recipe = case.recipe.replace("127.0.0.1:7860", urlsplit(upstream).netloc)
    make = _nginx if case.proxy == "nginx" else _caddy
    command = make(recipe, folder, certificate, port)
    home = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (folder / "said.log").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=home)
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        assert process.poll() is None, (folder / "said.log").read_text()
        yield f"https://127.0.0.1:{port}{case.path}"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _thread_loop() -> Iterator[None]:
    """An event loop for Gradio, which else makes one that nobody closes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def site(
    request: pytest.FixtureRequest,
    live_index: LiveIndex,
    certificate: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Case, str]]:
    """The whole product behind one of the proxies."""
    case: Case = request.param
    tmp_path = tmp_path_factory.mktemp("proxy")
    _program(case.proxy)
    settings = load_settings(root_path=case.root_path, open_to_all=True, answer_mode="compose")
    model = ScriptedChatModel((), small=True)
    pipeline = Pipeline(live_index, model, PipelineSettings(answer_mode="compose"))
    store = open_store(str(tmp_path / "kept.db"))
    with (
        _thread_loop(),
        running(build_server(pipeline, settings, store)) as upstream,
        _proxied(case, upstream, tmp_path, certificate) as url,
    ):
        yield case, url
    store.close()


@BROWSER[0]
@BROWSER[1]
@BROWSER[2]
def test_the_page_works_behind_it(browser: Browser, site: tuple[Case, str]) -> None:
    case, url = site
    with browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        asked: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("response", lambda reply: wrong.append(reply.url) if reply.status >= 400 else None)
        page.goto(f"{url}/?__theme=light")
        page.locator(".suggestion:visible").first.wait_for()
        page.fill("#box textarea", "What is nucleus sampling?")
        page.keyboard.press("Enter")
        page.locator("#live .turn[data-over=true]").wait_for()
        page.locator(".cite").first.hover()
        page.locator("#citation-card mark").wait_for()
        page.wait_for_function("location.hash.includes('conversation=')")
        page.reload()
        page.locator(".turn .cite").first.wait_for()
        cookies: list[Any] = [c for c in context.cookies() if c["name"] == "citewise_reader"]
    # Gradio's page names its manifest by an absolute path, which nothing needs.
    manifest = f"https://{urlsplit(url).netloc}/manifest.json"
    assert [one for one in asked if not one.startswith((f"{url}/", "data:", "blob:"))] in (
        [], [manifest], [manifest] * 2,
    )  # fmt: skip
    assert set(wrong) <= {manifest}
    assert [(c["path"], c["secure"]) for c in cookies] == [(f"{case.root_path}/", case.secure)]


def test_the_endpoint_works_behind_it(site: tuple[Case, str], certificate: Path) -> None:
    case, url = site
    trusted = ssl.create_default_context(cafile=certificate / "cert.pem")
    with httpx.Client(base_url=url, verify=trusted, timeout=30) as http:
        assert http.get("/healthz").status_code == 200
        document = http.get("/openapi.json").json()
        assert document.get("servers", [{"url": ""}])[0]["url"] == case.root_path
        body = {
            "model": "citewise-expert", "stream": True,
            "messages": [{"role": "user", "content": "What is nucleus sampling?"}],
        }  # fmt: skip
        with http.stream("POST", "/v1/chat/completions", json=body) as reply:
            lines = [line for line in reply.iter_lines() if line]
        assert reply.status_code == 200
        assert lines[-1] == "data: [DONE]"
        tools = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        accepts = {"accept": "application/json, text/event-stream"}
        assert http.post("/mcp", json=tools, headers=accepts).status_code == 200
        assert http.get("/v1/nothing").json()["error"]["code"] == "not_found"
        if case.recipe in (_PATH_NGINX, _PATH_CADDY):
            moved = httpx.get(url, verify=trusted)
            assert moved.status_code in (301, 308)
            assert moved.headers["location"].endswith(f"{case.path}/")


def test_paths_are_one_form_or_refused() -> None:
    for given, taken in (("", ""), ("/", ""), ("/citewise/", "/citewise"), ("/a/b-c", "/a/b-c")):
        assert load_settings(root_path=given).root_path == taken
    for wrong in ("citewise", "https://example.org/citewise", "/a b", "//a", "/v1", "/a?b", "/é"):
        with pytest.raises(SettingsError, match="root_path"):
            load_settings(root_path=wrong)
