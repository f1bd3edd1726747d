"""The page speaks its reader's language; what is said elsewhere and by others stays as it is."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app.config.personas import resolve, shipped
from app.ui import texts, texts_checking, texts_how, texts_planner
from app.ui.speaking import COOKIE, ENGLISH, LANGUAGES, asked_for, chosen, speaking, translations
from tests.ui.chromium import BROWSER
from tests.ui.playing import Page as Served
from tests.ui.watching import ask, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MODULES = (texts, texts_checking, texts_planner, texts_how)
# What is the same in every language, or no text.
SAME = {
    "TITLE", "NO_SCRIPT_COMMANDS", "CATEGORIES", "LABELS", "MARKS", "START", "NOTHING",
    "HOW_PROMPT_HASH", "SHIPPED_NAME", "TYPE_CHECKING",
}  # fmt: skip
# A text that is new is English until someone has put it into the others.
LEAST = 0.95
OTHERS = [name for name in LANGUAGES if name != ENGLISH]


def _english() -> dict[tuple[str, str], Any]:
    return {
        (module.__name__.rpartition(".")[2], name): value
        for module in MODULES
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and name not in SAME
    }


def _leaves(value: Any) -> list[str]:
    """The texts in a constant, in an order that translations share."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [leaf for key in sorted(value) for leaf in _leaves(value[key])]
    assert isinstance(value, Sequence)
    return [leaf for one in value for leaf in _leaves(one)]


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("name", OTHERS)
def test_a_language_says_all_that_english_does_with_the_same_places(name: str) -> None:
    english = _english()
    own = {
        (module, key): value
        for module, found in translations(name).items()
        for key, value in found.items()
    }
    assert set(own) <= set(english)
    assert len(own) >= LEAST * len(english)
    for key, value in own.items():
        said = english[key]
        if isinstance(said, Mapping):
            assert set(value) == set(said), key
        ours, theirs = _leaves(value), _leaves(said)
        assert len(ours) == len(theirs), key
        if key[1] != "ORDINAL":
            assert [*map(_names, ours)] == [*map(_names, theirs)], key


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,de;q=0.9", "en"),
        ("it,fr;q=0.3,es;q=0.7", "es"),
        ("zh-Hant-TW", "zh"),
        ("de;q=0,en", "en"),
        ("xx;q=nine,fr", "fr"),
        ("", "en"),
        ("*", "en"),
    ],
)
def test_the_most_wanted_of_the_known_languages_is_spoken(header: str, expected: str) -> None:
    assert asked_for(header) == expected


@pytest.mark.parametrize(
    ("kept", "expected"), [("de", "de"), ("en", "en"), ("", "fr"), ("xx", "fr"), ('"', "fr")]
)
def test_what_a_reader_chose_comes_before_what_the_browser_asks_for(
    kept: str, expected: str
) -> None:
    headers = {"accept-language": "fr", "cookie": f"a=b; {COOKIE}={kept}; c=d"}
    assert chosen(headers) == expected


def test_shipped_personas_are_called_in_the_language_and_ones_own_as_they_are() -> None:
    ours = shipped()
    over_documents = shipped("handbook")
    tables = ((ours, texts.PERSONAS), (over_documents, texts.PERSONAS_OTHER))
    for made, table in tables:
        assert {name: (one.title, one.description) for name, one in made.items()} == table
    own = replace(ours["citewise-expert"], title="Our librarian")
    with speaking("de"):
        told = {name: texts.persona(one)[0] for name, one in ours.items()}
        assert told == {name: title for name, (title, _) in texts.PERSONAS.items()}
        assert told["citewise-expert"] != ours["citewise-expert"].title
        also = {name: texts.persona(one) for name, one in over_documents.items()}
        assert also == texts.PERSONAS_OTHER
        assert texts.persona(resolve("citewise-expert+research", {}, "handbook"))[0] == (
            f"{texts.PERSONAS_OTHER['citewise-expert'][0]} + {texts.RESEARCH_LABEL}"
        )
        assert texts.persona(own)[0] == "Our librarian"


def test_a_language_is_spoken_for_a_while() -> None:
    english = texts.TAB_ASK
    with speaking("de"):
        assert texts.TAB_ASK == translations("de")["texts"]["TAB_ASK"] != english
        assert texts.counted(1234, texts.N_TOPICS).startswith("1.234 ")
        assert texts.script_words()["copied"] == texts.COPIED
        assert texts.TITLE == "Citewise"
    assert english == texts.TAB_ASK


@pytest.mark.parametrize("name", ["de", "zh"])
class TestInABrowser:
    """At sight, and after a question."""

    pytestmark = BROWSER

    def test_the_page_speaks_it_and_leaves_the_answer_as_it_is(
        self, browser: Browser, site: Served, name: str
    ) -> None:
        with watched(browser, site.url, locale=name) as page:
            assert page.evaluate("document.documentElement.lang") == name
            with speaking(name):
                tabs = [texts.TAB_ASK, texts.TAB_BROWSE, texts_checking.TAB, texts_planner.TAB]
                expected = texts.HERO, texts.EVIDENCE, texts.AGAIN, texts.SCRIPT["empty"]
            assert page.locator("#views [role=tab]").all_inner_texts() == tabs
            hero, evidence, again, empty = expected
            assert page.locator("#hero h2").inner_text() == hero
            assert page.locator("#panel h2").inner_text() == evidence
            page.click("#send")
            assert page.locator("#hint").inner_text() == empty
            ask(page, "What did Chinchilla find?")
            page.get_by_role("button", name=again).wait_for()
            assert "Hoffmann et al. (2022) estimated" in page.locator(".answer").inner_text()
            page.get_by_role("tab", name=tabs[3]).click()
            with speaking(name):
                page.get_by_text(texts_planner.LEAD).wait_for()

    def test_another_can_be_chosen_and_the_browsers_again(
        self, browser: Browser, site: Served, name: str
    ) -> None:
        with watched(browser, site.url, locale="fr") as page:
            for wanted, spoken in ((name, name), ("", "fr")):
                page.locator('[data-opens="settings"]').click()
                with page.expect_navigation():
                    page.select_option("#language", wanted)
                page.locator(".suggestion:visible").first.wait_for()
                with speaking(spoken):
                    hero = texts.HERO
                assert page.locator("#hero h2").inner_text() == hero
                assert page.locator("#language").input_value() == wanted
