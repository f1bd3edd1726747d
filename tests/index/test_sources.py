"""Every reader on small documents of its own format."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import index.sources
from index.errors import KnowledgeBaseError
from index.export import write
from index.mentions import label_year, mentions, resolve, source_id
from index.sources import SHIPPED, Problem, read, read_all
from index.types import DataPoint, Faq, KnowledgeBase, Place, Source, Topic

TOWER = Path(__file__).parent.parent / "data" / "tower-sample.json"

TOPIC = """\
slug: kv-cache
title: "KV cache"
category: inference
description: "What it is."
snippet: "Keys and values are kept."
date_modified: 2026-11-22
sources:
  - id: vaswani-2017
    label: "Vaswani et al. (2017) — Attention Is All You Need. NeurIPS 2017"
    url: https://arxiv.org/abs/1706.03762
    year: 2017
data_points:
  - label: "Heads"
    value: "8"
    unit: heads
    note: "Base model."
    sources: [vaswani-2017]
    also_asked: ["how many heads"]
faqs:
  - question: "Why a cache?"
    answer: "It saves work."
    sources: [vaswani-2017]
    also_asked: ["no", "what for"]
"""


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _only(path: Path) -> Topic:
    result = read(path, strict=True)
    assert len(result.knowledge_base.topics) == 1
    return result.knowledge_base.topics[0]


def test_the_public_names_are_those_exported() -> None:
    assert set(index.sources.__all__) == {
        "SHIPPED", "Kept", "Problem", "ReadResult", "Skipped", "given_sources", "joined", "read",
        "read_all",
    }  # fmt: skip
    assert all(hasattr(index.sources, name) for name in index.sources.__all__)


class TestYaml:
    def test_a_topic_with_everything(self, tmp_path: Path) -> None:
        topic = _only(_file(tmp_path, "kv-cache.yaml", TOPIC))
        assert topic == Topic(
            "kv-cache",
            "KV cache",
            "inference",
            "What it is.",
            "Keys and values are kept.",
            "2026-11-22",
            (
                Source(
                    "vaswani-2017",
                    "Vaswani et al. (2017) — Attention Is All You Need. NeurIPS 2017",
                    "https://arxiv.org/abs/1706.03762",
                    2017,
                ),
            ),
            (
                DataPoint(
                    "Heads", "8", "heads", "Base model.", ("vaswani-2017",), ("how many heads",)
                ),
            ),
            (Faq("Why a cache?", "It saves work.", ("vaswani-2017",), ("no", "what for")),),
        )

    def test_a_folder_is_read_in_the_order_of_slugs(self, tmp_path: Path) -> None:
        _file(tmp_path, "kb/x.yaml", 'slug: b\ntitle: "B"\n')
        _file(tmp_path, "kb/y.yml", 'slug: a\ntitle: "A"\n')
        _file(tmp_path, "kb/README.md", "# About")
        base = read(tmp_path / "kb", strict=True).knowledge_base
        assert base.name == "kb"
        assert [topic.slug for topic in base.topics] == ["a", "b"]

    @pytest.mark.parametrize("word", ["no", "on", "0o17", "1e5x", "12:30", "2026-01-01"])
    def test_plain_words_are_strings_as_in_yaml_1_2(self, tmp_path: Path, word: str) -> None:
        assert _only(_file(tmp_path, "a.yaml", f"slug: a\ntitle: {word}\n")).title == word

    def test_an_unknown_key_is_named_with_its_line(self, tmp_path: Path) -> None:
        path = _file(tmp_path, "a.yaml", TOPIC + "    anwser: x\n")
        with pytest.raises(KnowledgeBaseError, match=r"a\.yaml:24 faqs\[0\]\.anwser.*'anwser'"):
            read(path, strict=True)

    def test_a_bad_item_costs_that_item_only(self, tmp_path: Path) -> None:
        text = (
            TOPIC + '  - question: "Two?"\n    answer: 5\n  - question: "Three?"\n    answer: "Y"\n'
        )
        result = read(_file(tmp_path, "a.yaml", text))
        (topic,) = result.knowledge_base.topics
        assert [faq.question for faq in topic.faqs] == ["Why a cache?", "Three?"]
        (problem,) = result.problems
        assert problem.place.endswith("a.yaml:25 faqs[1].answer")
        assert problem.expected == "a string"
        assert problem.found == "the integer '5' (put it in quotes)"

    def test_an_unknown_source_id_is_a_problem_at_its_own_position(self, tmp_path: Path) -> None:
        text = (
            TOPIC + '  - answer: "A"\n  - question: "Q"\n    answer: "A"\n    sources: [nobody]\n'
        )
        result = read(_file(tmp_path, "a.yaml", text))
        assert [p.place.split()[-1] for p in result.problems] == [
            "faqs[1].question",
            "faqs[2].sources",
        ]
        assert "'nobody'" in result.problems[1].found
        assert result.knowledge_base.topics[0].faqs[1].sources == ()

    def test_ids_and_slugs_are_distinct(self, tmp_path: Path) -> None:
        source = "  - {id: a, label: L, url: ''}\n"
        _file(tmp_path, "a.yaml", f"slug: s\ntitle: T\nsources:\n{source}{source}")
        _file(tmp_path, "b.yaml", "slug: s\ntitle: U\n")
        result = read(tmp_path)
        assert [p.expected for p in result.problems] == ["distinct source ids", "distinct slugs"]
        assert [topic.title for topic in result.knowledge_base.topics] == ["T"]

    @pytest.mark.parametrize(
        "url", ["javascript:alert(1)", "data:text/html,x", "/relative", "ftp://x"]
    )
    def test_a_source_links_to_the_web_or_nowhere(self, tmp_path: Path, url: str) -> None:
        text = f"slug: s\ntitle: T\nsources:\n  - {{id: a, label: L, url: '{url}'}}\n"
        result = read(_file(tmp_path, "a.yaml", text))
        assert result.knowledge_base.topics[0].sources == ()
        assert "http(s)" in result.problems[0].expected

    def test_fifty_topics_load_in_under_a_second(self, tmp_path: Path) -> None:
        # 50 topics of 24 kB: the size of the shipped knowledge base.
        faqs = tuple(
            Faq(f"Question {i}?", "Words of an answer." * 25, ("s",), ("asked" * 16,) * 9)
            for i in range(18)
        )
        base = KnowledgeBase(
            "big",
            tuple(
                Topic(f"topic-{i}", "T", sources=(Source("s", "L", ""),), faqs=faqs)
                for i in range(50)
            ),
        )
        write(base, tmp_path / "big", "yaml")
        assert sum(f.stat().st_size for f in (tmp_path / "big").iterdir()) > 1_200_000
        started = time.perf_counter()
        assert len(read(tmp_path / "big").knowledge_base.topics) == 50
        assert time.perf_counter() - started < 1.0


class TestTower:
    def test_it_loads_unchanged(self) -> None:
        base = read(TOWER, strict=True).knowledge_base
        assert base.name == "sample"
        assert [topic.slug for topic in base.topics] == ["attention", "kv-cache"]
        topic = base.topics[1]
        assert topic.snippet.startswith("A cache of keys")
        assert [s.id for s in topic.sources] == ["vaswani-2017", "shazeer-2019"]
        assert [s.year for s in topic.sources] == [2017, 2019]
        assert [p.unit for p in topic.data_points] == ["heads", ""]

    def test_sources_come_from_mentions_else_they_are_all(self) -> None:
        topic = read(TOWER).knowledge_base.topics[1]
        assert [p.sources for p in topic.data_points] == [
            ("vaswani-2017",),
            ("vaswani-2017", "shazeer-2019"),
        ]
        assert [f.sources for f in topic.faqs] == [
            ("shazeer-2019",),
            ("vaswani-2017", "shazeer-2019"),
        ]

    def test_a_bad_record_has_its_json_path(self, tmp_path: Path) -> None:
        document = json.loads(TOWER.read_text("utf-8"))
        document["topics"][0]["data_points"][1]["value"] = 5
        path = _file(tmp_path, "t.json", json.dumps(document))
        result = read(path)
        assert [p.place for p in result.problems] == [f"{path} topics[0].data_points[1].value"]
        assert len(result.knowledge_base.topics[1].data_points) == 1
        with pytest.raises(KnowledgeBaseError, match=r"strict mode: 1 problem"):
            read(path, strict=True)

    def test_problems_are_named_up_to_a_bound(self, tmp_path: Path) -> None:
        path = _file(tmp_path, "t.json", json.dumps({"topics": [{"slug": i} for i in range(50)]}))
        with pytest.raises(KnowledgeBaseError, match=r"and 80 more") as caught:
            read(path)
        assert len(str(caught.value).splitlines()) == 22


class TestTables:
    def test_csv_with_aliases_and_a_semicolon(self, tmp_path: Path) -> None:
        text = 'Q;A;Category;Source\nWhat?;"a; ""b""";KV Cache;https://x.org/p\n\nWho?;Me;;Own\n'
        base = read(_file(tmp_path, "faq.csv", text), strict=True).knowledge_base
        assert [(t.slug, t.title) for t in base.topics] == [
            ("faq", "faq"),
            ("kv-cache", "KV Cache"),
        ]
        assert base.topics[1].faqs[0].answer == 'a; "b"'
        assert base.topics[1].sources[0].url == "https://x.org/p"
        assert base.topics[0].sources[0].label == "Own"

    def test_csv_problems_have_lines(self, tmp_path: Path) -> None:
        path = _file(tmp_path, "f.csv", 'question,answer\nA?,1\n,2\nB?,2,3\nC?,"x')
        result = read(path)
        assert [p.place.removeprefix(str(path)) for p in result.problems] == [
            ":3 question",
            ":4",
            ":5",
        ]
        assert [f.question for f in result.knowledge_base.topics[0].faqs] == ["A?"]

    def test_csv_needs_the_two_columns(self, tmp_path: Path) -> None:
        with pytest.raises(KnowledgeBaseError, match=r"question and answer.*'name', 'age'"):
            read(_file(tmp_path, "f.csv", "name,age\nx,1\n"))

    def test_jsonl_rows_and_lines(self, tmp_path: Path) -> None:
        rows = [
            '{"question": "A?", "answer": "1", "topic": "T", "url": "https://x.org"}',
            "[]",
            "{",
            '{"question": "B?", "answer": "2\\u2028", "also_asked": ["b"]}',
        ]
        path = _file(tmp_path, "f.jsonl", "\n".join(rows))
        result = read(path)
        assert [p.place.removeprefix(str(path)) for p in result.problems] == [":2", ":3"]
        assert {t.slug: [f.question for f in t.faqs] for t in result.knowledge_base.topics} == {
            "f": ["B?"],
            "t": ["A?"],
        }
        assert result.knowledge_base.topics[0].faqs[0].also_asked == ("b",)


