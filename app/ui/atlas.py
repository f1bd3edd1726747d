"""The map of topics: each question and figure a dot, those that are alike near each other.

The dots are drawn here as SVG; the page's script moves the focus among them with the arrow
keys and shows the passage of the one that is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from app.ui import safe, texts
from app.ui.catalogue import Catalogue, TopicEntry, catalogue
from app.ui.conversation import BrowsedIndex
from index.encoders import Vectors
from index.types import Passage, PassageKind

__all__ = ["atlas_html"]

_WIDTH, _HEIGHT, _MARGIN = 1000, 560, 40
_DOT = 5.5
_COLOURS = 8
_LETTER, _LINE = 6.9, 17  # a label's size, in units of the drawing
Rows = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def atlas_html(index: BrowsedIndex, places: Vectors | None) -> str:
    """Draw the map of an index.

    Args:
        index: what is shown.
        places: where each passage lies, each coordinate from 0 to 1, shape (passages, 2);
            None where they are too many to be placed.
    """
    if places is None:
        return f'<p class="faint">{texts.MAP_TOO_LARGE}</p>'
    found = catalogue(index)
    rows = {passage.id: row for row, passage in enumerate(index.passages)}
    where = {name: _at(places, row) for name, row in rows.items()}
    dots = "".join(
        _dot(passage, topic, where[passage.id], rows[passage.id], number)
        for number, (_, topics) in enumerate(found.categories)
        for topic in topics
        for passage in (*topic.questions, *topic.figures)
    )
    dots = dots.replace('tabindex="-1"', 'tabindex="0"', 1)  # where the map is entered
    names = "".join(_labels(found.topics, where))
    return (
        f'<p class="faint" id="map-hint">{texts.MAP_LEAD}</p>{_legend(found)}'
        f'<div class="map" tabindex="-1"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="group" '
        f'aria-label="{texts.MAP_LABEL}" aria-describedby="map-hint">'
        f'<g class="dots">{dots}</g><g class="names" aria-hidden="true">{names}</g></svg></div>'
        f'<div id="map-detail" aria-live="polite"></div>'
    )


def _at(places: Vectors, row: int) -> tuple[float, float]:
    across, down = float(places[row][0]), float(places[row][1])
    return (
        _MARGIN + across * (_WIDTH - 2 * _MARGIN),
        _MARGIN + down * (_HEIGHT - 2 * _MARGIN),
    )


def _dot(
    passage: Passage, topic: TopicEntry, at: tuple[float, float], row: int, number: int
) -> str:
    x, y = at
    name = safe.attribute(f"{passage.heading} — {topic.name}")
    same = (
        f'class="dot k{number % _COLOURS}" data-p="{row}" data-tip="{name}" aria-label="{name}" '
        'role="button" tabindex="-1"'
    )
    if passage.kind is PassageKind.DATA:
        side = 2 * _DOT - 1.5
        return (
            f'<rect {same} x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" '
            f'width="{side:.1f}" height="{side:.1f}" rx="1.5"/>'
        )
    return f'<circle {same} cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}"/>'


def _labels(
    topics: Sequence[TopicEntry], where: Mapping[str, tuple[float, float]]
) -> Iterator[str]:
    """Name topics at their middles, those with most dots first, where there is room."""
    taken: list[_Box] = []
    for topic in sorted(topics, key=lambda one: -len(one.questions) - len(one.figures)):
        spots = [where[passage.id] for passage in (*topic.questions, *topic.figures)]
        if not spots:
            continue
        half = len(topic.name) * _LETTER / 2
        x = min(max(median(x for x, _ in spots), half + 4), _WIDTH - half - 4)
        y = max(median(y for _, y in spots) - 14, _LINE)
        box = _Box(x - half, y - _LINE, x + half, y + 3)
        if not any(box.meets(other) for other in taken):
            taken.append(box)
            yield f'<text x="{x:.0f}" y="{y:.0f}">{safe.text(topic.name)}</text>'


def _legend(found: Catalogue) -> str:
    keys = "".join(
        f'<button type="button" class="key k{number % _COLOURS}" data-key="k{number % _COLOURS}" '
        f'aria-pressed="false"><i></i>{safe.text(name or texts.UNSORTED)}</button>'
        for number, (name, _) in enumerate(found.categories)
    )
    kinds = (
        f'<span class="kind"><i class="round"></i>{texts.MAP_QUESTION}</span>'
        f'<span class="kind"><i class="square"></i>{texts.MAP_FIGURE}</span>'
    )
    return (
        f'<div class="legend" role="group" aria-label="{texts.MAP_LEGEND}">{keys}'
        f'<span class="kinds">{kinds}</span></div>'
    )
