"""An encoder whose passages are encoded by many processes, on this machine or a Ray cluster.

Ray Data hands batches to actors that load the same encoder each; `ray` is needed for nothing else.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.encoders import Encoder, EncoderInfo, Engine, Progress, TokenVectors, Vectors
from index.encoders import load_encoder as _load
from index.errors import WeightsError

__all__ = ["LOCAL", "RayEncoder", "ray_encoder"]

LOCAL = "local"
_BATCH = 128
_BATCHES_A_WORKER, _MOST_AT_ONCE = 8, 8192
_ROOT = Path(__file__).resolve().parents[2]

Column = NDArray[Any]
What = Literal["sentence", "tokens"]


def ray_encoder(
    encoder: Encoder, name: str, engine: Engine, *, address: str = LOCAL, workers: int = 2
) -> RayEncoder:
    """Connect to Ray and spread an encoder's passages over it.

    Args:
        encoder: the same one, in this process: it says what the vectors must be.
        name: what the workers load, as `load_encoder` takes it.
        engine: what runs it there.
        address: a cluster's, `auto` for the one of this machine, or `local` for processes here.
        workers: how many encode at once.

    Raises:
        WeightsError: ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError as error:
        raise WeightsError(
            f"--ray needs Ray ({error}); install it with: .venv/bin/python -m pip install "
            "'ray[data]>=2.55'"
        ) from error
    # Workers import this project from the same place as this process.
    environment = {"env_vars": {"PYTHONPATH": str(_ROOT)}}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own: dict[str, Any] = {
        "include_dashboard": False,
        "num_cpus": max(workers, os.cpu_count() or 1),
    }
    try:
        ray.init(
            address=address,
            runtime_env=environment,
            log_to_driver=False,
            logging_level="ERROR",
            **(own if address == LOCAL else {}),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"no Ray cluster at {address!r} ({str(error).splitlines()[0]}); start one with "
            "ray start --head, or leave the address out for processes of this machine"
        ) from error
    kind = TokenRayEncoder if hasattr(encoder, "encode_passage_tokens") else RayEncoder
    return kind(encoder, name, engine, workers)


class RayEncoder:
    """Encodes passages on Ray, everything else in this process."""

    def __init__(self, encoder: Encoder, name: str, engine: Engine, workers: int) -> None:
        self._encoder, self._name, self._engine, self._workers = encoder, name, engine, workers

    @property
    def info(self) -> EncoderInfo:
        """What decides the vectors."""
        return self._encoder.info

    @property
    def passages_at_once(self) -> int:
        """How many passages keep the workers busy for a call; their tokens come to this process."""
        return min(_BATCH * _BATCHES_A_WORKER * self._workers, _MOST_AT_ONCE)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Encode queries here. Shape: (len(texts), dimension)."""
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Encode passages on the workers. Shape: (len(texts), dimension)."""
        out = np.empty((len(texts), self.info.dimension), np.float32)
        for row, found in self._spread(texts, "sentence", progress):
            out[row] = np.frombuffer(found["vectors"], np.float32)
        return out

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's tokens here."""
        return self._encoder.count_tokens(texts)

    def decode(self, ids: Sequence[int]) -> str:
        """Turn the encoder's own token ids back into text."""
        return self._encoder.decode(ids)

    def _spread(
        self, texts: Sequence[str], what: What, progress: Progress | None
    ) -> list[tuple[int, Mapping[str, bytes]]]:
        """Each text's row with what a worker made of it, in the order in which they come."""
        import ray.data

        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        # Texts of like length share a batch, as they do in one process.
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        rows = [{"row": row, "text": texts[row]} for row in order]
        blocks = max(1, min(len(rows) // _BATCH, 64 * self._workers))
        encoded = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
            _Worker,
            fn_constructor_args=(self._name, self._engine, self.info, what),
            batch_size=_BATCH,
            compute=ray.data.ActorPoolStrategy(size=self._workers),
            num_cpus=1,
        )
        found = list[tuple[int, Mapping[str, bytes]]]()
        for each in encoded.iter_rows():
            found.append((int(each.pop("row")), each))
            if progress is not None:
                progress(len(found), len(texts))
        return found


class TokenRayEncoder(RayEncoder):
    """And encodes passages' tokens on Ray, where the encoder gives them."""

    def encode_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, tuple[TokenVectors, ...]]:
        """Encode queries with their tokens here."""
        return self._encoder.encode_query_tokens(texts)  # type: ignore[attr-defined,no-any-return]

    def encode_passage_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        """Encode passages with their tokens on the workers."""
        sentences = np.empty((len(texts), self.info.dimension), np.float32)
        out: dict[int, TokenVectors] = {}
        for row, found in self._spread(texts, "tokens", progress):
            ids = np.frombuffer(found["ids"], np.int32)
            vectors = np.frombuffer(found["vectors"], np.float32).reshape(len(ids), -1)
            out[row] = TokenVectors(ids, vectors)
            sentences[row] = np.frombuffer(found["sentence"], np.float32)
        return sentences, [out[row] for row in range(len(texts))]


class _Worker:
    """Loads the encoder once in a process of its own and encodes batches."""

    def __init__(self, name: str, engine: Engine, expected: EncoderInfo, what: What) -> None:
        self._encoder, self._what = _load(name, engine=engine), what
        if self._encoder.info != expected:
            raise WeightsError(
                f"a worker's encoder is {self._encoder.info}, expected {expected}: install the "
                "same weights everywhere"
            )

    def __call__(self, batch: dict[str, Column]) -> dict[str, Column]:
        texts = [str(text) for text in batch["text"]]
        if self._what == "sentence":
            vectors = self._encoder.encode_passages(texts)
            return {"row": batch["row"], "vectors": _column(row.tobytes() for row in vectors)}
        whole, tokens = self._encoder.encode_passage_tokens(texts)  # type: ignore[attr-defined]
        return {
            "row": batch["row"],
            "sentence": _column(row.tobytes() for row in whole),
            "ids": _column(each.ids.tobytes() for each in tokens),
            "vectors": _column(each.vectors.tobytes() for each in tokens),
        }


def _column(values: Any) -> Column:  # noqa: ANN401 - bytes, one a row
    found = list(values)
    column = np.empty(len(found), object)
    column[:] = found
    return column
