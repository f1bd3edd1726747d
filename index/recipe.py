"""What an index is made from: `sources.toml` in its directory, and what the last reading found.

The recipe may be edited by hand; `python -m index sync` brings the index to what it says.
"""

from __future__ import annotations

import json
import shutil
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
from index.sources.remote import Address, Fetcher, address_of, fetch
from index.sources.remote.mirror import folder_of, opened
from index.sources.slugs import slugify
from index.types import KnowledgeBase, Passage

__all__ = [
    "KEPT", "MOST_PAGES", "SHIPPED_NAME", "SHIPPED_PATH", "SourceSpec", "SourceState",
    "fetch_source", "forget_fetched", "keep_recipe", "original_of",
    "read_recipe", "read_sources", "read_states", "recipe_of", "slugs_by_source", "stamp_of",
    "with_source", "without_source", "write_recipe", "write_states",
]  # fmt: skip

MOST_PAGES = 5000
_PAGES = 200
_FETCHED = "fetched"
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
    """One source: its name, where it lies, and where its files can be read on the web.

    `path` is a file, a folder or an address; `branch` and `folder` are a repository's, `pages`
    how many of a site are fetched at most, 0 being the usual number.
    """

    name: str
    path: str
    base_url: str = ""
    branch: str = ""
    folder: str = ""
    pages: int = 0

    @property
    def address(self) -> Address | None:
        """What its path names where that is an address; None where it is a file or folder.

        Raises:
            KnowledgeBaseError: it is an address that can't be fetched.
        """
        if self.path == SHIPPED_PATH or Path(self.path).is_absolute():
            return None
        return address_of(self.path, self.branch, self.folder)


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
    branch: str = ""
    folder: str = ""
    pages: int = Field(0, ge=0, le=MOST_PAGES)


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
            "path and, if you like, base_url, branch, folder and pages"
        ) from error
    specs = tuple(SourceSpec(**one.model_dump()) for one in found.source)
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


def fetch_source(spec: SourceSpec, folder: Path, fetcher: Fetcher) -> None:
    """Fetch what a source's address names; nothing is done where it is a file or folder.

    Args:
        spec: the source.
        folder: the index directory, in which what is fetched is kept.
        fetcher: what fetches pages.

    Raises:
        KnowledgeBaseError: it can't be fetched; what was there stands.
    """
    if (address := spec.address) is not None:
        place = folder_of(folder / _FETCHED, spec.name, address)
        fetch(address, place, fetcher, spec.pages or _PAGES)


def forget_fetched(specs: Sequence[SourceSpec], folder: Path) -> None:
    """Delete what was fetched for sources that are no more."""
    home = folder / _FETCHED
    used = {folder_of(home, one.name, at).name for one in specs if (at := one.address) is not None}
    for path in home.iterdir() if home.is_dir() else ():
        if path.name not in used:
            shutil.rmtree(path, ignore_errors=True)


def read_sources(
    specs: Sequence[SourceSpec], kept: Kept | None = None, folder: Path | None = None
) -> tuple[KnowledgeBase, tuple[SourceState, ...]]:
    """Read all sources as one knowledge base, and tell of each what was found.

    Args:
        specs: the sources.
        kept: what their files were read as before.
        folder: the index directory, where what was fetched for them is kept.

    Raises:
        KnowledgeBaseError: one of them can't be read at all.
    """
    read_now = [_read(spec, kept, folder) for spec in specs]
    states = tuple(
        _state(spec, result, notes) for spec, (result, notes) in zip(specs, read_now, strict=True)
    )
    return joined([result for result, _ in read_now]).knowledge_base, states


def stamp_of(specs: Sequence[SourceSpec]) -> frozenset[tuple[str, int, int]]:
    """What changes when a file of the sources does: each one's path, time of change and size."""
    found = set()
    for spec in specs:
        root = Path(spec.path)
        if spec.path == SHIPPED_PATH or spec.address is not None:
            continue
        for path in [root, *root.rglob("*")]:
            with suppress(OSError):  # gone between being listed and being looked at
                state = path.stat()
                found.add((str(path), state.st_mtime_ns, state.st_size))
    return frozenset(found)


def _read(
    spec: SourceSpec, kept: Kept | None, folder: Path | None
) -> tuple[ReadResult, tuple[str, ...]]:
    """Read a source; the lines are what could not be fetched of it."""
    if folder is not None and (address := spec.address) is not None:
        place = folder_of(folder / _FETCHED, spec.name, address)
        mirror = opened(place)
        if mirror is None:
            raise KnowledgeBaseError(
                f"source {spec.name!r} is not fetched yet: fetch it with: python -m index sync"
            )
        base_url = spec.base_url or mirror.base_url
        found = read(place, name=spec.name, base_url=base_url, kept=kept, about=mirror.about)
        return found, mirror.problems
    path = SHIPPED if spec.path == SHIPPED_PATH else Path(spec.path)
    if not path.exists():
        raise KnowledgeBaseError(
            f"source {spec.name!r}: expected a file or folder at {path}, found nothing there; "
            f"bring it back, or run: python -m index remove {spec.name}"
        )
    return read(path, name=spec.name, base_url=spec.base_url, kept=kept), ()


def original_of(folder: Path, passage: Passage) -> Path | None:
    """The file that a passage was read from; None where it is none of a source's, or is gone.

    Args:
        folder: the index directory.
        passage: a part of a document.

    Raises:
        KnowledgeBaseError: the recipe can't be read.
    """
    if passage.place is None:
        return None
    for spec in read_recipe(folder) or ():
        if spec.path == SHIPPED_PATH or not passage.id.startswith(f"{spec.name}/"):
            continue
        address = spec.address
        root = Path(spec.path)
        if address is not None:
            root = folder_of(folder / _FETCHED, spec.name, address)
        file = root if root.is_file() else root / passage.place.path
        inside = file.resolve().is_relative_to(root.resolve())
        if inside and file.is_file() and file.name == Path(passage.place.path).name:
            return file
    return None


def _state(spec: SourceSpec, result: ReadResult, notes: Sequence[str]) -> SourceState:
    topics = result.knowledge_base.topics
    return SourceState(
        spec.name,
        spec.path,
        len(topics),
        sum(len(passages_of(topic)) for topic in topics),
        datetime.now(UTC).isoformat(timespec="seconds"),
        tuple(map(str, result.problems)),
        (*map(str, result.skipped), *notes),
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
