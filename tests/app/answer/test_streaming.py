"""Sentence by sentence: cut anywhere, shown at once, at the same pace to the end."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.answer.draft import Reviewer, until_it_circles
from app.answer.pipeline import Pipeline
from app.answer.writer import Writer
from app.chat_models import Decoding, Finished, Piece
from app.chat_models.scripted import ScriptedChatModel
from app.record.evidence import evidence_of
from app.record.reasons import Reason
from app.record.types import Answer, Delta, Final, Question
from app.verifying.supports import LexicalVerifier
from index.live import LiveIndex
from index.text.sentences import SentenceStream
from tests.conftest import MakePipeline

ASKED = Question("Why are attention scores divided by the square root of d_k?")
SAID = """Sure! Dividing by √d_k keeps the scores at a stable size whatever the head width [1, 9].
It was proposed by Schmidhuber in 1874 【2】. ![x](http://evil.example) The additive attention of \
Bahdanau et al. (2015), which scores pairs with a small feed-forward network, has no such factor \
(source 1).

- If the components of a query and a key are independent with mean 0 and variance 1, their dot \
product has variance d_k, so its typical size grows with √d_k [^1].
- `a[0]` is no marker, e.g. here <b>. (The default is 0.)

```python
scores = q @ k.T
```
┆ The softmax stays sens\u200bitive and its gradients do not vanish [1][2]"""


async def _answered(pipeline: Pipeline) -> tuple[Answer, list[str]]:
    deltas = []
    async for event in pipeline.answer(ASKED):
        if isinstance(event, Delta):
            deltas.append(event.text)
        elif isinstance(event, Final):
            answer = event.answer
    return answer, deltas


@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.lists(st.integers(0, len(SAID)), max_size=60))
def test_an_answer_is_the_same_however_its_stream_is_cut(
    make_pipeline: MakePipeline, cuts: list[int]
) -> None:
    places = [0, *sorted(cuts), len(SAID)]
    parts = [SAID[a:b] for a, b in itertools.pairwise(places)]
    whole, _ = asyncio.run(_answered(make_pipeline([SAID], answer_mode="draft")))
    split, deltas = asyncio.run(_answered(make_pipeline(parts, answer_mode="draft")))
    assert "".join(deltas) == split.text == whole.text
    for name in ("claims", "citations", "dropped", "conflicts", "mode"):
        assert getattr(split, name) == getattr(whole, name)
    assert len(whole.claims) >= 3
    assert whole.dropped


async def test_the_first_sentence_is_shown_while_the_rest_is_still_written(
    make_pipeline: MakePipeline,
) -> None:
    words = [f"{word} " for word in SAID.split(" ")]
    model = ScriptedChatModel(words, delay=0.002)
    events = make_pipeline(model, answer_mode="draft").answer(ASKED)
    async for event in events:
        if isinstance(event, Delta) and event.text:
            assert model.running == 1
            assert "stable size" in event.text
            break
    await events.aclose()


async def test_a_long_answer_keeps_its_pace(live_index: LiveIndex) -> None:
    """The last quarter of 400 sentences may take at most a few times what the first took."""
    hits = live_index.retriever().search(ASKED.text, 6).hits
    evidence = evidence_of(hits)
    writer = Writer(evidence)
    reviewer = Reviewer(writer, LexicalVerifier(live_index.index.lexical.idf), evidence, "mark")
    stream = SentenceStream()
    took = []
    for number in range(400):
        sentence = f"Sentence {number} speaks of scores and {'keys ' * (number % 7)}too [1]. "
        started = time.thread_time()
        for piece in sentence.split(" "):
            for segment in stream.feed(f"{piece} "):
                await reviewer.review(replace(segment))
        took.append(time.thread_time() - started)
    first, last = sorted(took[20:120])[50], sorted(took[-100:])[50]
    assert last < 4 * first + 0.001


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_a_model_that_goes_in_circles_is_stopped(
    make_pipeline: MakePipeline, size: int
) -> None:
    opening = "Dividing by √d_k keeps the scores at a stable size whatever the head width [1]. "
    circle = [f"The {word} of it stays the same. " for word in ("first", "second", "third", "last")]
    model = ScriptedChatModel([opening, *circle[:size] * 50])
    pipeline = make_pipeline(model, answer_mode="draft", least_supported=1)
    final = [event async for event in pipeline.answer(ASKED)][-1]
    assert isinstance(final, Final)
    assert model.cancelled == 1
    assert final.answer.finish_reason == "stop"
    assert len(final.answer.dropped) <= 4 * size + 3
    assert 3 * size <= final.answer.usage.completion_tokens <= 4 * size + 4
    assert final.answer.usage.prompt_tokens > 0


@pytest.mark.parametrize("helps", [0, 2])
async def test_a_draft_of_which_nothing_can_be_shown_is_given_up(
    make_pipeline: MakePipeline, helps: int
) -> None:
    """It is not read to its end, and the composed answer in its place is whole."""
    true = "Dividing by √d_k keeps the scores at a stable size whatever the head width [1]. "
    wrong = [f"Moon number {n} is made of {n + 40} green cheeses [1]. " for n in range(40)]
    pieces = [word for text in wrong for word in text.split(" ")]
    words = [f"{word} " for word in pieces if word]
    model = ScriptedChatModel([*[true] * min(helps, 1), *words], reason="length")
    final = [event async for event in make_pipeline(model, answer_mode="draft").answer(ASKED)][-1]
    assert isinstance(final, Final)
    answer = final.answer
    if helps:
        assert answer.usage.completion_tokens > 100
        assert any(claim.basis == "drafted" for claim in answer.claims)
    else:
        assert model.cancelled == 1
        assert 60 <= answer.usage.completion_tokens <= 75
        assert answer.usage.prompt_tokens > 0
        assert (answer.mode, answer.finish_reason) == ("composed", "stop")


async def test_a_composed_answer_is_not_told_as_cut(make_pipeline: MakePipeline) -> None:
    model = ScriptedChatModel(["The moon is made of green cheese [1]. ", "It is"], reason="length")
    final = [event async for event in make_pipeline(model, answer_mode="draft").answer(ASKED)][-1]
    assert isinstance(final, Final)
    assert (final.answer.mode, final.answer.finish_reason) == ("composed", "stop")


async def _played(pieces: list[str]) -> tuple[str, bool]:
    """What comes through of a draft, and whether the model was stopped."""
    model = ScriptedChatModel(pieces)
    events = [event async for event in until_it_circles(model.stream([], Decoding(0, 1, 100)), 7)]
    assert isinstance(events[-1], Finished)
    return "".join(p.text for p in events if isinstance(p, Piece)), model.cancelled == 1


WORDS = st.lists(st.text("abcdefgh ", min_size=1, max_size=9), min_size=1, max_size=40, unique=True)


@given(WORDS, st.integers(1, 2), st.integers(1, 30))
async def test_what_is_said_twice_at_most_comes_whole(
    words: list[str], times: int, width: int
) -> None:
    # The words differ by their place, so that nothing in them comes again but the whole.
    text = " ".join(f"{word}{at}" for at, word in enumerate(words)) + ". "
    text *= times
    pieces = [text[at : at + width] for at in range(0, len(text), width)]
    assert await _played(pieces) == (text, False)


@given(WORDS, st.integers(1, 30))
async def test_what_goes_on_and_on_is_stopped(words: list[str], width: int) -> None:
    run = " ".join(words) + " and so on "
    text = run * (200 // len(run.split()) + 5)
    pieces = [text[at : at + width] for at in range(0, len(text), width)]
    came, stopped = await _played(pieces)
    assert stopped
    assert text.startswith(came)
    assert len(came.split()) <= 30 + 5 * len(run.split()) + 40


async def test_a_sentence_in_which_a_model_was_stopped_is_not_shown(
    make_pipeline: MakePipeline,
) -> None:
    opening = "Dividing by √d_k keeps the scores at a stable size whatever the head width [1]. "
    endless = ["Additive attention has no such factor ", *["and no such factor of its own "] * 40]
    pipeline = make_pipeline(
        ScriptedChatModel([opening, *endless]), answer_mode="draft", least_supported=1
    )
    final = [event async for event in pipeline.answer(ASKED)][-1]
    assert isinstance(final, Final)
    assert "and no such factor" not in final.answer.text
    assert [one.kind for one in final.answer.dropped] == [Reason.CUT]
