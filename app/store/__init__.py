"""Conversations, answers, links and feedback in a database: an SQLite file, or PostgreSQL by URL.

One `Store` is opened for a process and shared by the page and the endpoint (`app.state.store`):

    store = open_store(settings.database)
    thread = store.conversations.begin("reader:7f3a", Exchange(question, answer, found))
    talk = thread.conversation
    store.conversations.append("reader:7f3a", talk.id, Exchange(another, its_answer, its_found))
    for one in store.conversations.list("reader:7f3a").conversations: ...
    thread = store.conversations.open("reader:7f3a", talk.id)
    thread.turns[0].exchange.answer.citations   # as they were, quotes and offsets included

Every method is synchronous and whole: when it returns, what it changed is committed. Code that
runs on the event loop calls it as `await store.run(store.conversations.list, owner)`, which
uses threads of the store's own, so that a database that hangs holds up nothing else.

An owner is an opaque text of 1 to 200 characters: a page's reader by the id in a cookie, a
program by its key's name. Each owner sees and changes its own records alone; another's id is
answered as one that doesn't exist.
"""

from __future__ import annotations

from app.store.opening import Store, open_store
from app.store.records import (
    REASONS,
    Also,
    ConversationHead,
    Exchange,
    Feedback,
    Judgement,
    KeptAnswer,
    Linked,
    Page,
    Rating,
    Reason,
    Shared,
    StoredTurn,
    Thread,
)

__all__ = [
    "REASONS",
    "Also",
    "ConversationHead",
    "Exchange",
    "Feedback",
    "Judgement",
    "KeptAnswer",
    "Linked",
    "Page",
    "Rating",
    "Reason",
    "Shared",
    "Store",
    "StoredTurn",
    "Thread",
    "open_store",
]
