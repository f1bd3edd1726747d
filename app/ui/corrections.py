"""Where the knowledge base departs from what it was compiled from, with the reasons."""

from __future__ import annotations

import re

from app.ui import safe, texts
from app.ui.catalogue import Catalogue
from index.errata import Erratum

__all__ = ["corrections_html"]

_PLACE = re.compile(r"([a-z_]+)(?:\[(\d+)\])?(?:\.([a-z_]+)(?:\[(\d+)\])?)?")


def corrections_html(found: Catalogue) -> str:
    """Every correction by topic."""
    topics = "".join(
        f'<details class="topic" data-topic="{safe.attribute(topic.slug)}"><summary>'
        f'<span class="name">{safe.text(topic.name)}</span>'
        f'<span class="holds">{len(topic.errata)}</span></summary>'
        f'<ol class="errata inside">{"".join(map(_erratum, topic.errata))}</ol></details>'
        for topic in found.topics
        if topic.errata
    )
    return f'<p class="faint">{texts.CORRECTIONS_LEAD}</p><section data-group>{topics}</section>'


def _erratum(erratum: Erratum) -> str:
    return (
        f'<li data-entry><p class="heading">{safe.text(place_in_words(erratum.place))}</p>'
        f'<p class="change"><del><span class="unseen">{texts.WAS}: </span>{safe.text(erratum.was)}'
        f'</del><ins><span class="unseen">{texts.NOW}: </span>{safe.text(erratum.now)}</ins></p>'
        f"<p>{safe.text(erratum.why)} "
        f'<span class="who">{safe.text(texts.sure(erratum.how_sure))}</span></p></li>'
    )


def place_in_words(place: str) -> str:
    """Say "Figure 1, value" for `data_points[0].value`; what has another form stays as it is."""
    read = _PLACE.fullmatch(place)
    if read is None or read[1] not in texts.PLACES:
        return place
    number = f" {int(read[2]) + 1}" if read[2] else ""
    part = f", {read[3].replace('_', ' ')}" if read[3] else ""
    return f"{texts.PLACES[read[1]]}{number}{part}"
