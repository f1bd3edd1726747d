"""What Citewise says where nothing is looked up: greetings, thanks, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import prompts
from app.config.personas import Persona, speaks_of_models
from app.question.acts import Act
from app.question.language import reply
from app.question.reading import Reading
from app.record.sanitize import one_line, verbatim
from index.errata import SHIPPED_NAME
from index.store import LoadedIndex
from index.types import Hit, PassageKind

__all__ = ["Facts", "clarification", "subject_of", "talk"]

_OFFERED = 2
_CHOICES = 3
_QUESTION_SHOWN = 120
_SOCIAL = frozenset({Act.GREET, Act.THANK, Act.LEAVE, Act.REMARK})


def subject_of(knowledge_base: str) -> str:
    """Name what sources are about, by their names joined with "+"."""
    names = [verbatim(one_line(name)) for name in knowledge_base.split("+")]
    told = ["language models" if name == SHIPPED_NAME else f"“{name}”" for name in names]
    return " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of this Citewise: what it knows, who answers, and what writes."""

    index: LoadedIndex
    persona: Persona
    model: str
    drafts: bool

    def knowledge(self) -> str:
        """Count what is known."""
        passages = self.index.passages
        cited = (source for passage in passages for source in passage.sources)
        topics = _counted(len({passage.topic for passage in passages}), "topic")
        sources = _counted(len({source.url or source.label for source in cited}), "source")
        return f"{topics}, {_counted(len(passages), 'passage')} and {sources}"

    def newest(self) -> str:
        """Say of which year the newest source is; "unknown" where none has one."""
        every = (source for passage in self.index.passages for source in passage.sources)
        years = {source.year for source in every if source.year is not None}
        return str(max(years)) if years else "unknown"

    def questions(self) -> str:
        """Offer questions that can be answered; empty where none is known."""
        own = speaks_of_models(self.index.knowledge_base)
        asked = (self.persona.examples if own else ()) or tuple(
            passage.heading
            for passage in self.index.passages
            if passage.kind is PassageKind.FAQ or passage.heading.endswith("?")
        )
        listed = "\n".join(f"- {verbatim(one_line(question))}" for question in asked[:_OFFERED])
        return prompts.fill("replies/could-ask.md", questions=listed).strip() if listed else ""

    def subject(self) -> str:
        """Name what the knowledge base is about."""
        return subject_of(self.index.knowledge_base)

    def called(self) -> str:
        """Name who answers."""
        return verbatim(self.persona.title)

    def told(self, name: str) -> str:
        """Fill one of Citewise's own texts with what it asks for."""
        known: dict[str, Callable[[], str]] = {
            "subject": self.subject,
            "knowledge": self.knowledge,
            "questions": self.questions,
            "newest": self.newest,
            "engine": self.engine,
            "persona": self.called,
            "fingerprint": lambda: self.index.fingerprint,
        }
        wanted = {key: known[key]() for key in prompts.placeholders(name)}
        return prompts.fill(name, **wanted).strip()

    def engine(self) -> str:
        """Say who writes."""
        name = "replies/engine-drafts.md" if self.drafts else "replies/engine-composes.md"
        return prompts.fill(name, model=verbatim(one_line(self.model))).strip()


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + "s" * (number != 1)


def talk(reading: Reading, facts: Facts) -> str:
    """Answer a turn that asks for nothing to be looked up."""
    act = reading.act
    if said := reply(reading.language, act.value):
        return said
    if act is Act.REMARK and reading.said.rest:
        name = "remark-off"
    elif act is Act.ABOUT:
        name = f"about-{reading.said.place}"
    else:
        name = act.value if act in _SOCIAL else "nothing-yet"
    notice = reply(reading.language, "written_in_english")
    return "\n\n".join(filter(None, [notice, facts.told(f"replies/{name}.md")]))


def clarification(question: str, hits: Sequence[Hit]) -> str:
    """Ask back which subject a question means, with those that were found as choices."""
    shown = verbatim(one_line(question)[:_QUESTION_SHOWN])
    titles = dict.fromkeys(hit.passage.title.partition(":")[0].strip() for hit in hits)
    choices = [verbatim(one_line(title)) for title in list(titles)[:_CHOICES]]
    if not choices:
        return prompts.fill("replies/clarify-open.md", question=shown).strip()
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}" if choices[1:] else choices[0]
    return prompts.fill("replies/clarify.md", question=shown, choices=listed).strip()
