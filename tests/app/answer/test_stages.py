"""Rewriting, the gate, composing and the writer, each on its own."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answer.compose import compose
from app.answer.writer import Writer
from app.config.settings import load_settings
from app.question.answerable import DEPTH, READ_FEATURES, Gates, domain_features, features
from app.question.features import FEATURES, TOKEN_FEATURES
from app.record.evidence import Evidence, evidence_of
from app.record.types import Question
from app.service import open_model
from app.verifying.supports import Support
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.retrieve import FusionSettings, HybridRetriever
from index.sources import SHIPPED, read
from index.types import Hit, KnowledgeBase, Passage, PassageKind, Place, Source
from tests.conftest import MakePipeline

CHINCHILLA = Source("h", "Hoffmann et al. (2022) — Chinchilla", "https://example.org/h", 2022)
KAPLAN = Source("k", "Kaplan et al. (2020) — Scaling Laws", "https://example.org/k", 2020)


def evidence() -> list[Evidence]:
    faq = Passage(
        "s/faq/0", PassageKind.FAQ, "s", "Scaling", "How many tokens?",
        "About 20 tokens per parameter are optimal. Hoffmann et al. (2022) trained 70B parameters "
        "on 1.4 trillion tokens. Kaplan et al. (2020) had advised far fewer.",
        (KAPLAN, CHINCHILLA),
    )  # fmt: skip
    data = Passage(
        "s/data/0", PassageKind.DATA, "s", "Scaling", "Optimal tokens per parameter",
        "Optimal tokens per parameter: 20. Hoffmann et al. (2022) find 20 tokens a parameter.",
        (CHINCHILLA,),
    )  # fmt: skip
    other = Passage(
        "s/data/1", PassageKind.DATA, "s", "Scaling", "Gopher's size",
        "Gopher's size: 280 billion parameters. It saw 300 billion tokens.", (CHINCHILLA,),
    )  # fmt: skip
    return evidence_of([Hit(faq, 0.9), Hit(data, 0.88), Hit(other, 0.86)])


@pytest.mark.parametrize("shape", ["papers", "figures", "checklist"])
def test_a_composed_answer_is_the_evidence_word_for_word(shape: str) -> None:
    items = evidence()
    chosen = compose("How many tokens per parameter?", items, lambda word: 2.0, shape=shape)
    assert chosen[0].text == "About 20 tokens per parameter are optimal."
    for sentence in chosen:
        text = items[sentence.n - 1].passage.text
        assert text[sentence.start : sentence.end] == sentence.text
    texts = [sentence.text for sentence in chosen]
    assert len(set(texts)) == len(texts)
    # The data point says what the first sentence said already.
    assert not any("a parameter" in text for text in texts)


def test_shapes_lay_an_answer_out_differently() -> None:
    asked = "How many tokens did Gopher see?"
    cost = Passage(
        "s/data/2", PassageKind.DATA, "s", "Scaling", "Gopher's compute",
        "Gopher's compute: 5.76e23 FLOPs.", (CHINCHILLA,),
    )  # fmt: skip
    items = evidence_of([*(item.hit for item in evidence()), Hit(cost, 0.85)])
    shapes = {
        shape: "".join(s.lead + s.text for s in compose(asked, items, lambda w: 2.0, shape=shape))
        for shape in ("papers", "figures", "checklist")
    }
    assert "\n- " not in shapes["papers"]
    assert "\n- Gopher's size" in shapes["figures"]
    assert shapes["checklist"].count("\n- ") > shapes["figures"].count("\n- ")


@pytest.mark.parametrize("shape", ["papers", "figures", "checklist"])
def test_the_best_passage_comes_first_and_what_adds_nothing_stays_out(shape: str) -> None:
    figure, faq = evidence()[1].hit, evidence()[0].hit
    far = Passage(
        "w/faq/0", PassageKind.FAQ, "w", "Weather", "Why does it rain?", "Clouds cool.", (KAPLAN,)
    )
    items = evidence_of([figure, faq, Hit(far, 0.6)])
    chosen = compose("Optimal tokens per parameter?", items, lambda w: 2.0, shape=shape)
    assert (chosen[0].n, chosen[0].lead) == (1, "")
    assert all("Clouds" not in sentence.text for sentence in chosen)
    # A list of one is no list.
    assert sum("\n- " in sentence.lead for sentence in chosen) != 1


def test_the_second_topic_of_a_question_is_answered_though_it_scores_lower() -> None:
    rain = Passage(
        "w/faq/0", PassageKind.FAQ, "w", "Weather", "Why does rain fall?",
        "Rain falls where droplets merge. It may be light.", (KAPLAN,),
    )  # fmt: skip
    items = evidence_of([evidence()[0].hit, Hit(rain, 0.6)])
    asked = "How many tokens per parameter, and why do droplets fall as rain?"
    chosen = compose(asked, items, lambda w: 2.0, shape="papers")
    assert chosen[-1].text == "Rain falls where droplets merge."


@pytest.mark.parametrize(
    ("asked", "told"),
    [("How much rain falls in autumn?", "40 mm"), ("Why does rain fall in autumn?", "west wind")],
)
def test_a_question_for_figures_is_answered_by_the_sentence_that_has_some(
    asked: str, told: str
) -> None:
    rain = Passage(
        "w/faq/0", PassageKind.FAQ, "w", "Weather", "Rain",
        "The west wind brings rain in autumn. The east wind brings none. "
        "The north wind brings rain that falls as snow. Rain in autumn is 40 mm.", (KAPLAN,),
    )  # fmt: skip
    items = evidence_of([evidence()[0].hit, Hit(rain, 0.89)])
    chosen = [s.text for s in compose(asked, items, lambda w: 2.0, shape="papers") if s.n == 2]
    assert any(told in text for text in chosen)


def test_nothing_is_composed_from_nothing() -> None:
    assert compose("What?", [], lambda word: 1.0, shape="papers") == []


def test_the_writer_numbers_papers_by_first_use_and_places_markers() -> None:
    items = evidence()
    writer = Writer(items)
    first = writer.claim(
        "", "Hoffmann et al. (2022) trained 70B parameters.", "supported",
        [Support("s/faq/0", 1, 43, 110, 0.9)], 0.9,
    )  # fmt: skip
    second = writer.claim(
        " ", "Gopher is larger", "partial", [Support("s/data/1", 3, 0, 39, 0.6)], 0.6
    )
    third = writer.claim(" ", "Kaplan et al. (2020) advised fewer.", "supported",
                         [Support("s/faq/0", 1, 111, 150, 0.9)], 0.9)  # fmt: skip
    assert first.text.endswith("parameters [1].")
    # Another passage of the same paper has its number; what is partly supported says so.
    assert second.text == " Gopher is larger (partly supported) [1]"
    assert third.text == " Kaplan et al. (2020) advised fewer [2]."
    assert [citation.url for citation in writer.citations] == [
        CHINCHILLA.url, CHINCHILLA.url, KAPLAN.url,
    ]  # fmt: skip
    assert writer.text == first.text + second.text + third.text
    for claim in writer.claims:
        assert writer.text[claim.start : claim.end].startswith(claim.text.rstrip("."))
        assert [writer.citations[i].n for i in claim.evidence] == list(claim.cites)
    assert writer.repeats("Gopher is larger.")
    assert not writer.repeats("Something new is said here.")


@pytest.mark.parametrize("late_weight", [1.0, 0.0])
def test_the_gate_reads_its_features_and_tells_the_known_from_the_unknown(
    live_index: LiveIndex, late_weight: float
) -> None:
    idf = live_index.index.lexical.idf
    inner = live_index.retriever()
    retriever = HybridRetriever(inner.index, inner.encoder, FusionSettings(late_weight=late_weight))
    asked = {}
    for question in (
        "What is the KV cache and why does it help?",
        "How do I bake sourdough bread at home?",
    ):
        found = retriever.search(question, DEPTH)
        judge = Gates.shipped().judging(found, inner.index)
        words = {*FEATURES, *(TOKEN_FEATURES if late_weight else ())}
        measured = features(question, found, idf)
        assert set(judge.domain.weights) == words == set(domain_features(question, found, idf))
        assert set(judge.answer.weights) == {*words, *READ_FEATURES} == set(measured)
        assert set(features(question, replace(found, hits=()), idf)) == set(measured)
        asked[question] = judge.answerable(judge.confidence(measured))
    assert list(asked.values()) == [True, False]


def test_an_index_without_other_ways_of_asking_has_its_own_operating_point(
    live_index: LiveIndex, encoder: Encoder, tmp_path: Path
) -> None:
    topic = read(SHIPPED, name="ai").knowledge_base.topics[0]
    faqs = tuple(replace(faq, also_asked=()) for faq in topic.faqs)
    points = tuple(replace(point, also_asked=()) for point in topic.data_points)
    bare = replace(topic, faqs=faqs, data_points=points)
    build(KnowledgeBase("bare", (bare,)), tmp_path, encoder)
    gates = Gates.shipped()
    for index, judge in (
        (live_index.index, gates.tokens),
        (LiveIndex(tmp_path, encoder).index, gates.bare_tokens),
    ):
        found = HybridRetriever(index, encoder).search("What is attention?", DEPTH)
        assert gates.judging(found, index) == judge
    assert gates.bare_tokens.threshold < gates.tokens.threshold


def test_documents_are_judged_by_a_gate_of_their_own_also_beside_the_knowledge_base(
    encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "guide.md").write_text("# Releases\n\nA release is deployed on Tuesdays.\n")
    guide = read(tmp_path / "guide.md", name="guide").knowledge_base
    topic = read(SHIPPED, name="ai").knowledge_base.topics[0]
    both = KnowledgeBase("both", (*guide.topics, topic))
    build(both, tmp_path / "index", encoder)
    retriever = LiveIndex(tmp_path / "index", encoder).retriever()
    gates = Gates.shipped()
    for question, own in (
        ("When is a release deployed?", True),
        (f"What is {topic.title}?", False),
    ):
        found = retriever.search(question, DEPTH)
        assert (gates.judging(found, retriever.index) == gates.documents) is own


def _measured(live_index: LiveIndex, question: str) -> dict[str, float]:
    found = live_index.retriever().search(question, DEPTH)
    return features(question, found, live_index.index.lexical.idf)


@pytest.mark.parametrize(
    ("asked", "twin", "feature"),
    [
        ("How large is GPT-3?", "How large is GPT-9?", "versions_missed"),
        ("how many heads in BERT-base", "how many heads in ZorblatV3", "names_missed"),
        ("What does LoRA freeze?", "Where was LoRA peer-reviewed?", "others_missed"),
    ],
)  # fmt: skip
def test_an_absent_name_is_felt(live_index: LiveIndex, asked: str, twin: str, feature: str) -> None:
    assert _measured(live_index, asked)[feature] < _measured(live_index, twin)[feature]


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=40)
def test_features_are_finite_for_any_question(live_index: LiveIndex, question: str) -> None:
    assert all(math.isfinite(value) for value in _measured(live_index, question).values())


async def test_an_abstention_comes_at_once_for_many_readers(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    found = await asyncio.gather(
        *(pipeline.retrieve(Question("How do I bake sourdough bread?")) for _ in range(16))
    )
    assert not any(item.answerable for item in found)
    assert len({item.confidence for item in found}) == 1


@pytest.mark.parametrize(
    ("model", "url", "chosen"),
    [
        (None, None, "OpenVinoChatModel"),
        ("weights/model.gguf", None, "OpenVinoChatModel"),
        ("Qwen/Qwen3-0.6B", None, "TransformersChatModel"),
        (None, "http://127.0.0.1:8001/v1", "OpenAiCompatibleModel"),
        ("Qwen/Qwen3-8B", "http://127.0.0.1:8001/v1", "OpenAiCompatibleModel"),
    ],
)
def test_one_setting_chooses_the_model(model: str | None, url: str | None, chosen: str) -> None:
    settings = load_settings(model=model, model_url=url)
    assert type(open_model(settings)).__name__ == chosen


def _passage(text: str, sources: tuple[Source, ...], place: Place | None = None) -> Evidence:
    passage = Passage("t/faq/0", PassageKind.FAQ, "t", "T", "Q?", text, sources, place=place)
    return Evidence(1, Hit(passage, 1.0))


WORKS = tuple(
    Source(f"s{i}", f"{name} et al. (20{i + 10}) — Work {i}", f"https://x.org/{i}", 2010 + i)
    for i, name in enumerate(("Hoffmann", "Kaplan", "Vaswani", "Brown"))
)


@pytest.mark.parametrize(
    ("sentence", "count", "cited"),
    [
        ("Kaplan et al. (2011) advised fewer.", 3, [1]),
        ("Vaswani and Kaplan agree on the models of the time.", 3, [0, 1, 2]),
        ("Kaplan's turbines differ from the work of a man called Brown.", 2, [0, 1]),
    ],
)
def test_a_sentence_is_cited_to_the_works_that_it_names_else_to_all(
    sentence: str, count: int, cited: list[int]
) -> None:
    item = _passage(sentence, WORKS[:count])
    writer = Writer([item])
    delta = writer.claim("", sentence, "supported", [Support("t/faq/0", 1, 0, 5, 1.0)], 1.0)
    assert [c.url for c in writer.citations] == [WORKS[i].url for i in cited]
    assert delta.claim is not None
    assert delta.claim.cites == tuple(range(1, len(cited) + 1))
    assert delta.claim.basis == "restated"


def test_many_works_have_one_number_that_names_them_all() -> None:
    writer = Writer([_passage("All of it is so.", WORKS)])
    writer.claim("", "All of it is so.", "supported", [Support("t/faq/0", 1, 0, 5, 1.0)], 1.0)
    (citation,) = writer.citations
    assert citation.works == WORKS
    assert citation.url == ""
    assert all(work.label.split(" — ")[0] in citation.title for work in WORKS)


def test_a_document_is_cited_as_its_section_and_its_words_are_quoted() -> None:
    place = Place("guide/run.md", ("Run", "On Linux"), "on-linux")
    source = Source("guide", "Guide", "https://docs.example/guide/run")
    item = _passage("Start it with\nmake run. Stop it with Ctrl-C.", (source,), place)
    writer, support = Writer([item]), [Support("t/faq/0", 1, 0, 5, 1.0)]
    quoted = writer.claim("", "Start it with make run.", "supported", support, 1.0)
    said = writer.claim(" ", "You stop it with Ctrl-C.", "supported", support, 1.0, basis="drafted")
    again = writer.claim(" ", "Stopping is by Ctrl-C.", "supported", support, 1.0)
    (citation,) = writer.citations
    assert citation.place == place
    assert citation.url == "https://docs.example/guide/run#on-linux"
    assert citation.title == "Guide › Run › On Linux"
    bases = [delta.claim.basis for delta in (quoted, said, again) if delta.claim]
    assert bases == ["quoted", "drafted", "restated"]
