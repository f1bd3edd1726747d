"""The index directory: written beside, checked, swapped in atomically, and read back.

`<dir>/<fingerprint>/` holds the passages, the texts they are embedded under, the vectors and
the lexical index; `manifest.json` is written last and names every file's sha256; `<dir>/current`
is a link that is replaced in one step. Whatever happens during a build, what `current` names
stays whole.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from index.encoders import EncoderInfo, Vectors
from index.errors import IndexUnusable
from index.lexical import Bm25
from index.manifest import Manifest
from index.types import Passage, PassageKind, Source
from index.weights import sha256_of

__all__ = ["EmbeddedText", "LoadedIndex", "current_fingerprint", "load", "publish", "write"]

_REBUILD = "rebuild it with: python -m index build"


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """A text and the row of the passage that is found under it."""

    passage: int
    text: str


@dataclass(frozen=True, slots=True)
class LoadedIndex:
    """An index in memory. `owners[i]` is the row of the passage that vector i belongs to."""

    manifest: Manifest
    passages: tuple[Passage, ...]
    texts: tuple[EmbeddedText, ...]
    owners: NDArray[np.int64]
    vectors: faiss.Index
    lexical: Bm25

    @property
    def fingerprint(self) -> str:
        """The index's identity, as answers record it."""
        return self.manifest.fingerprint


def write(
    folder: Path,
    manifest: Manifest,
    passages: Sequence[Passage],
    texts: Sequence[EmbeddedText],
    vectors: Vectors,
    lexical: Bm25,
) -> Path:
    """Write an index beside the others and return its directory; nothing refers to it yet.

    Raises:
        IndexUnusable: it could not be written (a full disk, a read-only folder).
    """
    final = folder / manifest.fingerprint
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
        try:
            _write_lines(beside / "passages.jsonl", (asdict(passage) for passage in passages))
            _write_lines(beside / "texts.jsonl", (asdict(text) for text in texts))
            flat = faiss.IndexFlatIP(manifest.encoder.dimension)
            flat.add(vectors)
            faiss.write_index(flat, str(beside / "vectors.faiss"))
            lexical.save(beside / "lexical")
            files = sorted(path for path in beside.rglob("*") if path.is_file())
            hashes = {path.relative_to(beside).as_posix(): sha256_of(path) for path in files}
            complete = Manifest(**{**_fields(manifest), "files": hashes})
            for path in files:
                _sync(path)
            (beside / "manifest.json").write_text(complete.to_json(), encoding="utf-8")
            _sync(beside / "manifest.json")
            _replace_folder(beside, final)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except (OSError, RuntimeError) as error:
        raise IndexUnusable(
            f"the index could not be written to {folder}: {error}; the index that was there "
            "still serves"
        ) from error
    return final


def publish(folder: Path, fingerprint: str, *, keep: int = 2) -> None:
    """Make `current` name this index, in one step, and remove all but the `keep` newest."""
    before = current_fingerprint(folder)
    link = folder / f".current-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(fingerprint)
    os.replace(link, folder / "current")
    _sync(folder)
    protected = {fingerprint, before}
    old = [
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.is_symlink() and path.name not in protected
        and (path / "manifest.json").is_file()
    ]
    old.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in old[max(0, keep - len(protected - {None})) :]:
        shutil.rmtree(path, ignore_errors=True)


def current_fingerprint(folder: Path) -> str | None:
    """Return which index `current` names, or None where nothing was built yet."""
    try:
        return os.readlink(folder / "current")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IndexUnusable(f"{folder / 'current'} is no link to an index; {_REBUILD}") from error


def load(folder: Path, encoder: EncoderInfo | None = None) -> LoadedIndex:
    """Open the current index of a directory, every file checked against the manifest.

    Args:
        folder: the index directory.
        encoder: what the queries will be encoded with; None skips that check.

    Raises:
        IndexUnusable: there is none, it is damaged, or another encoder made it.
    """
    name = current_fingerprint(folder)
    if name is None:
        raise IndexUnusable(f"no index in {folder}; build one with: python -m index build")
    home = folder / name
    manifest = _checked_manifest(home, encoder)
    try:
        passages = tuple(_passage(row) for row in _read_lines(home / "passages.jsonl"))
        texts = tuple(EmbeddedText(**row) for row in _read_lines(home / "texts.jsonl"))
        vectors = faiss.read_index(str(home / "vectors.faiss"), faiss.IO_FLAG_MMAP_IFC)
        lexical = Bm25.load(home / "lexical", len(passages))
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise IndexUnusable(f"{home} can't be read ({error}); {_REBUILD}") from error
    found = {"passages": len(passages), "texts": len(texts), "vectors": int(vectors.ntotal)}
    wanted = {key: manifest.counts.get(key) for key in found}
    if found != wanted or vectors.d != manifest.encoder.dimension:
        raise IndexUnusable(f"{home} holds {found}, its manifest says {wanted}; {_REBUILD}")
    owners = np.fromiter((text.passage for text in texts), np.int64, len(texts))
    return LoadedIndex(manifest, passages, texts, owners, vectors, lexical)


def _checked_manifest(home: Path, encoder: EncoderInfo | None) -> Manifest:
    place = home / "manifest.json"
    try:
        manifest = Manifest.from_json(place.read_text(encoding="utf-8"), str(place))
    except (OSError, UnicodeDecodeError) as error:
        raise IndexUnusable(f"{place} can't be read ({error}); {_REBUILD}") from error
    for name, expected in manifest.files.items():
        path = home / name
        found = sha256_of(path) if path.is_file() else "no such file"
        if found != expected:
            raise IndexUnusable(
                f"{path} is damaged: sha256 {found}, its manifest says {expected}; {_REBUILD}"
            )
    if encoder is not None and encoder != manifest.encoder:
        raise IndexUnusable(
            f"{home} was made by {_describe(manifest.encoder)}, but queries would be encoded by "
            f"{_describe(encoder)}; {_REBUILD} --encoder {encoder.name}"
        )
    return manifest


def _describe(info: EncoderInfo) -> str:
    return (
        f"{info.name} ({info.revision}, {info.dimension} dimensions, {info.pooling} pooling, "
        f"{'normalized' if info.normalized else 'not normalized'})"
    )


def _fields(manifest: Manifest) -> dict[str, object]:
    return {name: getattr(manifest, name) for name in manifest.__slots__}


def _write_lines(path: Path, rows: Iterable[object]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _read_lines(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _passage(row: dict[str, object]) -> Passage:
    sources = row.pop("sources")
    kind = row.pop("kind")
    assert isinstance(sources, list)
    return Passage(
        **row,  # type: ignore[arg-type]  # checked against the manifest's sha256
        kind=PassageKind(str(kind)),
        sources=tuple(Source(**source) for source in sources),
    )


def _replace_folder(beside: Path, final: Path) -> None:
    """Move the new index to its name; one of that name that is there is whole or a leftover."""
    if final.exists():
        aside = Path(tempfile.mkdtemp(prefix=".replaced-", dir=final.parent))
        os.replace(final, aside / final.name)
        os.replace(beside, final)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.replace(beside, final)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
