"""Papers that are named but not listed, listed but not named, or described in two ways."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from index.audit.findings import Finding, Kind, Severity
from index.audit.topic_texts import texts, topic_texts
from index.mentions import Mention, label_surnames, label_year, matching, mentions, surnames
from index.types import Caveat, DataPoint, Faq, KnowledgeBase, Practice, Source, Topic

__all__ = ["references"]

_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(?P<year>\d\d)(?P<month>0[1-9]|1[0-2])\.\d{4,5}", re.I)
_LINK = re.compile(r"\[[^\]\n]*\]\((?P<to>[^()\s]+)\)")


def _named_in_label(mention: Mention, source: Source) -> bool:
    """Whether the mention's year stands anywhere in the label: "(2022) … ICLR 2023"."""
    return mention.year is None or str(mention.year) in source.label or mention.year == source.year


def _as_written(text: str, mention: Mention) -> str:
    # "However, Wei et al." is about Wei: a list of names has no "et al." before its last.
    if re.search(r"\bet\s+al", text):
        text = text[text.rindex(mention.names[-1]) :]
    return text.strip(" ,")


def _unsourced(topic: Topic, base: KnowledgeBase) -> Iterator[Finding]:
    elsewhere = [(t.slug, s) for t in base.topics if t is not topic for s in t.sources]
    reported: set[tuple[str, int | None]] = set()
    for text in topic_texts(topic):
        for mention in mentions(text.text):
            if not mention.sure or (mention.names[-1], mention.year) in reported:
                continue
            listed = matching(mention, topic.sources)
            named = _as_written(text.text[mention.start : mention.end], mention)
            if any(_named_in_label(mention, source) for source in listed):
                continue
            reported.add((mention.names[-1], mention.year))
            if listed:
                years = sorted({str(s.year or label_year(s.label)) for s in listed})
                yield Finding(
                    Kind.CONFLICT_PAPER,
                    Severity.WARNING,
                    text.place,
                    f"“{named}” is listed with the year {' or '.join(years)}",
                    f"the only sources of this author are: {'; '.join(s.label for s in listed)}",
                )
                continue
            others = sorted({slug for slug, s in elsewhere if matching(mention, [s])})
            known = f"; {', '.join(others[:3])} lists such a paper" if others else ""
            yield Finding(
                Kind.REFERENCE_UNSOURCED,
                Severity.WARNING,
                text.place,
                f"“{named}” is none of the topic's sources{known}",
                "a work named by author can only be cited if it is in the list",
            )


def _unused(topic: Topic) -> Iterator[Finding]:
    # An item that cites every source there is says nothing about any of them: that is what the
    # tower reader makes of one that names no author.
    everything = len(topic.sources) if len(topic.sources) > 1 else 0
    items: tuple[DataPoint | Faq | Practice | Caveat, ...] = (
        *topic.data_points,
        *topic.faqs,
        *topic.practice,
        *topic.caveats,
    )
    cited = {name for item in items if len(item.sources) != everything for name in item.sources}
    said = {name for text in topic_texts(topic) for name in surnames(text.text)}
    for i, source in enumerate(topic.sources):
        # By name alone, wherever it stands: "(Cybenko 1989, Hornik 1991)" names both.
        if source.id not in cited and not label_surnames(source.label) & said:
            yield Finding(
                Kind.REFERENCE_UNUSED,
                Severity.NOTE,
                f"{topic.slug}/sources/{i}",
                f"“{source.label}” is never cited",
                "no item cites it in particular, and no text names its authors",
            )


def _title(label: str) -> str:
    """The title in a label: what follows the year and the dash, up to the venue."""
    after = re.split(r"\)\s*[—–:.-]\s*|\s[—–]\s", label, maxsplit=1)[-1]
    # The venue is the last part that a full stop sets off.
    return re.sub(r"\.\s+[^.]{2,60}$", "", after).strip(" .")


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def _same_title(a: str, b: str) -> bool:
    """Whether one title is the other, shortened."""
    x, y = sorted((_key(a), _key(b)), key=len)
    return y.startswith(x) or set(x.split()) <= set(y.split())


def _address(url: str) -> str:
    return re.sub(r"v\d+$", "", re.sub(r"^https?://(?:www\.)?", "", url).rstrip("/")).replace(
        "arxiv.org/pdf/", "arxiv.org/abs/"
    )


