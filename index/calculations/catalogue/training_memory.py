"""Calculations of what training takes: states, activations, logits, adapters."""

from __future__ import annotations

import math

from index.calculations.catalogue.shared import (
    GPUS,
    MACHINE,
    MODEL,
    MODEL_OR_PARAMETERS,
    SEQUENCE,
    TRAINED_SHAPE,
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
from index.calculations.units import rounded, shown

__all__ = ["TRAINING_MEMORY"]

BATCH = Input("batch", "count", "sequences a GPU at once (micro batch)", 1, low=1, high=1e6,
              whole=True)  # fmt: skip
RANK = Input("rank", "count", "LoRA's rank", 16, low=1, high=100_000, whole=True)
TARGETS = Input("targets", "text", "the matrices adapted: all, attention, or q,k,v,o,gate,up,down",
                "all")  # fmt: skip


def _memory(values: Values) -> Result:
    total, _ = parameters_of(values)
    method, arithmetic = values.text("method"), values.text("arithmetic")
    optimizer = OPTIMIZERS[values.text("optimizer")]
    trained, frozen = _adapters(values, total, method) if method != "full" else (total, 0.0)
    bytes_each = 4.0 if arithmetic == "fp32" else 2.0
    stages = _stages(values, gpus := values.whole("gpus"))
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
    others = _each_stage(states, gpus, extra)
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
    if fits:
        shared = chosen if len(stages) > 1 else 0
        left = 0.0 if activations else memory - needed
        verdict += _room(gpus, shared, left, states[stages[0]].total + extra)
    else:
        verdict += _least(memory - extra, states[stages[0]], gpus, stages[0])
        others += (tried := _with_adapters(values, total, extra))
        verdict += _told_of(tried, memory)
    return Result(label, needed, "bytes", steps, tuple(parts), verdict, fits, others)


def _each_stage(states: dict[int, TrainingState], gpus: int, extra: float) -> tuple[Step, ...]:
    """What each way of sharing takes, where there are several."""
    if len(states) == 1:
        return ()
    return tuple(
        Step(_stage_name(stage, gpus), "", state.total + extra, "bytes")
        for stage, state in states.items()
    )


def _least(room: float, state: TrainingState, gpus: int, stage: int) -> str:
    """How many GPUs hold the states if all is shared among them, as far as that is known."""
    if room <= 0 or (stage and gpus > 1):
        return ""
    least = math.ceil(state.total / room - 1e-9)
    return f"; shared by ZeRO-3 or FSDP, at least {least} such GPUs hold it"


def _room(gpus: int, stage: int, left: float, unshared: float) -> str:
    """How it fits: by which sharing, and what is left."""
    told = f" with {_stage_name(stage, gpus)}" if stage else ""
    told += f", {shown(left, 'bytes')} left for activations" if left else ""
    if stage:
        told += f"; plain data parallelism would take {shown(unshared, 'bytes')}"
    return told


def _stages(values: Values, gpus: int) -> list[int]:
    """The stages of ZeRO that come into question: as given, else all."""
    if values.given("zero"):
        return [values.whole("zero")]
    return [0, 1, 2, 3] if gpus > 1 else [0]


def _stage_name(stage: int, gpus: int) -> str:
    if gpus == 1:
        return "one GPU"
    names = ("plain data parallelism", "ZeRO-1", "ZeRO-2", "ZeRO-3 or FSDP")
    return names[stage]


_ADAPTED = {"with LoRA": "bf16", "with QLoRA": "nf4"}


def _with_adapters(values: Values, total: float, extra: float) -> tuple[Step, ...]:
    """What training adapters would take, where nothing else was said: frozen in 16 and 4 bits."""
    if values.given("method"):
        return ()
    shape = shape_of(values)
    if shape.layers and shape.width and shape.ffn_width:
        trained = float(lora(shape, values.whole("rank"), targets_of(values.text("targets"))))
    else:
        trained = 0.01 * total
        values.assume("1 % of the parameters trained with LoRA: the shape was not given")
    steps = []
    for label, name in _ADAPTED.items():
        frozen = weight_bytes(total, precision(name).bits)
        state = training_state(trained, frozen, OPTIMIZERS["adamw"], mixed=True, bytes_each=2.0,
                               zero=0, gpus=1)  # fmt: skip
        worked = f"frozen weights in {name}, {shown(trained, 'parameters')} trained"
        steps.append(Step(label, worked, state.total + extra, "bytes"))
    values.cite("hu-2021", "dettmers-2023")
    return tuple(steps)


def _told_of(tried: tuple[Step, ...], memory: float) -> str:
    if not tried:
        return ""
    enough = [step.label for step in tried if step.value <= memory]
    return f"; {' or '.join(enough)} it fits" if enough else "; nor with QLoRA"


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
    checkpointing, flash = values.flag("checkpointing"), values.flag("flash")
    shaped = shape.layers and shape.width and (shape.heads or flash)
    if not values.given("sequence") or not shaped:
        values.assume(
            "activations are not counted: "
            + ("the shape" if values.given("sequence") else "the sequence length")
            + " was not given"
        )
        return []
    tokens, batch = values.number("sequence"), values.number("batch")
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
    whole = f"{shown(frozen, 'bytes')}{shared[2]}" if shared[2] else ""
    still = (Step("frozen weights", whole, held, "bytes"),)
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


def _one_matrix(values: Values) -> Result:
    rank, rows, columns = values.whole("rank"), values.whole("rows"), values.whole("columns")
    total = rank * (rows + columns)
    step = Step("A and B", f"{rank} × ({rows:,} + {columns:,})", total, "parameters")
    share = total / (rows * columns)
    others = (Step("share of the matrix", f"of {rows:,} × {columns:,}", share, "fraction"),)
    return Result("Trainable parameters of LoRA", total, "parameters", (step,), others=others)


def _lora(values: Values) -> Result:
    if values.given("rows") and values.given("columns"):
        return _one_matrix(values)
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


TRAINING_MEMORY = (
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
         Input("base_precision", "precision", "of the frozen weights"), *TRAINED_SHAPE),
        _memory, ("rajbhandari-2020",),
    ),
    Calculation(
        "activations", "Activations kept for the backward pass",
        "layers × s · b · h × 34, and 5 · a · s / h more where the scores are stored; with "
        "checkpointing 2 · s · b · h a layer and one layer's own", "bytes",
        (MODEL, SEQUENCE, BATCH,
         Input("checkpointing", "flag", "whether activations are recomputed", default=False),
         Input("flash", "flag", "whether the scores are not stored", default=True), *TRAINED_SHAPE),
        _activation_memory, ("korthikanti-2022",),
    ),
    Calculation(
        "logits", "Logits of a batch", "tokens × vocabulary × bytes", "bytes",
        (MODEL, SEQUENCE, BATCH, size("vocabulary", "rows of the output", high=1e9),
         Input("precision", "precision", "of the logits", "fp32")),
        _logits, ("vaswani-2017",),
    ),
    Calculation(
        "lora-parameters", "Trainable parameters of LoRA",
        "layers × Σ rank × (d_in + d_out) over the adapted matrices", "parameters",
        (MODEL, RANK, TARGETS,
         size("rows", "of the one matrix adapted, instead of a model", high=1e9),
         size("columns", "of that matrix", high=1e9), *TRAINED_SHAPE), _lora, ("hu-2021",),
    ),
)  # fmt: skip
