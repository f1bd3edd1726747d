"""Worked examples from papers, model cards and documentation: what they state, and how closely.

Those that begin with "by hand" were worked out apart from the code.

Each row is a calculation, its inputs, the figure that the source prints, and the tolerance: half a
unit in the last place that it prints, as a share, or what its own rounding of the inputs costs.
"""

from __future__ import annotations

import doctest
import importlib
import math
from collections.abc import Iterator
from typing import Any

import pytest

from index.calculations import calculate
from index.calculations.parameters import count
from index.calculations.shapes import Experts, Shape

GIB, GB, KB = 2.0**30, 1e9, 1e3
Row = tuple[str, str, dict[str, Any], float, float]


def _quantized() -> Iterator[Row]:
    """llama.cpp's table for Llama 3.1 8B, tools/quantize/README.md: sizes in GiB."""
    table = {
        "IQ1_S": 1.87, "IQ1_M": 2.01, "IQ2_XXS": 2.23, "IQ2_XS": 2.42, "IQ2_S": 2.56,
        "IQ2_M": 2.74, "IQ3_XXS": 3.04, "IQ3_XS": 3.27, "IQ3_S": 3.42, "IQ3_M": 3.52,
        "IQ4_XS": 4.17, "IQ4_NL": 4.38, "Q2_K_S": 2.78, "Q2_K": 2.95, "Q3_K_S": 3.41,
        "Q3_K_L": 4.02, "Q4_K_S": 4.36, "Q4_K_M": 4.58, "Q5_K_S": 5.21, "Q5_K_M": 5.33,
        "Q6_K": 6.14, "Q8_0": 7.95, "F16": 14.96,
    }  # fmt: skip
    for kind, size in table.items():
        given = {"parameters": 8030261248, "precision": kind}
        yield "llama.cpp quantize", "weights", given, size * GIB, 0.003
    for total, size in ((8030261248, 4.9), (70553706496, 43.1), (405853388800, 249.1)):
        given = {"parameters": total, "precision": "Q4_K_M"}
        yield "llama.cpp quantize", "weights", given, size * GB, 0.01
    for total, size in ((8030261248, 32.1), (405853388800, 1625.1)):
        given = {"parameters": total, "precision": "fp32"}
        yield "llama.cpp quantize", "weights", given, size * GB, 0.002


def _zero() -> Iterator[Row]:
    """ZeRO (Rajbhandari et al. 2020), table 1: GB a device by the degree of data parallelism."""
    degrees = (1, 4, 16, 64, 256, 1024)
    table: dict[float, dict[int, tuple[float, ...]]] = {
        7.5e9: {1: (120, 52.5, 35.6, 31.4, 30.4, 30.1), 2: (120, 41.3, 21.6, 16.6, 15.4, 15.1),
                3: (120, 30, 7.5, 1.88, 0.47, 0.12)},
        128e9: {1: (2048, 896, 608, 536, 518, 513), 2: (2048, 704, 368, 284, 263, 257),
                3: (2048, 512, 128, 32, 8, 2)},
        1e12: {1: (16000, 7000, 4750, 4187, 4046, 4011),
               2: (16000, 5500, 2875, 2218, 2054, 2013), 3: (16000, 4000, 1000, 250, 62.5, 15.6)},
    }  # fmt: skip
    for parameters, stages in table.items():
        for stage, sizes in stages.items():
            for gpus, size in zip(degrees, sizes, strict=True):
                given = {"parameters": parameters, "zero": stage, "gpus": gpus}
                yield "ZeRO, table 1", "training-memory", given, size * GB, 0.03


def _llama_cache() -> Iterator[Row]:
    """Hugging Face on Llama 3.1: the cache at 1k, 16k and 128k tokens (thousands), in GiB."""
    shapes = {(32, 8, 128): (0.125, 1.95, 15.62), (80, 8, 128): (0.313, 4.88, 39.06),
              (126, 8, 128): (0.984 / 2, 15.38 / 2, 123.05 / 2)}  # fmt: skip
    for (layers, heads, size), sizes in shapes.items():
        for tokens, stated in zip((1024, 16000, 128000), sizes, strict=True):
            given = {"layers": layers, "kv_heads": heads, "head_size": size, "tokens": tokens}
            yield "Hugging Face, Llama 3.1", "kv-cache", given, stated * GIB, 0.005


