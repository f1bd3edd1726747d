"""The records of the two published formats, as pydantic models.

These models are the edge: the readers validate with them, and the JSON Schemas in
`index/schemas` are generated from them. Rules that span records (a source id must be one of
its topic's, slugs are distinct) can't be written in JSON Schema and are checked by the readers.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

__all__ = [
    "SLUG",
    "CaveatRecord",
    "DataPointRecord",
    "FaqRecord",
    "LinkRecord",
    "PlaceRecord",
    "PracticeRecord",
    "SectionRecord",
    "SourceRecord",
    "TopicRecord",
    "TowerDataPoint",
    "TowerDocument",
    "TowerFaq",
    "TowerSource",
    "TowerTopic",
    "is_slug",
    "is_url",
]

# At least one character that is neither white space nor a control character. Patterns are
# checked here with `re` rather than by pydantic, whose regex engine has another idea of \s:
# a JSON Schema validator and the reader must agree.
_FILLED = r"[^\s\x00-\x1f\x7f-\x9f]"
SLUG = r"^[a-z0-9]+(?:[-_.]+[a-z0-9]+)*$"
# A source's address is shown as a link, so nothing but the web may stand there.
_URL = r"^\s*(?:https?://[^\s\x00-\x1f\x7f-\x9f]+)?\s*$"


def _stripped(text: str) -> str:
    return text.strip()


def _filled(text: str) -> str:
    if not re.search(_FILLED, text):
        raise ValueError("a string that is not empty")
    return text.strip()


def is_slug(text: str) -> bool:
    """Whether a text may be a slug: it also becomes a file's name and part of passage ids."""
    return len(text) <= 200 and re.search(SLUG, text) is not None and not text.endswith("\n")


def _slug(text: str) -> str:
    if not is_slug(text):
        raise ValueError("a slug: lower-case letters, digits and single separators, at most 200")
    return text


def is_url(text: str) -> bool:
    """Whether a text may be a source's address: one of the web, or empty."""
    return re.search(_URL, text) is not None


def _url(text: str) -> str:
    if not is_url(text):
        raise ValueError("an http(s) address or an empty string")
    return text.strip()


def _whole(value: Any) -> Any:  # noqa: ANN401 - a validator sees whatever was written
    # JSON Schema counts 2017.0 as an integer.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Text = Annotated[str, AfterValidator(_stripped)]
