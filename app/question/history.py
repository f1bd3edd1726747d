"""What was said before, and the question that stands alone.

A conversation comes as its texts alone, so that a client which keeps nothing is served as well.
Its questions are read again in order: each that was answered is kept in a form that stands
alone; what was refused, what was small talk and what asked for the last answer anew carries no
subject. A follow-up takes up the subject of the last such question by putting it in the place of
what points at it. History is data: it is searched with, never obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import prompts
from app.question.act_meaning import Meaning
from app.question.acts import ON_THE_LAST_ANSWER, TALK, Act, MessageAct
from app.question.message_acts import read
from app.question.phrases import patterns
from app.question.subjects import NamedSubject, Subjects
from app.record.types import Message
from index.text.tokens import STOP_WORDS, content_words

__all__ = [
    "Form",
    "Past",
    "PastQuestion",
    "forms",
    "identifiers",
    "leans_on_history",
    "names_nothing",
    "names_something",
    "needs_subject",
    "read_history",
    "without_quantities",
]  # fmt: skip

# What is written like an identifier, a version or a name is a subject of its own.
_IDENTIFIER = re.compile(r"\w_\w|\b\w*[a-z][A-Z]\w*|\b[A-Z]{2,}|\b[A-Za-z]+\d|--\w")
_WORD = re.compile(r"[\w+-]+(?:'\w+)?")
_IN_DIGITS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "sixteen": "16",
    "twenty": "20", "hundred": "100",
}  # fmt: skip
_NUMBER_WORDS = "|".join(_IN_DIGITS)
_QUANTITY = re.compile(
    rf"(?<![\w.])(?:\d[\d.,]*(?P<unit>[kKmMbBtT%]?)(?![\w.]\w)|(?:{_NUMBER_WORDS})\b)",
    re.IGNORECASE,
)
_FEW_WORDS = 4
_BARE_WORDS = 2
_LONGEST = 400
_CARRIED_TURNS = 3


@dataclass(frozen=True, slots=True)
class PastQuestion:
    """A question of the conversation in a form that stands alone, and the answers it got.

    `others` are the other forms that it might have been answered in.
    """

    question: str
    answers: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """The last answer that it got."""
        return self.answers[-1] if self.answers else ""


@dataclass(frozen=True, slots=True)
class Past:
    """A conversation so far: what was answered, oldest first, and what waits for a subject.

    `asked` are the reader's own questions as they were typed.
    """

    exchanges: tuple[PastQuestion, ...] = ()
    waiting: str = ""
    asked: tuple[str, ...] = ()

    @property
    def last(self) -> PastQuestion | None:
        """What was answered last."""
        return self.exchanges[-1] if self.exchanges else None


@dataclass(frozen=True, slots=True)
class Form:
    """A way to search for a question.

    `taken` is the subject that it took from the history; `also` are other wordings of it. What is
    `guessed` to lean on the history counts only where all that it says itself is borne out.
    """

    query: str
    taken: str = ""
    also: tuple[str, ...] = ()
    guessed: bool = False


def read_history(
    history: Sequence[Message], subjects: Subjects, meaning: Meaning | None = None
) -> Past:
    """Read what was asked and answered before, oldest first."""
    past = Past()
    turns = [message for message in history if message.role in ("user", "assistant")]
    for position, message in enumerate(turns):
        if message.role != "user":
            continue
        after = turns[position + 1] if position + 1 < len(turns) else None
        answer = after.content if after is not None and after.role == "assistant" else ""
        past = _with(past, _heard(message.content, subjects, meaning), answer, subjects)
    return past


def _heard(text: str, subjects: Subjects, meaning: Meaning | None) -> MessageAct:
    """Read what was said before: what names no subject may have been about the last answer."""
    said = read(text, meaning)
    named = subjects.find(said.rest) or names_something(said.rest)
    if said.act is not Act.ASK or named or meaning is None:
        return said
    perhaps = read(text, meaning, unanswered=True)
    return perhaps if perhaps.act in ON_THE_LAST_ANSWER else said


def forms(said: MessageAct, past: Past, subjects: Subjects) -> tuple[Form, ...]:
    """Return the ways to search for what a message asks, the likeliest first.

    A question that seems to stand alone is asked as it is, and only that way. One that leans on
    the history comes with the subject put in; where it might stand alone, both are returned.
    """
    text = said.rest
    if past.waiting and not _like("asks").match(text):
        return (Form(_about(past.waiting, text.strip(" ?.!")), past.waiting), Form(text))
    focus = _focus(said, past)
    if focus is None:
        return (Form(text),)
    own = subjects.find(text)
    subject = " and ".join(focus.subjects[:2])
    if said.meant:
        return Form(f"What is {said.meant} in {subject}?", subject), Form(f"What is {said.meant}?")
    if not leans_on_history(text, own):
        # What finds nothing alone may still go on from what was said.
        return (Form(text), Form(f"{text.strip(' ?')} ({subject})?", subject, guessed=True))
    ways = _carried(text, own, focus, subjects)
    if len(content_words(text)) <= 1:
        # A word alone finds something whatever it means.
        ways = tuple(form for form in ways if form.taken) or ways
    if len(content_words(text)) <= 1 and _pointer(text, own) is None:
        return ways
    # Where no subject can be put in, what was asked before is searched with as it was.
    before = " ".join([*past.asked[-_CARRIED_TURNS:], text])
    return (*ways, Form(before[-_LONGEST:], subject, guessed=True))


def leans_on_history(text: str, own: Sequence[NamedSubject]) -> bool:
    """Tell whether a question needs what was said before it to be understood.

    Args:
        text: the question.
        own: the known subjects that it names.
    """
    if names_nothing(text) or _like("choice").search(text):
        return True
    if _like("continues").match(text) or _like("concludes").search(text):
        return True
    pointer = _pointer(text, own)
    if pointer is not None:
        return True
    return not own and len(content_words(text)) <= _FEW_WORDS


def _answered_form(ways: Sequence[Form], answer: str) -> Form:
    """Tell which form of a question was answered: the answer speaks of what was taken up."""
    spoken = set(content_words(answer))
    for form in ways:
        if not form.guessed or spoken & set(content_words(form.taken)):
            return form
    return next((form for form in ways if not form.taken), ways[-1])


def names_something(text: str) -> bool:
    """Tell whether a text holds what is written like an identifier, a version or a name."""
    return _IDENTIFIER.search(text) is not None


def identifiers(text: str) -> tuple[str, ...]:
    """Return the words of a text that are written like an identifier or a name, in lower case."""
    words = (found.group() for found in _WORD.finditer(text))
    return tuple(word.casefold() for word in words if _IDENTIFIER.search(word))


def names_nothing(text: str) -> bool:
    """Tell whether a question has no word of its own subject: "why?", "what's the point?"."""
    return any(_like(name).fullmatch(text) for name in ("why", "purpose"))


def without_quantities(text: str) -> str:
    """Leave the numbers out of a text: "twelve?" says nothing of its own."""
    return _QUANTITY.sub(" ", text)


def needs_subject(said: MessageAct, past: Past, subjects: Subjects) -> bool:
    """Tell whether a message points at a subject that nobody has named."""
    text, own = said.rest, subjects.find(said.rest)
    if own or names_something(text) or past.waiting or _focus(said, past) is not None:
        return False
    if _like("amount").fullmatch(text):
        return True
    words = content_words(text)
    fragment = _like("fragment").fullmatch(text)
    bare = fragment is not None and not _like("verb").search(fragment["what"])
    pointer = _pointer(text, own)
    alone = pointer is not None and (len(words) <= 1 or not content_words(text[: pointer.start()]))
    points = (bool(_like("continues").match(text)) and bare) or alone
    return len(words) <= _BARE_WORDS and (points or not words)


def _with(past: Past, said: MessageAct, answer: str, subjects: Subjects) -> Past:
    """Add a turn and what was answered to it."""
    text = said.rest or said.back_to
    if said.act in TALK and said.act is not Act.CLARIFY:
        return past
    if said.act in ON_THE_LAST_ANSWER and past.last is not None:
        again = replace(past.last, answers=(*past.last.answers, answer))
        return replace(past, exchanges=(*past.exchanges[:-1], again))
    past = replace(past, asked=(*past.asked, text))
    if _is(answer, "replies/clarify.md"):
        return replace(past, waiting=text)
    if _is(answer, "replies/abstention.md") or _is(answer, "replies/remark-off.md"):
        return replace(past, waiting="")
    ways = forms(said, past, subjects)
    query = _answered_form(ways, answer).query[:_LONGEST]
    others = tuple(form.query for form in ways if form.query != query)
    named = tuple(dict.fromkeys(found.text for found in subjects.find(query)))
    exchange = PastQuestion(query, (answer,), named or _spoken_of(query), others)
    return replace(past, exchanges=(*past.exchanges, exchange), waiting="")


def _like(name: str) -> re.Pattern[str]:
    return patterns("follow_up")[name]


def _is(answer: str, template: str) -> bool:
    """Tell whether an answer is one of Citewise's own, by the words that it begins with."""
    start = prompts.text(template).partition("{{")[0].strip()
    return bool(start) and answer.lstrip().startswith(start)


