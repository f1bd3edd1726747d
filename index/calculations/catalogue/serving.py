"""Calculations of generation: speed bounds, cost, speculation."""

from __future__ import annotations

from index.calculations import serving
from index.calculations.catalogue.shared import (
    GPUS,
    MACHINE,
    MODEL_OR_PARAMETERS,
    SHAPE,
    cache_groups,
    parameters_of,
    shape_of,
)
from index.calculations.catalogue.training import PEAK, peak_of
from index.calculations.memory import kv_bytes, weight_bytes
from index.calculations.precisions import Precision
from index.calculations.registry import Calculation, Input, Result, Step, Values
from index.calculations.units import CalculationError, rounded, shown

__all__ = ["SERVING"]

PRECISION = Input("precision", "precision", "of the weights", "bf16")
CACHE_PRECISION = Input("cache_precision", "precision", "of keys and values", "bf16")
TOKENS = Input("tokens", "tokens", "tokens in the context", low=0, high=1e10)
BATCH = Input("batch", "count", "sequences decoded at once", 1, low=1, high=1e7, whole=True)
BANDWIDTH = Input("bandwidth", "bytes/s", "memory bandwidth of one GPU", low=1e6, high=1e16)
RATE = Input("throughput", "tokens/s", "tokens a second, all together", low=1e-9, high=1e15)
PRICE = Input("price", "USD/h", "price of a GPU an hour", low=0, high=1e6)
ACTIVE = Input("active_parameters", "parameters", "that a token passes through (mixture of "
               "experts)", low=1, high=1e15)  # fmt: skip


def _bandwidth_of(values: Values) -> float:
    if values.given("bandwidth"):
        return values.number("bandwidth")
    machine = values.machine
    if machine is None:
        raise values.missing("gpu", "bandwidth")
    if not machine.bandwidth_bytes_s:
        raise CalculationError(f"no memory bandwidth of {machine.name} is known; give one: "
                               "bandwidth 900 GB/s", field="bandwidth", missing=True)  # fmt: skip
    values.assume(f"{machine.name}: {shown(machine.bandwidth_bytes_s, 'bytes/s')}")
    return machine.bandwidth_bytes_s


def _stored(values: Values) -> Precision:
    if values.given("bits"):
        return Precision("", values.number("bits"))
    return values.precision(fallback=values.model.precision if values.model else "")


def _read_a_step(values: Values) -> tuple[float, float, list[Step]]:
    """Bytes of active weights, of one sequence's cache, and the lines of that sum."""
    _, active = parameters_of(values)
    model = values.model
    stored = _stored(values)
    weights = weight_bytes(active, stored.bits)
    steps = [Step("weights read a step", f"{shown(active, 'parameters')} × "
                  f"{rounded(stored.bits, 5)} bits / 8", weights, "bytes")]  # fmt: skip
    if model and model.active_parameters < model.parameters:
        values.assume("one token's experts are read; a batch reads more of them")
    cache, tokens = 0.0, float(values.read.get("tokens", 0))
    shape = shape_of(values)
    if tokens and shape.layers and (shape.mla or shape.kv_heads):
        each = values.precision("cache_precision").bytes
        cache = kv_bytes(cache_groups(values, shape), tokens, 1, each)
        steps.append(Step("cache read a sequence", f"{tokens:,.0f} tokens", cache, "bytes"))
    else:
        why = ": the shape was not given" if tokens else ""
        values.assume(f"the KV cache's own traffic is not counted{why}")
    return weights, cache, steps


def _decode(values: Values) -> Result:
    weights, cache, steps = _read_a_step(values)
    bandwidth, gpus = _bandwidth_of(values), values.whole("gpus")
    batch, share = values.number("batch"), values.number("efficiency")
    rate = serving.decode_tokens_per_second(weights, cache, batch, gpus * bandwidth, share)
    many = f"{batch:,.0f} × " if batch > 1 else ""
    speed = f"{gpus} × {shown(bandwidth, 'bytes/s')}" if gpus > 1 else shown(bandwidth, "bytes/s")
    read = shown(weights + batch * cache, "bytes")
    reduced = f" × {rounded(share)}" if share < 1 else ""
    steps.append(Step("tokens a second", f"{many}{speed}{reduced} / {read}", rate, "tokens/s"))
    if share == 1:
        values.assume("an upper bound: real engines reach 50 to 80 % of it")
    if gpus > 1:
        values.assume("the weights are spread evenly over the GPUs, communication not counted")
    others: tuple[Step, ...] = (Step("time a token of a sequence", "", batch / rate, "s"),)
    if batch > 1:
        others += (Step("a sequence", "", rate / batch, "tokens/s"),)
    verdict = ""
    if values.given("output_tokens"):
        written = values.number("output_tokens")
        seconds = written * batch / rate
        verdict = f"{shown(written, 'tokens')} take at least {shown(seconds, 's')}"
        others += (Step("time to write them", shown(written, "tokens"), seconds, "s"),)
    return Result("Decoding speed, at most", rate, "tokens/s", tuple(steps), verdict=verdict,
                  others=others)  # fmt: skip


