"""The data of models and machines: it loads, names are unique, shapes give the published totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from index.calculations import parameters, shapes

DATA = Path(__file__).parents[3] / "index" / "calculations"
MODELS: list[dict[str, Any]] = yaml.safe_load((DATA / "models.yaml").read_text("utf-8"))
MACHINES: list[dict[str, Any]] = yaml.safe_load((DATA / "machines.yaml").read_text("utf-8"))
PRECISIONS = {"fp32", "tf32", "bf16", "fp16", "fp8", "fp4", "int8"}

# Totals as the makers, the papers or the published checkpoints count them, not from our formula.
PUBLISHED = {
    slug: float(total)
    for slug, _, total in (
        pair.partition("=")
        for pair in """
    gpt2=124.4e6 gpt2-medium=354.8e6 gpt2-large=774e6 gpt2-xl=1.5576e9 gpt-3-175b=175e9
    opt-125m=125.2e6 opt-1.3b=1.3158e9 opt-2.7b=2.65e9 opt-6.7b=6.66e9 opt-13b=12.85e9
    opt-30b=29.97e9 opt-66b=65.7e9 opt-175b=175e9 bloom-560m=559.2e6 bloom-1b7=1.7224e9
    bloom-7b1=7.069e9 bloom-176b=176.25e9 pythia-70m=70.4e6 pythia-160m=162.3e6
    pythia-410m=405.3e6 pythia-1b=1.0118e9 pythia-1.4b=1.4146e9 pythia-2.8b=2.775e9
    pythia-6.9b=6.857e9 pythia-12b=11.846e9 gpt-neox-20b=20.55e9 gpt-j-6b=6.05e9
    llama-7b=6.7e9 llama-13b=13e9 llama-33b=32.5e9 llama-65b=65.2e9 llama-2-7b=6.738e9
    llama-2-13b=13.016e9 llama-2-70b=68.977e9 codellama-7b=6.739e9 codellama-13b=13.016e9
    codellama-34b=33.744e9 codellama-70b=68.977e9 llama-3-8b=8.03e9 llama-3-70b=70.6e9
    llama-3.1-8b=8.03e9 llama-3.1-70b=70.6e9 llama-3.1-405b=405.9e9 llama-3.2-1b=1.2358e9
    llama-3.2-3b=3.2128e9 llama-3.3-70b=70.6e9 llama-4-scout=107.77e9 llama-4-maverick=400e9
    mistral-7b-v0.1=7.2417e9 mistral-7b-v0.3=7.248e9 mistral-nemo-12b=12.248e9
    mistral-small-24b=23.572e9 mistral-large-2=122.6e9 mixtral-8x7b=46.7e9 mixtral-8x22b=141e9
    qwen1.5-0.5b=464e6 qwen1.5-1.8b=1.8368e9 qwen1.5-4b=3.9504e9 qwen1.5-7b=7.7213e9
    qwen1.5-14b=14.167e9 qwen1.5-32b=32.5e9 qwen1.5-72b=72.3e9 qwen1.5-moe-a2.7b=14.3e9
    qwen2-0.5b=494e6 qwen2-1.5b=1.5437e9 qwen2-7b=7.6156e9 qwen2-72b=72.706e9
    qwen2-57b-a14b=57.4e9 qwen2.5-0.5b=494e6 qwen2.5-1.5b=1.5437e9 qwen2.5-3b=3.0859e9
    qwen2.5-7b=7.6156e9 qwen2.5-14b=14.77e9 qwen2.5-32b=32.764e9 qwen2.5-72b=72.706e9
    qwq-32b=32.76e9 qwen3-0.6b=596e6 qwen3-1.7b=1.7206e9 qwen3-4b=4.0225e9 qwen3-8b=8.1907e9
    qwen3-14b=14.768e9 qwen3-32b=32.762e9 qwen3-30b-a3b=30.532e9 qwen3-235b-a22b=235.09e9
    qwen3-coder-480b-a35b=480e9 qwen3-next-80b-a3b=80e9 gemma-2b=2.5062e9 gemma-7b=8.5377e9
    gemma-2-2b=2.6143e9 gemma-2-9b=9.2417e9 gemma-2-27b=27.227e9 gemma-3-270m=268.1e6
    gemma-3-1b=999.9e6 gemma-3-4b=3.8801e9 gemma-3-12b=11.766e9 gemma-3-27b=27.009e9
    phi-1.5=1.4183e9 phi-2=2.7797e9 phi-3-mini-4k=3.8211e9 phi-3-mini-128k=3.8211e9
    phi-3-medium=13.96e9 phi-3.5-mini=3.8211e9 phi-3.5-moe=41.9e9 phi-4=14.66e9
    phi-4-mini=3.836e9 deepseek-llm-67b=67e9 deepseek-moe-16b=16.4e9 deepseek-v2-lite=15.7e9
    deepseek-v2=236e9 deepseek-v3=671e9 deepseek-r1=671e9
    deepseek-r1-distill-qwen-1.5b=1.7771e9 deepseek-r1-distill-qwen-7b=7.6156e9
    deepseek-r1-distill-qwen-14b=14.77e9 deepseek-r1-distill-qwen-32b=32.76e9
    deepseek-r1-distill-llama-8b=8.03e9 deepseek-r1-distill-llama-70b=70.55e9 kimi-k2=1026e9
    falcon-7b=6.9217e9 falcon-40b=41.3e9 falcon-180b=179.5e9 falcon3-10b=10.306e9
    mpt-7b=6.6493e9 mpt-30b=29.958e9 stablelm-3b-4e1t=2.7954e9 stablelm-2-1.6b=1.6445e9
    tinyllama-1.1b=1.1e9 smollm2-135m=134.5e6 smollm2-360m=361.8e6 smollm2-1.7b=1.7114e9
    smollm3-3b=3.0751e9 olmo-1b=1.1768e9 olmo-7b=6.8881e9 olmo-2-1b=1.4849e9
    olmo-2-7b=7.2986e9 olmo-2-13b=13.716e9 olmo-2-32b=32.2e9 olmoe-1b-7b=6.92e9
    granite-3-2b=2.5339e9 granite-3-8b=8.1709e9 granite-3-1b-a400m=1.3346e9
    granite-3-3b-a800m=3.3e9 yi-6b=6.061e9 yi-9b=8.829e9 yi-34b=34.389e9
    internlm2.5-7b=7.738e9 internlm2.5-20b=19.861e9 internlm3-8b=8.8e9 command-r=34.981e9
    command-r-plus=103.8e9 aya-23-8b=8.028e9 glm-4-9b=9.4e9 glm-4.5=355e9 glm-4.5-air=106e9
    gpt-oss-20b=20.91e9 gpt-oss-120b=116.83e9 grok-1=314e9 dbrx=132e9 mamba-130m=129.1e6
    mamba-370m=371.5e6 mamba-790m=793.2e6 mamba-1.4b=1.372e9 mamba-2.8b=2.768e9
    jamba-v0.1=52e9 nemotron-h-8b=8.1e9 nemotron-nano-9b-v2=8.9e9 nemotron-4-15b=15.6e9
    nemotron-4-340b=341e9 nemotron-70b=70.55e9 bert-base=109.48e6 bert-large=335.14e6
    roberta-base=124.05e6 roberta-large=354.3e6 all-minilm-l6-v2=22.71e6
    all-minilm-l12-v2=33.36e6 t5-small=60.5e6 t5-base=222.9e6 t5-large=737.7e6 t5-3b=2.85e9
    t5-11b=11.3e9 flan-t5-base=247.6e6 flan-t5-large=783.2e6 flan-t5-xl=2.8498e9
    flan-t5-xxl=11.135e9 starcoder2-15b=15.96e9 starcoder2-7b=7.17e9 palm-540b=540.35e9
    qwen3.5-0.8b=752.39e6 qwen3.5-2b=1.8818e9 qwen3.5-4b=4.2058e9 qwen3.5-9b=8.9538e9
    qwen3.5-27b=26.896e9 qwen3.5-35b-a3b=34.661e9 qwen3.5-122b-a10b=122e9
    qwen3.5-397b-a17b=397e9 minimax-m2=229e9 glm-5=744e9 glm-4.7-flash=30e9
    mistral-small-4=119e9 ministral-3-8b=8.49e9 ministral-3-3b=3.43e9 minicpm3-4b=4.07e9
    ernie-4.5-0.3b=360e6 ernie-4.5-21b-a3b=21.8e9 starcoder2-3b=3.03e9 qwen1.5-110b=111e9
    command-r-08-2024=32.3e9 deepseek-coder-6.7b=6.74e9 qwen3-4b-2507=4.0225e9
    gemma-4-31b=30.7e9 gemma-4-26b-a4b=25.2e9 kimi-linear-48b-a3b=48e9
    qwen3-30b-a3b-2507=30.532e9 qwen3-235b-a22b-2507=235.09e9 qwen3-coder-30b-a3b=30.532e9
    """.split()
    )
}


def names(record: Mapping[str, Any]) -> set[str]:
    return {
        shapes.plain(str(name)) for name in (record["slug"], record["name"], *record["aliases"])
    }


@pytest.mark.parametrize(("records", "least"), [(MODELS, 190), (MACHINES, 70)])
def test_names_are_unique(records: list[dict[str, Any]], least: int) -> None:
    assert len(records) >= least
    taken = Counter(name for record in records for name in names(record))
    assert [name for name, times in taken.items() if times > 1] == []


@pytest.mark.parametrize("record", [*MODELS, *MACHINES], ids=lambda record: str(record["slug"]))
def test_every_record_says_where_it_is_from(record: Mapping[str, Any]) -> None:
    source = record["source"]
    assert source["url"].startswith("https://")
    assert source["label"]
    assert 2016 <= record["year"] <= source["year"] + 1


def test_no_model_or_machine_answers_to_the_others_name() -> None:
    models = {name for record in MODELS for name in names(record)}
    assert not models & {name for record in MACHINES for name in names(record)}


@pytest.mark.parametrize("model", shapes.models().values(), ids=lambda model: model.slug)
def test_a_models_figures_agree(model: shapes.Model) -> None:
    published, shape = PUBLISHED[model.slug], model.shape
    assert model.parameters == pytest.approx(published, rel=0.01)
    assert 0 < model.active_parameters <= model.parameters
    assert min(shape.layers, shape.width, shape.vocabulary, shape.context) > 0
    if shape.hybrid:
        assert 0 <= shape.hybrid.attention_layers < shape.layers
        assert shape.hybrid.state_bytes_fp32 > 0
        return
    assert parameters.count(shape).total == pytest.approx(published, rel=0.01)
    assert shape.heads % shape.kv_heads == 0
    if shape.window:
        assert 0 <= shape.window.global_ < shape.window.every <= shape.layers
        assert shape.window.size < shape.context


@pytest.mark.parametrize(
    "model",
    [each for each in shapes.models().values() if each.shape.moe and not each.shape.hybrid],
    ids=lambda model: model.slug,
)
def test_active_parameters_are_those_of_the_chosen_experts(model: shapes.Model) -> None:
    count = parameters.count(model.shape)
    # Makers leave embeddings out, or round: a tenth is as near as they come.
    embeddings = 2 * model.shape.vocabulary * model.shape.width
    assert count.active - embeddings <= 1.1 * model.active_parameters
    assert count.active >= 0.9 * model.active_parameters


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: str(machine["slug"]))
def test_a_machines_figures_are_of_its_kind(machine: Mapping[str, Any]) -> None:
    assert machine["kind"] in {"gpu", "accelerator", "cpu", "apple"}
    assert machine["memory_bytes"] % 2**30 == 0
    amount, unit = machine["memory_label"].split()
    assert machine["memory_bytes"] == int(amount) * {"GB": 2**30, "TB": 2**40}[unit]
    assert 2e10 < machine["bandwidth_bytes_s"] < 3e13
    peaks = machine.get("dense_flops", {})
    assert set(peaks) <= PRECISIONS
    assert all(1e11 < peak < 1e17 for peak in peaks.values())
    ordered = [peaks[name] for name in ("fp32", "tf32", "bf16", "fp8", "fp4") if name in peaks]
    assert ordered == sorted(ordered)
    assert 5 <= machine.get("watts", 100) <= 2000
