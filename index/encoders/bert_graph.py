"""A BERT encoder with its pooling, assembled as an OpenVINO model from safetensors weights.

Serving then needs neither torch nor transformers. The architecture is that of Devlin et al.
(2019), section 3: post-norm blocks of multi-head self-attention and a GELU feed-forward layer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

from index.errors import WeightsError

__all__ = ["Output", "Pooling", "build_bert", "build_bert_classifier", "build_bert_states"]

Output = Literal["sentence", "tokens"]
Pooling = Literal["mean", "cls"]
Weights = Mapping[str, NDArray[np.float32]]


def build_bert(
    folder: Path,
    weights: Weights,
    *,
    pooling: Pooling,
    normalize: bool,
    outputs: tuple[Output, ...] = ("sentence",),
) -> ov.Model:
    """Assemble the encoder in `folder` (its config.json) with `weights` named as BertModel has.

    Shape: the model takes `input_ids` and `attention_mask`, both (batch, tokens) int64, and
    gives, in the order of `outputs`, sentence embeddings (batch, hidden) and the tokens' last
    hidden states at length 1 (batch, tokens, hidden), all float32.

    Raises:
        WeightsError: the config is not of a BERT that this module can assemble.
    """
    ids, mask = _parameter("input_ids"), _parameter("attention_mask")
    seen = op.convert(mask, "f32")
    hidden = _encoded(_config(folder), weights, ids, seen)[-1]
    pooled = _pool(hidden, seen, pooling)
    given = {
        "sentence": _unit(pooled, 1) if normalize else pooled,
        "tokens": _unit(hidden, 2),
    }
    return ov.Model([given[output] for output in outputs], [ids, mask], "bert")


def build_bert_classifier(folder: Path, weights: Weights) -> ov.Model:
    """Assemble the classifier in `folder`, `weights` named as BertForSequenceClassification has.

    Shape: the model takes `input_ids`, `attention_mask` and `token_type_ids`, all (batch, tokens)
    int64, and gives (batch, labels) float32 logits.

    Raises:
        WeightsError: the config is not of a BERT that this module can assemble.
    """
    names = ("input_ids", "attention_mask", "token_type_ids")
    ids, mask, kinds = (_parameter(name) for name in names)
    seen = op.convert(mask, "f32")
    own = {name.removeprefix("bert."): tensor for name, tensor in weights.items()}
    hidden = _encoded(_config(folder), own, ids, seen, kinds)[-1]
    first = op.tanh(_linear(_pool(hidden, seen, "cls"), own, "pooler.dense"))
    return ov.Model([_linear(first, own, "classifier")], [ids, mask, kinds], "bert-classifier")


def build_bert_states(folder: Path, weights: Weights, layers: Sequence[int]) -> ov.Model:
    """Assemble the encoder in `folder` up to the last of some layers, counted from 1.

    Shape: the model takes `input_ids` and `attention_mask`, both (batch, tokens) int64, and
    gives the tokens' hidden states after each of `layers`, (batch, tokens, hidden) float32.

    Raises:
        WeightsError: the config is not of a BERT that this module can assemble.
    """
    ids, mask = _parameter("input_ids"), _parameter("attention_mask")
    states = _encoded(_config(folder), weights, ids, op.convert(mask, "f32"))
    return ov.Model([states[layer] for layer in layers], [ids, mask], "bert-states")


def _parameter(name: str) -> ov.Node:
    return op.parameter([-1, -1], np.int64, name=name)


def _encoded(
    config: Mapping[str, Any],
    weights: Weights,
    ids: ov.Node,
    seen: ov.Node,
    kinds: ov.Node | None = None,
) -> list[ov.Node]:
    """Run embeddings and blocks: the states after each. Shape of each: (batch, tokens, hidden)."""
    eps = float(config["layer_norm_eps"])
    states = [_embeddings(ids, kinds, weights, eps)]
    bias = op.multiply(
        op.subtract(op.constant(np.float32(1)), op.unsqueeze(op.unsqueeze(seen, 1), 1)),
        op.constant(np.float32(-1e9)),
    )
    for layer in range(int(config["num_hidden_layers"])):
        block = _Block(weights, f"encoder.layer.{layer}.", eps, int(config["num_attention_heads"]))
        states.append(block(states[-1], bias))
    return states


def _unit(x: ov.Node, axis: int) -> ov.Node:
    return op.normalize_l2(x, op.constant(np.array([axis])), 1e-12, "max")


def _config(folder: Path) -> dict[str, Any]:
    config = cast(dict[str, Any], json.loads((folder / "config.json").read_text()))
    wanted = {"model_type": "bert", "hidden_act": "gelu"}
    for key, value in wanted.items():
        if config.get(key) != value:
            raise WeightsError(
                f"{folder / 'config.json'}: {key} is {config.get(key)!r}, expected {value!r}; "
                "use the sentence-transformers engine for this encoder (encoder_engine = 'torch')"
            )
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise WeightsError(f"{folder}: only absolute position embeddings can be assembled")
    return config


def _constant(weights: Weights, name: str) -> ov.Node:
    try:
        tensor = np.ascontiguousarray(weights[name], dtype=np.float32)
        return op.constant(tensor, shared_memory=True)  # the graph keeps the array alive
    except KeyError:
        raise WeightsError(f"the encoder's weights lack {name!r}") from None


def _layer_norm(x: ov.Node, weights: Weights, name: str, eps: float) -> ov.Node:
    normed = op.mvn(x, op.constant(np.array([-1])), True, eps, "inside_sqrt")
    scaled = op.multiply(normed, _constant(weights, f"{name}.weight"))
    return op.add(scaled, _constant(weights, f"{name}.bias"))


def _linear(x: ov.Node, weights: Weights, name: str) -> ov.Node:
    product = op.matmul(x, _constant(weights, f"{name}.weight"), False, True)
    return op.add(product, _constant(weights, f"{name}.bias"))


def _embeddings(ids: ov.Node, kinds: ov.Node | None, weights: Weights, eps: float) -> ov.Node:
    zero = op.constant(np.array(0))
    words = op.gather(_constant(weights, "embeddings.word_embeddings.weight"), ids, zero)
    length = op.gather(op.shape_of(ids), op.constant(np.array([1])), zero)
    positions = op.slice(
        _constant(weights, "embeddings.position_embeddings.weight"),
        op.constant(np.array([0])),
        length,
        op.constant(np.array([1])),
        op.constant(np.array([0])),
    )
    table = weights["embeddings.token_type_embeddings.weight"].astype(np.float32)
    kind = op.constant(table[0]) if kinds is None else op.gather(op.constant(table), kinds, zero)
    return _layer_norm(op.add(op.add(words, positions), kind), weights, "embeddings.LayerNorm", eps)


class _Block:
    """One transformer block: self-attention, then the feed-forward layer, each post-normed."""

    def __init__(self, weights: Weights, prefix: str, eps: float, heads: int) -> None:
        self.weights, self.prefix, self.eps, self.heads = weights, prefix, eps, heads

    def __call__(self, x: ov.Node, bias: ov.Node) -> ov.Node:
        q, k, v = (self._split(x, part) for part in ("query", "key", "value"))
        context = op.scaled_dot_product_attention(q, k, v, bias)
        merged = op.reshape(
            op.transpose(context, op.constant(np.array([0, 2, 1, 3]))),
            op.constant(np.array([0, 0, -1])),
            special_zero=True,
        )
        x = self._add_and_norm(
            x, self._linear(merged, "attention.output.dense"), "attention.output"
        )
        inner = op.gelu(self._linear(x, "intermediate.dense"), "erf")
        return self._add_and_norm(x, self._linear(inner, "output.dense"), "output")

    def _linear(self, x: ov.Node, name: str) -> ov.Node:
        return _linear(x, self.weights, self.prefix + name)

    def _add_and_norm(self, x: ov.Node, update: ov.Node, name: str) -> ov.Node:
        return _layer_norm(
            op.add(x, update), self.weights, f"{self.prefix}{name}.LayerNorm", self.eps
        )

    def _split(self, x: ov.Node, part: str) -> ov.Node:
        heads = op.reshape(
            self._linear(x, f"attention.self.{part}"),
            op.constant(np.array([0, 0, self.heads, -1])),
            special_zero=True,
        )
        return op.transpose(heads, op.constant(np.array([0, 2, 1, 3])))


def _pool(hidden: ov.Node, seen: ov.Node, pooling: Pooling) -> ov.Node:
    if pooling == "cls":
        return op.gather(hidden, op.constant(np.array(0)), op.constant(np.array(1)))
    weights = op.unsqueeze(seen, 2)
    total = op.reduce_sum(op.multiply(hidden, weights), op.constant(np.array([1])))
    return op.divide(total, op.reduce_sum(weights, op.constant(np.array([1]))))
