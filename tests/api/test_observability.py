"""Metrics, traces and logs, of the real pipeline behind a real server."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client.parser import text_string_to_metric_families

from app.api import log_to, server
from app.api.keys import add_key
from app.api.logs import chosen_format
from app.api.metrics import Metrics
from app.api.traces import Traces, open_traces
from app.chat_models.scripted import ScriptedChatModel
from app.config.settings import Settings
from app.record.errors import SettingsError
from app.record.reasons import Objection, Reason
from app.record.types import Answer, Dropped
from index.live import LiveIndex
from tests.api.conftest import FakePipeline, asking, serving, settings_of
from tests.api.real import ASKED, real_app
from tests.scripted import listening

CHAT = "/v1/chat/completions"
GOOD = (
    "Dividing by √d_k keeps the scores at a stable size whatever the head width, so the softmax "
    "stays sensitive and its gradients do not vanish [1]. "
)
BAD = "Exactly 8123 llamas proved this in 1853 [1]. "
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def metrics_of(text: str) -> dict[tuple[str, str], float]:
    """Samples by name and the values of their labels, joined."""
    return {
        (sample.name, "|".join(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_what_was_answered(live_index: LiveIndex) -> None:
    app = real_app(live_index, ScriptedChatModel([GOOD, BAD]))
    with listening(app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        assert http.post(CHAT, json=asking(ASKED)).status_code == 200
        assert http.post(CHAT, json=asking("Who won the 1998 World Cup?")).status_code == 200
        assert http.post(CHAT, json=asking(ASKED, temperature=9)).status_code == 400
        http.get("/v1/models/citewise-expert")
        http.get("/v1/no/such/thing")
        http.request("PROPFIND", "/v1/models")
        reply = once_counted(http, "_OTHER|/v1/models|405")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = metrics_of(reply.text)
    assert found["citewise_requests_total", f"POST|{CHAT}|200"] == 2
    assert found["citewise_requests_total", f"POST|{CHAT}|400"] == 1
    assert found["citewise_requests_total", "GET|/v1/models/{model:path}|200"] == 1
    assert found["citewise_requests_total", "GET|(unknown)|404"] == 1
    assert found["citewise_requests_total", "_OTHER|/v1/models|405"] == 1
    for stage in ("rewrite", "retrieve", "gate"):
        assert found["citewise_stage_seconds_count", stage] == 2
    for stage in ("model", "first_token", "verify", "first_sentence"):
        assert found["citewise_stage_seconds_count", stage] == 1
    assert found["citewise_stage_seconds_count", "total"] == 2
    assert found["citewise_answers_total", "abstained"] == 1
    assert found["citewise_abstentions_total", ""] == 1
    assert found["citewise_dropped_claims_total", "number"] == 1
    assert found["citewise_composed_fallbacks_total", ""] == 1
    assert found["citewise_claims_total", "supported"] >= 1
    assert found["citewise_tokens_total", "input"] > 200
    assert found["citewise_tokens_total", "output"] == len((GOOD + BAD).split())
    assert found["citewise_model_calls_total", "ok"] == 1
    assert found["citewise_requests_running", ""] == 0
    assert found["citewise_model_breaker_open", ""] == 0
    fingerprint = live_index.index.fingerprint
    count = len(live_index.index.passages)
    assert found["citewise_index_info", f"citewise-dpr|{fingerprint}|{count}"] == 1
    assert found["process_open_fds", ""] > 0


def once_counted(http: httpx.Client, request: str) -> httpx.Response:
    """The metrics, once a request is among them: it is counted after its last byte is out."""
    deadline = time.monotonic() + 5
    while True:
        reply = http.get("/metrics")
        if ("citewise_requests_total", request) in metrics_of(reply.text):
            return reply
        assert time.monotonic() < deadline, f"{request} is not counted"


def test_every_application_has_metrics_of_its_own() -> None:
    with serving(FakePipeline()) as one, serving(FakePipeline()) as other:
        one.chat()
        name = ("citewise_requests_total", f"POST|{CHAT}|200")
        assert metrics_of(once_counted(one.http, name[1]).text)[name] == 1
        assert name not in metrics_of(other.http.get("/metrics").text)


@pytest.mark.parametrize(
    ("who", "keyless", "with_key"),
    [("auto", 401, 200), ("key", 401, 200), ("open", 200, 200), ("off", 401, 404)],
)
def test_who_may_read_the_metrics(tmp_path: Path, who: str, keyless: int, with_key: int) -> None:
    secret = add_key(tmp_path / "keys.json", "ann")
    with serving(FakePipeline(), metrics=who, api_keys_file=tmp_path / "keys.json") as api:
        assert api.http.get("/metrics").status_code == keyless
        headers = {"authorization": f"Bearer {secret}"}
        assert api.http.get("/metrics", headers=headers).status_code == with_key


def test_without_keys_metrics_are_open_unless_a_key_is_asked_for() -> None:
    with serving(FakePipeline()) as api:
        assert api.http.get("/metrics").status_code == 200
    with (
        pytest.raises(SettingsError, match="api_keys_file"),
        serving(FakePipeline(), metrics="key"),
    ):
        pass


def test_a_dropped_sentence_is_counted_under_its_reason() -> None:
    metrics = Metrics()
    dropped = [Dropped("No.", str(Objection(reason, "x")), reason) for reason in Reason]
    metrics.answered(Answer("ans-1", "", False, dropped=tuple(dropped)))
    shown = metrics.text().decode()
    for reason in Reason:
        assert f'citewise_dropped_claims_total{{reason="{reason.value}"}} 1.0' in shown


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Traces go to memory instead of an address."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def opened(settings: Settings) -> Traces:
        tracer = provider.get_tracer("citewise")
        return Traces(tracer, provider.shutdown, questions=settings.log_questions)

    monkeypatch.setattr(server, "open_traces", opened)
    return exporter


def test_a_span_a_request_a_stage_and_a_model_call(
    live_index: LiveIndex, spans: InMemorySpanExporter
) -> None:
    app = real_app(live_index, ScriptedChatModel([GOOD]))
    with listening(app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        streamed = asking(ASKED, stream=True, temperature=0.25)
        assert http.post(CHAT, json=streamed, headers={"traceparent": CALLER}).status_code == 200
    by_name = {span.name: span for span in spans.get_finished_spans()}
    request = by_name[f"POST {CHAT}"]
    assert request.kind is SpanKind.SERVER
    assert format(request.context.trace_id, "032x") == CALLER.split("-")[1]
    assert _attributes(request)["http.response.status_code"] == 200
    assert _attributes(request)["citewise.answer.mode"] == "draft"
    retrieval = by_name[f"retrieval {live_index.index.fingerprint}"]
    assert _attributes(retrieval)["gen_ai.operation.name"] == "retrieval"
    chat = by_name["chat scripted"]
    assert chat.kind is SpanKind.CLIENT
    told = _attributes(chat)
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == "scripted"
    assert told["gen_ai.request.temperature"] == 0.25
    assert told["gen_ai.usage.output_tokens"] == len(GOOD.split())
    assert told["gen_ai.response.finish_reasons"] == ("stop",)
    for name in ("rewrite", "gate", "verify", chat.name, retrieval.name):
        span = by_name[name]
        assert span.parent is not None
        assert span.parent.span_id == request.context.span_id
        assert span.start_time is not None
        assert request.start_time is not None
        assert request.start_time <= span.start_time
    assert "attention scores" not in "".join(span.to_json() for span in by_name.values())


def test_a_failed_model_call_is_an_error_in_its_span(
    live_index: LiveIndex, spans: InMemorySpanExporter
) -> None:
    app = real_app(live_index, ScriptedChatModel([GOOD], fail_after=0), log_questions=True)
    with listening(app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        assert http.post(CHAT, json=asking(ASKED)).status_code == 500
    by_name = {span.name: span for span in spans.get_finished_spans()}
    assert by_name["chat scripted"].status.status_code is StatusCode.ERROR
    assert _attributes(by_name["chat scripted"])["error.type"] == "ModelError"
    assert by_name[f"POST {CHAT}"].status.status_code is StatusCode.ERROR
    retrieval = by_name[f"retrieval {live_index.index.fingerprint}"]
    assert _attributes(retrieval)["gen_ai.retrieval.query.text"] == ASKED


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_traces_to_the_console_are_lines_of_json(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(FakePipeline(), traces="console") as api:
        api.http.get("/v1/models")
    line = next(line for line in capfd.readouterr().err.splitlines() if "GET /v1/models" in line)
    assert json.loads(line)["attributes"]["http.route"] == "/v1/models"


async def test_traces_reach_a_collector() -> None:
    received: list[ExportTraceServiceRequest] = []

    async def collect(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        received.append(ExportTraceServiceRequest.FromString(body))
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", collect)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    traces = open_traces(settings_of(traces=f"http://127.0.0.1:{runner.addresses[0][1]}"))
    with traces.request("GET", "/v1/models", {}):
        traces.finished({"status": 200, "outcome": "ok", "request_id": "req_1"})
    await asyncio.to_thread(traces.close)
    await runner.cleanup()
    resource = received[0].resource_spans[0]
    assert resource.scope_spans[0].spans[0].name == "GET /v1/models"
    assert resource.resource.attributes[-1].value.string_value


def test_what_traces_need_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="console or an OTLP address"):
        open_traces(settings_of(traces="nowhere"))
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(SettingsError, match="pip install opentelemetry-sdk"):
        open_traces(settings_of(traces="console"))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = log_to(stream, form="console")
    yield stream
    logger = logging.getLogger("citewise")
    logger.removeHandler(handler)
    logger.propagate = True


def test_the_console_log_is_a_line_a_request(log: io.StringIO) -> None:
    with serving(FakePipeline()) as api:
        api.chat("a secret question")
    line = log.getvalue().strip()
    assert "\n" not in line
    assert 'path="/v1/chat/completions" status=200 outcome="ok"' in line
    assert "secret" not in line


def test_questions_are_logged_only_where_asked(log: io.StringIO) -> None:
    with serving(FakePipeline(), log_questions=True) as api:
        api.chat("a chatted question")
        api.http.post("/v1/responses", json={"model": "citewise-expert", "input": "a response's"})
        api.http.post("/v1/retrieve", json={"query": "a retrieved\nquestion"})
    for asked in ('"a chatted question"', '"a response\'s"', '"a retrieved\\nquestion"'):
        assert f"question={asked}" in log.getvalue()


def test_the_log_is_for_people_on_a_terminal_and_for_programs_elsewhere() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert chosen_format("auto", Terminal()) == "console"
    assert chosen_format("auto", io.StringIO()) == "json"
    assert chosen_format("json", Terminal()) == "json"
