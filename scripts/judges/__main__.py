"""`python -m scripts.judges [NAME…]`: run judges and write docs/judges.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from scripts.judges.clients_judge import judge_clients
from scripts.judges.comply import judge_comply
from scripts.judges.environments import Missing
from scripts.judges.faults import judge_faults
from scripts.judges.openai_suite import judge_suite
from scripts.judges.report import JudgeReport, publish
from scripts.judges.schemathesis_run import judge_schema

_JUDGES: dict[str, Callable[[int], JudgeReport]] = {
    "comply": lambda _: judge_comply(),
    "schema": judge_schema,
    "suite": lambda _: judge_suite(),
    "clients": lambda _: judge_clients(),
    "faults": lambda _: judge_faults(),
}


def main() -> int:
    """Run what is named; 1 where a judge is not satisfied, 2 where one can't run."""
    parser = argparse.ArgumentParser(prog="python -m scripts.judges", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_JUDGES)}")
    parser.add_argument(
        "--cases", type=int, default=10_000, help="schemathesis' cases (default: %(default)s)"
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(_JUDGES)
    if unknown:
        print(f"got {sorted(unknown)}, expected of: {', '.join(_JUDGES)}", file=sys.stderr)
        return 2
    failed = []
    for name in options.names or _JUDGES:
        print(f"judge {name}", file=sys.stderr)
        try:
            section = _JUDGES[name](options.cases)
        except Missing as error:
            print(f"the judge {name} can't run: {error}", file=sys.stderr)
            return 2
        publish(section)
        if not section.passed:
            failed.append(name)
    for name in failed:
        print(f"not satisfied: {name}; see docs/judges.md", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
