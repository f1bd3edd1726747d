"""One peer, in its own environment: index passages, save, or load and ask. Needs no Citewise.

`python peer_worker.py PEER build|ask MODEL FOLDER` reads FOLDER/passages.json and questions.json
and prints lines of JSON.
"""

# The peers are installed in environments of their own only.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Ask = Callable[[str], list[str]]
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def langchain(action: str, model: str, folder: Path, passages: list[str]) -> Ask:
    """FAISS store of langchain-community with langchain-huggingface embeddings."""
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings

    embeddings = HuggingFaceEmbeddings(model_name=model)
    if action == "build":
        FAISS.from_texts(passages, embeddings).save_local(str(folder))
    kept = FAISS.load_local(str(folder), embeddings, allow_dangerous_deserialization=True)
    return lambda question: [d.page_content for d in kept.similarity_search(question, k=8)]


def llamaindex(action: str, model: str, folder: Path, passages: list[str]) -> Ask:
    """The default in-memory vector index with HuggingFace embeddings."""
    from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    embeddings = HuggingFaceEmbedding(model_name=model)
    if action == "build":
        nodes = [TextNode(text=text) for text in passages]
        made = VectorStoreIndex(nodes, embed_model=embeddings)
        made.storage_context.persist(str(folder))
    context = StorageContext.from_defaults(persist_dir=str(folder))
    kept: Any = load_index_from_storage(context, embed_model=embeddings)
    retriever = kept.as_retriever(similarity_top_k=8)
    return lambda question: [hit.node.get_content() for hit in retriever.retrieve(question)]


def txtai(action: str, model: str, folder: Path, passages: list[str]) -> Ask:
    """Embeddings with its content store."""
    from txtai import Embeddings

    if action == "build":
        made = Embeddings(path=model, content=True)
        made.index(passages)
        made.save(str(folder))
    kept = Embeddings()
    kept.load(str(folder))
    return lambda question: [hit["text"] for hit in kept.search(question, 8)]


def haystack(action: str, model: str, folder: Path, passages: list[str]) -> Ask:
    """In-memory document store with sentence-transformers embedders."""
    from haystack import Document
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    place = folder / "store.json"
    if action == "build":
        embedder = SentenceTransformersDocumentEmbedder(model=model, progress_bar=False)
        embedder.warm_up()
        made = InMemoryDocumentStore(embedding_similarity_function="cosine")
        documents = [Document(content=text) for text in dict.fromkeys(passages)]
        made.write_documents(embedder.run(documents)["documents"])
        made.save_to_disk(str(place))
    kept = InMemoryDocumentStore.load_from_disk(str(place))
    asker = SentenceTransformersTextEmbedder(model=model, progress_bar=False)
    asker.warm_up()
    retriever = InMemoryEmbeddingRetriever(kept, top_k=8)

    def ask(question: str) -> list[str]:
        found = retriever.run(asker.run(question)["embedding"])["documents"]
        return [document.content for document in found]

    return ask


PEERS = {"langchain": langchain, "llamaindex": llamaindex, "txtai": txtai, "haystack": haystack}


def main(peer: str, action: str, model: str, folder: Path) -> None:
    """Run one peer and print what it took."""
    passages = json.loads((folder / "passages.json").read_text())
    questions = json.loads((folder / "questions.json").read_text())
    place = folder / peer
    place.mkdir(exist_ok=True)
    started = time.perf_counter()
    ask = PEERS[peer](action, model, place, passages)
    built = time.perf_counter() - started
    print(json.dumps({"first": ask(questions[0])[:1], "seconds": built}), flush=True)
    if action == "ask":
        for question in questions[:10]:
            ask(question)
        times = []
        for question in questions:
            started = time.perf_counter()
            ask(question)
            times.append((time.perf_counter() - started) * 1e3)
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak_mb = int(status.split("VmHWM:")[1].split()[0]) / 1024
        print(json.dumps({"times": times, "peak_mb": peak_mb}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
