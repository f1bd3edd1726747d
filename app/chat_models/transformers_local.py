"""The portable second: any transformers model in process, on torch."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from app.chat_models import Decoding, Finished, ModelEvent, Piece
from app.chat_models.waiting_line import Line
from app.record.errors import ContextOverflow, ModelError, ModelUnavailable
from app.record.types import Message, Usage
from index.weights import SMOLLM2

__all__ = ["TransformersChatModel"]


class TransformersChatModel:
    """A local folder, a GGUF file or a hub's name; the pinned SmolLM2 by default."""

    writes_json = False

    def __init__(self, model: str | None, *, small: bool = True) -> None:
        """Name the model; nothing is loaded yet."""
        self._source = model
        self.small = small
        self.name = Path(model).stem if model else SMOLLM2.name
        self._model: Any = None
        self._tokenizer: Any = None
        self._loading, self._line = asyncio.Lock(), Line()

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn now."""
        return self._line.waiting

    @property
    def context_tokens(self) -> int:
        """The model's own limit; 8,192 until it is loaded."""
        return int(self._model.config.max_position_embeddings) if self._model else 8192

    async def ready(self) -> bool:
        """Tell whether the model is in memory."""
        return self._model is not None

    async def load(self) -> None:
        """Bring the model into memory, on a GPU if torch sees one."""
        async with self._loading:
            if self._model is None:
                self._model, self._tokenizer = await asyncio.to_thread(self._open)

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count a prompt's tokens, chat template included."""
        await self.load()
        return len(self._encode(messages)["input_ids"][0])

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Write an answer in a thread of its own; closing the generator stops it."""
        await self.load()
        async with self._line.turn():
            inputs = self._encode(messages)
            tokens = len(inputs["input_ids"][0])
            if tokens + decoding.max_tokens > self.context_tokens:
                raise ContextOverflow(
                    f"the prompt has {tokens} tokens and the answer may have "
                    f"{decoding.max_tokens}; the context holds {self.context_tokens}"
                )
            async for event in self._generate(inputs, tokens, decoding):
                yield event

    async def close(self) -> None:
        """Let go of the model's memory."""
        async with self._line.turn():
            self._model = self._tokenizer = None

    async def _generate(
        self,
        inputs: Any,  # noqa: ANN401 - a torch batch
        tokens: int,
        decoding: Decoding,
    ) -> AsyncGenerator[ModelEvent, None]:
        import transformers

        cancelled = threading.Event()
        seed = secrets.randbelow(2**31) if decoding.seed is None else decoding.seed
        streamer = transformers.AsyncTextIteratorStreamer(
            self._tokenizer, skip_prompt=True, skip_special_tokens=True
        )

        def stop(ids: Any, scores: Any, **_: Any) -> bool:  # noqa: ANN401 - torch tensors
            return cancelled.is_set()

        def work() -> int:
            transformers.set_seed(seed)
            try:
                output = self._model.generate(
                    **inputs,
                    streamer=streamer,
                    stopping_criteria=transformers.StoppingCriteriaList([stop]),
                    tokenizer=self._tokenizer,
                    **_arguments(decoding),
                )
            finally:
                streamer.end()
            return int(output.shape[1]) - tokens

        running = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            async for text in streamer:
                if text:
                    yield Piece(text)
            try:
                written = await running
            except Exception as error:
                raise ModelError(f"the model failed: {error}") from error
            reason = "length" if written >= decoding.max_tokens else "stop"
            used = seed if decoding.temperature > 0 else None
            yield Finished("length" if reason == "length" else "stop", Usage(tokens, written), used)
        finally:
            cancelled.set()
            await asyncio.wait([running])

    def _open(self) -> tuple[Any, Any]:
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise ModelUnavailable(
                f"the transformers engine needs torch ({error}); install it with: make setup-torch"
            ) from error
        path = Path(self._source) if self._source else SMOLLM2.verified()
        gguf = {"gguf_file": path.name} if path.suffix == ".gguf" else {}
        folder = str(path.parent) if gguf else str(self._source)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **gguf)
            model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", **gguf)
        except (OSError, ValueError) as error:
            raise ModelUnavailable(f"the model {folder} can't be loaded: {error}") from error
        return model.to(device).eval(), tokenizer

    def _encode(self, messages: Sequence[Message]) -> Any:  # noqa: ANN401 - a torch batch
        history = [{"role": m.role, "content": m.content} for m in messages]
        batch = self._tokenizer.apply_chat_template(
            history, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        return batch.to(self._model.device)


def _arguments(decoding: Decoding) -> dict[str, Any]:
    arguments: dict[str, Any] = {"max_new_tokens": decoding.max_tokens}
    if decoding.temperature > 0:
        arguments |= {
            "do_sample": True,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "top_k": 0,
        }
    else:
        arguments["do_sample"] = False
    if decoding.stop:
        arguments["stop_strings"] = list(decoding.stop)
    return arguments
