"""The tools of assistants: `ask`, `search_knowledge`, `check_claims` and `calculate`.

A tool answers in two forms at once: text that can be read as it is, and the same as structured
output. Errors are told as tool errors, in the words that the pipeline has for them, so that an
assistant can mend what it asked.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import BaseModel, ValidationError

import prompts
from app.config.personas import Persona, listed
from app.record.checked import Checked
from app.record.errors import CitewiseError, RequestError
from app.record.types import Event, Message, Question, Retrieved, final_answer
from app.tools.calculating import CalculateInput, CalculationResult, told, worked
from app.tools.checking import CheckInput, ClaimsChecked, checked_text, claims_checked
from app.tools.forms import (
    Answered,
    AskInput,
    Found,
    SearchInput,
    answer_text,
    answered,
    found,
    found_text,
)
from index.errata import SHIPPED_NAME
from index.errors import wrong_fields

__all__ = ["Asking", "Working", "make_tools", "sources_told"]

_LOG = logging.getLogger("citewise.mcp")
Working = Callable[[], AbstractAsyncContextManager[Any]]
Result = tuple[str, BaseModel]


class Asking(Protocol):
    """What the tools ask of the pipeline."""

    @property
    def personas(self) -> Mapping[str, Persona]:
        """A person's own personas, by name, beside the shipped ones."""

    def answer(self, question: Question) -> AsyncGenerator[Event, None]:
        """Answer a question; closing the generator stops the model."""

    async def retrieve(self, question: Question) -> Retrieved:
        """Find without writing."""

    async def check(self, text: str) -> Checked:
        """Tell of each sentence whether the sources bear it out."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """A tool as it is listed, and what it does with arguments that are as it asks for."""

    tool: Tool
    call: Callable[[dict[str, Any]], Awaitable[Result]]


_OF_RESEARCH = "curated sources on language models (papers, figures, methods)"
_NAMED_AT_MOST = 10


def sources_told(knowledge_base: str) -> str:
    """Say what answers are drawn from, by the name of what is indexed: sources joined by "+".

    Names are data of whoever added the sources: only plain ones are told to an assistant.
    """
    names = knowledge_base.split("+")
    own = [name for name in names if name != SHIPPED_NAME]
    plain = [name for name in own if re.fullmatch(r"[\w.()-]{1,64}", name)][:_NAMED_AT_MOST]
    listed_own = f"documents ({', '.join(plain)})" if plain else "documents"
    parts = [_OF_RESEARCH] if len(own) < len(names) else []
    return " and ".join([*parts, *([listed_own] if own else [])])


def make_tools(
    pipeline: Asking, turn: Working = nullcontext, *, sources: str = _OF_RESEARCH
) -> Server[Any]:
    """Make the server of the tools; how it is reached is its caller's affair.

    Args:
        pipeline: what answers.
        turn: waits for the right to work, and keeps it for the block.
        sources: what answers are drawn from, in words, as `sources_told` makes them.
    """
    made = (_ask(pipeline, sources), _search(pipeline, sources), _check(pipeline, sources),
            _calculate())  # fmt: skip
    offers = {offer.tool.name: offer for offer in made}

    async def list_tools(_: object, params: PaginatedRequestParams | None) -> ListToolsResult:
        del params
        return ListToolsResult(tools=[offer.tool for offer in offers.values()])

    async def call_tool(_: object, params: CallToolRequestParams) -> CallToolResult:
        try:
            offer = offers.get(params.name)
            if offer is None:
                raise RequestError(
                    f"got the tool {params.name[:80]!r}, expected one of {', '.join(offers)}"
                )
            async with turn():
                text, form = await offer.call(params.arguments or {})
        except ValidationError as error:
            return _failed(wrong_fields(error, "the arguments"))
        except CitewiseError as error:
            return _failed(str(error))
        except Exception as error:  # noqa: BLE001 - logged, and told without its details
            _LOG.error("a tool failed", exc_info=error)
            return _failed("it failed on the server's side; the server's log has the details")
        return CallToolResult(
            content=[TextContent(type="text", text=text)],
            structured_content=form.model_dump(mode="json"),
        )

    return Server(
        "citewise",
        title="Citewise",
        version="1",
        instructions=prompts.fill("tools/server.md", sources=sources).strip(),
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _ask(pipeline: Asking, sources: str) -> _Offer:
    names = list(listed(pipeline.personas))

    async def call(arguments: dict[str, Any]) -> Result:
        asked = AskInput.model_validate(arguments)
        said = tuple(Message(one.role, one.content) for one in asked.history)
        question = Question(
            asked.question, said, asked.persona or names[0], sources=tuple(asked.sources)
        )
        form = answered(await final_answer(pipeline.answer(question)))
        return answer_text(form), form

    told = prompts.fill("tools/ask.md", personas=", ".join(names), sources=sources).strip()
    return _Offer(_tool("ask", "Ask Citewise", told, AskInput, Answered), call)


def _search(pipeline: Asking, sources: str) -> _Offer:
    async def call(arguments: dict[str, Any]) -> Result:
        asked = SearchInput.model_validate(arguments)
        question = Question(asked.query, passages=asked.limit, sources=tuple(asked.sources))
        form = found(await pipeline.retrieve(question))
        return found_text(form), form

    told = prompts.fill("tools/search_knowledge.md", sources=sources).strip()
    return _Offer(_tool("search_knowledge", "Search Citewise", told, SearchInput, Found), call)


def _check(pipeline: Asking, sources: str) -> _Offer:
    async def call(arguments: dict[str, Any]) -> Result:
        asked = CheckInput.model_validate(arguments)
        form = claims_checked(await pipeline.check(asked.text))
        return checked_text(form), form

    told = prompts.fill("tools/check_claims.md", sources=sources).strip()
    return _Offer(_tool("check_claims", "Check claims", told, CheckInput, ClaimsChecked), call)


def _calculate() -> _Offer:
    async def call(arguments: dict[str, Any]) -> Result:
        return await asyncio.to_thread(worked, CalculateInput.model_validate(arguments))

    return _Offer(_tool("calculate", "Calculate", told(), CalculateInput, CalculationResult), call)


def _tool(name: str, title: str, told: str, takes: type[BaseModel], gives: type[BaseModel]) -> Tool:
    return Tool(
        name=name,
        title=title,
        description=told,
        input_schema=takes.model_json_schema(),
        output_schema=gives.model_json_schema(mode="serialization"),
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


def _failed(told: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=told)], is_error=True)