def _chinchilla() -> Iterator[Row]:
    """Hoffmann et al. 2022, table 3: tokens for parameters, which 20 a parameter rounds."""
    table = {400e6: 8.0e9, 1e9: 20.2e9, 10e9: 205.1e9, 67e9: 1.5e12, 175e9: 3.7e12, 280e9: 5.9e12,
             520e9: 11.0e12, 1e12: 21.2e12, 10e12: 216.2e12}  # fmt: skip
    for parameters, tokens in table.items():
        yield "Chinchilla, table 3", "compute-optimal", {"parameters": parameters}, tokens, 0.12


def _speculative() -> Iterator[Row]:
    """Leviathan et al. 2023, table 1: the speed-up with a draft that costs nothing."""
    for alpha, gamma, speed in ((0.6, 2, 1.96), (0.7, 3, 2.53), (0.8, 2, 2.44), (0.8, 5, 3.69),
                                (0.9, 2, 2.71), (0.9, 10, 6.86)):  # fmt: skip
        given = {"acceptance": alpha, "drafted": gamma, "draft_cost": 0}
        yield "speculative decoding, table 1", "speculative-speedup", given, speed, 0.003


def _lora() -> Iterator[Row]:
    """Counts that PEFT prints and the LoRA paper tabulates."""
    gpt3 = {"layers": 96, "width": 12288, "heads": 96}
    for rank, stated in ((4, 18.9e6), (8, 37.7e6), (64, 301.9e6)):
        yield (
            "LoRA, GPT-3",
            "lora-parameters",
            {**gpt3, "rank": rank, "targets": "q,v"},
            stated,
            0.003,
        )
    llama2 = {"layers": 32, "width": 4096, "heads": 32, "ffn_width": 11008}
    llama3 = {**llama2, "kv_heads": 8, "ffn_width": 14336}
    for shape, rank, targets, stated in (
        (llama2, 8, "q_proj,v_proj", 4194304), (llama2, 16, "q,v", 8388608),
        (llama2, 64, "all", 159907840), (llama2, 16, "all-linear", 39976960),
        (llama3, 8, "q,v", 3407872), (llama3, 16, "all", 41943040),
        (llama3, 16, "q,k,v,o", 13631488),
    ):  # fmt: skip
        yield "PEFT", "lora-parameters", {**shape, "rank": rank, "targets": targets}, stated, 0


