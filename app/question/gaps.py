"""What a question asks of that no passage speaks of: said first, and never answered by a neighbor.

A question names things: models with their versions, data sets, machines, people, identifiers, the
index's own terms. What answers it speaks of all of them at once; where no passage that was found
does, its figures are another's. And it asks for a kind of thing (a price, a duration, the
hardware), which some passage of the subject must hold. These are rules over names and terms, read
off the index itself; they know no subject.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from threading import Lock

from app.question.asking import asking_part
from app.question.subjects import NamedSubject, Subjects
from app.record.types import Gap
from index.store import LoadedIndex
from index.text.names import version_names
from index.text.tokens import STOP_WORDS, content_words
from index.types import Hit, Passage, PassageKind

__all__ = ["Lexicon", "find_gap", "lexicon_of"]

_KINDS = Path(__file__).with_name("asked_for.toml")
# A passage further down is no evidence any more.
_READ = 5
# A longer question tells a story, whose names need not stand in the answer.
_LONGEST = 35
_WORD = re.compile(r"(?<![\w.$@/\\])[A-Za-z][\w+]*(?:[-.‑][\w+]+)*")
# What stands before a word inside a sentence, where a capital means something.
_INSIDE = re.compile(r"[a-z0-9,;)]")
_VERSION_AFTER = re.compile(r"[- ]?\d")
# What is set against each other, or listed, need not stand in one passage.
_CHOICE = re.compile(r"\b(?:or|vs|versus|than|between|compared?|differences?)\b", re.IGNORECASE)
_MOST_TOGETHER = 3
_PLAIN = re.compile(r"[a-z]+")
_OPENS = re.compile(r"(?:^|[.!?:;>])\s*[\"'“(]*$")
_AUTHOR = re.compile(r"([A-Z][a-zà-ÿ]{3,}) (?:et al\.|& [A-Z]|\(\d{4}\))")
# How numbers are kept: a passage may say 16 bits, half precision or nothing of it.
_PRECISION = re.compile(r"(?:b?fp|u?int|nf|tf|mx)\w*\d+", re.IGNORECASE)
_YEAR = re.compile(r"(?:.*\D)?(?:19|20)\d\d")
# A100s, and GPT-3s where GPT-3's is meant.
_PLURAL = re.compile(r"(?<=\d)s$")
# Of a name of several parts, a size tells nothing that is looked for by name: the 7B of llama-2-7b.
_SIZE_ALONE = re.compile(r"\d[\d.]*[kmbt]?", re.IGNORECASE)
# What a name's versions differ by beside numbers.
_VARIANT = re.compile(
    r"[ -‑](?P<variant>XX?L|Large|Medium|Small|Base|Mini|Nano|Tiny|Pro|Turbo|Ultra|Flash|Opus|"
    r"Sonnet|Haiku|Coder)\b(?![- ]\w+ing\b)",
    re.IGNORECASE,
)
_YEAR_ALONE = re.compile(
    r"(?<![\w.,$/=-])(?:19[4-9]\d|20[0-3]\d)(?![\w%/=-]|[.,]\d| ?(?:tokens?|GiB|MiB|[GM]B)\b)"
)
_NOT_ALNUM = re.compile(r"[^a-z0-9+]")
# A size that a short question is about: 70B, 2-bit, 131,072 tokens. One's own is no affair of
# the passages.
_SIZE = re.compile(
    r"(?<![\w.-])(?P<number>\d[\d,]*(?:\.\d+)?)\s?(?:[kMBT]\b|[- ]?bits?\b|[KMGT]i?B\b|"
    r"[- ](?:tokens?|layers?|heads?|gpus?|experts?|samples?|examples?|beams?|epochs?|steps?|"
    r"shots?)\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_ONES_OWN = re.compile(r"\b(?:i|i['’]m|me|my|we|us|our|you|your)\b", re.IGNORECASE)
_SHORT = 22  # words
# What stands before a name of the asker's own, "our two A10s", or of an example, "like AX-4410".
_OWN_OR_EXAMPLE = re.compile(
    r"\b(?:(?:my|our)\s+(?:[\w-]+\s+){0,2}|(?:like|such as|e\.g\.,?|for example)\s+)$",
    re.IGNORECASE,
)
_KEPT = 2
_PLURALS = 3
_CONTEXTS = 1024


@dataclass(frozen=True, slots=True)
class _Context:
    """All that a passage is known by: its text, headings, sources and the ways it is asked for."""

    text: str
    folded: str
    words: frozenset[str]
    versions: frozenset[str]

    @classmethod
    def of(cls, passage: Passage, asked: Sequence[str]) -> _Context:
        labels = [source.label for source in passage.sources]
        text = "\n".join([passage.title, passage.heading, passage.text, *labels, *asked])
        versions = frozenset(version_names(text))
        return cls(text, _folded(text), frozenset(content_words(text)), versions)


@dataclass(frozen=True, slots=True)
class _Name:
    """Something that a question names, and how one sees that a passage speaks of it."""

    text: str
    term: NamedSubject | None = None
    variant: str = ""

    @property
    def written(self) -> str:
        """The name as the question has it, with the word that tells its variant."""
        return f"{self.text} {self.variant}".strip()

    def borne_by(self, context: _Context, topic: str) -> bool:
        if self.variant and not context.words.issuperset(content_words(self.variant)):
            return False
        if self.term is not None and topic in self.term.topics:
            return True
        versions = version_names(self.text)
        if versions and self.term is None:
            return all(_has_version(version, context.versions) for version in versions)
        folded = _folded(self.text)
        if self.term is None and folded in context.folded:
            return True
        words = content_words(self.text)
        return bool(words) and all(word in context.words for word in words)


class Lexicon:
    """How an index writes words: which are names, and what its passages are known by."""

    def __init__(self, index: LoadedIndex) -> None:
        """Take an index; what is asked of it is read when it is first needed."""
        self._index = index
        self._prose = "\n".join(passage.text for passage in index.passages)
        self._lower = _lower(self._prose)
        self._contexts: dict[str, _Context] = {}
        self._uses: dict[str, tuple[int, int, bool]] = {}

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How often the index has each word, in lower case."""
        texts = " ".join(text.text for text in self._index.texts)
        return Counter(_PLAIN.findall(f"{self._lower} {' '.join(self._labels)} {texts}".lower()))

    @cached_property
    def _labels(self) -> frozenset[str]:
        passages = self._index.passages
        return frozenset(source.label for passage in passages for source in passage.sources)

    @cached_property
    def _authors(self) -> frozenset[str]:
        found = (name for label in self._labels for name in _AUTHOR.findall(label)[:1])
        return frozenset(name.lower() for name in found)

    @cached_property
    def _asked(self) -> Mapping[str, Sequence[str]]:
        """The texts that each passage is found under."""
        found: dict[str, list[str]] = {}
        owners = self._index.owners.tolist()
        for text, owner in zip(self._index.texts, owners, strict=True):
            found.setdefault(self._index.passages[owner].id, []).append(text.text)
        return found

    def has(self, name: str) -> bool:
        """Tell whether each word of a name stands somewhere in the index, or its singular does."""
        words = _PLAIN.findall(name.lower())
        return all(self.counts.get(word, 0) or self.counts.get(word[:-1], 0) for word in words)

    def is_name(self, word: str, *, opens: bool) -> bool:
        """Tell whether a word of a question is written like a name, or known as one.

        Args:
            word: as it is written.
            opens: whether it opens a sentence, where any word has a capital.
        """
        plain = word.lower()
        if len(word) < 2 or plain in STOP_WORDS:
            return False
        if any(char.isdigit() for char in word):
            letters = len(word.rstrip("0123456789"))
            written_so = letters > 1 or (word[0].isupper() and len(word) > 2)
            return written_so and not _PRECISION.fullmatch(word)
        if word.islower():
            # In lower case, only those that nothing else is called.
            return plain in self._authors and len(set(self._used(plain)[:2])) == 1
        if word.isupper() and self.counts.get(f"{plain}s", 0) >= _PLURALS:
            return False  # LLM, GPU: a kind of thing, of which there are several
        inside, capitals, _ = self._used(plain)
        common = inside > 0 and 2 * capitals <= inside
        if any(char.isupper() for char in word[1:]) or not opens:
            return not common
        return inside > 0 and not common

    def _used(self, plain: str) -> tuple[int, int, bool]:
        """Count a word inside sentences, and with a capital there; and whether versions follow."""
        found = self._uses.get(plain)
        if found is None:
            inside = capitals = 0
            versions = False
            at = self._lower.find(f" {plain}")
            while at >= 0:
                end = at + 1 + len(plain)
                written, after = self._prose[at + 1 : end], self._prose[end : end + 2]
                versions |= not written.islower() and _VERSION_AFTER.match(after) is not None
                if not after[:1].isalpha() and _INSIDE.match(self._prose[at - 1 : at]):
                    inside += 1
                    capitals += not written.islower()
                at = self._lower.find(f" {plain}", end)
            found = self._uses[plain] = (inside, capitals, versions)
        return found

    def has_versions(self, version: str, written: str) -> bool:
        """Tell whether a name with a number is a version: the index knows others of that name.

        Args:
            version: both joined, in lower case.
            written: as the question has it.
        """
        name = version.rstrip("0123456789.")
        if _YEAR.fullmatch(version) or _PRECISION.fullmatch(version) or version[-1].isalpha():
            return False
        inside, capitals, versions = self._used(name)
        named = versions or "." in version
        return " " not in written or (named and 2 * capitals > inside)

    def context(self, passage: Passage) -> _Context:
        """Return all that a passage is known by."""
        found = self._contexts.get(passage.id)
        if found is None:
            if len(self._contexts) >= _CONTEXTS:
                self._contexts.clear()
            asked = self._asked.get(passage.id, ())
            found = self._contexts[passage.id] = _Context.of(passage, asked)
        return found


