"""Small cases and targets that a test decides."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from eval.cases import Case, ExpectedNumber, Nugget
from eval.samples import Cited, Claimed, Output, Ranked, Sample


def case(name: str = "c-1", **changed: Any) -> Case:
    """A case about the size of a cache."""
    fields: dict[str, Any] = {
        "id": name, "slice": "paraphrase", "style": "novice", "topic": "kv-cache",
        "question": f"how big is it? ({name})", "answerable": True, "gold": ("kv-cache/faq/1",),
        "reference": "It takes 2 GB.", "nuggets": (Nugget("2 GB", True),),
        "numbers": (ExpectedNumber("2", "GB"),),
    }  # fmt: skip
    return Case(**{**fields, **changed})


def output(text: str = "A KV cache takes 2 GB [1].", **changed: Any) -> Output:
    """An answer with one good claim."""
    end = len(text)
    fields: dict[str, Any] = {
        "text": text,
        "confidence": 0.9,
        "hits": (Ranked("kv-cache/faq/1", "kv-cache", 0.9), Ranked("rag/faq/0", "rag", 0.5)),
        "citations": (Cited(1, "kv-cache/faq/1", "https://x", "Pope", "A KV cache takes 2 GB."),),
        "claims": (Claimed("A KV cache takes 2 GB.", 0, end, (1,), ("kv-cache/faq/1",), "s"),),
        "passages": {"kv-cache/faq/1": "How big?\nA KV cache takes 2 GB. It grows."},
        "timings": {"total": 5.0},
    }
    return Output(**{**fields, **changed})


def sample(of: Case | None = None, answer: Output | None = None, **changed: Any) -> Sample:
    """A sample of a case."""
    of = of or case()
    key = changed.pop("key", f"key-{of.id}-{changed.get('persona', 'p')}")
    fields: dict[str, Any] = {"persona": "p", "repeat": 0, "seed": 0, **changed}
    return Sample(key=key, case=of, output=answer or output(), **fields)


class ScriptedTarget:
    """Answers each case alike, slowly if told to, and fails on the cases named."""

    def __init__(
        self, *, fails: tuple[str, ...] = (), delay: float = 0, stop_at: int | None = None
    ) -> None:
        self.parallel = 2
        self.asked: list[str] = []
        self.busy = self.most = 0
        self.fails, self._delay, self._stop_at = fails, delay, stop_at

    def identity(self) -> dict[str, Any]:
        """One fixed identity."""
        return {"target": "scripted", "kind": "test"}

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Answer, fail, or be interrupted."""
        if self._stop_at is not None and len(self.asked) >= self._stop_at:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(5)
        self.asked.append(case.id)
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(self._delay)
        self.busy -= 1
        if case.id in self.fails:
            raise ValueError("it broke")
        return output()

    async def close(self) -> None:
        """Nothing to release."""
