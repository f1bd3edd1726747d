"""openai-python's own tests, from its source distribution, where they touch what is served."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.judges.environments import HOME, Missing, python_env, versions_of
from scripts.judges.model_server import running_model
from scripts.judges.report import JudgeReport, table
from scripts.judges.serving import EXPERT, citewise

__all__ = ["judge_suite"]

_FILES = (
    "tests/api_resources/chat/test_completions.py",
    "tests/api_resources/test_responses.py",
    "tests/api_resources/test_models.py",
    "tests/api_resources/test_embeddings.py",
)
# Their tests name OpenAI's models; a server that has others would only ever say 404.
_NAMES = {"gpt-6-astra": EXPERT, "text-embedding-3-small": "citewise-dpr"}
# What a failure's message shows, and why it is by design.
_NOT_SERVED = "not served: nothing is kept on the server"
_BY_DESIGN = (
    (r"nothing is served at|Error code: 405", _NOT_SERVED),
    (r"model is missing", "`model` and `input` are required here"),
    (r"invalid for expected schema", "the client asks for base64, which its strict mode refuses"),
    (r"logprobs: |top_logprobs: ", "log probabilities are refused with `param`"),
    (r"max_(completion_)?tokens: got 0", "no answer of 0 tokens is written"),
    (r"(max_output_tokens|top_logprobs): got", "the value is out of its range here"),
    (r"dimensions: got 1", "the encoder's vectors can't be shortened"),
    (r"previous_response_id: |conversation: |background: |prompt: ", "nothing is kept here"),
    (r"tool_choice: ", "a tool that must be called is refused with `param`"),
    (r"input_image|input_file|item_reference", "only text is read"),
)
_ERROR = re.compile(r"^E\s+(openai\.\S+|\w+Error): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One of their tests, its parametrisations folded: how it ended, and what it said."""

    file: str
    test: str
    status: str
    said: str


def judge_suite() -> JudgeReport:
    """Run the tests.

    Raises:
        Missing: the distribution or its environment can't be had.
    """
    python = python_env("openai-suite")
    folder = _distribution()
    with running_model() as model, citewise(model_url=model.url) as address:
        outcomes = list(_run(python, folder, address))
    passed = sum(outcome.status == "passed" for outcome in outcomes)
    foreign = sum(_why(outcome) == _NOT_SERVED for outcome in outcomes)
    counted = Counter((_why(outcome), outcome.file, outcome.test) for outcome in outcomes)
    rows = [
        [why, file, f"{test} ({number})"]
        for (why, file, test), number in sorted(counted.items())
        if why and why != _NOT_SERVED
    ]
    explained = {"", "skipped", *(reason for _, reason in _BY_DESIGN)}
    unexplained = any(_why(outcome) not in explained for outcome in outcomes)
    body = (
        f"{versions_of('openai-suite').split(',')[0]}, from its source distribution, with the "
        "models' names in its tests replaced by ours. Of "
        f"{len(outcomes)} tests on chat completions, Responses, models and embeddings, {foreign} "
        "ask for what is kept on a server (stored completions and responses, deleting a model), "
        "which is not served here. Of the others, "
        f"**{passed} of {len(outcomes) - foreign} pass**. These don't (in brackets: how many "
        "parametrisations):\n\n" + table(["why", "file", "test"], rows)
    )
    return JudgeReport("suite", "openai-python's own tests", body, passed > 0 and not unexplained)


def _why(outcome: _Outcome) -> str:
    if outcome.status != "failed":
        return "" if outcome.status == "passed" else outcome.status
    known = (reason for shape, reason in _BY_DESIGN if re.search(shape, outcome.said))
    return next(known, None) or outcome.said[:200]


def _distribution() -> Path:
    """Its source distribution, unpacked, with our names in the tests that are run."""
    version = versions_of("openai-suite").split(",")[0].split()[-1]
    folder = HOME / "openai-sdist"
    unpacked = folder / f"openai-{version}"
    if not unpacked.is_dir():
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
             "--no-binary", ":all:", "--dest", str(folder), f"openai=={version}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Missing(f"openai-python's distribution can't be had: {done.stderr[-400:]}")
        with tarfile.open(unpacked.with_suffix(f"{unpacked.suffix}.tar.gz")) as archive:
            archive.extractall(folder, filter="data")
        for file in _FILES:
            path = unpacked / file
            text = path.read_text(encoding="utf-8")
            for theirs, ours in _NAMES.items():
                text = text.replace(f'"{theirs}"', f'"{ours}"')
            path.write_text(text, encoding="utf-8")
    return unpacked


def _run(python: Path, folder: Path, address: str) -> Iterator[_Outcome]:
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider",
         f"--junitxml={results}", *_FILES],
        cwd=folder, env={**os.environ, "TEST_API_BASE_URL": f"{address}/v1", "PYTHONPATH": ""},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if not results.is_file():
        raise Missing(f"pytest ended with {done.returncode}: {done.stdout[-600:]}")
    for case in ElementTree.parse(results).iter("testcase"):
        failure = case.find("failure")
        failure = case.find("error") if failure is None else failure
        skipped = case.find("skipped") is not None
        status = "failed" if failure is not None else "skipped" if skipped else "passed"
        text = (failure.text or "") if failure is not None else ""
        errors = _ERROR.findall(text)
        said = ": ".join(errors[-1]) if errors else text.strip()[-200:]
        file = str(case.get("classname")).split(".")[-2]
        yield _Outcome(file, str(case.get("name")).partition("[")[0], status, said)