def _caches() -> Iterator[Row]:
    """Caches a token and at length, from papers and from what engines allocate."""
    rows: list[tuple[str, dict[str, Any], float, float]] = [
        (
            "PagedAttention: OPT 13B, 800 KB a token",
            {"layers": 40, "heads": 40, "head_size": 128, "tokens": 1},
            819200,
            0,
        ),
        (
            "GPT-3 175B, 4.7 MB a token",
            {"layers": 96, "heads": 96, "head_size": 128, "tokens": 1},
            4.7e6,
            0.01,
        ),
        (
            "Insights into DeepSeek-V3, table 1",
            {"layers": 61, "kv_rank": 512, "rope_head_size": 64, "tokens": 1},
            70.272 * KB,
            0,
        ),
        (
            "the same, Qwen2.5 72B",
            {"layers": 80, "kv_heads": 8, "head_size": 128, "tokens": 1},
            327.680 * KB,
            0,
        ),
        (
            "the same, Llama 3.1 405B",
            {"layers": 126, "kv_heads": 8, "head_size": 128, "tokens": 1},
            516.096 * KB,
            0,
        ),
        (
            "unsloth 4757, Gemma 3 27B",
            {
                "layers": 62,
                "kv_heads": 16,
                "head_size": 128,
                "window": 1024,
                "window_every": 6,
                "window_global": 1,
                "tokens": 131072,
            },
            10.41 * GIB,
            0.001,
        ),
        (
            "unsloth 4757, Qwen3.5 27B",
            {"attention_layers": 16, "kv_heads": 4, "head_size": 256, "tokens": 262144},
            16 * GIB,
            0.001,
        ),
        (
            "unsloth 4757, DeepSeek-V3.1",
            {"layers": 61, "kv_rank": 512, "tokens": 163840},
            10.72 * GIB,
            0.001,
        ),
        (
            "unsloth 4757, GLM-5",
            {"layers": 79, "kv_rank": 512, "tokens": 202752},
            17.18 * GIB,
            0.001,
        ),
        (
            "unsloth 4757, Kimi K2.5",
            {"layers": 61, "kv_rank": 512, "tokens": 262144},
            17.16 * GIB,
            0.001,
        ),
        (
            "unsloth 4757, Qwen3 0.6B",
            {"layers": 28, "kv_heads": 8, "head_size": 128, "tokens": 40960},
            4.38 * GIB,
            0.002,
        ),
        (
            "ODS 3324, 36 layers at 32k",
            {"layers": 36, "kv_heads": 8, "head_size": 128, "tokens": 32768},
            4.5 * GIB,
            0,
        ),
        (
            "the same, at 256k",
            {"layers": 36, "kv_heads": 8, "head_size": 128, "tokens": 262144},
            36 * GIB,
            0,
        ),
        (
            "ollama 17201, DeepSeek-V2-Lite with whole heads: llama.cpp allocates 8,640 MiB",
            {
                "layers": 27,
                "kv_heads": 16,
                "head_size": 192,
                "value_head_size": 128,
                "tokens": 32768,
            },
            8640 * GIB / 1024,
            0,
        ),
        (
            "LM Studio 1862: llama.cpp allocates 16,384 MiB",
            {
                "layers": 64,
                "attention_layers": 16,
                "kv_heads": 4,
                "head_size": 256,
                "tokens": 262144,
            },
            16384 * 2**20,
            0,
        ),
        (
            "hf-mem 60: gpt-oss 120B, 73,728 bytes a token",
            {
                "layers": 36,
                "kv_heads": 8,
                "head_size": 64,
                "window": 128,
                "window_every": 2,
                "window_global": 1,
                "tokens": 1,
            },
            73728,
            0,
        ),
        (
            "hf-mem 70: gpt-oss 20B, 8,192 tokens, 32 sequences",
            {
                "layers": 24,
                "kv_heads": 8,
                "head_size": 64,
                "window": 128,
                "window_every": 2,
                "window_global": 1,
                "tokens": 8192,
                "sequences": 32,
            },
            6.09 * GIB,
            0.001,
        ),
        (
            "configiq 112, Gemma 4 31B: 880 KiB a token",
            {"model": "gemma-4-31b", "tokens": 1},
            880 * 1024,
            0,
        ),
        (
            # vLLM keeps a window, a step's 8,192 tokens and a block for each layer with a window,
            # and then had 626,949 tokens in 64.68 GiB.
            "configiq 112, the same as observed",
            {"model": "gemma-4-31b", "tokens": 262144, "window": 9232},
            64.68 * GIB / 626949 * 262144,
            0.0002,
        ),
        (
            "by hand: 64 layers of 8 KV heads at 8,192",
            {"layers": 64, "kv_heads": 8, "head_size": 128, "tokens": 8192},
            2 * GIB,
            0,
        ),
        (
            "by hand: Llama 2 7B at 4,096",
            {"layers": 32, "heads": 32, "head_size": 128, "tokens": 4096},
            2 * GIB,
            0,
        ),
        (
            "by hand: Mistral 7B, its window full",
            {"layers": 32, "kv_heads": 8, "head_size": 128, "window": 4096, "tokens": 32768},
            0.5 * GIB,
            0,
        ),
        (
            "by hand: PaLM 540B, multi-query",
            {"layers": 118, "heads": 48, "kv_heads": 1, "head_size": 256, "tokens": 1},
            2 * 118 * 256 * 2,
            0,
        ),
        (
            "by hand: q8_0 cache of Llama 3.1 8B at 8,192",
            {
                "layers": 32,
                "kv_heads": 8,
                "head_size": 128,
                "tokens": 8192,
                "cache_precision": "q8_0",
            },
            544 * 2**20,
            0,
        ),
        (
            "by hand: keys of 192, values of 128",
            {"layers": 48, "kv_heads": 8, "head_size": 192, "value_head_size": 128, "tokens": 1024},
            48 * 8 * 320 * 2 * 1024,
            0,
        ),
    ]
    for source, given, stated, tolerance in rows:
        yield source, "kv-cache", given, stated, tolerance


