"""A message read for what it does.

A message is read as a whole. Openers ("ok, next question:"), closers ("thanks in advance") and
wishes about the form ("in one sentence", "as a table", "for a beginner") are peeled off first;
what remains is taken for an act only where all of it says so. Patterns (`phrases.toml`) know the
set phrases; what they leave is read clause by clause (`app.question.clauses`). Everything else
is a question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from app.question.act_meaning import Meaning
from app.question.acts import Act, MessageAct, Wishes
from app.question.clauses import Clause, clauses
from app.question.language_wish import wished_language
from app.question.phrases import filler_words, patterns

__all__ = ["place_in", "read", "value_in"]

_EDGES = " \t\n.,;:!?…–—-()\"'"
_COUNTS = {
    "two": 2, "a couple of": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50,
}  # fmt: skip
_UNIT_FORMS = {
    "bullet": "list", "item": "list", "point": "list", "step": "steps", "row": "table"
}  # fmt: skip
_CONJOINED = re.compile(r"[?!.;,]\s*|\s+(?:and|or)\s+", re.IGNORECASE)
_WORD = re.compile(r"[\w'/+-]+")
_STARTS = re.compile(
    r"\s*[,:;.!–—-]|\s+(?:what|how|why|explain|is|are|does|do|can|tell|describe|compare|and|with)\b",
    re.I,
)
_UNJOINED = re.compile(r"[\s,;]+(?:(?:and|but|plus|please|pls)[\s,;]*)+$", re.IGNORECASE)
_MOST_OPENERS = 6
_JOINING = frozenset({"", "and", "but", "also", "please", "now", "just", "then"})
_MANNERS = ("short", "long", "simple", "example")
_FORMS = ("list", "table", "steps", "code")
_SWITCH = "switch"
_BRIEF = 3  # words
_TAG = 2  # words
# What "explain X" may point at in the answer before it.
_LAST = frozenset(
    "first second third fourth last next point points step steps part parts bit item items line "
    "sentence sentences paragraph example examples detail details more difference formula figure "
    "figures number numbers table list code reason why how simply briefly shortly easily quickly "
    "better again one ones everything all both rest result idea concept term terms word words "
    "whole said told wrote mean meant meaning simple simpler plain easy human normal english "
    "language depth length full five".split()
)
# What may stand before a question, and after it, without being part of it.
_BESIDE = frozenset({Act.GREET, Act.THANK, Act.REMARK, "aside", *_MANNERS, *_FORMS})
_BEFORE = _BESIDE | {_SWITCH, "persona engineer", "persona architect"}
_AFTER = _BESIDE | {Act.LEAVE, Act.SOURCE, "persona engineer", "persona architect"}
_FIRST = re.compile(
    r"\b(?:first|original|opening|initial|start|beginning|beg[aiu]n)\b", re.IGNORECASE
)
_VALUE = re.compile(
    r"\d[\d.,]*(?<![.,])\s?(?:%|percent\b|[kKMBT]\b|[KMGT]i?B\b|(?:bits?|bytes?|tokens?|layers?|"
    r"heads?|hours?|days?|times?|points?|dimensions?|parameters?|thousand|million|billion|trillion)"
    r"\b|x\b)?"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|sixteen|twenty|thirty|"
    r"fifty|hundred|thousand)\b"
)


@lru_cache(maxsize=512)
def read(message: str, meaning: Meaning | None = None, *, unanswered: bool = False) -> MessageAct:
    """Read what a message does, from all of it; what was read lately is known.

    Args:
        message: as it was typed.
        meaning: what reads clauses by their meaning; None reads them by their words alone.
        unanswered: whether it finds no answer as a question, and so is likely none.

    Returns:
        The act with what remains to be asked. A message that is no act in full is a question.
    """
    text = " ".join(message.replace("’", "'").split())
    social = _social(text)
    if social is not None:
        return MessageAct(social, "")
    said = _by_patterns(text)
    if said.act is not Act.ASK or said.meant:
        return said
    again = partial(read, meaning=meaning, unanswered=unanswered)
    cut = clauses(text, meaning, unanswered=unanswered)
    return _by_clauses(text, said, cut, again, unanswered=unanswered)


def _by_patterns(text: str) -> MessageAct:
    said = _opened(text)
    rest, wishes = _without_wishes(said.rest)
    said = replace(said, rest=rest, wishes=wishes)
    if not _bare(rest):
        return replace(said, act=wishes.act or _social(text) or Act.REMARK)
    return _acted(said) or said


def _acted(said: MessageAct) -> MessageAct | None:
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
        if refers["of"]:
            return replace(said, act=Act.REFER, rest=refers["of"])
        return replace(said, act=Act.REFER, place=_place(bare, refers["place"]))
    doubted = acts["challenge"].fullmatch(bare)
    if doubted:
        claimed = next((value for value in doubted.groups() if value), "")
        return replace(said, act=Act.CHALLENGE, claimed=value_in(claimed))
    wishes = _only_wishes(bare, said.wishes)
    if wishes is not None:
        return replace(said, act=wishes.act or Act.REPEAT, wishes=wishes)
    return None


def _by_clauses(
    text: str,
    said: MessageAct,
    cut: Sequence[Clause],
    again: Callable[[str], MessageAct],
    *,
    unanswered: bool,
) -> MessageAct:
    """Read what the set phrases leave: a question with other things around it, or none at all.

    Args:
        text: the message.
        said: what the patterns make of it.
        cut: its clauses.
        again: what reads a part of it as a message of its own.
        unanswered: whether it finds no answer as a question.
    """
    found = [_as_set_phrase(clause) for clause in cut]
    found[1:] = [
        replace(one, act="aside", known=True) if _is_tag(one) else one for one in found[1:]
    ]
    asking = [clause for clause in found if clause.asks]
    if found and _doubts(text, found):
        return replace(said, act=Act.CHALLENGE, claimed=value_in(text))
    if found and not asking:
        sure = unanswered or all(clause.sure for clause in found)
        named = not sure and _names_something(said.rest)
        named = named or (not unanswered and _is_left(said.rest, text, again))
        return said if named else _together(replace(said, rest=text), found)
    # "Where do you have this from, the internet?"
    brief = all(len(clause.text.split()) <= _BRIEF for clause in asking)
    if brief and found and found[0].act.startswith(f"{Act.ABOUT} "):
        return _together(replace(said, rest=text), found)
    kept = [at for at, one in enumerate(found) if not (one.known and one.act in _BEFORE)]
    first = kept[0] if kept else 0
    kept = [at for at, one in enumerate(found) if not (one.known and one.act in _AFTER)]
    last = kept[-1] if kept else len(found) - 1
    around = [*found[:first], *found[last + 1 :]]
    if not around or last < first:
        return said
    asked = text[found[first].start : found[last].end]
    ends = "?" if text[found[last].end :].lstrip(")\"'").startswith("?") else ""
    inner = again(asked + ends)
    switched = inner.switched or any(clause.act == _SWITCH for clause in found[:first])
    wishes = _wished(inner.wishes, around)
    act = wishes.act if inner.act is Act.REMARK and wishes.act else inner.act
    courtesies = (Act.LEAVE, Act.THANK, Act.GREET)
    beside = next((one for one in courtesies if one in {clause.act for clause in around}), None)
    return replace(inner, act=act, wishes=wishes, switched=switched, beside=inner.beside or beside)


def _names_something(text: str) -> bool:
    """Tell whether a text asks to explain what it names: "explain X", "what is X", and no more."""
    frame = patterns("names")["something"].fullmatch(_bare(text))
    return frame is not None and _has_subject(frame["what"])


def _is_left(rest: str, text: str, again: Callable[[str], MessageAct]) -> bool:
    """Tell whether a question is left of a message without its wishes: "X for dummies"."""
    return _bare(rest) != _bare(text) and _has_subject(rest) and again(rest).act is Act.ASK


def _has_subject(text: str) -> bool:
    words = {word.lower().strip("'") for word in _WORD.findall(text)}
    return bool(words - filler_words() - _LAST)


def _as_set_phrase(clause: Clause) -> Clause:
    """Let the patterns say what a clause does that the model takes for a question."""
    social = _social(clause.text) if clause.asks else None
    return clause if social is None else replace(clause, act=social, known=True)


def _is_tag(clause: Clause) -> bool:
    """Tell whether a clause asks only for assent: "can it?", "isn't that so?"."""
    return patterns("follow_up")["tag"].fullmatch(clause.text) is not None


def _doubts(text: str, found: Sequence[Clause]) -> bool:
    """Tell whether a message doubts the last answer, and what else it says is no question.

    "X is not Y, is that right?" asks for X: what it is unsure of comes first.
    """
    doubting = [clause for clause in found if clause.act == Act.CHALLENGE]
    if found[:-1] and not any(one.asks or one.act == Act.CHALLENGE for one in found[:-1]):
        # "There must be more to it, no?" only asks for assent.
        doubting = [one for one in doubting if len(one.text.split()) > _TAG]
    unsure = found[0].asks and not _VALUE.fullmatch(found[0].text)
    asks_itself = unsure and all(_is_question(text, clause) for clause in doubting)
    others = any(clause.asks and _is_question(text, clause) for clause in found)
    if any(clause.asks and not _VALUE.fullmatch(clause.text) for clause in found):
        # What tells something of its own is doubted only in words that nothing else is said in.
        doubting = [clause for clause in doubting if clause.known and clause.sure]
    return bool(doubting) and not asks_itself and not others


def _is_question(text: str, clause: Clause) -> bool:
    if _VALUE.fullmatch(clause.text):
        return False  # "36 trillion? Are you kidding?"
    marked = text[clause.end :].lstrip(")\"'").startswith("?")
    return marked or patterns("follow_up")["asks"].match(clause.text) is not None


def _together(said: MessageAct, found: Sequence[Clause]) -> MessageAct:
    """Read a message of which no part asks for something new."""
    done = [clause.act for clause in found]
    about = next((act.partition(" ")[2] for act in done if act.startswith(f"{Act.ABOUT} ")), "")
    if about:
        return replace(said, act=Act.ABOUT, place=about)
    if Act.REFER in done:
        refers = next(clause.text for clause in found if clause.act == Act.REFER)
        return replace(said, act=Act.REFER, place=place_in(refers))
    wishes = _wished(said.wishes, found)
    if wishes.act is not None:
        return replace(said, act=wishes.act, wishes=wishes)
    for act in (Act.SOURCE, Act.REPEAT):
        if act in done:
            return replace(said, act=act)
    ranked = (Act.LEAVE, Act.THANK, Act.GREET)
    social = next((act for act in ranked if act in done), Act.REMARK)
    return replace(said, act=social, rest="", switched=_SWITCH in done)


def place_in(text: str) -> str:
    """Name the place that a message points at; "" where it names none."""
    named = patterns("points")["place"].search(text)
    if named:
        return named.group().lower()
    return _place(text, None) if patterns("points")["own_question"].search(text) else ""


def _wished(wishes: Wishes, found: Sequence[Clause]) -> Wishes:
    """Add what clauses wish for to other wishes."""
    for clause in found:
        bound = next(
            (m for s in ("alone", "inline") if (m := patterns(s)["length"].search(clause.text))),
            None,
        )
        if bound is not None and clause.act in ("short", *_FORMS):
            wishes = _with(wishes, "length", bound)
        if clause.act in (*_MANNERS, *_FORMS) and not (bound and clause.act == "short"):
            wishes = _with_wish(wishes, clause.act)
        if not wishes.language:
            wishes = replace(wishes, language=wished_language(clause.text)[0])
        if clause.act.startswith("persona "):
            wishes = replace(wishes, persona=clause.act.partition(" ")[2])
    return wishes


def value_in(text: str) -> str:
    """Return the last number of a text with its unit, as it is written; "" if there is none."""
    found = [match.group().strip() for match in _VALUE.finditer(text)]
    return found[-1] if found else ""


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
    first = re.search(
        r"\b(?:first|original|opening|initial|start|beginning|began?|begun)\b", text, re.IGNORECASE
    )
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


def _opened(text: str) -> MessageAct:
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
    return MessageAct(Act.ASK, _unclosed(rest).strip(), switched=switched, back_to=back_to)


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
            return _UNJOINED.sub("", before).rstrip(" ,;:–—-(") + asks, match
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
        wishes = _bounded(wishes, number, unit)
        return _with_wish(wishes, _UNIT_FORMS[unit]) if unit in _UNIT_FORMS else wishes
    if wish == "persona":
        return replace(wishes, persona=found["persona"].lower())
    return wishes if wish in ("again", "sourced") else _with_wish(wishes, wish)


def _with_wish(wishes: Wishes, wish: str) -> Wishes:
    """Add a manner or a form."""
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