JSON_LD = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "WebSite", "name": "x"},
        {
            "@type": ["FAQPage", "WebPage"],
            "mainEntity": [
                {
                    "@type": "Question",
                    "name": "What is <b>H<sub>2</sub>O</b>?",
                    "acceptedAnswer": {
                        "@type": "Answer",
                        "text": "<p>Water.</p><p>Wet &amp; cold</p>",
                    },
                },
                {"@id": "#two"},
                {"@type": "Question", "name": "No answer?"},
            ],
        },
        {
            "@id": "#two",
            "@type": "Question",
            "name": "Two?",
            "acceptedAnswer": {"@type": "Answer", "text": "Yes"},
        },
    ],
}
PAGE = (
    "<html><head><title>The FAQ</title><link rel='canonical' href='https://x.org/faq'>"
    f"<script type='application/ld+json'>{json.dumps(JSON_LD)}</script></head><body></body></html>"
)
MICRODATA = """<html><body><div itemscope itemtype="https://schema.org/FAQPage">
<div itemscope itemprop="mainEntity" itemtype="https://schema.org/Question">
<h3 itemprop="name">Why?</h3>
<div itemscope itemprop="acceptedAnswer" itemtype="https://schema.org/Answer">
<div itemprop="text">Because <i>so</i>.</div></div></div></div></body></html>"""


