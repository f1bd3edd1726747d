"""Each client asks, streamed and whole: the same text, and the citations that it can show."""

from __future__ import annotations

import re
import sys

from scripts.judges.asking import ALL, Client, RunningClient, asked
from scripts.judges.environments import versions_of
from scripts.judges.model_server import running_model
from scripts.judges.report import JudgeReport, table
from scripts.judges.serving import QUESTION, citewise

__all__ = ["judge_clients"]

_MARKER = re.compile(r"\[\d+\]")


def judge_clients() -> JudgeReport:
    """Ask with every client.

    Raises:
        Missing: a client can't be installed or started.
    """
    rows, fine = [], True
    with running_model() as model, citewise(model_url=model.url) as address:
        for client in ALL:
            print(f"• {client.title}", file=sys.stderr)
            with asked(client, address) as running:
                row, passed = _row(client, running)
            rows.append(row)
            fine = fine and passed
    head = ["client", "version", "whole", "streamed", "citations in its own objects"]
    body = (
        f"Every client asks “{QUESTION}” of the real server, whose model is a scripted server that "
        "quotes its evidence. ✓: the whole text came, with its `[n]` markers, the same streamed "
        "and whole. The last column: how many citations the client shows beside the text, "
        "whole / streamed; 0 where it drops what it has no place for.\n\n" + table(head, rows)
    )
    return JudgeReport("clients", "Clients", body, fine)


def _row(client: Client, running: RunningClient) -> tuple[list[str], bool]:
    whole, streamed = running.ask("whole"), running.ask("stream")
    marks = [
        "✓" if said.error is None and _MARKER.search(said.text) and said.text == whole.text
        else f"✗ {said.error or 'another text'}"
        for said in (whole, streamed)
    ]  # fmt: skip
    version = "" if client.environment == "curl" else versions_of(client.environment)
    if client.environment == "node":
        wanted = ("openai ",) if "openai_node" in client.script else ("ai ", "@ai-sdk")
        version = ", ".join(part for part in version.split(", ") if part.startswith(wanted))
    shown = f"{len(whole.cited)} / {len(streamed.cited)}"
    return [client.title, version, *marks, shown], marks == ["✓", "✓"]
