"""Inputs that many calculations have, and how a shape comes about from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from index.calculations.registry import Input, Values
from index.calculations.shapes import CacheGroup, Experts, Hybrid, Latent, Shape, Window
from index.calculations.units import shown

__all__ = [
    "GPUS",
    "MACHINE",
    "MODEL",
    "MODEL_OR_PARAMETERS",
    "SEQUENCE",
    "SHAPE",
    "TRAINED_SHAPE",
    "WHOLE_SHAPE",
    "cache_groups",
    "cache_sum",
    "memory_of",
    "parameters_of",
    "shape_of",
    "size",
]


def size(name: str, meaning: str, low: float = 1, high: float = 1e7) -> Input:
    """An input that counts parts of a model: whole and bounded."""
    return Input(name, "count", meaning, low=low, high=high, whole=True)


MODEL = Input("model", "model", "a public model by name; gives the shape")
PARAMETERS = Input("parameters", "parameters", "parameters in all", low=1, high=1e15)
MODEL_OR_PARAMETERS = (MODEL, PARAMETERS)
MACHINE = Input("gpu", "machine", "a GPU, accelerator or CPU by name")
GPUS = Input("gpus", "count", "how many of them", 1, low=1, high=1e6, whole=True)
SHAPE = (
    size("layers", "transformer layers", high=10_000),
    size("width", "hidden size (d_model)"),
    size("heads", "attention heads", high=100_000),
    size("kv_heads", "heads that keep keys and values; 1 is multi-query", high=100_000),
    size("head_size", "dimensions of a head's keys", high=100_000),
    size("value_head_size", "dimensions of a head's values, where they differ", high=100_000),
    size("window", "tokens that a layer with a sliding window sees", high=1e9),
    size("window_every", "of each so many layers …", high=1000),
    size("window_global", "… so many see everything", low=0, high=1000),
    size("attention_layers", "layers that keep keys and values, in hybrids", low=0, high=10_000),
    size("kv_rank", "the latent's dimensions (MLA)", high=100_000),
    size("rope_head_size", "the rotary key's dimensions beside the latent (MLA)", high=100_000),
)
TRAINED_SHAPE = (
    size("layers", "transformer layers", high=10_000),
    size("width", "hidden size (d_model)"),
    size("heads", "attention heads", high=100_000),
    size("kv_heads", "heads that keep keys and values", high=100_000),
    size("head_size", "dimensions of a head", high=100_000),
    size("ffn_width", "inner size of the feed-forward layer"),
    size("vocabulary", "rows of the embedding", high=1e9),
)
SEQUENCE = Input("sequence", "tokens", "tokens a sequence", low=1, high=1e9, whole=True)
WHOLE_SHAPE = (
    *SHAPE,
    size("ffn_width", "inner size of the feed-forward layer"),
    Input("gated", "flag", "whether the feed-forward layer is gated (SwiGLU): three matrices"),
    size("vocabulary", "rows of the embedding", high=1e9),
    Input("tied", "flag", "whether the output shares the embedding"),
    size("experts", "experts a layer (mixture of experts)", high=100_000),
    size("experts_per_token", "experts that a token passes through", high=100_000),
    size("shared_experts", "experts that every token passes through", low=0, high=1000),
    size("expert_width", "inner size of an expert"),
)


def shape_of(values: Values) -> Shape:
    """The shape: the named model's, with what is given in its place; what follows is derived."""
    names = {each.name for each in values.calculation.inputs}
    model = values.model
    shape = model.shape if model else Shape()
    plain = ("layers", "width", "heads", "kv_heads", "head_size", "value_head_size", "ffn_width",
             "vocabulary", "gated", "tied")  # fmt: skip
    taken = {name: values.read[name] for name in plain if name in names and values.given(name)}
    changes: dict[str, Any] = {
        name: value if isinstance(value, bool) else round(value) for name, value in taken.items()
    }
    shape = replace(shape, **changes)
    shape = _parts(values, shape)
    return shape if model and not taken else _derived(values, shape)


