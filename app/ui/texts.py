"""Every text that the page shows, in one place, in English.

Other languages are in `languages/`, by the same names; what is read here comes in the language
that is being spoken. So functions of this module read its texts by `_told`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from app.ui.speaking import ENGLISH, language, speaks
from index.errata import SHIPPED_NAME

if TYPE_CHECKING:
    from app.config.personas import Persona
    from app.record.types import Basis, Claim, ClaimStatus
    from app.store import Judgement, Reason

__all__ = [
    "BASES",
    "BASIS",
    "LABELS",
    "MODES",
    "REASONS",
    "SCRIPT",
    "about",
    "ahead",
    "bases",
    "category",
    "counted",
    "earlier",
    "found",
    "inside",
    "number",
    "ordinal",
    "persona",
    "said",
    "script_words",
    "seconds",
    "source",
    "sure",
]

TITLE: Final = "Citewise"
TAGLINE: Final = "Answers about language models, each sentence traced to its source"
TAGLINE_OTHER: Final = "Answers from your sources, each sentence traced to its place"
PREVIEW_ALT: Final = "A question, its answer with numbered citations, and the evidence beside it"
NO_SCRIPT: Final = (
    "This page needs JavaScript, which your browser has switched off. The same answers, with the "
    "same sources, come in the terminal of the machine that serves it, and over HTTP in OpenAI’s "
    "form under /v1:"
)
NO_SCRIPT_COMMANDS: Final = """python -m app ask "What does nucleus sampling do?"
python -m app chat"""
HERO: Final = "What would you like to know about language models?"
HERO_OTHER: Final = "What would you like to know?"
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
NEW_SHORT: Final = "New"

PERSONA_LABEL: Final = "Answered by"
# The shipped personas' titles and what each is for, as their files have them: over the shipped
# knowledge base, and over other documents.
PERSONAS: Final[Mapping[str, tuple[str, str]]] = {
    "citewise-expert": (
        "Language model expert",
        "Explains how language models work, what the research found, and where it is still "
        "unsettled.",
    ),
    "citewise-architect": (
        "Principal AI researcher",
        "Designs and sizes transformer models, with the arithmetic of parameters, memory and "
        "compute shown.",
    ),
    "citewise-engineer": (
        "LLM engineer",
        "Turns what is known about training, fine-tuning, evaluating and serving language models "
        "into steps to follow.",
    ),
}
PERSONAS_OTHER: Final[Mapping[str, tuple[str, str]]] = {
    "citewise-expert": (
        "Expert",
        "Explains what the documents say, how it fits together, and what they leave open.",
    ),
    "citewise-architect": (
        "Architect",
        "Weighs choices by figures, limits and dependencies that the documents give, with the "
        "arithmetic shown.",
    ),
    "citewise-engineer": (
        "Engineer",
        "Turns what the documents say into steps to follow, each with its setting and how to "
        "check it.",
    ),
}
SETTINGS: Final = "Settings"
THEME: Final = "Colours"
THEMES: Final[Mapping[str, str]] = {"": "as the system has them", "light": "light", "dark": "dark"}
LANGUAGE: Final = "Language"
LANGUAGE_AUTO: Final = "as the browser asks for"
SHORTCUTS_TITLE: Final = "Keyboard shortcuts"
SHORTCUTS: Final[Mapping[str, str]] = {
    "Enter": "ask; with Shift, a new line",
    "↑": "in the empty box: earlier questions",
    "/": "to the box",
    "j k": "next and previous sentence, with its evidence",
    "Esc": "let go of a sentence, close a card or a sheet",
    "?": "these keys",
}
DONE: Final = "Done"
CLOSE: Final = "Close"
WITHIN: Final = "Ask within"
WITHIN_ALONE: Final = "within {sources}"
SHIPPED_SOURCE: Final = "Citewise’s knowledge base"
ENGINE_WRITES: Final = "Written by {model}"
ENGINE_WRITES_TIP: Final = (
    "This model drafts the answer; each sentence is checked against its passage before it is shown."
)
ENGINE_COMPOSES: Final = "Composed without a model"
ENGINE_COMPOSES_TIP: Final = (
    "Answers are put together from the sources’ own sentences. To have a model write them, start "
    "the server with model_url set to one, such as a vLLM server’s address."
)
RESEARCH_LABEL: Final = "Research doctrine"
RESEARCH_INFO: Final = (
    "Weighs the evidence: who measured it, how, and what would change the answer."
)
OWN_LABEL: Final = "Choose the sampling myself"
OWN_INFO: Final = "Otherwise each persona uses its own values."
TEMPERATURE: Final = "Temperature"
TEMPERATURE_INFO: Final = "0 always takes the likeliest word"
TOP_P: Final = "Top-p"
TOP_P_INFO: Final = "Nucleus sampling; 1 keeps every word in play"
LENGTH: Final = "Longest answer, in tokens"
PASSAGES: Final = "Passages read"
OWN_PASSAGES: Final = "Choose how much is read"
OWN_PASSAGES_INFO: Final = "Otherwise as many passages are read as usual."

TRY: Final = "Try one of these"
NEAREST: Final = "Close to it, and answerable from the sources"
NEXT: Final = "Go on from here"

YOU: Final = "You asked"
SOURCES: Final = "Sources"
SOURCE: Final = "Source"
EVIDENCE: Final = "Evidence"
EVIDENCE_EMPTY: Final = (
    "The passages behind an answer appear here. Point at a sentence to see the words that bear it; "
    "a click keeps them here."
)
PREVIOUS_SENTENCE: Final = "Previous sentence"
NEXT_SENTENCE: Final = "Next sentence"
UNPIN: Final = "Unpin"
AND_MORE: Final = "{first} and {count} more"
PAGE: Final = "page {page}"
SOURCES_SEARCHING: Final = "Reading the knowledge base…"
CITED: Final = "Cited"
FOUND_SO_FAR: Final = "Found"
NOT_USED: Final = "Read, not used"
NONE_CITED: Final = "Nothing was cited."
OPEN_PAPER: Final = "Open the paper"
LIBRARY: Final = "Documents"
LIBRARY_ADD: Final = "Documents: see them, add your own"
LIBRARY_WHAT: Final = (
    "What answers are drawn from. Documents that you add are shared by all who use this server; "
    "answers cite them at the page or heading."
)
LIBRARY_DROP: Final = "Drop files here, or choose them"
LIBRARY_WITHOUT_SCRIPT: Final = (
    "Without JavaScript: curl -F file=@handbook.pdf http://THIS-ADDRESS/v1/documents"
)
LIBRARY_SCRIPT: Final = {
    "ready": "passages: {passages}",
    "reading": "being read …",
    "encoding": "being read: {done} of {total} parts",
    "removing": "being deleted …",
    "failed": "not read: {error}",
    "warnings": "{count} not read of it",
    "delete": "Delete",
    "sending": "Sending {name} …",
    "sent": "{name} is being read.",
    "deleting": "Deleting {name} …",
    "deleted": "{name} is deleted.",
}
VIEW_TITLE: Final = "Document"
VIEW_PLACE: Final = "Show it in the document"
VIEW_AS_READ: Final = "The text as it was read"
VIEW_GONE: Final = "This passage is no longer in the knowledge base."
OPEN_DOCUMENT: Final = "Open the document"
RESTATED: Final = "In the knowledge base’s words"
SEE_ALSO: Final = "It links to"
OPENS_NEW_TAB: Final = "opens in a new tab"
WHY: Final = "Why it was found"
WHY_DENSE: Final = "meaning"
WHY_LEXICAL: Final = "words"
WHY_SCORE: Final = "together"
WHY_DENSE_TIP: Final = "Closeness in meaning to the question (dense similarity), and its rank"
WHY_LATE: Final = "details"
WHY_LATE_TIP: Final = "How well each word of the question is met here (late interaction), its rank"
WHY_LEXICAL_TIP: Final = "Words shared with the question (BM25), and its rank"
WHY_SCORE_TIP: Final = "The score that both give together"
NO_LINK: Final = "no link known"

BASIS: Final[Mapping[Basis, str]] = {
    "drafted": "The sentence was drafted by a model and checked against this:",
    "computed": "The sentence was worked out by a formula from this:",
}
# What is said of the sentence in view, and of all sentences of an answer.
BASES: Final[Mapping[Basis, str]] = {
    "quoted": "Quoted: the cited document’s own words.",
    "restated": "Restated: the knowledge base’s words, which rest on what is cited.",
    "drafted": "Drafted: a model’s words, checked against the passage.",
    "computed": "Computed: the result of a formula, with its sum.",
}
CONFLICT: Final = "The sources disagree"
PARTIAL: Final = "Only partly supported"
PARTIAL_TIP: Final = "The cited passage supports part of this sentence, not all of it."
UNSUPPORTED: Final = "Not supported"
UNSUPPORTED_TIP: Final = "No passage that was read supports this sentence."

LACKING: Final[Mapping[ClaimStatus, str]] = {
    "partial": "only partly supported",
    "unsupported": "not supported",
}

MODES: Final[Mapping[str, tuple[str, str]]] = {
    "computed": (
        "Worked out",
        "These figures are results of a formula, with the sum; no model wrote them.",
    ),
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
LABELS: Final = ("mixed", "abstained")  # told before the answer, the others after it

COPY: Final = "Copy"
EDIT: Final = "Edit the question"
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
    "fewer passages under Settings."
)
NO_INDEX: Final = "The knowledge base can't be read."
UNEXPECTED: Final = "Something went wrong on our side. The server's log has the details."

# Browse
BROWSE_LEAD: Final = "Everything that answers are built from."
BROWSE_SEARCH: Final = "Search the knowledge base"
BROWSE_PLACEHOLDER: Final = "A topic, a question, a figure, an author…"
BROWSE_NONE: Final = "Nothing matches here."
BROWSE_VIEWS: Final = "Views of the knowledge base"
BROWSE_QUESTIONS: Final = "Questions"
BROWSE_FIGURES: Final = "Figures"
BROWSE_PRACTICE: Final = "In practice"
BROWSE_CAVEATS: Final = "What is unsettled"
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

# Links that others can read
SAVE_OR_SHARE: Final = "Share"
SHARES: Final[Mapping[str, str]] = {
    "talk": "Link to this conversation",
    "answer": "Link to the last answer",
}
LINK_TITLE: Final = "A link"
LINK_MADE: Final = "Frozen as it is now, for everyone who has the link and can reach this server:"
LINK_OPEN: Final = "open it"
LINK_COPY: Final = "Copy the link"
LINK_NO_COOKIE: Final = (
    "Your browser keeps no cookie for this page, so you could not revoke the link. None was made."
)
LINK_FAILED: Final = "No link was made: the database can't be used just now. Try again."
LINK_GONE: Final = "Nothing is kept here. The link may have been revoked."
LINK_REVOKE: Final = "Revoke this link"
LINK_REVOKED: Final = "This link has been revoked. Nothing is kept of it."
LINKS: Final = "Links you have given out"
LINKS_AWAY: Final = "Your links can't be listed: the database can't be used just now."
REVOKE: Final = "Revoke"
REVOKE_NAMED: Final = "Revoke the link to “{title}”"
REVOKE_FAILED: Final = "The link was not revoked: the database can't be used just now. Try again."
NOTHING_TO_SHARE: Final = "There is no answer to share yet."
SHARED_ON: Final = "Shared on"
SHARED_FROM: Final = "· from the index"
SHARED_FROZEN: Final = "It stays as it was then, whatever becomes of the sources."

# Conversations: asked again, kept, judged ------------------------------------------------------

TAB_HISTORY: Final = "Conversations"
AGAIN: Final = "Answer again"
BESIDE: Final = "Compare with…"
RETRY: Final = "Try again"
SAME_AGAIN: Final = "It came out the same."
CUT: Final = "cut at its longest length; a longer one can be chosen under Settings"
READ_WITH: Final = "read with: {subject}"
READ_WITH_TIP: Final = (
    "The question leaned on what was answered before, and took up this subject. Name another "
    "subject, or say “new topic:”, to leave it out."
)
READ_ALONE: Final = "Ask it alone, without “{subject}”"
OLD_SOURCES: Final = "from an earlier state of the sources"
OLD_SOURCES_TIP: Final = (
    "The knowledge base has changed since. The passages shown here are those that were read then; "
    "answering again reads the ones of today."
)
ACT_GONE: Final = "That is not on this page any more. Ask in the box below."
AS_IT_WAS: Final = "the conversation as it was"
SET_ASIDE: Final = (
    "The later answers are set aside, not lost: {link} stays among your conversations."
)

KEEP_NO_COOKIE: Final = (
    "Your browser keeps no cookie for this page, so conversations are not kept. This one stays "
    "until you close the page; Save as Markdown keeps it."
)
KEEP_FAILED: Final = (
    "This answer could not be kept: the database can't be used just now. It stays on this page "
    "and is kept with your next question if the database is back; Save as Markdown is certain."
)
KEEP_SLOW: Final = (
    "The database is slow; this answer is kept as soon as it answers. Don't close the page yet, "
    "or use Save as Markdown."
)
TALK_GONE: Final = "That conversation is not here: it was deleted, or belongs to another browser."
TALK_AWAY: Final = (
    "The conversation can't be read: the database can't be used just now. Reload the page to try "
    "again; nothing is lost."
)

HISTORY_SEARCH: Final = "Search your conversations"
HISTORY_PLACEHOLDER: Final = "Words from a title, a question or an answer…"
HISTORY_EMPTY: Final = (
    "Nothing here yet. Each conversation is kept as you ask, for this browser alone."
)
HISTORY_NONE: Final = "No conversation has all of these words."
HISTORY_AWAY: Final = (
    "Your conversations can't be listed: the database can't be used just now. Open this tab "
    "again in a moment; nothing is lost."
)
MORE: Final = "Show more"
RENAME: Final = "Rename"
RENAME_NAMED: Final = "Rename “{title}”"
RENAME_FAILED: Final = "It was not renamed: the database can't be used just now. Try again."
DELETE: Final = "Delete"
DELETE_NAMED: Final = "Delete “{title}”"
DELETE_ALL: Final = "Delete all"
DELETE_FAILED: Final = "Nothing was deleted: the database can't be used just now. Try again."
CONFIRM_ONE: Final = "Delete “{title}”?"
CONFIRM_ALL: Final = "Delete all your conversations?"
CONFIRM_WHAT: Final = (
    "It can't be undone. What you said of answers with the thumbs stays with whoever runs this "
    "page."
)
KEEP_IT: Final = "Keep"
CANCEL: Final = "Cancel"

JUDGING: Final = "Was this answer good?"
GOOD: Final = "Good"
BAD: Final = "Not good"
JUDGE_TITLE: Final = "Rate this answer"
JUDGE_OF: Final = "About"
JUDGE_WHOLE: Final = "The whole answer"
JUDGE_WHY: Final = "What is wrong with it"
JUDGE_COMMENT: Final = "In your own words, if you like"
JUDGE_KEPT: Final = "Kept with a copy of question and answer, so that it can be looked into."
JUDGE_SEND: Final = "Send"
JUDGE_CLAIM: Final = "Judge this sentence"
JUDGE_CHANGE: Final = "Say more, or change it"
JUDGED: Final = "Noted"
JUDGED_GOOD: Final = "good"
JUDGED_BAD: Final = "not good"
JUDGED_GONE: Final = "That answer is not on this page any more."
JUDGED_FAILED: Final = (
    "It could not be noted: the database can't be used just now. Your words are still here; try "
    "again."
)
REASONS: Final[Mapping[Reason, str]] = {
    "wrong": "Wrong",
    "not_supported": "Not supported by its source",
    "incomplete": "Incomplete",
    "should_have_answered": "Should have answered",
    "should_not_have_answered": "Should not have answered",
}

MODEL_GONE: Final = (
    "The language model can't be reached just now. Ask all the same: if it isn't back in time, "
    "your question comes back to the box. Browse works meanwhile."
)
INDEX_RENEWING: Final = (
    "A new version of the knowledge base is being built. Until it is ready, answers read the "
    "present one."
)
INDEX_RENEWED: Final = "The knowledge base has just been renewed. Answers from now on read it."

# What the page's script says by itself.
SCRIPT: Final[Mapping[str, str]] = {
    "empty": "Write a question first.",
    "long": "This question has {length} characters; at most {longest} can be read. Shorten it.",
    "busy": "Your question waits here until the answer above is there. Stop ends it sooner.",
    "slow": "The server has not taken the question yet; it stays here. If this goes on, reload the "
    "page: nothing is lost.",
    "unsent": "The server can’t be reached, so the question stays here. Ask again once it is back.",
    "gone": "The server can't be reached. What you see stays, and so does your question; this "
    "page looks again every few seconds.",
    "back": "The server is back.",
    "restarted": "The server was started anew and doesn't know this conversation. Reload the page "
    "to go on; copy first what you want to keep.",
    "reload": "Reload",
    "edit": "Your question",
    "send": "Ask this instead",
    "today": "today",
    "yesterday": "yesterday",
}

# Numbers with their nouns, for one and for several.
N_TOPICS: Final = ("{n} topic", "{n} topics")
N_DOCUMENTS: Final = ("{n} document", "{n} documents")
N_PASSAGES: Final = ("{n} passage", "{n} passages")
N_SOURCES: Final = ("{n} source", "{n} sources")
N_QUESTIONS: Final = ("{n} question", "{n} questions")
N_FIGURES: Final = ("{n} figure", "{n} figures")
N_CORRECTIONS: Final = ("{n} correction", "{n} corrections")
N_SENTENCES: Final = ("{n} sentence", "{n} sentences")
N_EARLIER: Final = ("{n} earlier answer", "{n} earlier answers")
N_JUDGED: Final = ("{n} sentence judged", "{n} sentences judged")
THOUSANDS: Final = ","
ORDINAL: Final = ""  # such as "{n}."; empty is as English has it

KNOWS: Final = "It knows <strong>{what}</strong>: {passages}{resting}. Browse shows them all."
KNOWS_BOTH: Final = "{topics} and {documents}"
KNOWS_RESTING: Final = ", resting on {sources}"
KNOWS_YEARS: Final = " from {first} to {last}"
FOUND: Final = "Found {passages}."
PROGRESS: Final = "Writing, and checking each sentence: {told}…"
PROGRESS_SHOWN: Final = "{n} shown"
PROGRESS_REPLACED: Final = "{n} of them in the source’s own words"
PROGRESS_DROPPED: Final = "{n} left out"
BASIS_NAMES: Final[Mapping[Basis, str]] = {
    "quoted": "quoted",
    "restated": "restated",
    "drafted": "drafted",
    "computed": "computed",
}
OTHERS_TOO: Final = "The model answers other questions too."
AHEAD: Final = (
    "{n} question is ahead of yours, which keeps its place and is answered next in turn…",
    "{n} questions are ahead of yours, which keeps its place and is answered next in turn…",
)
SURE: Final = "Certainty: {degree}."


def script_words() -> Mapping[str, str]:
    """What the page's script says, with what it shares with the server."""
    return {
        **_told("SCRIPT"),
        "copied": _told("COPIED"),
        "nothing": _told("EVIDENCE_EMPTY"),
        "cancel": _told("CANCEL"),
        "judge": _told("JUDGE_CLAIM"),
        "change": _told("JUDGE_CHANGE"),
        "status_partial": _told("PARTIAL_TIP"),
        "status_unsupported": _told("UNSUPPORTED_TIP"),
        **{f"basis_{basis}": told for basis, told in _told("BASES").items()},
    }


