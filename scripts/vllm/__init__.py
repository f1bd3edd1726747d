"""`make vllm`: vLLM in an environment of its own, with a model and settings that fit."""
