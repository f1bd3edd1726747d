"""What the tests of the index share: the real encoder, a small real knowledge base, its index."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from index import store
from index.build import build
from index.encoders import Encoder, load_encoder
from index.sources import SHIPPED, read_all
from index.store import LoadedIndex
from index.types import KnowledgeBase


@pytest.fixture(scope="session")
def minilm() -> Encoder:
    """An encoder that has one space for queries and passages."""
    return load_encoder("all-MiniLM-L6-v2")


@pytest.fixture(scope="session")
def small_kb() -> KnowledgeBase:
    """Three shipped topics, cut short."""
    shipped = read_all([f"ai={SHIPPED}"]).knowledge_base
    topics = tuple(
        replace(
            topic,
            faqs=tuple(replace(faq, also_asked=faq.also_asked[:1]) for faq in topic.faqs[:3]),
            data_points=tuple(replace(point, also_asked=()) for point in topic.data_points[:2]),
        )
        for topic in shipped.topics[:3]
    )
    return KnowledgeBase("small", topics)


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory, small_kb: KnowledgeBase, minilm: Encoder
) -> Path:
    """The small knowledge base's index directory, built once; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("built")
    build(small_kb, folder, minilm)
    return folder


@pytest.fixture(scope="session")
def small_index(built: Path) -> LoadedIndex:
    return store.load(built)


@pytest.fixture
def index_dir(built: Path, tmp_path: Path) -> Path:
    """A copy of the index directory that a test may spoil."""
    return Path(shutil.copytree(built, tmp_path / "index", symlinks=True))


@pytest.fixture
def first_faq_changed(small_kb: KnowledgeBase) -> Callable[[str], KnowledgeBase]:
    """Makes the small knowledge base with the first FAQ's question changed."""

    def change(question: str) -> KnowledgeBase:
        topic = small_kb.topics[0]
        faqs = (replace(topic.faqs[0], question=question), *topic.faqs[1:])
        return KnowledgeBase("small", (replace(topic, faqs=faqs), *small_kb.topics[1:]))

    return change
