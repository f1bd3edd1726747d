"""Prometheus metrics: what came in, how long each stage took, what became of the claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest

from app.record.hooks import ModelCall
from app.record.types import Answer

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FAST = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    60,
    300,
)


class Metrics:
    """One application's metrics in a registry of their own; an `Observer` of the pipeline."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = self._counter("requests", "Requests", "route", "method", "status")
        self._outcomes = self._counter("request_outcomes", "How requests ended", "outcome")
        self._request = self._histogram(
            "request_seconds", "A whole request, streamed to its end", "route"
        )
        self._stage = self._histogram("stage_seconds", "A stage of an answer", "stage")
        self._tokens = self._counter("tokens", "Tokens of model calls", "direction")
        self._calls = self._counter("model_calls", "Model calls by how they ended", "outcome")
        self._retries = self._counter("model_retries", "Model calls that were tried twice")
        self._answers = self._counter("answers", "Answers by how they were made", "mode")
        self._abstentions = self._counter("abstentions", "Answers that say that nothing is known")
        self._fallbacks = self._counter(
            "composed_fallbacks", "Drafts of which too little stood, completed from the evidence"
        )
        self._dropped = self._counter("dropped_claims", "Sentences not shown", "reason")
        self._claims = self._counter("claims", "Sentences shown, by what was found", "status")
        self._conflicts = self._counter("conflicts", "Quantities on which sources disagreed")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"citewise_{name}", what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, *labels: str) -> Histogram:
        return Histogram(f"citewise_{name}", what, labels, registry=self.registry, buckets=_FAST)

    def gauge(self, name: str, what: str, read: Callable[[], float]) -> None:
        """Show a number as it is when it is asked for."""
        Gauge(f"citewise_{name}", what, registry=self.registry).set_function(read)

    def labelled(self, name: str, what: str, read: Callable[[], Mapping[str, str]]) -> None:
        """Show a fact as labels on a 1, read when it is asked for."""
        self.registry.register(_Fact(f"citewise_{name}", what, read))

    def request(self, route: str, method: str, status: int, outcome: str, seconds: float) -> None:
        """A request is over."""
        self._requests.labels(route, method, str(status)).inc()
        self._outcomes.labels(outcome).inc()
        self._request.labels(route).observe(seconds)

    def stage(self, name: str, seconds: float, details: Mapping[str, Any]) -> None:
        """A stage of an answer has just ended."""
        self._stage.labels(name).observe(seconds)

    def model_called(self, call: ModelCall) -> None:
        """A model has just ended its text, or broke, or was stopped."""
        self._calls.labels(call.outcome).inc()
        self._retries.inc(call.retried)
        self._tokens.labels("input").inc(call.usage.prompt_tokens)
        self._tokens.labels("output").inc(call.usage.completion_tokens)
        self._stage.labels("model").observe(call.seconds)
        if call.first_token is not None:
            self._stage.labels("first_token").observe(call.first_token)

    def answered(self, answer: Answer) -> None:
        """An answer is complete."""
        self._answers.labels(answer.mode).inc()
        self._abstentions.inc(answer.abstained)
        self._fallbacks.inc(bool(answer.prompt_sha256) and answer.mode != "draft")
        for dropped in answer.dropped:
            self._dropped.labels(dropped.kind.value).inc()
        for claim in answer.claims:
            self._claims.labels(claim.status).inc()
        self._conflicts.inc(len(answer.conflicts))
        for stage in ("first_sentence", "total"):
            if stage in answer.timings:
                self._stage.labels(stage).observe(answer.timings[stage] / 1e3)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


class _Fact:
    """A collector of one metric whose labels are read anew each time."""

    def __init__(self, name: str, what: str, read: Callable[[], Mapping[str, str]]) -> None:
        self._name, self._what, self._read = name, what, read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = self._read()
        family = GaugeMetricFamily(self._name, self._what, labels=list(labels))
        family.add_metric(list(labels.values()), 1)
        yield family
