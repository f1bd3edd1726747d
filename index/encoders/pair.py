"""Two towers from two places: a question encoder and a passage encoder of their own.

The pair of Karpukhin et al. (2020), "Dense passage retrieval", is published like this. A tower is
a DPR encoder of transformers or any sentence-transformers model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from index.encoders import EncoderInfo, Progress, Vectors, check_ids
from index.errors import WeightsError

__all__ = ["PairEncoder"]

_BATCH = 32
_QUESTION, _PASSAGE = "DPRQuestionEncoder", "DPRContextEncoder"


class _Tower(Protocol):
    @property
    def info(self) -> EncoderInfo: ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors: ...

    def encode_passages(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> Vectors: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str: ...


class PairEncoder:
    """Encodes queries with one model and passages with the other."""

    def __init__(self, question: str, passage: str, name: str) -> None:
        """Load both towers; on a machine with CUDA they run there.

        Args:
            question: folder or hub name of the question encoder.
            passage: folder or hub name of the passage encoder.
            name: the pair's name, as manifests record it.

        Raises:
            WeightsError: a tower can't be loaded, is the other one's, or the two don't fit.
        """
        self._question, self._passage = _tower(question, _QUESTION), _tower(passage, _PASSAGE)
        ours, theirs = self._question.info, self._passage.info
        for field in ("dimension", "normalized", "similarity"):
            if getattr(ours, field) != getattr(theirs, field):
                raise WeightsError(
                    f"encoder {name!r}: {question} has {field} {getattr(ours, field)!r}, {passage} "
                    f"has {getattr(theirs, field)!r}: expected two towers of one space"
                )
        both = f"{ours.weights_sha256}+{theirs.weights_sha256}"
        digest = hashlib.sha256(both.encode()).hexdigest()
        same = ours.pooling == theirs.pooling
        self._info = EncoderInfo(
            name=name,
            revision=digest[:12],
            weights_sha256=digest,
            dimension=ours.dimension,
            pooling=ours.pooling if same else f"document {theirs.pooling}, query {ours.pooling}",
            normalized=ours.normalized,
            max_tokens=theirs.max_tokens,
            similarity=ours.similarity,
            query_prefix=ours.query_prefix,
            passage_prefix=theirs.passage_prefix,
        )

    @property
    def info(self) -> EncoderInfo:
        """What decides this encoder's vectors."""
        return self._info

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Encode queries. Shape: (len(texts), dimension)."""
        return self._question.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Encode passages, calling `progress(done, total)`. Shape: (len(texts), dimension)."""
        return self._passage.encode_passages(texts, progress)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's tokens, as the question's side reads them."""
        return self._question.count_tokens(texts)

    def decode(self, ids: Sequence[int]) -> str:
        """Turn token ids of the question's side back into text.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        return self._question.decode(ids)


def _tower(name: str, role: str) -> _Tower:
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise WeightsError(
            f"a pair of encoders needs torch and transformers ({error}); install them with: "
            "make setup-torch"
        ) from error
    if not (Path(name) / "modules.json").is_file():
        try:
            architectures = AutoConfig.from_pretrained(name).architectures or [""]
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"encoder {name!r} can't be loaded: {error}; expected a folder or a name on a "
                "model hub that this machine can reach"
            ) from error
        # Loaded as anything else, a DPR encoder gets random weights with no more than a warning.
        if architectures[0].startswith("DPR"):
            return _DprTower(name, architectures[0], role)
    from index.encoders.sentence_transformers_encoder import SentenceTransformersEncoder

    return SentenceTransformersEncoder(name, name)


class _DprTower:
    """One half of a DPR pair: the vector of [CLS], compared by inner product."""

    def __init__(self, name: str, architecture: str, role: str) -> None:
        import torch
        import transformers

        if architecture != role:
            raise WeightsError(
                f"{name} is a {architecture}, expected a {role}: a pair is named "
                "QUESTION-ENCODER,PASSAGE-ENCODER"
            )
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        self._model: Any = getattr(transformers, architecture).from_pretrained(name)
        self._model.to(device).eval()
        config = self._model.config
        digest = hashlib.sha256()
        for key, tensor in sorted(self._model.state_dict().items()):
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().float().numpy().tobytes())
        self.info = EncoderInfo(
            name=name,
            revision=digest.hexdigest()[:12],
            weights_sha256=digest.hexdigest(),
            dimension=int(config.projection_dim or config.hidden_size),
            pooling="cls",
            normalized=False,
            max_tokens=int(config.max_position_embeddings),
        )

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.encode_passages(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        out = np.empty((len(texts), self.info.dimension), np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            out[start : start + len(batch)] = self._encode(batch)
            if progress is not None:
                progress(start + len(batch), len(texts))
        return out

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        rows = self._tokenizer(list(texts), truncation=True, max_length=self.info.max_tokens)
        return [len(row) for row in rows["input_ids"]]

    def decode(self, ids: Sequence[int]) -> str:
        check_ids(ids, len(self._tokenizer))
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def _encode(self, texts: list[str]) -> Vectors:
        import torch

        batch = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self.info.max_tokens,
            return_tensors="pt",
        ).to(self._model.device)  # fmt: skip
        with torch.inference_mode():
            vectors = self._model(**batch).pooler_output
        return np.asarray(vectors.float().cpu().numpy(), np.float32)
