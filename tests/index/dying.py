"""Builds that die, or whose disk fills up, at each of their file operations in turn.

`python -m tests.index.dying FOLDER SCENARIO MODE` prints a JSON line for each. It is a process
of its own because it forks: nothing here may start a thread before.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

import faiss
import numpy as np

from index import store
from index.build import build
from index.encoders import EncoderInfo, Progress, TokenVectors, Vectors
from index.errors import IndexUnusable
from index.types import DataPoint, Faq, KnowledgeBase, Source, Topic

LOCKS = {".lock", ".announced"}
_EVENTS = {
    "open", "os.rename", "os.mkdir", "os.symlink", "os.remove", "os.rmdir", "os.link",
    "os.truncate", "os.chmod", "os.listdir", "os.scandir", "shutil.rmtree",
}  # fmt: skip


class NumberEncoder:
    """Encodes a text by its bytes: quick, the same everywhere, and without threads."""

    def __init__(self, dimension: int = 8, **changes: Any) -> None:
        fields = {
            "name": "numbers", "revision": "1", "weights_sha256": "0" * 64,
            "dimension": dimension, "pooling": "mean", "normalized": True, "max_tokens": 64,
        }  # fmt: skip
        self.info = EncoderInfo(**{**fields, **changes})
        self.encoded: list[str] = []
        self.tokenized: list[str] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.encode()) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(ids).decode()

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._one(text) for text in texts])

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.encoded += texts
        if progress is not None:
            progress(len(texts), len(texts))
        return np.stack([self._one(text) for text in texts])

    def encode_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, tuple[TokenVectors, ...]]:
        return self.encode_queries(texts), tuple(self._tokens(text) for text in texts)

    def encode_passage_tokens(
        self, texts: Sequence[str], progress: Progress | None = None
    ) -> tuple[Vectors, list[TokenVectors]]:
        self.tokenized += texts
        self.encoded += texts
        if progress is not None:
            progress(len(texts), len(texts))
        vectors = np.stack([self._one(text) for text in texts])
        return vectors, [self._tokens(text) for text in texts]

    def _tokens(self, text: str) -> TokenVectors:
        words = text.split() or [""]
        ids = np.array([crc32(word.encode(errors="surrogatepass")) % 30_000 for word in words])
        return TokenVectors(ids.astype(np.int32), np.stack([self._one(word) for word in words]))

    def _one(self, text: str) -> Vectors:
        seed = list(text.encode(errors="surrogatepass")) or [0]
        vector = np.random.default_rng(seed).standard_normal(self.info.dimension)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


def knowledge(word: str) -> KnowledgeBase:
    """A knowledge base of one topic, told apart by a word."""
    faqs = (Faq(f"What is {word}?", f"{word} is a thing.", ("s",)), Faq("Why?", "Because."))
    topic = Topic(
        "topic", "A topic", snippet="In short.", faqs=faqs,
        sources=(Source("s", "Someone (2020)", "https://x.org", 2020),),
        data_points=(DataPoint("Size", "3", "GB"),),
    )  # fmt: skip
    return KnowledgeBase("kb", (topic,))


@dataclass(frozen=True)
class Outcome:
    """What came of one build: how it ended and what a reader, then the next build, found.

    The next build is tried after every third.
    """

    n: int
    ended: str
    served: str
    next_build: str | None
    leftovers: list[str]


def _watch(folder: Path, act: Callable[[str], None]) -> None:
    """Call `act` before each file operation in `folder`, and in the middle of FAISS' own."""
    prefix = str(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS and any(str(a).startswith(prefix) for a in arguments[:2]):
            act(event)

    sys.addaudithook(hook)
    write_index, fsync, readlink = faiss.write_index, os.fsync, os.readlink

    def spied_write(index: faiss.Index, path: str) -> None:
        act("faiss begins")
        write_index(index, path)
        whole = Path(path).stat().st_size
        with open(path, "r+b") as file:
            file.truncate(whole // 2)
        act("faiss half done")
        write_index(index, path)

    def spied_fsync(descriptor: int) -> None:
        act("fsync")
        fsync(descriptor)

    def spied_readlink(path: Any) -> Any:
        act("readlink")
        return readlink(path)

    spies = (
        (faiss, "write_index", spied_write),
        (os, "fsync", spied_fsync),
        (os, "readlink", spied_readlink),
    )
    for module, name, spy in spies:
        setattr(module, name, spy)


def _killer(n: int) -> Callable[[str], None]:
    operations = count(1)

    def act(event: str) -> None:
        if next(operations) == n:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


def _full_disk(n: int) -> Callable[[str], None]:
    """From the n-th operation on nothing can be made or written."""
    operations = count(1)

    def act(event: str) -> None:
        if next(operations) >= n and event not in {"os.remove", "os.rmdir", "readlink"}:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x")

    return act


def _child(folder: Path, mode: str, n: int, word: str) -> None:
    if mode == "kill":
        _watch(folder, _killer(n))
    elif mode == "full":
        _watch(folder, _full_disk(n))
    elif mode == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (n * 150, n * 150))
    try:
        build(knowledge(word), folder, NumberEncoder())
    except IndexUnusable as error:
        os._exit(3 if "\n" not in str(error) and "index build" in str(error) else 4)
    except BaseException as error:  # noqa: BLE001 - reported by its status
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(5)
    os._exit(0)


def _serve(folder: Path) -> str:
    try:
        return store.load(folder, NumberEncoder().info).fingerprint
    except IndexUnusable as error:
        return f"refused: {error}"


def _outcomes(base: Path, work: Path, mode: str, word: str) -> Iterator[Outcome]:
    names = {0: "done", 3: "refused", 4: "unclear", 5: "broken", -signal.SIGKILL: "killed"}
    for n in count(1):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(base, work, symlinks=True)
        pid = os.fork()
        if pid == 0:
            _child(work, mode, n, word)
        ended = names[os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]
        served = _serve(work)
        if n % 3 and ended != "done":
            yield Outcome(n, ended, served, None, [])
            continue
        build(knowledge(word), work, NumberEncoder())
        left = sorted(p.name for p in work.iterdir() if p.name[0] == "." and p.name not in LOCKS)
        yield Outcome(n, ended, served, _serve(work), left)
        if ended == "done":
            return


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")


def main(arguments: list[str]) -> None:
    """Prepare the scenario, then print what came of each build."""
    folder, scenario, mode = Path(arguments[0]), arguments[1], arguments[2]
    base = folder / "base"
    base.mkdir()
    word = "new"
    if scenario != "first":
        build(knowledge("older"), base, NumberEncoder())
        build(knowledge("old"), base, NumberEncoder())
    if scenario == "damaged":
        word = "old"
        (base / "current" / "texts.jsonl").write_text("{}")
    _say({"before": _serve(base)})
    for outcome in _outcomes(base, folder / "work", mode, word):
        _say(asdict(outcome))


if __name__ == "__main__":
    main(sys.argv[1:])
