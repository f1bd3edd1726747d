"""A message read in its conversation: what it does, and the ways to search for what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.question.act_meaning import Meaning
from app.question.act_model import shipped, words
from app.question.acts import ON_THE_LAST_ANSWER, TALK, Act, MessageAct, Wishes
from app.question.calculations import CalculationRequest, calculation_asked
from app.question.history import (
    Form,
    Past,
    PastQuestion,
    forms,
    identifiers,
    names_something,
    needs_subject,
    read_history,
)
from app.question.in_english import in_english, spoken_in_english
from app.question.language import ENGLISH, acts_of, language_of
from app.question.language_wish import language_named, names_a_language
from app.question.message_acts import read
from app.question.phrases import patterns
from app.question.subjects import Subjects
from app.record.types import Message, Question
from index.text.tokens import content_words

__all__ = ["Reading", "asks", "is_remark", "only_tells", "read_in_conversation", "reread"]

# What a language's set phrases do, as the acts and wishes that they stand for.
_SET_PHRASES = {
    "sources": (Act.SOURCE, Wishes()),
    "sure": (Act.CHALLENGE, Wishes()),
    "shorten": (Act.SHORTEN, Wishes(short=True)),
    "simplify": (Act.SIMPLIFY, Wishes(simple=True)),
    "expand": (Act.EXPAND, Wishes(long=True)),
    "example": (Act.EXAMPLE, Wishes(example=True)),
    "list": (Act.REFORMAT, Wishes(form="list")),
    "table": (Act.REFORMAT, Wishes(form="table")),
    "steps": (Act.REFORMAT, Wishes(form="steps")),
    "repeat": (Act.REPEAT, Wishes()),
}


# The same in English, for a history that is read in English.
_IN_ENGLISH = {
    "sources": "sources?", "sure": "are you sure?", "shorten": "shorter", "simplify": "simpler",
    "expand": "tell me more", "example": "an example?", "list": "as a list", "table": "as a table",
    "steps": "as steps", "repeat": "say that again", "greet": "hello", "thank": "thanks",
    "leave": "bye", "about": "who are you?",
}  # fmt: skip
_SAYS_ONLY = frozenset({Act.GREET, Act.THANK, Act.LEAVE, Act.REMARK})
_WISHED = frozenset({Act.SIMPLIFY, Act.SHORTEN, Act.EXPAND, Act.EXAMPLE, Act.REFORMAT, Act.REPEAT})


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message does and asks.

    `forms` are the ways to search for it, the likeliest first; `language` is the one that it is
    written in (ISO 639-1); `again` is the exchange whose answer an act is about; `calculation` is
    what is to be worked out, where it is that.
    """

    said: MessageAct
    past: Past
    forms: tuple[Form, ...]
    language: str = "en"
    again: PastQuestion | None = None
    calculation: CalculationRequest | None = None

    @property
    def act(self) -> Act:
        """What the message does."""
        return self.said.act


def read_in_conversation(
    question: Question,
    subjects: Subjects,
    meaning: Meaning | None = None,
    *,
    unanswered: bool = False,
) -> Reading:
    """Read a question's text with its history.

    JSON that a program asks for is no talk: its question is taken as it is.

    Args:
        question: what was said, with what was said before.
        subjects: what the index knows by name.
        meaning: what reads clauses by their meaning; None reads them by their words alone.
        unanswered: whether it finds no answer as a question, and so is likely none.
    """
    history, spoken = _history_in_english(question.history, meaning)
    past = read_history(history, subjects, meaning)
    said, text = read(question.text, meaning, unanswered=unanswered), question.text
    if question.form is not None or (unanswered and said.act in _SAYS_ONLY and asks(text)):
        said = MessageAct(Act.ASK, question.text)
    language = language_of(question.text, spoken)
    if spoken == ENGLISH and said.act is not Act.ASK and not acts_of(text, language):
        language = ENGLISH  # "come on" and "yo" are words of other languages, too
    if language != ENGLISH and question.form is None:
        said = _in_another_language(question.text, said, language, meaning)
        text = said.rest
    said = _in_its_place(said, text, past, subjects, unanswered=unanswered)
    if said.act is Act.TRANSLATE and said.wishes.language == language == ENGLISH:
        # "In English, please" after English is a wish for plain words.
        plainer = replace(said.wishes, language="", simple=True)
        said = replace(said, act=Act.SIMPLIFY, wishes=plainer)
    language = said.wishes.language or language
    encoder = meaning.encoder if meaning else None
    asked = calculation_asked(text, history, encoder) if _may_ask(said) else None
    if said.act is Act.SOURCE and len(history) > 1:
        # A number that was worked out comes from its sum.
        asked = calculation_asked(history[-2].content, history[:-2], encoder)
    if asked is not None and question.form is None:
        said = replace(said, act=Act.CALCULATE)
        return Reading(said, past, (Form(question.text),), language, calculation=asked)
    if said.act is Act.REFER and (named := _named(said.rest or text, subjects)):
        about_it = [one for one in past.exchanges if _speaks_of(one, named)]
        if not about_it:
            # Nothing was said of it yet: it is asked for.
            rest = text if said.rest in (text, "") else f"What is {said.rest}?"
            said = MessageAct(Act.ASK, rest)
        past = replace(past, exchanges=(*past.exchanges, *about_it[-1:]))
    if said.act is Act.ASK and needs_subject(said, past, subjects):
        said = replace(said, act=Act.CLARIFY)
    return reread(Reading(said, past, (Form(question.text),), language), said, subjects)


