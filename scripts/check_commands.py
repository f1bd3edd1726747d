"""Every command that README and docs name, run from a fresh clone; long ones for their beginning.

`python -m scripts.check_commands` clones the working tree's commit, borrows this checkout's
environment and index, and runs the commands of each page in their order. One passes if it ends
well, or still runs without a complaint when its time is over. `make` is asked only whether it
knows the target, for what a target runs is a command of its own. Status 1: one failed.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import ROOT
from index.cli import Parser, print_json, say

__all__ = ["Command", "commands_of", "documented", "run_command"]

_SHOWN = re.compile(r"^\$ (?P<line>(?:.*\\\n)*.*)$", re.MULTILINE)
_INLINE = re.compile(r"`((?:\.venv/bin/)?python -m (?!pip\b)[^`\n]+|make [a-z][^`\n]*)`")
_COMMENT = re.compile(r"\s{2,}#.*$", re.MULTILINE)
_OPTIONAL = re.compile(r" \[(?:--|\w+\|)[^\]]*\]")

# What a page can't know stands there in capitals; these are taken for it, the first that fits.
_MEANT = (
    ("scripts.judges NAME", "scripts.judges comply"),
    ("--kb NAME=PATH", "--kb sample=tests/data/tower-sample.json"),
    ("--kb KB --expanded OUT", "--kb tests/data/tower-sample.json --expanded var/expanded"),
    ("--kb mine.json", "--kb tests/data/tower-sample.json"),
    ("eval run NAME", "eval run data-point"),
    ("--persona NAME", "--persona citewise-expert"),
    ("--baseline NAME", "--baseline composed"),
    ("--only ACT", "--only thank"),
    ("keys add NAME", "keys add someone"),
    ("index remove NAME", "index remove tower-sample"),
    ("calculate NAME --input value …", "calculate --list"),
    ("PATH", "tests/data/tower-sample.json"),
    ("DIR", "var/check"),
)
_MAKES = "--out var/check"
# What needs more than a clone, by a word of the command, and what it needs.
_NEEDS = (
    ("docker ", "Docker"),
    ("helm ", "a Kubernetes cluster"),
    ("vllm-router", "a router and its model servers"),
    ("pip install", "a package registry"),
    ("curl ", "a running server"),
    ("postgresql://", "a PostgreSQL server"),
    ("BAAI/", "a model hub"),
    ("cross-encoder/", "a model hub"),
    ("--encoder DPR", "a model hub"),
    ("facebook/", "a model hub"),
    ("./handbook", "a folder of your own"),
    ("index add http", "the web"),
    ("index add arXiv:", "the web"),
    ("index add 10.", "the web"),
    ("--engine http", "a model server"),
    ("--model-url http", "a model server"),
    ("eval run all", "hours; its parts are run"),
    ("--seal", "seals the suites anew"),
    ("drafts.jsonl", "a person's review"),
    ("--kb var/mine-expanded", "what the model has written"),
    ("--expanded", "what the model has written"),
    ("DIR/cases.jsonl", "what scripts.train_writer leaves"),
    ("deploy/.env", "nothing: it writes a password"),
    ("scripts.lock", "a package registry"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """A command as a page has it, and as it is run."""

    page: str
    shown: str

    @property
    def needs(self) -> str:
        """What it needs that a clone does not have; empty for most."""
        return next((what for word, what in _NEEDS if word in self.shown + "\n"), "")

    def runnable(self, python: str = sys.executable) -> str:
        """The command with its placeholders filled in."""
        text = _OPTIONAL.sub("", self.shown)
        for placeholder, meant in _MEANT:
            text = text.replace(placeholder, meant)
        text = re.sub(r"(?<![\w/.-])(?:\.venv/bin/)?python3? -m ", f"{python} -m ", text)
        return re.sub(r"(?<![\w-])make (?=[a-z])", "make -n ", text)


def commands_of(text: str, page: str) -> list[Command]:
    """The commands of a page in their order, each once."""
    found = [(m.start(), m["line"].replace("\\\n", " ")) for m in _SHOWN.finditer(text)]
    found += [(m.start(), m[1]) for m in _INLINE.finditer(text)]
    lines = (_COMMENT.sub("", line).strip() for _, line in sorted(found))
    return [Command(page, line) for line in dict.fromkeys(lines)]


def documented() -> list[Command]:
    """The commands of README, CONTRIBUTING and docs, each once."""
    pages = [
        ROOT / "README.md",
        ROOT / "docs" / "tutorial.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "eval" / "suites").rglob("*.md")),
    ]
    found: dict[str, Command] = {}
    for path in pages:
        for one in commands_of(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))):
            found.setdefault(one.shown.replace(".venv/bin/", ""), one)
    return list(found.values())


def run_command(command: Command, folder: Path, seconds: float) -> str:
    """Run a command in a folder; return what is wrong, or nothing.

    A command that still runs after its time, and has not complained, is stopped and passes. One
    that makes a folder makes it anew, whatever an earlier one left there.
    """
    if _MAKES in command.runnable():
        shutil.rmtree(folder / _MAKES.split()[1], ignore_errors=True)
    # No address is taken twice: whatever serves here may stand beside a server of the user's.
    environment = {**os.environ, "PYTHONPATH": str(folder), "CITEWISE_PORT": "0"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command.runnable()],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = 0
            _stop(process)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if status == 0 and "Traceback (most recent call last)" not in text:
        return ""
    return f"status {status}: {' / '.join(text.strip().splitlines()[-3:])[-400:]}"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a command and all that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _clone(folder: Path) -> Path:
    clone = folder / "citewise"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    (clone / "var").mkdir()
    for name in ("var/index", ".cache"):
        if (ROOT / name).exists():
            subprocess.run(["cp", "-r", str(ROOT / name), str(clone / name)], check=True)
    return clone


def _checked(commands: Sequence[Command], clone: Path, seconds: float) -> Iterator[dict[str, str]]:
    for one in commands:
        wrong = "" if one.needs else run_command(one, clone, seconds)
        outcome = f"needs {one.needs}" if one.needs else wrong or "runs"
        say(f"{'FAILS ' if wrong else ''}{one.page}: {one.shown}: {outcome}")
        yield {"page": one.page, "command": one.shown, "outcome": outcome, "wrong": wrong}


def main(arguments: list[str] | None = None) -> int:
    """Run them all, or those that have a word."""
    parser = Parser(prog="python -m scripts.check_commands", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="a command's time (60)")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="commands, or a page's, that have this word"
    )
    options = parser.parse_args(arguments)
    wanted = [one for one in documented() if options.only in f"{one.page} {one.shown}"]
    with tempfile.TemporaryDirectory(prefix="citewise-commands-") as folder:
        found = list(_checked(wanted, _clone(Path(folder)), options.seconds))
    failed = [one for one in found if one["wrong"]]
    ran = sum(one["outcome"] == "runs" for one in found)
    print_json({"commands": len(found), "ran": ran, "failed": failed})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
