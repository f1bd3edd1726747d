"""The embedded model: a GGUF file run in process by OpenVINO GenAI, without torch.

OpenVINO GenAI reads the GGUF itself; the first load saves what it made in the cache folder, so
that later loads take half the time. One answer is written at a time; others wait their turn.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import shutil
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.chat_models import Decoding, Finished, ModelEvent, Piece
from app.chat_models.waiting_line import Line
from app.record.errors import ContextOverflow, ModelError, ModelUnavailable, RequestError
from app.record.types import Message, Usage
from index.weights import SMOLLM2

__all__ = ["OpenVinoChatModel"]

_CONTEXT_TOKENS = 8192
_CACHE_GIB = 1
_DEFAULT_SEED = 0
_ANY_OBJECT = {"type": "object"}
# Each unit of a size is a state of the grammar, and sizes within sizes multiply: these are left
# to the check of the finished text.
_SIZES = frozenset(
    "minLength maxLength minItems maxItems minProperties maxProperties pattern".split()
)


class OpenVinoChatModel:
    """SmolLM2-135M-Instruct by default, or any GGUF or OpenVINO model folder."""

    small = True
    writes_json = True
    context_tokens = _CONTEXT_TOKENS

    def __init__(self, path: Path | None, cache: Path, *, name: str | None = None) -> None:
        """Name the model; nothing is loaded yet.

        Args:
            path: a GGUF file or an OpenVINO folder; None is the pinned SmolLM2.
            cache: the folder in which converted models are kept.
            name: the name that answers record; by default the file's.
        """
        self._path, self._cache = path, cache
        self.name = name or (path.stem if path else SMOLLM2.name)
        self._pipeline: Any = None
        self._loading = asyncio.Lock()
        self._line = Line()

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn now."""
        return self._line.waiting

    async def ready(self) -> bool:
        """Tell whether the model is in memory."""
        return self._pipeline is not None

    async def load(self) -> None:
        """Bring the model into memory; two to seven seconds."""
        async with self._loading:
            if self._pipeline is None:
                self._pipeline = await asyncio.to_thread(self._open)

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count a prompt's tokens, chat template included."""
        await self.load()
        return await asyncio.to_thread(lambda: self._count(self._render(messages)))

    async def stream(
        self, messages: Sequence[Message], decoding: Decoding
    ) -> AsyncGenerator[ModelEvent, None]:
        """Write an answer in a thread of its own; closing the generator stops it."""
        await self.load()
        async with self._line.turn():
            prompt = await asyncio.to_thread(self._render, messages)
            tokens = await asyncio.to_thread(self._count, prompt)
            if tokens + decoding.max_tokens > self.context_tokens:
                raise ContextOverflow(
                    f"the prompt has {tokens} tokens and the answer may have "
                    f"{decoding.max_tokens}; the context holds {self.context_tokens}"
                )
            run = _Run(self._pipeline, prompt, self._config(decoding), decoding)
            try:
                async for event in run.events():
                    yield event
            finally:
                # The thread owns the pipeline until it has seen the cancellation.
                await run.stop()

    async def close(self) -> None:
        """Let go of the model's memory."""
        async with self._line.turn():
            self._pipeline = None

    def _open(self) -> Any:  # noqa: ANN401 - openvino_genai has no types
        import openvino_genai as genai

        folder = self._folder()
        scheduler = genai.SchedulerConfig()
        scheduler.cache_size = _CACHE_GIB
        scheduler.enable_prefix_caching = True
        try:
            if not (folder / "openvino_model.xml").is_file():
                self._convert(folder)
            # A cache of 8 bits gives other words where a prefix is taken from it.
            return genai.LLMPipeline(
                str(folder), "CPU", INFERENCE_PRECISION_HINT="f32", KV_CACHE_PRECISION="f32",
                scheduler_config=scheduler,
            )  # fmt: skip
        except RuntimeError as error:
            raise ModelUnavailable(
                f"the model in {folder} can't be loaded ({error}); remove that folder and start "
                "again to convert it anew"
            ) from error
        except OSError as error:
            raise ModelUnavailable(
                f"the model can't be converted in {folder.parent} ({error.strerror}); expected a "
                "folder that can be written: name another one with the setting cache"
            ) from error

    def _folder(self) -> Path:
        path = self._path or SMOLLM2.verified()
        if path.is_dir():
            return path
        if not path.is_file():
            raise ModelUnavailable(
                f"no model at {path}; expected a GGUF file or an OpenVINO folder (setting model)"
            )
        digest = hashlib.sha256(f"{path.resolve()}{path.stat().st_size}".encode()).hexdigest()
        self._gguf = path
        return self._cache / "models" / f"{path.stem}-{digest[:12]}"

    def _convert(self, folder: Path) -> None:
        """Let OpenVINO GenAI read the GGUF and save what it made, beside and then in place."""
        import openvino_genai as genai

        beside = folder.with_name(f".{folder.name}.{threading.get_ident()}")
        beside.mkdir(parents=True)
        try:
            # It saves beside the file that it reads, which must not be site-packages.
            link = beside / "model.gguf"
            link.symlink_to(self._gguf.resolve())
            genai.LLMPipeline(
                str(link), "CPU", INFERENCE_PRECISION_HINT="f32", enable_save_ov_model=True
            )
            link.unlink()
            if not folder.exists():
                beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _render(self, messages: Sequence[Message]) -> str:
        history = [{"role": m.role, "content": m.content} for m in messages]
        text = self._pipeline.get_tokenizer().apply_chat_template(history, True)
        return str(text)

    def _count(self, prompt: str) -> int:
        encoded = self._pipeline.get_tokenizer().encode(prompt, add_special_tokens=False)
        return int(encoded.input_ids.shape[1])

    def _config(self, decoding: Decoding) -> Any:  # noqa: ANN401 - openvino_genai has no types
        import openvino_genai as genai

        config = genai.GenerationConfig()
        config.max_new_tokens = decoding.max_tokens
        config.apply_chat_template = False
        config.do_sample = decoding.temperature > 0
        if config.do_sample:
            config.temperature = decoding.temperature
            config.top_p = decoding.top_p
            config.rng_seed = _DEFAULT_SEED if decoding.seed is None else decoding.seed % 2**32
        config.stop_strings = set(decoding.stop)
        if decoding.yes_or_no:
            # Nothing else is in its grammar, so that the word's score is its share of the two.
            structure = genai.StructuredOutputConfig()
            structure.regex = "Yes|No"
            config.structured_output_config, config.logprobs = structure, 1
        if decoding.form is not None:
            structure = genai.StructuredOutputConfig()
            structure.json_schema = json.dumps(_grammatical(decoding.form.schema or _ANY_OBJECT))
            config.structured_output_config = structure
        return config


