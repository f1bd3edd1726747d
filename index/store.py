"""The index directory: written beside, checked, swapped in atomically, and read back.

`<dir>/<fingerprint>/` holds the passages, the texts they are embedded under, the vectors and
the lexical index; `manifest.json` is written last and names every file's sha256; `<dir>/current`
is a link that is replaced in one step. Whatever happens during a build, what `current` names
stays whole. docs/store.md has the whole story.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from index import files
from index.digests import digest_of
from index.encoders import EncoderInfo, Vectors
from index.errors import IndexUnusable
from index.late_interaction import LateIndex, TokenSegment, saved_segments
from index.lexical import Bm25
from index.manifest import FORMAT_VERSION, Manifest, code_recipe, differences
from index.types import Figure, Link, Passage, PassageKind, Place, Source
from index.vectors import VectorOpener, VectorStore
from index.vectors.faiss_store import open_faiss, write_faiss
from index.weights import sha256_of

__all__ = [
    "EmbeddedText", "LoadedIndex", "Reusable", "current_fingerprint", "current_manifest",
    "current_state", "load", "prepared", "reusable", "unwritable", "write",
]  # fmt: skip

_ATTEMPTS = 5
_SEGMENTS_SINCE = 5  # the format version that put tokens into segments


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """A text and the row of the passage that is found under it."""

    passage: int
    text: str


@dataclass(frozen=True, slots=True)
class LoadedIndex:
    """An index in memory. `owners[i]` is the row of the passage that vector i belongs to.

    `late` holds the passages' token vectors, where the index was built with them.
    """

    manifest: Manifest
    passages: tuple[Passage, ...]
    texts: tuple[EmbeddedText, ...]
    owners: NDArray[np.int64]
    vectors: VectorStore
    lexical: Bm25
    late: LateIndex | None = None

    @property
    def fingerprint(self) -> str:
        """The index's identity, as answers record it."""
        return self.manifest.fingerprint

    @property
    def knowledge_base(self) -> str:
        """What is indexed: its name, or several joined by "+"."""
        return self.manifest.knowledge_base


@dataclass(frozen=True, slots=True)
class Reusable:
    """What the next build takes over from an index.

    `rows` are the vectors' rows by their texts' digests; `lexical` is None where other code cut
    the documents into words.
    """

    fingerprint: str
    rows: Mapping[bytes, int]
    vectors: VectorStore
    segments: Sequence[TokenSegment]
    lexical: Bm25 | None


@contextmanager
def prepared(folder: Path) -> Iterator[None]:
    """Find out that an index can't be written to `folder` before the long work, not after it.

    Until that work is done, `files.changing` tells of it.

    Raises:
        IndexUnusable: it can't be made or written, or `current` is something else than a link.
    """
    with ExitStack() as announced:
        try:
            with files.exclusive(folder):
                current_fingerprint(folder)
            announced.enter_context(files.announced(folder))
        except OSError as error:
            raise unwritable(folder, error) from error
        yield


def write(
    folder: Path,
    manifest: Manifest,
    passages: Sequence[Passage],
    texts: Sequence[EmbeddedText],
    vectors: Vectors,
    lexical: Bm25,
    late: LateIndex | None = None,
) -> Path:
    """Write an index beside the others, make it the current one and return its directory.

    The one that was current before is kept; older ones are removed. One process writes at a
    time, others wait for it.

    Raises:
        IndexUnusable: it could not be written (a full disk, a read-only folder).
    """
    final = folder / manifest.fingerprint
    try:
        with files.exclusive(folder):
            before = current_fingerprint(folder)
            if not _is_whole(final):
                with files.beside(folder) as fresh:
                    _write_files(fresh, manifest, passages, texts, vectors, lexical, late)
                    if final.exists():
                        files.discard(final)
                    os.replace(fresh, final)
            files.link(folder, "current", manifest.fingerprint)
            _prune(folder, {manifest.fingerprint, before})
    except (OSError, RuntimeError) as error:
        raise unwritable(folder, error) from error
    return final


def current_fingerprint(folder: Path) -> str | None:
    """Return which index `current` names, or None where nothing was built yet.

    Raises:
        IndexUnusable: `current` is something else than a link.
    """
    place = folder / "current"
    try:
        return os.readlink(place)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IndexUnusable(
            f"{place} is no link to an index ({error.strerror}), expected one that a build made; "
            f"mend it with: rm -r {shlex.quote(str(place))} && {_command(folder)}"
        ) from error


