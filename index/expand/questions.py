"""More ways in which a knowledge base may be asked: written by somebody, kept if they find back.

Index-side questions are doc2query (Nogueira et al. 2019) for dense retrieval, as in HyPE (Vake
et al. 2025). Who writes them is behind a protocol: this module knows nothing of language models.
What is written is kept in an append-only file, so that a run can be stopped at any moment; what is
kept of it is a function of that file and the knowledge base alone. Unhelpful questions do harm
(doc2query--, Gospodinov et al. 2023), so a question must bring its passage back from an index that
does not hold it.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from index.encoders import Progress
from index.expand.progress import ProgressFile
from index.passages import passages_of
from index.retrieve import Retriever
from index.text.tokens import content_words
from index.types import DataPoint, Faq, KnowledgeBase, Passage, PassageKind, Topic

__all__ = ["ExpansionReport", "ExpansionSettings", "QuestionWriter", "choose", "write_questions"]

_ABOUT_THE_TEXT = re.compile(
    r"\b(?:(?:the|this|that|above|given) (?:text|passage|article|paragraph|document|statement)|"
    r"according to|the author|mentioned|described above)\b",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.):]|Q\d*[.:])\s*", re.IGNORECASE)
_QUOTES = "\"'`“”‘’* \t"


class QuestionWriter(Protocol):
    """Who writes questions for passages."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What decides what is written: a run goes on only with the same."""

    @property
    def concurrency(self) -> int:
        """How many passages it may be asked about at once."""

    async def questions(self, passage: Passage, count: int) -> str:
        """Write about `count` questions that the passage answers, one a line.

        Raises:
            CitewiseError: it can't; what was written before is kept.
        """

    async def close(self) -> None:
        """Release what the writer holds."""


@dataclass(frozen=True, slots=True)
class ExpansionSettings:
    """How many and which questions are kept.

    `count` is how many are asked for and kept a passage at most; a question must bring its
    passage back among the first `within` hits; `shortest` and `longest` are in characters.
    """

    count: int = 5
    within: int = 5
    shortest: int = 8
    longest: int = 200


@dataclass(frozen=True, slots=True)
class ExpansionReport:
    """What became of the questions. `dropped` counts them by reason; `added` by passage id."""

    written: int
    kept: int
    dropped: Mapping[str, int]
    added: Mapping[str, tuple[str, ...]]


async def write_questions(
    knowledge_base: KnowledgeBase,
    writer: QuestionWriter,
    done: ProgressFile,
    count: int,
    progress: Progress | None = None,
) -> None:
    """Have questions written for every FAQ and data point that has none in the file yet.

    Raises:
        CitewiseError: the writer failed; what it wrote before is in the file.
    """
    passages = _asked_about(knowledge_base)
    waiting = [passage for passage in passages if done.get(passage) is None]
    finished = len(passages) - len(waiting)
    queue = iter(waiting)

    def tell() -> None:
        if progress is not None and passages:
            progress(finished, len(passages))

    async def work() -> None:
        nonlocal finished
        for passage in queue:
            done.add(passage, await writer.questions(passage, count))
            finished += 1
            tell()

    tell()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(writer.concurrency, len(waiting))):
                group.create_task(work())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed


def choose(
    knowledge_base: KnowledgeBase,
    done: ProgressFile,
    retriever: Retriever,
    settings: ExpansionSettings,
    progress: Progress | None = None,
) -> tuple[KnowledgeBase, ExpansionReport]:
    """Keep of what was written what helps, and put it with the passages' other questions.

    Args:
        knowledge_base: as it was before.
        done: what was written.
        retriever: searches an index of `knowledge_base`, which holds none of the new questions.
        settings: what is kept.
        progress: called with the passages looked at so far and their number.
    """
    passages = _asked_about(knowledge_base)
    taken = {_key(text) for topic in knowledge_base.topics for text in _asked_already(topic)}
    added: dict[str, tuple[str, ...]] = {}
    dropped: Counter[str] = Counter()
    written = 0
    for number, passage in enumerate(passages, start=1):
        kept: list[str] = []
        for question in _lines(done.get(passage) or ""):
            written += 1
            reason = _fault(question, settings)
            if not reason and _key(question) in taken:
                reason = "asked already"
            if not reason and len(kept) == settings.count:
                reason = "more than asked for"
            if not reason and not _finds(retriever, question, passage, settings.within):
                reason = "does not find its passage"
            if reason:
                dropped[reason] += 1
                continue
            taken.add(_key(question))
            kept.append(question)
        if kept:
            added[passage.id] = tuple(kept)
        if progress is not None:
            progress(number, len(passages))
    total = sum(map(len, added.values()))
    topics = tuple(_with_questions(topic, added) for topic in knowledge_base.topics)
    report = ExpansionReport(written, total, dict(sorted(dropped.items())), added)
    return KnowledgeBase(knowledge_base.name, topics), report


def _asked_about(knowledge_base: KnowledgeBase) -> list[Passage]:
    """List the passages that can hold other ways of asking."""
    kinds = (PassageKind.FAQ, PassageKind.DATA)
    return [p for topic in knowledge_base.topics for p in passages_of(topic) if p.kind in kinds]


def _asked_already(topic: Topic) -> Iterable[str]:
    for faq in topic.faqs:
        yield from (faq.question, *faq.also_asked)
    for point in topic.data_points:
        yield from (point.label, *point.also_asked)


def _key(question: str) -> str:
    """Fold what makes no difference: order, case, endings and little words."""
    return " ".join(sorted(set(content_words(question)))) or question.strip().lower()


def _lines(written: str) -> list[str]:
    """Cut what was written into questions, without bullets and quotation marks."""
    lines = (_BULLET.sub("", line).strip(_QUOTES) for line in written.splitlines())
    return [" ".join(line.split()) for line in lines if line]


def _fault(question: str, settings: ExpansionSettings) -> str:
    if not settings.shortest <= len(question) <= settings.longest:
        return "too short or too long"
    if not question.isprintable() or question.endswith((".", "!", ":", "…")):
        return "no question"
    if _ABOUT_THE_TEXT.search(question):
        return "speaks of the text"
    if not content_words(question):
        return "says nothing"
    return ""


def _finds(retriever: Retriever, question: str, passage: Passage, within: int) -> bool:
    hits = retriever.search(question, within).hits
    return any(hit.passage.id == passage.id for hit in hits)


def _with_questions(topic: Topic, added: Mapping[str, Sequence[str]]) -> Topic:
    def more(kind: PassageKind, i: int) -> tuple[str, ...]:
        return tuple(added.get(f"{topic.slug}/{kind.value}/{i}", ()))

    faqs: list[Faq] = [
        replace(faq, also_asked=faq.also_asked + more(PassageKind.FAQ, i))
        for i, faq in enumerate(topic.faqs)
    ]
    points: list[DataPoint] = [
        replace(point, also_asked=point.also_asked + more(PassageKind.DATA, i))
        for i, point in enumerate(topic.data_points)
    ]
    return replace(topic, faqs=tuple(faqs), data_points=tuple(points))
