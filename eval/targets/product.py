"""The product in process: the same events that the endpoint and the page consume."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from app.answer.pipeline import Pipeline
from app.record.types import Answer, Delta, Final, Message, Question, Retrieved, Sampling
from eval.cases import Case
from eval.errors import EvaluationError
from eval.provenance import code_sha256
from eval.samples import Cited, Claimed, Output, Ranked
from index.types import Hit

__all__ = ["ProductTarget", "RetrievalTarget", "question_of", "ranked", "text_of"]

_DEPTH = 10


def question_of(case: Case, persona: str, sampling: Sampling, passages: int | None) -> Question:
    """Put a case as the product is asked it."""
    history = tuple(Message(turn.role, turn.content) for turn in case.history)
    return Question(case.question, history, persona, sampling, passages=passages)


def text_of(hit: Hit) -> str:
    """Return all that a passage says: heading and text."""
    return f"{hit.passage.heading}\n{hit.passage.text}"


def ranked(hits: Iterable[Hit]) -> tuple[Ranked, ...]:
    """Keep hits as a run does."""
    return tuple(Ranked(hit.passage.id, hit.passage.topic, hit.score) for hit in hits)


class RetrievalTarget:
    """What is retrieved, ten deep, and the gate's judgement of it; nothing is written."""

    parallel = 2

    def __init__(self, pipeline: Pipeline, name: str = "product") -> None:
        self.pipeline, self._name = pipeline, name

    def identity(self) -> dict[str, Any]:
        """Return the index, the encoder and the code."""
        return {
            "target": self._name,
            "kind": "retrieval",
            "index_fingerprint": self.pipeline.index.fingerprint,
            "encoder": self.pipeline.index.manifest.encoder.as_dict(),
            **_options(self.pipeline),
            "code_sha256": code_sha256(),
        }

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Retrieve for one case; persona and seed play no part."""
        found = await self.pipeline.retrieve(question_of(case, persona, Sampling(), _DEPTH))
        return Output(
            abstained=not found.answerable,
            answerable=found.answerable,
            confidence=found.confidence,
            hits=ranked(found.hits),
            conflicts=tuple(
                tuple(value.value for value in conflict.values) for conflict in found.conflicts
            ),
            timings=dict(found.timings),
            standalone_query=found.standalone_query,
            index_fingerprint=found.index_fingerprint,
            mode="retrieval",
            answered=False,
        )

    async def close(self) -> None:
        """Release the model, though it was not used."""
        await self.pipeline.model.close()


def _options(pipeline: Pipeline) -> dict[str, str]:
    """Name what else has a part in retrieval."""
    rewriter, reranker = pipeline.rewriter, pipeline.reranker
    return {
        "rewriter": rewriter.name if rewriter else "rules",
        "reranker": reranker.name if reranker else "none",
    }


class ProductTarget:
    """Answers from the pipeline's own event stream, first word and last timed here."""

    def __init__(self, pipeline: Pipeline, sampling: Sampling, name: str = "product") -> None:
        """Name what is asked.

        Args:
            pipeline: the product.
            sampling: what every question asks for; the seed is each sample's own.
            name: the target's name in the results.
        """
        self.pipeline, self._sampling, self._name = pipeline, sampling, name
        # An embedded model writes one answer at a time: more would only wait in its latency.
        drafts = pipeline.settings.answer_mode == "draft"
        self.parallel = 8 if not pipeline.model.small else 1 if drafts else 2

    def identity(self) -> dict[str, Any]:
        """Return the index, encoder, model, mode, sampling and code."""
        settings = self.pipeline.settings
        return {
            "target": self._name,
            "kind": "product",
            "index_fingerprint": self.pipeline.index.fingerprint,
            "encoder": self.pipeline.index.manifest.encoder.as_dict(),
            **_options(self.pipeline),
            "model": self.pipeline.model.name,
            "answer_mode": settings.answer_mode,
            "unsupported": settings.unsupported,
            "passages": settings.passages,
            "sampling": _plain(self._sampling),
            "code_sha256": code_sha256(),
        }

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Answer one case.

        Raises:
            EvaluationError: the stream broke its promise: no final event, or pieces that are
                not the final text.
        """
        sampling = replace(self._sampling, seed=seed)
        return await answered(self.pipeline, question_of(case, persona, sampling, None))

    async def close(self) -> None:
        """Release the model."""
        await self.pipeline.model.close()


async def answered(pipeline: Pipeline, question: Question) -> Output:
    """Consume one answer's events as a client would and keep the whole of it.

    Raises:
        EvaluationError: the stream broke its promise.
    """
    started = time.perf_counter()
    pieces: list[str] = []
    times: dict[str, float] = {}
    retrieved: Retrieved | None = None
    final: Final | None = None
    async with aclosing(pipeline.answer(question)) as events:
        async for event in events:
            now = (time.perf_counter() - started) * 1e3
            if isinstance(event, Retrieved):
                retrieved = event
            elif isinstance(event, Delta):
                if event.text:
                    times.setdefault("seen_first", now)
                pieces.append(event.text)
            else:
                final, times["seen_last"] = event, now
    if final is None:
        raise EvaluationError("the stream ended without its Final event")
    if "".join(pieces) != final.answer.text:
        raise EvaluationError(
            f"the streamed pieces are not the final text: got {''.join(pieces)!r:.200}, "
            f"expected {final.answer.text!r:.200}"
        )
    return _output(final.answer, retrieved, times)


def _output(answer: Answer, retrieved: Retrieved | None, times: dict[str, float]) -> Output:
    """Keep an answer. Nothing is retrieved for talk."""
    hits = retrieved.hits if retrieved else ()
    others = (*retrieved.counterparts, *retrieved.beside) if retrieved else ()
    return Output(
        text=answer.text,
        abstained=answer.abstained,
        answerable=retrieved.answerable if retrieved else not answer.abstained,
        confidence=answer.confidence,
        hits=ranked(hits),
        citations=tuple(Cited(c.n, c.ref, c.url, c.title, c.quote) for c in answer.citations),
        claims=tuple(
            Claimed(c.text, c.start, c.end, c.cites, c.refs, c.status) for c in answer.claims
        ),
        dropped=tuple(f"{dropped.reason}: {dropped.text}" for dropped in answer.dropped),
        conflicts=tuple(tuple(v.value for v in conflict.values) for conflict in answer.conflicts),
        passages={hit.passage.id: text_of(hit) for hit in (*hits, *others)},
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        timings={**answer.timings, **times},
        model=answer.model,
        mode=answer.mode,
        standalone_query=answer.standalone_query,
        prompt_sha256=answer.prompt_sha256,
        index_fingerprint=answer.index_fingerprint,
        sampling=_plain(answer.sampling),
        act=getattr(answer, "act", ""),
        missing=answer.missing,
    )


def _plain(sampling: Sampling) -> dict[str, Any]:
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop),
    }
