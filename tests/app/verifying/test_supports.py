"""Verification on evidence that the test writes: what must pass, and what never may."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.record.evidence import Evidence, evidence_of
from app.record.reasons import Reason
from app.verifying.near_quotes import alterations
from app.verifying.objections import SentenceWithEvidence, crossed, objection
from app.verifying.supports import LexicalVerifier, claims_nothing, is_no_sentence
from index.types import Hit, Passage, PassageKind, Place, Source

CACHE = (
    "The KV cache stores the keys and values of earlier tokens, so that a decoding step need not "
    "compute them again. For a model with 32 layers and 32 heads of size 128, a sequence of 4,096 "
    "tokens takes about 2.15 GB in fp16. The cache does not reduce the cost of the first pass."
)
SCALING = (
    "Hoffmann et al. (2022) trained Chinchilla with 70 billion parameters on 1.4 trillion tokens. "
    "Chinchilla outperforms the larger Gopher on MMLU, with 67.6% against 60.0% accuracy."
)


def item(number: int, text: str, heading: str, source: Source) -> Evidence:
    passage = Passage(f"t/faq/{number}", PassageKind.FAQ, "t", "Topic", heading, text, (source,))
    return Evidence(number, Hit(passage, 0.9))


EVIDENCE = [
    item(
        1, CACHE, "What is a KV cache?", Source("pope", "Pope et al. (2023) — Scaling", "u1", 2023)
    ),
    item(2, SCALING, "What is Chinchilla?", Source("h", "Hoffmann et al. (2022) — C", "u2", 2022)),
]


def judge(sentence: str, *cited: int) -> str:
    return LexicalVerifier(lambda word: 3.0).verify(sentence, cited, EVIDENCE).status


@pytest.mark.parametrize(
    "sentence",
    [
        "The KV cache stores the keys and values of earlier tokens.",
        "With 32 layers and 32 heads of size 128, 4096 tokens take about 2.15 GB in fp16.",
        "Chinchilla was trained with 70B parameters on 1.4T tokens (Hoffmann et al., 2022).",
        "Chinchilla outperforms the larger Gopher on MMLU, 67.6% against 60.0%.",
        "The cache does not reduce the cost of the first pass.",
    ],
)
def test_what_the_evidence_says_is_supported(sentence: str) -> None:
    assert judge(sentence, 1) == "supported"


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The cost of the first pass is not reduced by the cache.", "does not reduce the cost"),
        ("Decoding steps find the keys of tokens that came earlier in a cache.", "so that a deco"),
        ("The cache does not store keys and values of earlier tokens.", "stores the keys"),
        ("Gopher outperforms the larger Chinchilla on MMLU.", "outperforms the larger Gopher"),
    ],
)
def test_what_is_uncertain_has_the_evidences_words_for_it(sentence: str, words: str) -> None:
    verdict = LexicalVerifier(lambda word: 3.0).verify(sentence, [1, 2], EVIDENCE)
    assert verdict.status != "supported"
    (instead,) = verdict.instead
    passage = EVIDENCE[instead.n - 1].passage
    assert words in passage.text[instead.start : instead.end]


@pytest.mark.parametrize(
    "sentence",
    [
        "For a model with 32 layers the cache of a sequence takes about 3.15 GB.",
        "Hoffmann et al. (2019) trained Chinchilla with 70 billion parameters.",
        "In a warm kitchen garden the cats and birds of the house watch images of hay.",
    ],
)
def test_what_no_passage_bears_has_nothing_in_its_place(sentence: str) -> None:
    verdict = LexicalVerifier(lambda word: 3.0).verify(sentence, [1, 2], EVIDENCE)
    assert (verdict.status, verdict.supports, verdict.instead) == ("unsupported", (), ())
    assert verdict.objection is not None


def test_words_put_in_place_of_a_sentence_do_not_point_at_what_is_missing() -> None:
    text = "A router spreads tokens over experts. It collapses onto a few favorites if left alone."
    evidence = [item(1, text, "What is a router?", Source("f", "Fedus et al. (2022) — S", "u"))]
    sentence = "If it is left alone, a few favorites get everything from it and others nothing."
    (instead,) = LexicalVerifier(lambda word: 3.0).verify(sentence, [1], evidence).instead
    assert text[instead.start : instead.end] == text


def test_a_sentence_is_moved_only_to_a_passage_on_its_subject() -> None:
    far = Passage(
        "u/faq/0", PassageKind.FAQ, "u", "Gardens", "What grows?",
        "The hedge stores the leaves and petals of earlier summers.", (),
    )  # fmt: skip
    evidence = [EVIDENCE[0], Evidence(2, Hit(far, 0.5))]
    sentence = "The hedge stores the leaves and petals of earlier summers."
    assert LexicalVerifier(lambda word: 3.0).verify(sentence, [1], evidence).supports == ()
    moved = LexicalVerifier(lambda word: 3.0).verify(f"In gardens: {sentence}", [1], evidence)
    assert [support.n for support in moved.supports or moved.instead] == [2]


@pytest.mark.parametrize(
    "sentence",
    [
        "With 32 layers and 32 heads of size 128, 4096 tokens take about 3.15 GB in fp16.",
        "With 32 layers and 32 heads of size 128, 4096 tokens take about 2.15 MB in fp16.",
        "Chinchilla was trained with 70M parameters on 1.4T tokens (Hoffmann et al., 2022).",
        "Chinchilla was trained with 70B parameters on 1.4T tokens (Hoffmann et al., 2019).",
        "PaLM outperforms the larger Gopher on MMLU, 67.6% against 60.0%.",
        "LLaMA was trained with 70B parameters on 1.4T tokens.",
        "The KV cache does not store the keys and values of earlier tokens.",
        "Chinchilla underperforms the larger Gopher on MMLU, 67.6% against 60.0%.",
        "Chinchilla outperforms the smaller Gopher on MMLU, 67.6% against 60.0%.",
        "Gopher outperforms the larger Chinchilla on MMLU, with 67.6% against 60.0% accuracy.",
        "Chinchilla reaches 60.0% on MMLU and Gopher 67.6%.",
        "For a model with 128 layers and 32 heads of size 32, a sequence takes about 2.15 GB.",
        "The KV cache stores the keys and values of no earlier tokens.",
        "The KV cache stores only the values of earlier tokens without their keys.",
        "Hoffmann et al. (2022) trained Gopher with 70 billion parameters on 1.4 trillion tokens.",
        "The cache stores images of cats in a warm kitchen.",
        "The World Cup of 2022 was won by Argentina.",
    ],
)
def test_what_it_does_not_say_is_not(sentence: str) -> None:
    assert judge(sentence, 1) != "supported"
    assert judge(sentence, 1, 2) != "supported"


def test_a_wrong_citation_is_repointed_to_the_passage_that_bears_it() -> None:
    sentence = "The KV cache stores the keys and values of earlier tokens."
    verdict = LexicalVerifier(lambda word: 3.0).verify(sentence, [2], EVIDENCE)
    assert [support.n for support in verdict.supports] == [1]
    assert CACHE[verdict.supports[0].start : verdict.supports[0].end].startswith("The KV cache")


def test_the_quote_is_the_sentence_that_bears_the_claim() -> None:
    sentence = "A sequence of 4,096 tokens takes about 2.15 GB in fp16."
    support = LexicalVerifier(lambda word: 3.0).verify(sentence, [1], EVIDENCE).supports[0]
    assert "2.15 GB" in CACHE[support.start : support.end]
    assert "first pass" not in CACHE[support.start : support.end]


def test_no_evidence_supports_nothing() -> None:
    verdict = LexicalVerifier(lambda word: 3.0).verify("The sky is blue.", [], [])
    assert (verdict.status, verdict.supports) == ("unsupported", ())


@given(st.text(max_size=300))
def test_no_sentence_breaks_the_verifier(sentence: str) -> None:
    assert judge(sentence, 1, 2, 99) in ("supported", "partial", "unsupported")


@given(st.integers(100, 10**9).filter(lambda n: n not in (128, 2023, 2022, 4096)))
def test_a_number_that_is_not_there_is_never_supported(number: int) -> None:
    sentence = f"A sequence of 4,096 tokens takes about {number:,} bytes in fp16."
    assert judge(sentence, 1) != "supported"


def test_verifying_a_sentence_takes_at_most_ten_milliseconds() -> None:
    evidence = evidence_of([item.hit for item in EVIDENCE] * 3)
    verifier = LexicalVerifier(lambda word: 3.0)
    sentences = [f"The cache of model {n} stores keys and values of tokens." for n in range(30)]
    times = []
    for sentence in sentences:
        started = time.thread_time()
        verifier.verify(sentence, [1], evidence)
        times.append(time.thread_time() - started)
    assert sorted(times)[len(times) // 2] < 0.010


@pytest.mark.parametrize(
    ("sentence", "empty"),
    [
        ("Sure, here is the answer:", True),
        ("Great question!", True),
        ("In summary:", True),
        ("The answer to the question is:", True),
        ("People", True),
        ("Question: Why are scores divided by the root of d_k?", True),
        ("Two reasons why attention weighs values:", False),
        ("Here are three reasons with 40% gains:", False),
        ("Attention weighs values.", False),
        ("GPT-3 is one.", False),
        ("Yes.", True),
        ("No, they do not.", True),
        ("Certainly! Here is what the sources say:", True),
        ("Yes, reasoning step by step helps small models too.", False),
        ("Of course, larger models memorize more of their data.", False),
        ('The answer to the question "How do 4 GPUs help GPT-3?" is:', True),
        ("The answer to the question 'How do 4 GPUs help GPT-3?'", True),
        ("Based on the provided context, the answer is as follows.", True),
        ('The answer to "Why?" is that attention weighs values.', False),
        ("The model's keys, unlike its 'values', are rotated.", False),
    ],
)
def test_openings_claim_nothing(sentence: str, empty: bool) -> None:
    assert claims_nothing(sentence) is empty


@pytest.mark.parametrize(
    ("words", "is_none"),
    [
        ("The answer first, then the", True),
        ("Attention weighs values and", True),
        ("It takes an A", False),
        ("**Change the batch size**:", True),
        ("**Change the batch size:**", True),
        ("**Attention** weighs values.", False),
        ("**Attention**: it weighs values.", False),
    ],
)
def test_a_heading_and_half_a_sentence_are_no_sentences(words: str, is_none: bool) -> None:
    assert is_no_sentence(words) is is_none


@pytest.mark.parametrize(
    ("sentence", "said", "original"),
    [
        ("The cache of each layer keeps five keys for the decoder.", "five", "all"),
        ("The cache of each layer keeps all values for the decoder.", "values", "keys"),
        ("The cache of no layer keeps all keys for the decoder.", "no", "each"),
        ("The cache of each layer keeps all keys for the encoder.", "encoder", "decoder"),
        ("The cache of each layer keeps not all keys for the decoder.", "not", ""),
        ("Something quite different is said here of other things.", None, None),
    ],
)
def test_what_a_near_quote_alters_is_found(
    sentence: str, said: str | None, original: str | None
) -> None:
    evidence = "The cache of each layer keeps all keys for the decoder. Values are read later."
    found = [
        (" ".join(alteration.said), " ".join(alteration.original))
        for alteration in alterations(sentence, evidence)
    ]
    assert found == ([] if said is None else [(said, original)])


ADAPTERS = item(
    1,
    "BitFit trains only the bias terms of the model. LoRA trains low-rank matrices beside the "
    "frozen weights. Accuracy rises from 56.5% with one sample up to 74.4% with forty samples.",
    "Which adapter trains what?",
    Source("hu", "Hu et al. (2021) — LoRA", "u3", 2021),
)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Chinchilla has 80 billion parameters.", Reason.NUMBER_OF_ANOTHER),
        ("Chinchilla learned from 70 billion tokens.", Reason.NUMBER_OF_ANOTHER),
        ("Hoffmann and others trained the model in 2019.", Reason.YEAR),
        ("PaLM beats Gopher on MMLU.", Reason.NAME),
        ("For a model with 32 layers and 32 heads of size 128, a sequence of 4,096 values takes "
         "about 2.15 GB in fp16.", Reason.ALTERED),
        ("Low-rank matrices beside frozen weights are trained by BitFit; only the bias terms of a "
         "model by LoRA.", Reason.SWAPPED),
        ("Keys and values of earlier tokens are never stored.", Reason.NEGATION),
        ("The cache reduces what the first pass costs.", Reason.NEGATION),
        ("Decoding computes the keys of earlier tokens without a cache.", Reason.NEGATION),
        ("Chinchilla does not use dropout.", Reason.NEGATION),
        ("Gopher is smaller than the other model, Chinchilla.", Reason.DIRECTION),
        ("Accuracy is 56.5-80.4%.", Reason.NUMBER_OF_ANOTHER),
        ("Accuracy is 50-74.4%.", Reason.NUMBER_OF_ANOTHER),
        ("Accuracy rises by 56.5-74.4%.", None),
    ],
)  # fmt: skip
def test_each_check_objects_by_itself(sentence: str, reason: Reason | None) -> None:
    """In words that no other check finds fault with, read against the passage they are about."""
    verifier = LexicalVerifier(lambda word: 3.0)
    about = [ADAPTERS] if "LoRA" in sentence or "Accuracy" in sentence else EVIDENCE
    found = [verifier.features(sentence, (item,)) for item in about]
    best = max(found, key=lambda one: one[0]["span"])
    assert (best[2].reason if best[2] else None) == reason


@pytest.mark.parametrize(("year", "status"), [(2021, "supported"), (2019, "unsupported")])
def test_a_year_belongs_to_its_own_author(year: int, status: str) -> None:
    """The passage has both names and both years; only the sources tell which go together."""
    adapters = item(
        1,
        "Houlsby et al. (2019) insert adapter layers. LoRA of Hu et al. trains low-rank matrices "
        "beside the frozen weights.",
        "Which adapter trains what?",
        Source("hu", "Hu et al. (2021) — LoRA", "u3", 2021),
    )
    said = f"LoRA of Hu et al. ({year}) trains low-rank matrices beside the frozen weights."
    verdict = LexicalVerifier(lambda word: 3.0).verify(said, [1], [adapters])
    assert verdict.status == status
    assert verdict.objection is None or verdict.objection.reason is Reason.CREDIT


def test_two_passages_may_support_a_sentence_together() -> None:
    sentence = (
        "The KV cache stores the keys and values of earlier tokens, and Chinchilla outperforms "
        "the larger Gopher on MMLU."
    )
    verifier = LexicalVerifier(lambda word: 3.0)
    together = verifier.verify(sentence, [1, 2], EVIDENCE)
    assert together.status == "supported"
    assert {support.n for support in together.supports} == {1, 2}
    assert verifier.verify(sentence, [1], EVIDENCE).status != "supported"
    first = verifier.readings(sentence, [1, 2], EVIDENCE)[0]
    assert {item.n for item in first.items} == {1, 2}


def test_a_longer_quote_must_earn_its_length() -> None:
    verifier = LexicalVerifier(lambda word: 0.5 if word.startswith("accura") else 3.0)

    def quoted(sentence: str) -> str:
        (support,) = verifier.features(sentence, [ADAPTERS])[1]
        return ADAPTERS.passage.text[support.start : support.end]

    one = quoted("LoRA trains low-rank matrices beside frozen weights for accuracy.")
    assert one == "LoRA trains low-rank matrices beside the frozen weights."
    two = quoted("BitFit trains only bias terms, LoRA low-rank matrices beside frozen weights.")
    assert two.startswith("BitFit")
    assert two.endswith("frozen weights.")


def test_names_are_swapped_only_where_they_stand_much_closer_to_each_other_s_words() -> None:
    evidence = "Alpha has matrices. Beta has kernels."
    assert crossed("Alpha", "Beta", "Alpha kernels. Beta matrices.", evidence)
    assert not crossed("Alpha", "Beta", "Alpha matrices. Beta kernels.", evidence)
    far = "Alpha moves slowly through green kernels. Beta sings loudly under yellow matrices."
    assert not crossed("Alpha", "Beta", far, evidence)


def test_a_passage_that_speaks_against_a_sentence_yields_to_one_that_supports_it() -> None:
    source = Source("h", "Hoffmann et al. (2022) — C", "u2", 2022)
    evidence = [
        item(1, "Chinchilla was trained on 2.0 trillion tokens.", "What is Chinchilla?", source),
        item(2, "Chinchilla was trained on 1.4 trillion tokens.", "What is Chinchilla?", source),
    ]
    sentence = "Chinchilla was trained on 1.4 trillion tokens."
    for cited in ([], [1], [2]):
        verdict = LexicalVerifier(lambda word: 3.0).verify(sentence, cited, evidence)
        assert verdict.status == "supported"
        assert [support.n for support in verdict.supports] == [2]


def _quoting(sentence: str, text: str, place: Place | None) -> Reason | None:
    passage = Passage("t/1", PassageKind.FAQ, "t", "Topic", "Keys?", text, (), place=place)
    items = tuple(evidence_of([Hit(passage, 1.0)]))
    found = objection(SentenceWithEvidence(sentence, items, text))
    return found.reason if found else None


@given(st.lists(st.sampled_from("keys values tokens are kept here".split()), min_size=1))
def test_only_what_is_quoted_there_or_is_a_documents_is_put_in_quotation_marks(
    words: list[str],
) -> None:
    said, place = " ".join(words), Place("a.md", ("Keys",))
    sentence = f"Of the cache it says “{said}” there."
    plain, marked = f"It has {said} there.", f'It has "{said}" there.'
    assert _quoting(sentence, plain, place) is not Reason.MISQUOTED
    assert _quoting(sentence, marked, None) is not Reason.MISQUOTED
    assert _quoting(sentence, plain, None) is Reason.MISQUOTED
    assert _quoting(sentence, "It has nothing.", place) is Reason.MISQUOTED
