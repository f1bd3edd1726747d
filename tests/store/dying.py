"""Processes that write until they are killed, and what they leave; run as a command.

One process loads everything once and forks the others, each with a store of its own. What a
child has committed it reports before it goes on, so that its parent knows what must be there.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from app.record.errors import StoreError
from app.store import KeptAnswer, Store, open_store
from app.store.tables import AnswerRow
from tests.store.conftest import OWNER, exchange

ROUNDS = 40
_TOGETHER = 3  # answers that are kept in one transaction


def _write_on(where: str, talk: str, start: int, reports: int) -> None:
    with closing(open_store(where)) as store:
        number = start
        while True:
            turn = store.conversations.append(OWNER, talk, exchange(f"Question {number}?"))
            os.write(reports, f"turn {turn.position}\n".encode())
            now = datetime.now(UTC)
            store.answers.keep(
                [KeptAnswer(f"{number}-{k}", OWNER, now, exchange()) for k in range(_TOGETHER)]
            )
            os.write(reports, f"kept {number}\n".encode())
            number += 1


def _killed_writer(where: str, talk: str, start: int, seconds: float) -> list[str]:
    """Let a child write, kill it some time after its first report; return what it reported."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _write_on(where, talk, start, writer)
    os.close(writer)
    with open(reader, "rb") as reports:
        first = reports.readline()
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        said = (first + reports.read()).decode().splitlines()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended == -signal.SIGKILL, f"the writer ended by itself: {ended}"
    return said


def _kept(store: Store) -> Counter[int]:
    """How many answers are there of each transaction."""
    with store.database.reading() as session:
        return Counter(int(key.partition("-")[0]) for key in session.scalars(select(AnswerRow.id)))


def _checked(store: Store, talk: str, kept: set[int]) -> dict[str, Any]:
    thread = store.conversations.open(OWNER, talk)
    found = _kept(store)
    sound = True
    if store.database.is_sqlite:
        with store.database.reading() as session:
            sound = session.scalar(text("PRAGMA integrity_check")) == "ok"
            sound &= not session.execute(text("PRAGMA foreign_key_check")).all()
    return {
        "positions": [turn.position for turn in thread.turns],
        "whole": all(turn.exchange.answer == exchange().answer for turn in thread.turns),
        "dated": thread.conversation.updated >= thread.turns[-1].created,
        "lost": sorted(kept - set(found)),
        "half": [number for number, there in found.items() if there != _TOGETHER],
        "sound": sound,
    }


def kill(where: str) -> list[dict[str, Any]]:
    """Kill a writer at forty moments; look at the database after each."""
    with closing(open_store(where)) as store:
        talk = store.conversations.create(OWNER, "Killed?", "citewise-expert").id
    outcomes, start, chance = [], 0, random.Random(7)
    for _ in range(ROUNDS):
        said = _killed_writer(where, talk, start, chance.uniform(0, 0.04))
        turns = [int(line.split()[1]) for line in said if line.startswith("turn")]
        kept = {int(line.split()[1]) for line in said if line.startswith("kept")}
        with closing(open_store(where)) as store:
            found = _checked(store, talk, kept)
        outcomes.append({"reported": turns, **found})
        start += len(said) + 1
    return outcomes


def together(where: str) -> list[dict[str, Any]]:
    """Four processes write to one conversation and one of their own each, 20 turns to both."""
    with closing(open_store(where)) as store:
        shared = store.conversations.create(OWNER, "Shared?", "citewise-expert").id
    children = []
    for name in "abcd":
        child = os.fork()
        if child == 0:
            with closing(open_store(where)) as store:
                own = store.conversations.create(f"alone:{name}", name, "citewise-expert").id
                for number in range(20):
                    store.conversations.append(OWNER, shared, exchange(f"{name} {number}"))
                    store.conversations.append(f"alone:{name}", own, exchange(f"{number}"))
            os._exit(0)
        children.append(child)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    with closing(open_store(where)) as store:
        turns = store.conversations.open(OWNER, shared).turns
        own_counts = []
        for name in "abcd":
            (talk,) = store.conversations.list(f"alone:{name}").conversations
            own_turns = store.conversations.open(f"alone:{name}", talk.id).turns
            own_counts.append([turn.exchange.question for turn in own_turns])
    return [
        {
            "statuses": statuses,
            "positions": [turn.position for turn in turns],
            "questions": sorted(turn.exchange.question for turn in turns),
            "own": own_counts,
        }
    ]


def begin(where: str) -> list[dict[str, Any]]:
    """Six processes open an empty database at once and write to it."""
    go_reader, go_writer = os.pipe()
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            os.close(go_writer)
            os.read(go_reader, 1)  # returns once the parent closes its end
            with closing(open_store(where)) as store:
                store.conversations.create(OWNER, "First?", "citewise-expert")
            os._exit(0)
        children.append(child)
    os.close(go_writer)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    with closing(open_store(where)) as store:
        number = len(store.conversations.list(OWNER).conversations)
    return [{"statuses": statuses, "conversations": number}]


def read_only(where: str) -> list[dict[str, Any]]:
    """Open and write as a user who may only read; say what was said."""
    with closing(open_store(where)):
        pass
    Path(where).chmod(0o444)
    Path(where).parent.chmod(0o555)
    if os.geteuid() == 0:
        os.setuid(65534)
    said = []
    for path in (where, str(Path(where).parent / "other.db")):
        try:
            with closing(open_store(path)):
                said.append({"said": "opened"})
        except StoreError as error:
            said.append({"said": str(error)})
    return said


if __name__ == "__main__":
    scenario = {"kill": kill, "together": together, "begin": begin, "read-only": read_only}
    for line in scenario[sys.argv[1]](sys.argv[2]):
        sys.stdout.write(json.dumps(line) + "\n")
