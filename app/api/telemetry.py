"""What the edge tells about requests: the log's line, the metrics, the traces."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from app.api.accounts import Meter
from app.api.logs import log_request
from app.api.metrics import Metrics
from app.api.serving import Serving
from app.api.traces import NoTraces, Traces
from app.chat_models.guarded import GuardedModel

__all__ = ["Telemetry"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Telemetry:
    """Metrics and traces of one application, fed by the edge and by the pipeline."""

    def __init__(self, serving: Serving, traces: Traces | NoTraces) -> None:
        self.metrics, self._traces = Metrics(), traces
        observers = serving.pipeline.observers
        observers.add(self.metrics)
        observers.add(Meter())
        if isinstance(traces, Traces):
            observers.add(traces)
        self._show_state(serving)

    def _show_state(self, serving: Serving) -> None:
        metrics, pipeline, admission = self.metrics, serving.pipeline, serving.admission
        metrics.gauge("requests_running", "Requests worked on", lambda: admission.active)
        metrics.gauge("requests_queued", "Requests that wait", lambda: admission.waiting)
        metrics.gauge(
            "model_queue", "Calls that wait for the model", lambda: pipeline.model.waiting
        )
        metrics.gauge("answers_running", "Answers in the making", lambda: pipeline.running)
        metrics.gauge("draining", "1 while shutting down", lambda: serving.drain.begun)
        metrics.labelled(
            "model_info",
            "The model, and whether its breaker lets calls through",
            lambda: {"model": pipeline.model.name, "breaker": _breaker(serving)},
        )
        metrics.gauge(
            "model_breaker_open", "1 while the model is left alone",
            lambda: _breaker(serving) == "open",
        )  # fmt: skip
        metrics.labelled("index_info", "The index that serves", lambda: _index(serving))

    def request(
        self, method: str, route: str, headers: Mapping[str, str]
    ) -> AbstractContextManager[Any]:
        """A span for as long as the block."""
        return self._traces.request(_known(method), route, headers)

    def finished(self, route: str, fields: Mapping[str, Any]) -> None:
        """Leave a request's line in the log and count it."""
        log_request(fields)
        self.metrics.request(
            route, _known(fields["method"]), fields["status"] or 0, fields["outcome"],
            fields["ms"] / 1e3,
        )  # fmt: skip
        self._traces.finished(fields)

    def close(self) -> None:
        """Send what has not been sent yet."""
        self._traces.close()


def _known(method: str) -> str:
    """A method as a label: one of few, whatever a client sends."""
    return method if method in _METHODS else "_OTHER"


def _breaker(serving: Serving) -> str:
    model = serving.pipeline.model
    return model.breaker if isinstance(model, GuardedModel) else "closed"


def _index(serving: Serving) -> dict[str, str]:
    retriever = serving.pipeline.live_index.retriever()
    return {
        "fingerprint": retriever.index.fingerprint,
        "passages": str(len(retriever.index.passages)),
        "encoder": retriever.encoder.info.name,
    }
