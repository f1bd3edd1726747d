"""Changing a directory that others read: one writer at a time, and nothing half done in sight.

Names that begin with a dot are a writer's own. Whoever holds the lock may remove what another,
which died, has left of them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "alone",
    "announced",
    "beside",
    "changing",
    "discard",
    "exclusive",
    "link",
    "put",
    "put_array",
    "same",
    "sync_tree",
    "tidy",
]

_log = logging.getLogger(__name__)
_ANNOUNCED = ".announced"
_LEFTOVERS = (".building-", ".removed-", ".current-")


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Be the only one that changes `folder`, waiting for another to finish; then clear leftovers.

    The lock is the operating system's, so it goes with the process that holds it.

    Raises:
        OSError: the folder can't be made or locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.warning("waiting for another build of %s to finish", folder)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        for path in list(folder.iterdir()):
            if path.name.startswith(_LEFTOVERS):
                _remove(path)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one that changes what `folder` is made from, from reading it to the new index.

    Raises:
        OSError: the folder can't be made or locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".recipe-lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def announced(folder: Path) -> Iterator[None]:
    """Make something new for `folder`, which others see in `changing`; one at a time.

    Raises:
        OSError: the folder can't be written.
    """
    descriptor = os.open(folder / _ANNOUNCED, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def changing(folder: Path) -> bool:
    """Tell whether something new is being made for `folder`; one that died makes nothing."""
    try:
        descriptor = os.open(folder / _ANNOUNCED, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def tidy(folder: Path) -> None:
    """Clear what dead writers left; a folder that can't be written has nothing to clear."""
    with suppress(OSError), exclusive(folder):
        pass


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """Give a new, empty folder inside `folder`, which is removed again if the work fails."""
    path = folder / f".building-{secrets.token_hex(4)}"
    path.mkdir()  # not mkdtemp: others must be able to read it as they read any file
    try:
        yield path
    except BaseException:
        _remove(path)
        raise


def put(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a whole file in one step and for good: readers see the old one or the new one.

    Args:
        path: where; its folder is made where there is none.
        content: text is written as UTF-8.
        mode: who may read it.

    Raises:
        OSError: it can't be written; what stood there stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    data = content.encode() if isinstance(content, str) else content
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        _remove(fresh)
        raise


def put_array(path: Path, numbers: NDArray[Any]) -> None:
    """Write an array as `.npy`, whole.

    NumPy itself does not tell that the disk is full where an array is small: it is written
    through Python, which does.

    Raises:
        OSError: it can't be written.
    """
    with path.open("wb") as file:
        np.save(SimpleNamespace(write=file.write), numbers, allow_pickle=False)


def link(folder: Path, name: str, target: str) -> None:
    """Make `folder/name` a link to `target`, in one step and for good.

    Raises:
        OSError: it can't be made; a folder is in its place, for instance.
    """
    fresh = folder / f".{name}-{secrets.token_hex(4)}"
    fresh.symlink_to(target)
    try:
        os.replace(fresh, folder / name)
    except BaseException:
        _remove(fresh)
        raise
    _sync(folder)


def discard(path: Path) -> None:
    """Remove a folder; whoever looks sees it whole or not at all.

    Raises:
        OSError: it is still there. What can't be removed is left to the next writer.
    """
    aside = path.parent / f".removed-{secrets.token_hex(4)}"
    os.replace(path, aside)
    _remove(aside)


def same(path: Path, place: Path) -> None:
    """Have a file that is never changed stand in a second place: linked, where that can be done.

    Raises:
        OSError: there is no such file, or it can't stand there.
    """
    try:
        place.hardlink_to(path)
    except OSError:  # another disk, or one that knows no links
        shutil.copy2(path, place)


def sync_tree(folder: Path) -> None:
    """Have every file and folder below, and `folder` itself, on the disk before going on."""
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s is left over and can't be removed: %s", path, error)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
