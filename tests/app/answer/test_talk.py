"""What Citewise says of itself follows what is in its index."""

from __future__ import annotations

from pathlib import Path

from app.answer.talk import Facts
from app.config.personas import resolve, shipped
from index.build import build
from index.encoders import Encoder
from index.live import LiveIndex
from index.sources import read


def test_on_foreign_documents_nobody_is_an_expert_on_language_models(
    live_index: LiveIndex, encoder: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "rota.md").write_text("# Rota\n\nThe platform team is on call at night.\n")
    build(read(tmp_path / "rota.md", name="rota").knowledge_base, tmp_path / "index", encoder)
    foreign = LiveIndex(tmp_path / "index", encoder).index
    for name in (*shipped(), "citewise-expert+research"):
        persona = resolve(name, knowledge_base=foreign.knowledge_base)
        assert persona.name == name
        own = Facts(foreign, persona, "m", drafts=False)
        assert own.called() == persona.title != resolve(name).title
        assert own.questions() == ""  # no heading of it asks anything
        assert own.knowledge() == "1 topic, 1 passage and 1 source"
        models = Facts(live_index.index, resolve(name), "m", drafts=False)
        assert all(question in models.questions() for question in resolve(name).examples[:2])
        assert models.called() == resolve(name).title
