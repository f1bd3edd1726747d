"""What can go wrong with knowledge: the root of the one error tree, and its first branches.

CitewiseError
├── KnowledgeBaseError   a record that can't be read, named by file and place
├── IndexUnusable        an index directory that is missing, damaged or of another encoder
├── WeightsError         model weights that are missing or not the pinned ones
└── (app.record.errors)         what can go wrong while answering

Each message says what was got, what was expected and, where one exists, the command that
mends it. `retryable` tells a caller whether the same call may succeed later.
"""

from __future__ import annotations

__all__ = ["CitewiseError", "IndexUnusable", "KnowledgeBaseError", "WeightsError"]


class CitewiseError(Exception):
    """The root of every error that Citewise raises on purpose."""

    retryable = False


class KnowledgeBaseError(CitewiseError):
    """A knowledge base, or a record in one, can't be read."""


class IndexUnusable(CitewiseError):
    """An index directory is missing, damaged or made by another encoder."""


class WeightsError(CitewiseError):
    """Model weights are missing or are not the pinned ones."""
