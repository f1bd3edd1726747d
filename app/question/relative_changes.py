"""Relative changes in a follow-up: "double the context", "half the batch", "3x the users"."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["SCALED", "Scaled", "scaled_by"]


class Scaled(NamedTuple):
    """What is multiplied: the inputs that it may be, the likeliest first, and the factor."""

    names: tuple[str, ...]
    factor: float


# What may be doubled or halved, and which values that may mean, the first that was given.
_SCALABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"context(?: length| window| size)?|prompt(?: length)?|(?:sequence )?length",
     ("tokens", "sequence", "input_tokens", "context")),
    (r"tokens|data|dataset", ("train_tokens", "tokens", "sequence", "input_tokens")),
    (r"(?:micro[\s-]?)?batch(?: size)?", ("batch", "micro_batch", "batch_tokens", "sequences")),
    (r"users|requests|sequences|sessions|chats|conversations|people|load",
     ("sequences", "requests", "batch")),
    (r"gpus|cards|machines|accelerators", ("gpus",)),
    (r"parameters|model(?: size)?|size", ("parameters",)),
    (r"rank", ("rank",)), (r"layers|depth", ("layers",)), (r"width", ("width",)),
    (r"vocab(?:ulary)?", ("vocabulary",)), (r"window", ("window",)),
    (r"price", ("price", "api_price")), (r"throughput|speed", ("throughput",)),
    (r"micro[\s-]?batches", ("microbatches",)), (r"stages", ("stages",)),
    (r"questions|items|samples", ("items",)), (r"bandwidth", ("bandwidth",)),
)  # fmt: skip
_FACTORS = {"doub": 2.0, "twic": 2.0, "half": 0.5, "halv": 0.5, "trip": 3.0, "quad": 4.0}
_THING = "|".join(pattern for pattern, _ in _SCALABLE)
SCALED = re.compile(
    rf"\b(?P<f>doubl\w+|twice|half|halv\w+|tripl\w+|quadrupl\w+|\d+(?:\.\d+)?\s?(?:x|×|times))\s"
    rf"(?:the |as many |as much |as long an? |of the |my |that |more |as large an? |as big an? )?"
    rf"(?P<n>{_THING})\b",
    re.IGNORECASE,
)


def scaled_by(match: re.Match[str]) -> Scaled:
    """Read a match of `SCALED`."""
    said = match["f"].lower()
    number = re.match(r"[\d.]+", said)
    factor = float(number.group()) if number else _FACTORS[said[:4]]
    thing = match["n"].lower()
    return Scaled(next(names for one, names in _SCALABLE if re.fullmatch(one, thing)), factor)
