"""The chat page. Gradio is imported when the page is built, not when this package is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

    from app.ui.conversation import Answering

__all__ = ["build_ui", "mount"]


def build_ui(pipeline: Answering) -> gr.Blocks:
    """Build the page over a pipeline; `mount` serves it."""
    from app.ui.page import build

    return build(pipeline)


def mount(app: FastAPI, pipeline: Answering) -> FastAPI:
    """Serve the page at `/`, beside the routes that the application already has."""
    from app.ui.server import mount_page

    return mount_page(app, pipeline)
