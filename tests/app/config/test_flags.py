"""Settings as flags: each of a group has one, and what is given is what the settings become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from app.__main__ import _COMMANDS
from app.config.flags import add_settings, chosen, described
from app.config.settings import GROUPS, SearchSettings, Settings, load_settings
from app.record.errors import SettingsError
from index.cli import Parser


def settings_of(*words: str) -> Settings:
    parser = Parser()
    add_settings(parser, *GROUPS)
    return load_settings(**chosen(parser.parse_args(words)))


def test_the_groups_hold_each_setting_once() -> None:
    names = [setting.name for group in GROUPS for setting in described(group)]
    assert sorted(names) == sorted(Settings.model_fields)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--port", "8080"], "port", 8080),
        (["--index", "some/where"], "index", Path("some/where")),
        (["--answer-mode", "draft"], "answer_mode", "draft"),
        (["--breaker-seconds", "2.5"], "breaker_seconds", 2.5),
        (["--no-mcp"], "mcp", False),
        (["--open-to-all"], "open_to_all", True),
        (
            ["--cors-origins", "https://a.example,https://b.example"],
            "cors_origins", ["https://a.example", "https://b.example"],
        ),
    ],
)  # fmt: skip
def test_a_flag_sets_its_setting(words: list[str], name: str, value: object) -> None:
    assert getattr(settings_of(*words), name) == value


def test_a_flag_that_is_not_given_leaves_the_other_sources_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CITEWISE_PORT", "9000")
    monkeypatch.setenv("CITEWISE_MCP", "false")
    assert (settings_of().port, settings_of().mcp) == (9000, False)
    assert (settings_of("--port", "1").port, settings_of("--mcp").mcp) == (1, True)


@pytest.mark.parametrize(
    "words", [["--port", "99999"], ["--port", "many"], ["--rerank-depth", "1"]]
)
def test_a_flag_is_checked_by_its_setting(words: list[str]) -> None:
    with pytest.raises(SettingsError, match=words[0].strip("-").replace("-", "_")):
        settings_of(*words)


def test_secrets_have_no_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings_of("--model-key", "secret")
    assert "--model-key" in capsys.readouterr().err


@pytest.mark.parametrize("name", _COMMANDS)
def test_each_commands_help_can_be_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog=name)
    _COMMANDS[name][1](parser)
    assert parser.format_help()


def test_a_description_is_read_from_the_definition() -> None:
    class Group(BaseModel):
        """A group."""

        share: float = Field(0.5, gt=0, le=1, description="a share, 100 % at most")
        name: str | None = Field(None, description="a name")
        word: SecretStr | None = Field(None, description="a word")
        at_least: int = Field(3, ge=1, description="a number")

    read: dict[str, Any] = {setting.name: setting for setting in described(Group)}
    assert (read["share"].values, read["share"].default) == ("above 0, at most 1", "0.5")
    assert (read["name"].kind, read["name"].default) == ("text", "")
    assert read["word"].kind == "secret"
    assert read["at_least"].values == "1 or more"
    parser = Parser()
    add_settings(parser, Group)
    assert "100 % at most" in " ".join(parser.format_help().split())


def test_only_what_is_named_gets_a_flag() -> None:
    parser = Parser()
    add_settings(parser, SearchSettings, only=["index"])
    assert "--index" in parser.format_help()
    assert "--encoder" not in parser.format_help()
