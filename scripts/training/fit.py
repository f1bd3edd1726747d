"""Training of the towers with sentence-transformers, from in-batch and mined negatives."""

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
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers import TrainerCallback

from index.weights import MINILM
from scripts.training.data import Case, Item, lay_out

__all__ = ["Fit", "Schedule", "fit"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to train; `patience` is in epochs, and `scale` is 1 / temperature.

    Texts are cut to `tokens` while training; when serving they are not.
    """

    epochs: int = 4
    batch: int = 48
    learning_rate: float = 6e-5
    scale: float = 20.0
    tokens: int = 72
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


class _ReciprocalRank(SentenceEvaluator):  # type: ignore[misc]  # no types there
    """The mean reciprocal rank of the right passages of validation questions."""

    def __init__(self, questions: Sequence[Case], passages: Sequence[Item]) -> None:
        super().__init__()
        self.questions, self.passages = questions, passages
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
        """Rank all passages for each question, and keep the weights if they are the best."""
        owners = [row for row, item in enumerate(self.passages) for _ in item.texts]
        texts = [text for item in self.passages for text in item.texts]
        passages = model.encode(texts, show_progress_bar=False, convert_to_numpy=True)
        questions = model.encode(
            [case.question for case in self.questions],
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        scores = np.full((len(self.passages), len(questions)), -1.0, np.float32)
        np.maximum.at(scores, owners, passages @ questions.T)
        rows = {item.passage: row for row, item in enumerate(self.passages)}
        gold = [rows[case.gold[0]] for case in self.questions]
        right = scores[gold, np.arange(len(questions))]
        ranks = (scores > right).sum(axis=0) + 1
        self.history.append(float((1 / ranks).mean()))
        if self.history[-1] == max(self.history):
            self.best = _trained(model)
        return {self.primary_metric: self.history[-1]}


class _WholeTopics(DefaultBatchSampler):  # type: ignore[misc]  # no types there
    """The batches of `lay_out`, an epoch's after another's."""

    items: Sequence[Item] = ()

    def __iter__(self) -> Iterator[list[int]]:
        """Yield an epoch's batches of rows."""
        yield from lay_out(self.items, self.batch_size, f"{self.seed}/{self.epoch}")

    def __len__(self) -> int:
        """Count the batches of an epoch; each has as many."""
        return len(lay_out(self.items, int(self.batch_size), ""))


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
    items: Sequence[Item],
    schedule: Schedule,
    *,
    validation: tuple[Sequence[Case], Sequence[Item]] | None = None,
    stop_after: int | None = None,
) -> Fit:
    """Train the towers, which share their weights, from the pinned ones.

    Args:
        items: passages with the questions that they answer.
        schedule: how long and how fast.
        validation: questions, and the passages to find them among, to choose the best epoch by;
            training ends early when `patience` epochs bring nothing better.
        stop_after: end after this many epochs of the schedule.
    """
    torch.manual_seed(schedule.seed)
    model = SentenceTransformer(str(MINILM.verified().parent), device="cpu")
    model.max_seq_length = schedule.tokens
    for name, parameter in model.named_parameters():
        # Word vectors stay: words that training doesn't see keep their meaning.
        parameter.requires_grad = "encoder.layer." in name
    before = _trained(model)
    rows = [(q, text) for item in items for q in item.questions for text in item.texts]
    data = Dataset.from_dict({"question": [q for q, _ in rows], "passage": [t for _, t in rows]})
    sampler = type("WholeTopics", (_WholeTopics,), {"items": items})
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
            batch_sampler=sampler,
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
            loss=MultipleNegativesRankingLoss(model, scale=schedule.scale),
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