Filled = Annotated[
    str, AfterValidator(_filled), WithJsonSchema({"type": "string", "pattern": _FILLED})
]
Slug = Annotated[
    str,
    AfterValidator(_slug),
    # The look-ahead keeps a trailing line break out in engines whose `$` allows one.
    WithJsonSchema({"type": "string", "pattern": r"^(?!.*\n)" + SLUG[1:], "maxLength": 200}),
]
Url = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": _URL})]
Year = Annotated[int, Field(ge=1000, le=2999), BeforeValidator(_whole)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


Checked = Literal["", "abstract", "paper", "docs", "code", "arithmetic", "memory"]
_CHECKED = "How its figures were checked; empty where nobody said."


class SourceRecord(_Strict):
    """A paper, book or page that bears a claim."""

    id: Filled = Field(description="Name of the source inside its topic, such as vaswani-2017.")
    label: Filled = Field(description="Authors (year) — title. Venue")
    url: Url = Field(description="Where it can be read; empty when it is nowhere on the web.")
    year: Year | None = Field(default=None, description="Year of publication.")


class PlaceRecord(_Strict):
    """Where in a document a text stands, word for word."""

    path: Filled = Field(description="The document's file, from the folder that was read.")
    section: list[Filled] = Field(default=[], description="Headings above it, outermost first.")
    anchor: Text = Field(default="", description="What follows # in its address.")
    page: int | None = Field(default=None, ge=1, description="Its page.")


class LinkRecord(_Strict):
    """A page that a document points to."""

    label: Filled
    url: Url


_PLACE = "Where it stands in a document whose own words it is; null where it is none's."
_SEE_ALSO = "What that document links to there; these pages bear nothing of it."


class SectionRecord(_Strict):
    """A part of a document, as it stands there."""

    id: Filled = Field(description="Its passage's id, distinct among all.")
    heading: Text = Field(default="", description="What it is about: the headings above it.")
    text: Filled = Field(description="The document's own words, as Markdown.")
    place: PlaceRecord = Field(description="Where in the document it stands.")
    see_also: list[LinkRecord] = Field(default=[], description=_SEE_ALSO)


class DataPointRecord(_Strict):
    """One figure of a topic."""

    label: Filled = Field(description="What is measured.")
    value: Filled = Field(description="The figure as printed; always a string.")
    unit: Text = Field(default="", description="Unit of the value.")
    note: Text = Field(default="", description="What a reader must know to use the figure.")
    sources: list[Filled] = Field(default=[], description="Ids of the sources that bear it.")
    also_asked: list[Filled] = Field(default=[], description="Questions that it answers.")
    checked: Checked = Field(default="", description=_CHECKED)


class FaqRecord(_Strict):
    """A question with its answer."""

    question: Filled = Field(description="The question.")
    answer: Filled = Field(description="The answer, understandable on its own.")
    sources: list[Filled] = Field(default=[], description="Ids of the sources that bear it.")
    also_asked: list[Filled] = Field(default=[], description="Other ways of asking it.")
    checked: Checked = Field(default="", description=_CHECKED)
    place: PlaceRecord | None = Field(default=None, description=_PLACE)
    see_also: list[LinkRecord] = Field(default=[], description=_SEE_ALSO)


class PracticeRecord(_Strict):
    """A statement of practice: what to do."""

    text: Filled = Field(description="What to do, understandable on its own.")
    why: Text = Field(default="", description="Why, in one sentence.")
    sign: Text = Field(default="", description="How one sees that it worked or went wrong.")
    sources: list[Filled] = Field(default=[], description="Ids of the sources that bear it.")
    also_asked: list[Filled] = Field(default=[], description="Questions that it answers.")
    checked: Checked = Field(default="", description=_CHECKED)


class CaveatRecord(_Strict):
    """What is disputed, or where something stops holding."""

    text: Filled = Field(description="The caveat, understandable on its own.")
    sources: list[Filled] = Field(default=[], description="Ids of the sources that bear it.")


class TopicRecord(_Strict):
    """One topic of a Citewise knowledge base: one YAML file."""

    slug: Slug = Field(description="Identifier, distinct within a knowledge base.")
    title: Filled = Field(description="Title for people.")
    category: Text = Field(default="", description="Group that the topic belongs to.")
    description: Text = Field(default="", description="What the topic is about.")
    snippet: Text = Field(default="", description="The one paragraph most worth quoting.")
    date_modified: Text = Field(default="", description="Date of the last change, YYYY-MM-DD.")
    sources: list[SourceRecord] = Field(default=[], description="Sources that items name by id.")
    data_points: list[DataPointRecord] = Field(default=[], description="Figures.")
    faqs: list[FaqRecord] = Field(default=[], description="Questions and answers.")
    definition: Text = Field(default="", description="What opens an answer to “What is it?”.")
    terms: list[Filled] = Field(
        default=[], description="Names, abbreviations and identifiers that people use for it."
    )
    practice: list[PracticeRecord] = Field(default=[], description="What to do.")
    caveats: list[CaveatRecord] = Field(default=[], description="What is unsettled.")
    place: PlaceRecord | None = Field(default=None, description=f"The description's. {_PLACE}")
    see_also: list[LinkRecord] = Field(default=[], description=_SEE_ALSO)
    sections: list[SectionRecord] = Field(default=[], description="A document's parts.")


class TowerSource(_Open):
    """A source of a tower topic; `id` and `year` are Citewise's additions."""

    url: Url
    label: Filled
    id: Filled | None = Field(default=None, description="Derived from the label where absent.")
    year: Year | None = Field(default=None, description="Read from the label where absent.")


class TowerDataPoint(_Open):
    """A figure of a tower topic; `sources` and `also_asked` are Citewise's additions."""

    label: Filled
    value: Filled
    unit: Text | None = None
    note: Text = ""
    sources: list[Filled] | None = Field(
        default=None, description="Source ids; resolved from author-year mentions where absent."
    )
    also_asked: list[Filled] = []
    checked: Checked = ""


class TowerFaq(_Open):
    """A question of a tower topic; `sources` and `also_asked` are Citewise's additions."""

    question: Filled
    answer: Filled
    sources: list[Filled] | None = Field(
        default=None, description="Source ids; resolved from author-year mentions where absent."
    )
    also_asked: list[Filled] = []
    checked: Checked = ""
    place: PlaceRecord | None = None
    see_also: list[LinkRecord] = []


class TowerTopic(_Open):
    """One topic of a tower document."""

    slug: Slug
    title: Filled
    description: Text = ""
    category: Text = ""
    citation_snippet: Text = ""
    sources: list[TowerSource] = []
    data_points: list[TowerDataPoint] = []
    faq_items: list[TowerFaq] = []
    date_modified: Text = ""
    definition: Text = Field(default="", description="Citewise's addition, as in topic files.")
    terms: list[Filled] = Field(default=[], description="Citewise's addition.")
    practice: list[PracticeRecord] = Field(default=[], description="Citewise's addition.")
    caveats: list[CaveatRecord] = Field(default=[], description="Citewise's addition.")
    place: PlaceRecord | None = Field(default=None, description="Citewise's addition.")
    see_also: list[LinkRecord] = Field(default=[], description="Citewise's addition.")
    sections: list[SectionRecord] = Field(default=[], description="Citewise's addition.")


class TowerDocument(_Open):
    """A whole knowledge base in one JSON object."""

    tower: Text | None = Field(default=None, description="Name of the knowledge base.")
    topics: list[TowerTopic] = Field(description="The topics.")
