"""Documents over HTTP: sent, read by a process of their own, found, listed, deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from app.api.gatekeeper import Gatekeeper
from app.api.keys import KeyRing, add_key
from app.api.library import DocumentError, Library
from index.__main__ import main
from index.encoders import DEFAULT_ENCODER, load_encoder
from index.live import LiveIndex
from index.recipe import read_recipe
from tests.api.conftest import FakePipeline, Running, serving
from tests.scripted import until

ENCODER = (DEFAULT_ENCODER, "auto")
DOCUMENTS = "/v1/documents"


def _upload(http: httpx.Client, name: str, content: bytes, **fields: Any) -> httpx.Response:
    form, headers = fields.pop("form", None), fields.pop("headers", None)
    return http.post(DOCUMENTS, files={"file": (name, content)}, data=form, headers=headers)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of one note."""
    home = tmp_path_factory.mktemp("library")
    note = home / "note.md"
    note.write_text("# Logs\n\nLogs are kept for a week.\n", encoding="utf-8")
    assert main(["add", str(note), "--index", str(home / "index")]) == 0
    return home / "index"


@pytest.fixture(scope="module")
def live(folder: Path) -> LiveIndex:
    return LiveIndex(folder, load_encoder(DEFAULT_ENCODER), look_every=0.05)


@pytest.fixture(scope="module")
def server(folder: Path, live: LiveIndex) -> Iterator[Running]:
    pipeline: Any = FakePipeline()
    pipeline.live_index = live
    library = Library(folder, ENCODER, live, most=3)
    with serving(pipeline, library=library, upload_bytes=4096) as running:
        yield running


def _texts(live: LiveIndex) -> set[str]:
    return {passage.text for passage in live.retriever().index.passages}


def _read(http: httpx.Client, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        time.sleep(0.2)  # leaves the processor to what reads
        found.append(http.get(f"{DOCUMENTS}/{name}").json())
        return bool(found[-1]["status"] != "reading")

    until(f"{name} is read", ended, 120)
    return found[-1]


def test_a_document_is_sent_read_found_and_deleted(
    server: Running, folder: Path, live: LiveIndex
) -> None:
    text = b"# Turbine\n\nThe turbine needs 4.2 litres of oil.\n"
    sent = _upload(server.http, "../../Turbine notes.md", text)
    assert sent.status_code == 201, sent.text
    assert (sent.json()["name"], sent.json()["status"]) == ("Turbine notes", "reading")
    ready = _read(server.http, "Turbine notes")
    assert (ready["status"], ready["passages"], ready["uploaded"]) == ("ready", 1, True)
    assert ready["files"] == [{"name": "Turbine notes.md", "bytes": len(text)}]
    assert "The turbine needs 4.2 litres of oil." in _texts(live)
    ids = [passage.id for passage in live.within(("Turbine notes",)).index.passages]
    assert [one.startswith("Turbine notes/Turbine notes.md#") for one in ids] == [True]

    listed = {one["name"]: one for one in server.http.get(DOCUMENTS).json()["data"]}
    assert [(name, one["uploaded"]) for name, one in listed.items()] == [
        ("note", False), ("Turbine notes", True),
    ]  # fmt: skip
    assert str(folder.parent) not in server.http.get(DOCUMENTS).text

    again = _upload(server.http, "other.md", text, form={"name": "Turbine notes"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "document_exists")

    gone = server.http.delete(f"{DOCUMENTS}/Turbine notes", timeout=120)
    assert gone.json() == {"name": "Turbine notes", "object": "document", "deleted": True}
    assert _texts(live) == {"Logs are kept for a week."}
    assert list((folder / "documents").iterdir()) == []
    assert server.http.get(f"{DOCUMENTS}/Turbine notes").status_code == 404


def test_a_file_that_cannot_be_read_says_why_and_leaves_nothing(
    server: Running, folder: Path, live: LiveIndex
) -> None:
    assert _upload(server.http, "broken.pdf", b"%PDF-1.7 nothing").status_code == 201
    failed = _read(server.http, "broken")
    assert failed["status"] == "failed"
    assert "PDF" in failed["error"]
    assert str(folder.parent) not in failed["error"]
    assert not (folder / "documents" / "broken").exists()
    assert _texts(live) == {"Logs are kept for a week."}
    assert server.http.delete(f"{DOCUMENTS}/broken").status_code == 200
    assert server.http.get(f"{DOCUMENTS}/broken").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "fields", "status", "code"),
    [
        ("movie.mp4", b"x", {}, 400, "document_invalid"),
        ("empty.md", b"", {}, 400, "document_invalid"),
        ("..md", b"x", {}, 400, "document_invalid"),
        ("a.md", b"x", {"form": {"name": "../up"}}, 400, "document_invalid"),
        ("a.md", b"x", {"form": {"name": "note"}}, 409, "document_exists"),
        ("a.md", b"x" * 80_000, {}, 413, "request_too_large"),
        ("a.md", b"x", {"headers": {"origin": "https://evil.org"}}, 403, "may_not_write"),
        ("a.md", b"x", {"headers": {"sec-fetch-site": "cross-site"}}, 403, "may_not_write"),
        ("a.md", b"x", {"headers": {"host": "evil.org"}}, 403, "may_not_write"),
    ],
)
def test_what_is_refused(
    server: Running, name: str, content: bytes, fields: dict[str, Any], status: int, code: str
) -> None:
    refused = _upload(server.http, name, content, **fields)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert len(server.http.get(DOCUMENTS).json()["data"]) == 1


