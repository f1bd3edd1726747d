"""The model breaks behind the server: every client must raise, none may take a cut answer."""

from __future__ import annotations

import sys
import time

import httpx

from scripts.judges.asking import ALL, RunningClient, Way, asked
from scripts.judges.environments import Missing
from scripts.judges.model_server import FAULTS, Fault, ModelServer, running_model
from scripts.judges.report import JudgeReport, table
from scripts.judges.serving import EXPERT, QUESTION, citewise

__all__ = ["judge_faults"]

_MODEL_TIMEOUT = 1.0
_RECOVERS_SECONDS = 60.0
_WAYS: tuple[Way, ...] = ("whole", "stream")


def judge_faults() -> JudgeReport:
    """Break the model in every way under every client.

    Raises:
        Missing: a client can't be installed or started, or the server does not recover.
    """
    rows, fine = [], True
    with (
        running_model() as model,
        citewise(model_url=model.url, model_timeout=_MODEL_TIMEOUT) as address,
    ):
        for client in ALL:
            print(f"• {client.title}", file=sys.stderr)
            with asked(client, address) as running:
                cells = [_cell(fault, running, model, address) for fault in FAULTS]
            rows.append([client.title, *cells])
            fine = fine and all("**" not in cell for cell in cells)
    body = (
        "The same clients and server; the scripted model behind it is unreachable, dies in "
        "mid-stream, sends garbage, hangs, sends half a chunk, or answers 500 or 429. Each cell "
        "is what the client raised, whole / streamed; **an answer** would mean that it took a cut "
        "answer for a whole one. After each fault the server answers again.\n\n"
        + table(["client", *FAULTS], rows)
    )
    return JudgeReport("faults", "Faults", body, fine)


def _cell(fault: Fault, running: RunningClient, model: ModelServer, address: str) -> str:
    raised = []
    for way in _WAYS:
        model.break_as(fault)
        try:
            raised.append(running.ask(way).error or "**an answer**")
        finally:
            model.break_as(None)
        _recover(address)
    return raised[0] if raised[0] == raised[1] else " / ".join(raised)


def _recover(address: str) -> None:
    """Ask until the server answers again.

    Raises:
        Missing: it does not.
    """
    body = {"model": EXPERT, "messages": [{"role": "user", "content": QUESTION}]}
    deadline = time.monotonic() + _RECOVERS_SECONDS
    while time.monotonic() < deadline:
        reply = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=30)
        if reply.status_code == 200:
            return
        time.sleep(0.5)
    raise Missing(f"the server does not answer again: {reply.status_code} {reply.text[:200]}")
