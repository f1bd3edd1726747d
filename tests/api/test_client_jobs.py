"""Which requests are a client's chores, by the texts that clients send."""

from __future__ import annotations

import pytest

from app.chat_models.scripted import ScriptedChatModel
from app.question.client_jobs import answer_chore, is_chore
from app.record.errors import ModelError
from app.record.types import Delta, Final, Question, Sampling

HISTORY = "### Chat History:\n<chat_history>\nUSER: What is BPE?\n</chat_history>"
CHORES = [
    "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history.\n"
    '### Output:\nJSON format: { "tags": ["tag1", "tag2", "tag3"] }\n' + HISTORY,
    "### Task:\nSuggest 3-5 relevant follow-up questions or prompts.\n### Output:\n"
    'JSON format: { "follow_ups": ["Question 1?"] }\n' + HISTORY,
    "### Task:\nSuggest 3-5 relevant follow-up questions.\n"
    "- Response must be a JSON array of strings, no extra text.\n" + HISTORY,
    "### Task:\nYou are an autocompletion system.\n"
    'Respond only in JSON format: `{ "text": "<your_completion>" }`.\n' + HISTORY,
    "Your task is to reflect the speaker's likely facial expression through a fitting emoji.",
    "Provide a concise, 5-word-or-less title for the conversation, using its same language.",
    "Please generate a four to five word title summarizing our conversation without any lead-in",
    "Generate a concise 3-7 word title for this conversation, omitting punctuation.",
    "Summarize the discussion briefly in 200 words or less to use as a prompt for future context.",
]
QUESTIONS = [
    "What is the title of the paper that introduced attention?",
    "How do chat clients generate a title for a conversation?",
    "Summarize the discussion of scaling laws in Kaplan et al.",
    "### Task:\nWhat is beam search?",
    "What does <chat_history> mean in a prompt?",
    "Generate a concise explanation of LoRA.",
    'Explain why {"title": "x"} is valid JSON.',
]


@pytest.mark.parametrize("text", CHORES)
def test_chores(text: str) -> None:
    assert is_chore(Question(text))


@pytest.mark.parametrize("text", QUESTIONS)
def test_questions_are_no_chores(text: str) -> None:
    assert not is_chore(Question(text))


def test_a_chore_may_be_in_the_system_prompt() -> None:
    told = "Generate a 2-5 word title for this conversation. No quotes."
    assert is_chore(Question("What is BPE?", instructions=told))


async def test_the_model_answers_a_chore_alone() -> None:
    model = ScriptedChatModel(["A ", "title"])
    question = Question(CHORES[5], instructions="Be brief.", sampling=Sampling(max_tokens=9999))
    events = [event async for event in answer_chore(model, question)]
    assert [event.text for event in events if isinstance(event, Delta)] == ["A title"]
    final = events[-1]
    assert isinstance(final, Final)
    assert (final.answer.text, final.answer.citations) == ("A title", ())
    assert [message.role for message in model.prompts[0]] == ["system", "user"]
    assert model.decodings[0].max_tokens == 256


async def test_a_long_conversation_is_cut_to_what_the_model_has_room_for() -> None:
    model = ScriptedChatModel(["A title"])
    told = CHORES[0].replace("What is BPE?", "What is BPE? " * 20_000)
    _ = [event async for event in answer_chore(model, Question(told))]
    prompt = model.prompts[0]
    assert await model.count_tokens(prompt) + 256 <= model.context_tokens
    assert prompt[-1].content.startswith("### Task:")
    assert "BPE?" in prompt[-1].content


async def test_a_model_that_breaks_off_is_an_error() -> None:
    model = ScriptedChatModel(["A "], fail_after=0)
    with pytest.raises(ModelError):
        _ = [event async for event in answer_chore(model, Question(CHORES[5]))]
