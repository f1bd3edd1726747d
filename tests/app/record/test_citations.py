from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.record.citations import is_whole, read_markers
from index.text.sentences import Segment, SentenceStream, sentences

TEXT = """Attention is a weighted mean (Vaswani et al. 2017) [1]. It grows, e.g. by length. [2] [3]
Next uses a[0] and weights.[1, 2] Is it 3.5 GB? Yes! See 【4】.

- First item with `x[1]. y` code [1-3]
- Second (source 2).

```python
a[0] = 1. Then
print(b[1])
```
1. One point. 2 others. In 2017. The end [9"""


def cut(parts: list[str]) -> list[Segment]:
    stream = SentenceStream()
    found = [segment for part in parts for segment in stream.feed(part)]
    return [*found, *stream.close()]


def test_sentences_lists_and_code_are_told_apart() -> None:
    bodies = [(segment.kind, segment.body) for segment in cut([TEXT])]
    assert bodies[0] == (
        "sentence",
        "Attention is a weighted mean (Vaswani et al. 2017) [1].",
    )
    assert ("sentence", "It grows, e.g. by length. [2] [3]") in bodies
    assert ("sentence", "Next uses a[0] and weights.[1, 2]") in bodies
    assert ("sentence", "First item with `x[1]. y` code [1-3]") in bodies
    assert ("code", "```python\na[0] = 1. Then\nprint(b[1])\n```\n") in bodies
    assert bodies[-1] == ("sentence", "The end [9")


@given(st.lists(st.integers(0, len(TEXT)), max_size=40))
def test_cutting_the_stream_elsewhere_changes_nothing(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(TEXT)]
    parts = [TEXT[a:b] for a, b in itertools.pairwise(places)]
    assert cut(parts) == cut([TEXT])


ALPHABET = st.text(alphabet="aB1. \n[]()`【】-*,e!?#0", max_size=120)


@given(ALPHABET, st.lists(st.integers(0, 120), max_size=20))
def test_any_text_cut_anywhere_gives_the_same_segments(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    parts = [text[a:b] for a, b in itertools.pairwise(places)]
    whole = cut([text])
    assert cut(parts) == whole
    # Nothing is lost: what is missing is the white space at the end.
    assert "".join(s.lead + s.body for s in whole).rstrip() == text.rstrip()


@given(st.text(max_size=200))
def test_no_text_breaks_the_parsers(text: str) -> None:
    cut(list(text))
    clean, cited, unknown = read_markers(text, 5)
    assert all(1 <= n <= 5 for n in cited)
    assert not set(cited) & set(unknown)
    assert len(clean) <= len(text)


@pytest.mark.parametrize(
    ("body", "clean", "cited", "unknown"),
    [
        ("Keys are stored [1].", "Keys are stored.", [1], []),
        ("Keys are stored [1][2].", "Keys are stored.", [1, 2], []),
        ("Keys are stored [1, 2].", "Keys are stored.", [1, 2], []),
        ("Keys are stored [1-3].", "Keys are stored.", [1, 2, 3], []),
        ("Keys are stored 【1】.", "Keys are stored.", [1], []),
        ("Keys are stored 【1†source】.", "Keys are stored.", [1], []),
        ("Keys are stored (source 1).", "Keys are stored.", [1], []),
        ("Keys are stored [Source 2].", "Keys are stored.", [2], []),
        ("Keys are stored [^3].", "Keys are stored.", [3], []),
        ("Keys are stored. [1] [2]", "Keys are stored.", [1, 2], []),
        ("Keys [1] and values [2] are stored.", "Keys and values are stored.", [1, 2], []),
        ("Keys are stored [1] .", "Keys are stored.", [1], []),
        ("Keys are stored [1][2][1].", "Keys are stored.", [1, 2], []),
        ("Keys are stored [5].", "Keys are stored.", [5], []),
        ("Keys are stored [1-100].", "Keys are stored.", [1], [100]),
        ("Keys are stored [1; 2 and 3].", "Keys are stored.", [1, 2, 3], []),
        ("Keys are stored [9].", "Keys are stored.", [], [9]),
        ("Keys are stored [0].", "Keys are stored.", [], [0]),
        ("Keys are stored [2, 9].", "Keys are stored.", [2], [9]),
        ("Take a[0] and x[1].", "Take a[0] and x[1].", [], []),
        ("Take `scores[1]` here.", "Take `scores[1]` here.", [], []),
        ("Take rows[2][1] too [3].", "Take rows too.", [2, 1, 3], []),
        ("In (2017) it was 3.", "In (2017) it was 3.", [], []),
        ("A range [0, 1] of values.", "A range [0, 1] of values.", [], []),
        (
            "As in GPT-3[2] and (Ba et al. 2016)[1].",
            "As in GPT-3 and (Ba et al. 2016).",
            [2, 1],
            [],
        ),
        ("It works as is[1], see AI[2].", "It works as is, see AI.", [1, 2], []),
        ("Take f(x)[1] and x_1[2][3].", "Take f(x) and x_1[2][3].", [1], []),
    ],
)
def test_markers_in_every_shape(
    body: str, clean: str, cited: list[int], unknown: list[int]
) -> None:
    assert read_markers(body, 5) == (clean, cited, unknown)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("It is a mean.", True),
        ("It is a mean. [1]", True),
        ("It is a mean [1].", True),
        ("It is “a mean.” [1][2]", True),
        ("Three things:", True),
        ("It is a mean, so the number", False),
        ("It is a mean [1]", False),
        ("- one of 3.5", False),
        ("```python\na = 1\n```", True),
        ("```python\na = 1\n", False),
    ],
)
def test_a_text_that_was_cut_is_told_from_a_whole_one(text: str, whole: bool) -> None:
    assert is_whole(cut([text])[-1]) == whole


def test_sentences_of_a_whole_text_are_spans_of_it() -> None:
    text = "One is first. Two (Ba et al. 2016) is 3.5 times as fast. Three!"
    assert [text[a:b] for a, b in sentences(text)] == [
        "One is first.",
        "Two (Ba et al. 2016) is 3.5 times as fast.",
        "Three!",
    ]
