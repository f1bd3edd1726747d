"""Calculations of training: memory, compute, tokens, time, cost, parallelism."""

from __future__ import annotations

import math

from index.calculations import training
from index.calculations.catalogue.shared import (
    GPUS,
    MACHINE,
    MODEL,
    MODEL_OR_PARAMETERS,
    memory_of,
    parameters_of,
    shape_of,
    size,
)
from index.calculations.memory import (
    OPTIMIZERS,
    TrainingState,
    activation_bytes,
    logit_bytes,
    training_state,
    weight_bytes,
)
from index.calculations.parameters import lora, targets_of
from index.calculations.precisions import precision
from index.calculations.registry import Calculation, Input, Part, Result, Step, Values
from index.calculations.shapes import Machine, Shape
from index.calculations.units import CalculationError, rounded, shown

__all__ = ["TRAINING"]

_SHAPE = (
    size("layers", "transformer layers", high=10_000),
    size("width", "hidden size (d_model)"),
    size("heads", "attention heads", high=100_000),
    size("kv_heads", "heads that keep keys and values", high=100_000),
    size("head_size", "dimensions of a head", high=100_000),
    size("ffn_width", "inner size of the feed-forward layer"),
    size("vocabulary", "rows of the embedding", high=1e9),
)
TOKENS = Input("tokens", "tokens", "tokens trained on", low=1, high=1e16)
SEQUENCE = Input("sequence", "tokens", "tokens a sequence", low=1, high=1e9, whole=True)
BATCH = Input("batch", "count", "sequences a GPU at once (micro batch)", 1, low=1, high=1e6,
              whole=True)  # fmt: skip
RANK = Input("rank", "count", "LoRA's rank", 16, low=1, high=100_000, whole=True)
TARGETS = Input("targets", "text", "the matrices adapted: all, attention, or q,k,v,o,gate,up,down",
                "all")  # fmt: skip
MFU = Input("mfu", "fraction", "model FLOP utilization", 0.4, low=0.001, high=1)
PEAK = Input("peak", "FLOP/s", "a GPU's dense peak", low=1e9, high=1e18)
PRICE = Input("price", "USD/h", "a GPU's price an hour", low=0, high=1e6)


def _memory(values: Values) -> Result:
    total, _ = parameters_of(values)
    method, optimizer = values.text("method"), OPTIMIZERS[values.text("optimizer")]
    arithmetic = values.text("arithmetic")
    trained, frozen = total, 0.0
    if method != "full":
        trained, frozen = _adapters(values, total, method)
    bytes_each = 4.0 if arithmetic == "fp32" else 2.0
    gpus = values.whole("gpus")
    stages = [values.whole("zero")] if values.given("zero") else _stages(gpus)
    activations = _activations(values)
    states = {
        stage: training_state(trained, frozen, optimizer, mixed=arithmetic == "mixed",
                              bytes_each=bytes_each, zero=stage, gpus=gpus)
        for stage in stages
    }  # fmt: skip
    chosen = stages[0]
    memory = memory_of(values)
    extra = sum(part.value for part in activations)
    if memory and len(stages) > 1:
        chosen = next((s for s in stages if states[s].total + extra <= memory), stages[-1])
    state = states[chosen]
    held = frozen / (gpus if chosen >= 3 else 1)
    parts = [Part(*row) for row in (("frozen weights", held), ("weights", state.weights - held),
             ("gradients", state.gradients), ("optimizer", state.optimizer)) if row[1]]  # fmt: skip
    parts += activations
    needed = state.total + extra
    steps = _state_steps(values, trained, frozen, state, chosen)
    steps += tuple(Step(part.label, "", part.value, "bytes") for part in activations)
    others = tuple(
        Step(_stage_name(stage, gpus), "", states[stage].total + extra, "bytes")
        for stage in stages
        if len(stages) > 1
    )
    if optimizer.name != "adamw" and method == "full":
        usual = training_state(trained, frozen, OPTIMIZERS["adamw"], mixed=arithmetic == "mixed",
                               bytes_each=bytes_each, zero=chosen, gpus=gpus)  # fmt: skip
        saved = Step("saved against AdamW", "", usual.total - state.total, "bytes")
        others += (saved,) if saved.value > 0 else ()
    label = "Memory for training" + (f" on each of {gpus} GPUs" if gpus > 1 else "")
    if len(stages) > 1:
        label += f" ({_stage_name(chosen, gpus)})"
    if memory is None:
        return Result(label, needed, "bytes", steps, tuple(parts), others=others)
    fits = needed <= memory
    verdict = "It fits" if fits else "It does not fit"
    verdict += f" {shown(memory, 'bytes')}" + (" a GPU" if gpus > 1 else "")
    if fits and not activations:
        verdict += f", with {shown(memory - needed, 'bytes')} left for activations"
    return Result(label, needed, "bytes", steps, tuple(parts), verdict, fits, others)


