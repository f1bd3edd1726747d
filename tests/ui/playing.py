"""A pipeline that plays scripted answers over the shipped passages, and the page served on it."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import NoReturn

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray

from app.answer.replies import abstention
from app.record.checked import Bearing, Checked, CheckedSentence, Difference
from app.record.errors import ModelUnavailable
from app.record.reasons import Reason
from app.record.types import (
    Answer,
    AnswerMode,
    Citation,
    Claim,
    ClaimStatus,
    Conflict,
    ConflictValue,
    Delta,
    Dropped,
    Event,
    Final,
    Question,
    Retrieved,
    Usage,
)
from app.store import Store
from index.calculations import calculate
from index.passages import passages_of
from index.sources import SHIPPED, read
from index.types import Hit, Passage, PassageKind, Source
from index.vectors import VectorStore
from tests.scripted import ScriptedPipeline, listening

HOSTILE = (
    '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script> '
    "![i](http://evil.example/x.png) [l](javascript:window.pwned=1) `<b>` "
    "${window.pwned=1} {{value}}"
)


@cache
def shipped_passages() -> tuple[Passage, ...]:
    names = ("chinchilla-scaling", "top-p-sampling", "kv-cache")
    bases = [read(SHIPPED / f"{name}.yaml").knowledge_base for name in names]
    return tuple(p for base in bases for topic in base.topics for p in passages_of(topic))


class Vectors:
    """Vectors by topic, with a little of each passage's own."""

    def __init__(self, passages: tuple[Passage, ...]) -> None:
        topics = {passage.topic: n for n, passage in enumerate(passages)}
        noise = np.random.default_rng(3)
        own = noise.normal(0, 0.2, (len(passages), 8))
        self._rows = (own + np.eye(8)[[topics[p.topic] % 8 for p in passages]]).astype(np.float32)
        self.ntotal, self.d = self._rows.shape

    def search(self, queries: NDArray[np.float32], k: int) -> NoReturn:
        raise NotImplementedError

    def reconstruct(self, row: int) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._rows[row]
        return found


@dataclass(frozen=True)
class BrowsedIndex:
    passages: tuple[Passage, ...]
    fingerprint: str = "f" * 16
    knowledge_base: str = "ai"

    @property
    def owners(self) -> NDArray[np.int64]:
        return np.arange(len(self.passages))

    @property
    def vectors(self) -> VectorStore:
        return Vectors(self.passages)


CALCULATED = (
    calculate(
        "inference-memory", {"model": "llama-3.1-8b", "gpu": "rtx-4090", "tokens": 8192.0}
    ).as_dict(),
)


