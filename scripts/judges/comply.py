"""llm-comply, for chat completions and for Responses."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from scripts.judges.environments import Missing, python_env, versions_of
from scripts.judges.model_server import running_model
from scripts.judges.report import JudgeReport, table
from scripts.judges.serving import EXPERT, citewise

__all__ = ["judge_comply"]

_BY_DESIGN = {
    "tool-calling": "a tool that must be called is a 400 with `param`: Citewise calls none",
    "image-input": "an image is a 400 with `param`: only text is read, nothing is ever fetched",
}


def judge_comply() -> JudgeReport:
    """Run both formats.

    Raises:
        Missing: llm-comply can't be installed or started.
    """
    python = python_env("llm-comply")
    rows, fine = [], True
    with running_model() as model, citewise(model_url=model.url) as address:
        for format_ in ("openai-chat", "open-responses"):
            for result in _results(str(python.with_name("llm-comply")), format_, address):
                row, passed = _row(format_, result)
                rows.append(row)
                fine = fine and passed
    green = sum(row[2].startswith("✓") for row in rows)
    body = (
        f"{versions_of('llm-comply')} against the real server: {green} of {len(rows)} green.\n\n"
        + table(["format", "test", "result", "why"], rows)
    )
    return JudgeReport("comply", "llm-comply", body, fine)


def _results(command: str, format_: str, address: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [command, "--format", format_, "-u", f"{address}/v1", "-k", "none", "-m", EXPERT, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    except (ValueError, KeyError) as error:
        raise Missing(f"llm-comply said: {done.stdout[-300:]}{done.stderr[-300:]}") from error
    return found


def _row(format_: str, result: dict[str, Any]) -> tuple[list[str], bool]:
    problems = [*result.get("errors", ()), *result.get("warnings", ())]
    status = result["status"]
    name = result["id"].removeprefix("chat-")
    design = _BY_DESIGN.get(name) if status == "failed" else None
    mark = {"passed": "✓", "failed": "✗", "skipped": "–"}[status]
    why = design or "; ".join(problem[:160] for problem in problems)
    return [format_, result["name"], mark, why], status != "failed" or bool(design)