def _labels(base: KnowledgeBase) -> Iterator[Finding]:
    by_url: dict[str, list[tuple[str, Source]]] = defaultdict(list)
    for topic in base.topics:
        for i, source in enumerate(topic.sources):
            if source.url:
                by_url[_address(source.url)].append((f"{topic.slug}/sources/{i}", source))
    for listed in by_url.values():
        first_place, first = listed[0]
        reported: set[str] = {_key(first.label)}
        for place, source in listed[1:]:
            if _key(source.label) in reported:
                continue
            reported.add(_key(source.label))
            same = _same_title(_title(first.label), _title(source.label))
            years = {s.year or label_year(s.label) for s in (first, source)} - {None}
            authors = label_surnames(first.label) & label_surnames(source.label)
            differ = "titles" if not same else "years" if len(years) > 1 else "authors"
            alike = same and len(years) <= 1 and bool(authors)
            yield Finding(
                Kind.REFERENCE_LABELS if alike else Kind.CONFLICT_PAPER,
                Severity.NOTE if alike else Severity.WARNING,
                place,
                f"“{source.label}” and {first_place} “{first.label}” are one address",
                f"both are {source.url}, but "
                + ("the labels differ in wording" if alike else f"the {differ} differ"),
            )


def _same_paper(base: KnowledgeBase) -> Iterator[Finding]:
    """One title under several years, where the addresses differ."""
    by_title: dict[str, list[tuple[str, Source]]] = defaultdict(list)
    for topic in base.topics:
        for i, source in enumerate(topic.sources):
            title = _key(_title(source.label))
            if len(title.split()) >= 4:
                by_title[title].append((f"{topic.slug}/sources/{i}", source))
    for listed in by_title.values():
        place, first = listed[0]
        for other_place, source in listed[1:]:
            years = (first.year or label_year(first.label), source.year or label_year(source.label))
            if None in years or years[0] == years[1] or _address(first.url) == _address(source.url):
                continue
            if not label_surnames(first.label) & label_surnames(source.label):
                continue  # an article about the paper bears its title too
            yield Finding(
                Kind.CONFLICT_PAPER,
                Severity.WARNING,
                other_place,
                f"“{source.label}” has the year {years[1]}, in {place} {years[0]}",
                "both have the same title",
            )


def _years(topic: Topic) -> Iterator[Finding]:
    for i, source in enumerate(topic.sources):
        posted = _ARXIV.search(source.url)
        stated = source.year if source.year is not None else label_year(source.label)
        if posted is None or stated is None:
            continue
        year, place = 2000 + int(posted["year"]), f"{topic.slug}/sources/{i}"
        # A preprint comes out in a venue up to a few years later, never earlier. One that names
        # no venue but arXiv has the year of its posting; January's may be counted either way.
        no_venue = re.search(r"\barxiv\s*(?:preprint)?\s*(?:\d{4})?\W*$", source.label, re.I)
        turn = 1 if posted["month"] == "12" else 0
        if stated == year - 1 and posted["month"] == "01":
            continue  # posted in the last days of December, numbered in January
        if stated < year:
            reason = "a paper is not published before it is posted"
        elif no_venue and stated > year + turn:
            reason = "its label names no venue but arXiv, where it was posted in another year"
        else:
            continue
        yield Finding(
            Kind.REFERENCE_YEAR,
            Severity.WARNING,
            place,
            f"“{source.label}” is dated {stated}, its arXiv id {year}-{posted['month']}",
            reason,
        )


def _links(base: KnowledgeBase) -> Iterator[Finding]:
    slugs = {topic.slug for topic in base.topics}
    for text in texts(base):
        for match in _LINK.finditer(text.text):
            to = match["to"]
            if re.match(r"[a-z][a-z0-9+.-]*:|//|#", to, re.I):
                continue
            slug = re.sub(r"[?#].*$", "", to).rstrip("/").rsplit("/", 1)[-1]
            slug = re.sub(r"\.(?:ya?ml|html?|md)$", "", slug)
            if slug not in slugs:
                yield Finding(
                    Kind.REFERENCE_LINK,
                    Severity.ERROR,
                    text.place,
                    f"{match.group()} leads to no topic",
                    f"the knowledge base has no topic {slug!r}",
                )


def references(base: KnowledgeBase) -> Iterator[Finding]:
    """What is wrong with the sources of a knowledge base and with the mentions of them."""
    for topic in base.topics:
        yield from _unsourced(topic, base)
        yield from _unused(topic)
        yield from _years(topic)
    yield from _labels(base)
    yield from _same_paper(base)
    yield from _links(base)
