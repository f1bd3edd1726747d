"""An index directory's manifest: what was indexed, by which encoder, and every file's sha256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from index.encoders import EncoderInfo
from index.errors import IndexUnusable
from index.passages import RECIPE
from index.types import KnowledgeBase

__all__ = ["FORMAT_VERSION", "Manifest", "fingerprint_of", "hash_of"]

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What must agree before an index is used. `files` maps a relative path to its sha256."""

    fingerprint: str
    encoder: EncoderInfo
    knowledge_base: str
    knowledge_base_sha256: str
    counts: Mapping[str, int]
    files: Mapping[str, str]
    format_version: int = FORMAT_VERSION
    recipe: int = RECIPE

    def to_json(self) -> str:
        """Return the manifest as indented JSON."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, place: str) -> Manifest:
        """Read a manifest; `place` names the file in errors.

        Raises:
            IndexUnusable: it is no manifest, or one of another format version.
        """
        try:
            raw: dict[str, Any] = json.loads(text)
            version = raw["format_version"]
            if version != FORMAT_VERSION:
                raise IndexUnusable(
                    f"{place}: format version {version}, expected {FORMAT_VERSION}; rebuild it "
                    "with: python -m index build"
                )
            encoder = EncoderInfo(**raw.pop("encoder"))
            return cls(encoder=encoder, **raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexUnusable(
                f"{place} is no index manifest ({type(error).__name__}: {error}); rebuild it "
                "with: python -m index build"
            ) from error


def hash_of(knowledge_base: KnowledgeBase) -> str:
    """Hash everything that a knowledge base says."""
    text = json.dumps(asdict(knowledge_base), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint_of(knowledge_base_sha256: str, encoder: EncoderInfo) -> str:
    """Derive an index's identity from what it is built from and how. 16 hexadecimal digits."""
    identity = json.dumps(
        [FORMAT_VERSION, RECIPE, knowledge_base_sha256, encoder.as_dict()], sort_keys=True
    )
    return hashlib.sha256(identity.encode()).hexdigest()[:16]