def _prefill(values: Values) -> Result:
    _, active = parameters_of(values)
    tokens, gpus = values.number("tokens"), values.whole("gpus")
    flop = 2 * active * tokens
    steps = [Step("2 · N · T", f"2 × {shown(active, 'parameters')} × {shown(tokens, 'tokens')}",
                  flop, "FLOP")]  # fmt: skip
    shape = shape_of(values)
    if shape.layers and shape.heads and (shape.head_size or shape.mla):
        head = shape.head_size or (shape.mla.nope_head_size if shape.mla else 0)
        scores = serving.attention_flop(shape.attention_layers, shape.heads, head, tokens)
        steps.append(Step("attention's scores", "2 · L · H · Q · T²", scores, "FLOP"))
        flop += scores
    peak, share = peak_of(values), values.number("utilization")
    seconds = serving.prefill_seconds(flop, gpus, peak, share)
    steps.append(Step("time", f"{shown(flop, 'FLOP')} / ({gpus} × {shown(peak, 'FLOP/s')} × "
                      f"{rounded(share)})", seconds, "s"))  # fmt: skip
    others = (Step("prompt tokens a second", "", tokens / seconds, "tokens/s"),)
    return Result("Time to read the prompt", seconds, "s", tuple(steps), others=others)


def _balance(values: Values) -> Result:
    """What a machine can compute a byte that it reads: where compute begins to bound."""
    peak, bandwidth, stored = peak_of(values), _bandwidth_of(values), values.precision()
    ridge = peak / bandwidth
    step = Step("the machine's balance", f"{shown(peak, 'FLOP/s')} / "
                f"{shown(bandwidth, 'bytes/s')}", ridge, "FLOP/byte")  # fmt: skip
    return Result("The machine's balance", ridge, "FLOP/byte", (step,),
                  others=(_batch_at(ridge, stored),))  # fmt: skip


def _batch_at(ridge: float, stored: Precision) -> Step:
    """The batch from which decoding is bound by compute, as far as weights are what is read."""
    worked = f"{rounded(ridge)} FLOP/byte × {rounded(stored.bytes)} bytes a weight / 2"
    return Step("batch from which compute bounds", worked, ridge * stored.bytes / 2, "count")


def _intensity_of_weights(values: Values) -> Result:
    if not values.given("batch") and values.given("gpu"):
        return _balance(values)
    stored, batch = values.precision(), values.number("batch")
    found = 2 * batch / stored.bytes
    step = Step("FLOP a byte", f"2 × {batch:,.0f} / {rounded(stored.bytes)} bytes a weight", found,
                "FLOP/byte")  # fmt: skip
    values.assume("the weights alone are read: the KV cache's own traffic is not counted")
    return _balanced(values, found, [step])


def _intensity(values: Values) -> Result:
    if not (values.given("model") or values.given("parameters")):
        return _intensity_of_weights(values)
    _, active = parameters_of(values)
    weights, cache, steps = _read_a_step(values)
    batch = values.number("batch")
    found = serving.decode_intensity(active, batch, weights, cache)
    worked = f"2 × {shown(active, 'parameters')} × {batch:,.0f}"
    read = shown(weights + batch * cache, "bytes")
    steps.append(Step("FLOP a byte", f"{worked} / {read}", found, "FLOP/byte"))
    return _balanced(values, found, steps)


def _balanced(values: Values, found: float, steps: list[Step]) -> Result:
    """The intensity held against what the machine can do a byte."""
    others: tuple[Step, ...] = ()
    verdict = ""
    if values.given("gpu") or (values.given("peak") and values.given("bandwidth")):
        peak, bandwidth = peak_of(values), _bandwidth_of(values)
        ridge = peak / bandwidth
        others = (Step("the machine's balance", f"{shown(peak, 'FLOP/s')} / "
                       f"{shown(bandwidth, 'bytes/s')}", ridge, "FLOP/byte"),
                  _batch_at(ridge, _stored(values)))  # fmt: skip
        verdict = "Bound by memory bandwidth" if found < ridge else "Bound by compute"
    return Result("Arithmetic intensity of decoding", found, "FLOP/byte", tuple(steps),
                  verdict=verdict, others=others)  # fmt: skip