def _training() -> Iterator[Row]:
    rows: list[Row] = [
        (
            "GPT-3, table D.1",
            "training-compute",
            {"parameters": 174.6e9, "tokens": 300e9},
            3.14e23,
            0.002,
        ),
        (
            "PaLM, table 21 (2.56e24 with attention)",
            "training-compute",
            {"parameters": 540.35e9, "tokens": 780e9},
            2.56e24,
            0.015,
        ),
        (
            "Llama 3 405B",
            "training-compute",
            {"parameters": "405B", "tokens": "15.6T"},
            3.8e25,
            0.005,
        ),
        (
            "Chinchilla 70B",
            "training-compute",
            {"parameters": "70B", "tokens": "1.4T"},
            5.76e23,
            0.025,
        ),
        ("LLaMA 65B", "training-compute", {"parameters": 65.2e9, "tokens": "1.4T"}, 5.5e23, 0.01),
        ("OPT 175B", "training-compute", {"parameters": "175B", "tokens": "180B"}, 1.89e23, 0),
        (
            "Megatron-LM 5.1: GPT-3 in 34 days",
            "training-time",
            {"compute": 8 * 175e9 * 300e9, "gpus": 1024, "peak": "140 TFLOP/s", "mfu": 1},
            34 * 86400,
            0.005,
        ),
        (
            "Megatron-LM 5.1: 1T in 84 days",
            "training-time",
            {"compute": 8 * 1e12 * 450e9, "gpus": 3072, "peak": "163 TFLOP/s", "mfu": 1},
            84 * 86400,
            0.01,
        ),
        (
            "PaLM, table 3 (46.2 % with attention)",
            "mfu",
            {"parameters": 540.35e9, "throughput": 238300, "gpus": 6144, "peak": "275 TFLOP/s"},
            0.457,
            0.001,
        ),
        ("Chinchilla's budget", "compute-optimal", {"compute": 5.76e23}, 70e9, 0.015),
        (
            "GPipe's bound, p 4 m 16",
            "pipeline-bubble",
            {"stages": 4, "microbatches": 16},
            3 / 19,
            0,
        ),
        (
            "Megatron-LM, interleaved",
            "pipeline-bubble",
            {"stages": 8, "microbatches": 32, "chunks": 2},
            7 / 71,
            0,
        ),
        ("one stage has none", "pipeline-bubble", {"stages": 1, "microbatches": 8}, 0, 0),
        (
            "by hand: GPT-3's batch of 3.2M tokens",
            "gradient-accumulation",
            {"batch": 3.2e6, "sequence": 2048, "micro_batch": 1, "replicas": 64},
            25,
            0,
        ),
        (
            "Stanford Alpaca: 7 × 4 × 4 = 112 GB",
            "training-memory",
            {"parameters": "7B", "arithmetic": "fp32"},
            112 * GB,
            0,
        ),
        (
            "mixed precision, 16 bytes a parameter",
            "training-memory",
            {"parameters": "7B"},
            112 * GB,
            0,
        ),
        (
            "LLaMA2-Accessory 26: 13B takes 156 GB for the optimizer",
            "training-memory",
            {"parameters": "13B"},
            (156 + 52) * GB,
            0,
        ),
        (
            "by hand, 8-bit Adam: 2 + 2 + 2 bytes",
            "training-memory",
            {"parameters": "7B", "optimizer": "adamw-8bit", "arithmetic": "bf16"},
            42 * GB,
            0,
        ),
        (
            "Alpaca, effective batch 128",
            "effective-batch",
            {"micro_batch": 4, "steps": 8, "replicas": 4},
            128,
            0,
        ),
    ]
    yield from rows


