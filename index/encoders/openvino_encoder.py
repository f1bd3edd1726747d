"""BERT encoders on OpenVINO: what serves, on any CPU, without torch."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from index.encoders import (
    PLAIN_MODULES,
    EncoderInfo,
    Progress,
    TokenVectors,
    Vectors,
    check_ids,
    modules_beyond,
)
from index.encoders.adapter import Adapter, Tower
from index.encoders.bert_graph import Output, Pooling, build_bert
from index.encoders.tensors import MappedTensors, map_tensors
from index.errors import WeightsError
from index.weights import sha256_of

__all__ = ["OpenVinoEncoder", "a_core_a_query", "padded_length"]

# OpenVINO recompiles for each new input shape, so lengths are rounded up to these (in tokens).
_BUCKETS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# Many passages of a length are worth a shape of their own.
_FINE = (8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, *range(80, 513, 16))
_BATCH = 8
_MOST_STREAMS = 8


class OpenVinoEncoder:
    """A sentence-transformers folder of a BERT model, run by OpenVINO.

    With an adapter, queries and passages each have weights of their own, merged from the
    folder's; the passage side is assembled when it is first needed, so serving holds one model.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        expected_sha256: str | None = None,
        adapter: Adapter | None = None,
    ) -> None:
        """Read the folder's weights and compile the query side.

        Raises:
            WeightsError: a file is missing, the weights' sha256 is not the expected one, or
                the adapter changes another base.
        """
        self._layout = _Layout(folder)
        self._adapter = adapter
        sha256 = self._layout.weights_sha256()
        if expected_sha256 is not None and sha256 != expected_sha256:
            raise WeightsError(
                f"{folder / 'model.safetensors'} has sha256 {sha256}, expected "
                f"{expected_sha256}: it is not the published "
                f"{adapter.base if adapter else name}; reinstall it with: make setup"
            )
        max_tokens = self._layout.max_tokens
        if adapter is not None:
            sha256 = adapter.combined_sha256(sha256)
            max_tokens = min(max_tokens, adapter.max_tokens)
        self._tokenizer = self._layout.tokenizer(max_tokens)
        self._core = ov.Core()
        self._queries = self._compile("query", ("sentence", "tokens"), a_core_a_query())
        self._local = threading.local()
        self._passage_side: tuple[tuple[Output, ...], ov.CompiledModel] | None = None
        self._info = EncoderInfo(
            name=name,
            revision=sha256[:12],
            weights_sha256=sha256,
            dimension=self._layout.dimension,
            pooling=self._layout.pooling,
            normalized=self._layout.normalized,
            max_tokens=max_tokens,
            similarity=self._layout.similarity,
            query_prefix=self._layout.prompt("query"),
            passage_prefix=self._layout.prompt("document", "passage"),
        )

    def _compile(
        self, tower: Tower, outputs: tuple[Output, ...], how: Mapping[str, str]
    ) -> ov.CompiledModel:
        """Compile a tower; what was read of the weights' file leaves the memory in between."""
        weights = self._layout.read_weights()
        if self._adapter is not None:
            self._adapter.merge(weights, tower)
            weights.give_back()
        model = build_bert(
            self._layout.folder,
            weights,
            pooling=self._layout.pooling,
            normalize=self._layout.normalized,
            outputs=outputs,
        )
        compiled = self._core.compile_model(model, "CPU", dict(how))
        weights.give_back()
        return compiled

    @property
    def info(self) -> EncoderInfo:
        """What decides this encoder's vectors."""
        return self._info

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Encode queries one by one, for the lowest latency. Shape: (len(texts), dimension).

        Safe to call from several threads: each has an inference request of its own.
        """
        return self.encode_query_tokens(texts)[0]

    def encode_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, tuple[TokenVectors, ...]]:
        """Encode queries as `encode_queries` does, with each one's tokens, in one pass."""
        out = np.empty((len(texts), self._info.dimension), np.float32)
        tokens = []
        request = self._request()
        for row, text in enumerate(texts):
            encoding = self._tokenizer.encode(self._info.query_prefix + text)
            found = request.infer(_pad([encoding]))
            out[row] = found[0][0]
            tokens.append(_own_tokens(encoding, found[1][0]))
        return out, tuple(tokens)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Encode passages in batches of similar length. Shape: (len(texts), dimension)."""
        out = np.empty((len(texts), self._info.dimension), np.float32)

        def store(row: int, _: Encoding, found: Sequence[NDArray[np.float32]]) -> None:
            out[row] = found[0]

        self._infer_passages(texts, ("sentence",), store, progress)
        return out

    def encode_passage_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        """Encode passages with their tokens in one pass, in batches of similar length."""
        vectors = np.empty((len(texts), self._info.dimension), np.float32)
        tokens: dict[int, TokenVectors] = {}

        def store(row: int, encoding: Encoding, found: Sequence[NDArray[np.float32]]) -> None:
            vectors[row] = found[0]
            tokens[row] = _own_tokens(encoding, found[1])

        self._infer_passages(texts, ("sentence", "tokens"), store, progress)
        return vectors, [tokens[row] for row in range(len(texts))]

    def _infer_passages(
        self,
        texts: Sequence[str],
        outputs: tuple[Output, ...],
        store: Callable[[int, Encoding, Sequence[NDArray[np.float32]]], None],
        progress: Progress | None,
    ) -> None:
        if not texts:
            return
        queue = ov.AsyncInferQueue(self._passages(outputs))
        done = 0

        def take(request: Any, rows: list[int]) -> None:  # noqa: ANN401 - openvino's own type
            nonlocal done
            found = [request.get_output_tensor(n).data for n in range(len(outputs))]
            for place, row in enumerate(rows):
                store(row, encodings[row], [output[place] for output in found])
            done += len(rows)
            if progress is not None:
                progress(done, len(texts))

        queue.set_callback(take)
        prefix = self._info.passage_prefix
        encodings = self._tokenizer.encode_batch([prefix + text for text in texts])
        order = sorted(range(len(texts)), key=lambda row: len(encodings[row].ids))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            queue.start_async(_pad([encodings[row] for row in rows], _FINE), rows)
        queue.wait_all()

    def _passages(self, outputs: tuple[Output, ...]) -> ov.CompiledModel:
        """Return the passage side, kept from one call to the next: builds come in chunks."""
        if self._passage_side is None or self._passage_side[0] != outputs:
            how = {"PERFORMANCE_HINT": "THROUGHPUT"}
            self._passage_side = outputs, self._compile("passage", outputs, how)
        return self._passage_side[1]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's tokens, of which `info.max_tokens` are read at the most."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts))]

    def decode(self, ids: Sequence[int]) -> str:
        """Turn the encoder's own token ids back into text.

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        check_ids(ids, self._tokenizer.get_vocab_size())
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def _request(self) -> ov.InferRequest:
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._queries.create_infer_request()
        return cast(ov.InferRequest, request)


