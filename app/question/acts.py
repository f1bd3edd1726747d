"""What a turn does: greet, ask, shorten or challenge the last answer, ask for its source.

A message is read as a whole. Openers ("ok, next question:"), closers ("thanks in advance") and
wishes about the form ("in one sentence", "as a table", "for a beginner") are peeled off first;
what remains is taken for an act only where all of it says so. Everything else is a question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from app.question.language import wished_language
from app.question.phrases import filler_words, patterns

__all__ = ["ON_THE_LAST_ANSWER", "TALK", "Act", "Said", "Wishes", "read"]


class Act(StrEnum):
    """What a turn does."""

    GREET = "greet"
    THANK = "thank"
    LEAVE = "leave"
    REMARK = "remark"
    ABOUT = "about"
    CLARIFY = "clarify"
    ASK = "ask"
    CALCULATE = "calculate"
    SHORTEN = "shorten"
    EXPAND = "expand"
    SIMPLIFY = "simplify"
    EXAMPLE = "example"
    REFORMAT = "reformat"
    TRANSLATE = "translate"
    REPEAT = "repeat"
    SOURCE = "source"
    CHALLENGE = "challenge"
    REFER = "refer"


TALK = frozenset({Act.GREET, Act.THANK, Act.LEAVE, Act.REMARK, Act.ABOUT, Act.CLARIFY})
ON_THE_LAST_ANSWER = frozenset(
    {
        Act.SHORTEN, Act.EXPAND, Act.SIMPLIFY, Act.EXAMPLE, Act.REFORMAT, Act.TRANSLATE,
        Act.REPEAT, Act.SOURCE, Act.CHALLENGE, Act.REFER,
    }
)  # fmt: skip

Form = Literal["", "list", "table", "steps", "code"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How an answer is wanted. 0 and "" leave it to Citewise.

    `sentences` and `words` bound its length; `language` is an ISO 639-1 code; `persona` the
    short name of one.
    """

    sentences: int = 0
    words: int = 0
    short: bool = False
    long: bool = False
    simple: bool = False
    example: bool = False
    form: Form = ""
    language: str = ""
    persona: str = ""

    @property
    def act(self) -> Act | None:
        """What these wishes make of a turn that says nothing else."""
        wanted = (
            (self.simple, Act.SIMPLIFY),
            (self.sentences or self.words or self.short, Act.SHORTEN),
            (self.example, Act.EXAMPLE),
            (self.form, Act.REFORMAT),
            (self.long, Act.EXPAND),
            (self.language, Act.TRANSLATE),
            (self.persona, Act.REPEAT),
        )
        return next((act for wish, act in wanted if wish), None)


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it was read.

    `rest` is what it says once openers, closers and wishes are taken off; `switched` tells that
    it announces another subject, `back_to` what it returns to; `claimed` is the value that a
    challenge holds against the last answer; `place` what it points at ("first
    number"), or what it asks of Citewise itself; `meant` are words of
    the last answer that it asks the meaning of.
    """

    act: Act
    rest: str
    wishes: Wishes = field(default_factory=Wishes)
    switched: bool = False
    back_to: str = ""
    claimed: str = ""
    place: str = ""
    meant: str = ""


_EDGES = " \t\n.,;:!?…–—-()\"'"
_COUNTS = {"two": 2, "a couple of": 2, "three": 3, "four": 4, "five": 5}
_CONJOINED = re.compile(r"[?!.;,]\s*|\s+(?:and|or)\s+", re.IGNORECASE)
_WORD = re.compile(r"[\w'/+-]+")
_STARTS = re.compile(
    r"\s*[,:;.!–—-]|\s+(?:what|how|why|explain|is|are|does|do|can|tell|describe|compare|and|with)\b",
    re.I,
)
_MOST_OPENERS = 6
_JOINING = frozenset({"", "and", "but", "also", "please", "now", "just", "then"})
_MANNERS = frozenset({"short", "long", "simple", "example"})


def read(message: str) -> Said:
    """Read what a message does, from all of it.

    Args:
        message: as it was typed.

    Returns:
        The act with what remains to be asked. A message that is no act in full is a question.
    """
    text = " ".join(message.replace("’", "'").split())
    social = _social(text)
    if social is not None:
        return Said(social, "")
    said = _opened(text)
    rest, wishes = _without_wishes(said.rest)
    said = replace(said, rest=rest, wishes=wishes)
    if not _bare(rest):
        return replace(said, act=wishes.act or _social(text) or Act.REMARK)
    return _acted(said) or said


def _acted(said: Said) -> Said | None:
    """Take what remains for an act, where all of it says so."""
    bare, acts = _bare(said.rest), patterns("acts")
    social = _social(bare)
    if social is not None and said.wishes.act is None:
        return replace(said, act=social)
    about = _about(bare)
    if about:
        return replace(said, act=Act.ABOUT, place=about)
    if acts["source"].fullmatch(bare):
        return replace(said, act=Act.SOURCE)
    refers = acts["refer"].fullmatch(bare)
    if refers:
        meant = (refers["meant"] or refers["meant2"] or "").strip(" \"“”'")
        if meant:
            return replace(said, meant=meant)
        return replace(said, act=Act.REFER, place=_place(bare, refers["place"]))
    doubted = acts["challenge"].fullmatch(bare)
    if doubted:
        claimed = next((value for value in doubted.groups() if value), "")
        return replace(said, act=Act.CHALLENGE, claimed=claimed.strip(" ."))
    wishes = _only_wishes(bare, said.wishes)
    if wishes is not None:
        return replace(said, act=wishes.act or Act.REPEAT, wishes=wishes)
    return None


def _about(text: str) -> str:
    """Tell what a message asks of Citewise itself, the first of several; "" if it does not."""

    def what(part: str) -> str:
        like = patterns("about").items()
        return next((what for what, pattern in like if pattern.fullmatch(_bare(part))), "")

    parts = [what(part) for part in _CONJOINED.split(text) if part.strip()]
    return what(text) or (parts[0] if parts and all(parts) else "")


def _place(text: str, place: str | None) -> str:
    """Name what a message points at: a place in the answer, or an earlier question."""
    if place:
        return place.lower()
    first = re.search(r"\b(?:first|original|start|beginning)\b", text, re.IGNORECASE)
    return "first question" if first else "last question"


def _bare(text: str) -> str:
    return text.strip(_EDGES)


def _social(text: str) -> Act | None:
    """Tell greeting, thanks, farewell and nods, alone or one after another."""
    rest, found = text, set[Act]()
    while any(char.isalnum() for char in rest):
        rest = rest.lstrip(f"{_EDGES}~*<>^")
        for name, pattern in patterns("social").items():
            match = pattern.match(rest)
            if match and match.end() and _ends(rest, match.end()):
                found.add(Act(name))
                rest = rest[match.end() :]
                break
        else:
            return None
    ranked = (Act.LEAVE, Act.THANK, Act.GREET)
    return next((act for act in ranked if act in found), Act.REMARK if text.strip() else None)


def _ends(text: str, at: int) -> bool:
    """Tell whether a word ends at a place of a text."""
    return at >= len(text) or not (text[at].isalnum() or text[at] in "'-")


def _opened(text: str) -> Said:
    """Take openers off the front and closers off the end."""
    around = patterns("around")
    switched, back_to, rest = False, "", text
    for _ in range(_MOST_OPENERS):
        back, switch, opener = (around[name].match(rest) for name in ("back", "switch", "opener"))
        if back and not back_to:
            back_to, rest = back["what"].strip(), _after(rest, back)
        elif switch and _ends(rest, switch.end()):
            switched, rest = True, _after(rest, switch)
        elif opener and _ends(rest, opener.end()) and _bare(rest[opener.end() :]):
            rest = _after(rest, opener)
        else:
            break
    return Said(Act.ASK, _unclosed(rest).strip(), switched=switched, back_to=back_to)


def _after(text: str, match: re.Match[str]) -> str:
    return text[match.end() :].lstrip(" ,.;:!…–—-")


def _unclosed(text: str) -> str:
    closer = patterns("around")["closer"].search(text)
    while closer and _bare(text[: closer.start()]):
        asks = text.rstrip().endswith("?")
        text = text[: closer.start()] + ("?" if asks else "")
        closer = patterns("around")["closer"].search(text)
    return text


def _without_wishes(text: str) -> tuple[str, Wishes]:
    """Peel wishes about the form off both ends of a message."""
    language, rest = wished_language(text)
    wishes = Wishes(language=language)
    for form, pattern in patterns("starts").items():
        begins = pattern.match(rest)
        if begins is not None:
            wishes = _with(wishes, form, begins)
    peeled = True
    while peeled:
        peeled = False
        for wish, pattern in patterns("inline").items():
            found = _peeled(rest, pattern)
            if found is not None and (left := _bare(found[0])) != _bare(rest):
                wishes = _with(wishes, wish, found[1])
                # "Step by step" may be a title's own words: it is searched with as well.
                rest, peeled = (rest, False) if wish == "steps" and left else (found[0], True)
    return rest, wishes


def _peeled(text: str, pattern: re.Pattern[str]) -> tuple[str, re.Match[str]] | None:
    """Take a wish off the end or the beginning of a text; None where it has none there."""
    for match in pattern.finditer(text):
        before, after = text[: match.start()], text[match.end() :]
        if not _bare(after):
            asks = "?" if after.strip().startswith("?") else ""
            return before.rstrip(" ,;:–—-(") + asks, match
        if _bare(before).lower() in _JOINING and _STARTS.match(after):
            return after.lstrip(" ,:;.!–—-"), match
    return None


def _only_wishes(text: str, wishes: Wishes) -> Wishes | None:
    """Read wishes from a text that holds nothing but them; None where it holds more."""
    rest, again = text, False
    for wish, pattern in [*patterns("alone").items(), *patterns("inline").items()]:
        match = pattern.search(rest)
        while match:
            again = again or wish == "again"
            wishes = _with(wishes, wish, match)
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
            match = pattern.search(rest)
    if wishes.act is None and not again:
        return None
    left = {word.lower().strip("'") for word in _WORD.findall(rest)} - filler_words()
    return None if left else wishes


def _with(wishes: Wishes, wish: str, match: re.Match[str]) -> Wishes:
    """Add a wish to others."""
    found = match.groupdict()
    if wish == "length":
        count = _of(found, "count") or "one"
        unit = _of(found, "unit") or "sentence"
        number = int(count) if count.isdigit() else _COUNTS.get(count, 1)
        return _bounded(wishes, number, unit)
    if wish == "persona":
        return replace(wishes, persona=found["persona"].lower())
    if wish in ("again", "sourced"):
        return wishes
    changed: dict[str, Any] = {wish: True} if wish in _MANNERS else {"form": wish}
    return replace(wishes, **changed)


def _of(found: Mapping[str, str | None], name: str) -> str:
    """Return what one of the groups of a name (count, count2, …) matched."""
    return next(
        (value.lower() for key, value in found.items() if value and key.startswith(name)), ""
    )


def _bounded(wishes: Wishes, number: int, unit: str) -> Wishes:
    if unit == "word":
        return replace(wishes, words=number)
    return replace(wishes, sentences=3 * number if unit == "paragraph" else number)
