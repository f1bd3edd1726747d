"""BERT cross-encoders on OpenVINO: reranking on any CPU, without torch."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from index.encoders.bert_graph import build_bert_classifier
from index.encoders.openvino_encoder import padded_length
from index.encoders.tensors import map_tensors
from index.errors import WeightsError
from index.rerankers import Scores

__all__ = ["OpenVinoCrossEncoder", "runs_without_torch"]

_ARCHITECTURE = "BertForSequenceClassification"
_MAX_TOKENS = 512
_BATCH = 8


class OpenVinoCrossEncoder:
    """A folder of a BertForSequenceClassification with one output; its scores are the logits."""

    def __init__(self, folder: Path, name: str) -> None:
        """Read the weights and compile the model.

        Raises:
            WeightsError: a file is missing or unreadable, or it is another kind of model.
        """
        if not runs_without_torch(folder):
            raise WeightsError(
                f"{folder} is no folder of a {_ARCHITECTURE} with one output; use "
                "encoder_engine = 'torch'"
            )
        try:
            weights = map_tensors(folder / "model.safetensors")
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(f"{folder} can't be read: {error}") from error
        except Exception as error:
            # What tokenizers raises has no class of its own.
            raise WeightsError(f"{folder / 'tokenizer.json'} can't be read: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_limit(folder), strategy="only_second")
        model = build_bert_classifier(folder, weights)
        self._compiled = ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        self._local = threading.local()
        self.name = name

    def scores(self, query: str, texts: Sequence[str]) -> Scores:
        """Score texts for a query, in batches of similar length. Shape: (len(texts),)."""
        out = np.empty(len(texts), np.float32)
        encodings = self._tokenizer.encode_batch([(query, text) for text in texts])
        order = sorted(range(len(texts)), key=lambda row: len(encodings[row].ids))
        request = self._request()
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            out[rows] = request.infer(_pad([encodings[row] for row in rows]))[0][:, 0]
        return out

    def _request(self) -> ov.InferRequest:
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        return cast(ov.InferRequest, request)


def runs_without_torch(folder: Path) -> bool:
    """Tell whether a folder holds a BERT that gives one score for a pair of texts."""
    place = folder / "config.json"
    if not place.is_file():
        return False
    config = json.loads(place.read_text(encoding="utf-8"))
    labels = config.get("id2label") or {"0": "", "1": ""}
    return config.get("architectures") == [_ARCHITECTURE] and len(labels) == 1


def _limit(folder: Path) -> int:
    limits = [_MAX_TOKENS]
    for name, key in (
        ("config.json", "max_position_embeddings"), ("tokenizer_config.json", "model_max_length"),
        ("sentence_bert_config.json", "max_seq_length"),
    ):  # fmt: skip
        path = folder / name
        found = json.loads(path.read_text(encoding="utf-8")).get(key) if path.is_file() else None
        limits.append(int(found or _MAX_TOKENS))
    return min(limits)


def _pad(encodings: Sequence[Encoding]) -> list[NDArray[Any]]:
    width = padded_length(max(len(encoding.ids) for encoding in encodings))
    ids, mask, kinds = (np.zeros((len(encodings), width), np.int64) for _ in range(3))
    for row, encoding in enumerate(encodings):
        length = len(encoding.ids)
        ids[row, :length] = encoding.ids
        mask[row, :length] = 1
        kinds[row, :length] = encoding.type_ids
    return [ids, mask, kinds]
