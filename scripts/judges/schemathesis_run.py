"""schemathesis on the server's own OpenAPI: no 5xx, nothing that is not documented."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.judges.environments import Missing, python_env, versions_of
from scripts.judges.model_server import running_model
from scripts.judges.report import JudgeReport, table
from scripts.judges.serving import citewise

__all__ = ["judge_schema"]

_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_LARGE_OPERATIONS = 4  # those with a body; the others have few cases


def judge_schema(cases: int) -> JudgeReport:
    """Run at least `cases` generated requests against every operation.

    Raises:
        Missing: schemathesis can't be installed or does not finish.
    """
    python = python_env("schemathesis")
    with (
        running_model() as model,
        citewise(model_url=model.url) as address,
        tempfile.TemporaryDirectory() as folder,
    ):
        found = _run(str(python.with_name("schemathesis")), address, cases, Path(folder))
    counts = found["test_cases"]
    tested = found["operations"]["tested"]
    failures = [
        [str(failure.get(name, "")) for name in ("operation", "title", "message")]
        for failure in found["failures"]
    ]
    failures += [["", error["title"], f"{error['count']} times"] for error in found["errors"]]
    enough = counts["generated"] >= cases and tested == found["operations"]["total"]
    body = (
        f"{versions_of('schemathesis')}, phases coverage and fuzzing, seed {found['seed']}: "
        f"**{counts['generated']:,} cases** on all {tested} operations of /openapi.json, "
        f"{counts['with_failures']:,} with failures, {counts['errored']:,} errors. "
        f"Checks: {', '.join(_CHECKS)}."
    )
    if failures:
        body += "\n\n" + table(["operation", "failure", "what"], failures[:50])
    return JudgeReport("schema", "schemathesis", body, enough and not failures)


def _run(command: str, address: str, cases: int, folder: Path) -> dict[str, Any]:
    report = folder / "report.json"
    done = subprocess.run(
        [
            command, "run", f"{address}/openapi.json",
            "--phases", "coverage,fuzzing",
            "--max-examples", str(-(-cases // _LARGE_OPERATIONS)),
            "--workers", "2", "--seed", "1", "--continue-on-failure",
            "--request-timeout", "120",
            "--checks", ",".join(_CHECKS),
            "--report", "json", "--report-json-path", str(report),
        ],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if not report.is_file():
        raise Missing(f"schemathesis ended with {done.returncode}: {done.stdout[-600:]}")
    if done.returncode:
        print(done.stdout[-6000:], file=sys.stderr)
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found
