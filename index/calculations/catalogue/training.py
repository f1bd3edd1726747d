"""Calculations of training: compute, tokens, time, energy, cost, parallelism."""

from __future__ import annotations

import math

from index.calculations import training
from index.calculations.catalogue.shared import (
    GPUS,
    MACHINE,
    MODEL_OR_PARAMETERS,
    SEQUENCE,
    TRAINED_SHAPE,
    parameters_of,
    shape_of,
    size,
)
from index.calculations.registry import Calculation, Input, Result, Step, Values
from index.calculations.shapes import Machine
from index.calculations.units import CalculationError, rounded, shown

__all__ = ["PEAK", "TRAINING", "peak_of"]

TOKENS = Input("tokens", "tokens", "tokens trained on", low=1, high=1e16)
MFU = Input("mfu", "fraction", "model FLOP utilization", 0.4, low=0.001, high=1)
PEAK = Input("peak", "FLOP/s", "a GPU's dense peak", low=1e9, high=1e18)
PRICE = Input("price", "USD/h", "a GPU's price an hour", low=0, high=1e6)


def _energy(values: Values) -> Result:
    gpus, hours = values.whole("gpus"), values.number("hours")
    watts, pue = _watts(values, values.machine), values.number("pue")
    if watts is None:
        raise values.missing("watts", "gpu")
    energy = gpus * watts * hours * 3600 * pue
    over = f" × PUE {rounded(pue)}" if pue != 1 else ""
    step = Step("energy", f"{gpus:,} × {watts:g} W × {rounded(hours)} hours{over}", energy, "J")
    others: tuple[Step, ...] = ()
    if values.given("kwh_price"):
        cost = energy / 3.6e6 * values.number("kwh_price")
        others = (Step("cost", f"at ${rounded(values.number('kwh_price'))} a kWh", cost, "USD"),)
    return Result("Energy", energy, "J", (step,), others=others)


def _compute(values: Values) -> Result:
    _, active = parameters_of(values)
    tokens = values.number("tokens")
    total = training.training_flop(active, tokens)
    steps = [Step("6 · N · D", f"6 × {shown(active, 'parameters')} × {shown(tokens, 'tokens')}",
                  total, "FLOP")]  # fmt: skip
    shape = shape_of(values)
    others = []
    if values.given("sequence") and shape.layers and shape.heads and shape.head_size:
        scores = training.attention_flop(
            shape.layers, shape.heads, shape.head_size, values.number("sequence"), tokens
        )
        steps.append(Step("attention's scores", "12 · L · H · Q · T a token", scores, "FLOP"))
        others.append(Step("6 · N · D alone", "", total, "FLOP"))
        total += scores
        values.cite("chowdhery-2022")
    else:
        values.assume("without the attention scores, which 6 · N · D leaves out")
    return Result("Training compute", total, "FLOP", tuple(steps), others=tuple(others))


def _optimal(values: Values) -> Result:
    ratio = values.number("ratio")
    if values.given("compute") and (values.given("parameters") or values.given("model")):
        flop, (_, parameters) = values.number("compute"), parameters_of(values)
        tokens = flop / (6 * parameters)
        worked = f"{shown(flop, 'FLOP')} / (6 × {shown(parameters, 'parameters')})"
        steps: tuple[Step, ...] = (Step("tokens", worked, tokens, "tokens"),)
        label, value, unit = "Tokens for that compute", tokens, "tokens"
        others: tuple[Step, ...] = (
            Step("compute-optimal tokens", "", ratio * parameters, "tokens"),)  # fmt: skip
    elif values.given("compute"):
        flop = values.number("compute")
        parameters, tokens = training.compute_optimal(flop, ratio)
        root = f"√({shown(flop, 'FLOP')} / (6 × {rounded(ratio)}))"
        steps = (Step("parameters", root, parameters, "parameters"),
                 Step("tokens", f"{rounded(ratio)} × {shown(parameters, 'parameters')}", tokens,
                      "tokens"))  # fmt: skip
        label, value, unit = "Compute-optimal parameters", parameters, "parameters"
        others = (Step("compute-optimal tokens", "", tokens, "tokens"),)
    elif values.given("tokens") and not (values.given("parameters") or values.given("model")):
        tokens = values.number("tokens")
        parameters = tokens / ratio
        steps = (Step("parameters", f"{shown(tokens, 'tokens')} / {rounded(ratio)}", parameters,
                      "parameters"),)  # fmt: skip
        label, value, unit, others = (
            "Compute-optimal parameters", parameters, "parameters", ())  # fmt: skip
    else:
        _, parameters = parameters_of(values)
        tokens = ratio * parameters
        steps = (Step("tokens", f"{rounded(ratio)} × {shown(parameters, 'parameters')}", tokens,
                      "tokens"),)  # fmt: skip
        label, value, unit = "Compute-optimal tokens", tokens, "tokens"
        others = (Step("training compute", "6 · N · D", training.training_flop(parameters, tokens),
                       "FLOP"),)  # fmt: skip
        if values.given("tokens"):
            given = values.number("tokens")
            worked = f"{shown(given, 'tokens')} / {shown(parameters, 'parameters')}"
            others += (Step("tokens a parameter of yours", worked, given / parameters, "factor"),)
    verdict = ""
    if unit == "tokens" and values.given("tokens"):
        own = values.number("tokens")
        verdict = (f"{shown(own, 'tokens')} are {rounded(own / parameters)} a parameter, "
                   f"{rounded(own / tokens)} times that")  # fmt: skip
    loss = training.besiroglu_loss(parameters, tokens)
    others += (Step("loss by the fit (nats a token, on Chinchilla's data)", "", loss, "nats"),)
    return Result(label, value, unit, steps, verdict=verdict, others=others)


