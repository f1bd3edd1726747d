"""Languages other than English: which one a message is in, and what is said in it.

What is known of a language is data, a file each in `languages/`: the function words that tell
it, what its words and phrases say in English (`app.question.in_english` reads questions with
them), whole messages that do something else than ask, how an answer in a language is wished
for, and the few sentences that Citewise says in it. The files are read when first needed.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeVar

import Stemmer

from index.text.tokens import stem as english_stem

__all__ = [
    "ENGLISH",
    "Language",
    "Row",
    "Word",
    "acts_of",
    "language_name",
    "language_of",
    "languages",
    "reply",
    "row_of",
    "row_of_words",
    "words_of",
]

ENGLISH = "en"
_DATA = Path(__file__).with_name("languages")
# A Chinese character is a word of its own: phrases are rows of words in any language.
_WORD = re.compile(r"[㐀-鿿]|[^\W_㐀-鿿]+")
# Scripts that tell a language by themselves, by what Unicode calls their letters. Greek is not
# among them: its letters are mathematics here.
_SCRIPTS = {
    "CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CYRILLIC": "ru",
    "ARABIC": "ar", "HEBREW": "he", "DEVANAGARI": "hi", "THAI": "th",
}  # fmt: skip
_READ = 2000  # code points that tell a language well enough
# What a word of the field says for its language; a function word or a phrase says 1.
_FIELD_WORD = 0.6
_LONG_STEM = 6  # letters
_TELLING_STEM = 5  # letters; shorter stems are met in any language
# English words count for less than others: people of all languages quote English.
_QUOTED = 0.4
# How much more than for English must speak for another language.
_MARGIN = 0.7
# What a short word says that alone speaks for a language: it may be an abbreviation.
_ABBREVIATED, _SHORT, _FEW = 0.6, 3, 2
_LONGEST_PHRASE = 5  # words
_LONGEST_ACT = 8  # words
_GLUE = frozenset("-_/.+#@\\")

Row = tuple[str, ...]
Shares = Mapping[str, float]
Key = TypeVar("Key", str, Row)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a message: as it is compared, and where it stands (code points)."""

    text: str
    folded: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Language:
    """What is known of a language. Phrases are rows of folded words.

    Attributes:
        commonest: function words as they are spelt; `function_words` are the same, folded.
        letters: those beside a to z; `marks` are signs that only this language has.
        words: phrases and what they say in English (see `app.question.in_english`); `spelt` are
            the same with their accents. Of phrases that differ in accents alone the first counts.
        acts: whole messages and what they do.
        talk: what is said of an answer rather than asked, and what it is in English.
        wishes: how a language is asked for: `verbs`, what stands `before` and `after` its name,
            what is `please`, and what `asks`; `beside` are words that say nothing more beside
            one of `acts`.
        named: the names of languages, and their ISO 639-1 codes.
        compounds: whether words are joined to longer ones.
        respell: letters that are read as others (traditional Chinese characters).
    """

    code: str
    name: str
    own_name: str
    commonest: frozenset[str]
    function_words: frozenset[str]
    letters: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    words: Mapping[Row, str] = field(default_factory=dict)
    spelt: Mapping[str, str] = field(default_factory=dict)
    acts: Mapping[Row, str] = field(default_factory=dict)
    talk: Mapping[str, str] = field(default_factory=dict)
    wishes: Mapping[str, frozenset[Row]] = field(default_factory=dict)
    named: Mapping[Row, str] = field(default_factory=dict)
    replies: Mapping[str, str] = field(default_factory=dict)
    compounds: bool = False
    respell: Mapping[int, int] = field(default_factory=dict)

    def stem(self, word: str) -> str:
        """Return the stem of a folded word; the word itself where words have none."""
        return _stem(self.name.lower(), word)

    def is_function_word(self, word: Word) -> bool:
        """Tell whether a word only joins others: "sur" does, where the glossary has "sûr"."""
        if word.text.lower() in self.spelt:
            return False
        return word.text.lower() in self.commonest or (
            word.folded in self.function_words and (word.folded,) not in self.words
        )

    def read(self, text: str) -> tuple[Word, ...]:
        """Cut a text into words, spelt as this language's phrases are."""
        return words_of(text.translate(self.respell) if self.respell else text)


def words_of(text: str) -> tuple[Word, ...]:
    """Cut a text into words: letters and digits; a Chinese character is one by itself."""
    return tuple(
        Word(found[0], _folded(found[0]), found.start(), found.end())
        for found in _WORD.finditer(text)
    )


def row_of_words(words: Iterable[Word]) -> Row:
    """Return words as the row that phrases are compared as."""
    return tuple(word.folded for word in words)


def row_of(text: str) -> Row:
    """Return a phrase as the row of folded words that it is compared as."""
    return row_of_words(words_of(text))


@cache
def languages() -> Mapping[str, Language]:
    """Read the files of all languages, by ISO 639-1 code."""
    return {path.stem: _load(path) for path in sorted(_DATA.glob("*.toml"))}


