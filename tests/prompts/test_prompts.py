from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prompts

_IDENTIFIERS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
_ROOT = Path(prompts.__file__).parent


def _filled(template: str, **variables: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompts, "text", lambda name: template)
        return prompts.fill("any.md", **variables)


def test_exports_are_what_the_module_offers() -> None:
    assert sorted(prompts.__all__) == ["fill", "names", "placeholders", "text"]
    assert all(callable(getattr(prompts, name)) for name in prompts.__all__)


def test_imports_the_standard_library_only() -> None:
    for node in ast.walk(ast.parse((_ROOT / "__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            modules = [node.module or ""]
        else:
            continue
        for module in modules:
            assert module.split(".")[0] in sys.stdlib_module_names


def test_reads_a_packaged_prompt_as_it_is_in_its_file() -> None:
    name = "personas/expert.md"
    assert prompts.text(name) == (_ROOT / name).read_text(encoding="utf-8")


def test_lists_a_folder_in_order_by_names_that_can_be_read() -> None:
    names = prompts.names("personas")
    assert names == [
        "personas/architect.md",
        "personas/engineer.md",
        "personas/expert.md",
    ]
    assert all(prompts.text(name) for name in names)
    assert prompts.names("skills") == ["skills/research-doctrine.md"]
    for folder in ("personas", "skills"):  # each has its like for documents
        own = [name.rpartition("/")[2] for name in prompts.names(f"{folder}/documents")]
        assert own == [name.rpartition("/")[2] for name in prompts.names(folder)]


def test_changing_a_listing_does_not_change_the_next_one() -> None:
    prompts.names("personas").clear()
    assert prompts.names("personas")


def test_a_missing_prompt_is_told_with_those_that_exist() -> None:
    with pytest.raises(LookupError, match=r"'personas/poet\.md'.*personas/expert\.md"):
        prompts.text("personas/poet.md")
    with pytest.raises(LookupError, match=r"'poets'.*'personas'"):
        prompts.names("poets")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "personas",
        "../pyproject.toml",
        "personas/../personas/expert.md",
        "./personas/expert.md",
        "personas//expert.md",
        "personas\\expert.md",
        "/etc/passwd",
        str(_ROOT / "personas" / "expert.md"),
        "__init__.py",
        "personas/expert.md\0",
    ],
)
def test_no_spelling_of_a_path_reads_anything_else(name: str) -> None:
    with pytest.raises(LookupError):
        prompts.text(name)


def test_puts_each_value_in_each_of_its_places() -> None:
    assert _filled("{{a}}-{{b}}-{{a}}", a="1", b="2") == "1-2-1"


def test_a_value_is_never_expanded() -> None:
    assert _filled("{{a}} {{b}}", a="{{b}}", b=r"\1 {{a}}") == r"{{b}} \1 {{a}}"


def test_a_placeholder_may_be_called_name() -> None:
    assert _filled("{{name}}", name="x") == "x"


@pytest.mark.parametrize("template", ["{a}", "{{ a }}", "{{a-b}}", "{{1}}", "{{}}", '{"a": {}}'])
def test_other_braces_are_text(template: str) -> None:
    assert _filled(template) == template


@pytest.mark.parametrize(
    ("template", "variables"),
    [("{{a}}", {}), ("a", {"a": "x"}), ("{{a}}", {"b": "x"}), ("{{a}}{{b}}", {"a": "x"})],
)
def test_a_difference_names_both_sides(template: str, variables: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^any\.md: got the variables .*, expected ") as caught:
        _filled(template, **variables)
    got, expected = str(caught.value).split("expected")
    assert all(repr(name) in got for name in variables)
    assert all(repr(name) in expected for name in ("a", "b") if "{{" + name + "}}" in template)


@given(
    pieces=st.lists(st.tuples(st.text(st.characters(exclude_characters="{}")), _IDENTIFIERS)),
    values=st.dictionaries(_IDENTIFIERS, st.text() | st.just("{{a}}")),
    tail=st.text(st.characters(exclude_characters="{}")),
)
def test_filling_is_plain_concatenation(
    pieces: list[tuple[str, str]], values: dict[str, str], tail: str
) -> None:
    template = "".join(f"{text}{{{{{name}}}}}" for text, name in pieces) + tail
    needed = {name: values.get(name, "{{b}}") for _, name in pieces}
    expected = "".join(text + needed[name] for text, name in pieces) + tail
    assert _filled(template, **needed) == expected


@given(st.text(), st.dictionaries(_IDENTIFIERS, st.text(), max_size=3))
def test_any_template_is_filled_or_refused(template: str, variables: dict[str, str]) -> None:
    found = set(re.findall(r"\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}", template))
    if found == set(variables):
        assert _filled(template, **variables) == template or found
    else:
        with pytest.raises(ValueError, match="got the variables"):
            _filled(template, **variables)
