"""What goes into a database comes out of it as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from app.record.errors import NotKept, StoreError
from app.record.types import Final, Question, Retrieved
from app.store import Exchange, KeptAnswer, Store
from app.store.json_documents import decode, encode
from tests.conftest import MakePipeline
from tests.store.conftest import OWNER, exchange
from tests.store.strategies import exchanges


@settings(max_examples=100)
@given(exchanges())
def test_an_exchange_comes_back_as_it_was(given: Exchange) -> None:
    back = decode(Exchange, encode(given))
    assert back == given
    assert type(back.answer.citations) is tuple


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given=exchanges())
def test_an_exchange_comes_back_from_the_database(store: Store, given: Exchange) -> None:
    talk = store.conversations.create(OWNER, given.question, "citewise-expert")
    store.conversations.append(OWNER, talk.id, given)
    (turn,) = store.conversations.open(OWNER, talk.id).turns
    assert turn.exchange == given


async def test_a_real_answer_comes_back_as_it_was(
    store: Store, make_pipeline: MakePipeline
) -> None:
    draft = ["A KV cache keeps the keys and values of earlier tokens [1]. ", "It is green [2]."]
    for pipeline in (make_pipeline(answer_mode="compose"), make_pipeline(draft)):
        question = Question("How large does the KV cache get?")
        events = [event async for event in pipeline.answer(question)]
        found, final = events[0], events[-1]
        assert isinstance(found, Retrieved)
        assert isinstance(final, Final)
        assert final.answer.citations
        given = Exchange(question.text, final.answer, found)
        talk = await store.run(store.conversations.create, OWNER, question.text, question.persona)
        await store.run(store.conversations.append, OWNER, talk.id, given)
        thread = await store.run(store.conversations.open, OWNER, talk.id)
        assert thread.turns[0].exchange == given


def test_what_is_no_text_is_replaced(store: Store) -> None:
    broken = exchange("lone \ud83d surrogate", "and \0 none")
    talk = store.conversations.create(f"{OWNER}\0", "NUL \0 and \ud800", "citewise-expert")
    assert talk.title == "NUL \ufffd and ?"
    store.conversations.append(f"{OWNER}\0", talk.id, broken)
    back = store.conversations.open(f"{OWNER}\0", talk.id).turns[0].exchange
    assert back.question == "lone ? surrogate"
    assert back.answer.text == "and \0 none"


def test_fields_of_another_version_do_no_harm() -> None:
    whole = json.loads(encode(exchange()))
    whole["answer"]["of_tomorrow"] = 1
    del whole["answer"]["sampling"], whole["stopped"], whole["found"]
    back = decode(Exchange, json.dumps(whole))
    assert back.answer == exchange().answer
    assert back.found is None


@pytest.mark.parametrize("damage", ["", "{}", "null", '{"question": 3}', "[" * 9])
def test_a_damaged_document_is_an_error(damage: str) -> None:
    with pytest.raises(StoreError, match="damaged"):
        decode(Exchange, damage)


def test_an_answer_is_found_by_its_owner_alone(store: Store) -> None:
    now = datetime.now(UTC)
    old = now - timedelta(days=31)
    store.answers.keep(
        [KeptAnswer("a", "x", now, exchange()), KeptAnswer("b", "x", old, exchange("Old?"))]
    )
    assert store.answers.find("x", "a") == KeptAnswer("a", "x", now, exchange())
    for owner, identity in (("y", "a"), ("x", "c"), ("x", "\0"), ("x", "a" * 3000)):
        with pytest.raises(NotKept):
            store.answers.find(owner, identity)
    assert store.answers.prune(now - timedelta(days=30)) == 1
    with pytest.raises(NotKept):
        store.answers.find("x", "b")
    assert store.answers.find("x", "a").exchange == exchange()
