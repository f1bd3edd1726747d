"""The published JSON Schemas of the two formats that have one.

The files beside this module are generated from the models that the readers validate with;
`schemas()` gives what they should hold, and a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from index.sources.records import TopicRecord, TowerDocument

__all__ = ["FOLDER", "rendered", "schemas"]

FOLDER: Path = Path(__file__).resolve().parent
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> JSON Schema (draft 2020-12)."""
    models: dict[str, tuple[type[BaseModel], str]] = {
        "topic.schema.json": (TopicRecord, "Citewise topic file"),
        "tower.schema.json": (TowerDocument, "Tower knowledge base"),
    }
    return {
        name: {"$schema": _DIALECT, **model.model_json_schema(), "title": title}
        for name, (model, title) in models.items()
    }


def rendered() -> dict[str, str]:
    """File name -> the text that the file should hold."""
    return {
        name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas().items()
    }