def inside(text: str) -> str:
    """A text as it stands inside a sentence; nouns keep their capitals."""
    return f"{text[:1].lower()}{text[1:]}"


def source(name: str) -> str:
    """Name a source for readers."""
    return str(_told("SHIPPED_SOURCE")) if name == SHIPPED_NAME else name


def persona(one: Persona) -> tuple[str, str]:
    """A persona's title and what it is for; one's own are called as their files say."""
    base, skilled, _ = one.name.partition("+")
    tables = {"PERSONAS": PERSONAS, "PERSONAS_OTHER": PERSONAS_OTHER}
    called = (
        name
        for name, table in tables.items()
        if base in table and one.title.partition(" + ")[0] == table[base][0]
    )
    table = next(called, "")
    if language() == ENGLISH or not table:
        return one.title, one.description
    title, purpose = _told(table)[base]
    return f"{title} + {_told('RESEARCH_LABEL')}" if skilled else title, purpose


def number(value: int) -> str:
    """Write a whole number as the language does."""
    return f"{value:,}".replace(",", _told("THOUSANDS"))


def counted(many: int, noun: tuple[str, str]) -> str:
    """Write a number with its noun, which is one of the pairs above."""
    return noun[many != 1].format(n=number(many))


def known(topics: int, documents: int, passages: int, sources: int, years: Sequence[int]) -> str:
    """Say what can be asked about: how much is known, from how many sources, of which years."""
    both = topics and documents
    told = {
        "topics": counted(topics, _told("N_TOPICS")),
        "documents": counted(documents, _told("N_DOCUMENTS")),
    }
    what = _told("KNOWS_BOTH").format(**told) if both else told["topics" if topics else "documents"]
    span = _told("KNOWS_YEARS").format(first=min(years), last=max(years)) if years else ""
    named = counted(sources, _told("N_SOURCES"))
    resting = f"{_told('KNOWS_RESTING').format(sources=named)}{span}" if sources else ""
    many = counted(passages, _told("N_PASSAGES"))
    return str(_told("KNOWS").format(what=what, passages=many, resting=resting))


