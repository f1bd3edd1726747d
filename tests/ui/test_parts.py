"""The page's parts apart from Gradio: turns, panel, cards, history, suggestions, export, errors."""

from __future__ import annotations

import asyncio
import logging
import random
import re

import pytest

from app.config.personas import shipped
from app.record.errors import ContextOverflow, ModelBusy, ModelUnavailable, RequestError
from app.record.types import Citation, Claim, Question
from app.ui import texts
from app.ui.browse import browse_html
from app.ui.cards import cards_html
from app.ui.conversation import Turn, history_of, play, trouble_of
from app.ui.evidence import conflicts_html, evidence_html
from app.ui.exports.markdown import markdown_of
from app.ui.server import POLICY
from app.ui.suggest import examples, follow_ups
from app.ui.turns import turn_html
from index.errors import IndexUnusable
from index.types import Passage, PassageKind
from tests.ui.playing import HOSTILE, BrowsedIndex, PlayingPipeline, shipped_passages


async def _played(text: str, pipeline: PlayingPipeline | None = None) -> list[tuple[Turn, str]]:
    pipeline = pipeline or PlayingPipeline(delay=0)
    turn = Turn(text, "Expert")
    played = play(pipeline, Question(text), turn, asyncio.Event())
    return [pair async for pair in played]


async def test_a_question_plays_to_its_end() -> None:
    pairs = await _played("What is Chinchilla?")
    turns = [turn for turn, _ in pairs]
    assert [turn.over for turn in turns] == [False] * (len(turns) - 1) + [True]
    answer = turns[-1].answer
    assert answer is not None
    assert answer.text == turns[-1].text
    lengths = [len(turn.text) for turn in turns]
    assert lengths == sorted(lengths)


async def test_stopping_closes_the_pipeline_and_keeps_what_was_shown() -> None:
    pipeline = PlayingPipeline(delay=0)
    stop = asyncio.Event()
    last = begun = Turn("slow", "Expert")
    async for last, _ in play(pipeline, Question("slow"), begun, stop):
        if last.claims:
            stop.set()
    assert last.stopped
    assert last.claims
    assert pipeline.cut == 1
    assert texts.STOPPED in turn_html(last, 0)


async def test_leaving_in_the_middle_closes_the_pipeline() -> None:
    pipeline = PlayingPipeline(delay=0)
    played = play(pipeline, Question("slow"), Turn("slow", "Expert"), asyncio.Event())
    async for turn, _ in played:
        if turn.claims:
            break
    await played.aclose()
    assert pipeline.cut == 1


async def test_a_model_that_is_away_is_said_kindly_and_keeps_the_question() -> None:
    pairs = await _played("break")
    turn = pairs[-1][0]
    assert turn.trouble == texts.MODEL_AWAY
    assert texts.KEPT in turn_html(turn, 0)
    assert history_of([turn]) == ()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ModelUnavailable("x"), texts.MODEL_AWAY),
        (ModelBusy("x", retry_after=7), "7.0 s"),
        (ContextOverflow("x"), texts.TOO_LONG),
        (RequestError("the question has 9000 characters"), "The question has 9000 characters."),
        (IndexUnusable("build one with: python -m index build"), "python -m index build"),
    ],
)
def test_errors_in_words_for_the_reader(error: Exception, words: str) -> None:
    assert words in trouble_of(error)


def test_an_unexpected_error_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert "secret" not in trouble_of(RuntimeError("secret"))
    assert "secret" in caplog.text


async def test_the_history_of_a_conversation() -> None:
    turn = (await _played("What is Chinchilla?"))[-1][0]
    roles = [message.role for message in history_of([turn, turn])]
    assert roles == ["user", "assistant"] * 2


async def test_the_evidence_shows_cited_first_then_what_was_not_used() -> None:
    turn = (await _played("Why do they disagree?"))[-1][0]
    html = evidence_html(turn, "t0")
    assert html.index(texts.CITED) < html.index(texts.NOT_USED)
    assert turn.citations[0].quote in html
    assert f"{texts.WHY_DENSE} 0.90 (1st)" in html


