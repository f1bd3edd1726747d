"""The judge: a small model that reads two texts together and tells how one bears on the other.

Does this passage answer this question? Does it support this sentence? Vectors and words say that
two texts are about the same; only reading them together tells whether the one says what the other
asks or claims.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from index.encoders.tensors import map_tensors
from index.errors import WeightsError
from index.judge.interaction import Interaction, Side, Task
from index.judge.states import TokenStates

__all__ = ["WEIGHTS", "PairJudge", "load_pair_judge"]

WEIGHTS = Path(__file__).with_name("weights.safetensors")
_PASSAGES_KEPT = 256
_MEANINGS_KEPT = 4096
_LOADING = Lock()


class PairJudge:
    """Reads a question or a sentence together with passages. Safe to call from several threads."""

    def __init__(self, states: TokenStates, interaction: Interaction) -> None:
        self._states, self._interaction = states, interaction
        self._passage = lru_cache(maxsize=_PASSAGES_KEPT)(self._read_passage)
        self.meaning = lru_cache(maxsize=_MEANINGS_KEPT)(self._meaning)
        self._readers = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="judge")

    def answers(self, question: str, passages: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Tell how far each passage answers a question: a log-odds each. Shape: (len(passages),).

        Args:
            question: one that stands alone.
            passages: heading and text of each.
        """
        return self._judged("answers", question, passages)

    def supports(self, sentence: str, passages: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Tell how far each passage supports a sentence: a log-odds each.

        Shape: (len(passages),). Arguments as for `answers`.
        """
        return self._judged("supports", sentence, passages)

    def _meaning(self, text: str) -> NDArray[np.float32]:
        """A text's vector as the encoder is published to make it. Shape: (hidden,).

        It is the mean of its tokens' last states, at length 1.
        """
        states, _ = self._states.of(text)
        mean = states[:, states.shape[1] // 2 :].mean(axis=0)
        vector: NDArray[np.float32] = mean / max(float(np.linalg.norm(mean)), 1e-12)
        return vector

    def _judged(
        self, task: Task, text: str, passages: Sequence[tuple[str, str]]
    ) -> NDArray[np.float32]:
        if not passages:
            return np.empty(0, np.float32)
        asked = self._interaction.reading(*self._states.of(text))

        def judged(passage: tuple[str, str]) -> float:
            return self._interaction(task, asked, self._passage(*passage))

        return np.array(list(self._readers.map(judged, passages)), np.float32)

    def _read_passage(self, heading: str, text: str) -> Side:
        return self._interaction.evidence(*self._states.of(heading, text))


def load_pair_judge() -> PairJudge:
    """Load the judge that comes with Citewise: about half a second, once a process.

    Raises:
        WeightsError: the encoder's weights are not installed, or the judge's can't be read.
    """
    with _LOADING:
        return _loaded()


@cache
def _loaded() -> PairJudge:
    try:
        weights = dict(map_tensors(WEIGHTS))
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{WEIGHTS} can't be read: {error}") from error
    return PairJudge(TokenStates(), Interaction(weights))
