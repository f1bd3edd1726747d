"""`python -m scripts.stamp check|write GROUP`: have the long tests anything new to say?

A group is a marker of tests that take long. `write` notes the hash of all files that they depend
on, once they have passed; `check` ends with status 0 where it still holds. The notes are part of
the repository: tests/passed.json.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from index.cli import Parser, say
from index.files import put

ROOT = Path(__file__).resolve().parents[1]
NOTES = ROOT / "tests" / "passed.json"
DEPENDS_ON = {
    "vllm": (
        "app/api/asking.py",
        "app/api/streaming.py",
        "app/answer/best_of.py",
        "app/answer/prompt_builder.py",
        "app/chat_models/*.py",
        "scripts/vllm/*",
        "tests/vllm/*.py",
    ),
    "slow": (
        "app/chat_models/*.py",
        "app/verifying/judges.py",
        "index/encoders/*.py",
        "index/expand/*.py",
        "index/rerankers/*.py",
        "index/build.py",
        "index/store.py",
        "index/live.py",
        "scripts/soak.py",
        "scripts/training/*.py",
        "tests/index/test_ray.py",
        "tests/index/test_encoder*.py",
    ),
}


def digest(patterns: Sequence[str], root: Path = ROOT) -> str:
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
    parser = Parser(prog="python -m scripts.stamp", description=__doc__)
    parser.add_argument("action", choices=["check", "write"])
    parser.add_argument("group", choices=sorted(DEPENDS_ON))
    options = parser.parse_args(arguments)
    notes = json.loads(NOTES.read_text(encoding="utf-8")) if NOTES.is_file() else {}
    now = digest(DEPENDS_ON[options.group])
    if options.action == "write":
        put(NOTES, json.dumps({**notes, options.group: now}, indent=2, sort_keys=True) + "\n")
        return 0
    if notes.get(options.group) == now:
        return 0
    say(f"the tests marked {options.group} have not passed with these files")
    return 1


if __name__ == "__main__":
    sys.exit(main())
