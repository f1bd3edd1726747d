"""The composition root: settings become a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from app.answer.pipeline import Pipeline, PipelineSettings
from app.chat_models import ChatModel
from app.chat_models.breaker import Breaker
from app.chat_models.guarded import GuardedModel, Patience
from app.chat_models.weights import fetch, is_fetched_by_name
from app.config.personas import Persona, load_folder
from app.config.settings import LOCAL_VLLM, Settings
from app.record.errors import SettingsError
from app.record.hooks import Observers
from app.verifying.choosing import verifier_for
from index.encoders import load_encoder
from index.live import LiveIndex
from index.rerankers import Reranker

__all__ = ["guarded", "open_model", "open_pipeline", "open_reranker"]


def open_pipeline(settings: Settings, *, model: ChatModel | None = None) -> Pipeline:
    """Open the index and name the model, which loads on first use.

    Args:
        settings: what was chosen.
        model: stands in for the configured one.

    Raises:
        CitewiseError: a part is missing or can't be used; the message says how to mend it.
    """
    observers = Observers()
    encoder = load_encoder(settings.encoder, engine=settings.encoder_engine)
    personas: dict[str, Persona] = load_folder(settings.personas) if settings.personas else {}
    embedded = model is None and _engine_for(settings) != "openai"
    inner = model or open_model(settings)
    chat_model = guarded(inner, settings, observers, one_at_a_time=embedded)
    return Pipeline(
        LiveIndex(settings.index, encoder),
        chat_model,
        PipelineSettings(
            answer_mode=_answer_mode(settings, embedded),
            unsupported=settings.unsupported,
            rewrite=settings.rewrite,
            rewrite_seconds=settings.rewrite_seconds,
            rerank_depth=settings.rerank_depth,
            passages=settings.passages,
            answer_tokens=settings.answer_tokens,
            best_of=settings.best_of,
            question_characters=settings.max_question_chars,
            retrieve_seconds=settings.retrieve_seconds,
        ),
        personas,
        open_reranker(settings),
        # A model in this process answers one at a time.
        verifier_for(
            settings.verifier,
            chat_model,
            "afterwards" if embedded else "meanwhile",
            settings.judging_share,
        ),
        observers,
    )


def _answer_mode(settings: Settings, embedded: bool) -> Literal["auto", "draft", "compose"]:
    """A model in this process that one has named is meant to write; the shipped one composes."""
    named = embedded and settings.model is not None
    return "draft" if named and settings.answer_mode == "auto" else settings.answer_mode


def guarded(
    model: ChatModel, settings: Settings, observers: Observers, *, one_at_a_time: bool = False
) -> GuardedModel:
    """Put deadlines, a retry and a breaker around a model, and a line before it if it needs one."""
    return GuardedModel(
        model,
        Breaker(settings.breaker_failures, settings.breaker_seconds),
        Patience(settings.model_first_token_seconds, settings.model_total_seconds),
        observers,
        _engine_for(settings),
        one_at_a_time=one_at_a_time,
    )


def open_reranker(settings: Settings) -> Reranker | None:
    """Load the reranker, where one is set.

    Raises:
        WeightsError: its weights are missing or of no kind that can be run.
    """
    if settings.reranker is None:
        return None
    from index.rerankers import load_reranker

    return load_reranker(settings.reranker, engine=settings.encoder_engine)


def open_model(settings: Settings) -> ChatModel:
    """Choose the chat model; nothing is loaded yet. One that is named and not here is fetched.

    Raises:
        SettingsError: what was chosen does not go together.
        WeightsError: the model that is named can't be had.
    """
    engine = _engine_for(settings)
    if settings.best_of > 1 and engine != "openai":
        raise SettingsError(
            f"best_of is {settings.best_of}, but the engine {engine} writes one text at a time: "
            "expected 1, or a server in model_url"
        )
    if engine == "openai":
        return _served(settings)
    if engine == "transformers":
        from app.chat_models.transformers_local import TransformersChatModel

        return TransformersChatModel(settings.model)
    from app.chat_models.openvino_local import OpenVinoChatModel

    if settings.model is None:
        return OpenVinoChatModel(None, settings.cache)
    if not is_fetched_by_name(settings.model):
        return OpenVinoChatModel(Path(settings.model), settings.cache)
    found = fetch(settings.model, settings.cache / "models", settings.hub)
    return OpenVinoChatModel(found.path, settings.cache, name=found.name)


def _served(settings: Settings) -> ChatModel:
    from app.chat_models.openai_compatible import OpenAiCompatibleModel

    return OpenAiCompatibleModel(
        settings.model_url or LOCAL_VLLM,
        model=settings.model,
        key=settings.model_key.get_secret_value() if settings.model_key else None,
        timeout=settings.model_timeout,
        context=settings.model_context,
    )


def _engine_for(settings: Settings) -> Literal["openai", "openvino", "transformers"]:
    """Choose by what is named: an address, a file or folder for OpenVINO, or another model."""
    if settings.engine != "auto":
        return settings.engine
    if settings.model_url:
        return "openai"
    if settings.model is None:
        return "openvino"
    path = Path(settings.model)
    for_openvino = path.suffix == ".gguf" or (path / "openvino_model.xml").is_file()
    for_openvino = for_openvino or is_fetched_by_name(settings.model)
    return "openvino" if for_openvino else "transformers"