def find_gap(
    question: str, hits: Sequence[Hit], lexicon: Lexicon, subjects: Subjects
) -> Gap | None:
    """Find what a question asks of and the passages found do not speak of.

    Args:
        question: standing alone, in English.
        hits: what was found, best first; the first five count.
        lexicon: how the index writes words.
        subjects: the index's terms.

    Returns:
        The gap; None where the passages speak of all that is named, and where a question names
        nothing or tells a long story.
    """
    asking = _asking(question)
    if strange := subjects.unknown_at_work(question):
        told = [f"{hit.passage.title} {hit.passage.heading}" for hit in hits[:_READ]]
        if not set(content_words(strange)) & {
            word for text in told for word in content_words(text)
        }:
            return Gap("absent", (strange,))
    read = [(lexicon.context(hit.passage), hit.passage.topic) for hit in hits[:_READ]]
    if not read or not asking:
        return None
    names = list(_names(asking, lexicon, subjects))
    borne = [[name.borne_by(*context) for context in read] for name in names]
    absent = [name.written for name, where in zip(names, borne, strict=True) if not any(where)]
    absent += _years_nowhere(asking, [context for context, _ in read])
    if absent:
        known = len(absent) < len(names) or subjects.find(asking)
        # Documents say all that there is to a name: one that stands nowhere in them is foreign.
        document = hits[0].passage.kind is PassageKind.SECTION
        foreign = document and not all(lexicon.has(name) for name in absent)
        return Gap("named" if known and not foreign else "absent", _joined(absent, asking))
    whole = [context for at, (context, _) in enumerate(read) if all(where[at] for where in borne)]
    if not whole:
        if len(names) > _MOST_TOGETHER or _CHOICE.search(asking):
            return None
        return Gap("together", tuple(name.text for name in names))
    sizes = _sizes_nowhere(asking, [context for context, _ in read])
    if sizes and not _CHOICE.search(asking):
        return Gap("named", sizes)
    for kind in _asked_for():
        if kind.asked.search(asking) and not any(kind.borne.search(each.text) for each in whole):
            return Gap("asked", (kind.name,))
    return None


