"""What can go wrong with knowledge: the root of the one error tree, and its first branches.

CitewiseError
├── KnowledgeBaseError   a record that can't be read, named by file and place
├── IndexUnusable        an index directory that is missing, damaged or of another encoder
├── WeightsError         model weights that are missing or not the pinned ones
└── (app.record.errors)  what can go wrong while answering

Each message says what was got, what was expected and, where one exists, the command that
mends it. `retryable` tells a caller whether the same call may succeed later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["CitewiseError", "IndexUnusable", "KnowledgeBaseError", "WeightsError", "wrong_fields"]


class CitewiseError(Exception):
    """The root of every error that Citewise raises on purpose."""

    retryable = False


class KnowledgeBaseError(CitewiseError):
    """A knowledge base, or a record in one, can't be read."""


class IndexUnusable(CitewiseError):
    """An index directory is missing, damaged or made by another encoder."""


class WeightsError(CitewiseError):
    """Model weights are missing or are not the pinned ones."""


def wrong_fields(error: ValidationError, whole: str, most: int | None = None) -> str:
    """Put what pydantic found wrong into words: the field, what was expected, what was got.

    Args:
        error: what pydantic raised.
        whole: what to call the place where no field is to blame, such as "the line".
        most: how many fields to name; None names all.
    """
    issues = error.errors(include_url=False)
    told = [
        f"{'.'.join(map(str, issue['loc'])) or whole}: "
        f"{issue['msg'].removeprefix('Value error, ')} (got {issue['input']!r:.80})"
        for issue in issues[:most]
    ]
    left = len(issues) - len(told)
    return "; ".join(told) + (f"; and {left} more" if left else "")
