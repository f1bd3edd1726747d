"""schemathesis on the endpoint's own description: a small part of what `make judges` runs."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import Running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
WITH_BODY, WITHOUT = 50, 5


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_generated_requests_get_documented_answers(api: Running, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(api.http.get("/openapi.json").json())
    tried: list[str] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.body or mode is GenerationMode.POSITIVE:
            _try(api, operation, mode)
            tried.append(operation.label)
    expected = {"POST /v1/chat/completions", "POST /v1/responses", "POST /v1/embeddings"}
    assert expected <= set(tried)


def _try(api: Running, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> None:
    @settings(
        max_examples=WITH_BODY if operation.body else WITHOUT,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def run(case: Case[Any]) -> None:
        case.call_and_validate(base_url=api.url, checks=CHECKS)

    run()