def bases(claims: Sequence[Claim]) -> str:
    """Count an answer's sentences by whose words they are, and those that lack support."""
    whole = Counter(claim.basis for claim in claims if claim.status == "supported")
    names = _told("BASIS_NAMES")
    parts = [f"{whole[basis]} {name}" for basis, name in names.items() if whole[basis]]
    lacking = Counter(claim.status for claim in claims if claim.status != "supported")
    parts += [f"{count} {_told('LACKING')[status]}" for status, count in lacking.items()]
    return f"{counted(len(claims), _told('N_SENTENCES'))}: {', '.join(parts)}"


def writing(shown: int, replaced: int, dropped: int) -> str:
    """Say how far a draft has come: sentences shown, some in a source's words, and left out."""
    parts = [_told("PROGRESS_SHOWN").format(n=shown)]
    parts += [_told("PROGRESS_REPLACED").format(n=replaced)] if replaced else []
    parts += [_told("PROGRESS_DROPPED").format(n=dropped)] if dropped else []
    return str(_told("PROGRESS").format(told=", ".join(parts)))


def found(number: int) -> str:
    """Say how many passages were found."""
    told = _told("FOUND").format(passages=counted(number, _told("N_PASSAGES")))
    return f"{told} {_told('WRITING')}"


def ahead(number: int) -> str:
    """Say how many questions are answered before this one."""
    if not number:
        return f"{_told('OTHERS_TOO')} {_told('WRITING')}"
    return counted(number, _told("AHEAD"))


