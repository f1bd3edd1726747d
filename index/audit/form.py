"""What is wrong with the form of a record, whatever it says."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from index.audit.figures import stems
from index.audit.findings import Finding, Kind, Severity
from index.audit.numbers import NUMBER
from index.audit.topic_texts import texts
from index.types import DataPoint, KnowledgeBase, Topic

__all__ = ["form"]

_RANGE = re.compile(
    r"(?<![\w.,–/-])(?P<a>\d+(?:,\d{3})*(?:\.\d+)?)(?P<sa>[KMBT%]?)\s?[–‑]\s?"
    r"(?P<b>\d+(?:,\d{3})*(?:\.\d+)?)(?P<sb>[KMBT%]?)(?![\w–/])"
)
_SCALE = {"": 1.0, "%": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_BARE = re.compile(r"[~≈<>≤≥+±−-]*\s*\d[\d,]*(?:\.\d+)?\+?\s*")


def _unit_words(text: str) -> list[str]:
    return [
        re.sub(r"(?<=\w{3})s$", "", word)
        for word in re.findall(r"%|×|[^\W\d_]+", text.lower().replace("percent ", "% "))
    ]


def _doubled(point: DataPoint, place: str) -> Iterator[Finding]:
    """The unit already stands behind a number of the value."""
    unit = _unit_words(f"{point.unit} ")
    if not unit or not re.search(r"\d", point.value):
        return
    for number in NUMBER.finditer(point.value):
        behind = re.match(r"\s?%|\s?×|\s+[^\W\d_]+", point.value[number.end() :])
        following = _unit_words(behind.group()) if behind else []
        # A multiplication sign between two numbers is no unit.
        if (
            behind
            and following == ["×"]
            and re.match(r"\s*[\d|]", point.value[number.end() + behind.end() :])
        ):
            continue
        if following and following[0] == unit[0]:
            yield Finding(
                Kind.FORM_DOUBLED_UNIT,
                Severity.WARNING,
                place,
                f"“{point.value}” with the unit “{point.unit}” says the unit twice",
                "value and unit are shown one after the other",
            )
            return


def _missing(point: DataPoint, place: str) -> Iterator[Finding]:
    """A bare whole number; a fraction is often a ratio, and right without a unit."""
    if not point.unit and _BARE.fullmatch(point.value) and "." not in point.value:
        yield Finding(
            Kind.FORM_MISSING_UNIT,
            Severity.NOTE,
            place,
            f"“{point.label}” is {point.value}, of no unit",
            "a whole number usually counts something",
        )


def _empty(topic: Topic) -> Iterator[Finding]:
    fields = {
        "description": topic.description,
        "snippet": topic.snippet,
        "category": topic.category,
    }
    for name, text in fields.items():
        if not text:
            severity = Severity.NOTE if name == "category" else Severity.WARNING
            yield Finding(
                Kind.FORM_EMPTY,
                severity,
                f"{topic.slug}/{name}",
                f"the {name} is empty",
                "readers of a topic expect one",
            )
    lists = {"sources": topic.sources, "faqs": topic.faqs}
    for name, items in lists.items():
        if not items:
            yield Finding(
                Kind.FORM_EMPTY,
                Severity.WARNING,
                f"{topic.slug}/{name}",
                f"the topic has no {name}",
                "nothing can be cited" if name == "sources" else "nothing is asked",
            )
    for i, source in enumerate(topic.sources):
        if not source.url:
            yield Finding(
                Kind.FORM_EMPTY,
                Severity.NOTE,
                f"{topic.slug}/sources/{i}.url",
                f"“{source.label}” has no address",
                "nobody can follow the citation",
            )


def _normal(question: str) -> str:
    return " ".join(re.findall(r"\w+", question.lower()))


def _duplicates(base: KnowledgeBase) -> Iterator[Finding]:
    asked: dict[str, list[tuple[str, str]]] = defaultdict(list)
    questions: list[tuple[str, str, frozenset[str]]] = []
    for topic in base.topics:
        for i, faq in enumerate(topic.faqs):
            passage = f"{topic.slug}/faq/{i}"
            asked[_normal(faq.question)].append((f"{passage}.question", passage))
            questions.append((passage, faq.question, stems(faq.question)))
            for j, phrasing in enumerate(faq.also_asked):
                asked[_normal(phrasing)].append((f"{passage}.also_asked/{j}", passage))
        for i, point in enumerate(topic.data_points):
            for j, phrasing in enumerate(point.also_asked):
                passage = f"{topic.slug}/data/{i}"
                asked[_normal(phrasing)].append((f"{passage}.also_asked/{j}", passage))
        for i, one in enumerate(topic.practice):
            for j, phrasing in enumerate(one.also_asked):
                passage = f"{topic.slug}/practice/{i}"
                asked[_normal(phrasing)].append((f"{passage}.also_asked/{j}", passage))
    for wording, places in asked.items():
        if len(places) > 1:
            across = len({passage for _, passage in places}) > 1
            yield Finding(
                Kind.FORM_DUPLICATE,
                Severity.WARNING,
                places[-1][0],
                f"“{wording}” stands also at {places[0][0]}",
                "one question has two answers" if across else "it is listed twice",
            )
    yield from _near(questions)


def _near(questions: list[tuple[str, str, frozenset[str]]]) -> Iterator[Finding]:
    for i, (place, question, words) in enumerate(questions):
        for other_place, other, other_words in questions[:i]:
            shared, union = len(words & other_words), len(words | other_words)
            if shared < 3 or shared < 0.6 * union or _normal(question) == _normal(other):
                continue
            same_topic = place.split("/")[0] == other_place.split("/")[0]
            near = shared >= 0.8 * union
            yield Finding(
                Kind.FORM_DUPLICATE,
                Severity.WARNING if near and same_topic else Severity.NOTE,
                f"{place}.question",
                f"“{question}” is nearly {other_place}: “{other}”",
                f"{shared} of {union} content words are the same",
            )


def _ranges(base: KnowledgeBase) -> Iterator[Finding]:
    for text in texts(base):
        for match in _RANGE.finditer(text.text):
            a, b = (float(match[g].replace(",", "")) for g in ("a", "b"))
            shared = match["sa"] or match["sb"]
            low, high = a * _SCALE[shared], b * _SCALE[match["sb"] or shared]
            # "1998–99" shortens a year, and pages and versions are no quantities.
            year = 1000 <= a <= 2999 and "." not in match["a"] and not shared and b < 100
            if low > high and a > b and not year:
                yield Finding(
                    Kind.FORM_RANGE,
                    Severity.WARNING,
                    text.place,
                    f"the range {match.group()} runs backwards",
                    "its first figure is the larger one",
                )


def form(base: KnowledgeBase) -> Iterator[Finding]:
    """Units, empty fields, repeated questions and ranges."""
    for topic in base.topics:
        for i, point in enumerate(topic.data_points):
            place = f"{topic.slug}/data/{i}.value"
            yield from _doubled(point, place)
            yield from _missing(point, place)
        yield from _empty(topic)
    yield from _duplicates(base)
    yield from _ranges(base)
