"""An index directory's manifest: what was indexed, by which encoder, and every file's sha256."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from index.encoders import EncoderInfo
from index.errors import IndexUnusable, KnowledgeBaseError
from index.text.corpus_words import WORDS_FILE
from index.types import KnowledgeBase
from index.vectors import VectorKind

__all__ = ["FORMAT_VERSION", "Manifest", "code_recipe", "differences", "fingerprint_of", "hash_of"]

FORMAT_VERSION = 5
_HERE = Path(__file__).resolve().parent
_IMPORT = re.compile(r"^from (index\.[\w.]+) import", re.MULTILINE)
_HALF = re.compile("[\ud800-\udfff]")
_MAKES_TEXTS = ("index.passages", "index.lexical")


@cache
def code_recipe() -> str:
    """Name the code that cuts passages and tokens, by its hash.

    Embedded texts that come out the same keep their vectors, so a new recipe costs little.
    """
    digest = hashlib.sha256()
    for path in sorted({*_imported_by(_MAKES_TEXTS), WORDS_FILE}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _imported_by(modules: Iterable[str]) -> set[Path]:
    """Find the files of some modules of this package, and of all that they import from it."""
    found: set[Path] = set()
    waiting = [_file_of(module) for module in modules]
    while waiting:
        path = waiting.pop()
        if path is None or path in found:
            continue
        found.add(path)
        imports = _IMPORT.findall(path.read_text(encoding="utf-8"))
        waiting += [_file_of(module) for module in imports]
    return found


def _file_of(module: str) -> Path | None:
    path = _HERE.parent.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((place for place in candidates if place.is_file()), None)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What must agree before an index is used.

    `vectors` is how they are searched, `late_interaction` tells whether the passages' token
    vectors are kept as well, `files` maps a relative path to its sha256 and `recipe` names the
    code that made the texts and their tokens.
    """

    fingerprint: str
    encoder: EncoderInfo
    knowledge_base: str
    knowledge_base_sha256: str
    counts: Mapping[str, int]
    vectors: VectorKind = "flat"
    late_interaction: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION
    recipe: str = field(default_factory=code_recipe)

    def to_json(self) -> str:
        """Return the manifest as indented JSON that ends with its own sha256."""
        return _dump({**asdict(self), "sha256": _self_hash(asdict(self))})

    def with_files(self, files: Mapping[str, str]) -> Manifest:
        """Return the manifest of the same index with its files' hashes."""
        return replace(self, files=dict(files))

    def with_counts(self, counts: Mapping[str, int]) -> Manifest:
        """Return the manifest of the same index with more of its parts counted."""
        return replace(self, counts={**self.counts, **counts})

    @classmethod
    def from_json(
        cls, text: str, place: str, mend: str, versions: Sequence[int] = (FORMAT_VERSION,)
    ) -> Manifest:
        """Read a manifest.

        Args:
            text: the file's content.
            place: its name, for errors.
            mend: the command that mends it, for errors.
            versions: which of the format are read.

        Raises:
            IndexUnusable: it is no manifest, a damaged one, or one of another format version.
        """
        try:
            raw: dict[str, Any] = json.loads(text)
            version = raw["format_version"]
            if version not in versions:
                raise IndexUnusable(
                    f"{place}: format version {version!r}, expected {FORMAT_VERSION}; {mend}"
                )
            stated = raw.pop("sha256")
            found = _self_hash(raw)
            if found != stated or _dump({**raw, "sha256": stated}) != text:
                raise IndexUnusable(
                    f"{place} is damaged: its contents have sha256 {found}, it says {stated!r}; "
                    f"{mend}"
                )
            encoder = EncoderInfo(**raw.pop("encoder"))
            return cls(encoder=encoder, **raw)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise IndexUnusable(
                f"{place} is no index manifest ({type(error).__name__}: {reason}); {mend}"
            ) from error


def hash_of(knowledge_base: KnowledgeBase) -> str:
    """Hash everything that a knowledge base says.

    Raises:
        KnowledgeBaseError: it holds half a character (a lone surrogate), which no file can.
    """
    digest = hashlib.sha256()
    try:
        for part in (knowledge_base.name, *knowledge_base.topics):
            digest.update(orjson.dumps(part, option=orjson.OPT_APPEND_NEWLINE))
    except TypeError as error:
        text = json.dumps(asdict(knowledge_base), ensure_ascii=False)
        half = _HALF.search(text)
        if half is None:
            raise
        said = text[max(0, half.start() - 40) : half.start()]
        raise KnowledgeBaseError(
            f"knowledge base {knowledge_base.name!r} holds half a character "
            f"(U+{ord(half.group()):04X}) after {said!r}: expected whole ones; remove it"
        ) from error
    return digest.hexdigest()


def fingerprint_of(
    knowledge_base_sha256: str,
    encoder: EncoderInfo,
    vectors: VectorKind = "flat",
    late_interaction: bool = False,
) -> str:
    """Derive an index's identity from what it is built from and how. 16 hexadecimal digits."""
    identity = json.dumps(
        [
            FORMAT_VERSION,
            code_recipe(),
            knowledge_base_sha256,
            encoder.as_dict(),
            vectors,
            late_interaction,
        ],
        sort_keys=True,
    )
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def differences(one: EncoderInfo, other: EncoderInfo) -> list[tuple[str, object, object]]:
    """List the fields in which two encoders differ, with the value of each."""
    pairs = ((f.name, getattr(one, f.name), getattr(other, f.name)) for f in fields(EncoderInfo))
    return [(name, a, b) for name, a, b in pairs if a != b]


def _self_hash(raw: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(raw).encode()).hexdigest()


def _dump(raw: Mapping[str, Any]) -> str:
    return json.dumps(raw, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
