"""The page's parts and what they are wired to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.store import Store
from app.ui import texts
from app.ui.browse_data import Browsing
from app.ui.controller import Controller
from app.ui.conversation import Answering
from app.ui.exports import KINDS
from app.ui.feedback import Feedback, form_html
from app.ui.history import History
from app.ui.history_list import confirm_html
from app.ui.persistence import Keeper, SavedState
from app.ui.places import Places
from app.ui.planner import planner_tab
from app.ui.running import Running
from app.ui.screen import Screen
from app.ui.signals import signal
from app.ui.sources import panel_html
from app.ui.view import NAMES

__all__ = ["build"]

_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class _Settings:
    persona: gr.Radio
    research: gr.Checkbox
    own: gr.Checkbox
    sliders: tuple[gr.Slider, ...]

    def inputs(self) -> list[gr.components.Component]:
        return [self.persona, self.research, self.own, *self.sliders]


@dataclass(frozen=True, slots=True)
class _Chat:
    banner: gr.HTML
    turns: gr.State
    saved: gr.State
    place: gr.HTML
    past: gr.HTML
    live: gr.HTML
    notice: gr.HTML
    suggest: gr.HTML
    box: gr.Textbox
    send: gr.Button
    stop: gr.Button
    new: gr.Button
    export: gr.Row
    saves: tuple[gr.Button, ...]

    def outputs(self, panel: gr.HTML) -> list[gr.components.Component]:
        """What a `View` updates, in its order."""
        return [getattr(self, name, panel) for name in NAMES]


@dataclass(frozen=True, slots=True)
class _HistoryTab:
    tab: gr.Tab
    search: gr.Textbox
    list: gr.HTML


def build(
    pipeline: Answering,
    store: Store | None = None,
    keeper: Keeper | None = None,
    places: Places | None = None,
) -> gr.Blocks:
    """Lay the page out and wire it.

    Args:
        pipeline: what answers.
        store: where feedback goes, and conversations if they are kept.
        keeper: what keeps conversations; None keeps none.
        places: what finds the places of the map.
    """
    keeper = keeper or Keeper(None)
    feedback, running = Feedback(store) if store else None, Running()
    screen = Screen(pipeline, feedback)
    controller = Controller(pipeline, screen, keeper, running)
    history = History(keeper.store, screen, running, feedback)
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, fill_width=True) as page:
        _html(f'<h1>{texts.TITLE}</h1><p class="tagline">{texts.TAGLINE}</p>', "masthead")
        with gr.Tabs(elem_id="views"):
            with gr.Tab(texts.TAB_ASK, id="ask"), gr.Row(elem_id="ask-view"):
                with gr.Column(elem_id="chat"):
                    chat = _chat()
                with gr.Column(elem_id="side"):
                    settings = _settings(screen)
                    panel = _html(panel_html(None), "panel")
            talks = _history_tab() if keeper.store else None
            with gr.Tab(texts.TAB_BROWSE, id="browse") as browse:
                _browse(browse, Browsing(pipeline, places or Places()))
            planner_tab(_quiet())
        _html(form_html() + confirm_html(), "dialogs")
        _wire(page, controller, history, chat, settings, panel)
        _wire_history(history, chat, settings, panel, talks)
        if feedback is not None:
            _wire_feedback(feedback, chat)
    blocks: gr.Blocks = page.queue(default_concurrency_limit=None)
    # By itself Gradio looks a thousand times a second; there is no public way to change it.
    blocks._queue.sleep_when_free = _LOOK_SECONDS
    blocks._queue.progress_update_sleep_when_free = _LOOK_SECONDS
    return blocks


def _browse(tab: gr.Tab, browsing: Browsing) -> None:
    with gr.Column(elem_id="browse-view"):
        shelf = _html("", "shelf")
        with gr.Column(elem_id="shelf-map", elem_classes="shelf-panel"):
            atlas = _html(f'<p class="faint" role="status">{texts.MAP_LATER}</p>', "atlas")
    shelf_seen, atlas_seen = gr.State(""), gr.State("")
    tab.select(browsing.shelf, shelf_seen, [shelf, shelf_seen], **_quiet()).then(
        browsing.atlas, atlas_seen, [atlas, atlas_seen], **_quiet()
    )


def _chat() -> _Chat:
    banner = _html("", "banner")
    _html(f"<h2>{texts.HERO}</h2><p>{texts.HERO_LEAD}</p>", "hero")
    turns, saved, place = gr.State(()), gr.State(SavedState()), _html("", "place")
    past = _html("", "past")
    live = _html("", "live")
    notice = _html("", "notice")
    suggest = _html("", "suggest")
    with gr.Column(elem_id="composer"):
        with gr.Row(elem_id="ask-row"):
            box = gr.Textbox(
                label=texts.BOX_LABEL,
                placeholder=texts.BOX_PLACEHOLDER,
                lines=1,
                max_lines=8,
                show_label=False,
                container=False,
                autofocus=True,
                elem_id="box",
            )
            send = gr.Button(texts.SEND, variant="primary", elem_id="send")
            stop = gr.Button(texts.STOP, visible=False, elem_id="stop")
        with gr.Row(elem_id="tools"):
            new = gr.Button(texts.NEW, visible=False, elem_id="new", elem_classes="plain")
            with gr.Row(visible=False, elem_id="export") as export:
                _html(texts.SAVE_AS, "save-as")
                saves = tuple(
                    gr.Button(texts.SAVES[kind], elem_id=f"save-{kind}", elem_classes="plain")
                    for kind in KINDS
                )
    return _Chat(
        banner, turns, saved, place, past, live, notice, suggest, box, send, stop, new, export,
        saves,
    )  # fmt: skip


def _history_tab() -> _HistoryTab:
    with gr.Tab(texts.TAB_HISTORY, id="talks") as tab, gr.Column(elem_id="talks-view"):
        search = gr.Textbox(
            label=texts.HISTORY_SEARCH,
            placeholder=texts.HISTORY_PLACEHOLDER,
            max_lines=1,
            container=False,
            show_label=False,
            elem_id="talks-search",
        )
        listed = _html("", "talks-list")
    return _HistoryTab(tab, search, listed)


def _settings(screen: Screen) -> _Settings:
    choices = [
        (f"{persona.title}\n{persona.description}", name)
        for name, persona in screen.personas.items()
    ]
    with gr.Column(elem_id="settings"):
        persona = gr.Radio(
            choices,
            value=choices[0][1] if choices else None,
            label=texts.PERSONA_LABEL,
            elem_id="persona",
        )
        research = gr.Checkbox(
            False, label=texts.RESEARCH_LABEL, info=texts.RESEARCH_INFO, elem_id="research"
        )
        with gr.Accordion(texts.ADVANCED, open=False, elem_id="advanced"):
            own = gr.Checkbox(False, label=texts.OWN_LABEL, info=texts.OWN_INFO, elem_id="own")
            passages = gr.Slider(1, 12, 6, step=1, label=texts.PASSAGES, interactive=False)
            temperature = gr.Slider(
                0, 1.5, 0.3, step=0.05, label=texts.TEMPERATURE, info=texts.TEMPERATURE_INFO,
                interactive=False,
            )  # fmt: skip
            top_p = gr.Slider(
                0.05, 1, 0.9, step=0.05, label=texts.TOP_P, info=texts.TOP_P_INFO,
                interactive=False,
            )  # fmt: skip
            length = gr.Slider(64, 1024, 400, step=16, label=texts.LENGTH, interactive=False)
    return _Settings(persona, research, own, (temperature, top_p, length, passages))


def _html(value: str, name: str) -> gr.HTML:
    """A place for HTML that is already safe, styled by this page alone."""
    return gr.HTML(value, elem_id=name, apply_default_css=False)


def _quiet() -> dict[str, Any]:
    """How events are wired: unseen by the API, without Gradio's own progress overlay."""
    return {"api_visibility": "private", "show_progress": "hidden"}


