"""How many parameters a transformer has, counted from its shape.

Each matrix is counted once, biases and norms too, as the released checkpoints hold them. The
count of every shape in `models.yaml` agrees with its published total within 1 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from index.calculations.shapes import Experts, Shape

__all__ = [
    "Count",
    "attention",
    "count",
    "count_layer",
    "countable",
    "feed_forward",
    "lora",
    "targets_of",
]


@dataclass(frozen=True, slots=True)
class Count:
    """Parameters by part; `active` are those that one token passes through.

    `embedding` is the input's table, learned positions included; `head` the output's, 0 where
    it is the embedding's.
    """

    embedding: int
    attention: int
    feed_forward: int
    norms: int
    head: int
    active: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.embedding + self.attention + self.feed_forward + self.norms + self.head


def countable(shape: Shape) -> bool:
    """Tell whether a shape says enough to count its parameters; hybrids' states are not shapes."""
    return bool(
        shape.layers and shape.width and shape.heads and shape.vocabulary and not shape.hybrid
    )


def attention(shape: Shape) -> int:
    """Parameters of one layer's attention: W_Q, W_K, W_V, W_O, and their biases.

    width · (2 · heads + kv_heads) · head_size + width · kv_heads · value_size; with latent
    attention the factored projections of DeepSeek-V2 (DeepSeek-AI 2024, section 2.1).

    >>> attention(Shape(width=4096, heads=32, kv_heads=8, head_size=128))
    41943040
    """
    d, h = shape.width, shape.heads
    if shape.mla:
        mla = shape.mla
        key = mla.nope_head_size + mla.rope_head_size
        query = d * h * key if not mla.q_rank else mla.q_rank * (d + 1 + h * key)
        latent = d * (mla.kv_rank + mla.rope_head_size) + mla.kv_rank
        unfolded = mla.kv_rank * h * (mla.nope_head_size + mla.value_head_size)
        return query + latent + unfolded + h * mla.value_head_size * d
    query, key = h * shape.head_size, shape.kv_heads * shape.head_size
    value, out = shape.kv_heads * shape.value_size, h * shape.value_size
    total = d * (query + key + (0 if shape.shared_kv else value)) + out * d
    if shape.biases in ("qkv", "all"):
        total += query + key + value
    if shape.biases == "all":
        total += d
    return total + (2 * shape.head_size if shape.qk_norm else 0)


def feed_forward(shape: Shape, width: int) -> int:
    """Parameters of one feed-forward block: two matrices, three where it is gated, and biases.

    >>> feed_forward(Shape(width=4096, gated=True), 14336)
    176160768
    """
    matrices = (3 if shape.gated else 2) * shape.width * width
    biases = (width * (2 if shape.gated else 1) + shape.width) if shape.biases == "all" else 0
    return matrices + biases


def count(shape: Shape) -> Count:
    """Count a shape's parameters.

    GPT-2 small (Radford et al. 2019) has 124,439,808:

    >>> count(Shape(layers=12, width=768, heads=12, kv_heads=12, head_size=64, ffn_width=3072,
    ...     gated=False, vocabulary=50257, context=1024, tied=True, biases="all", norm="layer",
    ...     position="learned")).total
    124439808

    Args:
        shape: an architecture for which `countable` holds.
    """
    norm = shape.width * (2 if shape.norm == "layer" else 1)
    layers = shape.layers
    attending = sum(attention(part) * part.layers for part in _alike(shape))
    norms = layers * shape.norms_per_layer * norm + norm
    whole, used = _feed_forwards(shape)
    if shape.encoder_layers and shape.decoder_layers:
        # An encoder-decoder's decoder attends to the encoder as well.
        layers = shape.encoder_layers + shape.decoder_layers
        attending = attention(shape) * (layers + shape.decoder_layers)
        norms = (2 * shape.encoder_layers + 3 * shape.decoder_layers + 2) * norm
        whole = used = layers * feed_forward(shape, shape.ffn_width)
    positions = shape.context * shape.width if shape.position == "learned" else 0
    table = shape.vocabulary * shape.width
    head = 0 if shape.tied else table
    return Count(
        embedding=table + positions,
        attention=attending,
        feed_forward=whole,
        norms=norms,
        head=head,
        active=table + positions + attending + used + norms + head,
    )


