"""Training of the question tower with sentence-transformers, against every passage at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
from torch import Tensor, nn
from transformers import TrainerCallback

from index.weights import MINILM
from scripts.training.data import TrainingPair

__all__ = ["AllPassagesLoss", "Bank", "Fit", "Schedule", "fit"]


@dataclass(frozen=True, slots=True)
class Bank:
    """All passages' texts as fixed vectors. `owners[i]` is the row in `passages` of vector i."""

    passages: tuple[str, ...]
    owners: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def only(self, topics: frozenset[str]) -> Bank:
        """Return the bank of these topics' passages."""
        kept = [p for p in self.passages if p.split("/", 1)[0] in topics]
        rows = {passage: row for row, passage in enumerate(kept)}
        old = np.array([rows.get(passage, -1) for passage in self.passages])
        mine = old[self.owners] >= 0
        return Bank(tuple(kept), old[self.owners][mine], self.vectors[mine])


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to train; `patience` is in epochs, and `scale` is 1 / temperature."""

    epochs: int = 6
    batch: int = 32
    learning_rate: float = 8e-5
    scale: float = 20.0
    patience: int = 2
    seed: int = 13


@dataclass(frozen=True, slots=True)
class Fit:
    """The weights that were trained, before and after, and a figure for each epoch."""

    before: Mapping[str, NDArray[np.float32]]
    after: Mapping[str, NDArray[np.float32]]
    validation: tuple[float, ...]

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, whose validation figure was the best; 0 where there is none."""
        return int(np.argmax(self.validation)) + 1 if self.validation else 0


