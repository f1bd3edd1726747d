"""Retrieval: recall@k, success@k, reciprocal rank and nDCG over binary relevance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

__all__ = ["ndcg_at", "qrels_lines", "recall_at", "reciprocal_rank", "run_lines", "success_at"]


def recall_at(k: int, gold: Iterable[str], ranking: Sequence[str]) -> float | None:
    """Recall@k = |gold ∩ top k| / |gold|; None without gold.

    Manning, Raghavan and Schütze (2008), section 8.3.
    """
    wanted = set(gold)
    return len(wanted & set(ranking[:k])) / len(wanted) if wanted else None


def success_at(k: int, gold: Iterable[str], ranking: Sequence[str]) -> float | None:
    """Success@k = 1 if any gold passage is in the top k, else 0; None without gold.

    What dense retrieval papers call top-k accuracy (Karpukhin et al. 2020, section 5). Where
    several passages give the same answer, one of them is enough for it.
    """
    wanted = set(gold)
    return float(bool(wanted & set(ranking[:k]))) if wanted else None


def reciprocal_rank(gold: Iterable[str], ranking: Sequence[str]) -> float | None:
    """RR = 1 / rank of the first gold passage, 0 where none is ranked; None without gold.

    Its mean is MRR (Voorhees 1999).
    """
    wanted = set(gold)
    if not wanted:
        return None
    return next((1.0 / rank for rank, ref in enumerate(ranking, 1) if ref in wanted), 0.0)


def ndcg_at(k: int, gold: Iterable[str], ranking: Sequence[str]) -> float | None:
    """nDCG@k = DCG@k / IDCG@k, DCG@k = Σ_{i≤k} rel_i / log2(i + 1), rel in {0, 1}.

    Järvelin and Kekäläinen (2002), with the log2(i + 1) discount from rank 1 (trec_eval's
    variant). IDCG puts min(|gold|, k) gold passages first. None without gold.
    """
    wanted = set(gold)
    if not wanted:
        return None
    gained, seen = 0.0, set()
    for rank, ref in enumerate(ranking[:k], 1):
        if ref in wanted and ref not in seen:
            gained += 1 / math.log2(rank + 1)
            seen.add(ref)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(wanted), k) + 1))
    return gained / ideal


def qrels_lines(judged: Iterable[tuple[str, Iterable[str]]]) -> Iterable[str]:
    """Write (query id, gold) pairs as TREC qrels: `qid 0 docid 1`."""
    for query, gold in judged:
        yield from (f"{query} 0 {ref} 1" for ref in gold)


def run_lines(ranked: Iterable[tuple[str, Sequence[str]]], tag: str) -> Iterable[str]:
    """Write (query id, ranking) pairs as a TREC run: `qid Q0 docid rank score tag`."""
    for query, ranking in ranked:
        for rank, ref in enumerate(ranking, 1):
            yield f"{query} Q0 {ref} {rank} {1.0 / rank:.6f} {tag}"