def _cost(values: Values) -> Result:
    price, gpus, rate = values.number("price"), values.whole("gpus"), values.number("throughput")
    share = values.number("load")
    cost = serving.cost_per_million(price * gpus, rate * share)
    many = f"{gpus} × " if gpus > 1 else ""
    used = f" × {rounded(share)}" if share < 1 else ""
    step = Step("cost", f"{many}{shown(price, 'USD/h')} / ({shown(rate, 'tokens/s')}{used} × 3,600 "
                "s) × 10⁶", cost, "USD/Mtok")  # fmt: skip
    return Result("Cost a million tokens", cost, "USD/Mtok", (step,))


def _rental(values: Values) -> Result:
    price, gpus, hours = values.number("price"), values.whole("gpus"), values.number("hours")
    cost = price * gpus * hours
    many = f"{gpus:,} × " if gpus > 1 else ""
    step = Step("cost", f"{many}{rounded(hours)} hours × {shown(price, 'USD/h')}", cost, "USD")
    return Result("Cost of the machines", cost, "USD", (step,))


_MONTH = 730.0  # hours


def _break_even(values: Values) -> Result:
    price, gpus, api = values.number("price"), values.whole("gpus"), values.number("api_price")
    spend = values.optional("spend")
    hours = values.number("hours") if values.given("hours") or not spend else _MONTH
    if api <= 0:
        raise CalculationError("api_price is 0, expected a price above it", field="api_price")
    tokens = serving.break_even_tokens(price * gpus, api, hours)
    many = f"{gpus} × " if gpus > 1 else ""
    step = Step("tokens", f"{rounded(hours)} h × {many}{shown(price, 'USD/h')} / "
                f"{shown(api, 'USD/Mtok')}", tokens, "tokens")  # fmt: skip
    rate = tokens / hours / 3600
    others: tuple[Step, ...] = (Step("which is, day and night", "", rate, "tokens/s"),)
    verdict = ""
    if spend:
        own = hours * price * gpus
        others += (Step("tokens bought now", "", spend / api * 1e6, "tokens"),)
        cheaper = "the API is cheaper" if spend < own else "own machines are cheaper, if they can"
        verdict = (f"{shown(spend, 'USD')} at the API against {shown(own, 'USD')} for the machines "
                   f"over {rounded(hours)} hours: {cheaper}")  # fmt: skip
    elif values.given("throughput"):
        verdict = ("The machine can do that" if values.number("throughput") >= rate
                   else "The machine can't do that: the API is cheaper at any load")  # fmt: skip
    return Result(f"Break-even over {rounded(hours)} hours", tokens, "tokens", (step,),
                  verdict=verdict, others=others)  # fmt: skip


def _api_bill(values: Values) -> Result:
    reading = float(values.read.get("input_tokens", 0))
    writing = float(values.read.get("output_tokens", 0))
    if not reading and not writing:
        raise values.missing("input_tokens", "output_tokens")
    price_in = float(values.read.get("input_price", values.read.get("api_price", 0)))
    price_out = float(values.read.get("output_price", values.read.get("api_price", 0)))
    requests = values.number("requests") * float(values.read.get("days", 1))
    if (reading and not price_in) or (writing and not price_out):
        raise values.missing("api_price")
    costs = (
        Step("read", f"{rounded(requests)} × {shown(reading, 'tokens')} × "
             f"{shown(price_in, 'USD/Mtok')}", requests * reading * price_in / 1e6, "USD"),
        Step("written", f"{rounded(requests)} × {shown(writing, 'tokens')} × "
             f"{shown(price_out, 'USD/Mtok')}", requests * writing * price_out / 1e6, "USD"),
    )  # fmt: skip
    steps = tuple(step for step in costs if step.value)
    return Result("Cost of the tokens", sum(s.value for s in steps), "USD", steps)


