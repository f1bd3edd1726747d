"""A cold process: `python -m scripts.bench.cold INDEX QUESTION` opens, asks once, prints JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from index import store
from index.encoders import load_encoder
from index.retrieve import HybridRetriever
from scripts.bench.measure import peak_mb


def main(folder: Path, question: str) -> None:
    """Print the hits, then the process's peak memory. Imports are part of what is timed."""
    encoder = load_encoder()
    retriever = HybridRetriever(store.load(folder, encoder.info), encoder)
    hits = retriever.search(question, 8).hits
    print(json.dumps({"hits": [hit.passage.id for hit in hits]}), flush=True)
    print(json.dumps({"peak_mb": peak_mb()}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
