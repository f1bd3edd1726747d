"""Settings from a file and from variables: read, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.config.settings import Settings, load_settings
from app.record.errors import SettingsError

_SAME_FOLDER = hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
_NAMES = st.sampled_from(sorted(Settings.model_fields))
_VALUES = st.one_of(
    st.sampled_from(
        ["1", "-1", "nan", "inf", "true", '""', "[]", "{}", "[[]]", "1979-05-27", "9" * 5000, "'x'"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=20),
)
_FILES = st.one_of(
    st.binary(max_size=60),
    st.text(st.characters(codec="utf-8"), max_size=60).map(str.encode),
    st.builds("{} = {}\n".format, _NAMES, _VALUES).map(str.encode),
)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _refusal() -> str | None:
    """Why the settings can't be read; None where they can."""
    try:
        load_settings()
    except SettingsError as error:
        return str(error)
    return None


@given(_FILES)
@_SAME_FOLDER
def test_a_file_is_read_or_refused_in_one_line(content: bytes) -> None:
    Path("citewise.toml").write_bytes(content)
    refusal = _refusal()
    assert refusal is None or "citewise.toml" in refusal
    assert refusal is None or len(refusal.splitlines()) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_error(encoding: str) -> None:
    Path("citewise.toml").write_text('# café\nmodel = "é"\n', encoding=encoding)
    assert load_settings().model == "é"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_told_with_its_line(encoding: str) -> None:
    Path("citewise.toml").write_text('port = 7000\nmodel = "é"\n', encoding=encoding)
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings()


def test_what_is_no_file_is_told() -> None:
    Path("citewise.toml").mkdir()
    with pytest.raises(SettingsError, match=r"citewise\.toml"):
        load_settings()
    Path("citewise.toml").rmdir()
    Path("citewise.toml").symlink_to("nowhere")
    with pytest.raises(SettingsError, match=r"citewise\.toml"):
        load_settings()


def test_a_mistyped_key_of_the_file_is_refused_with_the_nearest() -> None:
    Path("citewise.toml").write_text('api_key_file = "keys"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"citewise\.toml sets api_key_file.*api_keys_file"):
        load_settings()
    Path("citewise.toml").unlink()


def _lists() -> list[str]:
    return [
        name
        for name, field in Settings.model_fields.items()
        if isinstance(field.get_default(call_default_factory=True), list | tuple)
    ]


@pytest.mark.parametrize("name", _lists())
@pytest.mark.parametrize(
    "given_as",
    [
        "https://a.example,https://b.example",
        " https://a.example , https://b.example, ",
        '["https://a.example", "https://b.example"]',
    ],
)
def test_lists_are_given_with_commas_or_as_json(
    name: str, given_as: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CITEWISE_{name.upper()}", given_as)
    assert getattr(load_settings(), name) == ["https://a.example", "https://b.example"]
    monkeypatch.delenv(f"CITEWISE_{name.upper()}")
    Path("citewise.toml").write_text(f"{name} = '{given_as}'\n", encoding="utf-8")
    assert getattr(load_settings(), name) == ["https://a.example", "https://b.example"]


@given(_NAMES, st.one_of(_VALUES, st.just("[")).filter(lambda text: "\0" not in text))
@_SAME_FOLDER
def test_a_variable_is_read_or_refused_in_one_line(name: str, value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"CITEWISE_{name.upper()}", value)
        refusal = _refusal()
    assert refusal is None or name in refusal
    assert refusal is None or len(refusal.splitlines()) == 1