def _stages(gpus: int) -> list[int]:
    return [0, 1, 2, 3] if gpus > 1 else [0]


def _stage_name(stage: int, gpus: int) -> str:
    if gpus == 1:
        return "one GPU"
    names = ("plain data parallelism", "ZeRO-1", "ZeRO-2", "ZeRO-3 or FSDP")
    return names[stage]


def _adapters(values: Values, total: float, method: str) -> tuple[float, float]:
    """Trained parameters, and bytes of the frozen ones."""
    shape = shape_of(values)
    stored = precision("nf4" if method == "qlora" else "bf16")
    if values.given("base_precision"):
        stored = values.precision("base_precision")
    values.assume(f"the frozen weights in {stored.name} ({rounded(stored.bits)} bits)")
    values.cite("hu-2021")
    if method == "qlora":
        values.cite("dettmers-2023")
    if values.given("trainable"):
        trained = values.number("trainable")
    elif shape.layers and shape.width and shape.ffn_width:
        trained = float(lora(shape, values.whole("rank"), targets_of(values.text("targets"))))
    else:
        trained = 0.01 * total
        values.assume("1 % of the parameters trained: the shape was not given")
    return trained, weight_bytes(total, stored.bits)


def _activations(values: Values) -> list[Part]:
    shape = shape_of(values)
    if not values.given("sequence") or not (shape.layers and shape.width and shape.heads):
        values.assume(
            "activations are not counted: "
            + ("the shape" if values.given("sequence") else "the sequence length")
            + " was not given"
        )
        return []
    tokens, batch = values.number("sequence"), values.number("batch")
    checkpointing, flash = values.flag("checkpointing"), values.flag("flash")
    values.assume(
        ("activations with" if checkpointing else "activations without") + " checkpointing, "
        + ("FlashAttention (no stored scores)" if flash else "the scores stored")
    )  # fmt: skip
    values.cite("korthikanti-2022")
    parts = [
        Part("activations", activation_bytes(shape.layers, shape.width, shape.heads, tokens, batch,
                                             checkpointing=checkpointing, flash=flash))
    ]  # fmt: skip
    if shape.vocabulary:
        parts.append(Part("logits", logit_bytes(tokens, batch, shape.vocabulary)))
    return parts


def _state_steps(
    values: Values, trained: float, frozen: float, state: TrainingState, stage: int
) -> tuple[Step, ...]:
    gpus, arithmetic = values.whole("gpus"), values.text("arithmetic")
    optimizer = OPTIMIZERS[values.text("optimizer")]
    each = 4 if arithmetic == "fp32" else 2
    kept = optimizer.state + (4 if arithmetic == "mixed" else 0)
    shared = [f" / {gpus}" if stage >= least and gpus > 1 else "" for least in (1, 2, 3)]
    count = shown(trained, "parameters")
    state_of = f"{optimizer.name}" + (" and master weights" if arithmetic == "mixed" else "")
    held = frozen / (gpus if stage >= 3 else 1)
    still = (Step("frozen weights", f"{shown(frozen, 'bytes')}{shared[2]}", held, "bytes"),)
    return (
        *(still if frozen else ()),
        Step("weights", f"{count} × {each} bytes{shared[2]}", state.weights - held, "bytes"),
        Step("gradients", f"{count} × {each} bytes{shared[1]}", state.gradients, "bytes"),
        Step(f"state of {state_of}", f"{count} × {rounded(kept)} bytes{shared[0]}",
             state.optimizer, "bytes"),
    )  # fmt: skip


