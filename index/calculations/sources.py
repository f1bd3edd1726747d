"""The papers and pages that the formulas are from."""

from __future__ import annotations

from index.types import Source

__all__ = ["SOURCES"]

_ROWS = (
    ("shazeer-2019", "Shazeer (2019): Fast Transformer Decoding: One Write-Head is All You Need",
     "https://arxiv.org/abs/1911.02150", 2019),
    ("pope-2022", "Pope et al. (2022): Efficiently Scaling Transformer Inference",
     "https://arxiv.org/abs/2211.05102", 2022),
    ("ainslie-2023", "Ainslie et al. (2023): GQA: Training Generalized Multi-Query Transformer "
     "Models from Multi-Head Checkpoints", "https://arxiv.org/abs/2305.13245", 2023),
    ("deepseek-v2", "DeepSeek-AI (2024): DeepSeek-V2: A Strong, Economical, and Efficient "
     "Mixture-of-Experts Language Model", "https://arxiv.org/abs/2405.04434", 2024),
    ("vaswani-2017", "Vaswani et al. (2017): Attention Is All You Need",
     "https://arxiv.org/abs/1706.03762", 2017),
    ("shazeer-2020", "Shazeer (2020): GLU Variants Improve Transformer",
     "https://arxiv.org/abs/2002.05202", 2020),
    ("frantar-2022", "Frantar et al. (2022): GPTQ: Accurate Post-Training Quantization for "
     "Generative Pre-trained Transformers", "https://arxiv.org/abs/2210.17323", 2022),
    ("llama.cpp-quantize", "llama.cpp: quantize (README, bits per weight of each kind)",
     "https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md", 2025),
    ("vllm-arguments", "vLLM documentation: Engine Arguments (gpu_memory_utilization)",
     "https://docs.vllm.ai/en/latest/configuration/engine_args.html", 2025),
    ("korthikanti-2022", "Korthikanti et al. (2022): Reducing Activation Recomputation in Large "
     "Transformer Models", "https://arxiv.org/abs/2205.05198", 2022),
    ("rajbhandari-2020", "Rajbhandari et al. (2020): ZeRO: Memory Optimizations Toward Training "
     "Trillion Parameter Models", "https://arxiv.org/abs/1910.02054", 2020),
    ("hu-2021", "Hu et al. (2021): LoRA: Low-Rank Adaptation of Large Language Models",
     "https://arxiv.org/abs/2106.09685", 2021),
    ("dettmers-2023", "Dettmers et al. (2023): QLoRA: Efficient Finetuning of Quantized LLMs",
     "https://arxiv.org/abs/2305.14314", 2023),
    ("kaplan-2020", "Kaplan et al. (2020): Scaling Laws for Neural Language Models",
     "https://arxiv.org/abs/2001.08361", 2020),
    ("hoffmann-2022", "Hoffmann et al. (2022): Training Compute-Optimal Large Language Models",
     "https://arxiv.org/abs/2203.15556", 2022),
    ("besiroglu-2024", "Besiroglu et al. (2024): Chinchilla Scaling: A Replication Attempt",
     "https://arxiv.org/abs/2404.10102", 2024),
    ("chowdhery-2022", "Chowdhery et al. (2022): PaLM: Scaling Language Modeling with Pathways",
     "https://arxiv.org/abs/2204.02311", 2022),
    ("patterson-2021", "Patterson et al. (2021): Carbon Emissions and Large Neural Network "
     "Training", "https://arxiv.org/abs/2104.10350", 2021),
    ("narayanan-2021", "Narayanan et al. (2021): Efficient Large-Scale Language Model Training on "
     "GPU Clusters Using Megatron-LM", "https://arxiv.org/abs/2104.04473", 2021),
    ("williams-2009", "Williams et al. (2009): Roofline: An Insightful Visual Performance Model "
     "for Multicore Architectures", "https://doi.org/10.1145/1498765.1498785", 2009),
    ("leviathan-2023", "Leviathan et al. (2023): Fast Inference from Transformers via "
     "Speculative Decoding", "https://arxiv.org/abs/2211.17192", 2023),
    ("holtzman-2020", "Holtzman et al. (2020): The Curious Case of Neural Text Degeneration",
     "https://arxiv.org/abs/1904.09751", 2020),
    ("nguyen-2024", "Nguyen et al. (2024): Turning Up the Heat: Min-p Sampling for Creative and "
     "Coherent LLM Outputs", "https://arxiv.org/abs/2407.01082", 2024),
    ("gao-2020", "Gao et al. (2020): The Pile: An 800GB Dataset of Diverse Text for Language "
     "Modeling", "https://arxiv.org/abs/2101.00027", 2020),
    ("su-2021", "Su et al. (2021): RoFormer: Enhanced Transformer with Rotary Position Embedding",
     "https://arxiv.org/abs/2104.09864", 2021),
    ("peng-2023", "Peng et al. (2023): YaRN: Efficient Context Window Extension of Large "
     "Language Models", "https://arxiv.org/abs/2309.00071", 2023),
    ("jiang-2023", "Jiang et al. (2023): Mistral 7B", "https://arxiv.org/abs/2310.06825", 2023),
    ("wilson-1927", "Wilson (1927): Probable Inference, the Law of Succession, and Statistical "
     "Inference", "https://doi.org/10.1080/01621459.1927.10502953", 1927),
    ("miller-2024", "Miller (2024): Adding Error Bars to Evals: A Statistical Approach to "
     "Language Model Evaluations", "https://arxiv.org/abs/2411.00640", 2024),
    ("connor-1987", "Connor (1987): Sample Size for Testing Differences in Proportions for the "
     "Paired-Sample Design", "https://doi.org/10.2307/2531961", 1987),
    ("rajpurkar-2016", "Rajpurkar et al. (2016): SQuAD: 100,000+ Questions for Machine "
     "Comprehension of Text", "https://arxiv.org/abs/1606.05250", 2016),
    ("lin-2004", "Lin (2004): ROUGE: A Package for Automatic Evaluation of Summaries",
     "https://aclanthology.org/W04-1013/", 2004),
)  # fmt: skip
SOURCES: dict[str, Source] = {row[0]: Source(*row) for row in _ROWS}
