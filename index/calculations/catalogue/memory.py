"""Calculations of size: parameters, weights, caches, and what fits a machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from index.calculations.catalogue.shared import (
    GPUS,
    MACHINE,
    MODEL,
    MODEL_OR_PARAMETERS,
    SHAPE,
    WHOLE_SHAPE,
    cache_groups,
    cache_sum,
    memory_of,
    parameters_of,
    shape_of,
    size,
)
from index.calculations.memory import kv_bytes, kv_bytes_per_token, longest_context, weight_bytes
from index.calculations.parameters import count, count_layer, countable
from index.calculations.precisions import Precision, precision, scaled_bits
from index.calculations.registry import Calculation, Input, Part, Result, Step, Values
from index.calculations.shapes import CacheGroup, Shape
from index.calculations.units import CalculationError, rounded, shown

__all__ = ["MEMORY"]

TOKENS = Input("tokens", "tokens", "tokens a sequence (the context)", low=1, high=1e10, whole=True)
SEQUENCES = Input(
    "sequences", "count", "sequences at once (batch, users)", 1, low=1, high=1e7, whole=True
)
PRECISION = Input("precision", "precision", "of the weights", "bf16")
BITS = Input("bits", "bits", "bits a weight, instead of a precision", low=0.5, high=64)
CACHE_PRECISION = Input("cache_precision", "precision", "of keys and values", "bf16")
MEMORY_INPUT = Input("memory", "bytes", "memory of one GPU", low=1e6, high=1e16)
USABLE = Input(
    "usable", "fraction", "share of the memory that may be used; 0.9 is vLLM's "
    "gpu_memory_utilization", 0.9, low=0.01, high=1,
)  # fmt: skip
OVERHEAD = Input(
    "overhead", "bytes", "buffers beside weights and cache, a GPU (compute buffers, CUDA "
    "graphs, the context)", 0.0, high=1e13,
)  # fmt: skip

CACHE_MEMORY = Input(
    "cache_memory",
    "bytes",
    "memory for the cache alone, instead of a machine's",
    low=1e3,
    high=1e16,
)


def _parameters(values: Values) -> Result:
    model, shape = values.model, shape_of(values)
    if shape.width and not (shape.heads or shape.kv_heads or shape.head_size or shape.mla):
        shape = replace(shape, heads=1, kv_heads=1, head_size=shape.width)
        values.assume("attention of 4 × width² a layer: as many KV heads as heads")
    if not countable(shape):
        if model is None or not model.parameters or len(values.read) > 1:
            missing = [name for name in ("layers", "width", "heads", "vocabulary")
                       if not getattr(shape, name)]  # fmt: skip
            raise values.missing(missing[0] if missing else "model", "model")
        values.assume("the published total: this shape's recurrent layers are not counted here")
        return Result(f"{model.name}: parameters", model.parameters, "parameters")
    if not shape.ffn_width and not (shape.moe and shape.moe.expert_width):
        factor = 8 / 3 if values.flag("gated") else 4
        shape = replace(shape, ffn_width=round(factor * shape.width), gated=values.flag("gated"))
        values.assume(f"a feed-forward layer of {rounded(factor, 3)} × the hidden size")
    elif (
        model is None
        and not values.given("gated")
        and not values.given("kv_heads")
        and shape.ffn_width == 4 * shape.width
    ):
        shape = replace(shape, gated=False)
        values.assume("a feed-forward layer without a gate (two matrices), as 4 × the hidden size "
                      "suggests")  # fmt: skip
    elif model is None and not values.given("gated"):
        values.assume("a gated feed-forward layer (three matrices)")
    if model is None:
        if not values.given("tied"):
            values.assume("output and embedding not tied")
        values.assume("no biases, RMSNorm, no learned positions")
    counted = count(shape)
    steps = (
        Step("embedding", f"{shape.vocabulary:,} × {shape.width:,}"
             + (f" + {shape.context:,} × {shape.width:,}" if shape.position == "learned" else ""),
             counted.embedding, "parameters"),
        Step("attention", f"{shape.layers} layers", counted.attention, "parameters"),
        Step("feed-forward", _ffn_sum(shape), counted.feed_forward, "parameters"),
        Step("norms", "", counted.norms, "parameters"),
        Step("output", "tied to the embedding" if shape.tied
             else f"{shape.vocabulary:,} × {shape.width:,}", counted.head, "parameters"),
    )  # fmt: skip
    others: tuple[Step, ...] = ()
    if shape.moe:
        others = (Step("active a token", "", counted.active, "parameters"),)
    if counted.head:
        both = counted.embedding + counted.head
        others += (Step("embedding and output", "", both, "parameters"),)
    label = f"{model.name}: parameters" if model else "Parameters"
    parts = tuple(Part(step.label, step.value) for step in steps if step.value)
    return Result(label, counted.total, "parameters", steps, parts, others=others)


def _ffn_sum(shape: Shape) -> str:
    matrices = 3 if shape.gated else 2
    if shape.moe:
        width = shape.moe.expert_width or shape.ffn_width
        return (
            f"{shape.layers} layers, {shape.moe.experts} experts of "
            f"{matrices} × {shape.width:,} × {width:,}"
        )
    return f"{shape.layers} layers × {matrices} × {shape.width:,} × {shape.ffn_width:,}"


def _layer(values: Values) -> Result:
    model, shape = values.model, shape_of(values)
    for name in ("width", "heads"):
        if not getattr(shape, name):
            raise values.missing(name, "model")
    if not shape.ffn_width:
        shape = replace(shape, ffn_width=4 * shape.width, gated=False)
        values.assume("a feed-forward layer of 4 × the hidden size, without a gate")
    if shape.window and shape.window.global_heads:
        values.assume("a layer with a window; those that see everything have other heads")
    if model and shape.moe and shape.moe.dense_layers:
        values.assume(f"a layer with experts; the first {shape.moe.dense_layers} have none")
    counted = count_layer(shape)
    steps = (
        Step("attention", "", counted.attention, "parameters"),
        Step("feed-forward", "", counted.feed_forward, "parameters"),
        Step("norms", "", counted.norms, "parameters"),
    )
    others: tuple[Step, ...] = ()
    if counted.active != counted.total:
        others += (Step("active a token", "", counted.active, "parameters"),)
    if model:
        share = counted.total / model.parameters
        others += (Step("share of the model", "", share, "fraction"),)
    label = f"{model.name}: parameters of one layer" if model else "Parameters of one layer"
    return Result(label, counted.total, "parameters", steps, others=others)


def _weights(values: Values) -> Result:
    total, _ = parameters_of(values)
    stored = _stored(values)
    taken = weight_bytes(total, stored.bits)
    if stored.note:
        values.assume(f"{stored.name}: {rounded(stored.bits, 5)} bits a weight ({stored.note})")
    if "llama.cpp" in stored.note:
        values.cite("llama.cpp-quantize")
    step = Step("weights", f"{shown(total, 'parameters')} × {rounded(stored.bits, 5)} bits / 8",
                taken, "bytes")  # fmt: skip
    return Result(f"Weights in {stored.name}", taken, "bytes", (step,))


def _stored(values: Values) -> Precision:
    """How the weights are stored: so many bits each, or a precision."""
    if values.given("bits"):
        bits = values.number("bits")
        return Precision(f"{rounded(bits)} bits a weight", bits)
    return values.precision(fallback=values.model.precision if values.model else "")


def _embedding(values: Values) -> Result:
    shape = shape_of(values)
    for name in ("vocabulary", "width"):
        if not getattr(shape, name):
            raise values.missing(name, "model")
    total = shape.vocabulary * shape.width
    step = Step("embedding", f"{shape.vocabulary:,} × {shape.width:,}", total, "parameters")
    others = [Step("with an output of its own", "2 ×", 2 * total, "parameters")]
    if values.model:
        share = total / values.model.parameters
        others.append(Step("share of the model", "", share, "fraction"))
    return Result("Parameters of the embedding", total, "parameters", (step,),
                  others=tuple(others))  # fmt: skip


def _cache(values: Values) -> Result:
    shape = shape_of(values)
    groups = cache_groups(values, shape)
    stored = values.precision("cache_precision")
    tokens, sequences = values.number("tokens"), values.number("sequences")
    _within_context(values, shape, tokens)
    total = kv_bytes(groups, tokens, sequences, stored.bytes)
    label = f"KV cache at {tokens:,.0f} tokens" if tokens > 1 else "KV cache of one token"
    label += f", {sequences:,.0f} sequences" if sequences > 1 else ""
    others: tuple[Step, ...] = (
        Step("a token", "while no window is full" if any(group.reach for group in groups) else "",
             kv_bytes_per_token(groups, stored.bytes), "bytes"),
    )  # fmt: skip
    if shape.hybrid and shape.hybrid.state_bytes_fp32:
        state = shape.hybrid.state_bytes_fp32 * sequences
        others += (Step("recurrent state beside it, whatever the length", "", state, "bytes"),)
    steps = _cache_steps(shape, groups, tokens, sequences, stored.bytes)
    return Result(label, total, "bytes", steps, others=others)


def _cache_steps(
    shape: Shape, groups: tuple[CacheGroup, ...], tokens: float, sequences: float, each: float
) -> tuple[Step, ...]:
    steps = []
    for group in groups:
        kept = min(tokens, group.reach) if group.reach else tokens
        words = f"{cache_sum(shape, group)} × {rounded(each)} bytes × {kept:,.0f} tokens"
        words += f" × {sequences:,.0f} sequences" if sequences > 1 else ""
        name = (
            f"layers with a window of {group.reach:,}" if group.reach else "layers without a window"
        )
        name = name if len(groups) > 1 or group.reach else "keys and values"
        steps.append(Step(name, words, kv_bytes([group], tokens, sequences, each), "bytes"))
    return tuple(steps)


def _within_context(values: Values, shape: Shape, tokens: float) -> None:
    if shape.context and tokens > shape.context:
        values.assume(
            f"{tokens:,.0f} tokens are more than the {shape.context:,} that "
            "the model is released for"
        )


def _inference(values: Values) -> Result:
    total, _ = parameters_of(values)
    stored = _stored(values)
    weights = weight_bytes(total, stored.bits)
    parts = [Part("weights", weights)]
    steps = [Step("weights", f"{shown(total, 'parameters')} × {rounded(stored.bits, 5)} bits / 8",
                  weights, "bytes")]  # fmt: skip
    if "llama.cpp" in stored.note:
        values.cite("llama.cpp-quantize")
    shape = shape_of(values)
    if shape.layers and (shape.mla or shape.hybrid or (shape.kv_heads and shape.head_size)):
        groups = cache_groups(values, shape)
        cached = values.precision("cache_precision")
        if not values.given("tokens"):
            values.assume("4,096 tokens of context")
        tokens = float(values.read.get("tokens", 4096))
        sequences = values.number("sequences")
        _within_context(values, shape, tokens)
        cache = kv_bytes(groups, tokens, sequences, cached.bytes)
        parts.append(Part("KV cache", cache))
        steps += _cache_steps(shape, groups, tokens, sequences, cached.bytes)
    elif values.given("tokens"):
        values.assume(
            "the KV cache is not counted: it needs the layers, KV heads and head size, or a "
            "model's name"
        )
    else:
        values.assume("weights alone: no context was given, so no KV cache is counted")
    overhead = values.read.get("overhead", 0.0)
    if overhead:
        parts.append(Part("buffers", overhead * values.number("gpus")))
    needed = sum(part.value for part in parts)
    fewer: tuple[tuple[float, float], ...] = ()
    if not (values.given("precision") or values.given("bits")):
        fewer = tuple(
            (bits, needed - weights + weight_bytes(total, bits))
            for bits in _FEWER_BITS
            if bits < stored.bits
        )
    return _fitted(values, needed, steps, parts, fewer)


_FEWER_BITS = (8.0, 4.0)  # what people quantize to


def _fitted(
    values: Values,
    needed: float,
    steps: list[Step],
    parts: list[Part],
    fewer: Sequence[tuple[float, float]],
) -> Result:
    """What is needed, held against a machine; `fewer` is what it would be with fewer bits."""
    memory = memory_of(values)
    if memory is None:
        others = tuple(_cards(needed, size * 2.0**30, values.number("usable")) for size in _CARDS)
        return Result("Memory for inference", needed, "bytes", tuple(steps), tuple(parts),
                      others=others)  # fmt: skip
    usable, gpus = values.number("usable"), values.whole("gpus")
    room = memory * usable * gpus
    least = math.ceil(needed / (memory * usable) - 1e-9)
    fits = needed <= room
    values.cite("vllm-arguments")
    have = f"{gpus} × {shown(memory, 'bytes')} × {rounded(usable)}"
    others = (
        Step("memory that may be used", have, room, "bytes"),
        Step("left over" if fits else "too much by", "", abs(room - needed), "bytes"),
        Step("GPUs needed at least", f"{shown(needed, 'bytes')} / "
             f"{shown(memory * usable, 'bytes')}", least, "count"),
    )  # fmt: skip
    verdict = "It fits" if fits else f"It does not fit: at least {least} such GPUs are needed"
    if not fits and fewer:
        others += tuple(Step(f"with {rounded(b)} bits a weight", "", n, "bytes") for b, n in fewer)
        enough = [bits for bits, less in fewer if less <= room]
        verdict += f"; with {rounded(enough[0])} bits a weight it fits" if enough else (
            f"; nor with {rounded(fewer[-1][0])} bits a weight")  # fmt: skip
    if least > 1 and fits:
        values.assume("weights and cache are spread evenly over the GPUs (tensor parallelism)")
    return Result("Memory for inference", needed, "bytes", tuple(steps), tuple(parts),
                  verdict, fits, others)  # fmt: skip


_CARDS = (24, 48, 80)  # GiB, as cards have them


def _cards(needed: float, memory: float, usable: float) -> Step:
    """How many cards of a size hold it."""
    worked = f"{shown(needed, 'bytes')} / ({shown(memory, 'bytes')} × {rounded(usable)})"
    count = math.ceil(needed / (memory * usable) - 1e-9)
    return Step(f"cards of {memory / 2**30:.0f} GB needed", worked, count, "count")


def _room_for_cache(values: Values) -> tuple[float, float, list[Step]]:
    """Memory left for the cache over all GPUs, the weights, and the lines of that sum."""
    if values.given("cache_memory"):
        room = values.number("cache_memory")
        return room, 0.0, [Step("for the cache", "", room, "bytes")]
    memory = memory_of(values)
    if memory is None:
        raise values.missing("gpu", "memory")
    total, _ = parameters_of(values)
    stored = _stored(values)
    weights = weight_bytes(total, stored.bits)
    gpus, usable = values.whole("gpus"), values.number("usable")
    room = gpus * memory * usable - weights - float(values.read.get("overhead", 0)) * gpus
    values.cite("vllm-arguments")
    steps = [
        Step("weights", f"{shown(total, 'parameters')} × {rounded(stored.bits, 5)} bits / 8",
             weights, "bytes"),
        Step("left for the cache", f"{gpus} × {shown(memory, 'bytes')} × {rounded(usable)} - "
             f"{shown(weights, 'bytes')}", room, "bytes"),
    ]  # fmt: skip
    return room, weights, steps


def _context_that_fits(values: Values) -> Result:
    room, _, steps = _room_for_cache(values)
    shape = shape_of(values)
    groups = cache_groups(values, shape)
    each, sequences = values.precision("cache_precision").bytes, values.number("sequences")
    tokens = longest_context(groups, max(0.0, room), sequences, each)
    if not groups:
        raise CalculationError("this model keeps no cache that grows: any length fits",
                               field="model")  # fmt: skip
    steps.append(Step("a token", cache_sum(shape, groups[0]) + f" × {rounded(each)} bytes"
                      if len(groups) == 1 else "all layers", kv_bytes_per_token(groups, each),
                      "bytes"))  # fmt: skip
    verdict = "" if room > 0 else "The weights alone do not fit"
    if shape.context and tokens > shape.context:
        verdict = f"More than the {shape.context:,} tokens that the model is released for"
    return Result("Longest context that fits", tokens, "tokens", tuple(steps), verdict=verdict,
                  fits=None if room > 0 else False)  # fmt: skip


def _sequences_that_fit(values: Values) -> Result:
    room, _, steps = _room_for_cache(values)
    shape = shape_of(values)
    groups = cache_groups(values, shape)
    each, tokens = values.precision("cache_precision").bytes, values.number("tokens")
    one = kv_bytes(groups, tokens, 1, each)
    one += shape.hybrid.state_bytes_fp32 if shape.hybrid else 0.0
    fitting = max(0, math.floor(room / one + 1e-9))
    steps.append(Step("cache of a sequence", f"{tokens:,.0f} tokens", one, "bytes"))
    verdict = "" if room > 0 else "The weights alone do not fit"
    return Result("Sequences at once", fitting, "count", tuple(steps), verdict=verdict,
                  fits=None if room > 0 else False)  # fmt: skip


def _bits_that_fit(values: Values) -> Result:
    memory = memory_of(values)
    if memory is None:
        raise values.missing("gpu", "memory")
    gpus, usable = values.whole("gpus"), values.number("usable")
    room = memory * gpus * usable - float(values.read.get("overhead", 0)) * gpus
    bits = values.number("bits")
    if bits <= 0:
        raise CalculationError("bits must be above 0", field="bits")
    largest = room * 8 / bits
    step = Step("parameters", f"{shown(room, 'bytes')} × 8 / {rounded(bits)} bits", largest,
                "parameters")  # fmt: skip
    return Result("Parameters that fit, weights alone", largest, "parameters", (step,))


def _quantization(values: Values) -> Result:
    total, _ = parameters_of(values)
    memory = memory_of(values)
    if memory is None:
        raise values.missing("gpu", "memory")
    gpus, usable = values.whole("gpus"), values.number("usable")
    room = memory * gpus * usable - float(values.read.get("overhead", 0)) * gpus
    steps = [Step("memory that may be used", f"{gpus} × {shown(memory, 'bytes')} × "
                  f"{rounded(usable)}", room, "bytes")]  # fmt: skip
    shape = shape_of(values)
    if values.given("tokens") and shape.layers:
        stored = values.precision("cache_precision")
        tokens, sequences = values.number("tokens"), values.number("sequences")
        groups = cache_groups(values, shape)
        steps += _cache_steps(shape, groups, tokens, sequences, stored.bytes)
        room -= kv_bytes(groups, tokens, sequences, stored.bytes)
    else:
        values.assume("weights alone: no KV cache is counted")
    bits = max(0.0, room * 8 / total)
    steps.append(Step("bits a weight", f"{shown(max(0.0, room), 'bytes')} × 8 / "
                      f"{shown(total, 'parameters')}", bits, "bits"))  # fmt: skip
    known = [(precision(name).bits, name) for name in _KINDS]
    fits = max((kind for kind in known if kind[0] <= bits), default=None)
    verdict = f"{fits[1]} ({rounded(fits[0])} bits) fits" if fits else (
        f"Not even {known[-1][1]} ({rounded(known[-1][0])} bits) fits")  # fmt: skip
    larger = min((kind for kind in known if kind[0] > bits), default=None)
    if fits and larger:
        verdict += f", {larger[1]} ({rounded(larger[0])} bits) does not"
    values.cite("llama.cpp-quantize")
    return Result("Bits a weight that fit", bits, "bits", tuple(steps), verdict=verdict,
                  fits=fits is not None)  # fmt: skip


# From many bits to few, as weights are offered.
_KINDS = ("bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "int4", "q3_k_m", "iq3_xxs", "q2_k", "iq1_s")


def _bits_of_file(values: Values) -> Result:
    total, _ = parameters_of(values)
    file = values.number("file")
    bits = file * 8 / total
    step = Step("bits a weight", f"{shown(file, 'bytes')} × 8 / {shown(total, 'parameters')}",
                bits, "bits")  # fmt: skip
    return Result("Bits a weight of the file", bits, "bits", (step,))


def _bits_a_weight(values: Values) -> Result:
    if values.given("file"):
        return _bits_of_file(values)
    if not (values.given("precision") or values.given("bits")):
        raise values.missing("precision", "bits")
    stored = _stored(values)
    bits = stored.bits if values.given("bits") else round(stored.bits)
    group = values.whole("group")
    scale, zero = values.number("scale_bits"), values.number("zero_bits")
    found = scaled_bits(bits, group, scale, zero)
    beside = f"({rounded(scale)} + {rounded(zero)})" if zero else rounded(scale)
    step = Step("bits a weight", f"{rounded(bits)} + {beside} / {group}", found, "bits")
    others = [Step("overhead", "", found / bits - 1, "fraction")]
    if not values.given("zero_bits"):
        asymmetric = scaled_bits(bits, group, scale, bits)
        others.append(Step("with zero points of as many bits", "", asymmetric, "bits"))
    return Result("Bits a weight, scales counted", found, "bits", (step,), others=tuple(others))


_FITTING = (MACHINE, MEMORY_INPUT, GPUS, USABLE, OVERHEAD)
MEMORY = (
    Calculation(
        "parameters", "Parameters of a shape",
        "embedding + layers × (attention + feed-forward + norms) + output; attention = width × "
        "(2 × heads + 2 × KV heads) × head size; feed-forward = 2 (gated: 3) × width × inner size",
        "parameters", (MODEL, *WHOLE_SHAPE), _parameters, ("vaswani-2017", "shazeer-2020"),
    ),
    Calculation(
        "embedding-parameters", "Parameters of the embedding", "vocabulary × width", "parameters",
        (MODEL, size("vocabulary", "rows of the embedding", high=1e9),
         size("width", "hidden size (d_model)")),
        _embedding, ("vaswani-2017",),
    ),
    Calculation(
        "layer-parameters", "Parameters of one layer",
        "width × (2 × heads + 2 × KV heads) × head size + 2 (gated: 3) × width × inner size + "
        "norms", "parameters",
        (MODEL, *(each for each in WHOLE_SHAPE if each.name not in (
            "layers", "attention_layers", "vocabulary", "tied"))),
        _layer, ("vaswani-2017", "shazeer-2020"),
    ),
    Calculation(
        "weights", "Weights in memory", "parameters × bits a weight / 8", "bytes",
        (*MODEL_OR_PARAMETERS, PRECISION, BITS), _weights, ("frantar-2022",),
    ),
    Calculation(
        "bits-per-weight", "Bits a weight with the scales of its group",
        "bits + (bits of a scale + bits of a zero point) / group", "bits",
        (*MODEL_OR_PARAMETERS, PRECISION, BITS, size("group", "weights that share a scale"),
         Input("file", "bytes", "of the whole file, instead of a precision", low=1e5, high=1e16),
         Input("scale_bits", "bits", "a scale's", 16.0, low=0, high=64),
         Input("zero_bits", "bits", "a zero point's; 0 is symmetric", 0.0, low=0, high=64)),
        _bits_a_weight, ("frantar-2022",),
    ),
    Calculation(
        "kv-cache", "Keys and values in memory",
        "2 × layers × KV heads × head size × bytes × tokens × sequences; a layer with a window "
        "keeps at most its window; latent attention keeps one latent and one rotary key",
        "bytes", (MODEL, TOKENS, SEQUENCES, CACHE_PRECISION, *SHAPE), _cache, ("pope-2022",),
    ),
    Calculation(
        "inference-memory", "Memory to run a model, and whether it fits",
        "weights + KV cache + buffers ≤ GPUs × memory × usable share", "bytes",
        (*MODEL_OR_PARAMETERS, PRECISION, BITS, TOKENS, SEQUENCES, CACHE_PRECISION,
         *_FITTING, *SHAPE),
        _inference, ("pope-2022",),
    ),
    Calculation(
        "context-that-fits", "The longest context that fits a machine",
        "(GPUs × memory × usable share - weights) / (cache a token × sequences)", "tokens",
        (*MODEL_OR_PARAMETERS, PRECISION, BITS, SEQUENCES, CACHE_PRECISION, *_FITTING,
         CACHE_MEMORY, *SHAPE),
        _context_that_fits, ("pope-2022",),
    ),
    Calculation(
        "concurrent-sequences", "How many sequences fit at once",
        "⌊(GPUs × memory × usable share - weights) / cache of a sequence⌋", "count",
        (*MODEL_OR_PARAMETERS, PRECISION, BITS, TOKENS, CACHE_PRECISION, *_FITTING,
         CACHE_MEMORY, *SHAPE),
        _sequences_that_fit, ("pope-2022",),
    ),
    Calculation(
        "largest-model", "The most parameters whose weights fit a machine",
        "GPUs × memory × usable share × 8 / bits", "parameters",
        (MACHINE, MEMORY_INPUT, GPUS, USABLE, OVERHEAD,
         Input("bits", "bits", "bits a weight", 16.0, low=0.5, high=64)),
        _bits_that_fit, ("frantar-2022",),
    ),
    Calculation(
        "quantization-that-fits", "The most bits a weight with which a model fits a machine",
        "(GPUs × memory × usable share - KV cache) × 8 / parameters", "bits",
        (*MODEL_OR_PARAMETERS, TOKENS, SEQUENCES, CACHE_PRECISION, *_FITTING, *SHAPE),
        _quantization, ("frantar-2022",),
    ),
)  # fmt: skip
