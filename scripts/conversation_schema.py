"""Writes the form of a saved conversation: `python -m scripts.conversation_schema`."""

from __future__ import annotations

import json
from pathlib import Path

from app.ui.exports.record import schema

PLACE = Path("docs/conversation.schema.json")

if __name__ == "__main__":
    PLACE.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
    print(PLACE)
