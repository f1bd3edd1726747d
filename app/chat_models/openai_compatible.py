"""Any OpenAI-compatible server over HTTP: vLLM first, llama.cpp, SGLang, Ollama or a hosted one.

The stream is read as bytes and parsed with orjson: an SDK in between costs more CPU a token
than the rest of the relay.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import aiohttp
import orjson

from app.chat_models import Decoding, Finished, ModelEvent
from app.chat_models.context_length import context_length
from app.chat_models.openai_stream import Told, arrivals, json_object, message_in
from app.record.errors import (
    CitewiseError,
    ContextOverflow,
    ModelBusy,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    RequestError,
)
from app.record.types import FinishReason, JsonForm, Message, Usage

__all__ = ["OpenAiCompatibleModel"]

_log = logging.getLogger("citewise.model")
_CONNECT_SECONDS = 5.0
_DEFAULT_CONTEXT = 4096
# Tokens a character where the server has no tokenizer to ask; on the safe side for English.
_TOKENS_PER_CHARACTER = 0.33
_TOKENS_PER_MESSAGE = 8
_TOP_LOGPROBS = 20  # the most that OpenAI, vLLM and Ollama tell
# Servers that hand choices on to the model's template; others refuse a field that they don't know.
_TAKE_TEMPLATE_CHOICES = ("vllm", "sglang", "llamacpp")
_OLLAMA = "library"
_NO_SUCH_ROUTE = (400, 401, 403, 404, 405, 422, 501)


class OpenAiCompatibleModel:
    """A model behind `POST {url}/chat/completions`."""

    small = False
    writes_json = True

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        key: str | None = None,
        timeout: float = 60,
        context: int | None = None,
    ) -> None:
        """Name the server; nothing is sent yet.

        Args:
            url: the API's base, `/v1` included.
            model: the served model's name; None takes the first that the server lists.
            key: sent as a bearer token.
            timeout: seconds to wait for the next byte.
            context: tokens that prompt and answer may have; None asks the server.
        """
        self._url = url.rstrip("/")
        self._root = self._url.removesuffix("/v1")
        self._model, self._named = model, model is not None
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=timeout
        )
        self._session: aiohttp.ClientSession | None = None
        self._given_context = context
        self._context: int | None = None
        self._tokenizes = True
        self._owner: object = None
        self._takes_effort = True
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
            body = {"model": self._model, "messages": _wire(messages)}
            found = await self._ask("POST", "/tokenize", body)
            # llama.cpp has the route and means something else by it.
            if found is not None and isinstance(found.get("count"), int):
                return int(found["count"])
            self._tokenizes = False
        characters = sum(len(message.content) for message in messages)
        return int(characters * _TOKENS_PER_CHARACTER) + _TOKENS_PER_MESSAGE * len(messages)

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Relay an answer; closing the generator drops the connection, which stops vLLM."""
        await self.load()
        body = self._body(messages, decoding)
        async with self._request("POST", f"{self._url}/chat/completions", body) as response:
            if response.status != 200:
                refusal = await self._refusal(response, decoding.form)
                if "reasoning_effort" in body and "reason" in str(refusal):
                    # An older Ollama, or a model that can't but think.
                    self._takes_effort = False
                    async for event in self.stream(messages, decoding):
                        yield event
                    return
                if decoding.yes_or_no and "logprobs" in str(refusal):
                    yield Finished("stop", Usage())  # a server that tells no chances says so
                    return
                raise refusal
            async for event in self._events(response):
                yield event

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _body(self, messages: Sequence[Message], decoding: Decoding) -> dict[str, Any]:
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
        if decoding.n > 1:
            body["n"] = decoding.n
        if decoding.tools:
            body["tools"], body["tool_choice"] = list(decoding.tools), "auto"
        if self._owner in _TAKE_TEMPLATE_CHOICES:
            body["chat_template_kwargs"] = {"enable_thinking": False}
        if self._owner == _OLLAMA and self._takes_effort:
            body["reasoning_effort"] = "none"
        if decoding.yes_or_no:
            body["logprobs"], body["top_logprobs"] = True, _TOP_LOGPROBS
        if decoding.form is not None:
            body["response_format"] = _response_format(decoding.form)
        return body

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncGenerator[ModelEvent, None]:
        told = Told()
        try:
            async with aclosing(arrivals(response)) as arriving:
                async for arrived in arriving:
                    pieces, failure = told.together(arrived, self.name)
                    for piece in pieces:
                        yield piece
                    if failure is not None:
                        raise failure
            for piece in told.rest():
                yield piece
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
        reason: FinishReason = "length" if told.reason == "length" else "stop"
        calls = tuple(told.called.values())
        yield Finished(reason, told.usage, calls=calls, yes=told.yes, cached=told.cached)

    async def _discover(self) -> None:
        async with self._request("GET", f"{self._url}/models", None) as response:
            if response.status != 200:
                raise await self._refusal(response)
            found = json_object(await response.read())
        models = [entry for entry in found.get("data") or () if isinstance(entry, dict)]
        served = [str(entry.get("id")) for entry in models]
        if not self._named and self._model not in served:
            if not served:
                raise ModelUnavailable(f"{self._url} serves no model; name one with --model")
            self._model = served[0]
        entry = next((entry for entry in models if entry.get("id") == self._model), None)
        if entry is None:
            raise ModelUnavailable(
                f"{self._url} does not serve {self._model!r}, only {served}; name one of them "
                "with --model"
            )
        self._owner = entry.get("owned_by")
        limit = self._given_context or await context_length(entry, self._ask)
        if limit is None and self._context is None:
            _log.warning(
                "%s does not tell the context length of %s: %d tokens are assumed; say it with "
                "the setting model_context", self._url, self._model, _DEFAULT_CONTEXT,
            )  # fmt: skip
        self._context = limit or _DEFAULT_CONTEXT

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> Mapping[str, Any] | None:
        """Ask what only some servers know; None where this one has no such route."""
        async with self._request(method, self._root + path, body) as response:
            if response.status in _NO_SUCH_ROUTE:
                return None
            if response.status != 200:
                raise await self._refusal(response)
            return json_object(await response.read())

    def _request(self, method: str, url: str, body: Mapping[str, Any] | None) -> _Request:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)
        return _Request(self._session, method, url, body)

    async def _refusal(
        self, response: aiohttp.ClientResponse, form: JsonForm | None = None
    ) -> CitewiseError:
        text = (await response.read())[:2000]
        try:
            said = message_in(json_object(text))
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


def _cause(error: BaseException) -> str:
    return str(error) or type(error).__name__
