"""A manifest comes back as it was written, or not at all."""

from __future__ import annotations

import ast
import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import manifest
from index.encoders import EncoderInfo
from index.errors import IndexUnusable
from index.manifest import FORMAT_VERSION, Manifest, differences, fingerprint_of, hash_of
from index.types import KnowledgeBase
from tests.index.dying import NumberEncoder, knowledge

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
encoders = st.builds(
    EncoderInfo, name=words, revision=words, weights_sha256=words, dimension=st.integers(1, 4096),
    pooling=words, normalized=st.booleans(), max_tokens=st.integers(1, 8192), similarity=words,
    query_prefix=words, passage_prefix=words,
)  # fmt: skip
manifests = st.builds(
    Manifest, fingerprint=words, encoder=encoders, knowledge_base=words,
    knowledge_base_sha256=words, counts=st.dictionaries(words, st.integers(0)),
    vectors=st.sampled_from(["flat", "hnsw", "ivf"]), files=st.dictionaries(words, words),
)  # fmt: skip

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner) | st.dictionaries(words, inner),
    max_leaves=5,
)


def read(text: str) -> Manifest:
    return Manifest.from_json(text, "PLACE", "MEND")


@settings(max_examples=60)
@given(manifests)
def test_it_comes_back(manifest: Manifest) -> None:
    assert read(manifest.to_json()) == manifest


@given(st.data())
def test_no_change_to_its_text_goes_unseen(data: st.DataObject) -> None:
    text = Manifest("f", NumberEncoder().info, "kb", "0", {"texts": 2}, files={"a": "b"}).to_json()
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != text[at]))
    with pytest.raises(IndexUnusable, match=r"(?s)PLACE.*MEND") as caught:
        read(text[:at] + character + text[at + 1 :])
    assert "\n" not in str(caught.value)


@given(st.one_of(words, json_values.map(json.dumps)))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(IndexUnusable, match=r"PLACE is no index manifest"):
        read(text)


def test_another_format_is_refused_with_both_versions() -> None:
    raw: dict[str, Any] = json.loads(Manifest("f", NumberEncoder().info, "kb", "0", {}).to_json())
    raw["format_version"] = 99
    with pytest.raises(IndexUnusable, match=f"format version 99, expected {FORMAT_VERSION}; MEND"):
        read(json.dumps(raw))


@pytest.mark.parametrize("name", [field.name for field in fields(EncoderInfo)])
def test_every_property_of_the_encoder_is_part_of_the_identity(name: str) -> None:
    info = NumberEncoder().info
    value: Any = getattr(info, name)
    changed = (
        not value if isinstance(value, bool) else value + (1 if isinstance(value, int) else "x")
    )
    fields_changed: dict[str, Any] = {name: changed}
    other = replace(info, **fields_changed)
    assert fingerprint_of("0", other) != fingerprint_of("0", info)
    assert differences(info, other) == [(name, value, changed)]


def test_the_identity_is_of_contents_and_kind() -> None:
    info = NumberEncoder().info
    assert fingerprint_of("0", info) == fingerprint_of("0", info)
    assert len({fingerprint_of("0", info, kind) for kind in ("flat", "hnsw", "ivf")}) == 3
    assert fingerprint_of("1", info) != fingerprint_of("0", info)
    assert hash_of(knowledge("a")) == hash_of(knowledge("a")) != hash_of(knowledge("b"))
    assert hash_of(KnowledgeBase("one", ())) != hash_of(KnowledgeBase("other", ()))


def test_whatever_makes_passages_makes_an_index_stale() -> None:
    """Followed from the modules that make them, not listed by hand."""
    found = {path.stem for path in manifest._imported_by(manifest._MAKES_TEXTS)}
    assert {"passages", "types", "tokens", "lexical"} <= found


def test_every_import_of_those_modules_can_be_followed() -> None:
    """The recipe reads `from index.x import y` alone: no other form may lead out of its sight."""
    for path in manifest._imported_by(manifest._MAKES_TEXTS):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(name.name.startswith("index") for name in node.names), path
            elif isinstance(node, ast.ImportFrom):
                assert node.module != "index", path
                assert not node.level, path
