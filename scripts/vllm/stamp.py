"""`python -m scripts.vllm.stamp check|write`: have the tests against vLLM anything new to say?

`write` notes the hash of all files that they depend on, once they have passed; `check` ends with
status 0 where it still holds. The note is part of the repository.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from index.cli import Parser, say

ROOT = Path(__file__).resolve().parents[2]
STAMP = ROOT / "tests" / "vllm" / "passed.sha256"
DEPENDS_ON = (
    "app/api/asking.py",
    "app/api/streaming.py",
    "app/answer/best_of.py",
    "app/answer/prompt_builder.py",
    "app/chat_models/*.py",
    "scripts/vllm/*",
    "tests/vllm/*.py",
)


def digest(root: Path = ROOT, patterns: Sequence[str] = DEPENDS_ON) -> str:
    """Hash names and contents of all files that the patterns name. Hexadecimal."""
    found = hashlib.sha256()
    paths = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    for path in sorted(paths):
        content = path.read_bytes()
        name = path.relative_to(root).as_posix().encode()
        found.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return found.hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Check or write; status 1 where the tests are to run."""
    parser = Parser(prog="python -m scripts.vllm.stamp", description=__doc__)
    parser.add_argument("action", choices=["check", "write"])
    action = parser.parse_args(arguments).action
    if action == "write":
        STAMP.write_text(digest() + "\n", encoding="utf-8")
        return 0
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8").strip() == digest():
        return 0
    say("the tests against vLLM have not passed with these files: make test-vllm")
    return 1


if __name__ == "__main__":
    sys.exit(main())
