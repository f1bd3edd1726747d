"""What the page's own script tells the server, and how it is checked."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import gradio as gr
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.record.errors import RequestError
from app.store import Rating, Reason
from app.ui.choices import Choices
from index.errors import wrong_fields

__all__ = [
    "Ask",
    "AskAgain",
    "Delete",
    "GivenJudgement",
    "More",
    "Offer",
    "Open",
    "Planned",
    "Rename",
    "Revoke",
    "Save",
    "Share",
    "read",
    "signal",
]

Identity = Annotated[str, Field(max_length=80)]
Kind = Literal["markdown", "html", "json", "bibtex"]
Position = Annotated[int, Field(ge=0, le=100_000)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ask(_Told):
    """Ask a question."""

    text: str
    chosen: Choices


class AskAgain(_Told):
    """Ask something again.

    The last question as it was, alone, without what was read with it, or beside it under another
    persona; or an earlier one, edited. `turn` is the number of the turn that held the question.
    """

    chosen: Choices
    kind: Literal["again", "alone", "beside", "edited"]
    turn: Position
    persona: Annotated[str, Field(max_length=200)] = ""
    text: str = ""


class GivenJudgement(_Told):
    """A judgement of a turn's answer, or of one of its claims."""

    turn: Position
    rating: Rating
    reasons: tuple[Reason, ...] = ()
    comment: Annotated[str, Field(max_length=4000)] = ""
    claim: Position | None = None


class Open(_Told):
    """Show a conversation; without an id, begin a new one."""

    chosen: Choices
    id: Identity = ""


class Offer(_Told):
    """Offer questions to begin with."""

    chosen: Choices


class Delete(_Told):
    """Delete a conversation, or `all` of them."""

    chosen: Choices
    id: Identity = ""
    all: bool = False


class Rename(_Told):
    """Give a conversation another title."""

    id: Identity
    title: Annotated[str, Field(max_length=1000)]


class Share(_Told):
    """Share the conversation under a link, or its last answer alone."""

    what: Literal["talk", "answer"]


class Revoke(_Told):
    """Revoke the link to something."""

    id: Identity


class Planned(_Told):
    """Inputs of the planner by name, as texts; of one calculation where `name` is one.

    `place` is the card of an answer that they are changed in.
    """

    name: Identity = ""
    place: Identity = ""
    inputs: Annotated[dict[str, Annotated[str, Field(max_length=4000)]], Field(max_length=60)]


class More(_Told):
    """Show that many conversations."""

    shown: Annotated[int, Field(ge=1, le=100_000)]


class Save(_Told):
    """Write the conversation as one kind of file."""

    kind: Kind


T = TypeVar("T", bound=_Told)


def signal(name: str) -> gr.HTML:
    """An unseen part of the page that the script triggers by this name."""
    return gr.HTML(
        "",
        elem_id=f"signal-{name}",
        elem_classes="signal",
        apply_default_css=False,
        js_on_load=f"window.citewise.wire('{name}', (told) => trigger('submit', told))",
    )


def read(form: type[T], event: gr.EventData) -> T:
    """Read what was told.

    Raises:
        RequestError: it is nothing that this page's script tells.
    """
    try:
        return form.model_validate(event._data)
    except ValidationError as error:
        raise RequestError(wrong_fields(error, form.__name__, most=1)) from error
