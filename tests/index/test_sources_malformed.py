"""What is broken gives a clean error or problems, never another exception."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import KnowledgeBaseError
from index.sources import ReadResult, read
from index.sources import bounded_files as source_files

GOOD = {
    "kb.yaml": b'slug: a\ntitle: "A"\nfaqs:\n  - question: "Q?"\n    answer: "A"\n',
    "kb.json": (
        b'{"topics": [{"slug": "a", "title": "A", "faq_items": '
        b'[{"question": "Q", "answer": "A"}]}]}'
    ),
    "kb.csv": b'question,answer,topic\nQ?,"A, b",T\nR?,C,T\n',
    "kb.jsonl": (
        b'{"question": "Q?", "answer": "A"}\n{"record": "topic", "slug": "t", "title": "T"}\n'
    ),
    "kb.html": (
        b'<html><head><title>T</title><script type="application/ld+json">{"@type": "FAQPage", '
        b'"@context": "https://schema.org", "mainEntity": [{"@type": "Question", "name": "Q?", '
        b'"acceptedAnswer": {"@type": "Answer", "text": "A"}}]}</script></head></html>'
    ),
    "kb.md": b"# T\n\n## Q?\n\nA [l](https://x.org)\n",
}
NAMES = sorted(GOOD)


def _attempt(folder: Path, name: str, data: bytes) -> ReadResult | str:
    path = folder / name
    path.write_bytes(data)
    try:
        return read(path)
    except KnowledgeBaseError as error:
        message = str(error)
    assert name in message
    assert len(message) < 10_000
    return message


@pytest.mark.parametrize("name", NAMES)
def test_the_good_ones_are_good(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(GOOD[name])
    assert read(tmp_path / name, strict=True).problems == ()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   \n",
        b"\0",
        b"null",
        b"[]",
        b"{}",
        b"5",
        b'"text"',
        b"\xff\xfe\x00\x01",
        b"\xe9t\xe9",
        b"<html>",
        b"{{{{",
        b'"',
    ],
)
def test_other_things_under_the_name(tmp_path: Path, name: str, data: bytes) -> None:
    found = _attempt(tmp_path, name, data)
    if isinstance(found, ReadResult):
        # Nearly anything is a document, but nothing else may pass for knowledge.
        assert name in ("kb.md", "kb.html")


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation(tmp_path: Path, name: str) -> None:
    for length in range(len(GOOD[name])):
        _attempt(tmp_path, name, GOOD[name][:length])


@pytest.mark.parametrize("name", NAMES)
def test_nul_bytes_and_utf_16(tmp_path: Path, name: str) -> None:
    assert "NUL" in str(_attempt(tmp_path, name, GOOD[name] + b"\0"))
    assert "NUL" in str(_attempt(tmp_path, name, GOOD[name].decode().encode("utf-16")))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "kb.html"])
def test_latin_1_is_refused_with_the_offset(tmp_path: Path, name: str) -> None:
    data = GOOD[name] + "é".encode("latin-1")
    assert f"byte 0xe9 at offset {len(GOOD[name])}" in str(_attempt(tmp_path, name, data))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "kb.html"])
def test_a_byte_order_mark_is_no_text(tmp_path: Path, name: str) -> None:
    found = _attempt(tmp_path, name, b"\xef\xbb\xbf" + GOOD[name])
    assert isinstance(found, ReadResult)
    assert found.problems == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_huge_file_is_refused_before_it_is_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_files, "MAX_BYTES", 10)
    assert "at most 10 bytes" in str(_attempt(tmp_path, name, GOOD[name]))


DEEP = 100_000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("kb.json", b"[" * DEEP),
        ("kb.json", b'{"topics": ' + b"[" * 900 + b"]" * 900 + b"}"),
        ("kb.json", b'{"topics": [' * DEEP),
        ("kb.jsonl", b'{"question": ' + b"[" * DEEP + b"]" * DEEP + b"}"),
        ("kb.yaml", b"[" * DEEP),
        ("kb.yaml", b"- " * 3000),
        ("kb.yaml", b"slug: " + b"[" * 900 + b"]" * 900),
        ("kb.yaml", b"slug: " + b"{a: " * 900 + b"}" * 900),
        ("kb.html", b"<div>" * 20_000),
        (
            "kb.html",
            b'<script type="application/ld+json">'
            + b'{"@type":"FAQPage","mainEntity":' * 3000
            + b"</script>",
        ),
        (
            "kb.html",
            b'<script type="application/ld+json">'
            + b'{"mainEntity":' * 400
            + b"1"
            + b"}" * 400
            + b"</script>",
        ),
        ("kb.md", b"> " * 3000 + b"x"),
        ("kb.md", b"- " * 3000 + b"x"),
        ("kb.md", b"[" * 3000 + b"x"),
        ("kb.md", b"*a **b " * 2000),
        ("kb.csv", b"question,answer\n" + b'"' * 9_999),
        ("kb.csv", b'question,answer\nq,"' + b"x" * 200_000 + b'"\n'),
    ],
)
def test_deep_and_long_things(tmp_path: Path, name: str, data: bytes) -> None:
    _attempt(tmp_path, name, data)


def test_yaml_alias_bombs_and_tags(tmp_path: Path) -> None:
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)
    )
    assert "aliases" in str(_attempt(tmp_path, "kb.yaml", bomb.encode()))
    assert "aliases" in str(_attempt(tmp_path, "kb.yaml", b"slug: &x a\ntitle: *x\n"))
    assert "aliases" in str(_attempt(tmp_path, "kb.yaml", b"&a [*a]"))
    tagged = b"slug: !!python/object/apply:os.system [exit]\ntitle: T\n"
    assert "tag" in str(_attempt(tmp_path, "kb.yaml", tagged))
    assert "tag" in str(_attempt(tmp_path, "kb.yaml", b"slug: !x a\n"))
    assert "second time" in str(_attempt(tmp_path, "kb.yaml", b"slug: a\nslug: b\n"))
    assert "string as key" in str(_attempt(tmp_path, "kb.yaml", b"[a]: b\n"))


def test_lone_surrogates_are_no_text(tmp_path: Path) -> None:
    row = b'{"question": "\\ud800", "answer": "A"}\n' + GOOD["kb.jsonl"]
    found = _attempt(tmp_path, "kb.jsonl", row)
    assert isinstance(found, ReadResult)
    assert found.problems[0].place.endswith(":1")
    assert isinstance(_attempt(tmp_path, "kb.json", b'{"topics": [{"slug": "\\ud800"}]}'), str)


def test_one_bad_file_of_a_folder_costs_that_file_only(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(GOOD["kb.yaml"])
    (tmp_path / "b.yaml").write_bytes(b"\xff")
    result = read(tmp_path)
    assert len(result.knowledge_base.topics) == 1
    assert result.problems[0].place == str(tmp_path / "b.yaml")
    with pytest.raises(KnowledgeBaseError, match=r"b\.yaml"):
        read(tmp_path, strict=True)


@pytest.mark.parametrize("wrong", [None, 5, 1.5, True, [], ["x"], {}, {"x": 1}])
@pytest.mark.parametrize(
    "key", ["slug", "title", "sources", "data_points", "faq_items", "category"]
)
def test_wrong_types_are_problems(tmp_path: Path, key: str, wrong: object) -> None:
    good = {"slug": "a", "title": "A"}
    other = {"slug": "b", "title": "B", key: wrong}
    found = _attempt(tmp_path, "kb.json", json.dumps({"topics": [good, other]}).encode())
    assert isinstance(found, ReadResult)
    harmless = wrong == [] and key in ("sources", "data_points", "faq_items")
    assert bool(found.problems) is not harmless
    assert all("topics[1]" in problem.place for problem in found.problems)


_FRAGMENTS = st.sampled_from(
    [
        *(text.decode() for text in GOOD.values()),
        "question,answer\n", "slug: ", "- ", "{", "}", "[", "]", '"', "'", ":", ",", "\n", "&a ",
        "*a", "<script type='application/ld+json'>", "</script>", "<div itemscope itemprop='x'>",
        "{\"@type\": \"FAQPage\", \"mainEntity\": ", "<![", "<!--", "&#x110000;", "&#0;", "# ",
        "```\n", "| a | b |\n|---|---|\n", "[x](http://[)", "!!binary ", "---\n", "%YAML 9.9\n",
        "\t", "\r", "\x85", '"topics": ', '"record": "topic"', "null", "1e999", "é", "\U0001f600",
    ]
)  # fmt: skip


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    name=st.sampled_from(NAMES),
    data=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")),
        st.lists(st.one_of(_FRAGMENTS, st.text(max_size=5)), max_size=12).map(
            lambda parts: "".join(parts).encode("utf-8", "replace")
        ),
    ),
)
def test_no_input_crashes_a_reader(tmp_path: Path, name: str, data: bytes) -> None:
    _attempt(tmp_path, name, data)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(NAMES),
    edits=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=4),
)
def test_no_edit_of_a_good_file_crashes_its_reader(
    tmp_path: Path, name: str, edits: list[tuple[int, bytes]]
) -> None:
    data = GOOD[name]
    for at, new in edits:
        at %= len(data) + 1
        data = data[:at] + new + data[at + len(new) :]
    _attempt(tmp_path, name, data)
