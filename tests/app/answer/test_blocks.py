"""Code and tables of documents stand in an answer as they stand there, whole and cited."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answer.compose import compose
from app.answer.writer import Writer
from app.record.evidence import Evidence, cited_for, units
from app.record.sanitize import verbatim_code
from app.verifying.supports import Support
from index.types import Hit, Passage, PassageKind, Place, Source

CODE = "```bash\ngit clone https://x.org/a.git\nexport KEY=<your-key> # [1]\n```"
TABLE = "| plan | limit |\n|---|---|\n| free | 10 |\n| pro | 100 |"


def _answer(text: str) -> Writer:
    source = Source("a", "Guide", "https://x.org/a")
    passage = Passage(
        "kb/a.md#run/1", PassageKind.SECTION, "a", "Guide", "Run it", text, (source,),
        place=Place("a.md", ("Run it",)),
    )  # fmt: skip
    evidence = [Evidence(1, Hit(passage, 1.0))]
    writer = Writer(evidence)
    for one in compose("How do I run it?", evidence, lambda _: 1.0, shape="papers"):
        support = Support(passage.id, 1, one.start, one.end, 1.0)
        writer.claim(one.lead, one.text, "supported", [support], 1.0)
    return writer


def test_code_keeps_every_word_and_its_lines() -> None:
    writer = _answer(f"Run it so:\n\n{CODE}\n\nThen open the page.")
    assert writer.text == (
        "Run it so [1]:\n\n```\ngit clone https://x.org/a.git\n"
        "export KEY=<your-key> # [1]\n```\n\n[1]\n\nThen open the page [1]."
    )
    assert {claim.basis for claim in writer.claims} == {"quoted"}
    for claim in writer.claims:
        assert writer.text[claim.start : claim.end].strip().startswith(claim.text[:8])


def test_a_table_is_one_thing() -> None:
    writer = _answer(f"{TABLE}\n\nMore on request.")
    assert writer.text == f"{TABLE}\n\n[1]\n\nMore on request [1]."
    assert writer.citations[0].quote == TABLE


def test_a_table_is_whole_though_its_cells_hold_sentences() -> None:
    table = "| loss | what it is |\n|---|---|\n| a | One. Then β is 2. See B. |\n| b | Another! |"
    writer = _answer(f"There are two.\n\n{table}\n\nTake one.")
    assert writer.text == f"There are two [1].\n\n{table}\n\n[1]\n\nTake one [1]."


def _section(heading: str, text: str) -> list[str]:
    passage = Passage(
        "kb/a.md#x/1", PassageKind.SECTION, "a", "Guide", heading, text, place=Place("a.md")
    )
    evidence = [Evidence(1, Hit(passage, 1.0))]
    found = compose("What is it?", evidence, lambda _: 1.0, shape="papers")
    return [one.text for one in found]


def test_a_bare_name_is_no_sentence_unless_it_is_what_the_heading_asks_for() -> None:
    assert _section("The launcher", "`pkg.launcher`") == []
    assert _section("Run it", f"shell\n\nRun it so:\n\n{CODE}") == ["Run it so:", CODE]
    assert _section("Owner", "Ann") == ["Ann"]
    assert _section("Colours", "There are two:\n\n- red\n- blue") == [
        "There are two:", "red", "blue",
    ]  # fmt: skip


def test_a_page_is_named_and_led_to() -> None:
    source = Source("a", "Handbook", "https://x.org/a.pdf")
    passage = Passage(
        "kb/a.pdf#keys/1", PassageKind.SECTION, "a", "Handbook", "Keys", "They turn.", (source,),
        place=Place("a.pdf", ("Keys",), "page=14", 14),
    )  # fmt: skip
    (cited,) = cited_for(passage, passage.sources)
    assert (cited.title, cited.url) == (
        "Handbook › Keys, p. 14", "https://x.org/a.pdf#page=14",
    )  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(["A b.", "C d! E f.", CODE, TABLE, "- x\n- y"]), min_size=1))
def test_units_are_in_order_and_leave_no_word_out(parts: list[str]) -> None:
    text = "\n\n".join(parts)
    found = units(text)
    assert all(a < b <= c for (a, b), (c, _) in pairwise(found))
    between = text
    for start, end in reversed(found):
        between = between[:start] + between[end:]
    assert not between.replace("-", "").strip()
    assert sum(text[a:b] == TABLE for a, b in found) == parts.count(TABLE)


@given(st.text("`~ab\n<>[]", max_size=40))
def test_code_can_not_close_its_fence(code: str) -> None:
    first, *inside, last = verbatim_code(code).split("\n")
    assert first == last
    assert set(first) == {"`"}
    assert "\n".join(inside) == code
    assert all(first not in line for line in inside)


def test_a_list_that_is_announced_comes_whole_and_as_a_list() -> None:
    names = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta"]
    items = "\n".join(f"- {name}" for name in names)
    text = _answer(f"How one runs it depends on the tool, and these run it:\n\n{items}").text
    listed = [line for line in text.split("\n") if line.startswith("- ")]
    assert [line.split()[1] for line in listed] == names


def test_the_command_comes_with_the_sentence_that_announces_it() -> None:
    filler = " ".join(f"Sentence number {n} tells of other things." for n in range(8))
    text = _answer(f"{filler}\n\nHow to run it, in one line, is this:\n\n{CODE}").text
    assert "git clone" in text


def test_what_is_announced_comes_from_under_the_name_of_its_tab() -> None:
    filler = " ".join(f"Sentence number {n} tells of other things." for n in range(8))
    text = _answer(f"{filler}\n\nHow to run it, in one line:\n\nLinux\n\n{CODE}\n\nBye.").text
    assert "git clone" in text


def test_nothing_is_announced_that_does_not_come() -> None:
    text = _answer("It runs on every machine.\n\nTo run it, type:").text
    assert "type" not in text
    assert "every machine" in text


@pytest.mark.parametrize("before", ["To remove a package, edit the list.", "Or, if it is locked."])
def test_a_section_is_read_from_where_it_answers(before: str) -> None:
    place = Place("a.md", ("Packages",))
    text = f"{before} To upgrade a package, run lock again. The others stay as they are."
    passage = Passage(
        "kb/a.md#a/1", PassageKind.SECTION, "a", "Guide", "Packages", text,
        (Source("a", "Guide", "https://x.org/a"),), place=place,
    )  # fmt: skip
    asked = "How do I upgrade one package?"
    found = compose(
        asked,
        [Evidence(1, Hit(passage, 1.0))],
        lambda word: 0.3 if word.startswith("packag") else 1.0,
        shape="papers",
    )
    assert found[0].text.startswith("To upgrade a package")
    assert found[-1].text == "The others stay as they are."


def test_a_near_second_section_is_told_too() -> None:
    source = Source("a", "Guide", "https://x.org/a")

    def passage(name: str, heading: str, text: str) -> Passage:
        return Passage(
            f"kb/a.md#{name}/1", PassageKind.SECTION, "a", "Guide", heading, text, (source,),
            place=Place("a.md", (heading,)),
        )  # fmt: skip

    evidence = [
        Evidence(1, Hit(passage("a", "Keys", "Keys are made by the server."), 1.0)),
        Evidence(2, Hit(passage("b", "Rotation", "Old keys stop working after a day."), 0.95)),
    ]
    found = compose("When do keys stop working?", evidence, lambda _: 1.0, shape="papers")
    assert [one.n for one in found] == [1, 2]
