"""Calculations asked in words: what is read, what is left alone, what a follow-up changes."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.question.calculations import CalculationRequest, calculation_asked
from app.question.given import read
from app.question.in_english import in_english
from app.record.types import Message
from eval.cases import read_suite, suite_names
from index.calculations import CalculationError, calculate
from index.calculations.catalogue import CALCULATIONS
from index.encoders import load_encoder
from tests.conftest import ROOT

REVIEWED = Path(__file__).with_name("reviewed_calculations.txt")


ENCODER = load_encoder()


def calculation_in(text: str, history: Sequence[Message] = ()) -> CalculationRequest | None:
    return calculation_asked(text, history, ENCODER)


def _asked(*turns: str) -> tuple[str, dict[str, Any]]:
    history = [Message("user", turn) for turn in turns[:-1]]
    found = calculation_in(turns[-1], history)
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
        ("12k calls with 800 input and 150 output tokens at $0.20 and $0.90 per million, cost?",
         "api-cost", {"requests": 12000, "input_tokens": 800, "output_tokens": 150,
                      "input_price": 0.2, "output_price": 0.9}),
        ("price to train a 3B on 1T tokens with H100s at $2.50 per GPU hour?", "training-time",
         {"price": 2.5, "gpu": "h100"}),
        ("how much energy does training a 3B on 1T tokens on A100s take?", "training-time",
         {"parameters": 3e9, "tokens": 1e12}),
        ("acceptance rate 0.7 with a draft length of 6, what speed-up by speculation?",
         "speculative-speedup", {"acceptance": 0.7, "drafted": 6}),
        ("trainable parameters of a rank 4 lora on a 2048x8192 matrix?", "lora-parameters",
         {"rank": 4, "rows": 2048, "columns": 8192}),
        ("3 bit weights in groups of 64, how many bits per weight is that?", "bits-per-weight",
         {"precision": "int3", "group": 64}),
        ("4 nodes of 8 A100 80GB with zero-3, 70B and adam: OOM?", "training-memory",
         {"gpus": 32, "zero": 3, "parameters": 70e9}),
        ("which GPU do I need for Qwen2.5 14B at 8 bits?", "inference-memory",
         {"model": "qwen2.5-14b", "precision": "int8"}),
        ("softmax of 2, 1, 0.5 at temperature 0.5?", "sampling", {"temperature": 0.5}),
        ("how many tokens should I train a 2B model on according to chinchilla?",
         "compute-optimal", {"parameters": 2e9}),
        ("tokens/s for a 30B on 2x4090 q4?", "decode-speed", {"gpus": 2, "gpu": "rtx-4090"}),
        ("300$ a month at 2$ per 1M tokens, is an A100 at 1.5$/h worth it?", "break-even",
         {"spend": 300, "api_price": 2, "price": 1.5}),
        ('{"num_hidden_layers": 28, "num_key_value_heads": 8, "head_dim": 128} '
         "KV cache at 10k tokens?", "kv-cache",
         {"layers": 28, "kv_heads": 8, "head_size": 128, "tokens": 10_000}),
        ("whats teh kv cahce for llama3.1 8b with 16k contxt in fp16", "kv-cache",
         {"tokens": 16384}),
        ("Active params of DeepSeek-V3 for each token?", "parameters", {"model": "deepseek-v3"}),
        ("12 stages, 24 micro batches, 2 interleaved chunks: bubble?", "pipeline-bubble",
         {"chunks": 2}),
        ("we draft 3 tokens at a time, 65% accepted, a draft step costs 8%: speed-up?",
         "speculative-speedup", {"drafted": 3, "draft_cost": 0.08, "acceptance": 0.65}),
        ("sample size for a margin of ±5 points at 95%?", "items-needed",
         {"margin": 0.05, "confidence": 0.95}),
        ("512 H100 at 700 W for three weeks, energy in MWh?", "energy", {"hours": 504}),
        ("how many tokens of KV cache fit into 10 GiB for Llama 3.1 8B?", "context-that-fits",
         {"cache_memory": 10 * 2**30}),
        ("400 TFLOPS achieved on an H100 with a 7B, what MFU?", "mfu", {"gpu": "h100"}),
        ("mixtral 8x7b on 2x A100 80GB?", "inference-memory", {"model": "mixtral-8x7b"}),
        ("how large is a 13B at 5.5 bits a weight?", "weights", {"bits": 5.5}),
        ("2,345,678,901 weights in fp16, how many GB?", "weights", {"parameters": 2345678901}),
        ("how many tokens can I afford for a 2B with 4e21 FLOPs?", "compute-optimal",
         {"parameters": 2e9, "compute": 4e21}),
        ("MFU of an 8B on 4x H100 at 9,800 tok/s per gpu?", "mfu", {"throughput": 39_200}),
        ("FLOPs of 3 epochs over 50M tokens with a 7B?", "training-compute", {"tokens": 1.5e8}),
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
        (("Does Qwen2.5 32B fit on a 24 GB card in 4 bits?", "what about the 14B then"),
         {"model": "qwen2.5-14b"}),
        (("How long to train a 7B on 1T tokens with 64 H100?", "and with 128 of them?"),
         {"gpus": 128}),
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
    ("language", "text", "name", "inputs"),
    [
        ("de", "Passt ein 13B-Modell in 4 Bit auf eine Grafikkarte mit 12 GB?",
         "inference-memory", {"parameters": 13e9, "memory": 12e9, "precision": "int4"}),
        ("de", "Wie groß sind die Gewichte eines Modells mit 1,5 Milliarden Parametern in bf16?",
         "weights", {"parameters": 1.5e9}),
        ("de", "Was kosten 10 Mio. Token bei 0,60 $ pro Million?", "api-cost",
         {"input_tokens": 1e7, "api_price": 0.6}),
        ("de", "Wie lange dauert das Training eines 7B auf 1,2 Billionen Token mit 64 H100 bei "
         "40 % MFU?", "training-time", {"tokens": 1.2e12, "mfu": 0.4, "gpus": 64}),
        ("es", "¿Cuánta memoria ocupa la caché KV de Qwen2.5 7B con 16k tokens?", "kv-cache",
         {"model": "qwen2.5-7b", "tokens": 16384}),
        ("es", "¿Cuántos FLOPs hacen falta para entrenar un modelo de 3 mil millones de "
         "parámetros con 1,5 billones de tokens?", "training-compute",
         {"parameters": 3e9, "tokens": 1.5e12}),
        ("fr", "Quelle est la perplexité pour une perte de 2,3 ?", "perplexity", {"loss": 2.3}),
        ("fr", "Quelle taille de cache KV pour Llama 3.1 8B avec 100 000 tokens ?", "kv-cache",
         {"tokens": 100_000}),
        ("pt", "Um modelo de 7B em fp16 cabe numa GPU de 16 GB?", "inference-memory",
         {"parameters": 7e9, "memory": 16e9}),
        ("it", "Quanto costa addestrare un 3B su 100 miliardi di token con A100 a 1,5 $ all'ora "
         "e MFU 40%?", "training-time", {"tokens": 1e11, "price": 1.5, "mfu": 0.4}),
        ("zh", "上下文3.2万个token，Qwen2.5 7B 的KV缓存有多大？", "kv-cache", {"tokens": 32_000}),
        ("zh", "训练一个7B模型，2万亿token，需要多少FLOPs？", "training-compute",
         {"parameters": 7e9, "tokens": 2e12}),
    ],
)  # fmt: skip
def test_numbers_are_read_as_each_language_writes_them(
    language: str, text: str, name: str, inputs: dict[str, Any]
) -> None:
    found, given_inputs = _asked(in_english(text, language))
    assert found == name
    for key, value in inputs.items():
        assert given_inputs[key] == (value if isinstance(value, str) else pytest.approx(value))


@pytest.mark.parametrize(
    ("text", "name", "apart"),
    [
        ("difference in kv cache between Llama 2 13B and Llama 3.1 8B at 8k?", "kv-cache", "model"),
        ("how much more memory does a 7B need in fp16 than in int4?", "weights", "precision"),
        ("H100 vs A100: how much faster does Llama 3.1 8B decode?", "decode-speed", "gpu"),
    ],
)
def test_of_two_that_are_compared_both_are_worked_out(text: str, name: str, apart: str) -> None:
    found = calculation_in(text)
    assert found is not None
    assert found.against
    assert found.name == name
    assert {key for key in found.inputs if found.inputs[key] != found.against[0][key]} == {apart}


def test_of_three_that_are_compared_each_is_worked_out() -> None:
    found = calculation_in("size of Llama 3.1 70B in fp16, int8 and q4_k_m?")
    assert found is not None
    runs = [found.inputs, *found.against]
    assert [run["precision"] for run in runs] == ["fp16", "int8", "q4_k_m"]


def test_a_number_that_no_word_names_goes_to_what_is_missing_and_is_told() -> None:
    found = calculation_in("A loses 30 that B gets, B loses 18 that A gets, n=400. Significant?")
    assert found is not None
    assert dict(found.inputs) == {"items": 400, "only_a": 30, "only_b": 18}
    assert len(found.assumed) == 2
    assert not found.unread


def test_numbers_that_make_no_sense_together_are_not_assigned() -> None:
    found = calculation_in("margin of error for n=100, 500 and 1000 questions?")
    assert found is None or not found.assumed


def test_what_is_taken_is_an_input() -> None:
    table = tomllib.loads((ROOT / "app/question/calculations.toml").read_text(encoding="utf-8"))
    for name, row in table.items():
        inputs = {spec.name for spec in CALCULATIONS[name].inputs}
        assert {*row.get("fills", ()), *row.get("from", {})} <= inputs, name


def test_what_only_changes_an_input_is_nothing_by_itself() -> None:
    assert calculation_in("and at 32k?") is None
    asked = Message("user", "What is a KV cache?")
    assert calculation_in("and at 32k?", [asked]) is None


def test_what_is_given_for_a_named_model_stands_and_is_told() -> None:
    found = calculation_in("KV cache of Llama 3.1 8B at 8k if it had 32 KV heads?")
    assert found is not None
    assert found.inputs["kv_heads"] == 32
    assert any("8" in told for told in found.assumed)


def test_words_alone_decide_without_the_encoder() -> None:
    found = calculation_asked("KV cache size of Llama 3.1 70B at 128k in fp8?")
    assert found is not None
    assert found.name == "kv-cache"


def test_a_follow_up_on_two_that_are_compared_compares_them_still() -> None:
    asked = Message("user", "KV cache of Llama 3.1 8B vs Llama 2 7B at 32k?")
    found = calculation_in("and in fp8?", [asked])
    assert found is not None
    assert found.against
    assert found.inputs["model"] != found.against[0]["model"]
    assert found.inputs["cache_precision"] == found.against[0]["cache_precision"] == "fp8"


def test_a_size_without_a_shape_gets_a_usual_models_and_says_so() -> None:
    found = calculation_in("My 8B uses 16 GB for the KV cache at 128k, is that right?")
    assert found is not None
    assert found.inputs["model"] == "llama-3.1-8b"
    assert found.assumed
    assert [amount.value for amount in found.claimed] == [16e9]


def test_a_number_that_nothing_takes_is_told() -> None:
    found = calculation_in("KV cache of Llama 3.1 8B at 8k tokens with 17 frobnications?")
    assert found is not None
    assert found.unread == ("17 frobnications",)


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
        "What is the difference between Llama 2 7B and Llama 3 8B?",
        "Is Llama 3 8B better than Mistral 7B?",
        "3B from scratch on 8 A100s: how many tokens per update?",
        "what does an H100 cost?",
        "how much is an A100 these days",
        "What is the memory bandwidth of an H100?",
        "What accuracy does Llama 3 8B get on MMLU?",
        "Is 0.9 a good top_p?",
        "What hardware was BLOOM 176B trained on?",
        "How does QLoRA with 4 bits keep quality on 65B?",
    ],
)
def test_what_asks_for_no_sum_is_left_alone(text: str) -> None:
    assert calculation_in(text) is None


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
    taken = [text for text in questions if calculation_in(text)]
    wrongly = [text for text in taken if text not in reviewed]
    assert len(questions) > 20_000
    assert len(wrongly) <= len(questions) / 1000, wrongly


def test_reading_costs_next_to_nothing() -> None:
    texts = [case.question for case in read_suite("conversation")][:40]
    calculation_in(texts[0])
    started = time.process_time()
    for text in texts:
        calculation_in(text)
    assert (time.process_time() - started) / len(texts) < 0.02


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    found = calculation_in(text)
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
    found = calculation_in(f"{text}?")
    if found is None:
        return
    try:
        assert calculate(found.name, found.inputs).result.unit
    except CalculationError as error:
        assert str(error)  # noqa: PT017 - either is right