def language_of(text: str, so_far: str = ENGLISH) -> str:
    """Tell a message's language by its script, its function words and the words of the field.

    Args:
        text: the message.
        so_far: the language of the conversation, which stays where nothing speaks for English
            or another ("LoRA?").

    Returns:
        An ISO 639-1 code; English unless another is sure. Languages that no file describes are told
        only where their script does.
    """
    text = text[:_READ]
    words = words_of(text)
    english = languages()[ENGLISH].function_words
    spoken = sum(word.folded in english for word in words)
    code, letters = max(_by_script(text).items(), key=lambda pair: pair[1], default=(ENGLISH, 0))
    if letters > 1 and letters / 2 > spoken:
        return code
    row = row_of_words(words)
    if not english.issuperset(row) and not all(_is_name(text, word) for word in words):
        for code in sorted(languages(), key=lambda code: code != so_far):
            if acts_of(text, code):
                return code
    scores = _scores(text, words)
    english_says = scores.pop(ENGLISH) * _QUOTED
    code = max(scores, key=lambda code: scores[code])
    if scores[code] - english_says > _MARGIN:
        return code
    return ENGLISH if english_says else so_far


def language_name(code: str) -> str:
    """Return a language's English name; the code itself where none is known."""
    named = languages()[ENGLISH].named
    return next((" ".join(row).title() for row, of in named.items() if of == code), code)


def reply(language: str, key: str) -> str:
    """Return what Citewise says in a language, beside its English answer or instead of it.

    Args:
        language: an ISO 639-1 code.
        key: `written_in_english` (before an English answer), `refused`, `greet`, `thank`,
            `leave` or `no_subject`.

    Returns:
        The sentence; of a language that no file describes only that the answer is in English, in
        English. Empty for English itself.
    """
    if language in ("", ENGLISH):
        return ""
    known = languages().get(language, languages()[ENGLISH])
    return known.replies.get(key, "").replace("{language}", language_name(language))


def acts_of(text: str, language: str) -> tuple[str, ...]:
    """Tell what a whole message does in a language, by the set phrases that it is made of.

    "Más corto y con un ejemplo, por favor" is two of them, with words that may stand beside.

    Returns:
        `greet`, `thank`, `leave`, `about`, `shorten`, `simplify`, `expand`, `example`, `list`,
        `table`, `steps`, `repeat`, `sources` or `sure`, each once; empty where anything else
        is said.
    """
    known = languages().get(language)
    return _acts_in(row_of_words(known.read(text)), known) if known else ()


def _acts_in(row: Row, known: Language) -> tuple[str, ...]:
    beside = known.wishes.get("please", frozenset()) | known.wishes.get("beside", frozenset())
    found: list[str] = []
    at = 0
    while at < len(row):
        for end in range(min(len(row), at + _LONGEST_ACT), at, -1):
            if row[at:end] in known.acts:
                found.append(known.acts[row[at:end]])
            elif row[at:end] not in beside:
                continue
            at = end
            break
        else:
            return ()
    return tuple(dict.fromkeys(found))


def _load(path: Path) -> Language:
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    spelling = raw.get("respell", {"from": "", "to": ""})
    words: dict[Row, str] = {}
    for key, english in raw.get("words", {}).items():
        words.setdefault(row_of(key), english)
    return Language(
        code=path.stem,
        name=raw["name"],
        own_name=raw["own_name"],
        commonest=frozenset(word.text.lower() for word in words_of(raw["commonest"])),
        function_words=frozenset(row_of(raw["commonest"])),
        letters=frozenset(raw.get("letters", "")),
        marks=frozenset(raw.get("marks", "")),
        words=words,
        spelt=raw.get("words", {}),
        talk=raw.get("talk", {}),
        acts={row_of(text): act for act, texts in raw.get("acts", {}).items() for text in texts},
        wishes={kind: frozenset(map(row_of, texts)) for kind, texts in raw["wishes"].items()},
        named={row_of(name): code for name, code in raw["languages"].items()},
        replies=raw.get("replies", {}),
        compounds=raw.get("compounds", False),
        respell=str.maketrans(spelling["from"], spelling["to"]),
    )


