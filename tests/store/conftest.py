"""A store in each kind of database, and something to put into it."""

from __future__ import annotations

from app.record.types import Answer, Citation, Claim, Conflict, ConflictValue, Message, Retrieved
from app.store import Exchange
from index.types import Hit, Passage, PassageKind, Source

OWNER = "reader:a"


def exchange(
    question: str = "What is attention?", text: str = "A weighing of values [1]."
) -> Exchange:
    source = Source("v", "Vaswani et al. (2017)", "https://arxiv.org/abs/1706.03762", 2017)
    passage = Passage(
        "attention/faq/0", PassageKind.FAQ, "attention", "Attention", question, "It weighs values.",
        (source,),
    )  # fmt: skip
    answer = Answer(
        "ans-1",
        text,
        False,
        citations=(
            Citation(1, passage.id, source.url, source.label, "weighs values", 3, 16, 2017, 0.9),
        ),
        claims=(Claim(text, 0, len(text), (1,), (passage.id,), "supported", 0.95, (0,)),),
        conflicts=(Conflict("heads", (ConflictValue("8", passage.id, 1),)),),
        timings={"total": 12.5},
        persona="citewise-expert",
        index_fingerprint="0123456789abcdef",
    )
    found = Retrieved(
        question, (Hit(passage, 0.9, {"dense": 0.8, "lexical": 3.1}),), answer.conflicts, True, 0.8,
        answer.index_fingerprint, ("Why?",), {"dense": 0.4},
    )  # fmt: skip
    return Exchange(question, answer, found, (Message("user", "Hello"),))
