"""The prompt, within the model's context: what never changes first, oldest history first to go."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import prompts
from app.chat_models import ChatModel
from app.errors import ContextOverflow
from app.evidence import Evidence
from app.personas import Persona
from app.types import Message, Question

__all__ = ["Prompt", "build_prompt"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages for the model, the passages that found room, and the size in tokens."""

    messages: tuple[Message, ...]
    evidence: tuple[Evidence, ...]
    tokens: int

    @property
    def sha256(self) -> str:
        """Hash the exact messages. Hexadecimal."""
        text = "\0".join(f"{m.role}\0{m.content}" for m in self.messages)
        return hashlib.sha256(text.encode()).hexdigest()


async def build_prompt(
    question: Question,
    persona: Persona,
    evidence: Sequence[Evidence],
    model: ChatModel,
    answer_tokens: int,
) -> Prompt:
    """Fit persona, contract, history, evidence and question into the model's context.

    What does not fit goes in this order: the oldest turns, then the last passages, whole.

    Raises:
        ContextOverflow: the question itself, with one passage, is too long.
    """
    history, passages = list(question.history), list(evidence)
    if model.small:
        # Earlier turns lead a very small model astray more often than they help it.
        history = []
    fence = f"=====[{secrets.token_hex(6)}]====="
    while True:
        messages = _messages(question, persona, passages, history, fence, small=model.small)
        tokens = await model.count_tokens(messages)
        if tokens + answer_tokens <= model.context_tokens:
            return Prompt(tuple(messages), tuple(passages), tokens)
        if history:
            history.pop(0)
        elif len(passages) > 1:
            passages.pop()
        else:
            raise ContextOverflow(
                f"the question needs {tokens} tokens with one passage of evidence and the answer "
                f"may have {answer_tokens}, but {model.name} has a context of "
                f"{model.context_tokens}; shorten the question or ask for fewer tokens"
            )


def _messages(
    question: Question,
    persona: Persona,
    evidence: Sequence[Evidence],
    history: Sequence[Message],
    fence: str,
    *,
    small: bool,
) -> list[Message]:
    if small:
        system = f"{persona.brief}\n\n{prompts.text('contract-small.md')}".strip()
        passages = "\n".join(f"[{item.n}] {item.passage.text}" for item in evidence)
        asked = prompts.fill("evidence-small.md", passages=passages, question=question.text)
    else:
        parts = [persona.system, prompts.text("contract.md")]
        if question.instructions:
            parts.append(prompts.fill("instructions.md", instructions=question.instructions))
        system = "\n\n".join(part.strip() for part in parts if part.strip())
        passages = "\n\n".join(
            f"[{item.n}] {item.passage.title} / {item.passage.heading}\n{item.passage.text}"
            for item in evidence
        )
        asked = prompts.fill("evidence.md", fence=fence, passages=passages, question=question.text)
    turns = [Message(turn.role, turn.content) for turn in history if turn.role != "system"]
    return [Message("system", system), *turns, Message("user", asked.strip())]
