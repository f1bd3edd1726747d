"""Each defence on its own: with a verifier that believes everything, and with one taken away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.answer.draft import Reviewer
from app.answer.prompt_builder import Delimiter
from app.answer.writer import Writer
from app.record import sanitize
from app.record.evidence import Evidence, evidence_of
from app.record.sanitize import inert, visible
from app.record.types import Usage
from app.verifying.supports import Pace, Support, Verdict
from index.text.sentences import SentenceStream
from index.types import Hit, Passage, PassageKind, Source
from tests.hostile.suite import Attack, acting, attacks, faults, outside_code

ATTACKS = attacks()
TRUE = ("Scores are divided by the root of the width", "Additive attention has no such factor")
PASSAGE = Passage(
    "a/faq/0", PassageKind.FAQ, "a", "Attention", "Why?", "Scores are divided by the root.",
    (Source("v", "Vaswani et al. (2017)", "https://arxiv.org/abs/1706.03762", 2017),),
)  # fmt: skip


class Credulous:
    """Finds everything supported by the first passage."""

    pace: Pace = "at once"
    usage = Usage()

    async def check(
        self, sentence: str, cited: Sequence[int], evidence: Sequence[Evidence]
    ) -> Verdict:
        item = evidence[0]
        end = len(item.passage.text)
        return Verdict("supported", 1.0, (Support(item.passage.id, item.n, 0, end, 1.0),))


def believed(text: str) -> Writer:
    """What is written when every sentence is believed."""
    evidence = evidence_of([Hit(PASSAGE, 0.9)])
    writer = Writer(evidence)
    reviewer, stream = Reviewer(writer, Credulous(), evidence, "drop"), SentenceStream()
    for segment in [*stream.feed(visible(text)), *stream.close()]:
        asyncio.run(reviewer.review(segment))
    return writer


def faults_of(attack: Attack) -> list[str]:
    writer = believed(attack.obeyed(TRUE))
    return faults(writer.text, writer.citations, writer.claims, ())


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
def test_nothing_acts_even_if_every_sentence_is_believed(attack: Attack) -> None:
    assert faults_of(attack) == []


_NEVER = re.compile(r"(?!)")
_DEFENCES = [
    "_CONTROL", "_IMITATED", "_IMAGE", "_LINK", "_REFERENCE", "_JOINED", "_TAG", "_OPENED", "_URL",
    "_SCHEME", "_MAIL", "_ADDRESS", "_MAYBE_HOST", "_INDEX", "_LOOKALIKE", "_ENCLOSED", "_UNSEEN",
    "_HANDLER", "_TEX", "_TILDES",
]  # fmt: skip


@pytest.mark.parametrize("defence", _DEFENCES)
def test_the_suite_notices_a_defence_that_is_gone(
    defence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sanitize, defence, _NEVER)
    assert any(faults_of(attack) for attack in ATTACKS)


def test_the_suite_notices_markers_and_invisible_characters_let_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sanitize, "read_markers", lambda text, known: (text, [], []))
        assert sum(bool(faults_of(attack)) for attack in ATTACKS) >= 3
    with monkeypatch.context() as patch:
        patch.setattr(sanitize, "strip_invisible", lambda text: text)
        assert sum(bool(faults_of(attack)) for attack in ATTACKS if "unicode" in attack.id) >= 1


_SOUP = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "[", "]", "(", ")", "!", "<", ">", "`", "```", "\n", "\n\n", ". ", "[1]", "[9]",
                "](", "![", "]:", "<b", "<!--", "-->", "/>", "https://", "//", "www.", "evil.com",
                "/x", "javascript:", "data:text/html,", "&lt;", "&#91;", "&amp;", "a@b.co", "\\",
                "\u200b", "\u202e", "＜", "【", "】", "９", "①", "- ", "1. ", "> ", "# ", "    ",
                "|", "~~~", "**", "_", "x[1]", "\"", "'", "=", "word", "on=", "<|", "|>", ":",
            ]
        ),
        st.text(max_size=4),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(_SOUP)
@example(["_", "evil.com", "_"])
@example(["_", "evil.io", "_ ", "__evil.de__"])
@example(["x. ", "\n", ":"])
def test_no_soup_of_syntax_acts_even_if_it_is_believed(pieces: list[str]) -> None:
    writer = believed("".join(pieces))
    assert faults(writer.text, writer.citations, writer.claims, ()) == []


@settings(max_examples=400, deadline=None)
@given(_SOUP)
@example(["_", "evil.com", "_"])
@example(["`", "https://", "evil.com", "`", "<b"])
def test_no_soup_of_syntax_acts_as_evidence(pieces: list[str]) -> None:
    shown = sanitize.verbatim("".join(pieces).replace("\n", " "))
    assert acting(shown) == []
    known = {"1", "9"}
    for part in outside_code(shown):
        assert not known & set(re.findall(r"\[(\d)\]", part))


@given(st.text(), st.integers(0, 2**48 - 1))
def test_marked_data_never_holds_a_delimiter_or_an_unmarked_line(text: str, token: int) -> None:
    delimiter = Delimiter(f"{token:012x}")
    marked = delimiter.marked(text)
    assert delimiter.fence not in marked
    assert all(line.startswith(f"{delimiter.mark} ") for line in marked.split("\n"))
    assert marked.count(delimiter.mark) == marked.count("\n") + 1


@given(st.lists(st.sampled_from(["<|", "|>", "im_end", "[INST]", "</s>", "=", "====", " "])))
def test_inert_text_holds_no_control_token(pieces: list[str]) -> None:
    made = inert("".join(pieces))
    assert not re.search(r"<\||\|>|\[INST\]|</s>|={4}", made)
    assert inert(made) == made
