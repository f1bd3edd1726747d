"""What goes wrong in an evaluation on purpose: bad suites, runs that don't fit together."""

from __future__ import annotations

from index.errors import CitewiseError

__all__ = ["EvaluationError", "SuiteError"]


class EvaluationError(CitewiseError):
    """A run, a baseline or a target can't be used; the message says how to mend it."""


class SuiteError(EvaluationError):
    """A suite or one of its cases can't be read."""
