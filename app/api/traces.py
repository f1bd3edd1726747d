"""OpenTelemetry traces, off unless a setting asks: a span a request, a stage and a model call.

Names follow the semantic conventions for generative AI (open-telemetry/semantic-conventions-genai,
in development: `gen_ai.operation.name` chat and retrieval, `gen_ai.request.*`, `gen_ai.usage.*`)
and for HTTP servers. What was asked is in no span unless the setting `log_questions` says so.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from app.config.settings import Settings
from app.record.errors import SettingsError
from app.record.hooks import ModelCall
from app.record.types import Answer

__all__ = ["NoTraces", "Traces", "open_traces"]

_INSTALL = "python -m pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"


def open_traces(settings: Settings) -> Traces | NoTraces:
    """Traces as the settings ask for them.

    Raises:
        SettingsError: they are asked for, but the packages are missing or the address is none.
    """
    if settings.traces is None:
        return NoTraces()
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.export import (
            BatchSpanProcessor,
            ConsoleSpanExporter,
            SimpleSpanProcessor,
        )

        processor: SpanProcessor
        if settings.traces == "console":
            shown = ConsoleSpanExporter(out=sys.stderr, formatter=_one_line)
            processor = SimpleSpanProcessor(shown)
        else:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=_address(settings.traces)))
    except ImportError as error:
        raise SettingsError(
            f"got traces {settings.traces!r}, but {error.name} is not installed; get it with: "
            f"{_INSTALL}"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "citewise"}))
    provider.add_span_processor(processor)
    return Traces(
        provider.get_tracer("citewise"), provider.shutdown, questions=settings.log_questions
    )


def _one_line(span: Any) -> str:  # noqa: ANN401 - the SDK's own, absent where it isn't installed
    return str(span.to_json(indent=None)) + "\n"


def _address(given: str) -> str:
    if not given.startswith(("http://", "https://")):
        raise SettingsError(
            f"got traces {given!r}, expected console or an OTLP address such as "
            "http://127.0.0.1:4318"
        )
    return given if given.endswith("/v1/traces") else f"{given.rstrip('/')}/v1/traces"


class NoTraces:
    """Nothing is traced."""

    @contextmanager
    def request(self, method: str, route: str, headers: Mapping[str, str]) -> Iterator[None]:
        """Trace nothing."""
        yield

    def finished(self, fields: Mapping[str, Any]) -> None:
        """Note nothing."""

    def close(self) -> None:
        """Nothing to close."""


class Traces:
    """Makes spans; an `Observer` of the pipeline."""

    def __init__(self, tracer: Tracer, close: Any, *, questions: bool) -> None:  # noqa: ANN401
        self._tracer, self._close, self._questions = tracer, close, questions

    def close(self) -> None:
        """Send what has not been sent yet."""
        self._close()

    @contextmanager
    def request(self, method: str, route: str, headers: Mapping[str, str]) -> Iterator[Span]:
        """A span around a request, within the caller's trace if it names one."""
        span = self._tracer.start_span(
            f"{method} {route}",
            context=propagate.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
        )
        token = context.attach(trace.set_span_in_context(span))
        try:
            yield span
        finally:
            context.detach(token)
            span.end()

    def finished(self, fields: Mapping[str, Any]) -> None:
        """Note on the request's span how it ended."""
        span = trace.get_current_span()
        status = fields["status"] or 0
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("citewise.request.id", fields["request_id"])
        if status >= 500 or fields["outcome"] in ("broken", "failed"):
            span.set_attribute("error.type", str(fields.get("error") or status))
            span.set_status(StatusCode.ERROR)

    def stage(self, name: str, seconds: float, details: Mapping[str, Any]) -> None:
        """A span for a stage that has just ended."""
        attributes: dict[str, Any] = {}
        if name == "retrieve":
            attributes = {
                "gen_ai.operation.name": "retrieval",
                "gen_ai.data_source.id": details.get("index", ""),
                "gen_ai.request.top_k": details.get("k", 0),
            }
            if self._questions:
                attributes["gen_ai.retrieval.query.text"] = details.get("query", "")
        shown = f"retrieval {attributes['gen_ai.data_source.id']}" if attributes else name
        self._past(shown, seconds, attributes).end()

    def model_called(self, call: ModelCall) -> None:
        """A span for a model call that has just ended."""
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": call.provider,
            "gen_ai.request.model": call.model,
            "gen_ai.request.stream": True,
            **{f"gen_ai.request.{name}": value for name, value in call.request.items()},
            "gen_ai.usage.input_tokens": call.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": call.usage.completion_tokens,
        }
        if call.finish_reason:
            attributes["gen_ai.response.finish_reasons"] = [call.finish_reason]
        if call.first_token is not None:
            attributes["gen_ai.response.time_to_first_chunk"] = call.first_token
        if call.outcome not in ("ok", "stopped"):
            attributes["error.type"] = call.outcome
        span = self._past(f"chat {call.model}", call.seconds, attributes, SpanKind.CLIENT)
        if "error.type" in attributes:
            span.set_status(StatusCode.ERROR, call.outcome)
        span.end()

    def answered(self, answer: Answer) -> None:
        """What became of the answer, on the request's span."""
        trace.get_current_span().set_attributes(
            {
                "citewise.answer.mode": answer.mode,
                "citewise.answer.abstained": answer.abstained,
                "citewise.answer.claims": len(answer.claims),
                "citewise.answer.dropped": len(answer.dropped),
                "citewise.answer.conflicts": len(answer.conflicts),
                "citewise.persona": answer.persona,
            }
        )

    def _past(
        self,
        name: str,
        seconds: float,
        attributes: Mapping[str, Any],
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> Span:
        begun = time.time_ns() - int(seconds * 1e9)
        return self._tracer.start_span(name, kind=kind, attributes=attributes, start_time=begun)
