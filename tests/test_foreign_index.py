"""Over documents alone nothing that Citewise says of itself speaks of language models."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from app.answer.pipeline import Pipeline, PipelineSettings
from app.api import create_app
from app.chat_models.scripted import ScriptedChatModel
from app.config.personas import listed
from app.config.settings import load_settings
from app.ui import mount, texts
from app.ui.speaking import LANGUAGES, speaking
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.sources import read

OF_MODELS = re.compile(r"language model|\bLLM|\bAI\b|transformer", re.IGNORECASE)


async def test_models_and_page_are_named_for_the_documents(
    encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "rota.md").write_text("# Rota\n\nThe platform team is on call at night.\n")
    build(read(tmp_path / "rota.md", name="rota").knowledge_base, tmp_path / "index", encoder)
    live = LiveIndex(tmp_path / "index", encoder)
    pipeline = Pipeline(live, ScriptedChatModel(["x"]), PipelineSettings())
    app = mount(create_app(pipeline, load_settings(index=tmp_path / "index")), pipeline)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        cards = (await client.get("/v1/models")).json()["data"]
        pages = {
            name: (await client.get("/", headers={"accept-language": name})).text
            for name in LANGUAGES
        }
    assert [card["id"] for card in cards] == listed()
    bases = [(card["name"], card["description"]) for card in cards if "+" not in card["id"]]
    assert bases == [*texts.PERSONAS_OTHER.values()]
    assert not [card for card in cards if OF_MODELS.search(f"{card['name']}{card['description']}")]
    for name, page in pages.items():
        with speaking(name):
            for title, _ in texts.PERSONAS_OTHER.values():
                assert title in page
            assert page.count(texts.TAGLINE_OTHER) >= 3  # headline, a link's preview, no scripts
            for title, purpose in texts.PERSONAS.values():
                assert title not in page
                assert purpose not in page
            assert texts.TAGLINE not in page
            assert texts.HERO not in page