def reread(reading: Reading, said: MessageAct, subjects: Subjects) -> Reading:
    """Return a message's reading with what it does told otherwise."""
    if said.act in ON_THE_LAST_ANSWER:
        return _on_the_last_answer(said, reading.past, reading.language, subjects)
    ways = forms(said, reading.past, subjects) if said.act is Act.ASK else reading.forms
    return Reading(said, reading.past, ways, said.wishes.language or reading.language)


def _in_its_place(
    said: MessageAct, text: str, past: Past, subjects: Subjects, *, unanswered: bool
) -> MessageAct:
    """Tell otherwise what a message does, where what was said before it shows that it does not."""
    if _names_another_subject(said, past, subjects):
        said = replace(said, act=Act.ASK)
    if _wishes_beside_a_remark(said, past, subjects, unanswered=unanswered):
        said = replace(said, act=said.wishes.act or Act.REPEAT)
    if unanswered and (read_in := _reader_of_another_language(text, past, subjects)):
        said = MessageAct(Act.TRANSLATE, text, Wishes(language=read_in))
    return MessageAct(Act.ASK, text) if _names_a_case(text, said, past) else said


def _reader_of_another_language(text: str, past: Past, subjects: Subjects) -> str:
    """Return the language of somebody whom the last answer is for: "she only reads Spanish"."""
    if past.last is None or subjects.find(text):
        return ""
    return language_named(text) if patterns("follow_up")["reads"].search(text) else ""


def _names_a_case(text: str, said: MessageAct, past: Past) -> bool:
    """Tell whether "and in Hindi?" or "and in code?" asks for another case, and wishes nothing.

    It does after an answer about languages, or where only a preposition stands before "code".
    """
    if past.last is None or not patterns("follow_up")["continues"].match(text):
        return False
    if said.act is Act.TRANSLATE:
        return names_a_language(past.last.question) or names_a_language(past.last.answer)
    return said.wishes.form == "code" and bool(patterns("follow_up")["case"].fullmatch(text))


def _named(text: str, subjects: Subjects) -> frozenset[str]:
    """Return what a text names, in lower case: known subjects and what looks like a name."""
    return frozenset({one.text.casefold() for one in subjects.find(text)} | {*identifiers(text)})


def _speaks_of(exchange: PastQuestion, named: frozenset[str]) -> bool:
    """Tell whether something of that was spoken of in an earlier exchange."""
    said = f"{exchange.question} {exchange.answer}".casefold()
    return any(name in said for name in named)


def _names_another_subject(said: MessageAct, past: Past, subjects: Subjects) -> bool:
    """Tell whether a wish or a doubt names a subject that nothing was said of before.

    "I need to understand in-context learning" after an answer on ZeRO asks for the former.
    """
    if said.act not in _WISHED | {Act.CHALLENGE} or past.last is None:
        return False
    before = f"{past.last.question} {past.last.answer}".casefold()
    rest = patterns("inline")["steps"].sub(" ", said.rest)  # "step by step" is a subject as well
    own = shipped().own_words  # "walk me through the rest" and "no maths" name nothing
    named = [one.text for one in subjects.find(rest) if not own.issuperset(words(one.text))]
    return any(name.casefold() not in before for name in named)


def _wishes_beside_a_remark(
    said: MessageAct, past: Past, subjects: Subjects, *, unanswered: bool
) -> bool:
    """Tell whether a message wishes for a form, and says next to nothing beside it.

    "I have ten seconds, what's the takeaway" is about the last answer, and so is what finds no
    answer: "She reads one line at most. What do I send her?"
    """
    wished = replace(said.wishes, language="").act  # who speaks French wishes for nothing by it
    if said.act is not Act.ASK or wished is None or past.last is None:
        return False
    if unanswered:
        named = subjects.find(said.rest) or names_something(said.rest)
        nothing_else = not named and len(content_words(said.rest)) <= 1
        return nothing_else or is_remark(said, subjects)
    return only_tells(said) and not (subjects.find(said.rest) or names_something(said.rest))