class TestWebPages:
    def test_json_ld_in_a_graph(self, tmp_path: Path) -> None:
        result = read(_file(tmp_path, "faq.html", PAGE))
        (topic,) = result.knowledge_base.topics
        assert [(f.question, f.answer) for f in topic.faqs] == [
            ("What is H2O?", "Water.\nWet & cold"),
            ("Two?", "Yes"),
        ]
        assert topic.sources[0].url == "https://x.org/faq"
        assert "mainEntity[2]" in result.problems[0].place

    def test_microdata_and_a_folder(self, tmp_path: Path) -> None:
        _file(tmp_path, "site/a/index.html", MICRODATA)
        _file(tmp_path, "site/b/index.html", PAGE)
        _file(tmp_path, "site/c.htm", "<html><body><script>1</script></body></html>")
        _file(tmp_path, "site/d.htm", "<html><body>A page without questions</body></html>")
        result = read(tmp_path / "site")
        topics = result.knowledge_base.topics
        assert [t.slug for t in topics] == ["a-index", "b-index", "d"]
        assert topics[0].faqs[0].answer == "Because so."
        assert [s.text for s in topics[2].sections] == ["A page without questions"]
        assert any("none in it" in p.found for p in result.problems)


MARKDOWN = """\
---
layout: page
---
# KV cache

Intro with a [paper](https://arxiv.org/abs/1911.02150).

## How big is it?

It is **big**: see [Shazeer (2019)](https://arxiv.org/abs/1911.02150) or [here](../x.md).

1. one
2. two

| a | b |
|---|---|
| 1 | `2` |

## Install
### Linux

```
apt install
```
"""