def _activation_memory(values: Values) -> Result:
    shape = shape_of(values)
    for name in ("layers", "width"):
        if not getattr(shape, name):
            raise values.missing(name, "model")
    if not shape.heads and not values.flag("flash"):
        raise values.missing("heads", "model")
    if not values.given("sequence"):
        raise values.missing("sequence")
    parts = _activations(values)
    tokens, batch, width = values.number("sequence"), values.number("batch"), shape.width
    size = f"{tokens:,.0f} tokens × {rounded(batch)} sequences × {width:,}"
    layer = (
        "34" if values.flag("flash") else f"(34 + 5 × {shape.heads} × {tokens:,.0f} / {width:,})"
    )
    whole = f"{shape.layers} layers × {layer} × {size}"
    if values.flag("checkpointing"):
        whole = f"({shape.layers} layers × 2 + {layer}) × {size}"
    steps = tuple(
        Step(part.label, whole if part.label == "activations" else
             f"8 × {tokens:,.0f} × {rounded(batch)} × {shape.vocabulary:,}", part.value, "bytes")
        for part in parts
    )  # fmt: skip
    return Result("Activations", parts[0].value, "bytes", steps, tuple(parts))


def _logits(values: Values) -> Result:
    model = values.model
    vocabulary = values.optional("vocabulary") or (model.shape.vocabulary if model else 0)
    if not vocabulary:
        raise values.missing("vocabulary", "model")
    stored = values.precision()
    tokens, batch = values.number("sequence"), values.number("batch")
    size = tokens * batch * vocabulary * stored.bytes
    many = f" × {rounded(batch)} sequences" if batch > 1 else ""
    step = Step("logits", f"{tokens:,.0f} tokens{many} × {vocabulary:,.0f} × "
                f"{rounded(stored.bytes)} bytes", size, "bytes")  # fmt: skip
    others = (Step("with their gradient", "2 ×", 2 * size, "bytes"),)
    return Result(f"Logits in {stored.name}", size, "bytes", (step,), others=others)


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


def _lora(values: Values) -> Result:
    shape = shape_of(values)
    for name in ("layers", "width"):
        if not getattr(shape, name):
            raise values.missing(name, "model")
    targets = targets_of(values.text("targets"))
    if not targets:
        raise values.spec("targets")._refused(
            values.text("targets"), "some of q,k,v,o,gate,up,down"
        )
    if not shape.heads:
        from dataclasses import replace

        shape = replace(shape, heads=1, kv_heads=1, head_size=shape.width)
        values.assume("query, key and value as wide as the hidden size")
    if {"gate", "up", "down"} & set(targets) and not shape.ffn_width and not shape.moe:
        raise values.missing("ffn_width", "model")
    rank = values.whole("rank")
    total = lora(shape, rank, targets)
    model = values.model
    steps = [
        Step(name, f"{shape.layers} layers × {rank} × (d_in + d_out)",
             lora(shape, rank, (name,)), "parameters")
        for name in targets
        if lora(shape, rank, (name,))
    ]  # fmt: skip
    others = []
    if model:
        others.append(Step("share of the model", "", total / model.parameters, "fraction"))
    others.append(Step("adapter in 16 bits", "", total * 2.0, "bytes"))
    return Result("Trainable parameters of LoRA", total, "parameters", tuple(steps),
                  others=tuple(others))  # fmt: skip


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
    if values.given("compute"):
        flop = values.number("compute")
        parameters, tokens = training.compute_optimal(flop, ratio)
        root = f"√({shown(flop, 'FLOP')} / (6 × {rounded(ratio)}))"
        steps: tuple[Step, ...] = (Step("parameters", root, parameters, "parameters"),
                 Step("tokens", f"{rounded(ratio)} × {shown(parameters, 'parameters')}", tokens,
                      "tokens"))  # fmt: skip
        label, value, unit = "Compute-optimal parameters", parameters, "parameters"
        others: tuple[Step, ...] = (Step("compute-optimal tokens", "", tokens, "tokens"),)
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


def _peak_of(values: Values) -> float:
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
    peak, gpus, mfu = _peak_of(values), values.whole("gpus"), values.number("mfu")
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
    if values.given("price"):
        verdict = f"Cost: {shown(seconds / 3600 * gpus * values.number('price'), 'USD')}"
    return Result("Training time", seconds, "s", tuple(steps), verdict=verdict,
                  others=tuple(others))  # fmt: skip


