"""The tab where a text is checked, and what is shown of kept results."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, Final, Protocol

import gradio as gr

from app.record.checked import Checked
from app.record.errors import CitewiseError
from app.store import Linked
from app.ui import safe
from app.ui import texts_checking as words
from app.ui.checked_html import checked_html, copy_html
from app.ui.layout import Layout
from app.ui.links_given import Links, links_place
from app.ui.speaking import spoken

__all__ = ["checked_page", "checking_tab", "title_of"]

_TITLE: Final = 90  # characters


class Checking(Protocol):
    """What the tab asks of the pipeline."""

    async def check(self, text: str) -> Checked:
        """Tell of each sentence whether the sources bear it out."""


def checking_tab(
    pipeline: Checking,
    links: Links[Checked] | None,
    layout: Layout,
    wired: Mapping[str, Any],
) -> None:
    """Lay the tab out and wire it.

    Args:
        pipeline: what checks.
        links: what keeps results under links; None keeps none.
        layout: takes up what stands there before a text is checked.
        wired: how the page wires its events.
    """

    async def check(text: str) -> tuple[str, Checked | None, Any]:
        try:
            checked = await pipeline.check(text)
        except CitewiseError as error:
            return _trouble(str(error)), None, gr.update(visible=False)
        return (
            f"{copy_html(checked)}{checked_html(checked)}",
            checked,
            gr.update(visible=links is not None),
        )

    async def keep(checked: Checked | None, request: gr.Request) -> str:
        if links is None or checked is None:
            return _trouble(words.NOTHING_YET)
        return await links.keep(request, checked)

    with layout.tab("check", lambda: words.TAB) as tab, gr.Column(elem_id="check-view"):
        layout.html("check-lead", lambda: f'<p class="lead">{words.LEAD}</p>')
        box = gr.Textbox(
            label=words.LABEL, placeholder=words.PLACEHOLDER, lines=4, max_lines=16,
            container=False, show_label=False, elem_id="check-box",
        )  # fmt: skip
        with gr.Row(elem_id="check-tools"):
            button = gr.Button(words.CHECK, variant="primary", elem_id="check-send")
            link = gr.Button(words.KEEP, visible=False, elem_id="check-keep")
        layout.holds(box, label=lambda: words.LABEL, placeholder=lambda: words.PLACEHOLDER)
        layout.holds(button, value=lambda: words.CHECK)
        layout.holds(link, value=lambda: words.KEEP)
        kept = _place("check-kept")
        shown, held = _place("check-result"), gr.State(None)
        listed = links_place(links, wired) if links is not None else None
    for trigger in (button.click, box.submit):
        trigger(spoken(_waiting), None, [shown, kept], queue=False, **wired).then(
            spoken(check), box, [shown, held, link], **wired
        )
    keeping = link.click(spoken(keep), held, kept, **wired)
    if links is not None:
        keeping.then(spoken(links.listed), None, listed, **wired)
        tab.select(spoken(links.listed), None, listed, **wired)


def _place(name: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, elem_id=name, apply_default_css=False)


def _waiting() -> tuple[str, str]:
    return f'<p class="faint" role="status">{words.CHECKING}</p>', ""


def _trouble(told: str) -> str:
    return f'<p class="check-trouble" role="alert">{safe.text(told)}</p>'


def checked_page(linked: Linked[Checked]) -> tuple[str, str]:
    """Make the title and the HTML of a kept result."""
    return words.PAGE_TITLE, f"<h1>{words.PAGE_TITLE}</h1>{checked_html(linked.content)}"


def title_of(checked: Checked) -> str:
    """Name a checked text by how it begins."""
    return textwrap.shorten(checked.text, _TITLE, placeholder="…")
