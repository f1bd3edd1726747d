"""A verifier with a second model: real classifiers with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.record.errors import SettingsError
from app.record.evidence import Evidence
from app.verifying.judges import CrossEncoderJudge, JudgedVerifier, entailment_index
from app.verifying.supports import LexicalVerifier
from index.types import Hit, Passage, PassageKind

TEXT = "The cache keeps keys and values. It takes 2.15 GB for 4,096 tokens."
EVIDENCE = [
    Evidence(1, Hit(Passage("t/faq/0", PassageKind.FAQ, "t", "Cache", "What is kept?", TEXT), 0.9)),
    Evidence(
        2, Hit(Passage("t/faq/1", PassageKind.FAQ, "t", "Beams", "What is a beam?", "A path."), 0.5)
    ),
]


class SetJudge:
    """Says what the test decides, and remembers what it was asked."""

    def __init__(self, score: float) -> None:
        self.score = score
        self.asked: list[str] = []

    async def entails(self, passage: str, sentence: str) -> float:
        self.asked.append(sentence)
        return self.score


def classifier(folder: Path, labels: dict[int, str]) -> str:
    """A BERT classifier of a few thousand random weights, saved as people save theirs."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cache", "keeps", "keys"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64, id2label=labels,
        label2id={name: i for i, name in labels.items()}, num_labels=len(labels),
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "labels",
    [
        {0: "contradiction", 1: "entailment", 2: "neutral"},
        {0: "LABEL_0", 1: "LABEL_1"},
        {0: "LABEL_0"},
    ],
)
async def test_a_sequence_classifier_scores_a_pair(tmp_path: Path, labels: dict[int, str]) -> None:
    judge = CrossEncoderJudge(classifier(tmp_path, labels))
    one = await judge.entails(TEXT * 40, "The cache keeps keys.")
    assert 0 < one < 1
    assert one == await judge.entails(TEXT * 40, "The cache keeps keys.")
    verdict = await JudgedVerifier(LexicalVerifier(lambda word: 3.0), judge).check(
        "The cache keeps keys.", [1], EVIDENCE
    )
    assert verdict.status in ("supported", "unsupported")


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        ({0: "entailment", 1: "neutral", 2: "contradiction"}, 0),
        ({0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}, 2),
        ({0: "not_entailment", 1: "entailment"}, 1),
        ({0: "entailment", 1: "not_entailment"}, 0),
        ({0: "unsupported", 1: "supported"}, 1),
        ({0: "hallucinated", 1: "consistent"}, 1),
        ({0: "LABEL_0", 1: "LABEL_1"}, 1),
        ({0: "LABEL_0"}, 0),
    ],
)
def test_the_entailing_label_is_found_by_its_name(labels: dict[int, str], index: int) -> None:
    assert entailment_index(labels, "m") == index


def test_labels_that_say_nothing_are_refused_with_what_mends_them() -> None:
    with pytest.raises(SettingsError, match=r"LABEL_2.*id2label"):
        entailment_index({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, "m")


def test_a_classifier_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"can't be loaded.*builtin") as caught:
        CrossEncoderJudge(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "sentence",
    [
        "The cache takes 3.15 GB for 4,096 tokens.",
        "The cache takes 2.15 MB for 4,096 tokens.",
        "The cache takes 2.15 GB for 8,192 tokens.",
    ],
)
async def test_no_judge_lets_a_wrong_number_pass(sentence: str) -> None:
    judge = SetJudge(1.0)
    verifier = JudgedVerifier(LexicalVerifier(lambda word: 3.0), judge)
    assert (await verifier.check(sentence, [1], EVIDENCE)).status == "unsupported"
    assert judge.asked == []


async def test_the_judge_decides_what_numbers_leave_open() -> None:
    sentence = "Earlier attention state is stored, 2.15 GB of it for 4,096 tokens."
    for score, status in ((0.9, "supported"), (0.2, "unsupported")):
        verifier = JudgedVerifier(LexicalVerifier(lambda word: 3.0), SetJudge(score))
        verdict = await verifier.check(sentence, [1], EVIDENCE)
        assert verdict.status == status
        assert [s.ref for s in verdict.supports] == (["t/faq/0"] if status == "supported" else [])
    nothing = JudgedVerifier(LexicalVerifier(lambda word: 3.0), SetJudge(1.0))
    assert (await nothing.check(sentence, [1], [])).status == "unsupported"
