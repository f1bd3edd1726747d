"""Any OpenAI-compatible endpoint by URL; what it says about its grounding is read where it does."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from eval.cases import Case
from eval.errors import EvaluationError
from eval.metrics.abstention import looks_like_abstention
from eval.samples import Cited, Claimed, Output

__all__ = ["EndpointTarget", "output_of"]

_SECONDS = 300.0


class EndpointTarget:
    """`POST {url}/chat/completions`, unstreamed, one request a case.

    `x_grounding` is read where the answer has it; else Perplexity's `search_results` and
    `citations`; else the answer has no citations, and abstention is told by its words.
    """

    parallel = 4

    def __init__(
        self, url: str, *, model: str | None = None, key: str | None = None,
        sampling: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Name the endpoint; nothing is sent yet.

        Args:
            url: the API's base, `/v1` included.
            model: the model asked for; None asks for the persona by its name.
            key: sent as a bearer token.
            sampling: further fields of each request, such as temperature; None is left out.
        """
        self._url, self._model = url.rstrip("/"), model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._sampling = {k: v for k, v in (sampling or {}).items() if v is not None}
        self._session: aiohttp.ClientSession | None = None

    def identity(self) -> dict[str, Any]:
        """Return the address, model and sampling; what runs behind it is not known."""
        return {
            "target": self._url, "kind": "endpoint", "model": self._model or "",
            "sampling": self._sampling,
        }  # fmt: skip

    async def ask(self, case: Case, persona: str, seed: int | None) -> Output:
        """Send one request.

        Raises:
            EvaluationError: no answer came, or one that is no chat completion.
        """
        body: dict[str, Any] = {
            "model": self._model or persona,
            "messages": [
                *({"role": turn.role, "content": turn.content} for turn in case.history),
                {"role": "user", "content": case.question},
            ],
            **self._sampling,
        }
        if seed is not None:
            body["seed"] = seed
        started = time.perf_counter()
        reply = await self._post(body)
        return output_of(reply, (time.perf_counter() - started) * 1e3)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=aiohttp.ClientTimeout(total=_SECONDS)
            )
        address = f"{self._url}/chat/completions"
        try:
            async with self._session.post(address, json=body) as response:
                raw = await response.text()
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EvaluationError(
                f"{address} gave no answer ({type(error).__name__}: {error}); expected an "
                "OpenAI-compatible server there: check --target, /v1 included"
            ) from error
        if status != 200:
            raise EvaluationError(f"{address} answered {status}, expected 200: {raw:.300}")
        try:
            found = json.loads(raw)
        except ValueError as error:
            raise EvaluationError(f"{address} answered no JSON: {raw:.200}") from error
        if not isinstance(found, dict) or not found.get("choices"):
            raise EvaluationError(f"{address} answered no chat completion: {raw:.200}")
        return found


def output_of(reply: Mapping[str, Any], milliseconds: float) -> Output:
    """Read a chat completion."""
    text = reply["choices"][0]["message"].get("content") or ""
    usage = reply.get("usage") or {}
    grounding = reply.get("x_grounding")
    sources = grounding["sources"] if grounding else _sources(reply)
    citations: list[Cited] = []
    passages: dict[str, str] = {}
    for source in sources:
        refs = source.get("refs") or [source.get("url") or f"source {source['n']}"]
        quotes = source.get("quotes") or [""]
        for position, ref in enumerate(refs):
            quote = quotes[min(position, len(quotes) - 1)]
            citations.append(
                Cited(source["n"], ref, source.get("url", ""), source.get("title", ""), quote)
            )
            passages[ref] = f"{passages.get(ref, '')}\n{quote}".strip()
    return Output(
        text=text,
        abstained=grounding["abstained"] if grounding else looks_like_abstention(text),
        confidence=grounding["retrieval_confidence"] if grounding else None,
        citations=tuple(citations),
        claims=_claims(text, grounding, citations) if grounding else (),
        conflicts=tuple(
            tuple(value["value"] for value in conflict["values"])
            for conflict in (grounding or {}).get("conflicts", ())
        ),
        passages=passages,
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        timings={"seen_last": milliseconds},
        model=reply.get("model", ""),
        mode="endpoint",
        standalone_query=(grounding or {}).get("standalone_query", ""),
        index_fingerprint=(grounding or {}).get("index_fingerprint", ""),
        act=(grounding or {}).get("act", ""),
        missing=tuple((grounding or {}).get("missing", ())),
    )


def _sources(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    results = reply.get("search_results") or [{"url": url} for url in reply.get("citations") or ()]
    return [
        {
            "n": n, "url": found.get("url", ""), "title": found.get("title", ""),
            "quotes": [found.get("snippet") or ""],
        }
        for n, found in enumerate(results, 1)
    ]  # fmt: skip


def _claims(text: str, grounding: Mapping[str, Any], citations: list[Cited]) -> tuple[Claimed, ...]:
    """Claims name source numbers, so all passages of a source stand behind one."""
    return tuple(
        Claimed(
            text[claim["start"] : claim["end"]],
            claim["start"],
            claim["end"],
            tuple(claim["cites"]),
            tuple(c.ref for c in citations if c.n in claim["cites"]),
            claim["status"],
        )
        for claim in grounding["claims"]
    )