@cache
def _folded(word: str) -> str:
    """Spell a word without capitals and accents, as hurried people do."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(mark for mark in apart if not unicodedata.combining(mark))


@cache
def _stemmer(name: str) -> Stemmer.Stemmer | None:
    return Stemmer.Stemmer(name) if name in Stemmer.algorithms() else None


@lru_cache(maxsize=65536)
def _stem(name: str, word: str) -> str:
    stemmer = _stemmer(name)
    if stemmer is None:
        return word
    once = str(stemmer.stemWord(word))
    # Again where much is left, since endings are known by their accents: publiée and publié.
    return str(stemmer.stemWord(once)) if len(once) >= _LONG_STEM else once


def _by_script(text: str) -> Counter[str]:
    """Count the letters of scripts that tell a language."""
    found: Counter[str] = Counter()
    for letter in text:
        if not letter.isascii() and letter.isalpha():
            script = unicodedata.name(letter, "").split(" ")[0]
            if script in _SCRIPTS:
                found[_SCRIPTS[script]] += 1
    if found["ja"]:  # Japanese is written with Chinese characters as well
        found["ja"] += found.pop("zh", 0)
    return found


@cache
def _english() -> frozenset[str]:
    """The stems of the English words that glossaries lead to."""
    said = (english for known in languages().values() for english in known.words.values())
    return frozenset(english_stem(word) for english in said for word in row_of(english))


@cache
def _english_terms() -> frozenset[Row]:
    """Terms such as "out of memory": people of all languages quote them, so they tell none."""
    said = (english for known in languages().values() for english in known.words.values())
    return frozenset(row_of(english) for english in said if "of" in english.split()[1:-1])


@cache
def _evidence() -> tuple[Mapping[str, Shares], Mapping[Row, Shares], Mapping[str, Shares]]:
    """What speaks for which languages, and how much: words, phrases, and stems.

    Function words and phrases say 1, stems of the field's words less; what languages share tells
    each the less, and what is English as well (format, agent) tells nothing.
    """
    spoken: dict[str, dict[str, float]] = {}
    phrases: dict[Row, dict[str, float]] = {}
    stems: dict[str, dict[str, float]] = {}
    for known in languages().values():
        for word in known.commonest:
            spoken.setdefault(word, {})[known.code] = 1.0
            spoken.setdefault(_folded(word), {})[known.code] = 1.0
        for row in known.words:
            if _english().issuperset(map(english_stem, row)):
                continue
            if len(row) > 1:
                phrases.setdefault(row, {})[known.code] = 1.0
            else:
                stems.setdefault(known.stem(row[0]), {})[known.code] = _FIELD_WORD
    return _shared(spoken), _shared(phrases), _shared(stems)


def _shared(said: Mapping[Key, Mapping[str, float]]) -> Mapping[Key, Shares]:
    """Divide what is said among the languages that say it."""
    return {
        key: {code: weight / len(codes) for code, weight in codes.items()}
        for key, codes in said.items()
    }


def _scores(text: str, words: Sequence[Word]) -> dict[str, float]:
    """Add up what a message says for each language."""
    row, phrases = row_of_words(words), _evidence()[1]
    quoted = {
        place
        for at in range(len(row))
        for length in range(3, _LONGEST_PHRASE + 1)
        if row[at : at + length] in _english_terms()
        for place in range(at, at + length)
    }
    spoken = [
        _said_by(word)
        for at, word in enumerate(words)
        if at not in quoted and not _is_name(text, word)
    ]
    for length in range(2, _LONGEST_PHRASE + 1):
        rows = (row[at : at + length] for at in range(len(row) - length + 1))
        spoken += [phrases[said] for said in rows if said in phrases]
    scores = {
        code: 1.0 if any(mark in text for mark in known.marks) else 0.0
        for code, known in languages().items()
    }
    share = _ABBREVIATED if _is_abbreviation(words) else 1.0
    for shares in spoken:
        for code, weight in shares.items():
            scores[code] += share * weight
    return scores


def _is_abbreviation(words: Sequence[Word]) -> bool:
    """Tell whether one short word alone speaks for a language, among several that speak for none.

    "em score squad" asks for exact match, not in Portuguese.
    """
    telling = [word for word in words if _said_by(word)]
    return (
        len(telling) == 1
        and telling[0].text.isascii()
        and len(telling[0].text) <= _SHORT
        and len(words) > _FEW
    )


def _said_by(word: Word) -> Shares:
    """What one word says: as a function word, by its stem, or by its letters."""
    spoken, _, stems = _evidence()
    spelt = word.text.lower()
    letters = {letter for letter in spelt if not letter.isascii()}
    for said in (spelt, word.folded):
        if said in spoken:
            return spoken[said]
    if english_stem(word.folded) in _english():
        return {}  # such as format and agent
    known = [each for each in languages().values() if letters <= each.letters]
    found = {}
    for each in known:
        said = each.stem(word.folded)
        if len(said) >= _TELLING_STEM and each.code in stems.get(said, {}):
            found[each.code] = stems[said][each.code]
    if found or not letters:
        return found
    return {each.code: 1 / len(known) for each in known}


def _is_name(text: str, word: Word) -> bool:
    """Tell whether a word is a part of a name (d_model, AI, N/A) or a symbol (k, n)."""
    if len(word.text) == 1 and word.text.isascii():
        return True
    if len(word.text) > 1 and word.text.isupper():
        return word.text == text.strip() or not text.isupper()
    before, after = text[max(0, word.start - 2) : word.start], text[word.end : word.end + 2]
    return (before[1:] in _GLUE and before[:1].isalnum()) or (
        after[:1] in _GLUE and after[1:].isalnum()
    )