def _spoken_of(query: str) -> tuple[str, ...]:
    """Take what a question speaks of for its subject, where it names none that is known."""
    words = [word for word in _WORD.findall(query) if word.lower() not in STOP_WORDS]
    return (" ".join(words),) if words else ()


def _focus(said: MessageAct, past: Past) -> PastQuestion | None:
    """Choose the earlier question that a message goes on from; None where it goes on from none."""
    if said.back_to:
        if _like("first").search(said.back_to) and past.exchanges:
            return past.exchanges[0]
        if _like("before").search(said.back_to) and len(past.exchanges) > 1:
            return past.exchanges[-2]
        return PastQuestion(
            said.back_to, (), (re.sub(r"^(?:the|my|that|your) ", "", said.back_to),)
        )
    return None if said.switched else past.last


def _pointer(text: str, own: Sequence[NamedSubject]) -> re.Match[str] | None:
    """Find the first word that points out of a question, with no subject before it."""
    blocked = [
        (found.start(), found.end())
        for name in ("ahead", "joining")
        for found in _like(name).finditer(text)
    ]
    for match in _like("pointer").finditer(text):
        if any(start <= match.start() < end for start, end in blocked):
            continue
        before = text[: match.start()]
        named = any(one.start < match.start() for one in own) or _IDENTIFIER.search(before)
        return None if named and not _is_object(text, match) else match
    return None


