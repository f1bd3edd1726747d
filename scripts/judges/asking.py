"""The clients as processes that are asked line by line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scripts.judges.environments import CLIENTS, Missing, node_env, python_env
from scripts.judges.serving import EXPERT, QUESTION

__all__ = ["ALL", "Client", "ClientAnswer", "RunningClient", "Way", "asked"]

Way = Literal["whole", "stream"]


@dataclass(frozen=True, slots=True)
class Client:
    """A client: what it is called, its environment, and the script that asks with it."""

    title: str
    environment: str
    script: str
    provider: str = ""

    def command(self) -> list[str]:
        """How it is started.

        Raises:
            Missing: its environment can't be made.
        """
        if self.environment == "node":
            return ["node", str(node_env() / self.script)]
        if self.environment == "curl" and shutil.which("curl") is None:
            raise Missing("curl is not installed; get it with: sudo apt-get install curl")
        python = sys.executable if self.environment == "curl" else python_env(self.environment)
        return [str(python), str(CLIENTS / self.script)]


ALL = (
    Client("openai-python, chat", "openai-python", "openai_python.py"),
    Client("openai-python, Responses", "openai-python", "openai_python_responses.py"),
    Client("openai-node, chat", "node", "openai_node.mjs"),
    Client("openai-node, Responses", "node", "openai_node_responses.mjs"),
    Client("LangChain", "langchain", "langchain_openai_chat.py"),
    Client("LlamaIndex", "llamaindex", "llamaindex.py"),
    Client("LiteLLM", "litellm", "litellm_completion.py"),
    Client("llm", "llm", "llm_prompt.py"),
    Client("Vercel AI SDK, OpenAI chat", "node", "ai_sdk.mjs", "chat"),
    Client("Vercel AI SDK, OpenAI Responses", "node", "ai_sdk.mjs", "responses"),
    Client("Vercel AI SDK, compatible", "node", "ai_sdk.mjs", "compatible"),
    Client("curl", "curl", "curl.py"),
)


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """What a client made of an answer: its text, the addresses it cites, the error it raised."""

    text: str
    cited: tuple[str, ...]
    error: str | None


class RunningClient:
    """A client that runs."""

    def __init__(self, process: subprocess.Popen[str], title: str) -> None:
        self._process, self._title = process, title

    def ask(self, way: Way) -> ClientAnswer:
        """Ask the question once.

        Raises:
            Missing: the client's process died.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{way}\n")
        self._process.stdin.flush()
        said = self.line()
        return ClientAnswer(said["text"] or "", tuple(said["cited"]), said["error"])

    def line(self) -> dict[str, Any]:
        """The next line of JSON that the process prints."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise Missing(f"the client {self._title} ended with status {self._process.wait()}")


@contextmanager
def asked(client: Client, address: str) -> Iterator[RunningClient]:
    """A client for as long as the block runs."""
    env = {
        **os.environ,
        "JUDGE_URL": address,
        "JUDGE_MODEL": EXPERT,
        "JUDGE_QUESTION": QUESTION,
        "JUDGE_PROVIDER": client.provider,
        "NO_PROXY": "127.0.0.1",
    }
    process = subprocess.Popen(
        client.command(), cwd=Path.cwd(), env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=None if env.get("JUDGE_VERBOSE") else subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        running = RunningClient(process, client.title)
        running.line()
        yield running
    finally:
        process.kill()
        process.wait()
