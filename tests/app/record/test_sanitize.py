from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.record.sanitize import neutralize, plain_sentence, strip_invisible, verbatim
from index.live import LiveIndex
from index.text.sentences import sentences


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


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (
            "Exit code [0] means success, [1] failure.",
            "Exit code `[0]` means success, `[1]` failure.",
        ),
        ("In the range [1, 5].", "In the range `[1, 5]`."),
        ("load<limit and queue>10", "`load<limit and queue>10`"),
        ("Delete <old.cfg> only.", "Delete `<old.cfg>` only."),
        ("ASP.NET Core at localhost:8080", "`ASP.NET` Core at localhost:8080"),
        ("Ask me@x.org, or see https://x.org/a.", "Ask `me@x.org`, or see `https://x.org/a`."),
        ("df.info() ends with </s>.", "`df.info()` ends with `</s>`."),
        ("Pad with <|endoftext|>, set __init__.", "Pad with `<|endoftext|>`, set `__init__`."),
        ("A stray ` and 2 * 3 = 6.", "A stray `` ` `` and 2 * 3 = 6."),
        ("For $a_i^* < b$ and `x[1]`.", "For $a_i^* < b$ and `x[1]`."),
        ("می\u200cخواهم 👩\u200d👧", "می\u200cخواهم 👩\u200d👧"),
    ],
)
def test_the_evidences_own_words_are_all_shown(written: str, shown: str) -> None:
    assert verbatim(written) == shown


_TELLING = st.lists(
    st.one_of(
        st.sampled_from(
            (
                "[0] [1] [2,3] x[1] <b> </s> <|im_end|> `code` ` `` http://x.org a@b.co www.x.org "
                "x.com fast.ai ![a](b) [a](b) [r]: &lt; $x_1$ $5 __init__ *.py ~~~ ==== onclick=1 "
                "\\href{x}{y} \u05d0\u05d1 \u0645\u06cc\u200c\u062e ① ［1］ javascript:x Node.js "
                "(a) \u201cq\u201d é ² |"
            ).split()
        ),
        st.text(max_size=6),
    ),
    max_size=12,
).map(" ".join)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@settings(max_examples=300, deadline=None)
@given(_TELLING)
def test_whatever_the_evidence_says_keeps_its_words(text: str) -> None:
    assert _words(verbatim(text)) == _words(strip_but_joiners(text))


def strip_but_joiners(text: str) -> str:
    """What a reader can see of a text, joiners of letters and emoji among it."""
    return "".join(c if c in "\u200c\u200d\ufe0e\ufe0f" else strip_invisible(c) for c in text)


def test_the_shipped_knowledge_is_shown_word_for_word(live_index: LiveIndex) -> None:
    for passage in live_index.index.passages:
        for start, end in sentences(passage.text):
            sentence = passage.text[start:end]
            assert _words(verbatim(sentence)) == _words(sentence)


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