def _is_object(text: str, pointer: re.Match[str]) -> bool:
    """Tell whether a pointer ends a simple question as its object, as in "does X shrink it?".

    It then means something else than the subject of the same clause.
    """
    plain = not _like("clause_break").search(text[: pointer.start()])
    return plain and not pointer["whose"] and len(text[pointer.end() :].split()) <= 1


def _carried(
    text: str, own: Sequence[NamedSubject], focus: PastQuestion, subjects: Subjects
) -> tuple[Form, ...]:
    """Put the subject of an earlier question into one that leans on it."""
    subject = " and ".join(focus.subjects[:2])
    if _like("purpose").fullmatch(text):
        return (Form(f"Why use {subject}?", subject),)
    if _like("why").fullmatch(text):
        return (Form(f"{text.strip(' ?.!')}: {focus.question}", subject),)
    if _like("choice").search(text):
        return (
            Form(f"{text.strip(' ?')}, {' or '.join(focus.subjects[:3])}?", subject),
            Form(text),
        )
    pointer = _pointer(text, own)
    fragment = _like("fragment").fullmatch(text)
    if pointer is None and fragment and not _like("verb").search(fragment["what"]):
        return _from_fragment(fragment, own, focus, subjects)
    if pointer is not None:
        first = focus.subjects[0] if focus.subjects else subject
        put = [Form(_put(text, pointer, first), first)]
        if subject != first:
            put.append(Form(_put(text, pointer, subject), subject))
        return (*put, Form(text)) if own else tuple(put)
    return (Form(f"{text.strip(' ?')} ({subject})?", subject, guessed=True), Form(text))


