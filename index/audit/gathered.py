"""Value conflicts gathered by quantity, with the passages that give the values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from index.audit.arithmetic import arithmetic
from index.audit.conflicts import value_conflicts
from index.audit.figures import Figure
from index.audit.numbers import Number, compatible
from index.conflicts import Disagreement, Stated, blanked, is_computed
from index.types import KnowledgeBase, Passage

__all__ = ["gathered"]

_FIELD = re.compile(r"\.(?:value|note|label|answer|question)$")


def gathered(base: KnowledgeBase, passages: Sequence[Passage]) -> list[Disagreement]:
    """Gather the value conflicts of a knowledge base by quantity.

    Args:
        base: the knowledge base.
        passages: what its topics were cut into.
    """
    by_id = {passage.id: passage for passage in passages}
    wrong = _miscomputed(base)
    groups: list[dict[str, Figure]] = []
    for pair in value_conflicts(base):
        members = {_passage_id(figure.place): figure for figure in (pair.one, pair.other)}
        if len(members) < 2:
            continue
        joined = [group for group in groups if _shares(group, members)]
        for group in joined:
            groups.remove(group)
            members = {**group, **members}
        groups.append(members)
    return [
        Disagreement(
            _label(list(members.values())),
            tuple(_stated(by_id[ref], figure, wrong) for ref, figure in members.items()),
        )
        for members in groups
    ]


def _passage_id(place: str) -> str:
    return _FIELD.sub("", place)


def _shares(group: Mapping[str, Figure], members: Mapping[str, Figure]) -> bool:
    """Tell whether two groups speak of one quantity: they have a figure in common."""
    return any(
        ref in group and group[ref].number == figure.number for ref, figure in members.items()
    )


def _label(members: Sequence[Figure]) -> str:
    """Name the quantity: by a data point's label, the fullest one, else by a clause."""
    points = [figure.shown.rpartition(": ")[0] for figure in members if figure.is_point]
    if points:
        return max(points, key=lambda label: (len(label), label))
    shortest = min(members, key=lambda figure: len(figure.shown))
    return blanked(shortest.shown, shortest.printed)


def _miscomputed(base: KnowledgeBase) -> dict[str, list[float]]:
    """Map a passage to the values in it that don't follow from their own calculations."""
    found: dict[str, list[float]] = {}
    for finding in arithmetic(base):
        if finding.stated is not None:
            found.setdefault(_passage_id(finding.place), []).append(finding.stated)
    return found


def _stated(passage: Passage, figure: Figure, wrong: Mapping[str, Sequence[float]]) -> Stated:
    stated = Stated(figure.printed, passage)
    for value in wrong.get(passage.id, ()):
        # People cut digits off as often as they round.
        if compatible(figure.number, Number(value, 0.0, counted=True), loose=True):
            return replace(stated, standing="miscomputed")
    return replace(stated, standing="computed") if is_computed(stated) else stated