def _history_in_english(
    history: Sequence[Message], meaning: Meaning | None
) -> tuple[tuple[Message, ...], str]:
    """Put what the user said before in English; also the language that the user speaks."""
    spoken, heard = ENGLISH, []
    for message in history:
        if message.role == "user":
            spoken = language_of(message.content, spoken)
            acts = acts_of(message.content, spoken) if spoken != ENGLISH else ()
            if acts:
                said_so = ", ".join(_IN_ENGLISH[act] for act in acts)
                message = replace(message, content=said_so)
            else:
                said = _spoken(message.content, spoken, meaning)
                heard_as = in_english if said is None else spoken_in_english
                message = replace(message, content=heard_as(message.content, spoken))
        heard.append(message)
    return tuple(heard), spoken


def _may_ask(said: MessageAct) -> bool:
    """Tell whether a turn may ask for a calculation, or change the one before it."""
    return said.act in (Act.ASK, Act.CLARIFY, Act.CHALLENGE, Act.EXAMPLE, Act.REFER, Act.REMARK)


def _on_the_last_answer(said: MessageAct, past: Past, language: str, subjects: Subjects) -> Reading:
    """Read what is wanted of the last answer; without one, it may still be a question."""
    if past.last is None:
        # What names something, or holds a value against it, has a subject of its own.
        named = subjects.find(said.rest) or names_something(said.rest)
        own = named or (said.act is Act.CHALLENGE and said.claimed)
        said = replace(said, act=Act.ASK) if own else MessageAct(Act.CLARIFY, "")
        return Reading(said, past, forms(said, past, subjects), language)
    also = _also(said.act, past.last)
    ways = tuple(Form(asked, "", also) for asked in (past.last.question, *past.last.others))
    return Reading(said, past, ways, language, past.last)


def _also(act: Act, last: PastQuestion) -> tuple[str, ...]:
    """Ask for what an act needs beside the passages that answered."""
    subject = " and ".join(last.subjects[:2])
    if act is Act.EXAMPLE:
        return (f"{last.question} An example with numbers",)
    if act is Act.SIMPLIFY:
        return (f"What is {subject}?",)
    return (f"What should I know about {subject}?",) if act is Act.EXPAND else ()


def only_tells(said: MessageAct) -> bool:
    """Tell whether a message is a statement, which asks for nothing in so many words."""
    like = patterns("follow_up")
    return not (asks(said.rest) or like["wants"].match(said.rest)) and bool(
        like["verb"].search(said.rest) or like["tells"].match(said.rest)
    )


def asks(text: str) -> bool:
    """Tell whether a text is a question by its mark or its first word."""
    return "?" in text or patterns("follow_up")["asks"].match(text) is not None


def is_remark(said: MessageAct, subjects: Subjects) -> bool:
    """Tell whether a message that finds nothing only says something, and asks for nothing."""
    wants = patterns("follow_up")["wants"].match(said.rest)
    named = subjects.find(said.rest) or names_something(said.rest)
    return not (asks(said.rest) or wants or named)


def _spoken(text: str, language: str, meaning: Meaning | None) -> MessageAct | None:
    """Read what is said of Citewise or its last answer in another language; None for a question."""
    if language == ENGLISH:
        return None
    said = read(spoken_in_english(text, language), meaning)
    return said if said.act in TALK | ON_THE_LAST_ANSWER else None


def _in_another_language(
    text: str, said: MessageAct, language: str, meaning: Meaning | None
) -> MessageAct:
    """Read a message that is not in English: one of its set phrases, other talk, or a question."""
    acts = acts_of(text, language)
    wished = [_SET_PHRASES[act] for act in acts if act in _SET_PHRASES]
    if wished:
        wishes = Wishes(
            short=any(one.short for _, one in wished),
            long=any(one.long for _, one in wished),
            simple=any(one.simple for _, one in wished),
            example=any(one.example for _, one in wished),
            form=next((one.form for _, one in wished if one.form), ""),
            language=language,
        )
        return MessageAct(wished[0][0], text, wishes)
    if acts:
        return MessageAct(Act(acts[0]), text, Wishes(language=language), place="self")
    if said.act in TALK or (said.act in ON_THE_LAST_ANSWER and said.wishes.language):
        return said
    spoken = _spoken(text, language, meaning)
    if spoken is not None:
        wishes = replace(spoken.wishes, language=spoken.wishes.language or language)
        return replace(spoken, wishes=wishes)
    asked = in_english(said.rest, language)
    return MessageAct(
        Act.ASK, asked, replace(said.wishes, language=said.wishes.language or language)
    )
