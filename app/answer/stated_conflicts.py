"""The conflicts that an answer states, each of them once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.answer.conflicts import ConflictSentence, statements
from app.answer.writer import Writer
from app.record.evidence import Evidence
from app.record.types import Conflict, Delta
from app.verifying.miscomputed import Faults

__all__ = ["StatedConflicts"]


class StatedConflicts:
    """States conflicts and remembers which; `all` are those stated so far, in order."""

    def __init__(self, writer: Writer, known: Sequence[Evidence], faults: Faults) -> None:
        """Begin with none.

        Args:
            writer: where the answer grows.
            known: the passages that conflicts may name.
            faults: the wrong figures among them.
        """
        self._writer, self._known, self._faults = writer, known, faults
        self.all: list[Conflict] = []

    def state(self, conflict: Conflict) -> Iterator[Delta]:
        """Write the sentences of a conflict, unless it was stated before."""
        for said in self._unsaid(conflict):
            yield self.write(said)
        self._writer.end_paragraph()

    def again(self) -> Iterator[Delta]:
        """Write all of them once more, where what was written of them is not shown."""
        for conflict in self.all:
            for said in statements(conflict, self._known):
                yield self.write(said)

    def of_refused(self) -> Iterator[ConflictSentence]:
        """Yield what is to be said of the wrong figures for which a sentence was just refused."""
        for wrong in self._faults.refused():
            yield from self._unsaid(wrong.conflict)

    def write(self, said: ConflictSentence) -> Delta:
        """Write one of their sentences."""
        return self._writer.claim(
            said.lead, said.text, said.status, said.supports, 1.0, basis=said.basis
        )

    def _unsaid(self, conflict: Conflict) -> Iterator[ConflictSentence]:
        if conflict not in self.all:
            self.all.append(conflict)
            yield from statements(conflict, self._known)
