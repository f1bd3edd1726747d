"""How sure a benchmark's figure is, and how alike two texts are."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from importlib.util import find_spec
from statistics import NormalDist

__all__ = [
    "difference",
    "items_for_difference",
    "items_for_margin",
    "overlaps",
    "paired_difference",
    "token_f1",
    "wilson",
]


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(right: float, items: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share (Wilson 1927).

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    >>> [round(end, 4) for end in wilson(80, 100)]
    [0.7112, 0.8666]
    """
    z, p = _z(confidence), right / items
    middle = p + z * z / (2 * items)
    half = z * math.sqrt(p * (1 - p) / items + z * z / (4 * items * items))
    scale = 1 + z * z / items
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def difference(
    right_a: float, right_b: float, items_a: float, items_b: float, confidence: float = 0.95
) -> tuple[float, float, float]:
    """A difference of two shares on separate items with its normal interval: d, low, high.

    >>> [round(value, 4) for value in difference(85, 80, 100, 100)]
    [0.05, -0.0551, 0.1551]
    """
    a, b = right_a / items_a, right_b / items_b
    half = _z(confidence) * math.sqrt(a * (1 - a) / items_a + b * (1 - b) / items_b)
    return a - b, a - b - half, a - b + half


def paired_difference(
    only_a: float, only_b: float, items: float, confidence: float = 0.95
) -> tuple[float, float, float]:
    """A difference of two systems on the same items: d, low, high (Miller 2024, section 4).

    d = (b - c) / n; its variance is ((b + c) - (b - c)² / n) / n².

    >>> [round(value, 4) for value in paired_difference(30, 15, 500)]
    [0.03, 0.0038, 0.0562]
    """
    d = (only_a - only_b) / items
    half = _z(confidence) * math.sqrt(max(0.0, only_a + only_b - items * d * d)) / items
    return d, d - half, d + half


def items_for_margin(share: float, margin: float, confidence: float = 0.95) -> int:
    """Items needed for a margin of error: z² p (1 - p) / e², rounded up.

    >>> items_for_margin(0.5, 0.03)
    1068
    """
    z = _z(confidence)
    return math.ceil(z * z * share * (1 - share) / (margin * margin) - 1e-9)


def items_for_difference(
    wanted: float, disagreement: float, confidence: float = 0.95, power: float = 0.8
) -> int:
    """Items on which two systems are both run so that a difference is likely found.

    (z_{α/2} √q + z_β √(q - d²))² / d², q the share of items on which they disagree (Connor 1987).

    >>> items_for_difference(0.03, 0.2)
    1742
    """
    z_alpha, z_beta = _z(confidence), NormalDist().inv_cdf(power)
    top = z_alpha * math.sqrt(disagreement) + z_beta * math.sqrt(disagreement - wanted**2)
    return math.ceil(top**2 / wanted**2 - 1e-9)


def _squad_words(text: str) -> list[str]:
    plain = "".join(each for each in text.lower() if each not in string.punctuation)
    return re.sub(r"\b(?:a|an|the)\b", " ", plain).split()


def token_f1(text: str, reference: str) -> float:
    """F1 over words, normalized as SQuAD does (Rajpurkar et al. 2016).

    >>> round(token_f1("The cat sat on the mat.", "A cat on a mat"), 4)
    0.8571
    """
    ours, theirs = _squad_words(text), _squad_words(reference)
    common = sum((Counter(ours) & Counter(theirs)).values())
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * common / (len(ours) + len(theirs)) if common else 0.0


def overlaps(text: str, reference: str) -> dict[str, float]:
    """F1 of the words, and ROUGE and BLEU where their standard libraries are installed.

    ROUGE-1, -2 and -L by `rouge-score` with stemming off; BLEU by `sacrebleu`, sentence level,
    with its defaults. Neither is a dependency: what is missing is left out.
    """
    found = {"F1": token_f1(text, reference)}
    if find_spec("rouge_score"):
        from rouge_score import rouge_scorer

        kinds = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL"}
        scored = rouge_scorer.RougeScorer(list(kinds.values())).score(reference, text)
        found |= {name: float(scored[kind].fmeasure) for name, kind in kinds.items()}
    if find_spec("sacrebleu"):
        from sacrebleu import sentence_bleu

        found["BLEU"] = float(sentence_bleu(text, [reference]).score) / 100
    return found
