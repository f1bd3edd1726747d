"""What is said before an answer: that it is in English, what is missing, what has to be put right.

Put right are what sources disagree on and what one gets wrong itself, then what the question takes
for granted and the evidence contradicts; last comes the work that introduced what is asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import prompts
from app.answer.clock import Clock
from app.answer.origins import named_work, told_origin
from app.answer.premises import corrections
from app.answer.replies import what_is_missing
from app.answer.stated_conflicts import StatedConflicts
from app.answer.writer import Writer
from app.question.language import language_of, reply
from app.question.subjects import subjects_of
from app.record.evidence import Evidence
from app.record.sanitize import one_line
from app.record.types import Delta, Premise, Retrieved
from app.verifying.supports import Support
from index.store import LoadedIndex

__all__ = ["Foreword", "written_in_english"]


def written_in_english(language: str, writer: Writer) -> Iterator[Delta]:
    """Say that the answer is in English, where the question is in another language."""
    if notice := reply(language, "written_in_english"):
        yield writer.plain("", f"{notice}\n\n")


@dataclass(frozen=True, slots=True)
class Foreword:
    """The sentences before an answer; `premises` are those that they corrected."""

    language: str
    retrieved: Retrieved
    evidence: Sequence[Evidence]
    index: LoadedIndex
    writer: Writer
    conflicts: StatedConflicts
    clock: Clock
    premises: list[Premise] = field(default_factory=list)

    def written(self) -> Iterator[Delta]:
        """Write them."""
        yield from written_in_english(self._unspoken(), self.writer)
        yield from self._missing()
        yield from self._disputed()
        yield from self._corrected()
        yield from self._introduced()

    def _unspoken(self) -> str:
        """The question's language, unless the best evidence is written in it; else nothing."""
        texts = (item.passage.text for item in self.evidence[:1])
        spoken = any(language_of(text) == self.language for text in texts)
        return "" if spoken else self.language

    def _missing(self) -> Iterator[Delta]:
        """Say what the sources lack, where the answer gives only what is nearest."""
        if gap := self.retrieved.gap:
            nearest = prompts.fill("replies/missing-nearest.md").strip()
            yield self.writer.plain("", f"{what_is_missing(gap)} {nearest}\n\n")

    def _disputed(self) -> Iterator[Delta]:
        """Say where sources disagree on what is asked, or one with its own arithmetic."""
        for conflict in self.retrieved.conflicts:
            yield from self.conflicts.state(conflict)

    def _corrected(self) -> Iterator[Delta]:
        """Correct what the question takes for granted and the evidence contradicts."""
        self.clock.begin()
        asked, idf = self.retrieved.standalone_query, self.index.lexical.idf
        found_wrong = corrections(asked, self.evidence, idf)
        self.clock.spent("premises")
        for found in found_wrong:
            said = prompts.fill("replies/premise.md", said=found.said).strip()
            delta = self.writer.claim(" ", said, "supported", [found.support], 1.0)
            ref = found.support.ref
            self.premises.append(Premise(found.premise, ref, self.writer.number_of(ref)))
            yield delta

    def _introduced(self) -> Iterator[Delta]:
        """Name the work that something is introduced by, as far as a title or a sentence tells."""
        subjects = subjects_of(self.index)
        asked = subjects.introduced(self.retrieved.standalone_query)
        if asked is None or not self.evidence:
            return
        item = self.evidence[0]
        work = named_work(asked.text, subjects.names_of(asked.topics), item.passage.sources)
        if work is not None:
            name, label = one_line(asked.text), one_line(work.label)
            said = prompts.fill("replies/introduced.md", name=name, work=label).strip()
            support = Support(item.passage.id, item.n, 0, len(item.passage.text), 1.0)
            yield self.writer.claim("", said, "supported", [support], 1.0, basis="restated")
        elif told := told_origin(asked.text, [each.passage for each in self.evidence], ()):
            passage, start, end = told
            n = next(each.n for each in self.evidence if each.passage is passage)
            support = Support(passage.id, n, start, end, 1.0)
            yield self.writer.claim("", passage.text[start:end], "supported", [support], 1.0)
