"""Pairs of statements: of one quantity with two values, and of two quantities.

A side with " :: " is a data point (label :: value), any other is a sentence of an answer.
"""

from __future__ import annotations

Pair = tuple[str, str]

# Each gives two values to one quantity.
DISAGREEING: tuple[Pair, ...] = (
    ("GPT-3 training tokens :: 300 billion tokens", "GPT-3 training tokens :: 499 billion tokens"),
    ("Vocabulary of the Falcon tokenizer :: 65,024 tokens",
     "Vocabulary of the Falcon tokenizer :: 50,257 tokens"),
    ("BLOOM training emissions :: 25 tonnes", "BLOOM training emissions :: 50 tonnes"),
    ("Context length of Mistral 7B :: 8,192 tokens",
     "Context length of Mistral 7B :: 32,768 tokens"),
    ("OPT-175B training time on the cluster :: 33 days",
     "OPT-175B training time on the cluster :: 60 days"),
    ("Gopher's weight file in bfloat16 :: 560 GB", "Gopher's weight file in bfloat16 :: 840 GB"),
    ("Cache of a model with 48 layers, 16 heads, d_head=96 and 8192 tokens :: 2.4 GB",
     "A cache of 900 MB is what the model with 48 layers, 16 heads, d_head=96 and 8192 tokens "
     "fills."),
    ("A model with 24 layers, 20 heads, d_head=64 and 4K tokens fills a cache of 1.0 GB.",
     "With 24 layers, 20 heads, d_head=64 and 4096 tokens the model's cache takes 503 MB."),
    ("The encoder has 12 layers, 16 heads, width 768 and 110 million parameters.",
     "An encoder with 12 layers, 16 heads, width 768 comes to 125 million parameters."),
    ("The decoder with 40 layers, 32 heads, width 5120 counts 13.0 billion parameters.",
     "A decoder of 40 layers, 32 heads, width 5120 counts 11.2 billion parameters."),
    ("The crawl for the Pile corpus was filtered down to 825 GB of plain text.",
     "The crawl for the Pile corpus was filtered down to 1,254 GB of plain text."),
    ("The reward model was trained on 33,000 comparisons written by labelers.",
     "The reward model was trained on 50,000 comparisons written by labelers."),
    ("Training the big translation model took 3.5 days on one machine.",
     "Training the big translation model took 12 days on one machine."),
    ("The router of Switch Transformer drops 2% of the tokens during training.",
     "The router of Switch Transformer drops 11% of the tokens during training."),
    ("The tokenizer splits the average German word into 2.1 tokens.",
     "The tokenizer splits the average German word into 3.4 tokens."),
    ("Perplexity of GPT-2 XL on WikiText-103 :: 17.48 perplexity",
     "Perplexity of GPT-2 XL on WikiText-103 :: 22.76 perplexity"),
    ("Human baseline on the MMLU benchmark :: 89.8% accuracy",
     "Human baseline on the MMLU benchmark :: 34.5% accuracy"),
    ("Latency of the speculative draft model :: 12 ms",
     "Latency of the speculative draft model :: 30 ms"),
    ("Energy used by the GPT-3 pretraining run :: 1,287 MWh",
     "Energy used by the GPT-3 pretraining run :: 552 MWh"),
    ("Labelers who ranked InstructGPT outputs :: 40 people",
     "Labelers who ranked InstructGPT outputs :: 65 people"),
)  # fmt: skip

