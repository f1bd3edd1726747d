"""What a setting's definition says of it: from it come flags, the reference page and the chart."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from app.config.settings import ROOT, Settings

__all__ = ["Setting", "add_settings", "chosen", "described"]

Kind = Literal["choice", "switch", "list", "whole number", "number", "path", "secret", "text"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as people are told of it.

    Attributes:
        name: its key in `citewise.toml`.
        what: what it is.
        kind: what its values are.
        values: the values that it takes, in words: its choices, bounds or kind.
        choices: where only these are possible.
        default: empty where there is none; folders of this checkout relative to it.
    """

    name: str
    what: str
    kind: Kind
    values: str
    choices: tuple[str, ...]
    default: str


def described(group: type[BaseModel] = Settings) -> Iterator[Setting]:
    """Read the settings of a group from its definition."""
    for name, schema in group.model_json_schema()["properties"].items():
        values = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        kind = _kind(values[0])
        choices = tuple(values[0].get("enum", ()))
        numeric = kind in ("number", "whole number")
        shown = ", ".join(choices) or (_bounds(values[0]) if numeric else kind)
        if kind == "switch":
            shown = "true, false"
        default = _default(schema.get("default"))
        yield Setting(name, schema["description"], kind, shown, choices, default)


def add_settings(
    parser: argparse.ArgumentParser, *groups: type[BaseModel], only: Collection[str] = ()
) -> None:
    """Add a flag for each setting of some groups; one that isn't given leaves its setting alone.

    Secrets get none: other users of a machine can read a command line.

    Args:
        parser: what reads the command line.
        groups: parts of `Settings`.
        only: the settings that get a flag; none named are all of the groups.
    """
    for group in groups:
        title = str(group.__doc__).rstrip(".")
        into = parser.add_argument_group(f"{title[0].lower()}{title[1:]} (settings)")
        for setting in described(group):
            if setting.kind != "secret" and (not only or setting.name in only):
                into.add_argument(f"--{setting.name.replace('_', '-')}", **_argument(setting))


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that a command line names, for `load_settings`, which checks them."""
    return {name: getattr(options, name, None) for name in Settings.model_fields}


def _kind(schema: dict[str, Any]) -> Kind:
    if "enum" in schema:
        return "choice"
    formats: dict[str | None, Kind] = {"password": "secret", "path": "path"}
    types: dict[str, Kind] = {
        "boolean": "switch", "array": "list", "integer": "whole number", "number": "number",
    }  # fmt: skip
    return formats.get(schema.get("format")) or types.get(schema["type"], "text")


def _bounds(schema: dict[str, Any]) -> str:
    least, above, most = (schema.get(n) for n in ("minimum", "exclusiveMinimum", "maximum"))
    low = f"above {above}" if above is not None else str(least)
    if most is None:
        return f"{low} or more"
    return f"{low}, at most {most}" if above is not None else f"{low} to {most}"


def _default(default: object) -> str:
    if default is None or default == []:
        return ""
    shown = str(default).lower() if isinstance(default, bool) else str(default)
    return shown.removeprefix(f"{ROOT}/")


def _argument(setting: Setting) -> dict[str, Any]:
    """How argparse is told of a setting; what is given is checked when settings are loaded."""
    numeric = setting.kind in ("number", "whole number")
    notes = [setting.values] if numeric else []
    notes += [f"default {setting.default}"] if setting.default else []
    text = f"{setting.what} ({'; '.join(notes)})" if notes else setting.what
    told: dict[str, Any] = {"dest": setting.name, "help": text.replace("%", "%%")}
    if setting.kind == "choice":
        return {**told, "choices": setting.choices}
    if setting.kind == "switch":
        return {**told, "default": None, "action": argparse.BooleanOptionalAction}
    metavar = "N" if numeric else {"list": "A,B"}.get(setting.kind, setting.kind.upper())
    return {**told, "metavar": metavar}
