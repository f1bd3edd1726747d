"""Measure what each part of retrieval contributes, and write the table of docs/retrieval.md.

Run it as `python -m scripts.ablate_retrieval [--kb NAME=PATH …] --write`. It asks the development
half of the evaluation suites; the indexes hold no other ways of asking, so that no question is
found by its own likeness.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from index import store
from index.build import build
from index.encoders import DPR, load_encoder
from index.retrieve import FusionSettings, HybridRetriever
from index.sources import SHIPPED, read_all
from index.store import EmbeddedText, LoadedIndex
from index.types import Hit, KnowledgeBase, Passage, PassageKind
from index.weights import MINILM
from scripts.dev_cases import dev_cases
from scripts.training.evaluate import without_also_asked
from scripts.training.measure import figure

DOC = Path(__file__).resolve().parent.parent / "docs" / "retrieval.md"
START, END = "<!-- table: start -->", "<!-- table: end -->"
Keep = Callable[[EmbeddedText, Passage], bool]
_NO_VARIETY = 10**6


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to retrieve: the encoder, how it is fused, and the texts a passage is found under."""

    name: str
    encoder: str = DPR
    settings: FusionSettings = field(default_factory=FusionSettings)
    keep: Keep | None = None


def _not_heading(text: EmbeddedText, passage: Passage) -> bool:
    return text.text != passage.heading


def _not_bare_text(text: EmbeddedText, passage: Passage) -> bool:
    return text.text != passage.text or passage.kind not in (PassageKind.FAQ, PassageKind.DATA)


VARIANTS = (
    Variant("as shipped"),
    Variant("MiniLM, dense only", MINILM.name, FusionSettings(dense_weight=1.0, late_weight=0)),
    Variant("MiniLM, 0.7 dense", MINILM.name, FusionSettings(dense_weight=0.7, late_weight=0)),
    Variant("MiniLM, as shipped otherwise", MINILM.name),
    Variant("BM25 only", settings=FusionSettings(dense_weight=0.0, late_weight=0)),
    Variant("dense only", settings=FusionSettings(dense_weight=1.0, late_weight=0)),
    Variant("without late interaction", settings=FusionSettings(late_weight=0)),
    Variant("0.9 dense, without late interaction", settings=FusionSettings(0.9, late_weight=0)),
    Variant("without BM25", settings=FusionSettings(dense_weight=1.0)),
    *(
        Variant(f"late interaction × {weight}", settings=FusionSettings(late_weight=weight))
        for weight in (0.5, 1.5, 2.0)
    ),
    *(
        Variant(f"late interaction for {count}", settings=FusionSettings(reread=count))
        for count in (12, 100)
    ),
    *(
        Variant(f"{weight} dense", settings=FusionSettings(dense_weight=weight))
        for weight in (0.95, 0.9, 0.8, 0.7)
    ),
    Variant("pool of 64 texts", settings=FusionSettings(pool=64)),
    Variant("without questions and labels alone", keep=_not_heading),
    Variant("without answers alone", keep=_not_bare_text),
    Variant("without room for a second topic", settings=FusionSettings(per_topic=_NO_VARIETY)),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table or write it into the document."""
    parser = argparse.ArgumentParser(prog="python -m scripts.ablate_retrieval")
    parser.add_argument(
        "--kb", action="append", help="NAME=PATH; may be repeated (default: the shipped one)"
    )
    parser.add_argument("--write", action="store_true", help=f"write the table into {DOC.name}")
    args = parser.parse_args(argv)
    bases = [
        without_also_asked(read_all([spec]).knowledge_base)
        for spec in args.kb or [f"shipped={SHIPPED}"]
    ]
    lines = [
        "| passages | variant | paraphrases @1 | @5 | data points @1 | @5 | both topics @8 |",
        "|---|---|---|---|---|---|---|",
    ]
    for base in bases:
        lines += _rows(base)
    table = "\n".join(lines)
    if args.write:
        before, _, rest = DOC.read_text(encoding="utf-8").partition(START)
        _, _, after = rest.partition(END)
        DOC.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")
    print(table)
    return 0


def _rows(base: KnowledgeBase) -> list[str]:
    rows = []
    indexes: dict[str, LoadedIndex] = {}
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            encoder = load_encoder(variant.encoder)
            if variant.encoder not in indexes:
                out = Path(folder) / variant.encoder
                build(base, out, encoder)
                indexes[variant.encoder] = store.load(out, encoder.info)
            index = indexes[variant.encoder]
            kept = _restricted(index, variant.keep) if variant.keep else index
            retriever = HybridRetriever(kept, encoder, variant.settings)
            rows.append(" | ".join(["", base.name, variant.name, *_cells(retriever), ""]).strip())
    return rows


def _restricted(index: LoadedIndex, keep: Keep) -> LoadedIndex:
    """Leave out some of the texts that passages are found under."""
    kept = [n for n, text in enumerate(index.texts) if keep(text, index.passages[text.passage])]
    flat = faiss.IndexFlatIP(index.vectors.d)
    flat.add(np.stack([index.vectors.reconstruct(row) for row in kept]))
    texts = tuple(index.texts[n] for n in kept)
    return replace(index, texts=texts, owners=index.owners[kept], vectors=flat)


def _cells(retriever: HybridRetriever) -> list[str]:
    held = {passage.id for passage in retriever.index.passages}
    cells = []
    for suite in ("paraphrase", "data-point"):
        cases = [case for case in dev_cases(suite) if held.intersection(case["gold"])]
        hits = [retriever.search(case["question"], 5).hits for case in cases]
        for k in (1, 5):
            cells.append(
                _figure(cases, [_found(c, h[:k]) for c, h in zip(cases, hits, strict=True)])
            )
    cases = list(dev_cases("cross-topic"))
    both = [
        {hit.passage.topic for hit in retriever.search(case["question"], 8).hits}
        >= set(case["topics"])
        for case in cases
    ]
    return [*cells, _figure(cases, both)]


def _found(case: dict[str, Any], hits: Sequence[Hit]) -> bool:
    return any(hit.passage.id in case["gold"] for hit in hits)


def _figure(cases: Sequence[dict[str, Any]], values: Sequence[bool]) -> str:
    return str(figure(np.asarray(values, np.float64), [case["topic"] for case in cases]))


if __name__ == "__main__":
    raise SystemExit(main())
