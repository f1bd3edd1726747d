"""`app ask --replay`: a recorded answer is asked again, under the same prompt and seed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.answer.pipeline import Pipeline
from app.answer.prompt_builder import Delimiter
from app.record.errors import RequestError
from app.record.types import Answer, Final
from index.cli import say

__all__ = ["read_record", "replay"]

_EXACT = ("index_fingerprint", "model", "prompt_sha256", "text")


def read_record(path: Path) -> Answer:
    """Read what `app ask --json` printed.

    Raises:
        RequestError: the file can't be read or is no record of an answer with its question.
    """
    try:
        record = TypeAdapter(Answer).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror or error}", field="replay") from error
    except ValidationError as error:
        issue = error.errors()[0]
        place = ".".join(str(part) for part in issue["loc"]) or "the record"
        raise RequestError(
            f"{path}: {place}: {issue['msg']}; expected what app ask --json prints", field="replay"
        ) from error
    except ValueError as error:
        raise RequestError(
            f"{path}: {error}; expected what app ask --json prints", field="replay"
        ) from error
    if record.question is None:
        raise RequestError(f"{path}: the record names no question", field="replay")
    return record


async def replay(pipeline: Pipeline, record: Answer) -> bool:
    """Answer a record's question again and say what differs; whether nothing does.

    Raises:
        RequestError: as `Pipeline.answer` does.
    """
    assert record.question is not None
    question = replace(record.question, sampling=record.sampling)
    delimiter = Delimiter(record.delimiter) if record.delimiter else None
    async for event in pipeline.answer(question, delimiter=delimiter):
        if isinstance(event, Final):
            now = event.answer
    print(now.text)
    differing = [name for name in _EXACT if getattr(now, name) != getattr(record, name)]
    for name in differing:
        if name != "text":
            say(f"{name} was {getattr(record, name)}, is {getattr(now, name)}")
    say("the same answer" if not differing else f"not the same: {', '.join(differing)} differ")
    return not differing