def _serving() -> Iterator[Row]:
    rows: list[Row] = [
        (
            "Baseten's guide: 7B on an A10, 23 ms a token",
            "decode-speed",
            {"parameters": "7B", "bandwidth": "600 GB/s", "precision": "fp16"},
            1 / 0.0233,
            0.005,
        ),
        (
            "by hand: RTX 4090, 7B in 4 bits",
            "decode-speed",
            {"parameters": "7B", "bandwidth": "1008 GB/s", "precision": "4-bit"},
            288,
            0,
        ),
        (
            "by hand: A100 80GB, 70B in 16 bits on two",
            "decode-speed",
            {"parameters": "70B", "bandwidth": "2039 GB/s", "gpus": 2},
            29.13,
            0.001,
        ),
        (
            "Baseten's guide: prefill of 350 tokens",
            "prefill-time",
            {"parameters": "7B", "tokens": 350, "peak": "125 TFLOP/s", "utilization": 1},
            0.0392,
            0.001,
        ),
        (
            "kipply: 52B, 4 A100s, 2 · 52e9 FLOP a token",
            "prefill-time",
            {"parameters": "52B", "tokens": 1, "peak": "312 TFLOP/s", "gpus": 4, "utilization": 1},
            2 * 52e9 / (4 * 312e12),
            1e-9,
        ),
        (
            "batch 1 in 16 bits is 1 FLOP a byte",
            "arithmetic-intensity",
            {"parameters": "7B", "peak": "312 TFLOP/s", "bandwidth": "2039 GB/s"},
            1,
            0,
        ),
        (
            "by hand: $2 an hour at 1,000 tokens/s",
            "cost-per-million",
            {"price": 2, "throughput": 1000},
            0.5556,
            0.001,
        ),
        (
            "by hand: 8 GPUs of $3 at 10,000 tokens/s",
            "cost-per-million",
            {"price": 3, "gpus": 8, "throughput": 10000},
            0.6667,
            0.001,
        ),
        (
            "by hand: $2 an hour against $0.60",
            "break-even",
            {"price": 2, "api_price": 0.6},
            80e6,
            0,
        ),
        (
            "by hand: a million in and a million out",
            "api-cost",
            {"input_tokens": 1e6, "output_tokens": 1e6, "input_price": 2.5, "output_price": 10},
            12.5,
            0,
        ),
        (
            "by hand: vLLM's share of an 80 GB card, Llama 3.1 8B",
            "context-that-fits",
            {
                "parameters": 8030261248,
                "layers": 32,
                "kv_heads": 8,
                "head_size": 128,
                "memory": "80 GiB",
            },
            467_302,
            1e-4,
        ),
        (
            "Baseten: A10, 24 GB less 14 GB at 512 KiB a token",
            "context-that-fits",
            {
                "parameters": "7B",
                "layers": 32,
                "heads": 32,
                "head_size": 128,
                "memory": "24 GB",
                "usable": 1,
            },
            19073,
            0.001,
        ),
        (
            "by hand: 24 GB holds 12B in 16 bits",
            "largest-model",
            {"memory": "24 GB", "usable": 1},
            12e9,
            0,
        ),
        (
            "runpod 839: 70B in Q4_K_M fits no 40 GB card",
            "inference-memory",
            {"parameters": 70553706496, "precision": "Q4_K_M", "memory": "40 GB"},
            42.52 * GB,
            0.02,
        ),
        (
            "by hand: 8 sequences of 4,096 beside 7B",
            "concurrent-sequences",
            {
                "parameters": "7B",
                "layers": 32,
                "heads": 32,
                "head_size": 128,
                "tokens": 4096,
                "memory": "40 GB",
            },
            10,
            0,
        ),
    ]
    yield from rows


def _measuring() -> Iterator[Row]:
    rows: list[Row] = [
        ("Mistral 7B, section 2", "sliding-reach", {"window": 4096, "layers": 32}, 131072, 0),
        ("YaRN 16×", "yarn", {"original": 4096, "context": "64k"}, 16, 0),
        ("YaRN 32×", "yarn", {"original": 4096, "context": "128k"}, 32, 0),
        (
            "RoPE, 128 dimensions, base 10,000",
            "rope-wavelengths",
            {"head_size": 128, "base": 10000},
            54410,
            0.001,
        ),
        (
            "Code Llama's base of 1,000,000",
            "rope-wavelengths",
            {"head_size": 128, "base": 1e6},
            2 * math.pi * 1e6 ** (126 / 128),
            1e-9,
        ),
        ("a uniform choice of 50,257", "perplexity", {"loss": math.log(50257)}, 50257, 1e-9),
        ("GPT-2's 18.34 on WikiText-2", "loss", {"perplexity": 18.34}, 2.909, 0.001),
        (
            "The Pile: GPT-2 small, 1.2253 bits a byte",
            "bits-per-byte",
            {"loss": 1.2253 * math.log(2) / 0.29335, "tokens_per_byte": 0.29335},
            1.2253,
            1e-9,
        ),
        ("margin of 3 % needs 1,068", "items-needed", {"margin": 0.03}, 1068, 0),
        ("margin of 5 % needs 385", "items-needed", {"margin": "5 %"}, 385, 0),
        ("margin of 1 % needs 9,604", "items-needed", {"margin": "1%"}, 9604, 0),
        (
            "nucleus of 0.9",
            "sampling",
            {"probabilities": [0.5, 0.3, 0.15, 0.05], "top_p": 0.9},
            3,
            0,
        ),
        ("top-k 2", "sampling", {"probabilities": [0.5, 0.3, 0.15, 0.05], "top_k": 2}, 2, 0),
        ("min-p 0.2", "sampling", {"probabilities": [0.5, 0.3, 0.15, 0.05], "min_p": 0.2}, 3, 0),
        ("greedy", "sampling", {"logits": [1, 3, 2], "temperature": 0}, 1, 0),
        (
            "SQuAD's F1",
            "text-overlap",
            {"text": "in the year 1066", "reference": "1066"},
            0.5,
            1e-9,
        ),
        (
            "by hand: 30 against 15 of 500",
            "score-difference",
            {"items": 500, "only_a": 30, "only_b": 15},
            0.03,
            0,
        ),
    ]
    yield from rows