def earlier(number: int) -> str:
    """Name the answers that were asked for anew."""
    return counted(number, _told("N_EARLIER"))


def said(judged: Sequence[Judgement]) -> str:
    """What a reader said of an answer: the last word on the whole, and on how many sentences."""
    whole = [one for one in judged if one.claim is None]
    marked = len({one.claim for one in judged if one.claim is not None})
    parts = []
    if whole:
        last = whole[-1]
        why = ", ".join(inside(_told("REASONS")[reason]) for reason in last.reasons)
        name = _told("JUDGED_GOOD" if last.rating == "up" else "JUDGED_BAD")
        parts.append(f"{name} ({why})" if why else name)
    if marked:
        parts.append(counted(marked, _told("N_JUDGED")))
    return f"{_told('JUDGED')}: {'; '.join(parts)}" if parts else ""


def seconds(milliseconds: float) -> str:
    """Write a duration as people read it."""
    if milliseconds < 1:
        return "<1 ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def ordinal(number: int) -> str:
    """Write 1 as 1st."""
    if form := _told("ORDINAL"):
        return str(form.format(n=number))
    tail = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"


def category(name: str) -> str:
    """Write a category's name as people do; it is the knowledge base's, in its language."""
    words = CATEGORIES.get(name, name.replace("-", " ").replace("_", " ").strip())
    return words[:1].upper() + words[1:]


def about(subject: str) -> str:
    """Ask about a figure or a topic by its name, in the language of the knowledge base."""
    return f"What is known about {subject}?"


def sure(degree: str) -> str:
    """Say how sure a correction is."""
    return str(_told("SURE").format(degree=degree))


_told = speaks(__name__)
