"""What can be scored: the product in process, its parts, baselines, or any endpoint.

A target takes a case and gives an `Output`. Everything in process goes through the product's own
`Pipeline`, so that what is scored is what is served.
"""

from __future__ import annotations

from typing import Any, Protocol

from eval.baseline_names import BASELINES
from eval.cases import Case
from eval.samples import Output

__all__ = ["BASELINES", "Target"]


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
