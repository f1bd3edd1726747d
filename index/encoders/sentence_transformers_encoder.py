"""Any sentence-transformers model, on torch: the reference, and the way to a GPU."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from index.encoders import EncoderInfo, Progress, Vectors
from index.errors import WeightsError
from index.weights import sha256_of

__all__ = ["SentenceTransformersEncoder"]

_BATCH = 32


class SentenceTransformersEncoder:
    """A model by folder or hub name, with the prompts and normalisation it declares."""

    def __init__(self, folder: str, name: str) -> None:
        """Load the model; on a machine with CUDA it runs there.

        Raises:
            WeightsError: sentence-transformers is not installed, or the model can't be loaded.
        """
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise WeightsError(
                f"encoder {name!r} needs torch and sentence-transformers ({error}); install them "
                "with: make setup-torch"
            ) from error
        try:
            self._model = SentenceTransformer(folder)
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"encoder {name!r} can't be loaded: {error}; expected a sentence-transformers "
                "folder or a name on a model hub that this machine can reach"
            ) from error
        digest = self._digest(Path(folder) / "model.safetensors")
        prompts = self._model.prompts
        kinds = [type(module).__name__ for module in self._model]
        pooling = next((m for m in self._model if type(m).__name__ == "Pooling"), None)
        self._info = EncoderInfo(
            name=name,
            revision=digest[:12],
            weights_sha256=digest,
            dimension=int(self._model.get_embedding_dimension() or 0),
            pooling=str(pooling.pooling_mode) if pooling is not None else "model",
            normalized="Normalize" in kinds,
            max_tokens=int(self._model.max_seq_length or 512),
            query_prefix=prompts.get("query") or "",
            passage_prefix=prompts.get("document") or prompts.get("passage") or "",
        )

    @property
    def info(self) -> EncoderInfo:
        """What decides this encoder's vectors."""
        return self._info

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Encode queries. Shape: (len(texts), dimension)."""
        return self._encode([self._info.query_prefix + text for text in texts])

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Encode passages, calling `progress(done, total)`. Shape: (len(texts), dimension)."""
        parts = []
        for start in range(0, len(texts), _BATCH):
            batch = [self._info.passage_prefix + text for text in texts[start : start + _BATCH]]
            parts.append(self._encode(batch))
            if progress is not None:
                progress(start + len(batch), len(texts))
        return np.concatenate(parts) if parts else self._encode([])

    def _encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self._info.dimension), np.float32)
        vectors = self._model.encode(
            list(texts), prompt="", convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    def _digest(self, weights: Path) -> str:
        """Hash the weights file, as the other engine does; a hub model's, by its parameters."""
        if weights.is_file():
            return sha256_of(weights)
        digest = hashlib.sha256()
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().float().numpy().tobytes())
        return digest.hexdigest()
