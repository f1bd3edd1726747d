"""Time and tokens. Latencies are skewed: medians and high quantiles, not means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["quantile", "stage_latencies"]


def quantile(values: Sequence[float], q: float) -> float | None:
    """The q-quantile, linearly interpolated (type 7 of Hyndman and Fan 1996); None of nothing."""
    return float(np.quantile(np.asarray(values, np.float64), q)) if values else None


def stage_latencies(timings: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Summarize milliseconds a stage over answers: `n`, `p50`, `p95`, `max` of each stage."""
    stages = dict.fromkeys(stage for each in timings for stage in each)
    found = {}
    for stage in stages:
        values = [each[stage] for each in timings if stage in each]
        found[stage] = {
            "n": float(len(values)),
            "p50": float(np.quantile(values, 0.5)),
            "p95": float(np.quantile(values, 0.95)),
            "max": float(max(values)),
        }
    return found