@dataclass(frozen=True, slots=True)
class _AskedFor:
    name: str
    asked: re.Pattern[str]
    borne: re.Pattern[str]


@cache
def _asked_for() -> tuple[_AskedFor, ...]:
    raw = tomllib.loads(_KINDS.read_text(encoding="utf-8"))["kind"]
    return tuple(
        _AskedFor(
            kind["name"],
            re.compile(kind["asked"], re.IGNORECASE),
            re.compile(kind["borne"], re.IGNORECASE),
        )
        for kind in raw
    )


def _asking(question: str) -> str:
    """Return the sentences that ask; empty where they are too long to be one question."""
    text = asking_part(question)
    return text if len(text.split()) <= _LONGEST else ""


def _names(text: str, lexicon: Lexicon, subjects: Subjects) -> Iterator[_Name]:
    """Yield what a question names: names with their versions, then the terms of several words."""
    taken: set[str] = set()
    for version, written in version_names(text).items():
        whole = re.search(rf"(?<![\w-]){re.escape(written)}(?!-bit|\w)", text)
        if whole and _OWN_OR_EXAMPLE.search(text[: whole.start()]):
            taken.update(_folded(part) for part in (written, *re.split(r"[\s-]+", written)))
        elif whole and lexicon.has_versions(version, written):
            taken.update(_folded(part) for part in re.split(r"[\s-]+", written))
            yield _Name(written, variant=_variant_after(text, whole.end()))
    for match in _WORD.finditer(text):
        if _OWN_OR_EXAMPLE.search(text[: match.start()]):
            continue
        opens = _OPENS.search(text[: match.start()]) is not None
        # Of GPT-like and FiD-large the name is what is written like one.
        parts = re.split(r"[-‑]", match.group())
        if not any(lexicon.is_name(part, opens=opens) for part in parts):
            continue
        named = [part for part in parts if not (part.isalpha() and part.islower())] or parts
        if taken.intersection(map(_folded, named)) and all(map(_SIZE_ALONE.fullmatch, named)):
            continue  # what is left of a name whose version was read above
        name = match.group() if len(named) == len(parts) else " ".join(named)
        if _folded(name) not in taken and not taken.issuperset(map(_folded, named)):
            taken.add(_folded(name))
            dropped = _VARIANT.search(match.group()) if len(named) < len(parts) else None
            variant = dropped["variant"] if dropped else _variant_after(text, match.end())
            yield _Name(name, variant=variant)
    for term in subjects.find(text):
        if " " in term.text and not taken & {_folded(part) for part in term.text.split()}:
            yield _Name(term.text, term)