@dataclass
class PlayingPipeline(ScriptedPipeline):
    """Answers by what the question says: abstain, slow, break, hostile, vary, calculate, or not.

    To "vary" it says the same sentences in another order each time.
    """

    delay: float = 0.02
    nearest: tuple[str, ...] = ()

    @property
    def index(self) -> BrowsedIndex:
        return BrowsedIndex(shipped_passages())

    async def check(self, text: str) -> Checked:
        """One sentence, which the first figure contradicts."""
        passage = shipped_passages()[0]
        differs = Difference("figure", text[:5], 0, 5, passage.text[:4], 0, 4)
        bearing = Bearing(
            passage.id, passage.title, passage.heading, passage.text, 0, 40, passage.sources,
            None, (differs,),
        )  # fmt: skip
        sentence = CheckedSentence(text, 0, len(text), "contradicted", 0.8, "", (bearing,))
        return Checked(text, (sentence,), "f" * 16, datetime(2026, 1, 2, tzinfo=UTC))

    async def retrieve(self, question: Question) -> Retrieved:
        asked = question.text.casefold()
        hits = self._hits(hostile="hostile" in asked)
        abstains = "abstain" in asked
        figures = zip(("0.73", "0.50"), hits, strict=False)
        values = tuple(ConflictValue(value, hit.passage.id) for value, hit in figures)
        conflicts = (Conflict("Exponent of the model size", values),) if "disagree" in asked else ()
        nearest = tuple(h.passage.heading for h in hits if h.passage.kind is PassageKind.FAQ)[:3]
        self.nearest = nearest
        await asyncio.sleep(self.delay)
        return Retrieved(
            question.text, hits, conflicts, not abstains, 0.12 if abstains else 0.91,
            "f" * 16, nearest, {"encode": 3.1, "dense": 0.6, "lexical": 0.3, "retrieve": 4.4},
        )  # fmt: skip

    async def played(self, question: Question, found: Retrieved) -> AsyncGenerator[Event, None]:
        asked, abstains, nearest = question.text.casefold(), not found.answerable, found.nearest
        if "break" in asked:
            raise ModelUnavailable("gone")
        refusal = [Delta(abstention(question.text, nearest))]
        deltas = refusal if abstains else self._sentences(found.hits, asked)
        text = ""
        citations: list[Citation] = []
        claims: list[Claim] = []
        if "lose" in asked:
            lost = (Dropped("It won.", "no passage"), Dropped("So.", "is said", Reason.REPLACED))
            deltas = [deltas[0], Delta("", dropped=lost), *deltas[1:]]
        for delta in deltas:
            await asyncio.sleep(3.0 if "slow" in asked and claims else self.delay)
            text += delta.text
            citations += delta.citations
            claims += [delta.claim] if delta.claim else []
            yield delta
        mode: AnswerMode = (
            "abstained" if abstains else "composed" if "compose" in asked else "draft"
        )
        yield Final(
            Answer(
                f"ans-{uuid.uuid4().hex}", text, abstains, tuple(citations), tuple(claims),
                found.conflicts, Usage(812, 96),
                {"retrieve": 4.4, "first_token": 420.0, "total": 2310.0},
                question.persona, "scripted", mode, "stop", question.text,
                0.12 if abstains else 0.91, "f" * 16, nearest if abstains else (),
                (Dropped("It was the first model ever.", "no passage supports it"),),
                calculations=CALCULATED if "calculate" in asked else (),
            )
        )  # fmt: skip

    def _hits(self, *, hostile: bool) -> tuple[Hit, ...]:
        known = shipped_passages()
        other = next(i for i, passage in enumerate(known) if passage.topic != known[0].topic)
        found = known[:3] + known[other : other + 3]
        if hostile:
            source = Source("x", HOSTILE, "javascript:window.pwned=1", 2020)
            found = (
                Passage("h/faq/0", PassageKind.FAQ, "h", HOSTILE, HOSTILE, HOSTILE, (source,)),
                *found,
            )
        return tuple(
            Hit(
                passage,
                0.93 - 0.07 * i,
                {
                    "dense": 0.9 - 0.05 * i,
                    "lexical": 12.0 - i,
                    "dense_rank": i + 1,
                    "lexical_rank": i + 2,
                },
            )
            for i, passage in enumerate(found)
        )

    def _sentences(self, hits: tuple[Hit, ...], asked: str) -> list[Delta]:
        deltas: list[Delta] = []
        at = 0
        statuses: tuple[ClaimStatus, ...] = ("supported", "partial", "supported")
        turned = len(self.questions) if "vary" in asked else 0
        for number, status in enumerate(statuses):
            passage = hits[(number + turned) % 3].passage
            if passage.topic == "h":
                sentence, quote = HOSTILE, passage.text[20:60]
            else:
                first = re.split(r"(?<=[^l][.])\s", passage.text)[0]
                sentence, quote = first, first
            n = number + 1
            start = passage.text.index(quote)
            source = passage.sources[0]
            lead = "" if number == 0 else ("\n\n" if number == 2 else " ")
            text = f"{lead}{sentence}[{n}]"
            cited = Citation(
                n, passage.id, source.url, source.label, quote, start, start + len(quote),
                source.year, hits[(number + turned) % 3].score,
            )  # fmt: skip
            claim = Claim(
                sentence, at + len(lead), at + len(text), (n,), (passage.id,), status, 0.9
            )
            at += len(text)
            deltas.append(Delta(text, (cited,), claim))
        return deltas


@dataclass
class Page:
    url: str
    pipeline: PlayingPipeline


@contextmanager
def served(
    pipeline: PlayingPipeline,
    store: Store | None = None,
    *,
    keep: bool = True,
    share: bool = True,
    embed_origins: Sequence[str] = (),
    port: int = 0,
) -> Iterator[Page]:
    """Serve the page alone, over a pipeline that plays."""
    from app.ui import mount

    app = mount(FastAPI(), pipeline, store, keep=keep, share=share, embed_origins=embed_origins)
    with listening(app, port, timeout_graceful_shutdown=1) as url:
        yield Page(url, pipeline)
