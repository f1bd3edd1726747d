"""The names of what can be scored in process, for the command line and for what makes it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BASELINES"]

BASELINES: Mapping[str, str] = {
    "product": "the product as configured",
    "composed": "the evidence's own sentences, no model (answer mode compose)",
    "bm25": "the product over BM25 alone",
    "dense": "the product over dense retrieval alone",
    "rank-fusion": "the product over BM25 and MiniLM, one vector a passage, fused by their ranks",
    "gold": "the gold passages as evidence, always answering",
    "topic": "every passage of the case's topic as evidence, always answering",
    "closed-book": "the model alone, without evidence",
    "plain-rag": "six passages by MiniLM in the prompt, citations asked for, what comes is shown",
}
