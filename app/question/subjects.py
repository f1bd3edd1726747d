"""The subjects that a knowledge base has, by the names that people use for them.

They are read off the index: a topic's title and the terms under which its definition is found.
A follow-up takes its subject from these, and a subject is put in the place of another.

Words that every question may hold, such as "language model" or "loss", are no subjects of their
own. What they mean is told by an FAQ that asks "What is X?", or "What is X (Y, Z)?" for a word of
several names; it goes before a topic's definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.question.phrases import patterns
from index.store import LoadedIndex
from index.text.tokens import content_words
from index.types import PassageKind

__all__ = [
    "NamedSubject",
    "Subjects",
    "asks_more",
    "compared",
    "explains",
    "names_explained",
    "opens_with",
    "subjects_of",
    "weighs",
]

_WORD = re.compile(r"\w+(?:[.+'’/-]\w+)*\+*")
# As `index.passages.definition_questions` asks.
_DEFINITION = re.compile(r"What is (.+)\?")
_EXPLAINING = re.compile(
    r"What (?:is|are) (?:an? |the )?(?P<name>[^?()]+?)(?: \((?P<others>[^?()]+)\))?\?"
)
# "What is X and how does it work?" asks for a definition, and then for more.
_ASKS_MORE = re.compile(
    r"\s*(?P<first>(?:what(?:'s|’s| is| are)|define)\s[^?,;.]{2,60}?)(?:\?\s*|,?\s+and\s+)"
    r"(?:and\s+)?(?P<more>(?:how|why|what|when|where|which|who|is|are|does|do|did|can|should)\b.+)",
    re.IGNORECASE | re.DOTALL,
)
_HOW_IT_WORKS = re.compile(
    r"\s*how (?:does|do) (?:an? |the )?(?P<what>[^?,;.]{2,50}?)(?: actually| really)? work"
    r"(?:\W*|,?\s+and\s+(?:how|why|what|when|where|which|who|is|are|does|do|can|should)\b.+)",
    re.IGNORECASE,
)
# "What are the pros and cons of X?" asks what X is, and what it gains and costs.
_TRADE_OFFS = re.compile(
    r"\W*(?:(?:what(?:'s|’s| is| are)|list|name|explain|describe|tell me|give me) )?(?:the )?"
    r"(?:main |biggest |key )?(?:pros(?: and | & |/)cons|trade-?offs?|"
    r"(?:dis)?advantages?(?: and | & |/)(?:dis)?advantages?|(?:up|down)sides?(?: and | & |/)(?:up|"
    r"down)sides?|(?:strengths?|benefits?)(?: and | & |/)\w+) (?:of|to|with) "
    r"(?:using |having )?(?:an? |the )?"
    r"(?P<what>(?:(?!\b(?:vs|versus|or|over|and|than)\b)[^?,;.]){2,50}?)\W*",
    re.IGNORECASE,
)
_NAME = r"(?:an? |the )?(?P<{}>[^?,;]{{2,40}}?)"
_ONE, _OTHER = _NAME.format("one"), _NAME.format("other")
_COMPARES = re.compile(
    rf"\W*(?:what(?:'?s|’s| is| are)? )?(?:the )?(?:main )?diff(?:erences?)?(?: between)? {_ONE}"
    rf"(?: and|,? or| vs\.?| versus) {_OTHER}\W*"
    rf"|\W*compare {_ONE.replace('one', 'one_')} (?:and|with|to|vs\.?|versus) "
    rf"{_OTHER.replace('other', 'other_')}\W*"
    rf"|\W*{_ONE.replace('one', '_one')} (?:vs\.?|versus) {_OTHER.replace('other', '_other')}\W*",
    re.IGNORECASE,
)
# "The LoRA paper" and "the LoRA method" are both asked for by the name of LoRA.
_OF_A_KIND = re.compile(
    r"\s+(?:paper|article|study|report|work|benchmark|method|technique|algorithm|approach|model|"
    r"architecture|library|framework|tool|data ?set)$",
    re.IGNORECASE,
)
_AROUND = " -–()[]{}<>|*`'\"!/"
_LONGEST = 7
_KEPT = 2


@dataclass(frozen=True, slots=True)
class NamedSubject:
    """A subject as a text names it, from `start` to `end` in code points, and its topics."""

    text: str
    start: int
    end: int
    topics: frozenset[str]


class Subjects:
    """Finds the longest known names in a text."""

    def __init__(
        self, names: Mapping[str, frozenset[str]], explained: Mapping[str, str] | None = None
    ) -> None:
        """Take names with the topics that they stand for.

        Args:
            names: a subject's name, and its topics.
            explained: a word's name, and the id of the passage that says what it is.
        """
        self._explained = {_key(name): ref for name, ref in (explained or {}).items()}
        self._topics: dict[tuple[str, ...], frozenset[str]] = {}
        self._names = names
        for name, topics in names.items():
            key = _key(name)
            if key and len(key) <= _LONGEST:
                self._topics[key] = self._topics.get(key, frozenset()) | topics

    def find(self, text: str) -> tuple[NamedSubject, ...]:
        """Return the subjects that a text names, in order; of two that overlap, the longer."""
        return tuple(self._found(text))

    def defined_by(self, question: str) -> frozenset[str]:
        """Return the topics whose definition a question asks for: "What is X?", "X?", all of X."""
        named = self._whole(self._name_asked("definition", question))
        return named.topics if named else frozenset()

    def asked_for(self, question: str) -> frozenset[str]:
        """Return the stems of the name in "What is X?"."""
        return frozenset(content_words(self._name_asked("definition", question)))

    def explained_by(self, question: str) -> str:
        """Return the id of the passage that asks "What is X?" as a question does; else nothing."""
        return self._explained.get(_key(self._name_asked("definition", question)), "")

    def at_work(self, question: str) -> bool:
        """Tell whether a question asks how a known subject works, and nothing else."""
        return self._whole(self._name_asked("works", question)) is not None

    def unknown_at_work(self, question: str) -> str:
        """Return what a question asks the working of, where that names no known subject at all."""
        asked = _asked("works", question)
        return "" if self.find(asked) or self._knows(asked) else asked

    def introduced(self, question: str) -> NamedSubject | None:
        """Return the subject of which a question asks who or what introduced it, and when."""
        return self._whole(self._name_asked("origin", question))

    def names_of(self, topics: frozenset[str]) -> tuple[str, ...]:
        """Return the names of topics, as they are written."""
        return tuple(name for name, known in self._names.items() if known & topics)

    def _name_asked(self, kind: str, question: str) -> str:
        """Return the name in a question of a kind, without the word for what kind of thing it is.

        That word stays where the name is known with it, or unknown without it.
        """
        asked = _asked(kind, question)
        bare = _OF_A_KIND.sub("", asked)
        return bare if self._knows(bare) and not self._knows(asked) else asked

    def _knows(self, name: str) -> bool:
        return _key(name) in self._explained or self._whole(name) is not None

    def _whole(self, text: str) -> NamedSubject | None:
        """Return the subject that a text is the name of, and nothing else."""
        text = text.strip(_AROUND)  # a flag's dashes, a call's parentheses
        named = self.find(text)
        whole = len(named) == 1 and (named[0].start, named[0].end) == (0, len(text))
        return named[0] if whole else None

    def _found(self, text: str) -> Iterator[NamedSubject]:
        words = list(_WORD.finditer(text))
        folded = [_folded(word.group()) for word in words]
        at = 0
        while at < len(words):
            for size in range(min(_LONGEST, len(words) - at), 0, -1):
                topics = self._topics.get(tuple(folded[at : at + size]))
                if topics:
                    start, end = words[at].start(), words[at + size - 1].end()
                    yield NamedSubject(text[start:end], start, end, topics)
                    at += size
                    break
            else:
                at += 1


def asks_more(question: str) -> tuple[str, str]:
    """Return what a question asks to be told first, and what more it asks of it.

    "What is X, and why does it work?" asks what X is first, and so do "How does X work?" and "What
    are the pros and cons of X?". Of a question that asks for one thing both are empty.
    """
    if works := _HOW_IT_WORKS.fullmatch(question):
        return f"what is {works['what']}", question
    if weighed := _TRADE_OFFS.fullmatch(question):
        return f"what is {weighed['what']}", question
    both = _ASKS_MORE.fullmatch(question)
    return (both["first"].strip(), both["more"].strip()) if both else ("", "")


def compared(question: str) -> tuple[str, str] | None:
    """Return the two names of a question for their difference, and nothing else."""
    found = _COMPARES.fullmatch(question)
    if found is None:
        return None
    one, other = filter(None, found.groups())
    return one.strip(), other.strip()


def weighs(question: str) -> bool:
    """Tell whether a question asks what something gains and what it costs."""
    return _TRADE_OFFS.fullmatch(question) is not None


def names_explained(heading: str) -> tuple[str, ...]:
    """Return the names of what a heading asks to be told: of "What is X (Y, Z)?" X, Y and Z."""
    asked = _EXPLAINING.fullmatch(heading)
    if asked is None:
        return ()
    return (asked["name"], *filter(None, re.split(r",\s*", asked["others"] or "")))


def opens_with(sentence: str, stems: frozenset[str]) -> bool:
    """Tell whether a sentence begins with a name, given by its stems."""
    return stems <= frozenset(content_words(" ".join(sentence.split()[: len(stems) + 2])))


def explains(heading: str, question: str) -> bool:
    """Tell whether a heading asks to be told the very word that a question asks for."""
    asked = _asked("definition", question)
    wanted = {_key(asked), _key(_OF_A_KIND.sub("", asked))}
    return any(_key(name) in wanted for name in names_explained(heading))


def _asked(kind: str, question: str) -> str:
    """The name in a question of a kind; empty where it is none."""
    frame = patterns(kind)["asked"].fullmatch(question)
    return next(filter(None, frame.groups()), "").strip() if frame else ""


_READ: dict[str, Subjects] = {}


def subjects_of(index: LoadedIndex) -> Subjects:
    """Read an index's subjects, once an index."""
    found = _READ.get(index.fingerprint)
    if found is None:
        found = Subjects(_names_in(index), _explained_in(index))
        # An index that is being replaced is asked for until the last answer from it is given.
        while len(_READ) >= _KEPT:
            _READ.pop(next(iter(_READ)), None)
        _READ[index.fingerprint] = found
    return found


def _names_in(index: LoadedIndex) -> dict[str, frozenset[str]]:
    names: dict[str, frozenset[str]] = {}
    for passage in index.passages:
        title = passage.title.partition(":")[0].strip()
        names[title] = names.get(title, frozenset()) | {passage.topic}
    for text, owner in zip(index.texts, index.owners.tolist(), strict=True):
        passage = index.passages[owner]
        asked = _DEFINITION.fullmatch(text.text)
        if asked and passage.kind is PassageKind.DEFINITION:
            names[asked[1]] = names.get(asked[1], frozenset()) | {passage.topic}
    return names


def _explained_in(index: LoadedIndex) -> dict[str, str]:
    return {
        name: passage.id
        for passage in index.passages
        if passage.kind is PassageKind.FAQ
        for name in names_explained(passage.heading)
    }


def _key(name: str) -> tuple[str, ...]:
    return tuple(_folded(match.group()) for match in _WORD.finditer(name))


def _folded(word: str) -> str:
    """Fold case, apostrophes and a plural's ending."""
    folded = word.casefold().replace("’", "'").removesuffix("'s")
    plural = len(folded) > 3 and folded.endswith("s") and not folded.endswith(("ss", "us", "is"))
    return folded[:-1] if plural else folded