def peak_of(values: Values) -> float:
    """The dense peak of one machine in the given precision, in FLOP/s.

    Raises:
        CalculationError: neither a machine nor a peak was given, or none is known.
    """
    if values.given("peak"):
        return values.number("peak")
    machine = values.machine
    if machine is None:
        raise values.missing("gpu", "peak")
    stored = values.precision()
    peak = machine.peak(stored.peak)
    if not peak:
        raise CalculationError(f"no dense peak of {machine.name} is known; give one: peak 312 "
                               "TFLOP/s", field="peak", missing=True)  # fmt: skip
    values.assume(f"{machine.name}: {shown(peak, 'FLOP/s')} dense in {stored.peak}")
    return peak


def _watts(values: Values, machine: Machine | None) -> float | None:
    if values.given("watts"):
        return values.number("watts")
    if machine and machine.watts:
        values.assume(f"{machine.name}: {machine.watts:g} W, its limit")
        return machine.watts
    return None


def _time(values: Values) -> Result:
    steps = []
    if values.given("compute"):
        flop = values.number("compute")
    else:
        _, active = parameters_of(values)
        tokens = values.number("tokens")
        flop = training.training_flop(active, tokens)
        steps.append(Step("compute", f"6 × {shown(active, 'parameters')} × "
                          f"{shown(tokens, 'tokens')}", flop, "FLOP"))  # fmt: skip
    peak, mfu = peak_of(values), values.number("mfu")
    if values.given("hours") and not values.given("gpus"):
        return _gpus_for(values, flop, peak * mfu, steps)
    gpus = values.whole("gpus")
    seconds = training.training_seconds(flop, gpus, peak, mfu)
    steps.append(Step("time", f"{shown(flop, 'FLOP')} / ({gpus:,} × {shown(peak, 'FLOP/s')} × "
                      f"{rounded(mfu)})", seconds, "s"))  # fmt: skip
    others = [Step("GPU time", f"{gpus:,} × {shown(seconds, 's')}", seconds * gpus, "GPU-s")]
    watts = _watts(values, values.machine)
    if watts:
        pue = values.number("pue")
        energy = gpus * watts * pue * seconds
        others.append(
            Step(
                "energy",
                f"{gpus:,} × {watts:g} W × PUE {rounded(pue)} × {shown(seconds, 's')}",
                energy,
                "J",
            )
        )
        values.cite("patterson-2021")
    if values.given("price"):
        price = values.number("price")
        others.append(Step("cost", f"{shown(seconds * gpus, 'GPU-s')} × {shown(price, 'USD/h')}",
                           seconds / 3600 * gpus * price, "USD"))  # fmt: skip
    verdict = ""
    if values.given("hours"):
        limit = 3600 * values.number("hours")
        needed = math.ceil(gpus * seconds / limit - 1e-9)
        verdict = f"Within {shown(limit, 's')}" if seconds <= limit else (
            f"More than {shown(limit, 's')}: that takes {needed:,} GPUs")  # fmt: skip
    return Result("Training time", seconds, "s", tuple(steps), verdict=verdict,
                  others=tuple(others))  # fmt: skip


