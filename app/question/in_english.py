"""A question in another language, read in English by a glossary: enough to be searched with.

No grammar is parsed. The longest phrases that the language's glossary knows are put in English,
by their spelling first, by their stems then, German compounds by their parts; function words
are left out; what remains is kept as it stands, since most of it are names and English terms
("LoRA", "fine-tuning"). What comes out reads like keywords or a simple English question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from app.question.language import ENGLISH, Language, Row, Word, languages, row_of

__all__ = ["in_english", "spoken_in_english"]

_LONGEST_PHRASE = 12
_TELLING_STEM = 4  # letters; words with a shorter stem in common have often nothing else
_SHORTEST_PART = 3  # letters that a part of a compound must have
_LINKS = ("", "s", "n", "en", "es", "e")  # what joins the parts of a German compound
_ENDS_CLAUSE = re.compile(r"[,;:.!?]\s|[，。；：！？\n]")
_GLUE = re.compile(r"[-_./+,]")
_ASKING = frozenset("what why how which when who where whether is are does do can should".split())
_POINT_IN_THOUSANDS = re.compile(r"\b\d{1,3}(?:\.\d{3})+\b(?![.,]\d)")
_COMMA_IN_FRACTION = re.compile(r"\b(\d+),(\d{1,2})\b(?![.,]\d)")
_SPACE_IN_THOUSANDS = re.compile(r"(?<![\w.,])(\d{1,3})[ \u00a0\u202f](?=\d{3}(?![\w.,]\d|\d))")
_ABBREVIATED = re.compile(r"(?<=\d)(\s?)(Mio|Mrd|Mill?)\.(?=\s)")
_CHINESE = {"千": 1e3, "万": 1e4, "百万": 1e6, "千万": 1e7, "亿": 1e8, "百亿": 1e10, "千亿": 1e11,
            "万亿": 1e12}  # fmt: skip
_CHINESE_NUMBER = re.compile(rf"(\d+(?:\.\d+)?)\s*({'|'.join(sorted(_CHINESE, key=len)[::-1])})")
# Signs beside a number are no words, and would be lost.
_SIGNS = (
    (re.compile(r"(?<=\d)\s?[%％]"), " percent "),
    (re.compile(r"[$]\s?(\d[\d.,]*)"), r"\1 dollars "),
    (re.compile(r"(?<=\d)\s?[$]"), " dollars "),
    (re.compile(r"(?<=\d)\s?€"), " euros "),
    (re.compile(r"(?<=\d)\s?[张块台个](?=\s?[A-Za-z])"), " "),  # what is counted, in Chinese
)


def in_english(text: str, language: str) -> str:
    """Put a question in English, as far as the language's glossary goes.

    Args:
        text: what was asked.
        language: the ISO 639-1 code of what it is asked in.

    Returns:
        The text as it is, where it is English, nothing is known of its language, or no word of
        it would be left.
    """
    return _read(text, language, spoken=False)


def spoken_in_english(text: str, language: str) -> str:
    """Put what is said to Citewise in English, to tell what it does: "can you simplify that?".

    Beside the glossary's words those count that people speak of an answer in, function words
    among them. For a question `in_english` is the better form.
    """
    return _read(text, language, spoken=True)


def _read(text: str, language: str, *, spoken: bool) -> str:
    known = languages().get(language)
    if known is None or language == ENGLISH:
        return text
    plain = _with_english_numbers(text, known)
    read = _Reading(plain, known.read(plain), known, _glossary(language, spoken=spoken))
    said = " ".join(filter(None, (clause.english() for clause in read.clauses())))
    said = re.sub(r"\s+([,?])", r"\1", said).strip(" ,")
    if not said:
        return text
    if re.match("[a-z]+(?![\\w-])", said):  # vLLM and lora_alpha stay as they are
        said = said[0].upper() + said[1:]
    return said + ("?" if re.search("[?？]", text) else "")


@dataclass(slots=True)
class _Clause:
    """What is said between two punctuation marks; `late` is what the last frame ends with."""

    front: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    late: str = ""

    def add(self, english: str) -> None:
        """Add a phrase's English: "^" puts it first, what follows its "…" goes to the end."""
        head, _, tail = (part.strip() for part in english.lstrip("^").partition("…"))
        if self.late and head.split(" ")[0].lower() in _ASKING:
            self.body.append(self.late)
            self.late = ""
        (self.front if english.startswith("^") else self.body).append(head)
        self.late = tail or self.late

    def glue(self, mark: str, word: str) -> None:
        """Join a word to the one before, as the message has it ("lora_alpha")."""
        self.body[-1] += mark + word

    def english(self) -> str:
        """Return the clause in English."""
        return " ".join(filter(None, (*self.front, *self.body, self.late)))


