"""What an index is made from: `sources.toml` in its directory, and what the last reading found.

The recipe may be edited by hand; `python -m index sync` brings the index to what it says.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from index import files, store
from index.errors import IndexUnusable, KnowledgeBaseError, wrong_fields
from index.passages import passages_of
from index.sources import SHIPPED, Kept, ReadResult, given_sources, joined, read
from index.sources.slugs import slugify
from index.types import KnowledgeBase

__all__ = [
    "KEPT", "SHIPPED_NAME", "SHIPPED_PATH", "SourceSpec", "SourceState", "keep_recipe",
    "read_recipe", "read_sources", "read_states", "recipe_of", "slugs_by_source", "stamp_of",
    "with_source", "without_source", "write_recipe", "write_states",
]  # fmt: skip

RECIPE = "sources.toml"
STATES = "sources.json"
# What the sources' files were read as.
KEPT = "read.jsonl"
# What stands for the path of the knowledge base that is shipped.
SHIPPED_PATH = "shipped"
SHIPPED_NAME = "ai"
_HEAD = "# What this index is made from. Edit it, then run: python -m index sync\n"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One source: its name, where it lies, and where its files can be read on the web."""

    name: str
    path: str
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the last reading of a source found. `read` is when, in UTC.

    `slugs` are those of the topics that are no documents.
    """

    name: str
    path: str
    topics: int
    passages: int
    read: str
    problems: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()
    slugs: tuple[str, ...] = ()


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1)
    path: str = Field(min_length=1)
    base_url: str = ""


class _Recipe(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    source: list[_Record] = []


def read_recipe(folder: Path) -> tuple[SourceSpec, ...] | None:
    """The sources of an index directory; None where it has no recipe.

    Raises:
        KnowledgeBaseError: the recipe is no TOML, has unknown keys, or a name twice.
    """
    place = folder / RECIPE
    try:
        text = place.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeBaseError(f"{place} can't be read: {error}") from error
    try:
        found = _Recipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeBaseError(f"{place}: not readable as TOML: {error}") from error
    except ValidationError as error:
        raise KnowledgeBaseError(
            f"{place}: {wrong_fields(error, 'the file')}; expected [[source]] tables with name, "
            "path and, if you like, base_url"
        ) from error
    specs = tuple(SourceSpec(one.name, one.path, one.base_url) for one in found.source)
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise KnowledgeBaseError(f"{place}: expected distinct names, found {twice} more than once")
    return specs


def recipe_of(folder: Path, *, empty: bool = False) -> tuple[SourceSpec, ...]:
    """The index's recipe; that of the shipped knowledge base where it was built from that alone.

    Args:
        folder: the index directory.
        empty: whether one without any index has the empty recipe.

    Raises:
        KnowledgeBaseError: it has no recipe, or one that can't be used.
        IndexUnusable: its manifest can't be read.
    """
    found = read_recipe(folder)
    if found is not None:
        return found
    manifest = store.current_manifest(folder)
    if manifest is None:
        if empty:
            return ()
        raise KnowledgeBaseError(
            f"no sources in {folder}; add one with: python -m index add PATH --index {folder}"
        )
    if manifest.knowledge_base == SHIPPED_NAME:
        return (SourceSpec(SHIPPED_NAME, SHIPPED_PATH),)
    raise KnowledgeBaseError(
        f"{folder} holds an index of {manifest.knowledge_base!r} without a recipe; build it anew "
        f"with: python -m index build --kb NAME=PATH --out {folder}"
    )


def write_recipe(folder: Path, specs: Sequence[SourceSpec]) -> None:
    """Write the recipe of an index directory, in one step.

    Raises:
        IndexUnusable: it can't be written.
    """
    tables = [
        "\n[[source]]\n" + "".join(
            f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
            for key, value in asdict(spec).items() if value
        )
        for spec in specs
    ]  # fmt: skip
    _put(folder / RECIPE, _HEAD + "".join(tables))


def _put(place: Path, text: str) -> None:
    try:
        files.put(place, text)
    except OSError as error:
        raise IndexUnusable(f"{place} could not be written: {error.strerror or error}") from error


def with_source(specs: Sequence[SourceSpec], spec: SourceSpec) -> tuple[SourceSpec, ...]:
    """The recipe with one source more.

    Raises:
        KnowledgeBaseError: its name is taken by another path.
    """
    for other in specs:
        if other.name == spec.name and other.path != spec.path:
            raise KnowledgeBaseError(
                f"there is a source {spec.name!r} already ({other.path}); give another --name, or "
                f"first run: python -m index remove {spec.name}"
            )
    return (*(other for other in specs if other.name != spec.name), spec)


def without_source(specs: Sequence[SourceSpec], name: str) -> tuple[SourceSpec, ...]:
    """The recipe without a source.

    Raises:
        KnowledgeBaseError: there is none of that name, or it is the last one.
    """
    left = tuple(spec for spec in specs if spec.name != name)
    if len(left) == len(specs):
        names = ", ".join(repr(spec.name) for spec in specs) or "none"
        raise KnowledgeBaseError(f"expected the name of a source ({names}), found {name!r}")
    if not left:
        raise KnowledgeBaseError(
            f"{name!r} is the last source, and an index needs one; add another first with: "
            "python -m index add PATH"
        )
    return left


def read_sources(
    specs: Sequence[SourceSpec], kept: Kept | None = None
) -> tuple[KnowledgeBase, tuple[SourceState, ...]]:
    """Read all sources as one knowledge base, and tell of each what was found.

    Args:
        specs: the sources.
        kept: what their files were read as before.

    Raises:
        KnowledgeBaseError: one of them can't be read at all.
    """
    results = [_read(spec, kept) for spec in specs]
    states = tuple(_state(spec, result) for spec, result in zip(specs, results, strict=True))
    return joined(results).knowledge_base, states


def stamp_of(specs: Sequence[SourceSpec]) -> frozenset[tuple[str, int, int]]:
    """What changes when a file of the sources does: each one's path, time of change and size."""
    found = set()
    for spec in specs:
        root = Path(spec.path)
        if spec.path == SHIPPED_PATH:
            continue
        for path in [root, *root.rglob("*")]:
            with suppress(OSError):  # gone between being listed and being looked at
                state = path.stat()
                found.add((str(path), state.st_mtime_ns, state.st_size))
    return frozenset(found)


