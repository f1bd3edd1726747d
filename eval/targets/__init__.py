"""What can be scored: the product in process, its parts, baselines, or any endpoint.

A target takes a case and gives an `Output`. Everything in process goes through the product's own
`Pipeline`, so that what is scored is what is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from eval.cases import Case
from eval.records import Output

__all__ = ["BASELINES", "Target"]

BASELINES: Mapping[str, str] = {
    "product": "the product as configured",
    "composed": "the evidence's own sentences, no model (answer mode compose)",
    "bm25": "the product over BM25 alone",
    "dense": "the product over dense retrieval alone",
    "gold": "the gold passages as evidence, always answering",
    "topic": "every passage of the case's topic as evidence, always answering",
    "closed-book": "the model alone, without evidence",
}


class Target(Protocol):
    """Anything that answers cases. `parallel` is how many at once it can make use of."""

    parallel: int

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers: the run's header, and the cache's key."""

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Answer one case.

        Raises:
            CitewiseError: it could not; the sample records why.
        """

    async def close(self) -> None:
        """Release what the target holds."""