def test_bodies_and_deletions_that_are_refused(server: Running) -> None:
    http = server.http
    assert http.post(DOCUMENTS, json={}).status_code == 415
    assert http.post(DOCUMENTS, data={"file": "text"}, files={"x": ("a.md", b"x")}).json()["error"][
        "param"
    ] == "file"  # fmt: skip
    assert http.post(DOCUMENTS, files={"other": ("a.md", b"x")}).status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=b"}
    assert http.post(DOCUMENTS, content=b"--b\r\nnothing", headers=broken).status_code == 400
    deletion = http.delete(f"{DOCUMENTS}/note")
    assert deletion.json()["error"]["code"] == "document_not_uploaded"
    assert http.delete(f"{DOCUMENTS}/nothing").status_code == 404
    assert http.put(DOCUMENTS).status_code == 405
    paths = http.get("/openapi.json").json()["paths"]
    assert set(paths[DOCUMENTS]) == {"get", "post"}
    assert set(paths[f"{DOCUMENTS}/{{name}}"]) == {"get", "delete"}


def test_without_a_library_there_are_no_routes(api: Running) -> None:
    assert api.http.get(DOCUMENTS).status_code == 404


def _may(gate: Gatekeeper, key: str = "", client: str = "127.0.0.1", **headers: str) -> bool:
    sent = {"host": "127.0.0.1:7860", **{n.replace("_", "-"): v for n, v in headers.items()}}
    if key:
        sent["authorization"] = f"Bearer {key}"
    scope: dict[str, Any] = {"path": DOCUMENTS, "client": (client, 1)}
    found = gate.admit(scope, Headers(sent), own=True)
    return gate.may_change(scope, Headers(sent), found) == ""


def test_who_may_change_documents(tmp_path: Path) -> None:
    place = tmp_path / "keys.json"
    reader, writer = add_key(place, "reader"), add_key(place, "writer", write=True)
    keyed = Gatekeeper(KeyRing(place), uploads="auto", origins=["https://app.example.org"])
    assert not _may(keyed, reader)
    assert _may(keyed, writer, client="10.0.0.1", host="citewise.example.org")
    assert not _may(keyed, writer, origin="https://evil.org")
    assert _may(keyed, writer, origin="https://app.example.org", sec_fetch_site="cross-site")
    assert _may(keyed, writer, origin="https://127.0.0.1:7860", sec_fetch_site="same-origin")

    bare = Gatekeeper(None, uploads="auto")
    assert _may(bare)
    assert _may(bare, host="localhost", origin="http://localhost")
    assert not _may(bare, client="10.0.0.1")
    assert not _may(bare, host="evil.org", origin="http://evil.org")
    assert _may(Gatekeeper(None, uploads="open"), client="10.0.0.1", host="citewise.example.org")
    assert not _may(Gatekeeper(None, uploads="open"), origin="https://evil.org")
    assert not _may(Gatekeeper(None, uploads="off"))


def test_what_a_stopped_server_left_goes_on(folder: Path, live: LiveIndex) -> None:
    first = Library(folder, ENCODER, live)
    sent = [("a.md", b"# Pumps\n\nPumps are checked on Mondays.\n")]
    assert first.add("pumps", sent).status == "reading"
    first.close()  # while it is read
    assert "pumps" not in {spec.name for spec in read_recipe(folder) or ()}
    assert (folder / "documents" / "pumps" / "a.md").exists()

    second = Library(folder, ENCODER, live, most=1)
    second.begin()
    until("pumps are read", lambda: second.find("pumps").status == "ready", 120)
    assert "Pumps are checked on Mondays." in _texts(live)
    with pytest.raises(DocumentError, match="max_uploads"):
        second.add("more", [("b.md", b"More.")])
    second.remove("pumps").result(120)
    assert _texts(live) == {"Logs are kept for a week."}

    # One that is deleted while it is read is never found, and its files are gone.
    assert second.add("pumps", sent).status == "reading"
    second.remove("pumps").result(120)
    assert [held.name for held in second.sources()] == ["note"]
    assert not (folder / "documents" / "pumps").exists()
    second.close()
    assert "documents" not in {thread.name for thread in threading.enumerate()}


def test_one_that_takes_too_long_is_ended(folder: Path, live: LiveIndex) -> None:
    library = Library(folder, ENCODER, live, seconds=0.2)
    library.add("slow", [("a.md", b"# Slow\n\nSlowly.\n")])
    until("it is ended", lambda: library.find("slow").status == "failed", 60)
    assert "longer" in library.find("slow").error
    assert not (folder / "documents" / "slow").exists()
    library.close()
