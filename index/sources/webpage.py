"""Reader of saved web pages that carry schema.org FAQPage, as JSON-LD or as microdata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from index.errors import KnowledgeBaseError
from index.mentions import label_year, source_id
from index.sources.files import Document, read_bytes
from index.sources.problems import Problems, shown
from index.sources.slugs import slugify
from index.types import Faq, Place, Source, Topic

__all__ = ["read_page"]

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
    from w3lib.html import remove_tags_with_content, replace_entities, replace_tags

    if isinstance(value, dict):
        value = value.get("@value")
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, str):
        return ""
    text = remove_tags_with_content(value, which_ones=("script", "style"))
    # A tag inside a word ("H<sub>2</sub>O") leaves no gap; one between blocks does.
    text = re.sub(r"</?(?:b|i|u|em|strong|code|sub|sup|span|a|mark)\b[^<>]*>", "", text)
    return " ".join(str(replace_entities(replace_tags(text, " "))).split())


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


def _extracted(html: str, path: Path) -> tuple[object, Any]:
    """The page's structured data and its element tree."""
    # lxml and the RDF parsers behind extruct take most of a second to import.
    import extruct
    from extruct.utils import parse_html
    from lxml.etree import LxmlError  # type: ignore[import-untyped]

    try:
        data = extruct.extract(html, syntaxes=["json-ld", "microdata"], uniform=True)
        return data, parse_html(html, encoding="UTF-8")
    except (LxmlError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        # extruct passes on whatever its parsers stumble over in a broken page.
        raise KnowledgeBaseError(
            f"{path}: not readable as a web page with structured data: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        ) from error


def _address(tree: Any, html: str) -> str:  # noqa: ANN401 - lxml has no types
    """Where the page was saved from: its canonical link, or the browser's own comment."""
    for query in (
        "//link[@rel='canonical']/@href",
        "//meta[@property='og:url']/@content",
        "//base/@href",
    ):
        for found in tree.xpath(query):
            if re.fullmatch(r"https?://\S+", str(found).strip()):
                return str(found).strip()
    saved = re.search(r"<!--\s*saved from url=\(\d+\)(https?://[^\s<>]+)", html[:5000])
    return saved.group(1) if saved else ""


def _faqs(data: object, place: str, problems: Problems) -> list[Faq]:
    nodes = list(_objects(data))
    by_id = {n["@id"]: n for n in nodes if isinstance(n.get("@id"), str) and len(n) > 1}
    pages = [node for node in nodes if "FAQPage" in _types(node)]
    if not pages:
        raise KnowledgeBaseError(
            f"{place}: expected schema.org FAQPage as JSON-LD or microdata, found none"
        )
    faqs: dict[str, Faq] = {}
    for page in pages:
        for i, node in enumerate(_listed(page.get("mainEntity"))):
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


def read_page(path: Path, problems: Problems, document: Document) -> list[Topic]:
    """The topic that a saved page makes: its questions, with the page itself as their source.

    Raises:
        KnowledgeBaseError: the file can't be read, or has no FAQPage.
    """
    from w3lib.encoding import html_to_unicode

    raw = read_bytes(path)
    if b"\0" in raw or not raw.strip():
        raise KnowledgeBaseError(
            f"{path}: expected a web page, found {'NUL bytes' if raw.strip() else 'an empty file'}"
        )
    _, html = html_to_unicode(None, raw)
    data, tree = _extracted(html, path)
    faqs = _faqs(data, str(path), problems)
    if not faqs:
        return []
    titles = [" ".join(str(text).split()) for text in tree.xpath("//title/text()")]
    title = next((text for text in titles if text), path.stem)
    label = f"{title} (web page)"
    address = _address(tree, html) or document.url
    source = Source(source_id(title, set()), label, address, label_year(title))
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