def _parts(values: Values, shape: Shape) -> Shape:
    given = values.given
    if given("window"):
        every, seeing = values.read.get("window_every", 1), values.read.get("window_global", 0)
        alone = not given("window_every") and not given("window_global")
        if shape.window and alone:
            window = replace(shape.window, size=values.whole("window"))
        else:
            window = Window(values.whole("window"), round(every), round(seeing))
            if alone:
                values.assume("every layer has the window")
        shape = replace(shape, window=window)
    if given("attention_layers"):
        shape = replace(shape, hybrid=Hybrid(values.whole("attention_layers")))
    if given("kv_rank"):
        rope = values.read.get("rope_head_size", 64)
        if not given("rope_head_size"):
            values.assume("a rotary key of 64 dimensions beside the latent, as DeepSeek-V2 has")
        shape = replace(shape, mla=Latent(values.whole("kv_rank"), round(rope), 128, 128))
    if given("experts"):
        shape = replace(
            shape,
            moe=Experts(
                values.whole("experts"),
                round(values.read.get("experts_per_token", 2)),
                round(values.read.get("shared_experts", 0)),
                round(values.read.get("expert_width", 0)),
            ),
        )
        if not given("experts_per_token"):
            values.assume("2 experts a token")
    return shape


def _derived(values: Values, shape: Shape) -> Shape:
    if not shape.heads and shape.width and shape.head_size:
        shape = replace(shape, heads=shape.width // shape.head_size)
    if not shape.head_size and shape.width and shape.heads:
        shape = replace(shape, head_size=shape.width // shape.heads)
        values.assume(f"heads of {shape.width:,} / {shape.heads} = {shape.head_size} dimensions")
    if not shape.width and shape.heads and shape.head_size:
        shape = replace(shape, width=shape.heads * shape.head_size)
    if not shape.kv_heads and shape.heads:
        shape = replace(shape, kv_heads=shape.heads)
        values.assume("as many KV heads as heads (multi-head attention)")
    if not shape.heads and shape.kv_heads:
        shape = replace(shape, heads=shape.kv_heads)
    return shape


def cache_groups(values: Values, shape: Shape) -> tuple[CacheGroup, ...]:
    """What the layers keep of each token.

    Raises:
        CalculationError: the shape does not say.
    """
    if not shape.layers and shape.hybrid:
        shape = replace(shape, layers=shape.hybrid.attention_layers)
    if shape.hybrid and not shape.hybrid.attention_layers and shape.hybrid.state_bytes_fp32:
        return ()
    for name, known in (
        ("layers", shape.layers),
        ("kv_heads", shape.mla or shape.kv_heads),
        ("head_size", shape.mla or shape.head_size),
    ):
        if not known:
            raise values.missing(name, "model")
    if shape.mla:
        values.cite("deepseek-v2")
    elif shape.kv_heads == 1 and shape.heads > 1:
        values.cite("shazeer-2019")
    elif shape.kv_heads < shape.heads:
        values.cite("ainslie-2023")
    return shape.cache_groups()


def cache_sum(shape: Shape, group: CacheGroup) -> str:
    """How many numbers a token takes in a group of layers, as a product."""
    if shape.window and shape.window.global_heads and not group.reach:
        window = shape.window
        heads = f"{window.global_heads} KV heads × {window.global_head_size}"
        return f"2 × {group.layers} layers × {heads}"
    if shape.mla:
        mla = shape.mla
        return f"{group.layers} layers × ({mla.kv_rank} latent + {mla.rope_head_size} rotary key)"
    if shape.value_size != shape.head_size:
        heads = f"{shape.kv_heads} KV heads × ({shape.head_size} + {shape.value_size})"
        return f"{group.layers} layers × {heads}"
    plural = "head" if shape.kv_heads == 1 else "heads"
    return f"2 × {group.layers} layers × {shape.kv_heads} KV {plural} × {shape.head_size}"


def parameters_of(values: Values) -> tuple[float, float]:
    """Parameters in all, and those that a token passes through.

    Raises:
        CalculationError: neither a model nor a number was given.
    """
    if values.given("parameters"):
        total = values.number("parameters")
        active = values.read.get("active_parameters", total)
        if active > total:
            raise values.spec("active_parameters")._refused(
                values.read["active_parameters"], f"at most the {shown(total, 'parameters')} in all"
            )
        return total, float(active)
    model = values.model
    if model is None:
        raise values.missing("model", "parameters")
    if model.vision_parameters:
        values.assume("the language model alone, without what reads images "
                      f"({shown(model.vision_parameters, 'parameters')})")  # fmt: skip
    return model.parameters, float(values.read.get("active_parameters", model.active_parameters))


def memory_of(values: Values) -> float | None:
    """The memory of one machine in bytes, None where none was named."""
    if values.given("memory"):
        return values.number("memory")
    machine = values.machine
    return machine.memory_bytes if machine else None
