"""Of several drafts the best cited one is shown, and what all of them cost is told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest

from app.chat_models import Decoding, Finished, ModelEvent, Piece
from app.chat_models.scripted import ScriptedChatModel
from app.config.settings import load_settings
from app.record.errors import SettingsError
from app.record.types import Final, JsonForm, Message, Question, Sampling, Usage
from app.service import open_model
from tests.conftest import MakePipeline

ASKED = "Why are attention scores divided by the square root of d_k?"
TRUE = "Dividing by √d_k keeps the scores at a stable size whatever the head width [1]. "
ALSO = "With d_k = 64 the divisor is 8 [1]. "
FALSE = "With d_k = 64 the divisor is 12 [1]. "


@dataclass
class Many(ScriptedChatModel):
    """Writes one draft a choice, their words taking turns."""

    drafts: Sequence[str] = ()
    asked: list[Decoding] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(())

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        self.asked.append(decoding)
        drafts = [draft.split(" ") for draft in self.drafts[: decoding.n]]
        for turn in range(max(map(len, drafts))):
            for choice, words in enumerate(drafts):
                if turn < len(words):
                    yield Piece(words[turn] + " ", choice=choice)
        yield Finished("stop", Usage(100, sum(map(len, drafts))))


async def answer(make_pipeline: MakePipeline, model: Many, question: Question) -> Final:
    pipeline = make_pipeline(model, answer_mode="draft", best_of=3, least_supported=1)
    events = [event async for event in pipeline.answer(question)]
    assert isinstance(events[-1], Final)
    return events[-1]


async def test_the_draft_with_most_that_stands_is_shown(make_pipeline: MakePipeline) -> None:
    model = Many(drafts=[FALSE + TRUE, TRUE + ALSO, FALSE])
    final = await answer(make_pipeline, model, Question(ASKED, sampling=Sampling(temperature=1.0)))
    assert "the divisor is 8" in final.answer.text
    assert final.answer.dropped == ()
    assert model.asked[0].n == 3
    assert final.answer.usage == Usage(100, sum(len(d.split(" ")) for d in model.drafts))


async def test_what_had_to_go_counts_against_a_draft(make_pipeline: MakePipeline) -> None:
    model = Many(drafts=[FALSE + TRUE, TRUE])
    pipeline = make_pipeline(model, answer_mode="draft", best_of=2, least_supported=1)
    question = Question(ASKED, sampling=Sampling(temperature=0.7))
    events = [event async for event in pipeline.answer(question)]
    assert isinstance(events[-1], Final)
    assert events[-1].answer.dropped == ()


@pytest.mark.parametrize(
    "question",
    [
        Question(ASKED, sampling=Sampling(temperature=0.0)),
        Question(ASKED, sampling=Sampling(temperature=1.0), form=JsonForm()),
    ],
)
async def test_one_is_written_where_more_are_of_no_use(
    make_pipeline: MakePipeline, question: Question
) -> None:
    model = Many(drafts=['{"why": "' + TRUE.strip() + '"}' if question.form else TRUE + ALSO])
    await answer(make_pipeline, model, question)
    assert [decoding.n for decoding in model.asked] == [1]


def test_engines_that_write_one_at_a_time_refuse_it() -> None:
    with pytest.raises(SettingsError, match="model_url"):
        open_model(load_settings(best_of=2))
