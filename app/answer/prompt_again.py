"""The prompt of a recorded answer, built again from its record and proved by its hash."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from app.answer.prompt_builder import Delimiter, Prompt, build_prompt
from app.chat_models import ChatModel
from app.config.personas import Persona, resolve
from app.record.evidence import evidence_of
from app.record.types import Answer, Retrieved
from index.errors import CitewiseError

__all__ = ["prompt_again"]

_SECONDS = 2.0  # a remote model may count tokens slowly; the answer does not wait for that


async def prompt_again(
    answer: Answer,
    found: Retrieved | None,
    model: ChatModel,
    personas: Mapping[str, Persona],
    knowledge_base: str,
) -> Prompt | None:
    """Build the prompt that the model saw.

    Args:
        answer: the record.
        found: the passages that it was built from.
        model: counts tokens, as it did then.
        personas: a person's own, beside the shipped ones.
        knowledge_base: what is indexed, by its sources' names joined with "+".

    Returns:
        The prompt, or None where no model was asked, or where persona, prompts, model or
        passages have changed since, so that it would be another one.
    """
    if not answer.prompt_sha256 or answer.question is None or found is None:
        return None
    try:
        async with asyncio.timeout(_SECONDS):
            built = await build_prompt(
                answer.question,
                resolve(answer.question.persona, personas, knowledge_base),
                evidence_of(found.hits),
                model,
                answer.sampling.max_tokens or 0,
                Delimiter(answer.delimiter),
            )
    except (CitewiseError, TimeoutError):
        return None
    return built if built.sha256 == answer.prompt_sha256 else None