def _each() -> dict[str, Any]:
    """As `_quiet`, for what readers do: else the browser drops it while another is under way."""
    return {**_quiet(), "trigger_mode": "multiple"}


def _wire(
    page: gr.Blocks,
    controller: Controller,
    history: History,
    chat: _Chat,
    settings: _Settings,
    panel: gr.HTML,
) -> None:
    turns, outputs = chat.turns, chat.outputs(panel)
    inputs = [turns, chat.saved, *settings.inputs()]
    for trigger in (chat.box.submit, chat.send.click):
        trigger(controller.ask, [chat.box, *inputs], outputs, **_each())
    signal("ask").submit(controller.suggested, inputs, outputs, **_each())
    signal("act").submit(controller.act, inputs, outputs, **_each())
    chat.stop.click(controller.stop, None, None, queue=False, **_quiet())
    chat.new.click(history.new, [settings.persona, settings.research], outputs, **_quiet())
    gr.on(
        [settings.persona.change, settings.research.change],
        controller.suggest,
        [turns, settings.persona, settings.research],
        chat.suggest,
        **_quiet(),
    )
    settings.own.change(
        lambda own: [gr.update(interactive=own)] * len(settings.sliders),
        settings.own,
        list(settings.sliders),
        **_quiet(),
    )
    document = gr.JSON(visible=False)
    for kind, button in zip(KINDS, chat.saves, strict=True):
        button.click(controller.export_as(kind), turns, document, **_quiet()).then(
            None, document, None, js="(file) => window.citewise.save(file)", **_quiet()
        )
    ticking = gr.Timer(2.0)
    page.load(
        controller.suggest, [turns, settings.persona, settings.research], chat.suggest, **_quiet()
    )
    gr.on([page.load, ticking.tick], controller.banner, None, [chat.banner, ticking], **_quiet())


def _wire_history(
    history: History,
    chat: _Chat,
    settings: _Settings,
    panel: gr.HTML,
    talks: _HistoryTab | None,
) -> None:
    chosen, outputs = [settings.persona, settings.research], chat.outputs(panel)
    signal("open").submit(history.open, chosen, outputs, **_each())
    if talks is None:
        return
    gr.on(
        [talks.tab.select, talks.search.change],
        history.listed,
        talks.search,
        talks.list,
        trigger_mode="always_last",
        **_quiet(),
    )
    signal("more").submit(history.more, talks.search, talks.list, **_each())
    signal("delete").submit(
        history.delete, [chat.saved, talks.search, *chosen], [*outputs, talks.list], **_each()
    )


def _wire_feedback(feedback: Feedback, chat: _Chat) -> None:
    result = gr.JSON(visible=False)
    signal("judge").submit(feedback.give, chat.turns, result, **_each()).then(
        None, result, None, js="(result) => window.citewise.judged(result)", **_quiet()
    )