class _Run:
    """One generation in a thread, its pieces handed over to the event loop."""

    def __init__(
        self,
        pipeline: Any,  # noqa: ANN401 - openvino_genai has no types
        prompt: str,
        config: Any,  # noqa: ANN401 - openvino_genai has no types
        decoding: Decoding,
    ) -> None:
        self._formed, self._yes_or_no = decoding.form is not None, decoding.yes_or_no
        self._pipeline, self._prompt, self._config = pipeline, prompt, config
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[ModelEvent | Exception] = asyncio.Queue()
        self._cancelled = threading.Event()
        self._thread = self._loop.run_in_executor(None, self._work)

    async def events(self) -> AsyncGenerator[ModelEvent, None]:
        while True:
            event = await self._queue.get()
            if isinstance(event, Exception):
                if self._formed and "xgrammar" in str(event):
                    raise RequestError(
                        f"the schema can't be honoured: {_complaint(event)}", field="form"
                    ) from event
                raise ModelError(f"the embedded model failed: {event}") from event
            yield event
            if isinstance(event, Finished):
                return

    async def stop(self) -> None:
        self._cancelled.set()
        await asyncio.shield(self._thread)

    def _put(self, event: ModelEvent | Exception) -> None:
        self._loop.call_soon_threadsafe(self._queue.put_nowait, event)

    def _work(self) -> None:
        import openvino_genai as genai

        def streamer(text: str) -> Any:  # noqa: ANN401 - openvino_genai has no types
            if self._cancelled.is_set():
                return genai.StreamingStatus.CANCEL
            if text:
                self._put(Piece(text))
            return genai.StreamingStatus.RUNNING

        try:
            result = self._pipeline.generate([self._prompt], self._config, streamer)
            metrics = result.perf_metrics
            length = result.finish_reasons[0] == genai.GenerationFinishReason.LENGTH
            usage = Usage(metrics.get_num_input_tokens(), metrics.get_num_generated_tokens())
            seed = self._config.rng_seed if self._config.do_sample else None
            yes = _chance_of_yes(result) if self._yes_or_no else None
            self._put(Finished("length" if length else "stop", usage, seed, yes=yes))
        except Exception as error:  # noqa: BLE001 - handed to the reader of the events
            self._put(error)


def _chance_of_yes(result: Any) -> float:  # noqa: ANN401 - openvino_genai has no types
    said = math.exp(min(0.0, float(result.scores[0])))
    return said if result.texts[0].startswith("Y") else 1 - said


def _grammatical(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """A schema without what a grammar holds only at a great cost."""
    if isinstance(schema, Mapping):
        return {
            name: _grammatical(inner)
            for name, inner in schema.items()
            if name not in _SIZES or isinstance(inner, Mapping)
        }
    return [_grammatical(inner) for inner in schema] if isinstance(schema, list) else schema


def _complaint(error: Exception) -> str:
    """What the grammar's compiler says, without the place in its own source that says it."""
    return str(error).rpartition(".cc:")[2].partition(": ")[2].strip()[:200]
