"""Calculations asked in words: what is read, what is left alone, what a follow-up changes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.question.calculations import calculation_asked
from app.question.given import read
from app.record.types import Message
from eval.cases import read_suite, suite_names
from index.calculations import CalculationError, calculate
from index.calculations.catalogue import CALCULATIONS
from tests.conftest import ROOT

REVIEWED = Path(__file__).with_name("reviewed_calculations.txt")


def _asked(*turns: str) -> tuple[str, dict[str, Any]]:
    history = [Message("user", turn) for turn in turns[:-1]]
    found = calculation_asked(turns[-1], history)
    assert found is not None, turns
    return found.name, dict(found.inputs)


@pytest.mark.parametrize(
    ("text", "name", "inputs"),
    [
        ("32 layers, 8 KV heads of 128, 8192 tokens, bf16?", "kv-cache", {}),
        ("KV cache of Llama 3.1 70B at 128k?", "kv-cache",
         {"model": "llama-3.1-70b", "tokens": 131072}),
        ("7B, Adam, two A100 80GB, does it fit?", "training-memory",
         {"parameters": 7e9, "optimizer": "adamw", "gpu": "a100-80gb", "gpus": 2}),
        ("how many FLOPs to train 3B on 1.5T tokens?", "training-compute",
         {"parameters": 3e9, "tokens": 1.5e12}),
        ("size of the weights of a 13B in int4?", "weights",
         {"parameters": 13e9, "precision": "int4"}),
        ("MFU of a 7B at 3,400 tokens/s on one H100?", "mfu",
         {"parameters": 7e9, "throughput": 3400, "gpu": "h100"}),
        ("my GPU costs $1.20 per hour at 800 tok/s, price per million tokens?", "cost-per-million",
         {"price": 1.2, "throughput": 800}),
        ("perplexity for a loss of 2.1?", "perplexity", {"loss": 2.1}),
        ("95% confidence interval for 41 of 50?", "wilson-interval", {"right": 41, "items": 50}),
    ],
)  # fmt: skip
def test_numbers_names_and_units_are_read(text: str, name: str, inputs: dict[str, Any]) -> None:
    if name == "kv-cache" and not inputs:
        assert read(text).values == {
            "layers": 32, "kv_heads": 8, "head_size": 128, "tokens": 8192, "precision": "bf16",
        }  # fmt: skip
        return
    found, given_inputs = _asked(text)
    assert found == name
    for key, value in inputs.items():
        assert given_inputs[key] == (value if isinstance(value, str) else pytest.approx(value))


@pytest.mark.parametrize(
    ("turns", "changed"),
    [
        (("KV cache of Llama 3.1 8B at 8k tokens?", "and at 32k?"), {"tokens": 32768}),
        (("KV cache of Llama 3.1 8B at 8k tokens?", "what if fp8?"), {"cache_precision": "fp8"}),
        (("memory for the weights of a 13B in fp16?", "what if 4 bits?"), {"precision": "int4"}),
        (("KV cache of Llama 3.1 8B at 8k tokens?", "and at 32k?", "with 4 users?"),
         {"tokens": 32768, "sequences": 4}),
        (("How many tokens does a 7B need by Chinchilla?", "and for 13B?"), {"parameters": 13e9}),
    ],
)  # fmt: skip
def test_a_follow_up_changes_an_input(turns: tuple[str, ...], changed: dict[str, Any]) -> None:
    first, before = _asked(turns[0])
    name, after = _asked(*turns)
    assert name == first
    assert {**before, **after} == after
    for key, value in changed.items():
        assert after[key] == value


@pytest.mark.parametrize(
    "text",
    [
        "What is a KV cache?",
        "Why is the KV cache of Llama 2 70B so small?",
        "How many parameters does Llama 2 have?",
        "How does LoRA work?",
        "thanks, 32 layers it is",
        "Which is better, a 7B in fp16 or a 13B in int4?",
        "How many tokens was Llama 3.1 8B trained on?",
        "Tell me about 8-bit Adam",
    ],
)
def test_what_asks_for_no_sum_is_left_alone(text: str) -> None:
    assert calculation_asked(text) is None


def _questions() -> list[str]:
    """All questions of the knowledge base and of the suites that are not about calculations."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = []
    for path in sorted((ROOT / "index" / "corpus" / "ai").glob("*.yaml")):
        topic = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
        for kind in ("faqs", "data_points", "practice"):
            for item in topic.get(kind) or ():
                found += [item["question"]] if "question" in item else []
                found += item.get("also_asked") or ()
    for name in suite_names():
        found += [case.question for case in read_suite(name) if case.slice != "calculation"]
    return found


@pytest.mark.slow
def test_next_to_nothing_is_taken_for_a_calculation_that_is_none() -> None:
    """What is taken was read by a person, one by one; what is new counts as taken wrongly."""
    reviewed = set(REVIEWED.read_text(encoding="utf-8").splitlines())
    questions = _questions()
    taken = [text for text in questions if calculation_asked(text)]
    wrongly = [text for text in taken if text not in reviewed]
    assert len(questions) > 20_000
    assert len(wrongly) <= len(questions) / 1000, wrongly


def test_reading_costs_next_to_nothing() -> None:
    texts = [case.question for case in read_suite("conversation")][:40]
    calculation_asked(texts[0])
    started = time.process_time()
    for text in texts:
        calculation_asked(text)
    assert (time.process_time() - started) / len(texts) < 0.02


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    found = calculation_asked(text)
    if found is not None:
        assert found.name in CALCULATIONS
        json.dumps(dict(found.inputs))


_PARTS = st.sampled_from(
    ["32 layers", "8 KV heads", "7B", "128k", "fp16", "two A100 80GB", "24 GB", "-3 layers", "$2/h",
     "KV cache", "how much memory", "does it fit", "1e400 FLOPs", "70B llama 3.1", "acceptance 7",
     "0.5 0.3 0.2 top_p 0.9", "r=16 LoRA trainable", "zero stage 3", "tokens/s", "40% MFU", "?"]
)  # fmt: skip


@given(st.lists(_PARTS, min_size=1, max_size=8).map(" ".join))
def test_what_is_read_is_worked_out_or_told(text: str) -> None:
    found = calculation_asked(f"{text}?")
    if found is None:
        return
    try:
        assert calculate(found.name, found.inputs).result.unit
    except CalculationError as error:
        assert str(error)  # noqa: PT017 - either is right
