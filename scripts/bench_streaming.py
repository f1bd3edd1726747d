"""Time what stands between a model's words and the reader: `python -m scripts.bench_streaming`.

A model that answers at once says true sentences of the corpus. Prints, as JSON: milliseconds
from the arrival of the first sentence to its showing, milliseconds of verification a sentence,
and the pace of the last quarter of a long answer over that of its first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from app.answer.draft import Reviewer
from app.answer.pipeline import Pipeline, PipelineSettings
from app.answer.prompt_builder import unmarked
from app.answer.writer import Writer
from app.chat_models import Decoding, ModelEvent, Piece
from app.chat_models.scripted import ScriptedChatModel
from app.config.settings import ROOT
from app.record.evidence import evidence_of
from app.record.sanitize import visible
from app.record.types import Delta, Message, Question
from app.verifying.supports import LexicalVerifier
from index.encoders import load_encoder
from index.live import LiveIndex
from index.text.sentences import SentenceStream, sentences

QUESTIONS = (
    "Why are attention scores divided by the square root of d_k?",
    "How large does the KV cache get?",
    "What is nucleus sampling?",
    "Why does LoRA save memory?",
    "How many tokens does a compute-optimal model need?",
)


class Instant(ScriptedChatModel):
    """Says its script a word at a time and notes when the first sentence is out."""

    arrived = 0.0

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Play the script; the second piece completes the first sentence."""
        number = 0
        async for event in super().stream(messages, decoding):
            number += isinstance(event, Piece)
            if number == 2 and not self.arrived:
                self.arrived = time.perf_counter()
            yield event


def _sentences(live: LiveIndex, question: str) -> list[str]:
    texts = [hit.passage.text for hit in live.retriever().search(question, 6).hits]
    return [text[a:b] for text in texts for a, b in sentences(text)]


async def _first_shown(live: LiveIndex, question: str) -> float:
    said = [f"{sentence.rstrip('.')} [1]. " for sentence in _sentences(live, question)]
    model = Instant([*said, ""])
    pipeline = Pipeline(live, model, PipelineSettings(answer_mode="draft"))
    async for event in pipeline.answer(Question(question)):
        if isinstance(event, Delta) and event.text:
            return (time.perf_counter() - model.arrived) * 1e3
    raise AssertionError("nothing was shown")


def _review(live: LiveIndex, question: str, length: int) -> list[float]:
    """Milliseconds a sentence, for an answer of so many sentences."""
    evidence = evidence_of(live.retriever().search(question, 6).hits)
    verifier = LexicalVerifier(live.index.lexical.idf)
    reviewer = Reviewer(Writer(evidence), verifier, evidence, "mark")
    said, stream, took = _sentences(live, question), SentenceStream(), []
    for number in range(length):
        sentence = f"{said[number % len(said)].rstrip('.')} of case {number} [1]. "
        spent = 0.0
        for word in sentence.split(" "):
            started = time.perf_counter()
            shown = [
                reviewer.review(segment) for segment in stream.feed(unmarked(visible(f"{word} ")))
            ]
            spent += (time.perf_counter() - started) * 1e3
            if shown:
                took.append(spent)
                spent = 0.0
    return took


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
        "max": round(ordered[-1], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--index", type=Path, default=ROOT / "var" / "index")
    parser.add_argument("--runs", type=int, default=5, help="runs a question (5)")
    parser.add_argument("--sentences", type=int, default=200, help="of the long answer (200)")
    options = parser.parse_args()
    live = LiveIndex(options.index, load_encoder())
    asyncio.run(_first_shown(live, QUESTIONS[0]))
    shown = [
        asyncio.run(_first_shown(live, question))
        for _ in range(options.runs)
        for question in QUESTIONS
    ]
    reviewed = [_review(live, question, options.sentences) for question in QUESTIONS]
    quarter = options.sentences // 4
    growth = [
        statistics.median(took[-quarter:]) / statistics.median(took[:quarter]) for took in reviewed
    ]
    figures = {
        "first_sentence_shown_ms": _spread(shown),
        "a_sentence_ms": _spread([ms for took in reviewed for ms in took[1:]]),
        "first_sentence_of_an_answer_ms": _spread([took[0] for took in reviewed]),
        "last_quarter_over_first": round(max(growth), 2),
        "load_1_minute": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
