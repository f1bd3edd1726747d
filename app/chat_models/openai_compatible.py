"""Any OpenAI-compatible server over HTTP: vLLM first, llama.cpp, SGLang, Ollama or a hosted one.

The stream is read as bytes and parsed with orjson: an SDK in between costs more CPU a token
than the rest of the relay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from app.chat_models import Decoding, Finished, ModelEvent, Piece
from app.errors import (
    CitewiseError,
    ContextOverflow,
    ModelBusy,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    RequestError,
)
from app.types import JsonForm, Message, Usage

__all__ = ["OpenAiCompatibleModel"]

_CONNECT_SECONDS = 5.0
_DEFAULT_CONTEXT = 4096
# Tokens a character where the server has no tokenizer to ask; on the safe side for English.
_TOKENS_PER_CHARACTER = 0.33
_TOKENS_PER_MESSAGE = 8
_LONGEST_LINE = 4 * 2**20
_DONE = b"[DONE]"
_END_SECONDS = 0.05


class OpenAiCompatibleModel:
    """A model behind `POST {url}/chat/completions`."""

    small = False
    writes_json = True

    def __init__(
        self, url: str, *, model: str | None = None, key: str | None = None, timeout: float = 60
    ) -> None:
        """Name the server; nothing is sent yet.

        Args:
            url: the API's base, `/v1` included.
            model: the served model's name; None takes the first that the server lists.
            key: sent as a bearer token.
            timeout: seconds to wait for the next byte.
        """
        self._url = url.rstrip("/")
        self._model = model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=timeout
        )
        self._session: aiohttp.ClientSession | None = None
        self._context: int | None = None
        self._tokenizes = True
        self.waiting = 0

    @property
    def name(self) -> str:
        """The served model's name; the server's address until it is known."""
        return self._model or self._url

    @property
    def context_tokens(self) -> int:
        """The served model's limit, as the server states it, else 4,096."""
        return self._context or _DEFAULT_CONTEXT

    async def ready(self) -> bool:
        """Ask the server for its models."""
        try:
            await self._discover()
        except ModelError:
            return False
        return True

    async def load(self) -> None:
        """Find out the served model's name and context length."""
        if self._context is None:
            await self._discover()

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count with the server's tokenizer where it offers one (vLLM does), else estimate."""
        await self.load()
        if self._tokenizes:
            root = self._url.removesuffix("/v1")
            body = {"model": self._model, "messages": _wire(messages)}
            async with self._request("POST", f"{root}/tokenize", body) as response:
                if response.status == 200:
                    found = orjson.loads(await response.read())
                    return int(found["count"])
                self._tokenizes = False
        characters = sum(len(message.content) for message in messages)
        return int(characters * _TOKENS_PER_CHARACTER) + _TOKENS_PER_MESSAGE * len(messages)

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Relay an answer; closing the generator drops the connection, which stops vLLM."""
        await self.load()
        body: dict[str, Any] = {
            "model": self._model,
            "messages": _wire(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "max_tokens": decoding.max_tokens,
        }
        if decoding.seed is not None:
            body["seed"] = decoding.seed
        if decoding.stop:
            body["stop"] = list(decoding.stop)
        if decoding.form is not None:
            body["response_format"] = _response_format(decoding.form)
        async with self._request("POST", f"{self._url}/chat/completions", body) as response:
            if response.status != 200:
                raise await self._refusal(response, decoding.form)
            async for event in self._events(response):
                yield event

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncGenerator[ModelEvent, None]:
        told = _Told()
        try:
            async with aclosing(_arrivals(response.content)) as arrivals:
                async for arrived in arrivals:
                    texts, failure = told.together(arrived, self.name)
                    if texts:
                        yield Piece("".join(texts), len(texts))
                    if failure is not None:
                        raise failure
        except TimeoutError as error:
            raise ModelTimeout(f"{self.name} fell silent: no token within model_timeout") from error
        except aiohttp.ClientError as error:
            if told.begun:
                raise ModelError(f"{self.name} broke off in mid-stream: {_cause(error)}") from error
            raise ModelUnavailable(
                f"{self.name} broke off before its first token: {_cause(error)}"
            ) from error
        if told.reason is None:
            raise ModelError(
                f"{self.name} ended its stream without a finish_reason: the answer is cut off"
            )
        yield Finished("length" if told.reason == "length" else "stop", told.usage)

    async def _discover(self) -> None:
        async with self._request("GET", f"{self._url}/models", None) as response:
            if response.status != 200:
                raise await self._refusal(response)
            found = _object(await response.read())
        models = [entry for entry in found.get("data") or () if isinstance(entry, dict)]
        served = [str(entry.get("id")) for entry in models]
        if self._model is None:
            if not served:
                raise ModelUnavailable(f"{self._url} serves no model; name one with --model")
            self._model = served[0]
        entry = next((entry for entry in models if entry.get("id") == self._model), None)
        if entry is None:
            raise ModelUnavailable(
                f"{self._url} does not serve {self._model!r}, only {served}; name one of them "
                "with --model"
            )
        limit = entry.get("max_model_len") or entry.get("context_length")
        if limit is None and isinstance(entry.get("meta"), dict):
            limit = entry["meta"].get("n_ctx_train")
        self._context = int(limit) if limit else _DEFAULT_CONTEXT

    def _request(self, method: str, url: str, body: Mapping[str, Any] | None) -> _Request:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)
        return _Request(self._session, method, url, body)

    async def _refusal(
        self, response: aiohttp.ClientResponse, form: JsonForm | None = None
    ) -> CitewiseError:
        text = (await response.read())[:2000]
        try:
            said = _message(_object(text))
        except ModelError:
            said = text.decode(errors="replace")[:200]
        if response.status in (400, 413) and "context" in said.lower():
            return ContextOverflow(f"the prompt does not fit {self.name}: {said}")
        if response.status in (400, 422) and form is not None:
            return RequestError(
                f"the model's server can't honour the form: {said[:200]}", field="form"
            )
        if response.status == 429:
            wait = response.headers.get("Retry-After", "5")
            after = float(wait) if wait.replace(".", "", 1).isdigit() else 5.0
            return ModelBusy(f"{self.name} is busy: {said}", retry_after=min(after, 120.0))
        if response.status >= 500:
            return ModelUnavailable(f"{self.name} answered {response.status}: {said}")
        return ModelError(f"{self.name} refused with {response.status}: {said}")


@dataclass(slots=True)
class _Told:
    """What the chunks of a stream have told so far."""

    reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    begun: bool = False

    def together(self, arrived: Sequence[bytes], name: str) -> tuple[list[str], ModelError | None]:
        """Take in what came together: its pieces of text, and what went wrong after them."""
        texts: list[str] = []
        try:
            for data in arrived:
                texts += self.texts(_object(data), name)
        except ModelError as error:
            return texts, error
        return texts, None

    def texts(self, chunk: Mapping[str, Any], name: str) -> Iterator[str]:
        """Take a chunk in and yield its pieces of text."""
        if "error" in chunk:
            raise ModelError(f"{name} failed in mid-stream: {_message(chunk)}")
        used = chunk.get("usage")
        if isinstance(used, dict):
            self.usage = Usage(
                int(used.get("prompt_tokens") or 0), int(used.get("completion_tokens") or 0)
            )
        for choice in chunk.get("choices") or ():
            self.reason = choice.get("finish_reason") or self.reason
            text = (choice.get("delta") or {}).get("content")
            if text:
                self.begun = True
                yield text


async def _arrivals(content: aiohttp.StreamReader) -> AsyncGenerator[list[bytes], None]:
    """The data of the server-sent events that came together, up to `[DONE]` or the end.

    Read as it arrives and not line by line: under load many tokens come at once.
    """
    rest = b""
    async for arrived in content.iter_any():
        *lines, rest = (rest + arrived).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise ModelError(f"the model server sent a line of more than {_LONGEST_LINE} bytes")
        data = _data_of(lines)
        done = data[-1:] == [_DONE]
        yield data[:-1] if done else data
        if done:
            await _read_out(content)
            return
    yield [data for data in _data_of([rest]) if data != _DONE]


def _data_of(lines: Iterable[bytes]) -> list[bytes]:
    """The data of each event, at most up to and with `[DONE]`."""
    found = []
    for line in lines:
        if line.startswith(b"data:"):
            found.append(line[5:].strip())
            if found[-1] == _DONE:
                break
    return found


async def _read_out(content: aiohttp.StreamReader) -> None:
    """Read the end of a body that is due now, so that its connection serves again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await content.read()


