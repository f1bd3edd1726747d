"""What can go wrong while answering; the tree's root is `index.errors.CitewiseError`.

CitewiseError
├── SettingsError          a setting out of range or unknown
├── PromptError            a persona file that can't be used
├── RetrievalTimeout       the search took longer than it may
├── RequestError           a question or option that can't be honoured; names its field
├── StoreError             conversations, answers or feedback can't be kept or read
│   ├── StoreUnavailable   the database can't be used now: locked, full, away; worth a retry
│   └── NotKept            there is nothing of that id, or it is another owner's
└── ModelError             the chat model failed
    ├── ModelUnavailable   it could not be reached or is still loading; worth a retry
    │   └── ModelTimeout   it took longer than it may
    ├── ModelBusy          it refused for now; worth a retry after a while
    └── ContextOverflow    the prompt is longer than its context
"""

from __future__ import annotations

from index.errors import CitewiseError

__all__ = [
    "CitewiseError",
    "ContextOverflow",
    "ModelBusy",
    "ModelError",
    "ModelTimeout",
    "ModelUnavailable",
    "NotKept",
    "PromptError",
    "RequestError",
    "RetrievalTimeout",
    "SettingsError",
    "StoreError",
    "StoreUnavailable",
]


class SettingsError(CitewiseError):
    """A setting is unknown or out of its range."""


class PromptError(CitewiseError):
    """A persona file can't be used."""


class RequestError(CitewiseError):
    """A request asks for something that can't be honoured; `field` names the culprit."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class RetrievalTimeout(CitewiseError):
    """The search took longer than it may."""

    retryable = True


class StoreError(CitewiseError):
    """Conversations, answers or feedback can't be kept or read."""


class StoreUnavailable(StoreError):
    """The database can't be used now: it is locked, full, read-only or away."""

    retryable = True


class NotKept(StoreError):
    """There is nothing of that id, or it belongs to another owner."""


class ModelError(CitewiseError):
    """The chat model failed."""


class ModelUnavailable(ModelError):
    """The chat model could not be reached, or is still loading; `retry_after` is in seconds."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelTimeout(ModelUnavailable):
    """The chat model took longer than it may, before or after its first token."""


class ModelBusy(ModelError):
    """The chat model refused for now; `retry_after` is in seconds."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ContextOverflow(ModelError):
    """The prompt does not fit the model's context."""
