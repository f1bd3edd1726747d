"""Encoders turn queries and passages into vectors whose inner product is their similarity."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from index.errors import WeightsError
from index.weights import MINILM

__all__ = [
    "DEFAULT_ENCODER",
    "DPR",
    "Encoder",
    "EncoderInfo",
    "Engine",
    "Progress",
    "TokenEncoder",
    "TokenVectors",
    "Vectors",
    "check_ids",
    "load_encoder",
]

Vectors = NDArray[np.float32]
Progress = Callable[[int, int], None]
Engine = Literal["auto", "openvino", "torch"]
# The trained towers: a low-rank change of the pinned encoder, in the folder `dpr`.
DPR = "citewise-dpr"
DEFAULT_ENCODER = DPR
# What the engine without torch can assemble.
PLAIN_MODULES = frozenset({"Transformer", "Pooling", "Normalize"})


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """What decides an encoder's vectors; two encoders that agree in it are interchangeable.

    `dimension` is the length of a vector; `max_tokens` is where longer texts are cut off.
    `similarity` is `inner_product`, or `cosine` where the model asks for it and its vectors are
    normalized for that.
    """

    name: str
    revision: str
    weights_sha256: str
    dimension: int
    pooling: str
    normalized: bool
    max_tokens: int
    similarity: str = "inner_product"
    query_prefix: str = ""
    passage_prefix: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a JSON-ready dict."""
        return asdict(self)


class Encoder(Protocol):
    """Two towers, one for each side: a query and a passage may be encoded differently."""

    @property
    def info(self) -> EncoderInfo:
        """What decides this encoder's vectors."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Encode queries. Shape: (len(texts), dimension)."""

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Encode passages, calling `progress(done, total)`. Shape: (len(texts), dimension)."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's tokens, of which `info.max_tokens` are read at the most."""

    def decode(self, ids: Sequence[int]) -> str:
        """Turn the encoder's own token ids back into text.

        Raises:
            ValueError: an id is not in the vocabulary.
        """


def check_ids(ids: Sequence[int], size: int) -> None:
    """Pass token ids of a vocabulary of that size.

    Raises:
        ValueError: one is outside of it.
    """
    outside = next((each for each in ids if not 0 <= each < size), None)
    if outside is not None:
        raise ValueError(f"got the token id {outside}, expected 0 to {size - 1}: the encoder's own")


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text's tokens, at least one. Shapes: (tokens,) and, at length 1, (tokens, dimension)."""

    ids: NDArray[np.int32]
    vectors: Vectors


@runtime_checkable
class TokenEncoder(Encoder, Protocol):
    """An encoder that gives its tokens' contextual vectors as well, for late interaction."""

    def encode_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, tuple[TokenVectors, ...]]:
        """Encode queries as `encode_queries` does, with each one's tokens, in one pass."""

    def encode_passage_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        """Encode passages as `encode_passages` does, with each one's tokens, in one pass."""


def load_encoder(name: str = DEFAULT_ENCODER, *, engine: Engine = "auto") -> Encoder:
    """Load an encoder by the name of a shipped one, a local folder or a model hub's name.

    Args:
        name: `citewise-dpr`, `all-MiniLM-L6-v2`, a sentence-transformers folder, a name on a
            hub, or `QUESTION,PASSAGE`: two of these, such as the halves of a DPR pair.
        engine: `openvino` runs BERT folders without torch; `torch` runs whatever
            sentence-transformers runs, on a GPU if there is one; `auto` takes the first for
            the shipped ones and for local folders of a BERT, else the second.

    Raises:
        WeightsError: the weights are missing, damaged or not of a kind the engine runs.
    """
    if name == DPR:
        from index.encoders.adapter import Adapter
        from index.encoders.openvino_encoder import OpenVinoEncoder

        if engine == "torch":
            raise WeightsError(f"{DPR} runs with encoder_engine = 'openvino', got {engine!r}")
        adapter = Adapter.load(Path(__file__).parent / "dpr")
        return OpenVinoEncoder(
            MINILM.locate().parent, name, expected_sha256=MINILM.sha256, adapter=adapter
        )
    if "," in name and not Path(name).exists():
        return _load_pair(name, engine)
    if engine == "torch" or (engine == "auto" and not _runs_without_torch(name)):
        from index.encoders.sentence_transformers_encoder import SentenceTransformersEncoder

        folder = str(MINILM.verified().parent) if name == MINILM.name else name
        return SentenceTransformersEncoder(folder, name)
    from index.encoders.openvino_encoder import OpenVinoEncoder

    if name == MINILM.name:
        return OpenVinoEncoder(MINILM.locate().parent, name, expected_sha256=MINILM.sha256)
    return OpenVinoEncoder(Path(name), name)


def _load_pair(name: str, engine: Engine) -> Encoder:
    from index.encoders.pair import PairEncoder

    question, _, passage = name.partition(",")
    if engine == "openvino":
        raise WeightsError(f"the pair {name} runs with encoder_engine = 'torch', got {engine!r}")
    return PairEncoder(question.strip(), passage.strip(), name)


def _runs_without_torch(name: str) -> bool:
    """Tell whether a name is the pinned encoder's or a local folder of a plain BERT."""
    folder = Path(name)
    if name == MINILM.name:
        return True
    if not (folder / "config.json").is_file():
        # A folder that is no model's is for the engine without torch to refuse.
        return folder.is_dir() and not (folder / "modules.json").is_file()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config.get("model_type") == "bert" and not modules_beyond(folder, PLAIN_MODULES)


def modules_beyond(folder: Path, known: frozenset[str]) -> list[str]:
    """List the kinds of modules of a sentence-transformers folder that are not known ones."""
    listed = folder / "modules.json"
    modules = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
    return sorted({module["type"].rsplit(".", 1)[-1] for module in modules} - known)