async def test_the_evidence_marks_what_bears_each_sentence() -> None:
    turn = (await _played("What is Chinchilla?"))[-1][0]
    html = evidence_html(turn, "t0", {1: 4, 2: 5, 3: 6})
    marked = dict(re.findall(r'<mark data-claims="(\d+)">(.*?)</mark>', html))
    assert set(marked) == {str(at) for at in range(len(turn.claims))}
    assert re.findall(r'<span class="number">(\d+)<', html) == ["4", "5", "6"]


async def test_conflicts_come_before_the_text() -> None:
    turn = (await _played("Why do they disagree?"))[-1][0]
    told = conflicts_html(turn)
    for text in (texts.CONFLICT, "0.73", "0.50"):
        assert text in told
    html = turn_html(turn, 0)
    assert html.index(texts.CONFLICT) < html.index('class="answer"')


async def test_an_abstention_says_so() -> None:
    turn = (await _played("abstain"))[-1][0]
    assert texts.MODES["abstained"][0] in turn_html(turn, 0)
    assert texts.NONE_CITED in evidence_html(turn, "t0")


async def test_an_answer_that_holds_doubtful_sentences_is_not_called_composed() -> None:
    turn = (await _played("compose"))[-1][0]
    assert any(claim.status != "supported" for claim in turn.claims)
    html = turn_html(turn, 0)
    assert texts.MODES["composed"][1] not in html
    assert texts.MODES["mixed"][0] in html


async def test_how_it_was_answered() -> None:
    html = turn_html((await _played("What is Chinchilla?"))[-1][0], 0)
    for text in ("812 read, 96 written", "91%", "scripted", "It was the first model ever."):
        assert text in html


async def test_hostile_text_is_escaped_everywhere() -> None:
    turn = (await _played(f"hostile {HOSTILE}"))[-1][0]
    passage = Passage("h/faq/0", PassageKind.FAQ, "h", HOSTILE, HOSTILE, HOSTILE)
    for html in (turn_html(turn, 0), browse_html(BrowsedIndex((passage,)))):
        assert "<script" not in html
        assert "<img" not in html
        assert 'href="javascript' not in html


def test_a_card_shows_the_span_that_bears_its_own_claim() -> None:
    passage = Passage("a/faq/0", PassageKind.FAQ, "a", "A", "Q?", "First 𝔘 thing. Second thing.")
    quotes = ("First 𝔘 thing.", "Second thing.")
    citations = [
        Citation(1, "a/faq/0", "https://x.org", "X", q, passage.text.index(q),
                 passage.text.index(q) + len(q))
        for q in quotes
    ]  # fmt: skip
    claims = [Claim(q, 0, 0, (1,), ("a/faq/0",), "supported") for q in quotes]
    html = cards_html(citations, claims, {"a/faq/0": passage}, "t0")
    assert re.findall(r"<mark>(.*?)</mark>", html) == list(quotes)


def test_examples_differ_from_visit_to_visit() -> None:
    persona = shipped()["citewise-expert"]
    picks = {
        tuple(examples(persona.examples, PlayingPipeline(), random.Random(i), 3)) for i in range(8)
    }
    assert len(picks) > 1
    assert all(set(pick) <= set(persona.examples) for pick in picks)


async def test_follow_ups_are_questions_that_were_not_asked() -> None:
    turn = (await _played("What is Chinchilla?"))[-1][0]
    offered = follow_ups([turn], PlayingPipeline(), 3)
    used = {citation.ref for citation in turn.citations}
    headings = {p.heading for p in shipped_passages() if p.id not in used}
    assert offered
    assert set(offered) <= headings


async def test_the_export_numbers_sources_once() -> None:
    turn = (await _played("What is Chinchilla?"))[-1][0]
    text = markdown_of([turn, turn])
    listed = re.findall(r"^(\d+)\. .*<(https?://\S+)>$", text, re.MULTILINE)
    assert len(listed) == len({url for _, url in listed})
    assert [int(number) for number, _ in listed] == list(range(1, len(listed) + 1))
    assert text.count("## What is Chinchilla?") == 2


def test_the_policy_names_this_server_alone() -> None:
    sources = re.findall(r"https?:|\*|//", POLICY)
    assert sources == []
