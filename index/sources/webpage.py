"""Reader of saved web pages: schema.org FAQPage, as JSON-LD or microdata, else their content."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from index.errors import KnowledgeBaseError
from index.mentions import label_year, source_id
from index.sources.bounded_files import Document, read_bytes
from index.sources.documents import document_topics
from index.sources.html import blocks_of, markup, parse_page, tree_of
from index.sources.problems import Problems, shown
from index.sources.slugs import slugify
from index.types import Faq, Place, Source, Topic

__all__ = ["page_text", "read_page"]

# Deeper nesting than this is no FAQ.
_DEEPEST = 40


def _objects(data: object) -> Iterator[dict[str, Any]]:
    """Every object in parsed JSON-LD, outer ones first; what is nested too deeply is left."""
    waiting: list[tuple[object, int]] = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            continue
        if isinstance(value, dict):
            yield value
            waiting += [(v, depth + 1) for v in reversed(value.values())]
        elif isinstance(value, list):
            waiting += [(v, depth + 1) for v in reversed(value)]


def _types(node: dict[str, Any]) -> set[str]:
    stated = node.get("@type", node.get("type", []))
    names = stated if isinstance(stated, list) else [stated]
    # Types come bare, as https://schema.org/FAQPage or as schema:FAQPage.
    return {re.split(r"[/:#]", name)[-1] for name in names if isinstance(name, str)}


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _plain(value: object) -> str:
    """Text without markup; schema.org allows HTML in an answer."""
    if isinstance(value, dict):
        value = value.get("@value")
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, str):
        return ""
    return "\n".join(block.text for block in blocks_of(markup(value)))


def _question(node: object, by_id: dict[str, dict[str, Any]]) -> tuple[str, str]:
    """A Question's text and its answer's, empty where missing."""

    def resolved(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {"text": value}
        name = value.get("@id")
        return by_id.get(name, value) if isinstance(name, str) and len(value) == 1 else value

    whole = resolved(node)
    answers = _listed(whole.get("acceptedAnswer")) or _listed(whole.get("suggestedAnswer"))
    answer = resolved(answers[0]) if answers else {}
    question = _plain(whole.get("name")) or _plain(whole.get("text"))
    return question, _plain(answer.get("text")) or _plain(answer.get("name"))


def _json_ld(tree: Any, place: str, problems: Problems) -> Iterator[object]:  # noqa: ANN401
    """The page's JSON-LD, script by script; one that is broken costs no other."""
    for script in tree.xpath("//script[@type='application/ld+json']/text()"):
        text = re.sub(r"^\s*(?://|/\*)?\s*(?:<!\[CDATA\[|<!--)\s*(?:\*/)?", "", str(script))
        text = re.sub(r"(?://|/\*)?\s*(?:\]\]>|-->)\s*(?:\*/)?\s*$", "", text)
        try:
            yield json.loads(re.sub(r",(\s*[}\]])", r"\1", text), strict=False)
        except (ValueError, RecursionError) as error:
            if "FAQPage" in text:
                problems.add(f"{place} JSON-LD", "JSON", str(error))


def _microdata(html: str) -> object:
    """The page's microdata, in the form of JSON-LD."""
    if "itemprop" not in html.lower():
        return []
    import extruct
    from lxml.etree import LxmlError  # type: ignore[import-untyped]

    try:
        return extruct.extract(html, syntaxes=["microdata"], uniform=True)
    except (LxmlError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        # extruct passes on whatever its parsers stumble over; the page's text is read anyway.
        return []


def _faqs(data: object, place: str, problems: Problems) -> list[Faq]:
    """The questions of a page's FAQPage; none where it has no such thing."""
    nodes = list(_objects(data))
    by_id = {n["@id"]: n for n in nodes if isinstance(n.get("@id"), str) and len(n) > 1}
    faqs: dict[str, Faq] = {}
    for page in (node for node in nodes if "FAQPage" in _types(node)):
        for i, node in enumerate(_items(page.get("mainEntity"))):
            question, answer = _question(node, by_id)
            if question and answer:
                # Pages often carry the same questions as JSON-LD and as microdata.
                faqs.setdefault(question, Faq(question, answer))
            else:
                problems.add(
                    f"{place} FAQPage.mainEntity[{i}]",
                    "a Question with a name and an acceptedAnswer with a text",
                    shown(node) if not question else f"no answer to {question[:60]!r}",
                )
    return list(faqs.values())


def _items(value: object) -> Iterator[object]:
    """What is listed, bare or in an ItemList of ListItems."""
    for one in _listed(value):
        if isinstance(one, dict) and "ItemList" in _types(one):
            yield from _listed(one.get("itemListElement"))
        elif isinstance(one, dict) and "ListItem" in _types(one):
            yield one.get("item")
        else:
            yield one


def read_page(path: Path, problems: Problems, document: Document) -> list[Topic]:
    """The topic that a saved page makes: its FAQPage's questions, else its content.

    Raises:
        KnowledgeBaseError: the file can't be read as a page.
    """
    html = page_text(path)
    tree = tree_of(html)
    data = [] if tree is None else [*_json_ld(tree, str(path), problems), _microdata(html)]
    faqs = _faqs(data, str(path), problems)
    parsed = parse_page(html)
    if not faqs:
        return document_topics(parsed, path, problems, document)
    title = parsed.title or path.stem
    url = document.about.url or parsed.url or document.url
    source = Source(
        source_id(title, set()), f"{title} (web page)", url, label_year(title),
    )  # fmt: skip
    return [
        Topic(
            slug=slugify(path.stem),
            title=title,
            sources=(source,),
            faqs=tuple(
                replace(f, sources=(source.id,), place=Place(document.path, (f.question,)))
                for f in faqs
            ),
        )
    ]


def page_text(path: Path) -> str:
    """A saved page's text, by the encoding that it declares.

    Raises:
        KnowledgeBaseError: the file can't be read, or is no page.
    """
    from w3lib.encoding import html_to_unicode

    raw = read_bytes(path)
    if b"\0" in raw or not raw.strip():
        raise KnowledgeBaseError(
            f"{path}: expected a web page, found {'NUL bytes' if raw.strip() else 'an empty file'}"
        )
    return str(html_to_unicode(None, raw)[1])
