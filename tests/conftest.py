"""Real parts, shared: the encoder, the index of the shipped corpus, and a pipeline over both."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models.scripted import Script, ScriptedChatModel
from index.build import build
from index.encoders import Encoder, load_encoder
from index.live import LiveIndex
from index.sources import SHIPPED, read
from tests.postgresql import database_of, running_server

if TYPE_CHECKING:
    from app.store import Store

# A shell that starts the tests in the background has Ctrl-C ignored, which children inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes decides nothing: test machines are shared. `make quick` tries fewer.
hypothesis_settings.register_profile(
    "whole", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile(
    "quick", hypothesis_settings.get_profile("whole"), max_examples=20
)
hypothesis_settings.load_profile("whole")

ROOT = Path(__file__).resolve().parent.parent

# What `make quick` leaves out: tests that start a process, a server, a browser or a database, or
# that load a model. They are known by the fixtures that they ask for and by what their modules use.
# Tests over the whole knowledge base or with a large library beside ours are marked by hand.
_REAL_FIXTURES = frozenset(
    "api browser database encoder live_index make_pipeline minilm postgresql shipped_index".split()
)
_REAL_USES = re.compile(
    r"\b(?:subprocess|Popen|playwright|uvicorn|serving|served|listening|running|running_model|load_encoder|"
    r"Isolated|OpenVino\w+|SentenceTransformer|transformers|torch|ray|unshare)\b"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is no quick test; keep what shares an expensive fixture on one worker."""
    for item in items:
        fixtures = frozenset(getattr(item, "fixturenames", ()))
        if fixtures & _REAL_FIXTURES or _uses_real_parts(item.path):
            item.add_marker("real")


@cache
def _uses_real_parts(module: Path) -> bool:
    return _REAL_USES.search(module.read_text(encoding="utf-8")) is not None


@pytest.fixture(scope="session", autouse=True)
def _own_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that tests start keep their records here, and use no vLLM that happens to run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITEWISE_LOCAL_SERVERS", "")
        # How long a search takes decides nothing where the machine is shared.
        patch.setenv("CITEWISE_RETRIEVE_SECONDS", "120")
        patch.setenv("CITEWISE_DATABASE", str(tmp_path_factory.mktemp("store") / "citewise.db"))
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Path]:
    """The folder of a PostgreSQL server's socket."""
    with running_server() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, as the setting of that name has it: each kind in turn."""
    if request.param == "sqlite":
        yield str(tmp_path / "citewise.db")
        return
    with database_of(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An open store over it."""
    from app.store import open_store

    opened = open_store(database)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return load_encoder()


@pytest.fixture(scope="session")
def shipped_index(encoder: Encoder) -> Path:
    """The index that `make index` built; an up-to-date one is left as it is."""
    folder = ROOT / "var" / "index"
    build(read(SHIPPED, name="ai").knowledge_base, folder, encoder)
    return folder


@pytest.fixture(scope="session")
def live_index(shipped_index: Path, encoder: Encoder) -> LiveIndex:
    return LiveIndex(shipped_index, encoder)


MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def make_pipeline(live_index: LiveIndex) -> MakePipeline:
    """A pipeline over the shipped corpus whose model says what the test decides."""

    def make(script: Script = (), **settings: object) -> Pipeline:
        model = script if isinstance(script, ScriptedChatModel) else ScriptedChatModel(script)
        return Pipeline(live_index, model, PipelineSettings(**settings))  # type: ignore[arg-type]

    return make
