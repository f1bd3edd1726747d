"""Any sentence-transformers model, on torch: the reference, and the way to a GPU."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.encoders import EncoderInfo, Progress, Vectors, check_ids
from index.errors import WeightsError
from index.weights import sha256_of

__all__ = ["SentenceTransformersEncoder"]

_BATCH = 32
_SIMILARITIES = {"dot": "inner_product", "cosine": "cosine"}


class SentenceTransformersEncoder:
    """A model by folder or hub name, with the prompts, routes and similarity it declares.

    A model whose similarity is the cosine and that has no layer of its own for it gets its
    vectors normalized here: the inner product of those is the cosine.
    """

    def __init__(self, folder: str, name: str) -> None:
        """Load the model; on a machine with CUDA it runs there.

        Raises:
            WeightsError: sentence-transformers is not installed, or the model can't be loaded or
                compares its vectors in a way that no inner product stands for.
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
        self._refuse_half_a_pair(name)
        digest = self._digest(Path(folder) / "model.safetensors")
        prompts = self._model.prompts
        own = all("Normalize" in _kinds(route) for route in self._routes().values())
        similarity = "inner_product" if own else self._similarity(name)
        self._normalize = similarity == "cosine"
        self._info = EncoderInfo(
            name=name,
            revision=digest[:12],
            weights_sha256=digest,
            dimension=int(self._model.get_embedding_dimension() or 0),
            pooling=self._pooling(),
            normalized=own or self._normalize,
            max_tokens=int(self._model.max_seq_length or 512),
            similarity=similarity,
            query_prefix=prompts.get("query") or "",
            passage_prefix=prompts.get("document") or prompts.get("passage") or "",
        )

    @property
    def info(self) -> EncoderInfo:
        """What decides this encoder's vectors."""
        return self._info

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Encode queries. Shape: (len(texts), dimension)."""
        return self._encode(self._model.encode_query, texts, self._info.query_prefix)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Encode passages, calling `progress(done, total)`. Shape: (len(texts), dimension)."""
        prefix, parts = self._info.passage_prefix, []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            parts.append(self._encode(self._model.encode_document, batch, prefix))
            if progress is not None:
                progress(start + len(batch), len(texts))
        return np.concatenate(parts) if parts else self._empty()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's tokens, of which `info.max_tokens` are read at the most."""
        rows = self._model.tokenizer(list(texts), truncation=True, max_length=self._info.max_tokens)
        return [len(row) for row in rows["input_ids"]]

    def decode(self, ids: Sequence[int]) -> str:
        """Turn the encoder's own token ids back into text.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        check_ids(ids, len(self._model.tokenizer))
        return str(self._model.tokenizer.decode(list(ids), skip_special_tokens=True))

    def _encode(self, encode: Callable[..., Any], texts: Sequence[str], prompt: str) -> Vectors:
        # The prompt goes by itself: some models leave its tokens out of the pooling.
        if not texts:
            return self._empty()
        vectors = encode(
            list(texts), prompt=prompt, convert_to_numpy=True, show_progress_bar=False,
            normalize_embeddings=self._normalize,
        )  # fmt: skip
        return np.asarray(vectors, dtype=np.float32)

    def _empty(self) -> Vectors:
        return np.empty((0, self._info.dimension), np.float32)

    def _refuse_half_a_pair(self, name: str) -> None:
        if "dpr" in {getattr(getattr(m, "config", None), "model_type", "") for m in self._model}:
            raise WeightsError(
                f"{name} is one half of a DPR pair; name both: QUESTION-ENCODER,PASSAGE-ENCODER"
            )

    def _routes(self) -> dict[str, list[Any]]:
        """Return the modules that a text goes through, by side; one side where all are shared."""
        router = next((m for m in self._model if type(m).__name__ in ("Router", "Asym")), None)
        shared = [module for module in self._model if module is not router]
        if router is None:
            return {"": shared}
        return {side: [*own, *shared] for side, own in router.sub_modules.items()}

    def _pooling(self) -> str:
        found = {}
        for side, modules in self._routes().items():
            pooling = next((m for m in modules if type(m).__name__ == "Pooling"), None)
            found[side] = "model"
            if pooling is not None:
                left_out = "" if pooling.include_prompt else " without prompt"
                found[side] = f"{pooling.pooling_mode}{left_out}"
        if len(set(found.values())) == 1:
            return next(iter(found.values()))
        return ", ".join(f"{side} {mode}" for side, mode in sorted(found.items()))

    def _similarity(self, name: str) -> str:
        declared = str(self._model.similarity_fn_name)
        if declared not in _SIMILARITIES:
            raise WeightsError(
                f"encoder {name!r} compares by {declared!r} distance, expected "
                f"{' or '.join(_SIMILARITIES)}: the index finds by inner product"
            )
        return _SIMILARITIES[declared]

    def _digest(self, weights: Path) -> str:
        """Hash the weights file, as the other engine does; other weights, by all parameters."""
        elsewhere = any(
            "Transformer" not in _kinds([module]) and any(True for _ in module.parameters())
            for module in self._model
        )
        if weights.is_file() and not elsewhere:
            return sha256_of(weights)
        digest = hashlib.sha256()
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().float().numpy().tobytes())
        return digest.hexdigest()


def _kinds(modules: Sequence[object]) -> set[str]:
    return {type(module).__name__ for module in modules}