def _speculative(values: Values) -> Result:
    alpha, drafted, cost = (
        values.number("acceptance"), values.whole("drafted"), values.number("draft_cost")
    )  # fmt: skip
    expected = serving.speculative_tokens(alpha, drafted)
    speedup = serving.speculative_speedup(alpha, drafted, cost)
    steps = (
        Step("tokens a step", f"(1 - {rounded(alpha)}^{drafted + 1}) / (1 - {rounded(alpha)})",
             expected, "tokens"),
        Step("speed-up", f"{rounded(expected)} / ({drafted} × {rounded(cost)} + 1)", speedup,
             "factor"),
    )  # fmt: skip
    verdict = "Slower than without" if speedup < 1 else ""
    others = (Step("tokens a step of the target", "", expected, "tokens"),)
    values.assume("each drafted token is accepted independently")
    return Result("Speed-up by speculation", speedup, "factor", steps, verdict=verdict,
                  others=others)  # fmt: skip


BITS = Input("bits", "bits", "bits a weight, instead of a precision", low=0.5, high=64)
_READING = (*MODEL_OR_PARAMETERS, ACTIVE, PRECISION, BITS, TOKENS, CACHE_PRECISION)
SERVING = (
    Calculation(
        "decode-speed", "Tokens a second at most, by memory bandwidth",
        "batch × bandwidth / (active weights + batch × cache)", "tokens/s",
        (*_READING, MACHINE, GPUS, BANDWIDTH, BATCH,
         Input("efficiency", "fraction", "share of the bandwidth reached", 1.0, low=0.01, high=1),
         Input("output_tokens", "tokens", "how many are to be written", low=1, high=1e15),
         *SHAPE),
        _decode, ("pope-2022",),
    ),
    Calculation(
        "prefill-time", "Time to read a prompt, by compute",
        "(2 · N · T + 2 · L · H · Q · T²) / (GPUs × peak × utilization)", "s",
        (*_READING, MACHINE, GPUS, PEAK,
         Input("utilization", "fraction", "share of the peak reached", 0.5, low=0.01, high=1),
         *SHAPE),
        _prefill, ("pope-2022",),
    ),
    Calculation(
        "arithmetic-intensity", "FLOP a byte of decoding, and what bounds it",
        "2 · N · B / (weights + B × cache), against peak / bandwidth", "FLOP/byte",
        (*_READING, MACHINE, PEAK, BANDWIDTH, BATCH, *SHAPE), _intensity,
        ("williams-2009", "pope-2022"),
    ),
    Calculation(
        "cost-per-million", "Cost of a million tokens on own machines",
        "GPUs × price an hour / (tokens/s × 3,600) × 10⁶", "USD/Mtok",
        (PRICE, GPUS, RATE, Input("load", "fraction", "share of the time that it is busy", 1.0,
                                  low=0.001, high=1)),
        _cost,
    ),
    Calculation(
        "rental-cost", "Cost of machines by the hour", "GPUs × hours × price an hour", "USD",
        (PRICE, GPUS, Input("hours", "count", "how long, in hours", low=0.001, high=1e8)),
        _rental,
    ),
    Calculation(
        "break-even", "Tokens at which own machines cost what an API does",
        "hours × GPUs × price an hour / API's price", "tokens",
        (PRICE, GPUS, Input("api_price", "USD/Mtok", "the API's price", low=0, high=1e6),
         Input("hours", "count", "over how many hours", 24.0, low=0.01, high=1e7), RATE,
         Input("spend", "USD", "what the API costs a month", low=0, high=1e12)),
        _break_even,
    ),
    Calculation(
        "api-cost", "Cost of tokens at an API's prices", "requests × tokens × price / 10⁶", "USD",
        (Input("input_tokens", "tokens", "tokens read a request", low=0, high=1e18),
         Input("output_tokens", "tokens", "tokens written a request", low=0, high=1e18),
         Input("input_price", "USD/Mtok", "a million tokens read", low=0, high=1e6),
         Input("output_price", "USD/Mtok", "a million tokens written", low=0, high=1e6),
         Input("api_price", "USD/Mtok", "a million tokens of either", low=0, high=1e6),
         Input("requests", "count", "requests, or requests a day with `days`", 1, low=1,
               high=1e15),
         Input("days", "count", "so many days of them", low=0.01, high=1e6)),
        _api_bill,
    ),
    Calculation(
        "speculative-speedup", "Speed-up of speculative decoding",
        "(1 - α^(γ+1)) / ((1 - α)(γ · c + 1))", "factor",
        (Input("acceptance", "fraction", "share of drafted tokens accepted (α)", low=0, high=1),
         Input("drafted", "count", "tokens drafted a step (γ)", 4, low=1, high=1000, whole=True),
         Input("draft_cost", "fraction", "a draft step's time as a share of the target's (c)",
               0.05, low=0, high=10)),
        _speculative, ("leviathan-2023",),
    ),
)  # fmt: skip
