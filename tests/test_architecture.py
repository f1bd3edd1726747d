"""What the folders promise: who imports whom, what is loaded when, and where it comes from."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("index", "prompts", "app", "eval")

# Which room may import which: the house's plan, from the ground up. A room is a folder; the
# modules at the top of `index` and `app` make up a room of their own. Nothing imports `tests`,
# and nothing but `scripts` imports `scripts`.
ROOMS: dict[str, str] = {
    # what is known and how it is found
    "index.text": "",
    "index": "index.*",
    "index.sources": "index index.text",
    "index.schemas": "index.sources",
    "index.encoders": "index",
    "index.rerankers": "index index.encoders",
    "index.judge": "index index.encoders",
    "index.vectors": "index index.encoders",
    "index.audit": "index index.sources index.text",
    "index.calculations": "index",
    "index.expand": "index index.encoders index.sources index.text",
    # text, and nothing else
    "prompts": "",
    # the product at run time: ways in -> answer -> question, verifying -> models, config -> record
    "app.record": "index.*",
    "app.config": "app.record index.* prompts",
    "app.chat_models": "app.config app.record index.*",
    "app.question": "app.chat_models app.record index.* prompts",
    "app.verifying": "app.chat_models app.record index.* prompts",
    "app.checking": "app.question app.verifying app.record index.*",
    "app.answer": (
        "app.checking app.question app.verifying app.chat_models app.config app.record index.* "
        "prompts"
    ),
    "app.store": "app.record",
    "app.service": "app.answer app.verifying app.chat_models app.config app.record index.*",
    "app.tools": "app.config app.record index.* prompts",
    "app.api": (
        "app.question app.store app.tools app.chat_models app.config app.record index.* prompts"
    ),
    "app.ui": "app.answer app.store app.chat_models app.config app.record index.* prompts",
    "app.cli": "app.* index.* prompts",
    "app": "app.cli app.config index.*",
    # what measures it
    "eval": "app.* index.* prompts",
    "scripts": "app.* index.* prompts",
}
HEAVY = ("torch", "transformers", "sentence_transformers")


def room_of(module: str) -> str:
    """The room that a module is in: the longest name in the table that it begins with."""
    names = [name for name in ROOMS if f"{module}.".startswith(f"{name}.")]
    return max(names, key=len, default="")


def imported(path: Path) -> set[str]:
    """The modules that a file imports, by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_line_allows(room: str) -> None:
    allowed = ROOMS[room].split()
    seen = 0
    for path in (ROOT / room.split(".")[0]).rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if room_of(module) != room:
            continue
        seen += 1
        for name in imported(path):
            if name.split(".")[0] not in (*PACKAGES, "scripts", "tests", "eval"):
                continue
            into = room_of(name)
            fits = into == room or any(
                into == one or (one.endswith(".*") and f"{into}.".startswith(one[:-1]))
                for one in allowed
            )
            assert fits, f"{module} imports {name}: {room} may import {allowed or 'nothing'}"
    assert seen, f"{room} is empty"


def test_the_top_of_app_holds_the_composition_root_alone() -> None:
    modules = {path.name for path in (ROOT / "app").glob("*.py")}
    assert modules == {"__init__.py", "__main__.py", "service.py"}


def test_index_names_what_lies_above_it_in_one_place_only() -> None:
    """Who writes questions is a plug-in, by name: the one string that leads out of the package."""
    outside = re.compile(r"(?:app|prompts|eval|scripts)\.\w[\w.]*")
    named = {
        (path.name, node.value)
        for path in (ROOT / "index").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and outside.fullmatch(node.value)
    }
    assert named == {("command.py", "app.cli.question_writer")}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_come_from_the_checkout(package: str) -> None:
    module = importlib.import_module(package)
    assert Path(str(module.__file__)).resolve().is_relative_to(ROOT)


@pytest.mark.parametrize("package", ["app", "index", "eval"])
def test_help_answers_at_once_and_loads_nothing_heavy(package: str) -> None:
    code = (
        f"import sys, runpy; sys.argv = ['{package}', '--help']\n"
        f"try: runpy.run_module('{package}', run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code\n"
        "import json, time; print(json.dumps([time.process_time(), *sorted(sys.modules)]))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # What it costs in processor time, so that a busy machine decides nothing.
    seconds, *loaded = json.loads(shown.stdout.splitlines()[-1])
    assert not {*loaded} & {*HEAVY, "openvino", "gradio", "faiss", "pydantic", "fastapi"}
    assert seconds < 0.5


def test_a_serving_process_never_imports_torch(shipped_index: Path) -> None:
    """The whole server is put together and a question answered; then what is loaded is read."""
    code = f"""
import asyncio, json, sys
from pathlib import Path
from app.cli.serve import build_server
from app.service import open_pipeline
from app.config.settings import load_settings
from app.store import open_store
from app.record.types import Final, Question, Sampling
index = Path({str(shipped_index)!r})
settings = load_settings(index=index, answer_mode="draft")
pipeline = open_pipeline(settings)
build_server(pipeline, settings, open_store(settings.database))
async def ask():
    asked = Question("How large is a KV cache?", sampling=Sampling(max_tokens=32))
    return [e async for e in pipeline.answer(asked)][-1]
assert isinstance(asyncio.run(ask()), Final)
print(json.dumps(sorted(m for m in sys.modules if m in {HEAVY!r})))
"""
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr[-3000:]
    assert json.loads(shown.stdout.splitlines()[-1]) == []
