"""The language that a reader is spoken to in: one chosen in the settings, else the browser's.

The page's texts are constants of the modules of texts, in English. `speaks` has such a module
answer in the language that is being spoken, from `languages/*.toml`; all that read it stay as
they are. A text that a language lacks is English; a test tells how many there are.
"""

from __future__ import annotations

import inspect
import sys
import tomllib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "InLanguage",
    "asked_for",
    "chosen",
    "language",
    "speaking",
    "speaks",
    "spoken",
    "translations",
]

ENGLISH: Final = "en"
# By its code, each as it calls itself.
LANGUAGES: Final[Mapping[str, str]] = {
    ENGLISH: "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "zh": "中文",
}
COOKIE: Final = "citewise_language"  # the page's script keeps in it what was chosen

_FOLDER: Final = Path(__file__).resolve().parent / "languages"
_SPOKEN: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language() -> str:
    """The language that is being spoken, one of `LANGUAGES`."""
    return _SPOKEN.get()


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Speak a language for a while."""
    before = _SPOKEN.set(name)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def chosen(headers: Mapping[str, str]) -> str:
    """The language for a request: by the reader's own choice, else by what the browser asks for."""
    kept = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    return kept if kept in LANGUAGES else asked_for(headers.get("accept-language", ""))


def asked_for(header: str) -> str:
    """Choose a language by a browser's header Accept-Language: of those known, the most wanted."""
    wanted: list[tuple[float, str]] = []
    for part in header.split(","):
        name, _, quality = part.strip().partition(";")
        short = name.strip().lower().partition("-")[0]
        weight = quality.strip().removeprefix("q=")
        try:
            wanted.append((float(weight) if weight else 1.0, short))
        except ValueError:
            continue  # no weight that HTTP knows: as if it were not named
    ranked = sorted(wanted, key=lambda pair: -pair[0])
    return next((name for weight, name in ranked if name in LANGUAGES and weight > 0), ENGLISH)


def speaks(name: str) -> Callable[[str], Any]:
    """Have a module of texts answer in the language that is being spoken.

    Returns:
        What reads the module's texts by name, for functions inside it.
    """
    module = sys.modules[name]
    module.__class__ = _Texts
    return lambda text: getattr(module, text)


class _Texts(ModuleType):
    """A module whose constants are English, and other languages' where these have them."""

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - as any module
        value = super().__getattribute__(name)
        now = _SPOKEN.get()
        if now == ENGLISH or not name.isupper() or name.startswith("_"):
            return value
        own = super().__getattribute__("__name__").rpartition(".")[2]
        return translations(now).get(own, {}).get(name, value)


@cache
def translations(name: str) -> Mapping[str, Mapping[str, Any]]:
    """A language's texts, by module and by name."""
    read = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return {module: _plain(found) for module, found in read.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - TOML's
    """Lists as the tuples that they are in English."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


class InLanguage:
    """Answers each request in its reader's language."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with speaking(chosen(Headers(scope=scope))):
            await self._app(scope, receive, send)


def spoken(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Have one of the page's handlers speak its reader's language.

    Gradio runs handlers apart from the requests that they answer; each is given the request, and
    passes on what the handler itself takes.
    """
    import gradio as gr

    signature = inspect.signature(handler, eval_str=True)
    kinds = {name: one.annotation for name, one in signature.parameters.items()}
    at = next((n for n, kind in enumerate(kinds.values()) if kind is gr.Request), None)

    def of(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        request = given[-1] if at is None else given[at]
        name = chosen(request.headers) if request.request else ENGLISH
        return name, given[:-1] if at is None else given

    if inspect.isasyncgenfunction(handler):

        async def streamed(*given: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - Gradio's
            name, own = of(given)
            with speaking(name):
                rows = handler(*own)
            try:
                while True:
                    with speaking(name):
                        row = await anext(rows, None)
                    if row is None:
                        return
                    yield row
            finally:
                await rows.aclose()

        made: Callable[..., Any] = streamed
    elif inspect.iscoroutinefunction(handler):

        async def awaited(*given: Any) -> Any:  # noqa: ANN401 - Gradio's
            name, own = of(given)
            with speaking(name):
                return await handler(*own)

        made = awaited
    else:

        def called(*given: Any) -> Any:  # noqa: ANN401 - Gradio's
            name, own = of(given)
            with speaking(name):
                return handler(*own)

        made = called
    parameters = list(signature.parameters.values())
    if at is None:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(inspect.Parameter("reader", kind, annotation=gr.Request))
    made.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    made.__annotations__ = {one.name: one.annotation for one in parameters}
    return made