def _from_fragment(
    fragment: re.Match[str], own: Sequence[NamedSubject], focus: PastQuestion, subjects: Subjects
) -> tuple[Form, ...]:
    """Complete "and for GQA?" or "what about the size?" from the question before."""
    what, joint = fragment["what"], fragment["joint"]
    subject = " and ".join(focus.subjects[:2])
    if changed := _with_quantity(focus.question, what):
        return (Form(changed, subject),)
    if _QUANTITY.fullmatch(what) and not joint:
        return (Form(f"{focus.question.rstrip(' ?.!')}: {what}?", subject),)
    if own:
        said = own[0].text.casefold()
        earlier = [
            one
            for one in subjects.find(focus.question)
            if one.text.casefold() != said and not _is_counted(focus.question, one)
        ]
        # What is put in stands for what is most like it: a version for a version, then a
        # subject of the same topic.
        versioned = _has_digit(own[0].text)
        earlier.sort(
            key=lambda one: (_has_digit(one.text) != versioned, not one.topics & own[0].topics)
        )
        # "And the temperature outside?" says more than what may be put in.
        more = set(content_words(what)) - {w for one in own for w in content_words(one.text)}
        put = [
            replace(_instead(what, one, focus.question, earlier), guessed=bool(more))
            for one in earlier[:2]
        ]
        if not put:
            put = [Form(f"{focus.question.rstrip(' ?.!')} for {what}?", subject)]
        return (*put, Form(what))
    if joint:
        return (Form(f"{focus.question.rstrip(' ?.!')} {joint} {what}?", subject),)
    if _like("continues").match(fragment.string):
        return (Form(_about(what, subject), subject),)
    return (Form(_about(what, subject), subject, guessed=True), Form(fragment.string))


def _is_counted(question: str, one: NamedSubject) -> bool:
    """Tell whether a subject is what is asked for: the tokens of "how many tokens"."""
    return any(found.end() == one.start for found in _like("counted").finditer(question))


def _with_quantity(question: str, what: str) -> str:
    """Put a bare quantity ("13B", "32k tokens") in the place of its like in a question."""
    new = _QUANTITY.fullmatch(what)
    if not new:
        return ""
    unit = (new["unit"] or "").casefold()
    alike = [old for old in _QUANTITY.finditer(question) if (old["unit"] or "").casefold() == unit]
    if not alike:
        return ""
    old = alike[-1]
    if _has_digit(old.group()):
        what = _IN_DIGITS.get(what.casefold(), what)
    return f"{question[: old.start()]}{what}{question[old.end() :]}"


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)


def _about(what: str, subject: str) -> str:
    """Ask for something about a subject."""
    left = _like("fragment").fullmatch(what)
    bare = left["what"] if left and left["what"] else what.strip(" ?.!")
    return f"{bare} of {subject}?"


def _instead(
    what: str, one: NamedSubject, question: str, all_named: Sequence[NamedSubject]
) -> Form:
    """Put something in the place of a subject of a question; the others are taken over."""
    others = [other.text for other in all_named if other is not one]
    return Form(
        f"{question[: one.start]}{what}{question[one.end :]}", " and ".join(others) or one.text
    )


def _put(text: str, pointer: re.Match[str], subject: str) -> str:
    """Put a subject in the place of the word that points at it."""
    ending = "'s" if pointer["whose"] else {"'s": " is", "'re": " are"}.get(pointer["is"] or "", "")
    return f"{text[: pointer.start()]}{subject}{ending}{text[pointer.end() :]}"
