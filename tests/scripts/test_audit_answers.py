"""Answers are held against their passages: a few here, two hundred with `make audit-answers`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.record.types import Answer, Final, Question, Retrieved
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.sources import read_all
from index.types import Place
from scripts.audit_answers import OPEN, audit, faults_in

HANDBOOK = {
    "index.md": "# Handbook\n\nHow we run things; see [the wiki](https://wiki.example/start).\n",
    "run/deploy.md": (
        "# Deploying\n\n## Rolling back\n\nA failed release is rolled back with "
        "`deploy --undo [id]`. Exit code [0] means “done”, [1] means failure. See "
        "[the runbook](https://runbook.example/undo) first.\n\n## When\n\n### On Fridays\n\n"
        'Nobody deploys after 15:00. "Later" means Monday. Mail ops@corp.example.\n'
    ),
    "run/index.md": "# Handbook\n\n## Rolling back\n\nRoll back the database by hand: ~2 GB/min.\n",
    "hosts.txt": "> 5 GB of memory is what a host needs. Its disk has 20 GB.\n",
    "limits.md": (
        "# Limits\n\n| service | limit |\n|---|---|\n| api | 40 requests a minute |\n\n"
        "## Why are there limits?\n\nVaswani et al. (2017) are not to blame. One client once sent "
        "12,000 requests in a minute. The **limit** is per key, not per address.\n"
    ),
}


@pytest.fixture(scope="module")
def handbook(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Pipeline:
    """The product over a small tree of Markdown, whose pages link to others."""
    folder: Path = tmp_path_factory.mktemp("handbook")
    for name, text in HANDBOOK.items():
        path = folder / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    urls = ["https://docs.example/{page}"]
    base = read_all([str(folder / "docs")], base_urls=urls).knowledge_base
    build(base, folder / "index", encoder)
    return _composing(LiveIndex(folder / "index", encoder))


def _composing(live: LiveIndex) -> Pipeline:
    settings = PipelineSettings(answer_mode="compose", gate=OPEN)
    return Pipeline(live, ScriptedChatModel(()), settings)


async def test_answers_from_documents_lead_to_their_own_sections(handbook: Pipeline) -> None:
    answers, sentences, found = await audit(handbook, 10)
    assert found == []
    assert answers >= 5
    assert sentences >= answers


async def test_answers_from_the_shipped_knowledge_base_are_its_words(live_index: LiveIndex) -> None:
    answers, sentences, found = await audit(_composing(live_index), 15)
    assert found == []
    assert answers == 15
    assert sentences > 15


async def _asked(pipeline: Pipeline, question: str) -> tuple[Retrieved, Answer]:
    events = [event async for event in pipeline.answer(Question(question))]
    assert isinstance(events[0], Retrieved)
    assert isinstance(events[-1], Final)
    return events[0], events[-1].answer


async def test_a_document_is_cited_with_its_file_section_and_address(handbook: Pipeline) -> None:
    _, answer = await _asked(handbook, "How is a failed release rolled back?")
    first = answer.citations[0]
    assert first.place == Place("run/deploy.md", ("Rolling back",), "rolling-back")
    assert first.url == "https://docs.example/run/deploy#rolling-back"
    assert {claim.basis for claim in answer.claims} == {"quoted"}
    assert not any("runbook.example" in citation.url for citation in answer.citations)


def _words(answer: Answer) -> Answer:
    first = answer.claims[0]
    return replace(answer, claims=(replace(first, text=f"Never. {first.text}"), *answer.claims[1:]))


def _link(answer: Answer) -> Answer:
    first = replace(answer.citations[0], url="https://runbook.example/undo")
    return replace(answer, citations=(first, *answer.citations[1:]))


def _place(answer: Answer) -> Answer:
    first = replace(answer.citations[0], place=Place("limits.md"))
    return replace(answer, citations=(first, *answer.citations[1:]))


def _uncited(answer: Answer) -> Answer:
    first = replace(answer.claims[0], cites=())
    return replace(answer, claims=(first, *answer.claims[1:]))


def _quotation(answer: Answer) -> Answer:
    first = answer.claims[0]
    quoted = f"“{first.text.strip('.')} indeed”."
    return replace(answer, text=quoted, claims=(replace(first, start=0, end=len(quoted)),))


def _shown(answer: Answer) -> Answer:
    return replace(answer, text=answer.text.replace("failed", "great", 1))


def _sign(answer: Answer) -> Answer:
    cited = answer.citations[0]
    later = replace(cited, start=cited.start + 2, quote=cited.quote[2:])
    return replace(answer, citations=(later, *answer.citations[1:]))


async def test_a_sign_that_is_left_off_is_found(handbook: Pipeline) -> None:
    retrieved, answer = await _asked(handbook, "How much memory does a host need?")
    assert answer.claims[0].text.replace("`", "").startswith("> 5 GB")
    assert faults_in(retrieved, answer) == []
    assert "sign" in {fault.kind for fault in faults_in(retrieved, _sign(answer))}


@pytest.mark.parametrize("tamper", [_words, _link, _place, _uncited, _quotation, _shown])
async def test_what_is_tampered_with_is_found(
    handbook: Pipeline, tamper: Callable[[Answer], Answer]
) -> None:
    retrieved, answer = await _asked(handbook, "How is a failed release rolled back?")
    assert faults_in(retrieved, answer) == []
    kinds = {fault.kind for fault in faults_in(retrieved, tamper(answer))}
    assert tamper.__name__.strip("_") in kinds


async def test_a_work_that_was_picked_is_found(live_index: LiveIndex) -> None:
    pipeline = _composing(live_index)
    for passage in pipeline.index.passages:
        if 1 < len(passage.sources) <= 3 and passage.heading.endswith("?"):
            retrieved, answer = await _asked(pipeline, passage.heading)
            several = [claim for claim in answer.claims if len(claim.evidence) > 1]
            if several:
                break
    picked = replace(several[0], evidence=several[0].evidence[:1])
    tampered = replace(answer, claims=(picked,))
    assert "guessed" in {fault.kind for fault in faults_in(retrieved, tampered)}
