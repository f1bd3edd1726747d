"""A checked text as HTML: its sentences, their verdicts, the passages, and what differs, marked."""

from __future__ import annotations

from collections.abc import Iterable

from app.record.checked import Bearing, Checked, CheckedSentence, Difference
from app.record.sanitize import one_line, web_address
from app.ui import safe, texts
from app.ui import texts_checking as words
from app.ui.cards import words_html
from app.ui.links import short_label

__all__ = ["checked_html", "copy_html"]

_AROUND = 240  # characters of a passage shown on either side of its span
_MOST_SOURCES = 4
Marked = tuple[int, int, str]


def checked_html(checked: Checked) -> str:
    """Show what came of checking a text."""
    counts = " · ".join(
        f'<span class="verdict {verdict}">{count} {texts.inside(words.VERDICTS[verdict])}</span>'
        for verdict, count in checked.counts.items()
        if count
    )
    shown = "".join(_sentence(one) for one in checked.sentences)
    moment = checked.created.strftime("%Y-%m-%d %H:%M UTC")
    return (
        f'<p class="check-counts" role="status">{counts}</p><ol class="checked">{shown}</ol>'
        f'<p class="who">{words.CHECKED_ON} <time>{moment}</time> {words.BY_INDEX} '
        f"<code>{safe.text(checked.index_fingerprint)}</code></p>"
    )


def copy_html(checked: Checked) -> str:
    """A button that copies the result, and the result as plain text."""
    return (
        f'<p class="copying"><button type="button" class="quiet" data-copy>{words.COPY}</button>'
        f'<span class="plain" hidden>{safe.text(_plain(checked))}</span></p>'
    )


def _plain(checked: Checked) -> str:
    lines = []
    for one in checked.sentences:
        lines.append(f"{words.MARKS[one.verdict]} {words.VERDICTS[one.verdict]}: {one.text}")
        for passage in one.passages if one.verdict != "not_in_sources" else ():
            lines += [f"    {departure}" for departure in map(_departure, passage.differences)]
            lines += [
                " ".join(filter(None, (f"    {one_line(source.label)}", web_address(source.url))))
                for source in passage.sources[:_MOST_SOURCES]
            ]
    moment = checked.created.strftime("%Y-%m-%d %H:%M UTC")
    print_ = one_line(checked.index_fingerprint)
    return "\n".join([*lines, "", f"{words.CHECKED_ON} {moment} {words.BY_INDEX} {print_}"])


def _departure(one: Difference) -> str:
    there = f"{words.THERE} {one.source}" if one.source else words.NOWHERE
    return f"{words.KINDS[one.kind]}: {words.SAID} {one.said}, {there}"


def _sentence(one: CheckedSentence) -> str:
    verdict = one.verdict
    differing = [
        (difference.start - one.start, difference.end - one.start, "b")
        for passage in one.passages[:1]
        for difference in passage.differences
    ]
    read_as = f'<p class="who">{words.READ_AS}: {safe.text(one.read_as)}</p>' if one.read_as else ""
    return (
        f'<li class="{verdict}"><p class="said" dir="auto">'
        f'<span class="verdict {verdict}"><span aria-hidden="true">{words.MARKS[verdict]}</span> '
        f"{words.VERDICTS[verdict]}</span> {_marked(one.text, differing)}</p>{read_as}"
        f"{_behind(one)}</li>"
    )


def _behind(one: CheckedSentence) -> str:
    """The passage that decides, and folded below it the others; what is merely near is folded."""
    nearest = one.verdict == "not_in_sources"
    shown = [_passage(passage, nearest=nearest) for passage in one.passages]
    first, folded = ("", shown) if nearest else ("".join(shown[:1]), shown[1:])
    if not folded:
        return first
    name = words.NEAREST if nearest else words.others(len(folded))
    return f"{first}<details><summary>{name}</summary>{''.join(folded)}</details>"


def _passage(passage: Bearing, *, nearest: bool) -> str:
    left, right = max(0, passage.start - _AROUND), min(len(passage.text), passage.end + _AROUND)
    span = [] if nearest else [(passage.start - left, passage.end - left, "mark")]
    inner = [
        (one.source_start - left, one.source_end - left, "b")
        for one in passage.differences
        if one.source
    ]
    body = _marked(passage.text[left:right], [*_around(span, inner), *inner])
    cut = ("…" if left else "", "…" if right < len(passage.text) else "")
    quoted = words_html(f"{cut[0]}{body}{cut[1]}", quoted=passage.place is not None)
    return (
        f'<div class="behind"><p class="heading" dir="auto">{safe.text(passage.heading)}</p>'
        f'{quoted}{_departures(passage.differences)}<p class="who">{_from(passage)}</p></div>'
    )


def _around(spans: Iterable[Marked], inner: Iterable[Marked]) -> list[Marked]:
    """What is left of the spans beside what is marked within them."""
    left = list(spans)
    for start, end, _ in inner:
        left = [
            piece
            for a, b, tag in left
            for piece in ((a, min(b, start), tag), (max(a, end), b, tag))
            if piece[0] < piece[1]
        ]
    return left


def _marked(text: str, marks: Iterable[Marked]) -> str:
    """Escape a text and put elements around some of its places, which must not overlap."""
    made, at = [], 0
    for start, end, tag in sorted(marks):
        if at <= start < end <= len(text):
            kind = ' class="differs"' if tag == "b" else ""
            made.append(f"{safe.text(text[at:start])}<{tag}{kind}>{safe.text(text[start:end])}")
            made.append(f"</{tag}>")
            at = end
    return "".join([*made, safe.text(text[at:])])


def _departures(differences: Iterable[Difference]) -> str:
    rows = "".join(
        f"<li>{words.KINDS[one.kind]}: {words.SAID} <b>{safe.text(one.said)}</b>, "
        + (f"{words.THERE} <b>{safe.text(one.source)}</b>" if one.source else words.NOWHERE)
        + "</li>"
        for one in differences
    )
    return f'<ul class="departures">{rows}</ul>' if rows else ""


def _from(passage: Bearing) -> str:
    place = f"{safe.text(passage.where)} · " if passage.place else ""
    listed = " · ".join(
        safe.web_link(source.url, safe.text(short_label(source.label, source.year)))
        for source in passage.sources[:_MOST_SOURCES]
    )
    return f"{place}{listed or safe.text(passage.title) or texts.NO_LINK}"