# Each speaks of two quantities, or gives one value twice.
AGREEING: tuple[Pair, ...] = (
    # different models
    ("GPT-2 parameters :: 1.5 billion parameters", "GPT-3 parameters :: 175 billion parameters"),
    ("Llama 2 training tokens :: 2 trillion tokens",
     "Llama 3 training tokens :: 15 trillion tokens"),
    ("The base model has 110 million parameters in total weights.",
     "The large model has 340 million parameters in total weights."),
    ("Chinchilla parameters :: 70 billion parameters",
     "Gopher parameters :: 280 billion parameters"),
    ("WMT EN-DE BLEU (small model) :: 26.1 BLEU", "WMT EN-DE BLEU (huge model) :: 29.3 BLEU"),
    ("T5-Small layers :: 6 layers", "T5-Large layers :: 24 layers"),
    ("The 7B model was trained on 2 trillion tokens of web text.",
     "The 13B model was trained on 1.4 trillion tokens of web text."),
    # different precisions
    ("Weights of a 7B model in fp16 :: 14 GB", "Weights of a 7B model in int4 :: 3.5 GB"),
    ("A 70B model takes 140 GB of memory in fp16.", "A 70B model takes 35 GB of memory in int4."),
    ("Cache with 32 layers, 32 heads, d_head=128, 4096 tokens in fp16 :: 2.1 GB",
     "Cache with 32 layers, 32 heads, d_head=128, 4096 tokens in int8, half of it :: 1.07 GB"),
    ("Adam states for each parameter in 32 bits :: 8 bytes",
     "Adam states for each parameter in 8 bits :: 2 bytes"),
    # different batch sizes and lengths
    ("Throughput at batch size 1 :: 24 tokens per second",
     "Throughput at batch size 16 :: 150 tokens per second"),
    ("KV cache size (n_layers=32, n_heads=32, d_head=128, n=4096, bf16) :: 2.1 GB",
     "KV cache size (n_layers=32, n_heads=32, d_head=128, n=131072, bf16) :: 68.7 GB"),
    ("KV cache size (n_layers=32, n_heads=32, d_head=128, n=2048, fp16) :: 1.07 GB",
     "KV cache size (n_layers=80, n_heads=64, d_head=128, n=2048, fp16) :: 5.4 GB"),
    ("The step takes 40 ms with a batch of 8 sequences.",
     "The step takes 130 ms with a batch of 32 sequences."),
    ("Prefill of 128 tokens :: 14 ms", "Prefill of 2,048 tokens :: 50 ms"),
    # different years and versions
    ("Top accuracy on the leaderboard in 2020 :: 43.9%",
     "Top accuracy on the leaderboard in 2023 :: 86.4%"),
    ("Price of a training run in 2020 :: 4.6 million dollars",
     "Price of a training run in 2024 :: 0.4 million dollars"),
    ("The paper was published in 2017 by eight authors.",
     "The paper was published in 2018 by eight authors."),
    ("Context of version v1 :: 2,048 tokens", "Context of version v2 :: 4,096 tokens"),
    # different benchmarks, splits and metrics
    ("GPT-4 accuracy on MMLU :: 86.4%", "GPT-4 accuracy on HumanEval :: 67.0%"),
    ("Perplexity on the training set :: 12.1 perplexity",
     "Perplexity on the validation set :: 18.7 perplexity"),
    ("DPR top-20 accuracy :: 78.4%", "DPR top-100 accuracy :: 85.4%"),
    ("zero-shot accuracy of PaLM :: 69.3%", "few-shot accuracy of PaLM :: 77.5%"),
    ("Precision of the retriever :: 61%", "Recall of the retriever :: 84%"),
    ("BLEU on English-German :: 28.4 BLEU", "BLEU on English-French :: 41.8 BLEU"),
    # different parts of one thing
    ("Encoder layers of the original Transformer :: 6 layers",
     "Attention heads of the original Transformer :: 8 heads"),
    ("Keys per token take 128 bytes in the cache.",
     "Queries per token take 512 bytes in the cache."),
    ("The forward pass costs 2 FLOPs for each parameter and token.",
     "The backward pass costs 4 FLOPs for each parameter and token."),
    ("Web pages in the training mix :: 60%", "Books in the training mix :: 16%"),
    ("The tokenizer's vocabulary has 50,257 entries in all.",
     "The tokenizer's merges are 50,000 entries in all."),
    ("Minimum learning rate :: 0.00001", "Maximum learning rate :: 0.0003"),
    ("Input price of a million tokens :: 3 dollars",
     "Output price of a million tokens :: 15 dollars"),
    # different units and things counted
    ("Training of BLOOM :: 118 days", "Training of BLOOM :: 384 GPUs"),
    ("The model was trained on 300 billion tokens of text.",
     "The model was trained with 300 thousand steps of text."),
    ("The corpus holds 825 GB of text.", "The corpus holds 22 datasets of text."),
    # one value written in two ways
    ("KV cache with 32 layers, 32 heads, d_head=128, 4096 tokens in fp16 :: 2.1 GB",
     "The KV cache with 32 layers, 32 heads, d_head=128, 4096 tokens in fp16 takes 2.15 GB."),
    ("BLOOM pretraining time :: 118 days", "BLOOM pretraining time :: about 2,832 hours"),
    ("GPT-3 pretraining data :: 300B tokens", "GPT-3 pretraining data :: 0.3 trillion tokens"),
    ("Vocabulary of the GPT-2 tokenizer :: 50,257 tokens",
     "Vocabulary of the GPT-2 tokenizer :: about 50 thousand tokens"),
    ("Gopher's checkpoint :: 560 GB", "Gopher's checkpoint :: 0.56 TB"),
    ("Share of heads that can be pruned :: 38 of 48 heads, 79%",
     "Share of heads that can be pruned :: about 80%"),
    ("The draft model needs 1.5 GB of memory for weights.",
     "The draft model needs 1,500 MB of memory for weights."),
)  # fmt: skip
