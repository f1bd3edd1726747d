"""Thin shells: training, benchmarks, screenshots, locks."""