class TestMarkdown:
    def test_headings_and_links(self, tmp_path: Path) -> None:
        topic = _only(_file(tmp_path, "kv.md", MARKDOWN))
        assert (topic.slug, topic.title, topic.description) == ("kv", "KV cache", "")
        assert [section.heading for section in topic.sections] == [
            "KV cache",
            "How big is it?",
            "Install: Linux",
        ]
        assert [section.text for section in topic.sections] == [
            "Intro with a paper.",
            "It is big: see Shazeer (2019) or here.\n\n1. one\n2. two\n\n"
            "| a | b |\n|---|---|\n| 1 | `2` |",
            "```\napt install\n```",
        ]
        # The file is the source of its own words; what it links to is beside.
        assert [(s.label, s.url) for s in topic.sources] == [("KV cache", "")]
        assert topic.sections[2].place == Place("kv.md", ("Install", "Linux"), "linux")
        assert topic.sections[2].id.rpartition("/")[0] == "kv/kv.md#install/linux"
        assert topic.place == Place("kv.md")
        assert [link.label for link in topic.sections[1].see_also] == ["Shazeer (2019)"]

    def test_places_in_a_tree_with_addresses(self, tmp_path: Path) -> None:
        _file(tmp_path, "docs/a/index.md", "# One\n\n## Use {#use-it}\nX.\n\n## B `c()`!\nY.\n")
        _file(tmp_path, "docs/b/index.md", "# Two\n\n## Use\nX.\n\n## Use\nY.\n")
        address = "https://docs.example/{page}.html"
        base = read_all([str(tmp_path / "docs")], base_urls=[address]).knowledge_base
        assert [
            (topic.sources[0].url, [(f.place.path, f.place.anchor) for f in topic.sections])
            for topic in base.topics
        ] == [
            (
                "https://docs.example/a/index.html",
                [("a/index.md", "use-it"), ("a/index.md", "b-c")],
            ),
            (
                "https://docs.example/b/index.html",
                [("b/index.md", "use"), ("b/index.md", "use-1")],
            ),
        ]
        bare = read(tmp_path / "docs", base_url="https://git.example/blob/main/")
        assert bare.knowledge_base.topics[0].sources[0].url == (
            "https://git.example/blob/main/a/index.md"
        )

    @pytest.mark.parametrize(
        "address", ["ftp://x.example", "javascript:alert(1)", "other=https://x"]
    )
    def test_an_address_that_is_none_of_theirs_is_refused(
        self, tmp_path: Path, address: str
    ) -> None:
        path = _file(tmp_path, "a.md", "# A\nB.\n")
        with pytest.raises(KnowledgeBaseError, match="expected"):
            read_all([str(path)], base_urls=[address])
        with pytest.raises(KnowledgeBaseError, match="NAME=URL"):
            read_all([str(path), str(path)], base_urls=["https://x.example"])


class TestSeveral:
    def test_names_and_colliding_slugs(self, tmp_path: Path) -> None:
        _file(tmp_path, "one/kv-cache.yaml", TOPIC)
        _file(tmp_path, "two/kv-cache.yaml", TOPIC)
        result = read_all([str(tmp_path / "one"), f"My notes={tmp_path / 'two'}"], strict=True)
        base = result.knowledge_base
        assert base.name == "one+My notes"
        assert [t.slug for t in base.topics] == ["kv-cache", "my-notes--kv-cache"]
        assert [p.found for p in result.problems] == [
            "one that is taken; it is now 'my-notes--kv-cache'"
        ]
        third = read_all([str(tmp_path / "one")] * 3).knowledge_base
        assert [t.slug for t in third.topics] == ["kv-cache", "one--kv-cache", "one--kv-cache-2"]

    def test_a_path_with_an_equals_sign(self, tmp_path: Path) -> None:
        path = _file(tmp_path, "a=b.yaml", TOPIC)
        assert read_all([str(path)]).knowledge_base.name == "a=b"
        with pytest.raises(KnowledgeBaseError, match="at least one"):
            read_all([])


