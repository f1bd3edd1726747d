"""The page's parts and what they are wired to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.record.checked import Checked
from app.store import Shared, Store
from app.ui import texts
from app.ui.browse_data import Browsing
from app.ui.checking import checking_tab, title_of
from app.ui.composer import Engine, composer_html, settings_html, shortcuts_html
from app.ui.controller import Controller
from app.ui.conversation import Answering, drafts
from app.ui.evidence import panel_html
from app.ui.feedback_form import FeedbackForm, form_html
from app.ui.history import History
from app.ui.history_list import confirm_html
from app.ui.known import Knowing
from app.ui.layout import Layout
from app.ui.library import LIBRARY
from app.ui.links_given import Links, Sharing, links_place
from app.ui.persistence import Keeper, SavedState
from app.ui.places import Places
from app.ui.planner import planner_tab, wire_cards
from app.ui.running import Running
from app.ui.screen import Screen
from app.ui.signals import signal
from app.ui.speaking import spoken
from app.ui.view import NAMES

__all__ = ["build"]

_LOOK_SECONDS = 0.02


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
    within: gr.HTML

    def outputs(self) -> list[gr.components.Component]:
        """What a `View` updates, in its order."""
        return [getattr(self, name) for name in NAMES]


def build(
    pipeline: Answering,
    store: Store | None = None,
    keeper: Keeper | None = None,
    places: Places | None = None,
    *,
    share: bool = False,
    layout: Layout | None = None,
) -> gr.Blocks:
    """Lay the page out and wire it.

    Args:
        pipeline: what answers.
        store: where feedback goes, and conversations if they are kept.
        keeper: what keeps conversations; None keeps none.
        places: what finds the places of the map.
        share: whether conversations that are kept can be shared.
        layout: takes up what stands there before anyone has asked.
    """
    layout = layout or Layout()
    keeper = keeper or Keeper(None)
    sharing = Sharing(shares_of(keeper.store)) if share and keeper.store else None
    feedback, running = FeedbackForm(store) if store else None, Running()
    screen = Screen(pipeline, feedback)
    controller = Controller(pipeline, screen, keeper, running)
    history = History(keeper.store, screen, running, feedback)
    engine = Engine(pipeline.model.name, drafts(pipeline))
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, fill_width=True) as page:
        knowing = Knowing(pipeline)
        layout.html("masthead", lambda: _masthead(knowing))
        with gr.Tabs(elem_id="views"):
            with layout.tab("ask", lambda: texts.TAB_ASK), gr.Row(elem_id="ask-view"):
                with gr.Column(elem_id="chat"):
                    longest = pipeline.settings.question_characters
                    chat = _chat(
                        layout,
                        lambda: composer_html(
                            screen.personas.values(), engine, longest, shares=sharing is not None
                        ),
                        knowing,
                    )
                with gr.Column(elem_id="side"):
                    layout.html("panel", panel_html)
            if keeper.store:
                _history_tab(layout, history, chat, sharing)
            _browse_tab(layout, Browsing(pipeline, places or Places()))
            checking_tab(pipeline, checks_of(store) if store else None, layout, _quiet())
            planner_tab(layout, _quiet())
        layout.html("dialogs", lambda: _dialogs(engine))
        _wire(page, controller, history, chat)
        wire_cards(_quiet())
        if sharing is not None:
            signal("share").submit(spoken(sharing.share), chat.turns, chat.notice, **_each())
        if feedback is not None:
            _wire_feedback(feedback, chat)
    blocks: gr.Blocks = page.queue(default_concurrency_limit=None)
    # By itself Gradio looks a thousand times a second; there is no public way to change it.
    blocks._queue.sleep_when_free = _LOOK_SECONDS
    blocks._queue.progress_update_sleep_when_free = _LOOK_SECONDS
    return blocks


def checks_of(store: Store) -> Links[Checked]:
    """The links to checked texts."""
    return Links(store, store.checks, "checks", title_of)


def shares_of(store: Store) -> Links[Shared]:
    """The links to conversations, which are called by their first question."""
    return Links(store, store.shares, "shared", lambda shared: shared.exchanges[0].question)


def _masthead(knowing: Knowing) -> str:
    nav = f'<nav><a href="{LIBRARY}">{texts.LIBRARY}</a></nav>'
    return f'<h1>{texts.TITLE}</h1><p class="tagline">{knowing.tagline()}</p>{nav}'


def _hero(knowing: Knowing) -> str:
    hero = texts.HERO if knowing.shipped() else texts.HERO_OTHER
    return f"<h2>{hero}</h2><p>{texts.HERO_LEAD}</p>"


def _dialogs(engine: Engine) -> str:
    return f"{settings_html(engine)}{shortcuts_html()}{form_html()}{confirm_html()}"


def _chat(layout: Layout, composer: Callable[[], str], knowing: Knowing) -> _Chat:
    banner = _html("", "banner")
    layout.html("hero", lambda: _hero(knowing))
    shown = {name: _html("", name) for name in ("place", "past", "live", "notice", "suggest")}
    with gr.Column(elem_id="composer"):
        within = _html("", "within")
        layout.html("writing", composer)
    return _Chat(banner, gr.State(()), gr.State(SavedState()), within=within, **shown)


def _browse_tab(layout: Layout, browsing: Browsing) -> None:
    with layout.tab("browse", lambda: texts.TAB_BROWSE) as tab, gr.Column(elem_id="browse-view"):
        shelf = _html("", "shelf")
        with gr.Column(elem_id="shelf-map", elem_classes="shelf-panel"):
            atlas = layout.html("atlas", _map_later)
        # Inside the tab: Gradio counts what stands between tabs as tabs.
        shelf_seen, atlas_seen = gr.State(""), gr.State("")
    tab.select(spoken(browsing.shelf), shelf_seen, [shelf, shelf_seen], **_quiet()).then(
        spoken(browsing.atlas), atlas_seen, [atlas, atlas_seen], **_quiet()
    )


def _map_later() -> str:
    return f'<p class="faint" role="status">{texts.MAP_LATER}</p>'


def _history_tab(layout: Layout, history: History, chat: _Chat, sharing: Sharing | None) -> None:
    with layout.tab("talks", lambda: texts.TAB_HISTORY) as tab, gr.Column(elem_id="talks-view"):
        search = gr.Textbox(
            label=texts.HISTORY_SEARCH,
            placeholder=texts.HISTORY_PLACEHOLDER,
            max_lines=1,
            container=False,
            show_label=False,
            elem_id="talks-search",
        )
        layout.holds(
            search,
            label=lambda: texts.HISTORY_SEARCH,
            placeholder=lambda: texts.HISTORY_PLACEHOLDER,
        )
        listed = _html("", "talks-list")
        if sharing is not None:
            links = links_place(sharing.links, _quiet())
            tab.select(spoken(sharing.links.listed), None, links, **_quiet())
        more, rename, delete = signal("more"), signal("rename"), signal("delete")
    gr.on(
        [tab.select, search.change],
        spoken(history.listed),
        search,
        listed,
        trigger_mode="always_last",
        **_quiet(),
    )
    rename.submit(spoken(history.rename), search, listed, **_each())
    more.submit(spoken(history.more), search, listed, **_each())
    delete.submit(
        spoken(history.delete), [chat.saved, search], [*chat.outputs(), listed], **_each()
    )


def _wire(page: gr.Blocks, controller: Controller, history: History, chat: _Chat) -> None:
    state, outputs = [chat.turns, chat.saved], chat.outputs()
    signal("ask").submit(spoken(controller.ask), state, outputs, **_each())
    signal("act").submit(spoken(controller.act), state, outputs, **_each())
    signal("stop").submit(spoken(controller.stop), None, None, queue=False, **_each())
    signal("open").submit(spoken(history.open), None, outputs, **_each())
    signal("offer").submit(spoken(controller.offer), chat.turns, chat.suggest, **_each())
    document = gr.JSON(visible=False)
    signal("save").submit(spoken(controller.export), chat.turns, document, **_each()).then(
        None, document, None, js="(file) => window.citewise.save(file)", **_quiet()
    )
    ticking = gr.Timer(2.0)
    known = [chat.banner, chat.within, ticking]
    gr.on([page.load, ticking.tick], spoken(controller.banner), None, known, **_quiet())


def _wire_feedback(feedback: FeedbackForm, chat: _Chat) -> None:
    result = gr.JSON(visible=False)
    signal("judge").submit(spoken(feedback.give), chat.turns, result, **_each()).then(
        None, result, None, js="(result) => window.citewise.judged(result)", **_quiet()
    )


def _html(value: str, name: str) -> gr.HTML:
    """A place for HTML that is already safe, styled by this page alone."""
    return gr.HTML(value, elem_id=name, apply_default_css=False)


def _quiet() -> dict[str, Any]:
    """How events are wired: unseen by the API, without Gradio's own progress overlay."""
    return {"api_visibility": "private", "show_progress": "hidden"}


def _each() -> dict[str, Any]:
    """As `_quiet`, for what readers do: else the browser drops it while another is under way."""
    return {**_quiet(), "trigger_mode": "multiple"}