class _Request:
    """A request whose failures to connect are the tree's own error."""

    def __init__(
        self, session: aiohttp.ClientSession, method: str, url: str, body: Mapping[str, Any] | None
    ) -> None:
        self._session, self._method, self._url, self._body = session, method, url, body
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse:
        data = orjson.dumps(self._body) if self._body is not None else None
        try:
            self._response = await self._session.request(
                self._method, self._url, data=data, headers={"Content-Type": "application/json"}
            )
        except aiohttp.SocketTimeoutError as error:
            raise ModelTimeout(f"no answer in time from the model at {self._url}") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ModelUnavailable(
                f"no answer from the model at {self._url}: {_cause(error)}; start it, or point "
                "model_url at one that runs"
            ) from error
        return self._response

    async def __aexit__(self, *exc_info: object) -> None:
        if self._response is not None:
            # Not read to its end, the connection is closed: that is what cancels the model.
            self._response.close()


def _wire(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _response_format(form: JsonForm) -> dict[str, Any]:
    if form.schema is None:
        return {"type": "json_object"}
    described = {"name": form.name, "schema": form.schema, "strict": True}
    return {"type": "json_schema", "json_schema": described}


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ModelError(f"the model server sent what is no JSON: {data[:120]!r}") from error
    if not isinstance(found, dict):
        raise ModelError(f"the model server sent no JSON object: {data[:120]!r}")
    return found


def _message(body: Mapping[str, Any]) -> str:
    error = body.get("error", body)
    if isinstance(error, dict):
        error = error.get("message") or error
    return str(error)[:500]


def _cause(error: BaseException) -> str:
    return str(error) or type(error).__name__
