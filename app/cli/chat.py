"""`app chat`: a conversation in the terminal, with history; answers stream as they are checked."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.answer.pipeline import Pipeline
from app.cli.ask import opened_pipeline, print_sources
from app.config import personas
from app.record.types import Answer, Delta, Final, Message, Question
from index.cli import say
from index.errors import CitewiseError
from index.files import put

__all__ = ["chat"]

_HELP = """\
Ask anything, go on from what was answered ("shorter", "an example?", "and for GQA?").
  /persona NAME   answer as expert, architect or engineer (add +research), or list them
  /sources        the sources of the last answer
  /export FILE    write the conversation as Markdown
  /new            begin anew, without history
  /quit           leave (also Ctrl-D); Ctrl-C stops an answer"""
_MOST_TURNS = 40


@dataclass
class _Conversation:
    """What was said so far, and who answers."""

    persona: str
    sources: tuple[str, ...] = ()
    messages: list[Message] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


def chat(options: argparse.Namespace) -> int:
    """Talk until the input ends."""
    talk = _Conversation(options.persona or "citewise-expert", tuple(options.source))
    with asyncio.Runner() as runner:
        pipeline = opened_pipeline(options)
        personas.resolve(talk.persona, pipeline.personas)
        say("Citewise. Ask, or /help.")
        try:
            while (line := _line()) is not None:
                if line.startswith("/"):
                    if not _obeyed(line, talk, pipeline):
                        break
                elif line:
                    _asked(line, talk, pipeline, runner)
        finally:
            runner.run(pipeline.model.close())
    return 0


def _line() -> str | None:
    """Read a line; None where the input has ended."""
    if sys.stdin.isatty():
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - gives the line its history and its keys
    try:
        return input("\n> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return None
    except KeyboardInterrupt:
        print()
        return ""


def _asked(line: str, talk: _Conversation, pipeline: Pipeline, runner: asyncio.Runner) -> None:
    said = tuple(talk.messages[-_MOST_TURNS:])
    question = Question(line, said, persona=talk.persona, sources=talk.sources)
    shown: list[str] = []
    try:
        answer = runner.run(_answer(pipeline, question, shown.append))
    except KeyboardInterrupt:
        say("\nstopped")
        answer = None
    except CitewiseError as error:
        say(f"\n{error}")
        return
    if answer is not None:
        talk.answers.append(answer)
        print_sources(answer)
    # What was shown is known, stopped or not: it can be referred to.
    talk.messages += [Message("user", line), Message("assistant", "".join(shown))]


async def _answer(
    pipeline: Pipeline, question: Question, show: Callable[[str], None]
) -> Answer | None:
    answer: Answer | None = None
    async with contextlib.aclosing(pipeline.answer(question)) as events:
        async for event in events:
            if isinstance(event, Delta):
                print(event.text, end="", flush=True)
                show(event.text)
            elif isinstance(event, Final):
                answer = event.answer
    print()
    return answer


def _obeyed(line: str, talk: _Conversation, pipeline: Pipeline) -> bool:
    """Carry a command out; False where it ends the conversation."""
    command, _, rest = line.partition(" ")
    rest = rest.strip()
    if command in ("/quit", "/exit", "/q"):
        return False
    if command == "/persona":
        _switch(rest, talk, pipeline)
    elif command == "/sources" and talk.answers:
        print_sources(talk.answers[-1])
    elif command == "/export" and rest:
        _export(Path(rest), talk)
    elif command == "/new":
        talk.messages.clear()
        talk.answers.clear()
        say("a new conversation")
    else:
        say(_HELP)
    return True


def _switch(name: str, talk: _Conversation, pipeline: Pipeline) -> None:
    names = personas.listed(pipeline.personas)
    wanted = name if name in names else f"citewise-{name}"
    if wanted in names:
        talk.persona = wanted
        say(f"answers as {wanted}")
    else:
        say(
            f"got the persona {name!r}, expected one of: {', '.join(names)}"
            if name
            else ", ".join(names)
        )


def _export(path: Path, talk: _Conversation) -> None:
    lines: list[str] = []
    for message in talk.messages:
        lines += [f"## {message.content}" if message.role == "user" else message.content, ""]
    cited = {c.title: c.url for answer in talk.answers for c in answer.citations}
    if cited:
        lines += ["## Sources", "", *(f"- {title} {url}".rstrip() for title, url in cited.items())]
    try:
        put(path, "\n".join(lines).rstrip() + "\n")
    except OSError as error:
        say(f"{path} can't be written: {error.strerror}; name a file in a folder that exists")
    else:
        say(f"written: {path}")
