"""Citewise against plain RAG: `python -m scripts.bench_citing`.

The same questions, passages and model for each: Citewise as it comes, the baseline `plain-rag`, and
the citation recipes of LangChain and LlamaIndex, in environments of their own, with the model in
process behind an endpoint. Runs are kept in `--out`, and the same command goes on with them.
Markdown on standard output; --write puts it into docs/results.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from app.config.settings import load_settings
from index.cli import Parser, say
from index.store import load
from index.weights import MINILM, SMOLLM2
from scripts.bench.measure import ROOT, machine, replace_section, table, work_dir
from scripts.bench.peers import peer_python
from scripts.bench.serving import process

_SLICES = ("field", "unanswerable")
# Of which questions which score: those of `field` have an answer, the others none.
_COLUMNS = (
    ("field", "right"),
    ("unanswerable", "right"),
    ("all", "misattributed"),
    ("all", "citation_recall"),
    ("all", "citation_precision"),
)
_SYSTEMS = {
    "citewise": "Citewise",
    "plain-rag": "plain RAG",
    "langchain": "LangChain's recipe",
    "llamaindex": "LlamaIndex's recipe",
}


def main() -> int:
    """Ask every system, then tell."""
    options = _parser().parse_args()
    folder = options.out
    for name in options.systems:
        if name in ("citewise", "plain-rag"):
            own = ["--baseline", name] if name == "plain-rag" else []
            _ask(options, name, [*own, *(["--model", options.model] if options.model else [])])
            continue
        _export(options.index, folder)
        with _embedded(options.model) as (url, model), _peer(name, options, url, model) as peer:
            _ask(options, name, ["--target", peer, "--max-tokens", "200", "--parallel", "1"])
    text = figures(folder, options.systems)
    words = " ".join(word for word in sys.argv[1:] if word != "--write")
    told = f"`{f'python -m scripts.bench_citing {words}'.strip()}`; {machine()}.\n\n{text}"
    print(told)
    if options.write:
        replace_section(ROOT / "docs" / "results.md", "plain rag", told + "\n")
    return 0


def _parser() -> Parser:
    parser = Parser(prog="python -m scripts.bench_citing", description=__doc__)
    parser.add_argument(
        "--index", type=Path, default=load_settings().index, help="(as in settings)"
    )
    parser.add_argument("--limit", type=int, default=200, help="questions, chosen by hash (200)")
    parser.add_argument("--model", help="a GGUF file in place of the embedded model")
    parser.add_argument(
        "--systems", nargs="+", choices=list(_SYSTEMS), default=list(_SYSTEMS), metavar="NAME",
        help=f"of {', '.join(_SYSTEMS)} (all)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=work_dir("citing"), help="where runs are kept")
    parser.add_argument("--venvs", type=Path, default=work_dir("venvs"), help="of the peers")
    parser.add_argument("--write", action="store_true", help="put it into the documents")
    return parser


def _ask(options: object, name: str, words: Sequence[str]) -> None:
    """Run the suites against one system, or go on with the run that is there."""
    out, limit = options.out / name, str(options.limit)  # type: ignore[attr-defined]
    command = [sys.executable, "-m", "eval", "run", "all", "--split", "all", "--open-sealed"]
    command += [word for one in _SLICES for word in ("--slice", one)]
    command += ["--limit", limit, "--out", str(out), *words]
    say(f"• {_SYSTEMS[name]}")
    header = out / "run.json"
    if header.is_file() and words[:1] == ["--target"]:  # its port is another each time
        raw = json.loads(header.read_text(encoding="utf-8"))
        raw["target"]["target"] = words[1]
        header.write_text(json.dumps(raw), encoding="utf-8")
    # Status 1 says that an answer failed, which the table counts.
    status = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode
    if status not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with status {status}")


def _export(index: Path, folder: Path) -> None:
    """Write the passages and the vectors that MiniLM made of them, for the peers."""
    loaded = load(index)
    first = {text.passage: row for row, text in reversed(list(enumerate(loaded.texts)))}
    rows = [loaded.vectors.reconstruct(first[i]) for i in range(len(loaded.passages))]
    passages = [
        {"id": one.id, "title": one.title, "text": f"{one.heading}\n{one.text}"}
        for one in loaded.passages
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "passages.json").write_text(json.dumps(passages), encoding="utf-8")
    np.save(folder / "vectors.npy", np.asarray(rows, np.float32).reshape(len(rows), -1))


@contextmanager
def _embedded(model: str | None) -> Iterator[tuple[str, str]]:
    name = Path(model).stem if model else SMOLLM2.name
    words = ["--model", model] if model else []
    with process([sys.executable, "-m", "scripts.embedded_server", *words]) as url:
        yield url, name


@contextmanager
def _peer(name: str, options: object, url: str, model: str) -> Iterator[str]:
    python = peer_python(name, options.venvs)  # type: ignore[attr-defined]
    worker = str(ROOT / "scripts" / "bench" / "citing_worker.py")
    embeddings = str(MINILM.locate().parent)
    folder = str(options.out)  # type: ignore[attr-defined]
    with process([str(python), worker, name, folder, embeddings, url, model]) as address:
        yield address


def figures(folder: Path, systems: Sequence[str]) -> str:
    """The table of the runs that are there, as `eval run` has summed them up."""
    rows = []
    for name in systems:
        summary = folder / name / "summary.json"
        if not summary.is_file():
            continue
        found = json.loads(summary.read_text(encoding="utf-8"))
        cells = [
            _interval(found["estimates"].get(part, {}).get(metric)) for part, metric in _COLUMNS
        ]
        seconds = found["latency"]["seen_last"]["p50"] / 1000
        rows.append([_SYSTEMS[name], int(found["counts"]["samples"]), *cells, f"{seconds:.1f}"])
    return table(
        ["", "questions", "right, of those with an answer", "refused or said missing, of those "
         "without", "cited statements that their citation does not bear out", "citation recall",
         "citation precision", "seconds, median"], rows,
    )  # fmt: skip


def _interval(estimate: Mapping[str, float] | None) -> str:
    if estimate is None:
        return "–"
    return f"{estimate['mean']:.2f} [{estimate['low']:.2f}, {estimate['high']:.2f}]"


if __name__ == "__main__":
    sys.exit(main())
