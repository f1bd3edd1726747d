"""Shapes of models and figures of machines: what the data files hold, as types.

`models.yaml` and `machines.yaml` are facts with a source each. A shape says what the formulas
need to know of an architecture: not its parameter count, but which layers keep keys and values,
of which size, for how many tokens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from index.calculations.units import CalculationError
from index.types import Source

__all__ = [
    "CacheGroup",
    "Experts",
    "Hybrid",
    "Latent",
    "Machine",
    "Model",
    "Shape",
    "Window",
    "machine",
    "machines",
    "model",
    "models",
    "usual_model",
]

T = TypeVar("T")
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Window:
    """Of each `every` layers, the last `global_` see everything, the others `size` tokens.

    `global_heads` and `global_head_size` are the key and value heads of those that see everything,
    where they differ from the others'; with `global_shared` one projection gives both keys and
    values there.
    """

    size: int
    every: int = 1
    global_: int = 0
    global_heads: int = 0
    global_head_size: int = 0
    global_shared: bool = False


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts: each layer but the first `dense_layers` has `experts` of them."""

    experts: int
    per_token: int
    shared: int = 0
    expert_width: int = 0
    shared_width: int = 0
    dense_layers: int = 0
    router_bias: bool = False
    every: int = 1


@dataclass(frozen=True, slots=True)
class Latent:
    """Multi-head latent attention (DeepSeek-AI 2024): one latent and one rotary key a token."""

    kv_rank: int
    rope_head_size: int
    nope_head_size: int
    value_head_size: int
    q_rank: int = 0


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Only `attention_layers` keep keys and values; the others keep a state of fixed size."""

    attention_layers: int
    state: str = ""
    state_bytes_fp32: float = 0.0


@dataclass(frozen=True, slots=True)
class CacheGroup:
    """Layers that keep the same of each token: `numbers` of them, for at most `reach` tokens.

    `numbers` counts keys and values, all heads; `reach` 0 is without a limit.
    """

    layers: int
    numbers: int
    reach: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """The architecture of a transformer. 0 where a size is not known.

    `kv_heads` is `heads` with multi-head attention, 1 with multi-query attention; `gated` means
    three matrices in the feed-forward layer; `vocabulary` counts the embedding's rows.
    """

    layers: int = 0
    width: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_size: int = 0
    value_head_size: int = 0
    ffn_width: int = 0
    gated: bool = True
    vocabulary: int = 0
    context: int = 0
    tied: bool = False
    biases: str = "none"
    norm: str = "rms"
    norms_per_layer: int = 2
    qk_norm: bool = False
    shared_kv: bool = False  # one projection gives keys and values
    position: str = "rope"
    window: Window | None = None
    moe: Experts | None = None
    mla: Latent | None = None
    hybrid: Hybrid | None = None
    encoder_layers: int = 0
    decoder_layers: int = 0

    @property
    def value_size(self) -> int:
        """The size of a head's values."""
        return self.value_head_size or self.head_size

    @property
    def attention_layers(self) -> int:
        """How many layers keep keys and values."""
        return self.hybrid.attention_layers if self.hybrid else self.layers

    @property
    def global_layers(self) -> int:
        """How many of those have no window."""
        window, layers = self.window, self.attention_layers
        if window is None:
            return layers
        whole, rest = divmod(layers, window.every)
        return whole * window.global_ + max(0, rest - (window.every - window.global_))

    def cache_groups(self) -> tuple[CacheGroup, ...]:
        """What each layer keeps of each token it may still look at."""
        if not self.attention_layers:
            return ()
        if self.mla:
            numbers = self.mla.kv_rank + self.mla.rope_head_size
            return (CacheGroup(self.attention_layers, numbers),)
        numbers = self.kv_heads * (self.head_size + self.value_size)
        layers, window = self.attention_layers, self.window
        if window is None:
            return (CacheGroup(layers, numbers),)
        seeing = self.global_layers
        own = 2 * window.global_heads * window.global_head_size or numbers
        groups = CacheGroup(seeing, own), CacheGroup(layers - seeing, numbers, window.size)
        return tuple(group for group in groups if group.layers)


@dataclass(frozen=True, slots=True)
class Model:
    """A public model: its shape, its published totals, and where they come from."""

    slug: str
    name: str
    shape: Shape
    parameters: float
    active_parameters: float
    source: Source
    aliases: tuple[str, ...] = ()
    family: str = ""
    year: int = 0
    precision: str = "bf16"
    vision_parameters: float = 0.0


@dataclass(frozen=True, slots=True)
class Machine:
    """A GPU, accelerator or CPU: memory in bytes, bandwidth in bytes/s, dense peaks in FLOP/s."""

    slug: str
    name: str
    memory_bytes: float
    bandwidth_bytes_s: float
    source: Source
    dense_flops: Mapping[str, float] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    kind: str = "gpu"
    memory_label: str = ""
    watts: float = 0.0
    interconnect_bytes_s: float = 0.0
    year: int = 0

    def peak(self, precision: str) -> float | None:
        """Dense FLOP/s in a precision, or in the next wider one that it has."""
        for name in (precision, *(("bf16", "fp16") if precision not in ("fp32", "tf32") else ())):
            if name in self.dense_flops:
                return self.dense_flops[name]
        return self.dense_flops.get("fp32")


