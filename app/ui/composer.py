"""Where a question is written: the box, who answers, what answers, and the settings' dialog.

The page's script reads them when a question is asked; nothing of them is the server's to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.config.personas import Persona
from app.ui import safe, texts
from app.ui.exports import KINDS
from app.ui.speaking import LANGUAGES

__all__ = ["Engine", "composer_html", "settings_html", "shortcuts_html", "within_html"]


@dataclass(frozen=True, slots=True)
class Engine:
    """What answers: the model's name, and whether it writes or answers are composed without it."""

    model: str
    writes: bool


@dataclass(frozen=True, slots=True)
class _Slider:
    name: str
    label: str
    least: float
    most: float
    value: float
    step: float
    info: str = ""


def _sliders(*, writes: bool) -> tuple[_Slider, ...]:
    """What has an effect: sampling where a model writes, passages always."""
    sampling = (
        _Slider("temperature", texts.TEMPERATURE, 0, 1.5, 0.3, 0.05, texts.TEMPERATURE_INFO),
        _Slider("top_p", texts.TOP_P, 0.05, 1, 0.9, 0.05, texts.TOP_P_INFO),
        _Slider("max_tokens", texts.LENGTH, 64, 1024, 400, 16),
    )
    passages = _Slider("passages", texts.PASSAGES, 1, 12, 6, 1)
    return (*sampling, passages) if writes else (passages,)


def composer_html(
    personas: Iterable[Persona], engine: Engine, longest: int, *, shares: bool = False
) -> str:
    """The box with its buttons, and what can be chosen and done below it.

    Args:
        personas: who can be asked.
        engine: what answers.
        longest: characters of a question at most.
        shares: whether a conversation can be shared.
    """
    options = "".join(
        f'<option value="{safe.attribute(one.name)}" title="{safe.attribute(purpose)}">'
        f"{safe.text(title)}</option>"
        for one in personas
        for title, purpose in (texts.persona(one),)
    )
    saves = "".join(
        f'<button type="button" class="quiet" id="save-{kind}" data-save="{kind}">'
        f"{texts.SAVES[kind]}</button>"
        for kind in KINDS
    )
    name = texts.SAVE_OR_SHARE if shares else texts.SAVE_AS
    links = "".join(
        f'<button type="button" class="quiet" data-share="{what}">{title}</button>'
        for what, title in texts.SHARES.items()
    )
    return (
        f'<p id="hint" role="status"></p>'
        f'<div id="ask-row"><div id="box"><textarea rows="1" aria-label="{texts.BOX_LABEL}" '
        f'aria-describedby="hint" placeholder="{texts.BOX_PLACEHOLDER}" data-longest="{longest}" '
        'dir="auto" autofocus></textarea></div>'
        f'<button type="button" id="send">{texts.SEND}</button>'
        f'<button type="button" id="stop">{texts.STOP}</button></div>'
        '<div id="tools">'
        f'<label class="unseen" for="persona">{texts.PERSONA_LABEL}</label>'
        f'<select id="persona">{options}</select>'
        f'<button type="button" class="plain" data-opens="settings">{texts.SETTINGS}</button>'
        f'<button type="button" class="plain" id="new" aria-label="{texts.NEW}">'
        f"{texts.NEW_SHORT}</button>"
        f'<details class="menu" id="export"><summary class="plain">{name}</summary>'
        f'<div class="items" role="group" aria-label="{name}">{links if shares else ""}{saves}'
        "</div></details>"
        '<button type="button" class="plain" data-opens="shortcuts" '
        f'aria-label="{texts.SHORTCUTS_TITLE}" data-tip="{texts.SHORTCUTS_TITLE} (?)">?</button>'
        f"{_engine_html(engine)}</div>"
    )


def within_html(sources: Sequence[str]) -> str:
    """The sources that can be asked within, as buttons; empty where there is no choice."""
    if len(sources) < 2:
        return ""
    chips = "".join(
        f'<button type="button" class="chip" data-within="{safe.attribute(name)}" '
        f'aria-pressed="false" dir="auto">{safe.text(texts.source(name))}</button>'
        for name in sources
    )
    return f'<div role="group" aria-label="{texts.WITHIN}"><span>{texts.WITHIN}</span>{chips}</div>'


def _engine_html(engine: Engine) -> str:
    told, tip = (
        (texts.ENGINE_WRITES.format(model=engine.model), texts.ENGINE_WRITES_TIP)
        if engine.writes
        else (texts.ENGINE_COMPOSES, texts.ENGINE_COMPOSES_TIP)
    )
    return (
        f'<span id="engine" data-tip="{safe.attribute(tip)}" tabindex="0">{safe.text(told)}</span>'
    )


def settings_html(engine: Engine) -> str:
    """The dialog of settings; only those that change something with this engine are in it."""
    research = (
        f'<label class="check"><input type="checkbox" id="research">{texts.RESEARCH_LABEL}</label>'
        f"<p>{texts.RESEARCH_INFO}</p>"
        if engine.writes
        else ""
    )
    sliders = _sliders(writes=engine.writes)
    own, info = (
        (texts.OWN_LABEL, texts.OWN_INFO)
        if engine.writes
        else (texts.OWN_PASSAGES, texts.OWN_PASSAGES_INFO)
    )
    themes = "".join(
        f'<option value="{name}">{title}</option>' for name, title in texts.THEMES.items()
    )
    languages = f'<option value="">{texts.LANGUAGE_AUTO}</option>' + "".join(
        f'<option value="{name}" lang="{name}">{own}</option>' for name, own in LANGUAGES.items()
    )
    return (
        '<dialog id="settings" aria-labelledby="settings-title">'
        f'<h2 id="settings-title">{texts.SETTINGS}</h2>{research}'
        f'<label class="check"><input type="checkbox" id="own">{own}</label><p>{info}</p>'
        f'<fieldset id="sliders" disabled>{"".join(map(_slider_html, sliders))}</fieldset>'
        f'<label class="check" for="theme">{texts.THEME}'
        f'<select id="theme">{themes}</select></label>'
        f'<label class="check" for="language">{texts.LANGUAGE}'
        f'<select id="language">{languages}</select></label>'
        f'<div class="ends"><button type="button" class="chief" data-close>{texts.DONE}</button>'
        "</div></dialog>"
    )


def shortcuts_html() -> str:
    """The dialog that lists the keys."""
    rows = "".join(
        f'<tr><th scope="row">{" ".join(f"<kbd>{key}</kbd>" for key in keys.split())}</th>'
        f"<td>{what}</td></tr>"
        for keys, what in texts.SHORTCUTS.items()
    )
    return (
        '<dialog id="shortcuts" aria-labelledby="shortcuts-title">'
        f'<h2 id="shortcuts-title">{texts.SHORTCUTS_TITLE}</h2>'
        f'<table class="shortcuts"><tbody>{rows}</tbody></table>'
        f'<div class="ends"><button type="button" class="chief" data-close>{texts.CLOSE}</button>'
        "</div></dialog>"
    )


def _slider_html(slider: _Slider) -> str:
    info = f"<p>{slider.info}</p>" if slider.info else ""
    return (
        f'<div class="slider"><label for="choice-{slider.name}">{slider.label}</label>'
        f'<output for="choice-{slider.name}">{slider.value:g}</output>'
        f'<input type="range" id="choice-{slider.name}" data-choice="{slider.name}" '
        f'min="{slider.least:g}" max="{slider.most:g}" step="{slider.step:g}" '
        f'value="{slider.value:g}">{info}</div>'
    )
