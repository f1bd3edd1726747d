"""The judge in torch, as it is trained; `index.judge.interaction` computes the same in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from index.judge.interaction import HEADS, Task

__all__ = ["Batch", "JudgeModel", "Read", "batch_of"]

_WIDTH = 128
_LAYERS = 2
_DROPOUT = 0.15
_FAR = -1e4

Read = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of a batch: states (texts, tokens, 2 · hidden), which are there, and their ids."""

    states: Tensor
    there: Tensor
    ids: Tensor


def batch_of(texts: Sequence[Read], padding: int) -> Batch:
    """Pad texts to the longest. `padding` is an id that the other side's padding does not have."""
    longest = max(len(ids) for _, ids in texts)
    states = np.zeros((len(texts), longest, texts[0][0].shape[1]), np.float32)
    there = np.zeros((len(texts), longest), np.float32)
    padded = np.full((len(texts), longest), padding)
    for row, (own, ids) in enumerate(texts):
        states[row, : len(ids)], there[row, : len(ids)], padded[row, : len(ids)] = own, 1, ids
    return Batch(torch.from_numpy(states), torch.from_numpy(there), torch.from_numpy(padded))


class JudgeModel(nn.Module):
    """See `index.judge.interaction`; the names of the weights are the same."""

    def __init__(self, hidden: int) -> None:
        """Start from random weights, for states of two layers of `hidden` each."""
        super().__init__()
        self.project = nn.Linear(2 * hidden, _WIDTH)
        self.text_norm, self.evidence_norm = nn.LayerNorm(_WIDTH), nn.LayerNorm(_WIDTH)
        self.met = nn.Linear(2, _WIDTH)
        self.layers = nn.ModuleList([_Layer() for _ in range(_LAYERS)])
        self.last_norm = nn.LayerNorm(_WIDTH)
        self.share = nn.Linear(_WIDTH, 1)
        self.answers, self.supports = _two_layers(3 * _WIDTH + 2, 1), _two_layers(3 * _WIDTH + 2, 1)
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(self, task: Task, text: Batch, evidence: Batch) -> Tensor:
        """Judge a batch of pairs: log-odds. Shape: (pairs,)."""
        half = text.states.shape[2] // 2
        alike = functional.normalize(text.states[..., half:], dim=-1) @ functional.normalize(
            evidence.states[..., half:], dim=-1
        ).transpose(1, 2)
        same = (text.ids[:, :, None] == evidence.ids[:, None, :]).float()
        no_text, no_evidence = (
            torch.where(b.there[:, None, None, :] > 0, 0.0, _FAR) for b in (text, evidence)
        )
        met = torch.stack([(alike + no_evidence[:, 0]).max(-1).values, same.max(-1).values], -1)
        x = self.text_norm(self.project(text.states)) + self.met(met)
        read = self.evidence_norm(self.project(evidence.states))
        for layer in self.layers:
            x = layer(x, read, alike, same, no_text, no_evidence)
        x = self.last_norm(x)
        count = text.there.sum(1, keepdim=True)
        share = (self.share(x).squeeze(-1) + no_text[:, 0, 0]).softmax(-1)[..., None]
        closest = met[..., 0]
        pooled = [
            (x * text.there[..., None]).sum(1) / count,
            (x * share).sum(1),
            (x + no_text[:, 0, 0, :, None]).max(1).values,
            torch.where(text.there > 0, closest, 2.0).min(-1, keepdim=True).values,
            (closest * text.there).sum(1, keepdim=True) / count,
        ]
        head = self.answers if task == "answers" else self.supports
        odds: Tensor = head(self.dropout(torch.cat(pooled, -1))).squeeze(-1)
        return odds

    def weights(self) -> dict[str, NDArray[np.float16]]:
        """Return the weights by name, in half precision."""
        return {
            name: value.detach().numpy().astype(np.float16)
            for name, value in self.state_dict().items()
        }


class _Layer(nn.Module):
    """One block: attention to the own text and to the evidence, then what was found compared."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.compare_norm = nn.LayerNorm(_WIDTH), nn.LayerNorm(_WIDTH)
        self.query = nn.Linear(_WIDTH, _WIDTH)
        self.own, self.evidence = nn.Linear(_WIDTH, 2 * _WIDTH), nn.Linear(_WIDTH, 2 * _WIDTH)
        self.mix = nn.Linear(2 * _WIDTH, _WIDTH)
        self.compare = _two_layers(4 * _WIDTH, _WIDTH, inner=2 * _WIDTH)
        # Some heads begin by looking at what is alike, others at everything.
        likeness, sameness = torch.linspace(0, 16, HEADS), torch.linspace(0, 4, HEADS)
        self.bias = nn.Parameter(torch.stack([likeness, sameness], 1))
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(
        self, x: Tensor, evidence: Tensor, alike: Tensor, same: Tensor, no_text: Tensor,
        no_evidence: Tensor,
    ) -> Tensor:  # fmt: skip
        normed = self.attention_norm(x)
        query = _heads(self.query(normed))
        bias = self.bias[:, :1, None] * alike[:, None] + self.bias[:, 1:, None] * same[:, None]
        own = self._attend(query, self.own(normed), no_text)
        other = self._attend(query, self.evidence(evidence), bias + no_evidence)
        x = x + self.dropout(self.mix(torch.cat([own, other], -1)))
        compared = [self.compare_norm(x), other, normed - other, normed * other]
        changed: Tensor = x + self.dropout(self.compare(torch.cat(compared, -1)))
        return changed

    @staticmethod
    def _attend(query: Tensor, keys_and_values: Tensor, bias: Tensor) -> Tensor:
        keys, values = (_heads(part) for part in keys_and_values.chunk(2, -1))
        found = functional.scaled_dot_product_attention(query, keys, values, attn_mask=bias)
        return found.transpose(1, 2).flatten(2)


def _heads(x: Tensor) -> Tensor:
    return x.view(*x.shape[:2], HEADS, -1).transpose(1, 2)


def _two_layers(size: int, out: int, inner: int = _WIDTH) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, inner), nn.GELU(approximate="tanh"), nn.Linear(inner, out))
