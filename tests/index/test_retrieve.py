"""A question finds its passage, with a trace, however many ask at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from index.encoders import Encoder
from index.retrieve import HybridRetriever
from index.store import LoadedIndex
from index.types import Hit, KnowledgeBase


@pytest.fixture(scope="module")
def retriever(small_index: LoadedIndex, minilm: Encoder) -> HybridRetriever:
    return HybridRetriever(small_index, minilm)


def test_every_question_finds_its_own_passage(
    retriever: HybridRetriever, small_kb: KnowledgeBase
) -> None:
    for topic in small_kb.topics:
        for number, faq in enumerate(topic.faqs):
            hits = retriever.search(faq.question, 3).hits
            assert hits[0].passage.id == f"{topic.slug}/faq/{number}"


def test_hits_are_distinct_and_best_first_with_trace_and_timings(
    retriever: HybridRetriever,
) -> None:
    result = retriever.search("How does attention work?", 5)
    assert result.query == "How does attention work?"
    scores = [hit.score for hit in result.hits]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert len({hit.passage.id for hit in result.hits}) == 5
    assert all({"dense", "lexical"} <= set(hit.trace) for hit in result.hits)
    assert {"encode", "dense", "lexical"} <= set(result.timings_ms)
    assert all(milliseconds >= 0 for milliseconds in result.timings_ms.values())


def test_no_more_hits_than_passages(retriever: HybridRetriever) -> None:
    passages = len(retriever.index.passages)
    assert len(retriever.search("attention", passages + 50).hits) <= passages


def test_another_form_of_the_question_counts(
    retriever: HybridRetriever, small_kb: KnowledgeBase
) -> None:
    faq = small_kb.topics[2].faqs[1]
    hits = retriever.search("What about that one?", 3, also=[faq.question]).hits
    assert f"{small_kb.topics[2].slug}/faq/1" in {hit.passage.id for hit in hits}


@pytest.mark.parametrize("query", ["", " ", "?!", "🙂", "x" * 5000, "\0", "ok\nok", "تجربة"])
def test_any_query_is_survived(retriever: HybridRetriever, query: str) -> None:
    assert retriever.search(query, 3).query == query


def test_threads_find_what_one_finds(retriever: HybridRetriever, small_kb: KnowledgeBase) -> None:
    """Hits, scores and traces are the same to the last bit, however many ask at once."""
    questions = [faq.question for topic in small_kb.topics for faq in topic.faqs] * 6

    def hits(question: str) -> tuple[Hit, ...]:
        return retriever.search(question, 5, also=[f"{question} and why?"]).hits

    alone = [hits(question) for question in questions]
    for threads in (2, 8):
        with ThreadPoolExecutor(threads) as pool:
            assert list(pool.map(hits, questions)) == alone