@dataclass(frozen=True, slots=True)
class _Glossary:
    """Phrases and what they are in English, by folded words, as they are spelt, and by stems."""

    rows: Mapping[Row, str]
    spelt: Mapping[str, str]
    stemmed: Mapping[Row, str]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A message's words on their way to English."""

    text: str
    words: Sequence[Word]
    known: Language
    glossary: _Glossary

    def clauses(self) -> Iterator[_Clause]:
        """Read clause after clause."""
        clause, at, kept = _Clause(), 0, False
        while at < len(self.words):
            gap = self._gap(at)
            if at and _ENDS_CLAUSE.search(gap):
                clause.late += ","
                yield clause
                clause, kept = _Clause(), False
            length, english = self._phrase(at)
            if length == 1 and (self._in_unknown_word(at, kept) or self._in_english_word(at)):
                english = None
            original = self.text[self.words[at].start : self.words[at + length - 1].end]
            same = english is None or english.lower() == original.lower()
            if not same and english is not None:
                clause.add(english)
            elif same and not self._left_out(at, english, kept):
                joined = kept and bool(_GLUE.fullmatch(gap) or self._unspaced(at))
                if joined:
                    clause.glue(gap, original)
                else:
                    clause.add(original)
            else:
                same = False
            kept, at = same, at + length
        yield clause

    def _phrase(self, at: int) -> tuple[int, str | None]:
        """The longest phrase that begins at a word: its words, and its English if known."""
        spelt, stemmed = self.glossary.rows, self.glossary.stemmed
        within = range(at + 1, min(at + _LONGEST_PHRASE, len(self.words)))
        end = next((i for i in within if _ENDS_CLAUSE.search(self._gap(i))), within.stop)
        row = tuple(word.folded for word in self.words[at:end])
        stems = tuple(map(self.known.stem, row))
        for length in range(len(row), 0, -1):
            english = spelt.get(row[:length])
            if length == 1 and self._only_joins(self.words[at]):
                return 1, None
            if length == 1:
                english = self.glossary.spelt.get(self.words[at].text.lower(), english)
            if english is None and (length > 1 or len(stems[0]) >= _TELLING_STEM):
                english = stemmed.get(stems[:length])
            if english is not None:
                return length, english
        return 1, _compound(self.known.code, row[0]) if self.known.compounds else None

    def _only_joins(self, word: Word) -> bool:
        if word.text.lower() in self.glossary.spelt:
            return False
        return self.known.is_function_word(word)

    def _gap(self, at: int) -> str:
        return self.text[self.words[at - 1].end : self.words[at].start] if at else ""

    def _left_out(self, at: int, english: str | None, kept: bool) -> bool:
        """Tell whether a word is one that only joins others, and no part or sort of a name."""
        word = self.words[at]
        if english is not None or not self._only_joins(word):
            return False
        after = self._gap(at + 1) if at + 1 < len(self.words) else ""
        glued = (kept and _GLUE.fullmatch(self._gap(at))) or _GLUE.fullmatch(after)
        name = len(word.text) > 1 and word.text.isupper() and not self.text.isupper()
        return not (glued or name)

    def _in_unknown_word(self, at: int, kept: bool) -> bool:
        """Tell whether a Chinese character is part of a word that is unknown: its neighbour is."""
        word = self.words[at]
        if word.text < "㐀" or word.folded in self.known.function_words:
            return False
        following = at + 1 < len(self.words) and self._unspaced(at + 1)
        return (kept and self._unspaced(at) and self.words[at - 1].text >= "㐀") or (
            following and not self._means(at + 1)
        )

    def _in_english_word(self, at: int) -> bool:
        """Tell whether a word is part of one with a hyphen that is not known: "fine-tuning"."""
        if self.known.compounds:
            return False
        beside = [each for each in (at - 1, at + 1) if 0 <= each < len(self.words)]
        return any(
            self._gap(max(at, each)) == "-" and not self.known.is_function_word(self.words[each])
            for each in beside
        )

    def _means(self, at: int) -> bool:
        """Tell whether anything is known of what begins at a word."""
        _, english = self._phrase(at)
        return english is not None or self.known.is_function_word(self.words[at])

    def _unspaced(self, at: int) -> bool:
        """Tell whether a word and the one before are Chinese characters side by side."""
        return not self._gap(at) and self.words[at].text >= "㐀"


def _with_english_numbers(text: str, known: Language) -> str:
    """Write 1.000 and 0,5 as they are written in English; 70亿 as 7 billion, 40 % in words."""
    text = _CHINESE_NUMBER.sub(_chinese_number, text)
    if known.letters:
        text = _POINT_IN_THOUSANDS.sub(lambda found: found[0].replace(".", ","), text)
        text = _SPACE_IN_THOUSANDS.sub(r"\1,", text)
        text = _COMMA_IN_FRACTION.sub(r"\1.\2", text)
        text = _ABBREVIATED.sub(r"\1\2", text)
    for sign, word in _SIGNS:
        text = sign.sub(word, text)
    return text


def _chinese_number(found: re.Match[str]) -> str:
    """Write a number before 千, 万, 亿 or several of them as it is written in English."""
    value = float(found[1]) * _CHINESE[found[2]]
    named = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
    return next((f"{value / size:g} {name} " for size, name in named if value >= size),
                f"{value:,.0f} ")  # fmt: skip


@cache
def _glossary(code: str, *, spoken: bool) -> _Glossary:
    """A language's phrases by their folded spelling, as they are spelt, and by their stems."""
    known = languages()[code]
    spelt = {**known.spelt, **known.talk} if spoken else dict(known.spelt)
    rows = {row_of(text): english for text, english in spelt.items()} if spoken else {}
    rows = {**known.words, **rows}
    stemmed: dict[Row, str] = {}
    for row, english in rows.items():
        stemmed.setdefault(tuple(map(known.stem, row)), english)
    return _Glossary(rows, spelt, stemmed)


@cache
def _compound(code: str, word: str) -> str | None:
    """Read a compound by two parts that the glossary knows, the longest first part first."""
    known = languages()[code]
    glossary = _glossary(code, spoken=False)

    def part(letters: str) -> str | None:
        if len(letters) < _SHORTEST_PART:
            return None
        return glossary.rows.get((letters,), glossary.stemmed.get((known.stem(letters),)))

    for cut in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
        for link in _LINKS:
            if word[:cut].endswith(link):
                first, second = part(word[: cut - len(link)]), part(word[cut:])
                if first and second:
                    return f"{first} {second}"
    return None
