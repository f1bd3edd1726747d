"""The chat page. Gradio is imported when the page is built, not when this package is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

    from app.store import Store
    from app.ui.conversation import Answering

__all__ = ["build_ui", "mount"]


def build_ui(pipeline: Answering) -> gr.Blocks:
    """Build the page over a pipeline; `mount` serves it."""
    from app.ui.page import build

    return build(pipeline)


def mount(
    app: FastAPI,
    pipeline: Answering,
    store: Store | None = None,
    *,
    keep: bool = True,
    share: bool = False,
    cache: Path | None = None,
    index: Path | None = None,
    embed_origins: Sequence[str] = (),
    root_path: str = "",
) -> FastAPI:
    """Serve the page at `/`, beside the routes that the application already has.

    Args:
        app: what it is added to.
        pipeline: what answers.
        store: where feedback and conversations go; without one the page has neither.
        keep: whether conversations are kept.
        share: whether those that are kept can be shared under links.
        cache: the folder that keeps the map's places; None finds them anew at each start.
        index: the index directory; without it no page of a PDF is shown as a picture.
        embed_origins: origins whose pages may show this one in a frame.
        root_path: the path under which a proxy serves it, such as /citewise.
    """
    from app.ui.server import mount_page

    return mount_page(
        app,
        pipeline,
        store,
        keep=keep,
        share=share,
        cache=cache,
        index=index,
        embed_origins=embed_origins,
        root_path=root_path,
    )
