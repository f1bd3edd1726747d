"""Conversations as their readers use them, in each kind of database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.record.errors import NotKept, RequestError
from app.store import ConversationHead, Exchange, Judgement, KeptAnswer, Store
from app.store.conversations import title_of
from tests.store.conftest import OWNER, exchange


def begun(store: Store, *questions: str, owner: str = OWNER) -> ConversationHead:
    talk = store.conversations.create(owner, questions[0], "citewise-expert")
    for question in questions:
        store.conversations.append(owner, talk.id, exchange(question))
    return talk


def test_a_conversation_is_opened_with_its_citations(store: Store) -> None:
    talk = begun(store, "What is attention?", "And its cost?")
    thread = store.conversations.open(OWNER, talk.id)
    assert [turn.position for turn in thread.turns] == [0, 1]
    assert thread.turns[0].exchange == exchange()
    citation = thread.turns[0].exchange.answer.citations[0]
    assert (citation.quote, citation.start, citation.end) == ("weighs values", 3, 16)
    head = thread.conversation
    assert (head.title, head.persona, head.owner) == ("What is attention?", talk.persona, OWNER)
    assert head.created.tzinfo is UTC
    assert head.updated == thread.turns[1].created > head.created == talk.created


def test_titles_need_no_model() -> None:
    assert title_of("  What\nis   a KV cache? ") == "What is a KV cache?"
    cut = title_of("word " * 40)
    assert cut.endswith(" word…")
    assert len(cut) <= 80
    assert title_of("x" * 200) == "x" * 79 + "…"
    assert title_of(" \n ") == ""


def test_pages_are_newest_first_and_leave_none_out(store: Store) -> None:
    talks = [begun(store, f"Question {number}?") for number in range(7)]
    store.conversations.append(OWNER, talks[0].id, exchange("Again?"))
    expected = [talks[0].id, *(talk.id for talk in reversed(talks[1:]))]
    seen: list[str] = []
    mark: str | None = None
    while True:
        page = store.conversations.list(OWNER, limit=3, after=mark)
        seen += [one.id for one in page.conversations]
        mark = page.next
        if mark is None:
            break
        assert len(page.conversations) == 3
    assert seen == expected
    whole = store.conversations.list(OWNER, limit=7)
    assert [one.id for one in whole.conversations] == expected
    assert whole.next is None
    with pytest.raises(RequestError, match="next of a page"):
        store.conversations.list(OWNER, after="yesterday")


def test_search_looks_into_titles_questions_and_answers(store: Store) -> None:
    cache = begun(store, "How large is the KV cache?", "Größe in 100%?")
    named = begun(store, "What is LoRA?")
    store.conversations.rename(OWNER, named.id, "Cheap fine_tuning \\o/")
    begun(store, "How large is the KV cache?", owner="reader:b")

    def found(words: str) -> list[str]:
        return [one.id for one in store.conversations.search(OWNER, words).conversations]

    assert found("kv CACHE") == [cache.id]
    assert found("cache large how") == [cache.id]
    assert found("GRÖSSE") == [cache.id]
    assert found("ｌｏｒａ") == [named.id]
    assert found("weighing") == [named.id, cache.id]
    assert found("100%") == [cache.id]
    assert found("%") == [cache.id]
    assert found("_") == found("fine_tuning") == found("\\o/") == [named.id]
    assert found("10_%") == found("f%g") == found("cache lora") == found("' OR 1=1 --") == []
    assert found("  ") == found("") == [named.id, cache.id]


def test_rename_truncate_and_delete(store: Store) -> None:
    first, second = begun(store, "One?", "Two?", "Three?"), begun(store, "Other?")
    renamed = store.conversations.rename(OWNER, first.id, " My\nown ")
    assert renamed.title == "My own"
    assert [one.title for one in store.conversations.list(OWNER).conversations] == [
        "Other?", "My own",
    ]  # fmt: skip
    with pytest.raises(RequestError, match="title is empty"):
        store.conversations.rename(OWNER, first.id, " ")
    assert store.conversations.truncate(OWNER, first.id, 1) == 2
    turn = store.conversations.append(OWNER, first.id, exchange("Two, differently?"))
    assert turn.position == 1
    store.conversations.delete(OWNER, first.id)
    with pytest.raises(NotKept, match="no conversation"):
        store.conversations.open(OWNER, first.id)
    assert store.conversations.search(OWNER, "One").conversations == ()
    assert [one.id for one in store.conversations.list(OWNER).conversations] == [second.id]


def test_another_owner_sees_and_changes_nothing(store: Store) -> None:
    talk = begun(store, "Mine?")
    conversations, other = store.conversations, "reader:b"
    for forbidden in (
        lambda: conversations.open(other, talk.id),
        lambda: conversations.append(other, talk.id, exchange()),
        lambda: conversations.rename(other, talk.id, "Taken"),
        lambda: conversations.truncate(other, talk.id, 0),
        lambda: conversations.delete(other, talk.id),
    ):
        with pytest.raises(NotKept):
            forbidden()
    assert conversations.list(other).conversations == ()
    assert conversations.delete_all(other) == 0
    assert len(conversations.open(OWNER, talk.id).turns) == 1
    for nobody in ("", "x" * 201):
        with pytest.raises(RequestError, match="owner"):
            conversations.list(nobody)


def test_everything_of_an_owner_goes_at_once(store: Store) -> None:
    for owner in (OWNER, "reader:b"):
        begun(store, "One?", owner=owner)
        begun(store, "Two?", owner=owner)
        store.answers.keep([KeptAnswer(f"r-{owner}", owner, datetime.now(UTC), exchange())])
        store.feedback.add(owner, f"r-{owner}", exchange(), Judgement("up"))
    assert store.forget(OWNER) == 4
    assert store.conversations.list(OWNER).conversations == ()
    assert store.feedback.given(OWNER, f"r-{OWNER}") == ()
    with pytest.raises(NotKept):
        store.answers.find(OWNER, f"r-{OWNER}")
    assert len(store.conversations.list("reader:b").conversations) == 2
    assert len(store.feedback.given("reader:b", "r-reader:b")) == 1
    assert [one.owner for one in store.feedback.export()] == ["reader:b"]


async def test_the_event_loop_is_not_held_up(store: Store) -> None:
    talk = await store.run(store.conversations.create, OWNER, "Async?", "citewise-expert")
    await store.run(store.conversations.append, OWNER, talk.id, exchange())
    page = await store.run(store.conversations.list, OWNER, limit=1)
    assert [one.id for one in page.conversations] == [talk.id]
    with pytest.raises(NotKept):
        await store.run(store.conversations.open, OWNER, "conv_none")


@dataclass
class Model:
    """What a store should hold: conversations in the order of their last change, newest last."""

    talks: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def touch(self, identity: str) -> list[str]:
        title, questions = self.talks.pop(identity)
        self.talks[identity] = (title, questions)
        return questions


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "append", "append", "rename", "truncate", "delete"]),
        st.integers(0, 9),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
    ),
    max_size=12,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_a_store_does_what_a_dictionary_would(
    store: Store, steps: list[tuple[str, int, str]]
) -> None:
    owner, model = f"reader:{uuid.uuid4().hex}", Model()
    for action, number, text in steps:
        ids = list(model.talks)
        if action == "create" or not ids:
            talk = store.conversations.create(owner, text, "citewise-expert")
            model.talks[talk.id] = (title_of(text), [])
            continue
        _do(store, owner, model, action, ids[number % len(ids)], text, number)
    listed = store.conversations.list(owner, limit=100).conversations
    assert [(one.id, one.title) for one in reversed(listed)] == [
        (identity, title) for identity, (title, _) in model.talks.items()
    ]
    for identity, (_, questions) in model.talks.items():
        turns = store.conversations.open(owner, identity).turns
        assert [turn.exchange.question for turn in turns] == questions
        assert [turn.position for turn in turns] == list(range(len(questions)))


def _do(
    store: Store, owner: str, model: Model, action: str, identity: str, text: str, number: int
) -> None:
    match action:
        case "append":
            turn = store.conversations.append(owner, identity, Exchange(text, exchange().answer))
            questions = model.touch(identity)
            assert turn.position == len(questions)
            questions.append(text)
        case "rename" if title_of(text):
            store.conversations.rename(owner, identity, text)
            model.talks[identity] = (title_of(text), model.talks[identity][1])
        case "truncate":
            store.conversations.truncate(owner, identity, number)
            del model.talks[identity][1][number:]
        case "delete":
            store.conversations.delete(owner, identity)
            del model.talks[identity]
