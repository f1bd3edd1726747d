"""Simon Willison's llm, by its own file of further OpenAI models."""

import os
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp(prefix="judge-llm-"))
os.environ["LLM_USER_PATH"] = str(folder)

import llm
from driver import MODEL, QUESTION, URL, serve

(folder / "extra-openai-models.yaml").write_text(
    f"- model_id: citewise\n  model_name: {MODEL}\n  api_base: {URL}\n"
)
model = llm.get_model("citewise")


def ask(stream):
    return model.prompt(QUESTION, stream=stream).text(), []


serve(ask)
