"""The texts of the drawer that tells how an answer was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.ui.speaking import speaks

HOW: Final = "How it was answered"
HOW_ASKED: Final = "The question"
HOW_QUESTION: Final = "As it was searched"
HOW_REWRITTEN: Final = "Made to stand alone"
HOW_CONFIDENCE: Final = "Confidence that the sources hold an answer"
HOW_INDEX: Final = "Index"
HOW_FOUND: Final = "What was found"
HOW_FOUND_LEAD: Final = (
    "In the order of the end, with each search's own rank and score before they were put together."
)
HOW_PLACE: Final = "Place"
HOW_PASSAGE: Final = "Passage"
HOW_BEFORE: Final = "before"
HOW_RERANKED: Final = "reranked"
HOW_USED: Final = "used"
HOW_READ: Final = "read"
HOW_CHECKED: Final = "What was checked"
HOW_SENTENCES: Final = "Sentences"
HOW_DROPPED: Final = "Left out"
HOW_NONE_DROPPED: Final = "None: every sentence that was written is shown."
HOW_CONFLICTS: Final = "Sources that disagree"
HOW_PREMISES: Final = "Taken for granted, and corrected"
HOW_AGAINST: Final = "contradicted by"
HOW_WRITTEN: Final = "Who wrote it"
HOW_MODE: Final = "How"
HOW_MODEL: Final = "Model"
HOW_PERSONA: Final = "Persona"
HOW_TOKENS: Final = "Tokens"
HOW_TOKENS_VALUE: Final = "{read:,} read, {written:,} written"
HOW_SAMPLING: Final = "Sampling"
HOW_TIMINGS: Final = "Time"
HOW_PROMPT: Final = "Prompt"
HOW_PROMPT_HASH: Final = "SHA-256"
HOW_PREFIX_HASH: Final = "SHA-256 of its beginning, which all questions to the persona share"
HOW_PROMPT_SHOW: Final = "Show the prompt"
HOW_PROMPT_LOST: Final = (
    "It can't be shown any more: the persona, the prompts, the model or the passages have changed "
    "since."
)
HOW_NO_PROMPT: Final = "No model was asked, so there was none."
HOW_CUT: Final = "The answer reached its longest length and was cut there."
SEED: Final = "Seed"
NOT_BY_MODEL: Final = "the model's form was not taken:"
GATE_OPEN: Final = "so it was answered"
GATE_SHUT: Final = "so it was not answered"
REWRITES: Final[Mapping[str, str]] = {
    "none": "No need",
    "rules": "By rules",
    "model": "By the model",
}
STATUSES: Final[Mapping[str, str]] = {
    "supported": "supported",
    "partial": "partly supported",
    "unsupported": "not supported",
}
STANDINGS: Final[Mapping[str, str]] = {
    "computed": "computed",
    "miscomputed": "does not follow from its own calculation",
    "newer": "newer source",
    "primary": "primary source",
}
MADE: Final[Mapping[str, str]] = {
    "draft": "Written by the model, each sentence checked",
    "composed": "Composed from the sources",
    "mixed": "Partly written by the model, partly composed from the sources",
    "computed": "Worked out by a formula",
    "abstained": "Not answered",
}
STAGES: Final[Mapping[str, str]] = {
    "encode": "Encode the question",
    "dense": "Search by meaning",
    "lexical": "Search by words",
    "fuse": "Rank together",
    "late": "Read the best again, word by word",
    "retrieve": "Search, all of it",
    "rewrite": "Make the question stand alone",
    "gate": "Judge the evidence",
    "verify": "Check the sentences",
    "compose": "Compose from the sources",
}
MOMENTS: Final[Mapping[str, str]] = {
    "retrieved": "Sources found after",
    "prompt": "Prompt ready after",
    "first_token": "First word after",  # nosec B105
    "first_sentence": "First checked sentence after",
    "drafted": "Model done after",
    "composed": "Composed after",
    "total": "Done after",
}


def stage(name: str) -> str:
    """Name a stage or a moment of answering."""
    return _told("STAGES").get(name) or _told("MOMENTS").get(name) or name.replace("_", " ")


_told = speaks(__name__)
