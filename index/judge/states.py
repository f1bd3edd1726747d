"""A text's tokens as the encoder's layers see them: what the judge reads."""

from __future__ import annotations

import threading
from typing import Any, cast

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from tokenizers import Tokenizer

from index.encoders.bert_graph import build_bert_states
from index.encoders.openvino_encoder import a_core_a_query, padded_length
from index.encoders.tensors import map_tensors
from index.weights import MINILM

__all__ = ["LAYERS", "MAX_TOKENS", "TokenStates"]

# An early layer tells words apart, the last one what they mean here.
LAYERS = (2, 6)
MAX_TOKENS = 256


class TokenStates:
    """all-MiniLM-L6-v2 as published, of which the hidden states of `LAYERS` are taken."""

    def __init__(self) -> None:
        """Read and compile the encoder.

        Raises:
            WeightsError: its weights are not installed.
        """
        place = MINILM.locate()
        weights = map_tensors(place)
        self._tokenizer = Tokenizer.from_file(str(place.with_name("tokenizer.json")))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS, strategy="longest_first")
        model = build_bert_states(place.parent, weights, LAYERS)
        self._compiled = ov.Core().compile_model(model, "CPU", a_core_a_query())
        weights.give_back()
        self._local = threading.local()

    def of(self, text: str, more: str | None = None) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Read a text, or two as a pair.

        Returns:
            The tokens' states, the layers side by side, (tokens, 2 · hidden), and their ids,
            (tokens,) int64.
        """
        found = self._tokenizer.encode(text, more)
        count = len(found.ids)
        ids = np.zeros((2, 1, padded_length(count)), np.int64)
        ids[0, 0, :count], ids[1, 0, :count] = found.ids, 1
        layers = self._request().infer([ids[0], ids[1]])
        states = np.concatenate([layers[n][0, :count] for n in range(len(LAYERS))], axis=1)
        return states, ids[0, 0, :count]

    def _request(self) -> ov.InferRequest:
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        return cast(ov.InferRequest, request)
