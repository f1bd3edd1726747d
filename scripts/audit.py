"""`python -m scripts.audit`: known vulnerabilities in the locked dependencies, and our own code.

pip-audit reads the lock files and asks an advisory database; bandit reads the source with the
exceptions that pyproject.toml explains. The status is 0 only where both were done and are
clean; 3 says that the database could not be asked.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from index.cli import Parser, say
from scripts.bench.measure import ROOT

__all__ = ["main"]

_LOCKS = ("requirements.lock", "requirements-dev.lock")
_CODE = ("app", "index", "eval", "prompts", "scripts")
_UNREACHED = 3
_NETWORK = (
    "ConnectionError", "ConnectTimeout", "ReadTimeout", "ServiceError", "Max retries exceeded",
    "HTTPError", "ProxyError", "could not be audited",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run both; return 0 where all is clean, 1 where something was found, 3 where one can't be."""
    options = _parser().parse_args(arguments)
    ours = _bandit()
    theirs = 0
    for lock in _LOCKS:
        theirs = max(theirs, _pip_audit(lock, options.service))
    return ours or theirs


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m scripts.audit", description=__doc__)
    parser.add_argument(
        "--service", choices=["osv", "pypi"], default="osv", help="the advisory database (osv)"
    )
    return parser


def _bandit() -> int:
    command = [sys.executable, "-m", "bandit", "--quiet", "-c", "pyproject.toml", "-r", *_CODE]
    status = subprocess.call(command, cwd=ROOT)
    say(f"bandit: {'clean' if status == 0 else 'found something, see above'}")
    return min(status, 1)


def _pip_audit(lock: str, service: str) -> int:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--strict"]
    command += ["--progress-spinner", "off", "-s", service, "-r", lock]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if shown.returncode == 0:
        say(f"pip-audit of {lock}: no known vulnerabilities")
        return 0
    if any(sign in shown.stderr for sign in _NETWORK):
        last = shown.stderr.strip().splitlines()[-1]
        say(f"pip-audit of {lock}: NOT DONE, the advisory database {service} can't be reached")
        say(f"  ({last[:300]})")
        return _UNREACHED
    say(f"pip-audit of {lock}:\n{shown.stdout}{shown.stderr}".rstrip())
    return 1


if __name__ == "__main__":
    sys.exit(main())