class TestMentions:
    @pytest.mark.parametrize(
        ("text", "names", "year"),
        [
            ("as Vaswani et al. (2017) say", ("Vaswani",), 2017),
            ("(Schick et al., NeurIPS 2023)", ("Schick",), 2023),
            ("Rumelhart, Hinton & Williams (1986)", ("Rumelhart", "Hinton", "Williams"), 1986),
            ("Loshchilov & Hutter 2019", ("Loshchilov", "Hutter"), 2019),
            ("Krakovna et al.: four", ("Krakovna",), None),
            ("see van den Oord et al. (2018)", ("van den Oord",), 2018),
        ],
    )
    def test_forms(self, text: str, names: tuple[str, ...], year: int | None) -> None:
        (mention,) = mentions(text)
        assert (mention.names, mention.year, mention.sure) == (names, year, True)

    def test_a_capitalized_word_before_the_name_does_no_harm(self) -> None:
        sources = (Source("wei", "Wei et al. (2022) — X", ""), Source("b", "Bai (2022) — Y", ""))
        assert resolve("However, Wei et al. (2022) disagree.", sources) == ("wei",)

    def test_the_year_chooses_and_a_venue_may_be_later(self) -> None:
        sources = tuple(Source(str(y), f"Wei et al. ({y}) — X", "", y) for y in (2015, 2021, 2022))
        assert resolve("Wei et al. (2022)", sources) == ("2022",)
        assert resolve("Wei et al. (2023)", sources) == ("2021", "2022")
        assert resolve("Wei et al. (1999)", sources) == ("2015", "2021", "2022")

    def test_ids_and_years_of_labels(self) -> None:
        assert source_id("Müller-Łuk et al. (2020) — T", {"muller-uk-2020"}) != "muller-uk-2020"
        assert source_id("!!!", {"source"}) == "source-2"
        assert label_year("Alammar, J. — The Illustrated Transformer (2018)") == 2018
        assert label_year("A. 2017. B, 2018") is None


class TestDetection:
    @pytest.mark.parametrize("name", ["a.png", "a", "a.exe"])
    def test_an_unknown_format_is_refused_with_those_accepted(
        self, tmp_path: Path, name: str
    ) -> None:
        with pytest.raises(KnowledgeBaseError, match=r"Citewise YAML.*found (the|no) extension"):
            read(_file(tmp_path, name, TOPIC))

    def test_nothing_there_and_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(KnowledgeBaseError, match="nothing there"):
            read(tmp_path / "missing.yaml")
        with pytest.raises(KnowledgeBaseError, match="an empty folder"):
            read(tmp_path)

    def test_a_folder_with_anything_in_it(self, tmp_path: Path) -> None:
        for name, text in {
            "a.yaml": TOPIC, "faq.csv": "q,a\n1?,2\n", "guide/intro.md": "# Intro\nText.",
            "guide/intro.mdx": "# More\nText.", "guide/notes.txt": "Notes.",
            "mkdocs.yml": "site_name: x\nplugins: !!python/name:a.b\n",
            "package.json": "{}", "data.csv": "x,y\n1,2\n", "rows.jsonl": '{"x": 1}\n',
            "logo.png": "x", "img/other.png": "x", "broken.ipynb": "{", ".git/config": "x",
        }.items():  # fmt: skip
            _file(tmp_path, name, text)
        result = read(tmp_path)
        slugs = {topic.slug for topic in result.knowledge_base.topics}
        assert len(slugs) == 5
        assert {"kv-cache", "faq", "guide-intro", "guide-notes"} < slugs
        assert {skipped.kind: len(skipped.files) for skipped in result.skipped} == {
            ".png": 2, ".yml": 1, ".json": 1, ".csv": 1, ".jsonl": 1,
        }  # fmt: skip
        assert [problem.place.rpartition("/")[2] for problem in result.problems] == ["broken.ipynb"]

    def test_a_knowledge_base_may_have_a_readme(self, tmp_path: Path) -> None:
        _file(tmp_path, "a.yaml", TOPIC)
        _file(tmp_path, "README.md", "# About\nThis folder.")
        assert [topic.slug for topic in read(tmp_path).knowledge_base.topics] == ["kv-cache"]


def test_problems_read_well() -> None:
    assert str(Problem("a.yaml:3 slug", "a string", "null")) == (
        "a.yaml:3 slug: expected a string, found null"
    )


def test_heavy_parsers_are_imported_where_they_are_used() -> None:
    code = (
        "import sys, index.sources, index.audit, index.export; "
        "heavy = ('extruct', 'lxml', 'markdown_it', 'docutils', 'torch'); "
        "sys.exit(any(m in sys.modules for m in heavy))"
    )
    root = Path(index.sources.__file__).parent.parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_the_shipped_path() -> None:
    assert SHIPPED.parts[-3:] == ("index", "corpus", "ai")
    assert replace(Problem("a", "b", "c"), place="d").place == "d"
