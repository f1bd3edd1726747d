"""A peer's own citation recipe behind an endpoint, in the peer's environment. Needs no Citewise.

`python citing_worker.py PEER FOLDER MODEL_FOLDER LLM_URL LLM_NAME` indexes FOLDER/passages.json,
a list of `{"id", "title", "text"}`, under the vectors of FOLDER/vectors.npy, made of them by the
model in MODEL_FOLDER, and answers `POST /v1/chat/completions` with the recipe's text and the
six passages that its numbers mean, as `search_results`. The first line on standard output is its
address.
"""

# The peers are installed in environments of their own only.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

Answer = tuple[str, list[dict[str, str]]]
Recipe = Callable[[str], Answer]
Vectors = list[list[float]]
_PASSAGES = 6
_TOKENS = 200
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def langchain(
    passages: list[dict[str, str]], vectors: Vectors, model: str, url: str, llm: str
) -> Recipe:
    """Its guide to citations, first way: an answer with the ids of its sources, by schema."""
    from langchain_community.vectorstores import FAISS
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_openai import ChatOpenAI
    from pydantic import BaseModel, Field

    class CitedAnswer(BaseModel):
        """Answer the user question based only on the given sources, and cite the sources used."""

        answer: str = Field(description="The answer, based only on the given sources.")
        citations: list[int] = Field(description="The ids of the sources that justify the answer.")

    embeddings = HuggingFaceEmbeddings(model_name=model)
    pairs = [(passage["text"], own) for passage, own in zip(passages, vectors, strict=True)]
    store = FAISS.from_embeddings(pairs, embeddings, metadatas=passages)
    chat = ChatOpenAI(
        model=llm, base_url=url, api_key="unused", temperature=0, max_tokens=_TOKENS,
        timeout=600, max_retries=0,
    )  # fmt: skip
    prompt = ChatPromptTemplate.from_messages(
        [
            (
                "system",
                "You're a helpful AI assistant. Given a user question and some articles, answer "
                "the question. If none of the articles answers it, just say you don't know.\n\n"
                "Here are the articles:\n{context}",
            ),
            ("human", "{question}"),
        ]
    )
    chain = prompt | chat.with_structured_output(CitedAnswer, method="json_schema")

    def ask(question: str) -> Answer:
        found = store.similarity_search(question, k=_PASSAGES)
        context = "\n\n".join(
            f"Source ID: {n}\nTitle: {doc.metadata['title']}\nText: {doc.page_content}"
            for n, doc in enumerate(found, 1)
        )
        given = chain.invoke({"context": context, "question": question})
        # It cites for the answer as a whole: each of its sentences rests on all of them.
        marks = "".join(f"[{n}]" for n in dict.fromkeys(given.citations))
        text = re.sub(r"([.!?])(?=\s|$)", rf" {marks}\1" if marks else r"\1", given.answer)
        return text, [doc.metadata for doc in found]

    return ask


def llamaindex(
    passages: list[dict[str, str]], vectors: Vectors, model: str, url: str, llm: str
) -> Recipe:
    """Its CitationQueryEngine, as it comes but for six passages."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.query_engine import CitationQueryEngine
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.llms.openai_like import OpenAILike

    embeddings = HuggingFaceEmbedding(model_name=model)
    nodes = [
        TextNode(text=one["text"], id_=one["id"], metadata={"title": one["title"]}, embedding=own)
        for one, own in zip(passages, vectors, strict=True)
    ]
    kept = VectorStoreIndex(nodes, embed_model=embeddings)
    chat = OpenAILike(
        model=llm, api_base=url, api_key="unused", is_chat_model=True, context_window=8192,
        temperature=0, max_tokens=_TOKENS, timeout=600, max_retries=0,
    )  # fmt: skip
    engine = CitationQueryEngine.from_args(kept, llm=chat, similarity_top_k=_PASSAGES)

    def ask(question: str) -> Answer:
        reply = engine.query(question)
        sources = [
            {
                "id": each.node.ref_doc_id or each.node.node_id,
                "title": str(each.node.metadata.get("title", "")),
                "text": each.node.get_content().partition("\n")[2],  # after "Source 1:"
            }
            for each in reply.source_nodes
        ]
        return str(reply), sources

    return ask


RECIPES = {"langchain": langchain, "llamaindex": llamaindex}


class _Handler(BaseHTTPRequestHandler):
    recipe: Recipe

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as the base has it
        """Stay silent."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            text, sources = self.recipe(asked["messages"][-1]["content"])
        except Exception as error:  # noqa: BLE001 - a recipe that fails has answered nothing
            print(f"{type(error).__name__}: {error}"[:300], file=sys.stderr, flush=True)
            text, sources = f"The recipe failed: {type(error).__name__}.", []
        results = [
            {"url": one["id"], "title": one["title"], "snippet": one["text"]} for one in sources
        ]
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        body = json.dumps({"choices": [choice], "search_results": results}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(peer: str, folder: str, model: str, url: str, llm: str) -> None:
    """Index, then answer until ended."""
    import numpy as np

    passages = json.loads((Path(folder) / "passages.json").read_text(encoding="utf-8"))
    vectors = np.load(Path(folder) / "vectors.npy").tolist()
    recipe = RECIPES[peer](passages, vectors, model, url, llm)
    handler = type("Handler", (_Handler,), {"recipe": staticmethod(recipe)})
    server = HTTPServer(("127.0.0.1", 0), handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
