"""Where the citations of an answer stand: in its claims, and never in their code."""

from __future__ import annotations

import pytest

from app.record.markers import markers_of
from app.record.types import Claim


@pytest.mark.parametrize(
    "body",
    [
        "Take the second: `a[1]`. [1]",
        "```\nfirst = a[1]\n```\n\n[1]",
        "```\n|\n| a[1] ~~~ `b`\n```\n\n[1]",
        "````python\n```\na[1]\n````\n[1]",
    ],
)
def test_an_index_in_code_is_no_citation(body: str) -> None:
    text = f"Before [1].\n\n{body}"
    start = text.index(body)
    claim = Claim(body, start, len(text), (1,), ("t/faq/0",), "supported", 1.0, (), "quoted")
    assert [marker.start for marker in markers_of(text, [claim])] == [text.rindex("[1]")]
