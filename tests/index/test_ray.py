"""`index build --ray` on a local Ray with two workers gives what one process gives."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index import store
from index.encoders import Encoder
from index.retrieve import HybridRetriever
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

TOPICS = ("kv-cache", "beam-search", "perplexity-metric")


def built(out: Path, kb: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "index", "build", "--kb", f"some={kb}", "--out", str(out),
         "--json", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=280,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_two_workers_build_the_index_of_one_process(tmp_path: Path, encoder: Encoder) -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed: make setup-dev")
    kb = tmp_path / "kb"
    kb.mkdir()
    for topic in TOPICS:
        (kb / f"{topic}.yaml").symlink_to(ROOT / "index" / "corpus" / "ai" / f"{topic}.yaml")
    shown = built(tmp_path / "one", kb)
    assert shown.returncode == 0, shown.stderr
    spread = built(tmp_path / "ray", kb, "--ray", "--ray-workers", "2")
    assert spread.returncode == 0, spread.stderr
    reports = [json.loads(each.stdout) for each in (shown, spread)]
    for same in ("fingerprint", "passages", "encoded", "late_interaction"):
        assert reports[0][same] == reports[1][same]
    assert reports[0]["encoded"] > 100

    one, ray = (store.load(tmp_path / name, encoder.info) for name in ("one", "ray"))
    assert one.texts == ray.texts
    rows = range(one.vectors.ntotal)
    ours, theirs = (np.stack([i.vectors.reconstruct(r) for r in rows]) for i in (one, ray))
    # Batches are cut elsewhere, and padding rounds the last bits.
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert float((ours * theirs).sum(axis=1).min()) > 0.99999
    queries = ("How large does the KV cache get?", "What is beam search?", "What is perplexity?")
    for query in queries:
        found = [
            [hit.passage.id for hit in HybridRetriever(i, encoder).search(query, 8).hits]
            for i in (one, ray)
        ]
        assert found[0] == found[1]


def test_without_ray_the_command_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    (hidden / "ray").mkdir(parents=True)
    (hidden / "ray" / "__init__.py").write_text("raise ImportError('No module named ray')")
    done = subprocess.run(
        [sys.executable, "-m", "index", "build", "--out", str(tmp_path / "out"), "--ray"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": f"{hidden}:{ROOT}"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "pip install 'ray[data]" in done.stderr
    assert done.stderr.count("\n") == 1
