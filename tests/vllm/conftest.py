"""A real vLLM on the CPU with the small model, and the whole product in front of it."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.chat_models.openai_compatible import OpenAiCompatibleModel
from app.record.types import Message
from scripts.vllm.choice import Table
from scripts.vllm.environment import HOME, ready_environment, small_model
from scripts.vllm.server import RunningServer, command, running
from tests.test_end_to_end import serving, wait_for

_START_SECONDS = 1800.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.vllm)
            item.add_marker(pytest.mark.timeout(2400))


class Engine:
    """The server, which can be killed and started again, and what it tells of itself."""

    def __init__(self, folder: Path) -> None:
        ready_environment("cpu")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._log = folder / "vllm.log"
        self._earlier = ""
        self._stack = ExitStack()
        self.server: RunningServer | None = None
        self.model = small_model()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def start(self) -> None:
        plan = Table.shipped().for_cpu(self.model)
        # Most of a start is compilation, which has no part in what is tested.
        more = ["--enable-log-requests", "--enforce-eager"]
        words = command(plan, "cpu", "127.0.0.1", self.port, more)
        plan.environment["VLLM_CACHE_ROOT"] = str(HOME / "cache")
        started = running(plan, words, self.url, self._log, _START_SECONDS)
        self.server = self._stack.enter_context(started)

    def kill(self) -> None:
        assert self.server is not None
        self.server.kill()
        self._earlier += self._log.read_text(encoding="utf-8")
        self._stack.close()
        self._stack = ExitStack()

    def stop(self) -> None:
        self._stack.close()

    def log(self) -> str:
        return self._earlier + self._log.read_text(encoding="utf-8")

    def metric(self, name: str) -> float:
        """A counter or gauge of vLLM, summed over its labels."""
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=10) as reply:
            lines = reply.read().decode().splitlines()
        found = [line for line in lines if re.match(rf"{re.escape(name)}[{{ ]", line)]
        assert found, f"vLLM has no metric {name}"
        return sum(float(line.rpartition(" ")[2]) for line in found)

    @property
    def running(self) -> float:
        return self.metric("vllm:num_requests_running")

    def tokens(self, *messages: Message) -> int:
        async def count() -> int:
            model = OpenAiCompatibleModel(self.url)
            try:
                return await model.count_tokens(messages)
            finally:
                await model.close()

        return asyncio.run(count())


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    started = Engine(tmp_path_factory.mktemp("vllm"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def address(
    engine: Engine, shipped_index: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Citewise in front of it. What the small model writes is kept, supported or not."""
    words = ["--index", str(shipped_index), "--model-url", engine.url]
    words += ["--answer-mode", "draft", "--unsupported", "keep"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITEWISE_MAX_QUESTION_CHARS", "200000")
        # Engine and search share the cores, and sixteen long prompts at once take them their time.
        patch.setenv("CITEWISE_RETRIEVE_SECONDS", "120")
        patch.setenv("CITEWISE_MODEL_TIMEOUT", "400")
        patch.setenv("CITEWISE_MODEL_FIRST_TOKEN_SECONDS", "400")
        patch.setenv("CITEWISE_BREAKER_FAILURES", "2")
        patch.setenv("CITEWISE_BREAKER_SECONDS", "1")
        patch.setenv("PYTHONPATH", os.getcwd())
        with serving(tmp_path_factory.mktemp("citewise"), *words) as at:
            wait_for(at, "/readyz")
            yield at
