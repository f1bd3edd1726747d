"""`python -m index add|remove|sources|sync`: what an index is made from, and keeping it so."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from index.cli import Parser, print_json, progress_bar, say
from index.errors import KnowledgeBaseError

if TYPE_CHECKING:
    from index.recipe import SourceSpec, SourceState

__all__ = ["add_commands"]

_SHOWN = 5
_LOOK_EVERY_SECONDS = 2.0
_SETTLED_AFTER_SECONDS = 0.5


def add_commands(
    commands: argparse._SubParsersAction[Parser],
    add_index: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add the commands to a parser; `add_index` adds the flags that say which index."""
    add = commands.add_parser("add", help="add a file, a folder, or what an address names")
    add.add_argument(
        "path", metavar="PATH|URL",
        help="a file, a folder with anything in it, or the address of a website, a sitemap or a "
        "Git repository, an arXiv id or a DOI",
    )  # fmt: skip
    add.add_argument("--name", help="what to call the source (its file's name)")
    add.add_argument(
        "--base-url", default="", metavar="URL",
        help="where its files can be read on the web ({path} and {page} in it stand for a file)",
    )  # fmt: skip
    add.add_argument("--branch", default="", help="of a repository (its default branch)")
    add.add_argument("--folder", default="", help="of a repository, alone (all of it)")
    add.add_argument(
        "--pages", type=int, default=0, metavar="N", help="of a website, at most (200)"
    )
    add.set_defaults(run=_add)
    remove = commands.add_parser("remove", help="take a source out of an index")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)
    sync = commands.add_parser("sync", help="read all sources again; only what changed is encoded")
    sync.add_argument(
        "--watch", action="store_true", help="go on, and do so whenever a file changes"
    )
    sync.set_defaults(run=_sync)
    sources = commands.add_parser("sources", help="list what an index is made from")
    sources.set_defaults(run=_sources)
    for command in (add, remove, sync, sources):
        add_index(command)
        command.add_argument("--json", action="store_true", help="print the result as JSON")


def _add(options: argparse.Namespace) -> int:
    from index import files
    from index.recipe import MOST_PAGES, SourceSpec, recipe_of, with_source
    from index.sources.remote import address_of

    path = Path(options.path).resolve()
    address = None if path.exists() else address_of(options.path, options.branch, options.folder)
    if address is None:
        if options.branch or options.folder or options.pages:
            raise KnowledgeBaseError(
                "--branch, --folder and --pages go with an address; expected one, found the path "
                f"{options.path[:80]!r}"
            )
        name = options.name or (path.name if path.is_dir() else path.stem)
        spec = SourceSpec(name, str(path), options.base_url)
    else:
        if not 0 <= options.pages <= MOST_PAGES:
            raise KnowledgeBaseError(f"got --pages {options.pages}, expected 1 to {MOST_PAGES:,}")
        spec = SourceSpec(
            options.name or address.name, options.path, options.base_url, options.branch,
            options.folder, options.pages,
        )  # fmt: skip
    with files.alone(options.index):
        return _become(options, with_source(recipe_of(options.index, empty=True), spec), [spec])


def _remove(options: argparse.Namespace) -> int:
    from index import files
    from index.recipe import recipe_of, without_source

    with files.alone(options.index):
        return _become(options, without_source(recipe_of(options.index), options.name))


def _sync(options: argparse.Namespace) -> int:
    if options.watch:
        return _watch(options)
    from index import files
    from index.recipe import recipe_of

    with files.alone(options.index):
        specs = recipe_of(options.index)
        return _become(options, specs, specs)


def _watch(options: argparse.Namespace) -> int:
    """Follow the sources until Ctrl-C; what can't be read now is tried again when it changes."""
    from index import files
    from index.errors import CitewiseError
    from index.recipe import recipe_of, stamp_of

    seen: object = None
    try:
        while True:
            specs = recipe_of(options.index)
            stamp = (specs, stamp_of(specs))
            if stamp == seen:
                time.sleep(_LOOK_EVERY_SECONDS)
                continue
            time.sleep(_SETTLED_AFTER_SECONDS)
            if stamp[1] != stamp_of(specs):
                continue  # still being written
            try:
                with files.alone(options.index):
                    _become(options, recipe_of(options.index))
            except CitewiseError as error:
                say(f"not followed: {error}")
            seen = stamp
    except KeyboardInterrupt:
        return 0


def _become(
    options: argparse.Namespace, specs: Sequence[SourceSpec], fetched: Sequence[SourceSpec] = ()
) -> int:
    """Read the sources, some fetched anew, build their index, and only then keep the recipe."""
    from index.build import build
    from index.encoders import DEFAULT_ENCODER, load_encoder
    from index.recipe import (
        KEPT,
        fetch_source,
        forget_fetched,
        read_sources,
        write_recipe,
        write_states,
    )  # fmt: skip
    from index.sources import Kept
    from index.sources.remote import Fetcher

    started = time.perf_counter()
    kept = Kept.open(options.index / KEPT)
    fetcher = Fetcher()
    for spec in fetched:
        if spec.address is not None:
            say(f"fetching {spec.path}")
        fetch_source(spec, options.index, fetcher)
    base, states = read_sources(specs, kept, options.index)
    for state in states:
        for line in (*state.not_read, *state.problems):
            say(f"{state.name}: not read: {line}")
    name = options.encoder or _encoder_of(options.index) or DEFAULT_ENCODER
    encoder = load_encoder(name, engine=options.encoder_engine)
    with progress_bar("encoding") as progress:
        report = build(base, options.index, encoder, progress)
    write_recipe(options.index, specs)
    write_states(options.index, states)
    forget_fetched(specs, options.index)
    kept.save()
    if options.json:
        print_json(
            {
                "sources": [_told(state) for state in states],
                "passages": report.passages,
                "encoded": report.encoded,
                "directory": str(report.directory),
            }
        )
    else:
        names = ", ".join(f"{state.name} ({state.passages})" for state in states)
        print(
            f"{names}: {report.passages} passages, {report.encoded} texts encoded, "
            f"{time.perf_counter() - started:.1f} s"
        )
    return 0


def _told(state: SourceState) -> dict[str, object]:
    return {key: value for key, value in asdict(state).items() if key != "slugs"}


def _encoder_of(folder: Path) -> str:
    """The encoder that the index was made with; empty where there is none to keep to."""
    from index import store
    from index.errors import IndexUnusable

    try:
        manifest = store.current_manifest(folder)
    except IndexUnusable:
        return ""
    return manifest.encoder.name if manifest else ""


def _sources(options: argparse.Namespace) -> int:
    from index.recipe import read_states, recipe_of

    specs = recipe_of(options.index)
    states = {state.name: state for state in read_states(options.index)}
    if options.json:
        print_json(
            [
                {**asdict(spec), **(_told(states[spec.name]) if spec.name in states else {})}
                for spec in specs
            ]
        )
        return 0
    for spec in specs:
        state = states.get(spec.name)
        found = (
            f"{state.topics} documents, {state.passages} passages, read {state.read}"
            if state
            else "not read yet; run: python -m index sync"
        )
        print(f"{spec.name}  {spec.path}  {found}")
        for line in (*state.not_read, *state.problems)[:_SHOWN] if state else ():
            print(f"    not read: {line}")
    return 0
