"""The texts that models are given, and nothing else but their loader.

`text` reads one, `fill` reads one and puts values into its `{{placeholders}}`, `placeholders`
names these, `names` lists a folder. Names are relative to this folder and written with "/":
"contract.md", "personas/expert.md".
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["fill", "names", "placeholders", "text"]

_ROOT = Path(__file__).resolve().parent
_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}")


@cache
def _packaged(root: Path) -> tuple[str, ...]:
    """Every Markdown file below `root`, by relative name, in order."""
    return tuple(sorted(file.relative_to(root).as_posix() for file in root.rglob("*.md")))


@cache
def _read(root: Path, name: str) -> str:
    # Only a listed name is ever opened, so no spelling of a path leads out of the folder.
    listed = _packaged(root)
    if name not in listed:
        raise LookupError(f"got the prompt {name!r}, expected one of: {', '.join(listed)}")
    return (root / name).read_text(encoding="utf-8")


def text(name: str) -> str:
    """The text of one prompt, as it is in its file.

    Args:
        name: the file, relative to this folder, such as "contract.md".

    Raises:
        LookupError: there is no such prompt; the message names those that exist.
    """
    return _read(_ROOT, name)


def placeholders(name: str) -> frozenset[str]:
    """The names of a prompt's `{{placeholders}}`.

    Raises:
        LookupError: there is no such prompt.
    """
    return frozenset(_PLACEHOLDER.findall(text(name)))


def fill(name: str, /, **variables: str) -> str:
    """The text of one prompt with a value in the place of each `{{placeholder}}`.

    It is done in one pass and values are data: what looks like a placeholder inside a value is
    left as it is.

    Args:
        name: as for `text`.
        variables: a value for each placeholder, no more and no fewer.

    Raises:
        LookupError: there is no such prompt.
        ValueError: the placeholders and the variables differ; the message names both.
    """
    template = text(name)
    expected = set(_PLACEHOLDER.findall(template))
    if expected != variables.keys():
        raise ValueError(
            f"{name}: got the variables {_listed(set(variables))}, "
            f"expected one for each placeholder: {_listed(expected)}"
        )
    return _PLACEHOLDER.sub(lambda found: variables[found[1]], template)


def names(folder: str) -> list[str]:
    """The prompts directly inside one folder, in order, as `text` takes them.

    Args:
        folder: a folder relative to this one, such as "personas"; "" is this one.

    Raises:
        LookupError: no folder of that name holds a prompt; the message names those that do.
    """
    folders: dict[str, list[str]] = {}
    for name in _packaged(_ROOT):
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    if folder not in folders:
        raise LookupError(f"got the folder {folder!r}, expected one of: {_listed(set(folders))}")
    return folders[folder]


def _listed(items: set[str]) -> str:
    return ", ".join(repr(item) for item in sorted(items)) or "none"
