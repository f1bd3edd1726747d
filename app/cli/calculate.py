"""`app calculate`: a calculation by name, its inputs as flags."""

from __future__ import annotations

import argparse

from index.calculations import Calculation, calculate, calculation
from index.calculations.describe import as_text, listed, page
from index.cli import Parser, print_json
from index.errors import CitewiseError

__all__ = ["calculate_command"]


def calculate_command(options: argparse.Namespace) -> int:
    """Run a calculation, or list what there is."""
    if options.markdown:
        print(page(), end="")
        return 0
    if options.list:
        _list(as_json=options.json)
        return 0
    if not options.name:
        raise CitewiseError("no calculation was named; `app calculate --list` names them")
    chosen = calculation(options.name)
    given = vars(_parser(chosen).parse_args(options.inputs))
    as_json = given.pop("json") or options.json
    found = calculate(chosen.name, {name.removeprefix("in_"): v for name, v in given.items()})
    if as_json:
        print_json(found.as_dict())
    else:
        print(as_text(found))
    return 0


def _list(*, as_json: bool) -> None:
    known = listed()
    if as_json:
        print_json(known)
        return
    for each in known["data"]:
        print(f"{each['name']:22} {each['title']}")
    for kind in ("models", "machines"):
        print(f"\n{kind}: {', '.join(each['name'] for each in known[kind])}")


def _parser(chosen: Calculation) -> Parser:
    parser = Parser(
        prog=f"app calculate {chosen.name}",
        description=f"{chosen.title}: {chosen.formula.replace('%', '%%')}",
        allow_abbrev=False,
    )
    for each in chosen.inputs:
        default = f" ({each.default})" if each.default is not None else ""
        flag = "--" + each.name.replace("_", "-")
        told = f"{each.meaning}{default}".replace("%", "%%")
        if each.unit == "flag":
            parser.add_argument(
                flag, dest=f"in_{each.name}", action=argparse.BooleanOptionalAction, help=told
            )
        else:
            shown = each.unit.upper().replace("%", "")
            parser.add_argument(flag, dest=f"in_{each.name}", metavar=shown, help=told)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