def _read(spec: SourceSpec, kept: Kept | None) -> ReadResult:
    path = SHIPPED if spec.path == SHIPPED_PATH else Path(spec.path)
    if not path.exists():
        raise KnowledgeBaseError(
            f"source {spec.name!r}: expected a file or folder at {path}, found nothing there; "
            f"bring it back, or run: python -m index remove {spec.name}"
        )
    return read(path, name=spec.name, base_url=spec.base_url, kept=kept)


def _state(spec: SourceSpec, result: ReadResult) -> SourceState:
    topics = result.knowledge_base.topics
    return SourceState(
        spec.name,
        spec.path,
        len(topics),
        sum(len(passages_of(topic)) for topic in topics),
        datetime.now(UTC).isoformat(timespec="seconds"),
        tuple(map(str, result.problems)),
        tuple(map(str, result.skipped)),
        tuple(topic.slug for topic in topics if not topic.sections),
    )


def slugs_by_source(states: Sequence[SourceState]) -> dict[str, str]:
    """The source of each topic that is no document, by the slug that it has in the index."""
    found: dict[str, str] = {}
    for state in states:
        for slug in state.slugs:
            qualified = f"{slugify(state.name)}--{slug}"
            found[qualified if slug in found else slug] = state.name
    return found


def write_states(folder: Path, states: Sequence[SourceState]) -> None:
    """Keep what the reading found, beside the index that was built from it.

    Raises:
        IndexUnusable: it can't be written.
    """
    text = json.dumps([asdict(state) for state in states], ensure_ascii=False, indent=1)
    _put(folder / STATES, text + "\n")


def read_states(folder: Path) -> tuple[SourceState, ...]:
    """What the last reading found; nothing where none is kept."""
    try:
        text = (folder / STATES).read_bytes()
        return tuple(TypeAdapter(list[SourceState]).validate_json(text))
    except (OSError, ValidationError):
        return ()


def keep_recipe(folder: Path, specs: Sequence[str] | None, base_urls: Sequence[str]) -> None:
    """Keep what a whole build was made from; sources of one name can't be told apart later.

    Raises:
        IndexUnusable: it can't be written.
    """
    if not specs:
        made = [SourceSpec(SHIPPED_NAME, SHIPPED_PATH)]
    else:
        made = [
            SourceSpec(given.called, str(given.path.resolve()), given.base_url)
            for given in given_sources(specs, base_urls)
        ]
    (folder / STATES).unlink(missing_ok=True)
    if len({spec.name for spec in made}) == len(made):
        write_recipe(folder, made)
    else:
        (folder / RECIPE).unlink(missing_ok=True)