def _gpus_for(values: Values, flop: float, rate: float, steps: list[Step]) -> Result:
    """How many GPUs end in the time that is given; `rate` is one's FLOP a second."""
    seconds = 3600 * values.number("hours")
    needed = math.ceil(flop / (rate * seconds) - 1e-9)
    steps.append(Step("GPUs", f"{shown(flop, 'FLOP')} / ({shown(rate, 'FLOP/s')} × "
                      f"{shown(seconds, 's')})", flop / (rate * seconds), "count"))  # fmt: skip
    spent = flop / rate
    others = [Step("GPU time", "", spent, "GPU-s")]
    if values.given("price"):
        price = values.number("price")
        others.append(Step("cost", f"{shown(spent, 'GPU-s')} × {shown(price, 'USD/h')}",
                           spent / 3600 * price, "USD"))  # fmt: skip
    label = f"GPUs needed to end within {shown(seconds, 's')}"
    return Result(label, needed, "count", tuple(steps), others=tuple(others))


def _mfu(values: Values) -> Result:
    if values.given("achieved"):
        reached, peak = values.number("achieved"), peak_of(values)
        return _mfu_of(reached / peak, f"{shown(reached, 'FLOP/s')} / {shown(peak, 'FLOP/s')}")
    _, active = parameters_of(values)
    rate, gpus, peak = values.number("throughput"), values.whole("gpus"), peak_of(values)
    share = training.mfu(active, rate, gpus, peak)
    return _mfu_of(share, f"6 × {shown(active, 'parameters')} × {shown(rate, 'tokens/s')} / "
                   f"({gpus:,} × {shown(peak, 'FLOP/s')})")  # fmt: skip


def _mfu_of(share: float, worked: str) -> Result:
    step = Step("MFU", worked, share, "fraction")
    verdict = "Above 100 %: the rate, the model or the peak can't be right" if share > 1 else ""
    return Result("Model FLOP utilization", share, "fraction", (step,), verdict=verdict)


def _bubble(values: Values) -> Result:
    stages, micro = values.whole("stages"), values.whole("microbatches")
    chunks = values.whole("chunks")
    share = training.pipeline_bubble(stages, micro, chunks)
    work = f"{chunks} × {micro}" if chunks > 1 else str(micro)
    step = Step("idle share of the time", f"({stages} - 1) / ({work} + {stages} - 1)", share,
                "fraction")  # fmt: skip
    beside = Step("relative to the ideal time", f"({stages} - 1) / {work}",
                  (stages - 1) / (chunks * micro), "fraction")  # fmt: skip
    return Result("Pipeline bubble", share, "fraction", (step,), others=(beside,))


def _accumulation(values: Values) -> Result:
    batch, micro = values.number("batch"), values.number("micro_batch")
    replicas = values.number("replicas")
    if values.given("sequence"):
        sequences = batch / values.number("sequence")
        values.assume(f"the batch is in tokens: {rounded(sequences)} sequences")
        batch = sequences
    steps = training.accumulation_steps(batch, micro, replicas)
    whole = math.ceil(steps - 1e-9)
    step = Step("steps", f"{rounded(batch)} / ({rounded(micro)} × {rounded(replicas)})", steps,
                "count")  # fmt: skip
    verdict = ""
    if abs(whole - steps) > 1e-9:
        verdict = (f"It does not divide evenly: {whole} steps make a batch of "
                   f"{rounded(whole * micro * replicas)}")  # fmt: skip
    return Result("Gradient accumulation steps", whole, "count", (step,), verdict=verdict)


def _effective(values: Values) -> Result:
    micro, steps, replicas = (values.number(n) for n in ("micro_batch", "steps", "replicas"))
    batch = micro * steps * replicas
    step = Step("sequences a step", f"{rounded(micro)} × {rounded(steps)} × {rounded(replicas)}",
                batch, "count")  # fmt: skip
    others: tuple[Step, ...] = ()
    if values.given("sequence"):
        others = (Step("tokens a step", "", batch * values.number("sequence"), "tokens"),)
    return Result("Effective batch", batch, "count", (step,), others=others)


