"""The front matter of a persona file: YAML between two lines of `---`, read strictly.

Only plain values and lists of them have a meaning; what is not known is left alone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from app.record.errors import PromptError

__all__ = ["BRIEF_WORDS", "FrontMatter", "Shape", "shown", "split"]

BRIEF_WORDS = 60

Shape = Literal["papers", "figures", "checklist"]

_OPEN = re.compile(r"\A(?:[ \t]*\n)*---[ \t]*(?:\n|\Z)")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_STRING = "tag:yaml.org,2002:str"


def _line(value: str) -> str:
    """The text on one line; characters that can't be shown are refused."""
    text = " ".join(value.split())
    if not text or any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError
    return text


def _brief(value: str) -> str:
    if len(value.split()) > BRIEF_WORDS:
        raise ValueError
    return value


_Text = Annotated[str, AfterValidator(_line)]


class FrontMatter(BaseModel):
    """The keys that are known; a field's description is what an error says was expected."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    name: _Text | None = Field(default=None, description="a text that isn't empty")
    title: _Text | None = Field(default=None, description="a text that isn't empty")
    description: _Text | None = Field(default=None, description="a text that isn't empty")
    brief: Annotated[_Text, AfterValidator(_brief)] | None = Field(
        default=None, description=f"a text of at most {BRIEF_WORDS} words"
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="a number from 0 to 2")
    top_p: float | None = Field(default=None, gt=0, le=1, description="a number above 0, at most 1")
    max_tokens: int | None = Field(
        default=None, ge=1, le=131_072, description="a whole number from 1 to 131072"
    )
    shape: Shape | None = Field(default=None, description="papers, figures or checklist")
    examples: list[_Text] | None = Field(
        default=None, max_length=50, description="a list of at most 50 questions, each a text"
    )


def shown(value: object) -> str:
    """A value as an error shows it: its kind, and no more than its beginning."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        length = len(value.split())
        return repr(value) if len(value) <= 60 else f"{value[:60]!r}… ({length} words)"
    return f"the number {value!r}"


def _plain(node: yaml.Node) -> object:
    """A value of the front matter. Only plain scalars and lists of them have a meaning here.

    Anything deeper comes out empty and is never walked, so that neither aliases nor nesting can
    make a short file stand for a large value.
    """
    if isinstance(node, yaml.MappingNode):
        return {}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) if isinstance(item, yaml.ScalarNode) else {} for item in node.value]
    text = str(node.value)
    if node.tag == _STRING and getattr(node, "style", None) is not None:
        return text  # quoted or a block: a text, whatever it looks like
    if text in ("", "~", "null"):
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _known_keys(yaml_text: str, where: str, first_line: int) -> dict[str, object]:
    """The known keys of a front matter with their values; other keys are left alone."""
    try:
        node = yaml.compose(yaml_text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {first_line + mark.line}:" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise PromptError(
            f"{where}:{line} got front matter that isn't readable as YAML ({problem}), expected "
            "`key: value` lines between two `---` lines; quote a value that has a colon in it"
        ) from error
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        kind = "a list" if isinstance(node, yaml.SequenceNode) else "plain text"
        raise PromptError(
            f"{where}: got front matter that is {kind}, expected `key: value` lines; "
            "if the first `---` was meant as a rule, put a heading above it"
        )
    found: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value not in FrontMatter.model_fields:
            continue
        if key.value in found:
            raise PromptError(f"{where}: {key.value}: got it twice, expected it once; delete one")
        found[key.value] = _plain(value)
    return found


def _front_matter(yaml_text: str, where: str, first_line: int) -> FrontMatter:
    try:
        return FrontMatter.model_validate(_known_keys(yaml_text, where, first_line))
    except ValidationError as error:
        wrong = []
        for detail in error.errors():
            field, *place = detail["loc"]
            at = "".join(f"[{step}]" for step in place)
            expected = FrontMatter.model_fields[str(field)].description
            wrong.append(f"{field}{at}: got {shown(detail['input'])}, expected {expected}")
        raise PromptError(
            f"{where}: {'; '.join(wrong)}; change it in the front matter, or leave it out"
        ) from error


def split(text: str, where: str) -> tuple[FrontMatter, str]:
    """Take a file's text apart into front matter, which may be absent, and body.

    Args:
        text: the file's text, with line feeds alone.
        where: the file, as errors name it.

    Raises:
        PromptError: the front matter can't be read, or there is no body.
    """
    matter = FrontMatter()
    opening = _OPEN.match(text)
    if opening:
        closing = _CLOSE.search(text, opening.end())
        if closing is None:
            raise PromptError(
                f"{where}: got front matter that never closes, expected a second line of `---`; "
                "add it, or put a heading above the first one if that was meant as a rule"
            )
        first_line = text.count("\n", 0, opening.end()) + 1
        matter = _front_matter(text[opening.end() : closing.start()], where, first_line)
        text = text[closing.end() :]
    body = re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()
    if not body.strip():
        raise PromptError(
            f"{where}: got no text{' below the front matter' if opening else ''}, expected "
            "instructions for the model in Markdown; write them there"
        )
    return matter, body