def _joined(names: Sequence[str], text: str) -> tuple[str, ...]:
    """Put names together that stand side by side in a text."""
    found: list[str] = []
    for name in names:
        if found and f"{found[-1]} {name}" in text:
            found[-1] += f" {name}"
        else:
            found.append(name)
    return tuple(found)


def _variant_after(text: str, end: int) -> str:
    found = _VARIANT.match(text, end)
    return found["variant"] if found else ""


def _sizes_nowhere(asking: str, read: Sequence[_Context]) -> tuple[str, ...]:
    """Return the sizes that a short question is about and no passage has the number of."""
    if len(asking.split()) > _SHORT or _ONES_OWN.search(asking):
        return ()
    sizes = list(_SIZE.finditer(asking))
    if not sizes:
        return ()
    there = {number.replace(",", "") for each in read for number in _NUMBER.findall(each.text)}
    absent = (size for size in sizes if size["number"].replace(",", "") not in there)
    return tuple(dict.fromkeys(size.group().strip() for size in absent))


def _years_nowhere(asking: str, read: Sequence[_Context]) -> list[str]:
    """Return the years that a question is about and no passage, heading or source has."""
    there = {year for each in read for year in _YEAR_ALONE.findall(each.text)}
    return [year for year in dict.fromkeys(_YEAR_ALONE.findall(asking)) if year not in there]


def _has_version(version: str, there: frozenset[str]) -> bool:
    """Tell whether a name with its version is there: Llama 3 in Llama 3.1, WMT14 in WMT 2014."""
    one = _PLURAL.sub("", version)
    longer = re.sub(r"(?<=\D)(\d\d)$", r"20\1", version)
    written = {version, one, longer}
    return bool(written & there) or any(other.startswith(f"{one}.") for other in there)


def _lower(text: str) -> str:
    """Return a text in lower case, each character in its place."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def _folded(text: str) -> str:
    return _NOT_ALNUM.sub("", text.lower())


_LEXICA: dict[str, Lexicon] = {}
_READING = Lock()


def lexicon_of(index: LoadedIndex) -> Lexicon:
    """Read how an index writes words, once an index: whoever asks meanwhile waits."""
    with _READING:
        found = _LEXICA.get(index.fingerprint)
        if found is None:
            found = Lexicon(index)
            while len(_LEXICA) >= _KEPT:
                _LEXICA.pop(next(iter(_LEXICA)))
            _LEXICA[index.fingerprint] = found
        return found
