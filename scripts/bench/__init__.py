"""The parts of `python -m scripts.bench_retrieval`."""
