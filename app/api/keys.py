"""API keys: a file of SHA-256 hashes, changed atomically, compared in constant time.

A key is 32 random bytes, so that its bare hash tells nothing; the file holds no key. Once a
file is configured, a request without a key from it is refused, even where it lists none.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.record.errors import SettingsError
from index.files import put

__all__ = ["ApiKey", "KeyRing", "add_key", "read_keys", "revoke_key"]

_PREFIX = "cw-"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's name, the hash by which it is known, when it was made (ISO 8601, UTC), its limits.

    A limit that is None is none. `write` says whether it may add and delete documents.
    """

    name: str
    sha256: str
    created: str
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    write: bool = False


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created: str
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_day: int | None = Field(None, ge=1)
    write: bool = False


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    keys: list[_Row]


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """The keys of a file.

    Raises:
        SettingsError: it is missing or not a file of keys.
    """
    try:
        rows = _File.model_validate_json(path.read_bytes()).keys
    except OSError as error:
        raise SettingsError(
            f"api_keys_file {path} can't be read ({error.strerror}): expected a file of keys; "
            "make one with: python -m app keys add NAME"
        ) from error
    except ValidationError as error:
        raise SettingsError(
            f'api_keys_file {path} is damaged: expected {{"keys": [{{"name", "sha256", '
            f'"created"}}]}}, got {error.error_count()} errors; move it away and add the keys anew'
        ) from error
    return tuple(ApiKey(**row.model_dump()) for row in rows)


def add_key(
    path: Path,
    name: str,
    *,
    requests_per_minute: int | None = None,
    tokens_per_day: int | None = None,
    write: bool = False,
) -> str:
    """Make a key, keep its hash and return the key, which can't be read again.

    Args:
        path: the file of keys.
        name: whom the key is for.
        requests_per_minute: how many requests it may make; None for any number.
        tokens_per_day: how many of the model's tokens it may use; None for any number.
        write: whether it may add and delete documents.

    Raises:
        SettingsError: the name is taken or too long, a limit is below 1, or the file is damaged.
    """
    known = read_keys(path) if path.exists() else ()
    if not name.strip() or len(name) > 64:
        raise SettingsError(f"got the key name {name[:64]!r}, expected 1 to 64 characters")
    if any(key.name == name for key in known):
        raise SettingsError(
            f"there is a key named {name!r}: choose another name, or revoke that key first with: "
            f"python -m app keys revoke {name}"
        )
    for what, limit in (
        ("requests-per-minute", requests_per_minute),
        ("tokens-per-day", tokens_per_day),
    ):
        if limit is not None and limit < 1:
            raise SettingsError(f"got --{what} {limit}, expected 1 or more; revoke bars a key")
    secret = _PREFIX + secrets.token_urlsafe(32)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    made = ApiKey(name, _hash(secret), created, requests_per_minute, tokens_per_day, write)
    _write(path, [*known, made])
    return secret


def revoke_key(path: Path, name: str) -> None:
    """Forget a key; a running server refuses it from its next request on.

    Raises:
        SettingsError: there is no such key, or the file is missing or damaged.
    """
    known = read_keys(path)
    left = [key for key in known if key.name != name]
    if len(left) == len(known):
        names = ", ".join(key.name for key in known) or "none"
        raise SettingsError(f"there is no key named {name!r}; there are: {names}")
    _write(path, left)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _write(path: Path, keys: Sequence[ApiKey]) -> None:
    """Readable by the owner alone."""
    put(path, json.dumps({"keys": [asdict(key) for key in keys]}, indent=2), mode=0o600)


class KeyRing:
    """The keys of a file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        """Read the keys.

        Raises:
            SettingsError: the file is missing or damaged.
        """
        self._path = path
        self._keys = read_keys(path)
        self._seen = self._stamp()

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def find(self, secret: str) -> ApiKey | None:
        """The key that a client presents; None where it is none of these.

        Every hash is compared, each in constant time.

        Raises:
            SettingsError: the file changed and can't be read; nobody is let in.
        """
        if (stamp := self._stamp()) != self._seen:
            self._keys = read_keys(self._path)
            self._seen = stamp
        presented = _hash(secret)
        found = None
        for key in self._keys:
            if hmac.compare_digest(presented, key.sha256):
                found = key
        return found