def _inverted() -> Iterator[Row]:
    """What is asked the other way round, and parts of a whole; all by hand."""
    rows: list[Row] = [
        ("by hand: 72.7B on two 24 GB cards, all of it", "quantization-that-fits",
         {"parameters": 72.7e9, "memory": "24 GB", "gpus": 2, "usable": 1}, 5.282, 0.0001),
        ("by hand: 8B on 12 GB beside a cache of 4.295 GB", "quantization-that-fits",
         {"parameters": "8B", "memory": "12 GB", "usable": 1, "tokens": 32768, "layers": 32,
          "kv_heads": 8, "head_size": 128}, 7.705, 0.0001),
        ("by hand: a file of 5.5 GB for 9B", "bits-per-weight",
         {"parameters": "9B", "file": "5.5 GB"}, 4.8889, 0.0001),
        ("OCP MX: 4 bits and 8 for 32 values", "bits-per-weight",
         {"precision": "mxfp4", "group": 32, "scale_bits": 8}, 4.25, 0),
        ("by hand: 7B on 2T tokens within 30 days at 40 %", "training-time",
         {"parameters": "7B", "tokens": "2T", "peak": "989 TFLOP/s", "hours": 720}, 82, 0),
        ("by hand: the balance of an H100", "arithmetic-intensity",
         {"gpu": "h100", "peak": "989 TFLOP/s", "bandwidth": "3350 GB/s"}, 295.22, 0.0001),
        ("by hand: 8 GPUs at $1.20 for 10 days", "rental-cost",
         {"price": 1.2, "gpus": 8, "hours": 240}, 2304, 1e-9),
        ("by hand: a layer of Llama 3.1 8B", "layer-parameters", {"model": "llama-3.1-8b"},
         218_112_000, 0),
        ("by hand: a layer of GPT-3's width, 12 × d² and its norms", "layer-parameters",
         {"width": 12288, "heads": 96}, 12 * 12288**2 + 2 * 12288, 0),
        ("by hand: a month of 1,000 requests a day", "api-cost",
         {"requests": 1000, "days": 30, "input_tokens": 1500, "output_tokens": 400,
          "input_price": 3, "output_price": 15}, 315, 1e-9),
    ]  # fmt: skip
    yield from rows


def test_what_is_looked_for_does_what_it_was_looked_for() -> None:
    """The bits found fill the machine; the GPUs found end in time, one fewer does not."""
    bits = calculate("quantization-that-fits", {"model": "llama-3.1-70b", "memory": "48 GB"})
    again = {"model": "llama-3.1-70b", "bits": bits.result.value}
    assert calculate("weights", again).result.value == pytest.approx(0.9 * 48e9)
    given = {"parameters": "3B", "tokens": "300B", "gpu": "a100-80gb"}
    needed = calculate("training-time", {**given, "hours": 240}).result.value
    inside, outside = (
        calculate("training-time", {**given, "gpus": gpus}).result.value
        for gpus in (needed, needed - 1)
    )
    assert inside <= 240 * 3600 < outside


def test_what_does_not_fit_is_tried_with_less() -> None:
    mixtral = calculate("inference-memory", {"model": "mixtral-8x7b", "memory": "48 GB"}).result
    assert mixtral.fits is False
    assert [step.value for step in mixtral.others[-2:]] == [
        pytest.approx(calculate("inference-memory", {"model": "mixtral-8x7b", "bits": bits})
                      .result.value) for bits in (8, 4)]  # fmt: skip
    given = {"model": "llama-3.1-8b", "gpu": "rtx-4090"}
    whole = calculate("training-memory", given).result
    tried = {step.label: step.value for step in whole.others}
    assert whole.fits is False
    for method in ("LoRA", "QLoRA"):
        alone = calculate("training-memory", {**given, "method": method.lower()}).result
        assert tried[f"with {method}"] == pytest.approx(alone.value)


