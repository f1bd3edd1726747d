"""`app db` and `app feedback`: the tables' version, and what readers said."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from app.config.flags import chosen
from app.config.settings import load_settings
from app.record.errors import RequestError
from app.store.database import Database, database_url
from app.store.opening import open_store
from app.store.records import Feedback
from app.store.schema import REVISION, revision_of, upgrade
from index.cli import print_json, say

__all__ = ["db", "feedback", "feedback_line"]


def db(options: argparse.Namespace) -> int:
    """Bring the tables up to date, or tell their version; status 1: they are not up to date."""
    with closing(Database(database_url(load_settings(**chosen(options)).database))) as base:
        found = _found(base)
        if options.action == "upgrade":
            if base.file is not None:
                base.create_file()
            upgrade(base)
            _tell(options, base, REVISION, before=found)
            return 0
        _tell(options, base, found)
        return 0 if found == REVISION else 1


def _found(base: Database) -> str | None:
    if base.file is not None and not base.file.exists():
        return None
    with base.reading() as session:
        return revision_of(session.connection())


def _tell(options: argparse.Namespace, base: Database, now: str | None, **more: Any) -> None:  # noqa: ANN401 - JSON
    if options.json:
        print_json({"database": base.shown, "revision": now, "newest": REVISION, **more})
        return
    print(now or "none")
    if now == REVISION:
        say(f"the tables of {base.shown} are up to date")
    else:
        say(f"expected {REVISION} in {base.shown}; upgrade with: python -m app db upgrade")


def feedback(options: argparse.Namespace) -> int:
    """Print all feedback as JSON lines, oldest first."""
    since = _moment(options.since)
    with closing(open_store(load_settings(**chosen(options)).database, create=False)) as s:
        number = 0
        for one in s.feedback.export(since=since):
            print_json(feedback_line(one))
            number += 1
    say(f"{number} exported")
    return 0


def _moment(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise RequestError(
            f"--since is {given[:40]!r}, expected a date such as 2026-01-31, or a moment such as "
            "2026-01-31T12:00:00+00:00",
            field="since",
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def feedback_line(one: Feedback) -> dict[str, Any]:
    """The JSON form of feedback: what is said, of which question, answer and passages."""
    exchange, judgement = one.exchange, one.judgement
    hits = exchange.found.hits if exchange.found else ()
    return {
        "id": one.id,
        "created": one.created.isoformat(timespec="seconds"),
        "owner": one.owner,
        "subject": one.subject,
        **asdict(judgement),
        "question": exchange.question,
        "history": [asdict(message) for message in exchange.history],
        "persona": exchange.answer.persona,
        "answer": exchange.answer.as_dict(),
        "hits": [
            {"ref": hit.passage.id, "topic": hit.passage.topic, "score": round(hit.score, 4)}
            for hit in hits
        ],
    }
