"""No process opens a connection that its owner did not ask for, look-ups of names included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# What the interpreter is about to do with sockets, told by the interpreter itself (PEP 578).
WATCHED = """
import ipaddress, json, runpy, sys
asked = []
def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        host = address[0] if isinstance(address, tuple) else str(address)
        if isinstance(address, tuple) and not ipaddress.ip_address(host).is_loopback:
            asked.append([event, host])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        if args[0] not in (None, "localhost", "127.0.0.1", "::1", b"localhost"):
            asked.append([event, str(args[0])])
sys.addaudithook(watch)
"""
COMMANDS = {
    "ask": ["app", "ask", "What is a KV cache?"],
    "retrieve": ["app", "retrieve", "What is a KV cache?"],
    "draft": ["app", "ask", "--answer-mode", "draft", "--max-tokens", "8", "What is LoRA?"],
    "build": ["index", "build", "--kb", "some=tests/data/tower-sample.json", "--out", "{tmp}"],
    "settings": ["app", "settings"],
    "check": ["app", "check", "GPT-3 has 96 layers."],
    "chat": ["app", "chat"],
    "mcp": ["app", "mcp"],
    "search": ["index", "search", "What is LoRA?"],
    "info": ["index", "info"],
    "audit": ["index", "audit"],
}


def asked_by(code: str, home: Path) -> list[list[str]]:
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT, capture_output=True, text=True, timeout=250, stdin=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr[-2000:]
    found: list[list[str]] = json.loads(shown.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_asks_nobody(name: str, shipped_index: Path, tmp_path: Path) -> None:
    words = [word.replace("{tmp}", str(tmp_path / "index")) for word in COMMANDS[name]]
    home = tmp_path / "home"
    home.mkdir()
    code = WATCHED + (
        f"sys.argv = {words!r}\n"
        "try: runpy.run_module(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "print()\n"
        "print(json.dumps(asked))"
    )
    assert asked_by(code, home) == []
    assert not (home / "intel").exists()


def test_the_page_and_the_endpoint_ask_nobody(shipped_index: Path, tmp_path: Path) -> None:
    """The whole server is put together, started and asked once for its page and an answer."""
    code = (
        WATCHED
        + f"""
import asyncio, socket, threading, time, urllib.request
from app.cli.serve import build_server
from app.config.settings import load_settings
from app.service import open_pipeline
from app.store import open_store
settings = load_settings(index={str(shipped_index)!r}, database={str(tmp_path / "a.db")!r})
server = build_server(open_pipeline(settings), settings, open_store(settings.database))
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
threading.Thread(target=server.run, kwargs={{"sockets": [listening]}}, daemon=True).start()
address = f"http://127.0.0.1:{{listening.getsockname()[1]}}"
while not server.started:
    time.sleep(0.05)
assert b"Citewise" in urllib.request.urlopen(address).read()
messages = [{{"role": "user", "content": "What is LoRA?"}}]
body = json.dumps({{"model": "citewise-expert", "messages": messages}}).encode()
asking = urllib.request.Request(
    address + "/v1/chat/completions", body, {{"content-type": "application/json"}}
)
assert b"choices" in urllib.request.urlopen(asking).read()
server.should_exit = True
print(json.dumps(asked))
"""
    )
    assert asked_by(code, tmp_path) == []