_PRECISION = Input("precision", "precision", "of the arithmetic", "bf16")
_COUNTED = (
    *MODEL_OR_PARAMETERS,
    Input("active_parameters", "parameters", "that a token passes through (mixture of experts)",
          low=1, high=1e15),
)  # fmt: skip
TRAINING = (
    Calculation(
        "energy", "Energy of machines that run", "GPUs × watts × hours × PUE", "J",
        (MACHINE, GPUS, Input("watts", "W", "power of a GPU", low=0, high=1e6),
         Input("hours", "count", "how long, in hours", low=0, high=1e8),
         Input("pue", "factor", "the data centre's overhead", 1.0, low=1, high=5),
         Input("kwh_price", "USD", "price of a kilowatt-hour", low=0, high=1000)),
        _energy, ("patterson-2021",),
    ),
    Calculation(
        "training-compute", "Compute of training",
        "6 · N · D; exactly, 12 · L · H · Q · T more a token for the scores", "FLOP",
        (*_COUNTED, TOKENS, SEQUENCE, *TRAINED_SHAPE), _compute, ("kaplan-2020",),
    ),
    Calculation(
        "compute-optimal", "Tokens for parameters, and both for a budget (Chinchilla)",
        "D = 20 · N; from a budget N = √(C / 6r), D = r · N", "tokens",
        (*_COUNTED, TOKENS,
         Input("compute", "FLOP", "the budget", low=1, high=1e32),
         Input("ratio", "factor", "tokens a parameter", 20.0, low=0.01, high=1e6)),
        _optimal, ("hoffmann-2022", "besiroglu-2024"),
    ),
    Calculation(
        "training-time", "Time, GPU-hours, energy and cost of training",
        "6 · N · D / (GPUs × peak × MFU)", "s",
        (*_COUNTED, TOKENS, Input("compute", "FLOP", "instead of 6 · N · D", low=1, high=1e32),
         MACHINE, GPUS, PEAK, _PRECISION, MFU, PRICE,
         Input("hours", "count", "the time that it may take, in hours; gives the GPUs needed",
               low=0.001, high=1e8),
         Input("watts", "W", "power of a GPU", low=0, high=1e6),
         Input("pue", "factor", "the data centre's overhead (power usage effectiveness)", 1.1,
               low=1, high=5)),
        _time, ("kaplan-2020", "chowdhery-2022"),
    ),
    Calculation(
        "mfu", "Model FLOP utilization from throughput",
        "6 · N · tokens/s / (GPUs × peak)", "fraction",
        (*_COUNTED, Input("throughput", "tokens/s", "tokens a second, all GPUs", low=1e-6,
                          high=1e15),
         Input("achieved", "FLOP/s", "of the model a GPU, instead of the tokens a second", low=1,
               high=1e20),
         MACHINE, GPUS, PEAK, _PRECISION),
        _mfu, ("chowdhery-2022",),
    ),
    Calculation(
        "pipeline-bubble", "Idle time of a pipeline", "(p - 1) / (v · m + p - 1)", "fraction",
        (size("stages", "pipeline stages (p)", high=100_000),
         size("microbatches", "micro batches a step (m)"),
         Input("chunks", "count", "model chunks a GPU, interleaved (v)", 1, low=1, high=1000,
               whole=True)),
        _bubble, ("narayanan-2021",),
    ),
    Calculation(
        "gradient-accumulation", "Steps of gradient accumulation",
        "global batch / (micro batch × data-parallel replicas)", "count",
        (Input("batch", "count", "sequences, or tokens with `sequence`, a step", low=1, high=1e12),
         Input("micro_batch", "count", "sequences a GPU at once", 1, low=1, high=1e9),
         Input("replicas", "count", "data-parallel replicas", 1, low=1, high=1e6), SEQUENCE),
        _accumulation, ("narayanan-2021",),
    ),
    Calculation(
        "effective-batch", "Effective batch size",
        "micro batch × accumulation steps × data-parallel replicas", "count",
        (Input("micro_batch", "count", "sequences a GPU at once", low=1, high=1e9),
         Input("steps", "count", "accumulation steps", 1, low=1, high=1e9),
         Input("replicas", "count", "data-parallel replicas", 1, low=1, high=1e6), SEQUENCE),
        _effective, ("narayanan-2021",),
    ),
)  # fmt: skip
