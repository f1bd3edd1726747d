"""What a model thinks before it answers is no part of the answer.

Servers that know their model send thoughts in a field of their own. Others leave them at the
beginning of the text, between tags.
"""

from __future__ import annotations

import re

__all__ = ["Outspoken"]

_TAGS = ("<think>", "<thinking>", "<thought>")
_LONGEST_END = len("</thinking>")
_END = re.compile(r"</(?:think|thinking|thought)>\s*")


class Outspoken:
    """The text of one answer without the thoughts that it may begin with, as it streams in."""

    def __init__(self) -> None:
        """Begin before the first token."""
        self._held = ""
        self._thinking: bool | None = None
        self._thought = False

    def take(self, text: str) -> str:
        """Take in what came, and return what of it is to be shown."""
        if self._thinking is False:
            return text
        self._held += text
        if self._thinking:
            ended = _END.search(self._held)
            if ended is None:
                self._held = self._held[-_LONGEST_END:]
                return ""
            self._held, self._thinking, self._thought = self._held[ended.end() :], None, True
        begun = self._held.lstrip()
        if self._thought:
            self._held = begun
        if any(tag.startswith(begun.lower()) for tag in _TAGS):
            return ""
        self._thinking = begun.lower().startswith(_TAGS)
        return self.take("") if self._thinking else self.rest()

    def rest(self) -> str:
        """Return what was held back, at the end or once it is known to be the answer."""
        shown = "" if self._thinking else self._held
        self._held = ""
        return shown