def current_manifest(folder: Path) -> Manifest | None:
    """Return what the current index says of itself, its files unchecked; None where none is.

    Raises:
        IndexUnusable: it can't be read.
    """
    name = current_fingerprint(folder)
    if name is None:
        return None
    place = folder / name / "manifest.json"
    mend = f"rebuild it with: {_command(folder)}"
    try:
        return Manifest.from_json(place.read_text(encoding="utf-8"), str(place), mend)
    except (OSError, UnicodeDecodeError) as error:
        raise IndexUnusable(f"{place} can't be read ({_one_line(error)}); {mend}") from error


def current_state(folder: Path) -> tuple[str, int, int] | None:
    """Return what changes whenever another build becomes current, or None where none is.

    Raises:
        IndexUnusable: `current` is something else than a link.
    """
    name = current_fingerprint(folder)
    if name is None:
        return None
    try:
        link = (folder / "current").lstat()
    except OSError:
        return None
    return name, link.st_ino, link.st_mtime_ns


def load(
    folder: Path,
    encoder: EncoderInfo | None = None,
    *,
    open_vectors: VectorOpener = open_faiss,
) -> LoadedIndex:
    """Open the current index of a directory, every file checked against the manifest.

    Args:
        folder: the index directory.
        encoder: what the queries will be encoded with; None skips that check.
        open_vectors: where the vectors are searched; FAISS in this process, unless told.

    Raises:
        IndexUnusable: there is none, it is damaged, or another encoder or recipe made it.
    """
    for attempt in range(_ATTEMPTS):
        state = current_state(folder)
        try:
            return _load(folder, encoder, open_vectors)
        except IndexUnusable:
            # Builds may have replaced and removed it meanwhile: then there is a newer one.
            if attempt == _ATTEMPTS - 1 or current_state(folder) == state:
                raise
    raise AssertionError("the last attempt returns or raises")


def reusable(folder: Path, encoder: EncoderInfo) -> Reusable | None:
    """Open what the current index of a directory saves the next build.

    An index of the format before is good for that too.

    Returns:
        None where there is no index, another encoder made it, or it can't be read.
    """
    try:
        name = current_fingerprint(folder)
        if name is None:
            return None
        home = folder / name
        manifest = _checked_manifest(home, encoder, "", (FORMAT_VERSION, _SEGMENTS_SINCE - 1))
        texts = [
            (row["passage"], digest_of(row["text"])) for row in _read_lines(home / "texts.jsonl")
        ]
        lexical = None
        if manifest.recipe == code_recipe():
            lexical = Bm25.load(home / "lexical")
        segments: list[TokenSegment] = []
        if manifest.late_interaction and manifest.format_version < _SEGMENTS_SINCE:
            # A passage is found under its whole text first.
            first = {passage: digest for passage, digest in reversed(texts)}
            segments = [
                TokenSegment.load(home / "tokens", digests=[first[n] for n in sorted(first)])
            ]
        elif manifest.late_interaction:
            segments = saved_segments(home, manifest.files)
        vectors = open_faiss(home, manifest.vectors, manifest.fingerprint)
    except (IndexUnusable, OSError, ValueError, TypeError, LookupError, RuntimeError):
        return None
    rows = {digest: row for row, (_, digest) in enumerate(texts)}
    return Reusable(manifest.fingerprint, rows, vectors, segments, lexical)


def _load(folder: Path, encoder: EncoderInfo | None, open_vectors: VectorOpener) -> LoadedIndex:
    name = current_fingerprint(folder)
    if name is None:
        raise IndexUnusable(f"no index in {folder}; build one with: {_command(folder)}")
    home = folder / name
    mend = f"rebuild it with: {_command(folder)}"
    manifest = _checked_manifest(home, encoder, mend)
    if manifest.recipe != code_recipe():
        raise IndexUnusable(
            f"{home} was cut into texts and tokens by recipe {manifest.recipe}, this version of "
            f"Citewise has recipe {code_recipe()}; {mend} (with the --kb of "
            f"{manifest.knowledge_base!r}, if it is your own); unchanged texts keep their vectors"
        )
    try:
        passages = tuple(_passage(row) for row in _read_lines(home / "passages.jsonl"))
        rows = [(row["passage"], row["text"]) for row in _read_lines(home / "texts.jsonl")]
        texts = tuple(EmbeddedText(passage, text) for passage, text in rows)
        lexical = Bm25.load(home / "lexical")
        late = LateIndex.load(home) if manifest.late_interaction else None
        vectors = open_vectors(home, manifest.vectors, manifest.fingerprint)
    except (OSError, ValueError, TypeError, LookupError, RuntimeError) as error:
        raise IndexUnusable(f"{home} can't be read ({_one_line(error)}); {mend}") from error
    found = {"passages": len(passages), "texts": len(texts), "vectors": int(vectors.ntotal)}
    if late is not None:
        found |= {"passages": len(late), "tokens": late.tokens}
    wanted = {key: manifest.counts.get(key) for key in found}
    if found != wanted or vectors.d != manifest.encoder.dimension:
        raise IndexUnusable(f"{home} holds {found}, its manifest says {wanted}; {mend}")
    owners = np.fromiter((passage for passage, _ in rows), np.int64, len(rows))
    return LoadedIndex(manifest, passages, texts, owners, vectors, lexical, late)


