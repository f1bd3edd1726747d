"""What every reader of documents makes: the blocks of a text in reading order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from index.types import Link

__all__ = ["Block", "BlockKind", "Parsed"]


class BlockKind(Enum):
    """What a block is. Code, tables and formulas are kept whole where they can be."""

    HEADING = auto()
    TEXT = auto()
    ITEM = auto()
    CODE = auto()
    TABLE = auto()
    FORMULA = auto()


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a document.

    `text` is Markdown: code stands in a fence, a table has pipes, an item its bullet. `level` and
    `anchor` are a heading's: 1 is outermost, and the anchor is the one that the document gives
    it. `page` counts from 1 where the format has pages.
    """

    kind: BlockKind
    text: str
    level: int = 0
    anchor: str = ""
    page: int | None = None
    links: tuple[Link, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the block means something only as a whole."""
        return self.kind in (BlockKind.CODE, BlockKind.TABLE, BlockKind.FORMULA)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as its format gives it; `title` and `url` are empty where it says none."""

    blocks: tuple[Block, ...]
    title: str = ""
    url: str = ""
