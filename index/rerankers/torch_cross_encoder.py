"""Any cross-encoder that sentence-transformers runs, on torch, on a GPU if there is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from index.errors import WeightsError
from index.rerankers import Scores

__all__ = ["TorchCrossEncoder"]


class TorchCrossEncoder:
    """A cross-encoder by folder or hub name; its scores are the logits."""

    def __init__(self, name: str) -> None:
        """Load the model.

        Raises:
            WeightsError: sentence-transformers is not installed, or the model can't be loaded or
                gives something else than one score.
        """
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise WeightsError(
                f"reranker {name!r} needs torch and sentence-transformers ({error}); install them "
                "with: make setup-torch"
            ) from error
        try:
            self._model = CrossEncoder(name)
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"reranker {name!r} can't be loaded: {error}; expected a cross-encoder's folder "
                "or a name on a model hub that this machine can reach"
            ) from error
        if self._model.num_labels != 1:
            raise WeightsError(
                f"reranker {name!r} gives {self._model.num_labels} values, expected one score"
            )
        self.name = name

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        """Score texts for a query. Shape: (len(texts),)."""
        import torch

        if not texts:
            return np.empty(0, np.float32)
        logits = self._model.predict(
            [(query, text) for text in texts],
            activation_fn=torch.nn.Identity(), show_progress_bar=False,
        )  # fmt: skip
        return np.asarray(logits, np.float32).reshape(len(texts))