ROWS: list[Row] = [
    row
    for rows in (
        _quantized, _zero, _llama_cache, _chinchilla, _speculative, _lora, _caches, _training,
        _serving, _measuring, _inverted,
    )
    for row in rows()
]  # fmt: skip


def test_there_are_at_least_150() -> None:
    assert len(ROWS) >= 150


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[1]}: {row[0]}"[:70])
def test_a_worked_example_comes_out(row: Row) -> None:
    _, name, given, stated, tolerance = row
    found = calculate(name, given).result
    assert found.value == pytest.approx(stated, rel=max(tolerance, 1e-12), abs=1e-12)
    assert found.unit


# Wilson's interval, Newcombe 1998, table I, method 3.
@pytest.mark.parametrize(
    ("right", "items", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilsons_intervals_are_newcombes(right: int, items: int, low: float, high: float) -> None:
    others = calculate("wilson-interval", {"right": right, "items": items}).result.others
    assert [round(step.value, 4) for step in others] == [low, high]


_LLAMA = {"gated": True, "vocabulary": 32000}
_TOTALS = [
    # GPT-2 (Radford et al. 2019): the released checkpoints
    *[
        (Shape(layers=layers, width=width, heads=width // 64, kv_heads=width // 64, head_size=64,
               ffn_width=4 * width, gated=False, vocabulary=50257, context=1024, tied=True,
               biases="all", norm="layer", position="learned"), total)
        for layers, width, total in ((12, 768, 124439808), (24, 1024, 354823168),
                                     (36, 1280, 774030080), (48, 1600, 1557611200))
    ],
    # Llama 2 and 3 (their model cards' checkpoints)
    (Shape(layers=32, width=4096, heads=32, kv_heads=32, head_size=128, ffn_width=11008,
           vocabulary=32000), 6738415616),
    (Shape(layers=40, width=5120, heads=40, kv_heads=40, head_size=128, ffn_width=13824,
           vocabulary=32000), 13015864320),
    (Shape(layers=80, width=8192, heads=64, kv_heads=8, head_size=128, ffn_width=28672,
           vocabulary=32000), 68976648192),
    (Shape(layers=32, width=4096, heads=32, kv_heads=8, head_size=128, ffn_width=14336,
           vocabulary=128256), 8030261248),
    (Shape(layers=126, width=16384, heads=128, kv_heads=8, head_size=128, ffn_width=53248,
           vocabulary=128256), 405853388800),
    (Shape(layers=16, width=2048, heads=32, kv_heads=8, head_size=64, ffn_width=8192,
           vocabulary=128256, tied=True), 1235814400),
    (Shape(layers=28, width=3072, heads=24, kv_heads=8, head_size=128, ffn_width=8192,
           vocabulary=128256, tied=True), 3212749824),
    # Mistral, Mixtral, Qwen2.5, TinyLlama
    (Shape(layers=32, width=4096, heads=32, kv_heads=8, head_size=128, ffn_width=14336,
           vocabulary=32000), 7241732096),
    (Shape(layers=32, width=4096, heads=32, kv_heads=8, head_size=128, ffn_width=14336,
           vocabulary=32000, moe=Experts(8, 2)), 46702792704),
    (Shape(layers=28, width=3584, heads=28, kv_heads=4, head_size=128, ffn_width=18944,
           vocabulary=152064, biases="qkv"), 7615616512),
    (Shape(layers=24, width=896, heads=14, kv_heads=2, head_size=64, ffn_width=4864,
           vocabulary=151936, biases="qkv", tied=True), 494032768),
    (Shape(layers=80, width=8192, heads=64, kv_heads=8, head_size=128, ffn_width=29568,
           vocabulary=152064, biases="qkv"), 72706203648),
    (Shape(layers=22, width=2048, heads=32, kv_heads=4, head_size=64, ffn_width=5632,
           vocabulary=32000), 1100048384),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "total"), _TOTALS, ids=lambda value: str(value)[:30])
def test_parameters_are_those_of_the_checkpoint(shape: Shape, total: int) -> None:
    assert count(shape).total == total


@pytest.mark.parametrize(
    "module",
    ["units", "precisions", "parameters", "memory", "training", "serving", "decoding", "measuring"],
)
def test_the_examples_in_docstrings_hold(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"index.calculations.{module}"))
    assert found.attempted
    assert not found.failed