class _Layout:
    """A sentence-transformers folder: modules.json, pooling, tokenizer and weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "config.json").is_file():
            raise WeightsError(
                f"{folder} is no encoder folder: expected config.json, tokenizer.json and "
                "model.safetensors in it. A hub's model is used with encoder_engine = 'torch'"
            )
        pooling = self._json("1_Pooling/config.json", {"pooling_mode": "mean"})
        # Before its version 6, sentence-transformers wrote a flag for each mode.
        if pooling.get("pooling_mode") == "mean" or pooling.get("pooling_mode_mean_tokens"):
            self.pooling: Pooling = "mean"
        elif pooling.get("pooling_mode") == "cls" or pooling.get("pooling_mode_cls_token"):
            self.pooling = "cls"
        else:
            raise WeightsError(f"{folder}/1_Pooling: expected mean or cls pooling, got {pooling}")
        if not pooling.get("include_prompt", True):
            raise WeightsError(
                f"{folder}/1_Pooling: it leaves the prompt's tokens out; use "
                "encoder_engine = 'torch'"
            )
        config = self._json("config.json", {})
        self.dimension = int(config["hidden_size"])
        self.max_tokens = min(
            int(config["max_position_embeddings"]),
            # Since its version 6, sentence-transformers keeps the limit with the tokenizer.
            int(
                self._json("sentence_bert_config.json", {}).get("max_seq_length")
                or self._json("tokenizer_config.json", {}).get("model_max_length")
                or config["max_position_embeddings"]
            ),
        )
        modules = self._json("modules.json", [])
        if unknown := modules_beyond(folder, PLAIN_MODULES):
            raise WeightsError(
                f"{folder}: modules {unknown} can't be assembled; use encoder_engine = 'torch'"
            )
        own = any(module["type"].endswith(".Normalize") for module in modules)
        self.similarity = "inner_product" if own else self._similarity()
        self.normalized = own or self.similarity == "cosine"

    def _similarity(self) -> str:
        """Return how the vectors are compared; the cosine unless the folder says otherwise."""
        settings = self._json("config_sentence_transformers.json", {})
        declared = settings.get("similarity_fn_name") or "cosine"
        if declared not in ("dot", "cosine"):
            raise WeightsError(
                f"{self.folder} compares by {declared!r} distance, expected dot or cosine: the "
                "index finds by inner product"
            )
        return "inner_product" if declared == "dot" else "cosine"

    def _json(self, name: str, default: Any) -> Any:  # noqa: ANN401 - JSON
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else default

    def prompt(self, *names: str) -> str:
        prompts = self._json("config_sentence_transformers.json", {}).get("prompts", {})
        return next((prompts[name] for name in names if prompts.get(name)), "")

    def weights_sha256(self) -> str:
        path = self.folder / "model.safetensors"
        try:
            return sha256_of(path)
        except OSError as error:
            raise WeightsError(f"{path} can't be read: {error.strerror}") from error

    def read_weights(self) -> MappedTensors:
        path = self.folder / "model.safetensors"
        try:
            return map_tensors(path)
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(f"{path} can't be read: {error}") from error

    def tokenizer(self, max_tokens: int) -> Tokenizer:
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise WeightsError(f"{path} is missing: expected a fast tokenizer beside the weights")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
        return tokenizer


def _own_tokens(encoding: Encoding, states: NDArray[np.float32]) -> TokenVectors:
    """Keep a text's own tokens, without those that only mark its ends."""
    own = np.flatnonzero(np.array(encoding.special_tokens_mask) == 0)
    # A text without any is represented by its first mark.
    own = own if len(own) else np.array([0])
    return TokenVectors(np.array(encoding.ids, np.int32)[own], states[own].copy())


def padded_length(tokens: int, buckets: Sequence[int] = _BUCKETS) -> int:
    """Round a length up, so that few shapes are compiled."""
    return next((bucket for bucket in buckets if bucket >= tokens), tokens)


def a_core_a_query() -> dict[str, str]:
    """How queries are run: many at once, each by one thread.

    Sharing one short query among the cores makes it a fifth faster and takes twice the work.
    """
    streams = str(max(1, min(os.cpu_count() or 1, _MOST_STREAMS)))
    return {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams}


def _pad(
    encodings: Sequence[Encoding], buckets: Sequence[int] = _BUCKETS
) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    width = padded_length(max(len(encoding.ids) for encoding in encodings), buckets)
    ids = np.zeros((len(encodings), width), np.int64)
    mask = np.zeros((len(encodings), width), np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return [ids, mask]