class AllPassagesLoss(nn.Module):
    """Softmax cross-entropy over all passages, each scored as in serving by its best text.

    With the passages' vectors fixed, none need be left out: the negatives of a question are the
    passages beside its own, those that share its words, and all the others, at every step.
    """

    def __init__(self, model: SentenceTransformer, bank: Bank, scale: float) -> None:
        super().__init__()
        self.model, self.scale, self.size = model, scale, len(bank.passages)
        self.vectors = torch.from_numpy(bank.vectors)
        self.owners = torch.from_numpy(bank.owners)

    def forward(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the mean loss of a batch of questions; `labels` are rows of the bank."""
        questions = self.model(features[0])["sentence_embedding"].float()
        similarity = questions @ self.vectors.T
        scores = torch.full((len(questions), self.size), -1.0)
        owners = self.owners.expand(len(questions), -1)
        scores = scores.scatter_reduce(1, owners, similarity, "amax")
        return nn.functional.cross_entropy(scores * self.scale, labels)


class _ReciprocalRank(SentenceEvaluator):  # type: ignore[misc]  # no types there
    """The mean reciprocal rank of the right passages of validation questions."""

    def __init__(self, pairs: Sequence[TrainingPair], bank: Bank) -> None:
        super().__init__()
        self.pairs, self.bank = pairs, bank
        self.primary_metric = "mrr"
        self.history: list[float] = []
        self.best: dict[str, NDArray[np.float32]] = {}

    def __call__(
        self,
        model: SentenceTransformer,
        output_path: str | None = None,
        epoch: int = -1,
        steps: int = -1,
    ) -> dict[str, float]:
        """Encode the questions, compare, and keep the changes if they are the best so far."""
        vectors = model.encode(
            [pair.question for pair in self.pairs], show_progress_bar=False, convert_to_numpy=True
        )
        similarity = vectors @ self.bank.vectors.T
        scores = np.full((len(vectors), len(self.bank.passages)), -1.0, np.float32)
        np.maximum.at(scores.T, self.bank.owners, similarity.T)
        rows = {passage: row for row, passage in enumerate(self.bank.passages)}
        gold = [rows[pair.passage] for pair in self.pairs]
        right = scores[np.arange(len(scores)), gold]
        ranks = (scores > right[:, np.newaxis]).sum(axis=1) + 1
        self.history.append(float((1 / ranks).mean()))
        if self.history[-1] == max(self.history):
            self.best = _trained(model)
        return {self.primary_metric: self.history[-1]}


class _AlikeInLength(DefaultBatchSampler):  # type: ignore[misc]  # no types there
    """Batches of questions of like length, so that little is spent on padding."""

    _POOL = 8  # batches that are sorted together

    def __iter__(self) -> Iterator[list[int]]:
        """Yield an epoch's batches in an order of their own."""
        texts = self.sampler["question"]
        rng = np.random.default_rng((self.seed, self.epoch))
        rows = rng.permutation(len(texts))
        batches = []
        for start in range(0, len(rows), self._POOL * self.batch_size):
            pool = sorted(
                rows[start : start + self._POOL * self.batch_size].tolist(),
                key=lambda row: len(texts[row]),
            )
            batches += [
                pool[at : at + self.batch_size] for at in range(0, len(pool), self.batch_size)
            ]
        yield from (batches[n] for n in rng.permutation(len(batches)))

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return -(-len(self.sampler) // int(self.batch_size))


class _Stop(TrainerCallback):  # type: ignore[misc]  # no types there
    """Ends training after some epochs of its schedule, or when validation gets no better."""

    def __init__(
        self, epochs: int | None, evaluator: _ReciprocalRank | None, patience: int
    ) -> None:
        self.epochs, self.evaluator, self.patience = epochs, evaluator, patience

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401
        """Stop at the wanted epoch."""
        if self.epochs is not None and state.epoch >= self.epochs - 1e-6:
            control.should_training_stop = True
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401
        """Stop once the best figure is older than the patience."""
        history = self.evaluator.history if self.evaluator is not None else []
        if history and len(history) - 1 - int(np.argmax(history)) >= self.patience:
            control.should_training_stop = True
        return control


def fit(
    pairs: Sequence[TrainingPair],
    bank: Bank,
    schedule: Schedule,
    *,
    validation: tuple[Sequence[TrainingPair], Bank] | None = None,
    stop_after: int | None = None,
) -> Fit:
    """Train the question tower from the pinned weights.

    Args:
        pairs: questions with the passages that answer them, all in `bank`.
        bank: the passages to tell apart.
        schedule: how long and how fast.
        validation: questions, and the passages to find them among, to choose the best epoch by;
            training ends early when `patience` epochs bring nothing better.
        stop_after: end after this many epochs of the schedule.
    """
    torch.manual_seed(schedule.seed)
    model = SentenceTransformer(str(MINILM.verified().parent), device="cpu")
    model.max_seq_length = 128
    for name, parameter in model.named_parameters():
        # Word vectors stay: words that training doesn't see keep their meaning.
        parameter.requires_grad = "encoder.layer." in name
    before = _trained(model)
    rows = {passage: row for row, passage in enumerate(bank.passages)}
    data = Dataset.from_dict(
        {
            "question": [pair.question for pair in pairs],
            "label": [rows[pair.passage] for pair in pairs],
        }
    )
    evaluator = _ReciprocalRank(*validation) if validation is not None else None
    with tempfile.TemporaryDirectory() as folder:
        args = SentenceTransformerTrainingArguments(
            output_dir=folder,
            use_cpu=True,
            bf16=True,
            num_train_epochs=schedule.epochs,
            per_device_train_batch_size=schedule.batch,
            learning_rate=schedule.learning_rate,
            warmup_steps=0.1,
            weight_decay=0.01,
            seed=schedule.seed,
            batch_sampler=_AlikeInLength,
            eval_strategy="epoch" if evaluator else "no",
            save_strategy="no",
            logging_steps=20,
            report_to=[],
            dataloader_pin_memory=False,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=args,
            train_dataset=data,
            loss=AllPassagesLoss(model, bank, schedule.scale),
            evaluator=evaluator,
            callbacks=[_Stop(stop_after, evaluator, schedule.patience)],
        )
        trainer.train()
    if evaluator is not None:
        return Fit(before, evaluator.best, tuple(evaluator.history))
    return Fit(before, _trained(model), ())


def _trained(model: SentenceTransformer) -> dict[str, NDArray[np.float32]]:
    """Copy the tensors that are trained, under the names that the weights file has."""
    return {
        name: parameter.detach().float().numpy().copy()
        for name, parameter in model[0].auto_model.named_parameters()
        if parameter.requires_grad
    }
