"""Other languages: told, read in English, asked for, and answered in."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.question import language
from app.question.in_english import in_english
from app.question.language import (
    acts_of,
    language_name,
    language_of,
    languages,
    reply,
    words_of,
)
from app.question.language_wish import wished_language
from app.record.types import Message, Question, final_answer
from eval.cases import read_suite, suite_names
from index.sources import SHIPPED, read
from tests.conftest import MakePipeline

CODES = ("de", "es", "fr", "it", "pt", "zh")
SHORT: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("short_questions.toml").read_text(encoding="utf-8")
)
ANY_WORDS = st.sampled_from(
    sorted({" ".join(row) for known in languages().values() for row in known.words})
)
MESSAGES = st.one_of(st.text(), st.lists(st.one_of(ANY_WORDS, st.text(max_size=4))).map(" ".join))


def english_questions() -> Iterator[str]:
    """All that people are known to ask in English: the knowledge base's and the suites'."""
    for topic in read(SHIPPED, name="ai").knowledge_base.topics:
        for faq in topic.faqs:
            yield from (faq.question, *faq.also_asked)
        for practice in topic.practice:
            yield from practice.also_asked
    for name in suite_names():
        if name != "languages":
            for case in read_suite(name):
                yield case.question
                yield from (turn.content for turn in case.history if turn.role == "user")


@pytest.mark.real
def test_no_english_question_is_taken_for_another_language_or_asks_for_one() -> None:
    asked = list(english_questions())
    assert len(asked) > 10_000
    assert [question for question in asked if language_of(question) != "en"] == []
    wishes = [question for question in asked if wished_language(question)[0]]
    assert len(wishes) <= len(asked) / 10_000


@pytest.mark.parametrize("code", CODES)
def test_short_questions_are_told_apart(code: str) -> None:
    told = [language_of(question) == code for question in SHORT[code]]
    assert len(told) >= 20
    assert sum(told) >= 0.9 * len(told)


@pytest.mark.parametrize("code", CODES)
def test_a_language_has_all_that_it_needs(code: str) -> None:
    known = languages()[code]
    assert len(known.words) >= 350
    assert len(known.commonest) >= 40
    assert set(known.acts.values()) == {
        "greet", "thank", "leave", "about", "shorten", "simplify", "expand", "example", "sources",
        "sure", "list", "table", "steps", "repeat",
    }  # fmt: skip
    for key in ("written_in_english", "refused", "greet", "thank", "leave", "no_subject"):
        assert reply(code, key)
    assert known.named[language.row_of(known.own_name)] == code


@pytest.mark.parametrize(
    ("code", "question", "words"),
    [
        ("es", "¿Qué es la caché KV y por qué hace falta?", "what is kv cache why needed"),
        ("es", "que es la atencion", "what is attention"),
        ("de", "Wie viel Speicher braucht ein 70B-Modell?", "how much memory 70b model need"),
        ("de", "Sind Aufmerksamkeitsköpfe überflüssig?", "attention heads"),
        ("fr", "À quoi sert l'apprentissage par renforcement ?", "reinforcement learning for"),
        ("pt", "o que é LoRA?", "what is lora"),
        ("it", "Quali sono i vantaggi della quantizzazione?", "what are advantages quantization"),
        (
            "zh",
            "微调和检索增强生成有什么区别？",
            "difference fine-tuning retrieval-augmented generation",
        ),
        ("zh", "什麼是注意力機制", "what is attention mechanism"),
    ],
)
def test_questions_read_in_english(code: str, question: str, words: str) -> None:
    said = in_english(question, code).lower()
    assert set(words.split()) <= set(said.rstrip("?").replace("?", "").split())


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "name", ["lora_alpha", "GPT-3.5", "config.json", "Llama 3.1", "in-context"]
)
def test_names_stay_as_they_are(code: str, name: str) -> None:
    assert name.lower() in in_english(f"{name}: RLHF", code).lower()


def test_numbers_are_written_as_in_english() -> None:
    assert "175,000" in in_english("175.000 Parameter", "de")
    assert "0.5" in in_english("una temperatura de 0,5", "es")
    assert "7 billion" in in_english("70亿参数", "zh")


@given(MESSAGES)
def test_any_text_can_be_read(text: str) -> None:
    code = language_of(text)
    wished, rest = wished_language(text)
    assert len(rest) <= len(text)
    assert wished or rest == text
    for each in (code, wished, *CODES):
        assert isinstance(acts_of(text, each), tuple)
        assert in_english(text, each).strip() or not text.strip()


@given(st.sampled_from(CODES), st.lists(st.text(max_size=8), max_size=6), st.data())
def test_what_the_glossary_knows_is_not_lost(
    code: str, around: list[str], data: st.DataObject
) -> None:
    known = languages()[code]
    terms = {
        row: said for row, said in known.words.items() if len(said.split()) > 2 and "…" not in said
    }
    row, said = data.draw(st.sampled_from(sorted(terms.items())))
    text = " ".join([*around, "\n", ("" if code == "zh" else " ").join(row)])
    assert len(words_of(in_english(text, code))) >= len(words_of(said))


@given(st.text())
def test_english_and_unknown_languages_are_left_alone(text: str) -> None:
    assert in_english(text, "en") == text == in_english(text, "xx")


@pytest.mark.parametrize(
    ("text", "code", "rest"),
    [
        ("auf Deutsch", "de", ""),
        ("in German please", "de", ""),
        ("What is RLHF? auf Deutsch", "de", "What is RLHF?"),
        ("explain LoRA in Spanish", "es", "explain LoRA"),
        ("réponds en français : c'est quoi LoRA ?", "fr", "c'est quoi LoRA ?"),
        ("请用英文回答", "en", ""),
        ("translate that to Italian", "it", ""),
        ("what is LoRA, in Japanese?", "ja", "what is LoRA?"),
        ("¿puedes responder en español?", "es", ""),
        ("Why does text in German take more tokens?", "", None),
        ("How well do models answer in French?", "", None),
        ("用中文提问效果会不会更差", "", None),
    ],
)
def test_a_language_is_asked_for(text: str, code: str, rest: str | None) -> None:
    assert wished_language(text) == (code, text if rest is None else rest)


def test_set_phrases_are_acts_only_as_whole_messages() -> None:
    assert acts_of("¡Muchas gracias!", "es") == ("thank",)
    assert acts_of("ein Beispiel, bitte", "de") == ("example",)
    assert acts_of("谢谢", "zh") == ("thank",)
    assert acts_of("un exemple de tokenisation", "fr") == ()
    assert acts_of("gracias", "xx") == ()


@pytest.mark.parametrize(
    ("text", "code", "acts"),
    [
        ("¿puedes hacerlo un poco más corto, por favor?", "es", ("shorten",)),
        ("más simple y con un ejemplo", "es", ("simplify", "example")),
        ("plus simple stp", "fr", ("simplify",)),
        ("tu peux le faire en tableau ?", "fr", ("table",)),
        ("erklär mir das bitte noch einfacher", "de", ("simplify",)),
        ("geht das auch kürzer?", "de", ("shorten",)),
        ("pode ser mais simples?", "pt", ("simplify",)),
        ("me dá um exemplo com números", "pt", ("example",)),
        ("puoi farlo più breve?", "it", ("shorten",)),
        ("能不能说得再简单一点？", "zh", ("simplify",)),
        ("更短", "zh", ("shorten",)),
        ("más corto que BERT", "es", ()),
        ("ein Beispiel für LoRA", "de", ()),
    ],
)
def test_short_wishes_are_read_with_the_words_beside_them(
    text: str, code: str, acts: tuple[str, ...]
) -> None:
    assert acts_of(text, code) == acts
    if acts:
        assert language_of(text, code) == code


def test_a_conversation_keeps_its_language_where_a_message_tells_none() -> None:
    assert language_of("LoRA?", "pt") == "pt"
    assert language_of("and what is LoRA?", "pt") == "en"
    assert language_of("und was ist LoRA?", "pt") == "de"
    assert language_of("LoRA?") == "en"


def test_other_languages_are_named_and_have_no_words() -> None:
    assert language_of("これは何ですか") == "ja"
    assert language_of("Что такое токен?") == "ru"
    assert language_name("ja") == "Japanese"
    assert language_name("xx") == "xx"
    assert reply("ja", "refused") == "" == reply("en", "written_in_english")
    assert "Japanese" in reply("ja", "written_in_english")


@pytest.mark.parametrize("code", CODES)
async def test_questions_are_found_and_those_off_the_subject_refused(
    code: str, make_pipeline: MakePipeline
) -> None:
    pipeline = make_pipeline()
    cases = [case for case in read_suite("languages") if case.id.split("-")[1] == code]
    cases = [case for case in cases if case.split == "dev"]
    found = []
    for case in cases:
        seen = await pipeline.retrieve(Question(case.question))
        topics = [hit.passage.topic for hit in seen.hits[:5]]
        found.append(seen.answerable and case.topic in topics)
    assert sum(found) >= 0.8 * len(found) >= 8
    off = [await pipeline.retrieve(Question(question)) for question in SHORT["off"][code]]
    assert sum(seen.answerable for seen in off) <= 1


@pytest.mark.parametrize(
    ("earlier", "follow_up", "subject"),
    [
        ("什么是LoRA？", "那它有什么缺点？", "LoRA"),
        ("¿Qué es la caché KV?", "¿y por qué hace falta?", "KV cache"),
        ("Was ist RLHF?", "welche Stufen hat das?", "RLHF"),
    ],
)
async def test_a_follow_up_takes_its_subject_from_a_history_in_its_language(
    earlier: str, follow_up: str, subject: str, make_pipeline: MakePipeline
) -> None:
    history = (Message("user", earlier), Message("assistant", "An answer in English [1]."))
    seen = await make_pipeline().retrieve(Question(follow_up, history))
    assert seen.answerable
    assert subject in seen.standalone_query


@pytest.mark.parametrize(
    "question",
    [
        "70B模型4比特量化需要多少显存？",
        "Wie viel Speicher braucht ein 70B-Modell in 4 Bit?",
        "¿Cuánta memoria necesita un modelo de 70B en 4 bits?",
    ],
)
async def test_calculations_are_asked_in_other_languages(
    question: str, make_pipeline: MakePipeline
) -> None:
    answer = await final_answer(make_pipeline().answer(Question(question)))
    assert "35 GB" in answer.text
