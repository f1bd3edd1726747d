"""What the folders promise: who imports whom, what is loaded when, and where it comes from."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("index", "prompts", "app", "eval")
ALLOWED = {
    "index": {"index"},
    "prompts": {"prompts"},
    "app": {"app", "index", "prompts"},
    "eval": {"eval", "app", "index", "prompts"},
    "scripts": {"scripts", "app", "index", "prompts"},
}
HEAVY = ("torch", "transformers", "sentence_transformers")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_lies_below_them(package: str) -> None:
    ours = {*PACKAGES, "scripts", "tests"}
    for path in (ROOT / package).rglob("*.py"):
        beyond = (imported(path) & ours) - ALLOWED[package]
        assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"


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
    assert named == {("expand_command.py", "app.cli.question_writer")}


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
        "import json; print(json.dumps(sorted(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(shown.stdout.splitlines()[-1]))
    assert not loaded & {*HEAVY, "openvino", "gradio", "faiss", "pydantic", "fastapi"}
    times = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", package, "--help"], cwd=ROOT, capture_output=True, check=True
        )
        times.append(time.perf_counter() - started)
    assert min(times) < 0.5


def test_a_serving_process_never_imports_torch(shipped_index: Path) -> None:
    """The whole server is put together and a question answered; then what is loaded is read."""
    code = f"""
import asyncio, json, sys
from pathlib import Path
from app.cli.serve import build_server
from app.service import open_pipeline
from app.config.settings import load_settings
from app.store import open_store
from app.record.types import Final, Question
settings = load_settings(index=Path({str(shipped_index)!r}), answer_mode="draft")
pipeline = open_pipeline(settings)
build_server(pipeline, settings, open_store(settings.database))
async def ask():
    return [e async for e in pipeline.answer(Question("How large is a KV cache?"))][-1]
assert isinstance(asyncio.run(ask()), Final)
print(json.dumps(sorted(m for m in sys.modules if m in {HEAVY!r})))
"""
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr[-3000:]
    assert json.loads(shown.stdout.splitlines()[-1]) == []


def test_modules_and_functions_stay_readable() -> None:
    long = []
    for package in (*PACKAGES, "scripts"):
        for path in (ROOT / package).rglob("*.py"):
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > 400:
                long.append(f"{path.relative_to(ROOT)}: {lines} lines")
    assert not long