def _checked_manifest(
    home: Path,
    encoder: EncoderInfo | None,
    mend: str,
    versions: Sequence[int] = (FORMAT_VERSION,),
) -> Manifest:
    place = home / "manifest.json"
    try:
        text = place.read_text(encoding="utf-8")
        manifest = Manifest.from_json(text, str(place), mend, versions)
    except (OSError, UnicodeDecodeError) as error:
        raise IndexUnusable(f"{place} can't be read ({_one_line(error)}); {mend}") from error
    if manifest.fingerprint != home.name:
        raise IndexUnusable(
            f"{home} holds index {manifest.fingerprint}, expected {home.name}; {mend}"
        )
    if encoder is not None and encoder != manifest.encoder:
        raise IndexUnusable(_foreign(home, manifest.encoder, encoder, mend))
    for name, expected in manifest.files.items():
        path = home / name
        try:
            found = sha256_of(path)
        except OSError as error:
            raise IndexUnusable(
                f"{path} can't be read ({error.strerror}), its manifest says sha256 {expected}; "
                f"{mend}"
            ) from error
        if found != expected:
            raise IndexUnusable(
                f"{path} is damaged: sha256 {found}, its manifest says {expected}; {mend}"
            )
    return manifest


def _foreign(home: Path, made: EncoderInfo, given: EncoderInfo, mend: str) -> str:
    differing = ", ".join(f"{name} {a!r} != {b!r}" for name, a, b in differences(made, given))
    return (
        f"{home} was made by encoder {made.name} ({made.revision}), but queries would be encoded "
        f"by {given.name} ({given.revision}): {differing}; use --encoder {shlex.quote(made.name)}, "
        f"or {mend} --encoder {shlex.quote(given.name)}"
    )


def unwritable(folder: Path, error: Exception) -> IndexUnusable:
    """Say that an index can't be written, why, and what mends it."""
    return IndexUnusable(
        f"the index could not be written to {folder}: {_one_line(error)}; expected a folder that "
        "can be written and has room; what was there is unharmed; mend that, then run: "
        f"{_command(folder)}"
    )


def _command(folder: Path) -> str:
    return f"python -m index build --out {shlex.quote(str(folder))}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _is_whole(home: Path) -> bool:
    try:
        _checked_manifest(home, None, "")
    except IndexUnusable:
        return False
    return True


def _prune(folder: Path, kept: set[str | None]) -> None:
    """Remove the other indexes; one that can't be removed is no reason to fail."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            other = path.name not in kept and not path.is_symlink()
            if other and (path / "manifest.json").is_file():
                files.discard(path)


def _write_files(
    home: Path,
    manifest: Manifest,
    passages: Sequence[Passage],
    texts: Sequence[EmbeddedText],
    vectors: Vectors,
    lexical: Bm25,
    late: LateIndex | None,
) -> None:
    _write_lines(home / "passages.jsonl", passages)
    _write_lines(home / "texts.jsonl", texts)
    write_faiss(home, vectors, manifest.vectors)
    lexical.save(home / "lexical")
    known = late.save(home) if late is not None else {}
    written = sorted(path for path in home.rglob("*") if path.is_file())
    names = {path.relative_to(home).as_posix(): path for path in written}
    hashes = {name: known.get(name) or sha256_of(path) for name, path in names.items()}
    complete = manifest.with_files(hashes)
    (home / "manifest.json").write_text(complete.to_json(), encoding="utf-8")
    files.sync_tree(home)


def _write_lines(path: Path, rows: Iterable[object]) -> None:
    with path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _read_lines(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        return [orjson.loads(line) for line in file]


def _passage(row: dict[str, Any]) -> Passage:
    sources = tuple(Source(**source) for source in row.pop("sources"))
    figure = Figure(**stated) if (stated := row.pop("figure", None)) else None
    if at := row.pop("place", None):
        at["section"] = tuple(at["section"])
    place = Place(**at) if at else None
    links = tuple(Link(**link) for link in row.pop("see_also", ()))
    kind = PassageKind(row.pop("kind"))
    return Passage(kind=kind, sources=sources, figure=figure, place=place, see_also=links, **row)
