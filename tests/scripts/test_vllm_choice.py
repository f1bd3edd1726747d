"""Which model and settings `make vllm` takes, for machines from 8 GB to several GPUs."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.vllm.choice import Gpu, KnownModel, Table, VllmError, detect_gpus, pretended_gpus
from scripts.vllm.server import command
from tests.conftest import ROOT

TABLE = Table.shipped()
_ROOM_GB = 1.5  # activations, CUDA graphs and the runtime itself


@pytest.mark.parametrize("row", TABLE.rows, ids=lambda row: f"{row.gpus}x{row.gb} {row.model}")
def test_each_row_adds_up(row: KnownModel) -> None:
    """Weights, one full context and the rest fit into the share of memory that vLLM takes."""
    had = row.gb * TABLE.serve["utilization"]
    shards = min(row.gpus, row.kv_heads)
    needed = row.weights_gb / row.gpus + row.context * row.kv_kb * 1024 / shards / 1e9 + _ROOM_GB
    assert needed <= had
    assert row.context >= 8192


@pytest.mark.parametrize(
    ("gpus", "model", "used"),
    [
        ("8", "Qwen/Qwen3-4B-AWQ", 1),
        ("12", "Qwen/Qwen3-8B-AWQ", 1),
        ("16", "Qwen/Qwen3-8B-FP8", 1),
        ("16@7.5", "Qwen/Qwen3-8B-AWQ", 1),
        ("24", "Qwen/Qwen3-14B-FP8", 1),
        ("24@8.6", "Qwen/Qwen3-14B-AWQ", 1),
        ("2x24", "Qwen/Qwen3-30B-A3B-Instruct-2507-FP8", 2),
        ("4x24@8.6", "Qwen/Qwen3-30B-A3B-Instruct-2507", 4),
        ("40@8.0", "Qwen/Qwen3-14B", 1),
        ("48", "Qwen/Qwen3-30B-A3B-Instruct-2507-FP8", 1),
        ("80", "Qwen/Qwen3-30B-A3B-Instruct-2507", 1),
        ("4x80", "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", 4),
        ("8x80@8.0", "Qwen/Qwen3-235B-A22B-Instruct-2507", 8),
    ],
)
def test_the_largest_that_fits_is_taken(gpus: str, model: str, used: int) -> None:
    plan = TABLE.for_gpus(pretended_gpus(gpus))
    assert plan.model == model
    assert plan.environment["CUDA_VISIBLE_DEVICES"].count(",") == used - 1
    words = " ".join(plan.arguments)
    assert ("--tensor-parallel-size" in words) == (used > 1)
    for flag in ("--enable-prefix-caching", "--enable-chunked-prefill", "--max-model-len"):
        assert flag in words
    guess = json.loads(plan.arguments[plan.arguments.index("--speculative-config") + 1])
    assert guess["method"] == "ngram"


def test_cards_report_less_than_they_are_sold_as() -> None:
    """An L40S says 46,068 MiB, an A10G 23,028, a T4 15,360."""
    for mib, gb in ((46_068, 48), (23_028, 24), (15_360, 16), (8_188, 8), (81_559, 80)):
        real = TABLE.for_gpus([Gpu(0, mib / 1024, 8.9)])
        assert real.model == TABLE.for_gpus(pretended_gpus(f"{gb}@8.9")).model


def test_of_unlike_cards_those_that_can_are_used() -> None:
    mixed = [Gpu(0, 8, 8.9), Gpu(1, 24, 8.9), Gpu(2, 24, 8.9)]
    plan = TABLE.for_gpus(mixed)
    assert plan.environment["CUDA_VISIBLE_DEVICES"] == "1,2"
    assert "2 of 3 GPUs" in plan.remark


def test_the_choice_can_be_overruled() -> None:
    gpus = pretended_gpus("2x24")
    known = TABLE.for_gpus(gpus, model="Qwen/Qwen3-8B-AWQ", context=4096)
    assert known.model == "Qwen/Qwen3-8B-AWQ"
    assert known.arguments[known.arguments.index("--max-model-len") + 1] == "4096"
    assert "--default-chat-template-kwargs" in known.arguments
    other = TABLE.for_gpus(pretended_gpus("3x24"), model="me/mine", speculate=False)
    assert other.model == "me/mine"
    assert "--speculative-config" not in other.arguments
    assert "--max-model-len" not in other.arguments
    assert other.arguments[other.arguments.index("--tensor-parallel-size") + 1] == "2"


@pytest.mark.parametrize(("gpus", "said"), [("4", "at least 8 GB"), ("80@7.0", "compute")])
def test_too_small_or_too_old_is_said(gpus: str, said: str) -> None:
    with pytest.raises(VllmError, match=said):
        TABLE.for_gpus(pretended_gpus(gpus))


def test_what_nvidia_smi_says_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"

    def says(text: str, status: int = 0) -> None:
        tool.write_text(f"#!/bin/sh\nprintf '{text}'\nexit {status}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IEXEC)

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    says("0, 24564, 8.9, NVIDIA GeForce RTX 4090\\n1, 24564, 8.9, NVIDIA GeForce RTX 4090\\n")
    assert [(gpu.index, round(gpu.gib, 1), gpu.compute) for gpu in detect_gpus()] == [
        (0, 24.0, 8.9), (1, 24.0, 8.9),
    ]  # fmt: skip
    says("No devices were found\\n", status=6)
    assert detect_gpus() == ()
    says("0, [N/A], 8.9, Odd\\n")
    with pytest.raises(VllmError, match="expected index"):
        detect_gpus()


def vllm(*words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if path is not None:
        environment["PATH"] = path
    return subprocess.run(
        [sys.executable, "-m", "scripts.vllm", *words],
        cwd=ROOT, capture_output=True, text=True, env=environment, timeout=60,
    )  # fmt: skip


def test_a_machine_without_a_gpu_is_told_so_in_one_line(tmp_path: Path) -> None:
    shown = vllm(path=str(tmp_path))
    assert shown.returncode == 2
    assert shown.stderr == "make vllm: no GPU was found: nvidia-smi lists none; try it with --cpu\n"
    assert shown.stdout == ""


def test_a_dry_run_prints_the_command_and_starts_nothing() -> None:
    shown = vllm("--dry-run", "--as-if", "2x24", "--port", "8123", "--", "--seed", "7")
    assert shown.returncode == 0
    assert "serve Qwen/Qwen3-30B-A3B-Instruct-2507-FP8" in shown.stdout
    assert "--port 8123" in shown.stdout
    assert shown.stdout.rstrip().endswith("--seed 7")
    cpu = vllm("--dry-run", "--cpu")
    assert "VLLM_CPU_KVCACHE_SPACE" in cpu.stdout
    assert "-m vllm.entrypoints.openai.api_server" in cpu.stdout
    wrong = vllm("--as-if", "24")
    assert (wrong.returncode, "--dry-run" in wrong.stderr) == (2, True)
    odd = vllm("--dry-run", "--as-if", "big")
    assert (odd.returncode, "2x24" in odd.stderr) == (2, True)


def test_it_listens_on_this_machine_alone_unless_told() -> None:
    words = command(TABLE.for_gpus(pretended_gpus("24")), "gpu", "127.0.0.1", 8000)
    assert words[words.index("--host") + 1] == "127.0.0.1"


def test_the_choice_needs_nothing_installed() -> None:
    """`make vllm` runs before `make setup`: the standard library is all that it may import."""
    code = (
        "import sys; import scripts.vllm.__main__; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('yaml', 'pydantic', 'numpy', 'rich', 'aiohttp')])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert shown.stdout.strip() == "[]"
