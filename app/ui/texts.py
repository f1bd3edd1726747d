"""Every text that the page shows, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = [
    "MODES",
    "MOMENTS",
    "STAGES",
    "about",
    "ahead",
    "category",
    "counted",
    "found",
    "ordinal",
    "seconds",
    "stage",
    "sure",
]

TITLE: Final = "Citewise"
TAGLINE: Final = "Answers about language models, each sentence traced to its source"
HERO: Final = "What would you like to know about language models?"
HERO_LEAD: Final = (
    "Every sentence is checked against the passage it cites before you see it. "
    "Where the sources hold no answer, Citewise says so."
)

TAB_ASK: Final = "Ask"
TAB_BROWSE: Final = "Browse"

BOX_LABEL: Final = "Your question"
BOX_PLACEHOLDER: Final = "Ask a question…"
SEND: Final = "Ask"
STOP: Final = "Stop"
NEW: Final = "New conversation"

PERSONA_LABEL: Final = "Who answers"
RESEARCH_LABEL: Final = "Research doctrine"
RESEARCH_INFO: Final = (
    "Weighs the evidence: who measured it, how, and what would change the answer."
)
ADVANCED: Final = "Advanced"
OWN_LABEL: Final = "Choose the sampling myself"
OWN_INFO: Final = "Otherwise each persona uses its own values."
TEMPERATURE: Final = "Temperature"
TEMPERATURE_INFO: Final = "0 always takes the likeliest word"
TOP_P: Final = "Top-p"
TOP_P_INFO: Final = "Nucleus sampling; 1 keeps every word in play"
LENGTH: Final = "Longest answer, in tokens"
PASSAGES: Final = "Passages read"

TRY: Final = "Try one of these"
NEAREST: Final = "Close to it, and answerable from the sources"
NEXT: Final = "Go on from here"

YOU: Final = "You asked"
SOURCES: Final = "Sources"
SOURCE: Final = "Source"
SOURCES_EMPTY: Final = (
    "The passages behind an answer appear here: what it cites first, then what was read and "
    "not used."
)
SOURCES_SEARCHING: Final = "Reading the knowledge base…"
CITED: Final = "Cited"
FOUND_SO_FAR: Final = "Found"
NOT_USED: Final = "Read, not used"
NONE_CITED: Final = "Nothing was cited."
OPEN_PAPER: Final = "Open the paper"
OPENS_NEW_TAB: Final = "opens in a new tab"
WHY_DENSE: Final = "meaning"
WHY_LEXICAL: Final = "words"
WHY_SCORE: Final = "together"
WHY_DENSE_TIP: Final = "Closeness in meaning to the question (dense similarity), and its rank"
WHY_LATE: Final = "details"
WHY_LATE_TIP: Final = "How well each word of the question is met here (late interaction), its rank"
WHY_LEXICAL_TIP: Final = "Words shared with the question (BM25), and its rank"
WHY_SCORE_TIP: Final = "The score that both give together"
NO_LINK: Final = "no link known"

CONFLICT: Final = "The sources disagree"
PARTIAL: Final = "Only partly supported"
PARTIAL_TIP: Final = "The cited passage supports part of this sentence, not all of it."
UNSUPPORTED: Final = "Not supported"
UNSUPPORTED_TIP: Final = "No passage that was read supports this sentence."

MODES: Final[Mapping[str, tuple[str, str]]] = {
    "composed": (
        "Composed from the sources",
        "These sentences stand in the passages themselves; none was written by a model.",
    ),
    "mixed": (
        "Partly composed from the sources",
        "Some sentences stand in the passages themselves, others were written by a model; where "
        "support is missing, the sentence is marked.",
    ),
    "abstained": (
        "No answer in the sources",
        "The knowledge base holds no evidence for this, so nothing was made up.",
    ),
}

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

COPY: Final = "Copy"
EDIT: Final = "Edit and ask again"
COPIED: Final = "Copied"
STOPPED: Final = "Stopped here. What was already checked stays."
STOPPED_EMPTY: Final = "Stopped before anything was shown. Your question is back in the box."

SEARCHING: Final = "Searching the sources…"
WRITING: Final = "Writing, and checking each sentence…"
LOADING: Final = "The model is loading; this happens once. Your question waits for it…"

MODEL_LOADING: Final = (
    "The language model is still loading. You can ask now; the answer starts as soon as it is "
    "ready."
)
INDEX_MISSING: Final = (
    "The knowledge base is not indexed yet, so questions can't be answered. "
    "Build the index with: python -m index build"
)

KEPT: Final = "Your question is back in the box."
MODEL_AWAY: Final = (
    "The language model can't be reached just now, or is still loading. Try again in a moment."
)
MODEL_BUSY: Final = "Many people are asking at once. Try again in about {after}."
MODEL_FAILED: Final = "The language model broke off while answering. Asking again often helps."
TOO_LONG: Final = (
    "This conversation has grown longer than the model can read. Start a new one, or ask for "
    "fewer passages under Advanced."
)
NO_INDEX: Final = "The knowledge base can't be read."
UNEXPECTED: Final = "Something went wrong on our side. The server's log has the details."
EMPTY_QUESTION: Final = "Write a question first."

# Browse
BROWSE_LEAD: Final = "Everything that answers are built from."
BROWSE_SEARCH: Final = "Search the knowledge base"
BROWSE_PLACEHOLDER: Final = "A topic, a question, a figure, an author…"
BROWSE_NONE: Final = "Nothing matches here."
BROWSE_VIEWS: Final = "Views of the knowledge base"
BROWSE_QUESTIONS: Final = "Questions"
BROWSE_FIGURES: Final = "Figures"
BROWSE_FIGURE: Final = "Figure"
BROWSE_VALUE: Final = "Value"
BROWSE_UNIT: Final = "Unit"
BROWSE_YEAR: Final = "Year"
BROWSE_SOURCE: Final = "Source"
BROWSE_EMPTY: Final = "The knowledge base is empty. Build the index with: python -m index build"
BROWSE_ASK: Final = "Ask about this"
VIEWS: Final[Mapping[str, str]] = {
    "topics": "Topics",
    "figures": "Figures",
    "map": "Map",
    "corrections": "Corrections",
}
CATEGORIES: Final[Mapping[str, str]] = {"agents-applications": "Agents and applications"}
UNSORTED: Final = "Other"
CORRECTED: Final = "against what this topic was first compiled from"
CORRECTIONS_LEAD: Final = (
    "Where the knowledge base departs from the document that its figures were first taken from: "
    "what stood there, what is said here, and why."
)
WAS: Final = "was"
NOW: Final = "now"
PLACES: Final[Mapping[str, str]] = {
    "data_points": "Figure",
    "faq_items": "Question",
    "faqs": "Question",
    "sources": "Source",
    "citation_snippet": "Snippet",
    "snippet": "Snippet",
    "description": "Description",
}
MAP_LABEL: Final = "Map of the knowledge base"
MAP_LEAD: Final = (
    "Questions and figures that are alike lie near each other. Point at a dot to see what it is, "
    "press it to read it; with the keyboard, the arrow keys go from dot to dot."
)
MAP_LATER: Final = "The map is being drawn…"
MAP_TOO_LARGE: Final = "This knowledge base is too large to be drawn as a map."
MAP_LEGEND: Final = "Categories; press one to see it alone"
MAP_QUESTION: Final = "question"
MAP_FIGURE: Final = "figure"

# Saving
SAVE_AS: Final = "Save as"
SAVES: Final[Mapping[str, str]] = {
    "markdown": "Markdown",
    "html": "Web page",
    "json": "JSON",
    "bibtex": "BibTeX",
}
BIBLIOGRAPHY: Final = "Sources"


def counted(number: int, one: str, many: str) -> str:
    """Write a number with its noun."""
    return f"{number:,} {one if number == 1 else many}"


def found(number: int) -> str:
    """Say how many passages were found."""
    return f"Found {counted(number, 'passage', 'passages')}. {WRITING}"


def ahead(number: int) -> str:
    """Say how many questions are waiting."""
    are = "is" if number == 1 else "are"
    return f"{counted(number, 'question', 'questions')} {are} in the queue; yours is kept…"


def seconds(milliseconds: float) -> str:
    """Write a duration as people read it."""
    if milliseconds < 1:
        return "<1 ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def ordinal(number: int) -> str:
    """Write 1 as 1st."""
    tail = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"


def stage(name: str) -> str:
    """Name a stage or a moment of answering."""
    return STAGES.get(name) or MOMENTS.get(name) or name.replace("_", " ")


def category(name: str) -> str:
    """Write a category's name as people do."""
    words = CATEGORIES.get(name, name.replace("-", " ").replace("_", " ").strip())
    return words[:1].upper() + words[1:]


def about(subject: str) -> str:
    """Ask about a figure or a topic by its name."""
    return f"What is known about {subject}?"


def sure(degree: str) -> str:
    """Say how sure a correction is."""
    return f"Certainty: {degree}."
