"""LangChain, LlamaIndex, txtai and haystack beside Citewise: same passages, model and questions."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
import venv
from functools import partial
from pathlib import Path

from index import store
from index.encoders import load_encoder
from index.lexical import Bm25
from index.manifest import Manifest
from index.passages import embedded_texts
from index.retrieve import HybridRetriever
from index.sources import SHIPPED, read_all
from index.store import EmbeddedText
from index.types import Passage, PassageKind
from index.weights import MINILM
from scripts.bench.measure import run, summary, table, timed, work_dir
from scripts.bench.ours import questions

__all__ = ["PACKAGES", "figures", "peer_python"]

_COMMON = ["torch==2.13.0", "sentence-transformers>=6.2"]
PACKAGES = {
    "langchain": [
        "langchain-community",
        "langchain-huggingface",
        "langchain-openai",
        "faiss-cpu",
    ],
    "llamaindex": [
        "llama-index-core",
        "llama-index-embeddings-huggingface",
        "llama-index-llms-openai-like",
    ],
    "txtai": ["txtai", "faiss-cpu"],
    "haystack": ["haystack-ai>=3", "sentence-transformers-haystack>=2"],
}


def figures(names: list[str], count: int, venvs: Path) -> str:
    """Measure the named peers and Citewise over `count` passages; return Markdown."""
    folder = work_dir("peers")
    knowledge_base = read_all([f"ai={SHIPPED}"]).knowledge_base
    texts = [
        text
        for topic in knowledge_base.topics
        for _, texts_of_one in embedded_texts(topic)
        for text in texts_of_one
    ]
    random.Random(3).shuffle(texts)
    passages = list(dict.fromkeys(texts))[:count]
    asked = questions(knowledge_base, 100)
    (folder / "passages.json").write_text(json.dumps(passages))
    (folder / "questions.json").write_text(json.dumps(asked))
    rows = [_ours(folder, passages, asked)]
    for name in names:
        try:
            rows.append(_peer(name, peer_python(name, venvs), folder))
        except SystemExit as failure:  # one that fails takes no other's figures with it
            print(f"{name}: left out: {failure}", file=sys.stderr, flush=True)
    query, cold = float(str(rows[0][2])), float(str(rows[0][1]))
    worded = [
        (name, c, q, b, m, f"{float(str(q)) / query:.1f} / {float(str(c)) / cold:.1f}")
        for name, c, q, b, m in rows
    ]
    return table(
        ["", "cold process to first hits, s", "a query, median ms", f"build of {count}, s",
         "peak MB", "times Citewise's query / cold start"], worded,
    )  # fmt: skip


def _ours(folder: Path, passages: list[str], asked: list[str]) -> tuple[object, ...]:
    """One vector a passage, as the peers have; BM25 and fusion on top, as Citewise has."""
    place = folder / "citewise"
    started = time.perf_counter()
    encoder = load_encoder()
    rows = [Passage(f"p/faq/{i}", PassageKind.FAQ, "p", "", "", t) for i, t in enumerate(passages)]
    manifest = Manifest(
        fingerprint="peers", encoder=encoder.info, knowledge_base="peers",
        knowledge_base_sha256="",
        counts={"passages": len(rows), "texts": len(rows), "vectors": len(rows)},
    )  # fmt: skip
    entries = [EmbeddedText(i, text) for i, text in enumerate(passages)]
    vectors = encoder.encode_passages(passages)
    store.write(place, manifest, rows, entries, vectors, Bm25.build(passages))
    built = time.perf_counter() - started
    retriever = HybridRetriever(store.load(place, encoder.info), encoder)
    for question in asked[:10]:
        retriever.search(question, 8)
    median, _ = summary(timed([partial(retriever.search, q, 8) for q in asked]))
    command = [sys.executable, "-m", "scripts.bench.cold", str(place), asked[0]]
    runs = [run(command) for _ in range(3)]
    cold = sorted(one.first_line for one in runs)[1]
    return ("Citewise", cold, median, built, max(one.lines[-1]["peak_mb"] for one in runs))


def _peer(name: str, python: Path, folder: Path) -> tuple[object, ...]:
    worker = str(Path(__file__).with_name("peer_worker.py"))
    model = str(MINILM.locate().parent)
    made = run([str(python), worker, name, "build", model, str(folder)])
    asked = run([str(python), worker, name, "ask", model, str(folder)])
    median, _ = summary(asked.lines[1]["times"])
    return (name, asked.first_line, median, made.lines[0]["seconds"], asked.lines[1]["peak_mb"])


def peer_python(name: str, venvs: Path) -> Path:
    """Make the peer's environment, once; return its interpreter."""
    python = venvs / name / "bin" / "python"
    ready = venvs / name / ".ready"
    if not ready.is_file():
        print(f"{name}: making {venvs / name} (several gigabytes)", file=sys.stderr, flush=True)
        venv.create(venvs / name, with_pip=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *_COMMON, *PACKAGES[name]], check=True
        )
        ready.touch()
    return python
