"""The model card and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.training.evaluate import ComparisonRow

__all__ = ["model_card", "table"]

_CARD = """# citewise-dpr

Question and passage towers for retrieval over knowledge about language models, as a rank-{rank}
change ({size_kb} kB) of the query side of all-MiniLM-L6-v2 (sha256 `{base}…`). Passages are
encoded by all-MiniLM-L6-v2 as it is. The similarity is the inner product of mean-pooled,
normalized vectors of {dimension} dimensions.

Use it by naming it: `python -m index build --encoder citewise-dpr`.

## Training

After Karpukhin et al. (2020), *Dense Passage Retrieval for Open-Domain Question Answering*, with
two towers and the softmax over passages as the loss. Their batches hold a few negatives each;
here the passages' vectors are fixed, so every passage is a negative of every question at every
step: the passages beside the right one, those that share its words, and all the others. A
passage's score is that of its best text, as in serving. Word vectors are frozen; the change of
each matrix is cut to rank {rank} by its singular values, which keeps {kept:.0%} of its energy, and
stored in 8 bits.

{pairs} questions (the FAQs' own and the other ways they and the data points are asked) of
{topics} topics, data sha256 `{data}…`; {epochs} epochs of {batch} questions a step, AdamW,
learning rate {learning_rate}, linear decay over {max_epochs} epochs, seed {seed}.

Remake it with: `{command}`

## What was measured

The evaluation trained on {train_topics} topics, chose the number of epochs on
{validation_topics} more and on questions of the first that were set aside, and measured on the
{held_topics} topics that had no part in either ({held_names}), among
the passages of all topics, from indexes that hold none of the questions. **The weights in this
folder are not those: they were trained on the questions of all {topics} topics, for as many
epochs as the evaluation chose.** They have seen no question of the
evaluation suites (`eval/suites`). Figures for topics held out of training say what to expect on
knowledge that the encoder was not trained on; on the topics it was trained on it does better.

95% intervals are from resampling topics.

{table}

## Limits

English, short questions. It was trained on questions about language models; on other subjects
expect about what all-MiniLM-L6-v2 gives, and measure.

## Licence

Apache-2.0, as all-MiniLM-L6-v2.
"""


def table(rows: Sequence[ComparisonRow]) -> str:
    """Return the before-and-after table as Markdown."""
    lines = [
        "| passages | questions about | retrieval | measure | MiniLM | citewise-dpr | gain | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.knowledge_base} | {row.kind} | {row.retrieval} | {row.measure} | {row.before} "
        f"| {row.after} | {row.gain} | {row.after.n} |"
        for row in rows
    ]
    return "\n".join(lines)


def model_card(facts: Mapping[str, Any], rows: Sequence[ComparisonRow]) -> str:
    """Fill the card with the facts of a training."""
    return _CARD.format(table=table(rows) if rows else "Not measured in this run.", **facts)