@cache
def models() -> Mapping[str, Model]:
    """The public models by slug."""
    return {record["slug"]: _model(record) for record in _read("models.yaml")}


_USUAL = (
    "llama-3.2-1b", "llama-3.2-3b", "mistral-7b-v0.3", "llama-3.1-8b", "qwen2.5-14b",
    "qwen2.5-32b", "llama-3.1-70b", "llama-3.1-405b",
)  # fmt: skip
_ALIKE = 1.2  # times as many parameters, at most


def usual_model(parameters: float) -> Model | None:
    """A common dense model of about that many parameters; None where there is none."""
    if parameters <= 0:
        return None
    usual = [models()[slug] for slug in _USUAL]
    nearest = min(usual, key=lambda one: abs(one.parameters - parameters))
    low, high = sorted((nearest.parameters, parameters))
    return nearest if high / low <= _ALIKE else None


@cache
def machines() -> Mapping[str, Machine]:
    """The machines by slug."""
    return {record["slug"]: _machine(record) for record in _read("machines.yaml")}


def model(name: str) -> Model:
    """Find a model by slug, name or alias, whatever its case and dashes.

    Raises:
        CalculationError: there is none; near names are told.
    """
    return _found(name, models(), _model_names(), "model")


def machine(name: str) -> Machine:
    """Find a GPU, accelerator or CPU by slug, name or alias.

    Raises:
        CalculationError: there is none; near names are told.
    """
    return _found(name, machines(), _machine_names(), "gpu")


def plain(name: str) -> str:
    """A name without what people write differently: case, spaces, dashes, underscores."""
    return re.sub(r"[\s_/:-]+", "", name.lower())


def _found(name: str, known: Mapping[str, T], names: Mapping[str, str], field: str) -> T:
    slug = name if name in known else names.get(plain(name))
    if slug is None:
        import difflib

        near = difflib.get_close_matches(name.lower(), list(known), n=4, cutoff=0.4)
        hint = f"such as {', '.join(near)}" if near else "as `app calculate --list` names them"
        raise CalculationError(f"got the {field} {name!r:.60}, expected one {hint}", field=field)
    return known[slug]


@cache
def _model_names() -> Mapping[str, str]:
    return {
        plain(name): each.slug
        for each in models().values()
        for name in (each.slug, each.name, *each.aliases)
    }


@cache
def _machine_names() -> Mapping[str, str]:
    return {
        plain(name): each.slug
        for each in machines().values()
        for name in (each.slug, each.name, *each.aliases)
    }


def _read(name: str) -> list[dict[str, Any]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with (_HERE / name).open(encoding="utf-8") as file:
        records: list[dict[str, Any]] = yaml.load(file, Loader=loader)
    return records


def _source(record: Mapping[str, Any], slug: str) -> Source:
    given = record["source"]
    return Source(slug, given["label"], given["url"], given.get("year"))


def _shape(record: Mapping[str, Any]) -> Shape:
    plain_fields = {each.name for each in fields(Shape)} - {"window", "moe", "mla", "hybrid"}
    given = {key: value for key, value in record.items() if key in plain_fields}
    if window := record.get("window"):
        given["window"] = Window(
            window["size"], window.get("every", 1), window.get("global", 0),
            window.get("global_heads", 0), window.get("global_head_size", 0),
            window.get("global_shared", False),
        )  # fmt: skip
    for key, kind in (("moe", Experts), ("mla", Latent), ("hybrid", Hybrid)):
        if part := record.get(key):
            names = {each.name for each in fields(kind)}
            given[key] = kind(**{name: value for name, value in part.items() if name in names})
    given |= {
        key: value
        for key, value in record.get("encoder_decoder", {}).items()
        if key in ("encoder_layers", "decoder_layers")
    }
    return Shape(**given)


def _model(record: Mapping[str, Any]) -> Model:
    slug, total = record["slug"], record["parameters"]
    return Model(
        slug=slug,
        name=record["name"],
        shape=_shape(record),
        parameters=float(total),
        active_parameters=float(record.get("active_parameters") or total),
        source=_source(record, slug),
        aliases=tuple(map(str, record.get("aliases", ()))),
        family=record.get("family", ""),
        year=record.get("year", 0),
        precision=record.get("precision", "bf16"),
        vision_parameters=float(record.get("vision_parameters") or 0),
    )


def _machine(record: Mapping[str, Any]) -> Machine:
    return Machine(
        slug=record["slug"],
        name=record["name"],
        memory_bytes=float(record.get("memory_bytes") or 0),
        bandwidth_bytes_s=float(record.get("bandwidth_bytes_s") or 0),
        source=_source(record, record["slug"]),
        dense_flops={
            key: float(value) for key, value in (record.get("dense_flops") or {}).items() if value
        },
        aliases=tuple(map(str, record.get("aliases", ()))),
        kind=record.get("kind", "gpu"),
        memory_label=record.get("memory_label", ""),
        watts=float(record.get("watts") or 0),
        interconnect_bytes_s=float(record.get("interconnect_bytes_s") or 0),
        year=record.get("year", 0),
    )
