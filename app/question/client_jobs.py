"""A client's own chores: titles, tags, follow-ups, search queries, completions of a draft.

Chat front ends send these to the model that the user selected, as ordinary requests. They ask
for words about the conversation, not about the subject: retrieval would find nothing that
bears on them, the gate would refuse and the title would read "I don't know". So the model
answers them alone. The price is an answer without grounding; it is kept small: the request
must have a documented shape from its first word on, the answer is short, and it carries no
citations.

The shapes:

- Open WebUI (`backend/open_webui/config.py`, the DEFAULT_…_PROMPT_TEMPLATEs): one user message
  that begins with `### Task:`, quotes the conversation in `<chat_history>` and asks for JSON
  with one of a few keys. Its emoji task has a sentence of its own.
- LibreChat, NextChat, Zed and many small ones: an imperative that begins the message or the
  system prompt, "generate a concise, 5-word title for this conversation".
- NextChat's memory: "Summarize the discussion briefly in 200 words or less to use as a prompt
  for future context."
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from app.chat_models import ChatModel, Decoding, Finished
from app.record.errors import ModelError
from app.record.sanitize import inert, plain_text
from app.record.types import Answer, Delta, Final, Message, Question, Usage

__all__ = ["MAX_TOKENS", "answer_chore", "is_chore"]

MAX_TOKENS = 256
_LEAST = 1000

_OPEN_WEBUI_TASK = re.compile(r"\s*#{1,4} Task:\s")
_OPEN_WEBUI_KEY = re.compile(r'\{\s*\\?"(?:title|tags|follow_ups|queries|text|prompt)\\?"\s*:')
_OPEN_WEBUI_LIST = re.compile(r"\bJSON array of strings\b")
_OPEN_WEBUI_EMOJI = "Your task is to reflect the speaker's likely facial expression"
_TITLE = re.compile(
    r"\s*(?:please\s+)?(?:generate|create|write|provide|suggest|give me|come up with|"
    r"now give me)\s+(?:a|an|the)\s+(?:[\w,–-]+\s+){0,8}?title\s+(?:for|of|summarizing|"
    r"that summarizes)\s+(?:(?:the|this|our|a)\s+)?(?:[\w-]+\s+){0,2}?(?:conversation|chat)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"\s*summarize (?:the|our) (?:discussion|conversation) briefly in \d+ words or less "
    r"to use as a prompt for future context",
    re.IGNORECASE,
)


def is_chore(question: Question) -> bool:
    """Tell whether a question is a client's chore, by its shape alone."""
    text = question.text
    if _OPEN_WEBUI_TASK.match(text):
        quotes = "<chat_history>" in text
        return quotes and bool(_OPEN_WEBUI_KEY.search(text) or _OPEN_WEBUI_LIST.search(text))
    if text.lstrip().startswith(_OPEN_WEBUI_EMOJI):
        return True
    return any(
        shape.match(said) for said in (text, question.instructions) for shape in (_TITLE, _SUMMARY)
    )


async def answer_chore(
    model: ChatModel, question: Question, max_tokens: int = MAX_TOKENS
) -> AsyncGenerator[Delta | Final, None]:
    """Let the model answer alone: one `Delta` of inert text, then a `Final` without citations.

    Raises:
        ModelError: as `ChatModel.stream` raises them.
    """
    asked = question.sampling
    decoding = Decoding(
        temperature=0.3 if asked.temperature is None else asked.temperature,
        top_p=0.9 if asked.top_p is None else asked.top_p,
        max_tokens=min(asked.max_tokens or max_tokens, max_tokens),
        seed=asked.seed,
        stop=asked.stop,
        form=question.form,
    )
    pieces: list[str] = []
    prompt = await _fitting(model, question, decoding.max_tokens)
    async with aclosing(model.stream(prompt, decoding)) as events:
        async for event in events:
            if isinstance(event, Finished):
                # Unchecked words of a model: at least nothing in them acts.
                text = plain_text("".join(pieces))
                yield Delta(text)
                yield Final(_record(text, question, event, model.name))
                return
            pieces.append(event.text)
    raise ModelError(f"{model.name} ended its text without saying that it had finished")


async def _fitting(model: ChatModel, question: Question, room: int) -> Sequence[Message]:
    """The prompt; the middle of a long conversation is left out until it fits.

    What is to be done stands at the beginning, or after the conversation.
    """
    prompt, kept = _prompt(question), len(question.text)
    while kept > _LEAST and await model.count_tokens(prompt) + room > model.context_tokens:
        kept = kept * 3 // 4
        half = kept // 2
        text = f"{question.text[:half]}\n…\n{question.text[-half:]}"
        prompt = _prompt(replace(question, text=text, history=question.history[-2:]))
    return prompt


def _prompt(question: Question) -> Sequence[Message]:
    system = [Message("system", question.instructions)] if question.instructions else []
    told = [*system, *question.history, Message("user", question.text)]
    return [Message(message.role, inert(message.content)) for message in told]


def _record(text: str, question: Question, finished: Finished, model: str) -> Answer:
    return Answer(
        id="",
        text=text,
        abstained=False,
        usage=Usage(finished.usage.prompt_tokens, finished.usage.completion_tokens),
        persona=question.persona,
        model=model,
        finish_reason=finished.reason,
        sampling=question.sampling,
    )