def _mfu(values: Values) -> Result:
    _, active = parameters_of(values)
    rate, gpus, peak = values.number("throughput"), values.whole("gpus"), _peak_of(values)
    share = training.mfu(active, rate, gpus, peak)
    step = Step("MFU", f"6 × {shown(active, 'parameters')} × {shown(rate, 'tokens/s')} / "
                f"({gpus:,} × {shown(peak, 'FLOP/s')})", share, "fraction")  # fmt: skip
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


def _shape_known(shape: Shape) -> bool:
    return bool(shape.layers and shape.width)


_PRECISION = Input("precision", "precision", "of the arithmetic", "bf16")
_COUNTED = (
    *MODEL_OR_PARAMETERS,
    Input("active_parameters", "parameters", "that a token passes through (mixture of experts)",
          low=1, high=1e15),
)  # fmt: skip
TRAINING = (
    Calculation(
        "training-memory", "Memory to train, and whether it fits",
        "weights + gradients + optimizer's state (+ activations, logits); ZeRO-1 shares the "
        "optimizer's state among the GPUs, ZeRO-2 the gradients too, ZeRO-3 (FSDP) the weights too",
        "bytes",
        (*MODEL_OR_PARAMETERS,
         Input("method", "text", "all parameters, or adapters", "full",
               choices=("full", "lora", "qlora")),
         Input("optimizer", "text", "what updates them", "adamw", choices=tuple(OPTIMIZERS)),
         Input("arithmetic", "text", "mixed keeps master weights in 32 bits", "mixed",
               choices=("mixed", "bf16", "fp32")),
         Input("zero", "count", "ZeRO stage; 3 is FSDP's full sharding", 0, low=0, high=3,
               whole=True),
         GPUS, MACHINE, Input("memory", "bytes", "memory of one GPU", low=1e6, high=1e16),
         SEQUENCE, BATCH,
         Input("checkpointing", "flag", "whether activations are recomputed", default=False),
         Input("flash", "flag", "whether the scores are not stored", default=True),
         RANK, TARGETS,
         Input("trainable", "parameters", "trained parameters of the adapters", low=1, high=1e15),
         Input("base_precision", "precision", "of the frozen weights"), *_SHAPE),
        _memory, ("rajbhandari-2020",),
    ),
    Calculation(
        "activations", "Activations kept for the backward pass",
        "layers × s · b · h × 34, and 5 · a · s / h more where the scores are stored; with "
        "checkpointing 2 · s · b · h a layer and one layer's own", "bytes",
        (MODEL, SEQUENCE, BATCH,
         Input("checkpointing", "flag", "whether activations are recomputed", default=False),
         Input("flash", "flag", "whether the scores are not stored", default=True), *_SHAPE),
        _activation_memory, ("korthikanti-2022",),
    ),
    Calculation(
        "logits", "Logits of a batch", "tokens × vocabulary × bytes", "bytes",
        (MODEL, SEQUENCE, BATCH, size("vocabulary", "rows of the output", high=1e9),
         Input("precision", "precision", "of the logits", "fp32")),
        _logits, ("vaswani-2017",),
    ),
    Calculation(
        "energy", "Energy of machines that run", "GPUs × watts × hours × PUE", "J",
        (MACHINE, GPUS, Input("watts", "W", "power of a GPU", low=0, high=1e6),
         Input("hours", "count", "how long, in hours", low=0, high=1e8),
         Input("pue", "factor", "the data centre's overhead", 1.0, low=1, high=5),
         Input("kwh_price", "USD", "price of a kilowatt-hour", low=0, high=1000)),
        _energy, ("patterson-2021",),
    ),
    Calculation(
        "lora-parameters", "Trainable parameters of LoRA",
        "layers × Σ rank × (d_in + d_out) over the adapted matrices", "parameters",
        (MODEL, RANK, TARGETS, *_SHAPE), _lora, ("hu-2021",),
    ),
    Calculation(
        "training-compute", "Compute of training",
        "6 · N · D; exactly, 12 · L · H · Q · T more a token for the scores", "FLOP",
        (*_COUNTED, TOKENS, SEQUENCE, *_SHAPE), _compute, ("kaplan-2020",),
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
