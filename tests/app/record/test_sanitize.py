from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.record.sanitize import neutralize, plain_sentence, strip_invisible
from index.live import LiveIndex


@pytest.mark.parametrize(
    ("hostile", "left"),
    [
        ("See ![x](http://evil.example/p.png) now", "See x now"),
        ("See [here](http://evil.example) now", "See here now"),
        ("See [here](javascript:alert(1)) now", "See here) now"),
        ("<script>alert(1)</script>ok", "alert(1)ok"),
        ("<img src=x onerror=alert(1)>ok", "ok"),
        ("<scr<b>ipt>x", "x"),
        ("go to http://evil.example/x?y=1 now", "go to  now"),
        ("go to www.evil.example now", "go to  now"),
        ("[ref]: http://evil.example", ""),
        ("zero\u200bwidth \u202ebidi \U000e0041tag", "zerowidth bidi tag"),
        ("a < b and b > c", "a < b and b > c"),
        ("n<m and f(x)[1]", "n< m and f(x)[1]"),
        ("p(x_{<t}) and y_<t)", "p(x_{<t}) and y_<t)"),
    ],
)
def test_what_acts_is_taken_out_and_what_is_read_stays(hostile: str, left: str) -> None:
    assert neutralize(hostile) == left


@given(st.text(alphabet="<>![]()/:abcHTPscript.\u200b\u202e \n", max_size=80))
def test_nothing_active_survives(text: str) -> None:
    clean = neutralize(text)
    assert not re.search(r"<[A-Za-z/!][^>\n]*>", clean)
    assert "://" not in clean or not re.search(r"[a-z]{2,}://\S", clean)
    assert not re.search(r"!\[[^\]\n]*\]\(", clean)
    assert neutralize(clean) == clean


@given(st.text())
def test_invisible_characters_are_gone(text: str) -> None:
    assert not re.search(
        "[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]",
        strip_invisible(text),
    )


def test_the_shipped_knowledge_is_shown_as_it_is_written(live_index: LiveIndex) -> None:
    for passage in live_index.index.passages:
        assert plain_sentence(passage.text) == (passage.text, [])
        assert neutralize(passage.heading) == passage.heading


@pytest.mark.parametrize(
    ("written", "shown", "cited"),
    [
        ("Take x_1[9] and [1](http://evil.example) [7].", "Take `x_1[9]` and.", [1]),
        ("Run setup.py on fast.ai, not evil.com.", "Run `setup.py` on `fast.ai`, not.", []),
        ("A `code` here, a stray ` there [2].", "A `code` here, a stray  there.", [2]),
        ("Intervals [0, 1] and tokens [MASK] (15%) stay.", None, []),
        ("Ranges 3.5/4, e.g. GPT-3.5/GPT-4, and/or C++ stay.", None, []),
    ],
)
def test_a_sentence_is_words_and_code(written: str, shown: str | None, cited: list[int]) -> None:
    assert plain_sentence(written, 5) == (shown or written, cited)
