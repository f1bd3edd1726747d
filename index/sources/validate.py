"""From parsed but unchecked values to records, leaving out only what is bad."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from index.sources.problems import Problems, shown
from index.types import Source

__all__ = ["Loc", "ValidRecord", "checked", "json_path", "known_ids", "unique_sources"]

Loc = tuple[int | str, ...]
Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "string_type": "a string",
    "list_type": "a list",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "string_unicode": "a string of valid Unicode",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
}


@dataclass(frozen=True, slots=True)
class ValidRecord(Generic[Model]):
    """A record, and where the items of its lists stood before bad ones were left out."""

    record: Model
    positions: Mapping[str, Sequence[int]]

    def position(self, key: str, i: int) -> int:
        """The place in the file of the i-th item that was kept of the list `key`."""
        return self.positions[key][i] if key in self.positions else i


def json_path(loc: Loc) -> str:
    """A place inside a document, such as `faqs[3].answer`."""
    path = ""
    for step in loc:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _place_of(error: ErrorDetails) -> Loc:
    # A union's branch is named in the location ("year", "int"); people look for the key.
    return tuple(step for step in error["loc"] if not (isinstance(step, str) and "[" in step))


def _expected(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind = error["type"]
    if kind == "missing":
        return f"the key {error['loc'][-1]!r}"
    if kind == "extra_forbidden":
        return "only keys of the format" + (
            f" ({', '.join(model.model_fields)})" if len(error["loc"]) == 1 else ""
        )
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if kind in ("greater_than_equal", "less_than_equal"):
        return "a year from 1000 to 2999"
    return _EXPECTED.get(kind, str(error["msg"]))


def _found(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "no such key"
    if error["type"] == "extra_forbidden":
        return f"the unknown key {str(error['loc'][-1])[:60]!r}"
    hint = ""
    if error["type"] == "string_type" and isinstance(error["input"], int | float):
        hint = " (put it in quotes)"
    return shown(error["input"]) + hint


def checked(
    model: type[Model],
    document: object,
    problems: Problems,
    place: Callable[[Loc], str],
) -> ValidRecord[Model] | None:
    """The document as a record, without the list items that are bad.

    Each violation is noted in `problems`. A violation inside an item of one of the document's
    lists costs that item; any other costs the document, and the result is None. Python
    recursion is no danger here: the models are three levels deep.

    Args:
        model: what the document should be.
        document: parsed JSON or YAML.
        problems: where violations are noted.
        place: names a location inside the document for people.
    """
    try:
        return ValidRecord(model.model_validate(document), {})
    except ValidationError as error:
        # Inputs are shown by `_found`; pydantic's own links and contexts are of no use here.
        details = error.errors(include_url=False, include_context=False)
    dropped: dict[str, set[int]] = {}
    whole = False
    for detail in details:
        loc = _place_of(detail)
        problems.add(place(loc), _expected(detail, model), _found(detail))
        if len(loc) >= 2 and isinstance(loc[0], str) and isinstance(loc[1], int):
            dropped.setdefault(loc[0], set()).add(loc[1])
        else:
            whole = True
    if whole or not isinstance(document, dict):
        return None
    positions = {
        key: [i for i in range(len(document[key])) if i not in indices]
        for key, indices in dropped.items()
    }
    kept: dict[str, Any] = dict(document)
    kept.update({key: [document[key][i] for i in indices] for key, indices in positions.items()})
    return ValidRecord(model.model_validate(kept), positions)


def unique_sources(
    sources: Iterable[Source], problems: Problems, place: Callable[[int], str]
) -> tuple[Source, ...]:
    """The sources, without those that repeat an id."""
    kept: dict[str, Source] = {}
    for i, source in enumerate(sources):
        if source.id in kept:
            problems.add(place(i), "distinct source ids", f"{source.id!r} a second time")
        else:
            kept[source.id] = source
    return tuple(kept.values())


def known_ids(
    ids: Sequence[str], sources: Sequence[Source], problems: Problems, place: Callable[[], str]
) -> tuple[str, ...]:
    """The ids that name a source of the topic; the others are noted and left out."""
    known = {source.id for source in sources}
    for name in ids:
        if name not in known:
            problems.add(place(), "the id of one of the topic's sources", f"{name[:60]!r}")
    return tuple(name for name in ids if name in known)
