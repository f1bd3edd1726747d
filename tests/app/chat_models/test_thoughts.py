"""Thoughts at the beginning of an answer are not shown, however they are cut into pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.chat_models.openai_stream import Told
from app.chat_models.thoughts import Outspoken


def shown(pieces: list[str]) -> str:
    spoken = Outspoken()
    return "".join([*map(spoken.take, pieces), spoken.rest()])


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {len(text)})
    return [text[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


@given(
    st.text().filter(lambda thought: "</" not in thought),
    st.text(min_size=1).map(lambda answer: f"A{answer}"),
    st.sampled_from(["think", "thinking", "thought"]),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_what_stands_between_the_tags_is_left_out(
    thought: str, answer: str, tag: str, places: list[int]
) -> None:
    assert shown(cut(f"\n<{tag}>{thought}</{tag}>\n\n{answer}", places)) == answer


@given(st.text(), st.lists(st.integers(0, 400), max_size=12))
def test_an_answer_without_thoughts_comes_whole(answer: str, places: list[int]) -> None:
    text = f"The tag <think> opens a thought. {answer}"
    assert shown(cut(text, places)) == text
    assert shown(cut(f" <thin ice> {answer}", places)) == f" <thin ice> {answer}"


def test_a_thought_that_never_ends_shows_nothing() -> None:
    assert shown(["<think>", "so far", " and on"]) == ""


def test_a_field_of_thoughts_tells_only_that_the_model_is_at_work() -> None:
    told = Told()
    chunks = [
        b'{"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}',
        b'{"choices": [{"index": 0, "delta": {"reasoning": "hm", "content": null}}]}',
    ]
    pieces, failure = told.together(chunks, "m")
    assert [piece.text for piece in pieces] == [""]
    assert failure is None
    pieces, _ = told.together([b'{"choices": [{"delta": {"content": "Four. [1]"}}]}'], "m")
    assert [piece.text for piece in pieces] == ["Four. [1]"]