def _alike(shape: Shape) -> tuple[Shape, ...]:
    """The shape once, or as its layers with a window and those that see everything in turn."""
    window = shape.window
    if window is None or not window.global_heads:
        return (shape,)
    seeing = replace(
        shape,
        layers=shape.global_layers,
        kv_heads=window.global_heads,
        head_size=window.global_head_size,
        shared_kv=window.global_shared,
        window=None,
    )
    return replace(shape, layers=shape.layers - shape.global_layers, window=None), seeing


def count_layer(shape: Shape) -> Count:
    """Count one layer; of a mixture of experts one that has them.

    Llama 3.1 8B has 218,112,000 a layer:

    >>> count_layer(Shape(layers=32, width=4096, heads=32, kv_heads=8, head_size=128,
    ...     ffn_width=14336)).total
    218112000
    """
    moe = replace(shape.moe, dense_layers=0, every=1) if shape.moe else None
    one = replace(shape, layers=1, moe=moe)
    whole, used = _feed_forwards(one)
    norms = shape.norms_per_layer * shape.width * (2 if shape.norm == "layer" else 1)
    attending = attention(one)
    return Count(0, attending, whole, norms, 0, active=attending + used + norms)


def _feed_forwards(shape: Shape) -> tuple[int, int]:
    """All feed-forward parameters, and those that one token passes through."""
    if not shape.moe:
        total = shape.layers * feed_forward(shape, shape.ffn_width)
        return total, total
    moe = shape.moe
    sparse = (shape.layers - moe.dense_layers) // moe.every
    dense = (shape.layers - sparse) * feed_forward(shape, shape.ffn_width)
    return (
        dense + sparse * _experts(shape, moe, moe.experts),
        dense + sparse * _experts(shape, moe, moe.per_token),
    )


def _experts(shape: Shape, moe: Experts, used: int) -> int:
    width = moe.expert_width or shape.ffn_width
    shared = moe.shared_width or moe.shared * width
    router = moe.experts * (shape.width + (1 if moe.router_bias else 0))
    return (
        used * feed_forward(shape, width) + (feed_forward(shape, shared) if shared else 0) + router
    )


_TARGETS = ("q", "k", "v", "o", "gate", "up", "down")


def targets_of(names: str) -> tuple[str, ...]:
    """The matrices that LoRA adapts, from their usual names.

    >>> targets_of("q_proj,v_proj"), targets_of("attention"), len(targets_of("all"))
    (('q', 'v'), ('q', 'k', 'v', 'o'), 7)
    """
    folded = names.lower().replace("_proj", "").replace("-linear", "")
    if "all" in folded:
        return _TARGETS
    if "attention" in folded or folded == "attn":
        return _TARGETS[:4]
    parts = set(folded.replace(",", " ").replace("+", " ").replace("/", " ").split())
    return tuple(name for name in _TARGETS if name in parts)


def lora(shape: Shape, rank: int, targets: tuple[str, ...]) -> int:
    """Trainable parameters of LoRA: rank · (d_in + d_out) a matrix (Hu et al. 2021, section 4).

    GPT-3 175B with rank 4 on W_Q and W_V: 96 · 2 · 4 · (12288 + 12288) = 18.9 million, of which
    the paper's table 15 counts 18.9M.

    >>> lora(Shape(layers=96, width=12288, heads=96, kv_heads=96, head_size=128), 4, ("q", "v"))
    18874368
    """
    parts = _alike(shape)
    if len(parts) > 1:
        return sum(lora(part, rank, targets) for part in parts)
    d, ffn = shape.width, shape.ffn_width
    query, key = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    value, out = shape.kv_heads * shape.value_size, shape.heads * shape.value_size
    sides = {
        "q": d + query, "k": d + key, "v": 0 if shape.shared_kv else d + value, "o": out + d,
        "gate": d + ffn if shape.gated else 0, "up": d + ffn, "down": ffn + d,
    }  # fmt: skip
    experts = shape.moe.experts if shape.moe else 1
    if shape.moe and shape.moe.expert_width:
        sides |= dict.fromkeys(("gate", "up", "down"), d + shape.moe.expert_width)
    return shape.layers * sum(
        rank * sides[name] * (experts if name in ("gate", "up", "down") else 1) for name in targets
    )
