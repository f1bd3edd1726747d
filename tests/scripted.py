"""The one stand-in for the pipeline: tests say what it plays; and a server on a free port."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import uvicorn

from app.answer.pipeline import PipelineSettings
from app.chat_models.scripted import ScriptedChatModel
from app.config.personas import Persona
from app.record.checked import Checked, CheckedSentence
from app.record.hooks import Observers
from app.record.types import Event, Question, Retrieved


@dataclass
class ScriptedPipeline:
    """Plays events; remembers what was asked, and counts what runs and what was cut short.

    A subclass writes the script: what `retrieve` finds, and the events of an answer after it.
    """

    model: ScriptedChatModel = field(default_factory=lambda: ScriptedChatModel(["A", " title"]))
    personas: Mapping[str, Persona] = field(default_factory=dict)
    settings: PipelineSettings = field(default_factory=PipelineSettings)
    parts: dict[str, bool] = field(default_factory=lambda: {"index": True, "model": True})
    observers: Observers = field(default_factory=Observers)
    questions: list[Question] = field(default_factory=list)
    renewing: bool = False
    running: int = 0
    most_running: int = 0
    cut: int = 0

    @abstractmethod
    async def retrieve(self, question: Question) -> Retrieved:
        """What is found for a question."""

    async def sources(self) -> tuple[str, ...]:
        """Two, so that they can be chosen."""
        return ("ai", "handbook")

    async def check(self, text: str) -> Checked:
        """One sentence, of which nothing is known."""
        sentence = CheckedSentence(text, 0, len(text), "not_in_sources")
        return Checked(text, (sentence,), "scripted", datetime(2026, 1, 2, tzinfo=UTC))

    @abstractmethod
    def played(self, question: Question, found: Retrieved) -> AsyncGenerator[Event, None]:
        """The events that follow, the final one last."""

    async def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        self.questions.append(question)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        finished = False
        try:
            found = await self.retrieve(question)
            yield found
            async with contextlib.aclosing(self.played(question, found)) as events:
                async for event in events:
                    yield event
            finished = True
        finally:
            self.running -= 1
            self.cut += not finished

    async def health(self) -> dict[str, bool]:
        return self.parts


def until(what: str, condition: Callable[[], bool], seconds: float = 60) -> float:
    """Wait for it; the seconds that it took."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if condition():
            return time.monotonic() - begun
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


@contextlib.contextmanager
def listening(app: Any, port: int = 0, **options: Any) -> Iterator[str]:
    """Serve an application on a port of this machine, by default a free one; give its address."""
    config = uvicorn.Config(
        app,
        **{
            "log_config": None, "access_log": False, "ws": "none", "timeout_graceful_shutdown": 3,
            **options,
        },
    )  # fmt: skip
    with running(uvicorn.Server(config), port) as url:
        yield url


@contextlib.contextmanager
def running(server: uvicorn.Server, port: int = 0) -> Iterator[str]:
    """Run a server in a thread until the block ends."""
    # With the protocol named, asyncio switches Nagle's algorithm off; else replies take 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(15)
        assert not thread.is_alive()
