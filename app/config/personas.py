"""Personas: who answers. A Markdown file, its front matter if any, and what is composed of them.

A persona is the name of a model: "citewise-architect", or "citewise-architect+research" with the
research-doctrine skill. Its body goes to the model as it stands. What may be claimed and how it
is cited is not decided here: the grounding contract is separate and always applies.

The shipped personas keep their names and follow what is indexed: they are experts on language
models where the shipped knowledge base is in it, and over documents alone experts on these.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import prompts
from app.config.front_matter import BRIEF_WORDS, Shape, shown, split
from app.record.errors import PromptError, RequestError
from index.errata import SHIPPED_NAME

__all__ = [
    "Persona",
    "Shape",
    "compose",
    "listed",
    "load",
    "load_folder",
    "resolve",
    "shipped",
    "speaks_of_models",
]

MAX_BYTES = 64 * 1024

_PREFIX = "citewise-"
_NO_PERSONAS: Mapping[str, Persona] = {}
_SHIPPED = ("expert", "architect", "engineer")  # the first is the default
_SKILLS = {"research": "research-doctrine"}  # by what stands after "+"
_MODEL_NAME = re.compile(r"[^\W_][\w.-]{0,63}")
_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")
_HEADING = re.compile(r" {0,3}#{1,6}(?=[ \t]|\Z)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_NOT_PROSE = re.compile(r"[ \t]*(?:[-*+>|#]|\d+[.)]|`{3}|~{3}|\*\*|$)")


@dataclass(frozen=True, slots=True)
class Persona:
    """Who answers, and how.

    Attributes:
        name: the model's name, as clients write it.
        title: what people are shown.
        description: one sentence on what it is for.
        brief: the persona in at most a few sentences, for models too small for all of it.
        system: the persona in full; data for the model, never interpreted here.
        temperature: sampling temperature; 0 is greedy. None leaves it to the settings.
        top_p: nucleus mass; 1 keeps every token. None leaves it to the settings.
        max_tokens: longest answer, in tokens. None leaves it to the settings.
        shape: how an answer composed from the evidence is laid out.
        examples: questions to begin with.
    """

    name: str
    title: str
    description: str
    brief: str
    system: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    shape: Shape = "papers"
    examples: tuple[str, ...] = ()


def _outside_code(body: str) -> list[str]:
    """The body's lines, without those of fenced code."""
    lines, fence = [], ""
    for line in body.split("\n"):
        found = _FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence):
                fence = ""
        elif found:
            fence = found[1]
        else:
            lines.append(line)
    return lines


def _heading(body: str) -> str | None:
    """The first heading that has text, on one line and without control characters."""
    for line in _outside_code(body):
        if found := _HEADING.match(line):
            text = line[found.end() :].strip()
            bare = text.rstrip("#")
            if bare != text and bare[-1:] in ("", " ", "\t"):
                text = bare  # the optional closing marks: "# Title #"
            text = "".join(char for char in text if unicodedata.category(char) != "Cc")
            if text.strip():
                return " ".join(text.split())
    return None


def _opening(body: str) -> str | None:
    """The first paragraph, if the first thing below the headings is one; at most a brief long."""
    paragraph: list[str] = []
    for line in _outside_code(body):
        if line.strip() and not _HEADING.match(line):
            if _NOT_PROSE.match(line):
                break
            paragraph.append(line)
        elif paragraph:
            break
    return " ".join(" ".join(paragraph).split()[:BRIEF_WORDS]) or None


def _from_stem(stem: str, where: str) -> str:
    plain = _NOT_IN_A_NAME.sub("-", unicodedata.normalize("NFC", stem).lower())
    name = plain.strip("-._")[:64]
    if not _MODEL_NAME.fullmatch(name):
        raise PromptError(
            f"{where}: got a file name that no model name can be made from, expected one with a "
            "letter or digit; rename it, or add `name:` to its front matter"
        )
    return name


def _parse(text: str, where: str, stem: str, prefix: str = "") -> Persona:
    """A persona from the text of its file; a name made from `stem` begins with `prefix`."""
    matter, body = split(text.replace("\r\n", "\n").replace("\r", "\n"), where)
    if matter.name and _MODEL_NAME.fullmatch(matter.name):
        name, human = matter.name, None
    else:
        # A name with spaces in it was written for people.
        name, human = prefix + _from_stem(stem, where).removeprefix(prefix), matter.name
    title = matter.title or human or _heading(body) or name
    opening = _opening(body)
    return Persona(
        name=name,
        title=title,
        description=matter.description or opening or title,
        brief=matter.brief or opening or matter.description or f"Your field: {title}.",
        system=body,
        temperature=matter.temperature,
        top_p=matter.top_p,
        max_tokens=matter.max_tokens,
        shape=matter.shape or "papers",
        examples=tuple(matter.examples or ()),
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PromptError(
            f"{path}: got {error.strerror or error}, expected a readable Markdown file"
        ) from error
    if len(data) > MAX_BYTES:
        raise PromptError(
            f"{path}: got more than {MAX_BYTES // 1024} KiB, expected a persona of at most that; "
            "keep knowledge out of it and in the knowledge base"
        )
    if b"\0" in data:
        raise PromptError(
            f"{path}: got a NUL byte at offset {data.index(0)} (a binary or UTF-16 file?), "
            "expected UTF-8 text; convert it"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PromptError(
            f"{path}: got byte 0x{data[error.start]:02x} at offset {error.start}, expected UTF-8 "
            "text; convert it"
        ) from error


def load(path: Path) -> Persona:
    """A persona from a Markdown file, with YAML front matter or without.

    Known keys are the fields of `Persona` other than `system`; other keys are left alone. Without
    front matter, the name is the file's stem and the title its first heading. A `name` with
    spaces in it serves as the title. A missing `brief` is the opening paragraph, else the
    description; a missing `description` is the opening paragraph, else the title. Line ends become
    LF and blank lines around the body go; the rest is kept.

    Raises:
        PromptError: the file can't be read, is larger than 64 KiB, isn't UTF-8 text, has front
            matter that is damaged or a known key out of its type or range, or has no body.
    """
    return _parse(_read(path), str(path), path.stem)


def load_folder(path: Path) -> dict[str, Persona]:
    """The personas of a folder's Markdown files, by name, in the order of the files' names.

    A file is called `citewise-<stem>` unless its front matter gives a name. Hidden files and a
    README are left alone.

    Raises:
        PromptError: `path` is no readable folder, one of the files can't be used, two have the
            same name, or one has a shipped persona's name.
    """
    try:
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".md")
    except OSError as error:
        raise PromptError(
            f"{path}: got {error.strerror or error}, expected a folder of persona files (*.md)"
        ) from error
    found: dict[str, Persona] = {}
    taken = dict.fromkeys(shipped(), "a shipped persona")
    for file in files:
        if file.name.startswith(".") or file.stem.lower() == "readme":
            continue
        persona = _parse(_read(file), str(file), file.stem, prefix=_PREFIX)
        key = persona.name.casefold()
        if key in taken:
            raise PromptError(
                f"{file}: got the name {persona.name!r}, which {taken[key]} has, expected one of "
                "its own; change `name:` in its front matter, or rename the file"
            )
        taken[key] = str(file)
        found[persona.name] = persona
    return found


@cache
def _packaged(name: str) -> Persona:
    return _parse(prompts.text(name), f"prompts/{name}", Path(name).stem)


def speaks_of_models(knowledge_base: str) -> bool:
    """Whether the shipped knowledge base is in an index, by its sources' names joined with "+"."""
    return SHIPPED_NAME in knowledge_base.split("+")


def _of(folder: str, stem: str, knowledge_base: str) -> Persona:
    """A packaged persona or skill, as it is over what is indexed."""
    kind = "" if speaks_of_models(knowledge_base) else "documents/"
    return _packaged(f"{folder}/{kind}{stem}.md")


def shipped(knowledge_base: str = SHIPPED_NAME) -> dict[str, Persona]:
    """The personas that come with Citewise, by name; the first is the default.

    Args:
        knowledge_base: what is indexed, by its sources' names joined with "+".

    Raises:
        PromptError: a packaged file is damaged.
    """
    personas = (_of("personas", stem, knowledge_base) for stem in _SHIPPED)
    return {persona.name: persona for persona in personas}


def _bases(extra: Mapping[str, Persona], knowledge_base: str = SHIPPED_NAME) -> dict[str, Persona]:
    own = shipped(knowledge_base)
    shadowed = sorted(own.keys() & extra.keys())
    if shadowed:
        raise PromptError(
            f"got a persona of the shipped name {shadowed[0]!r}, expected another; rename it"
        )
    return {**own, **extra}


def listed(extra: Mapping[str, Persona] = _NO_PERSONAS) -> list[str]:
    """Every name that `resolve` takes: the personas in order, then each with each skill.

    Raises:
        PromptError: one of `extra` has a shipped persona's name.
    """
    bases = list(_bases(extra))
    return bases + [f"{base}+{skill}" for skill in _SKILLS for base in bases]


def compose(persona: Persona, skills: Sequence[str], knowledge_base: str = SHIPPED_NAME) -> Persona:
    """A persona with skills: its text first, then theirs; its sampling and shape stay.

    Args:
        persona: who answers.
        skills: by what stands after "+" in a name, such as "research".
        knowledge_base: as for `shipped`.

    Raises:
        RequestError: there is no such skill; the message names those that exist.
    """
    for skill in skills:
        if skill not in _SKILLS:
            raise RequestError(
                f"got the skill {shown(skill)}, expected one of: {', '.join(_SKILLS)}",
                field="model",
            )
        added = _of("skills", _SKILLS[skill], knowledge_base)
        persona = replace(
            persona,
            name=f"{persona.name}+{skill}",
            title=f"{persona.title} + {added.title.lower()}",
            description=f"{persona.description} {added.description}",
            brief=f"{persona.brief} {added.brief}",
            system=f"{persona.system}\n\n{added.system}",
            examples=tuple(dict.fromkeys(persona.examples + added.examples)),
        )
    return persona


def resolve(
    model: str,
    extra: Mapping[str, Persona] = _NO_PERSONAS,
    knowledge_base: str = SHIPPED_NAME,
) -> Persona:
    """The persona that a model's name stands for.

    Args:
        model: a persona's name, followed or not by "+" and a skill.
        extra: personas beside the shipped ones, by name.
        knowledge_base: as for `shipped`.

    Raises:
        RequestError: there is no such name; the message lists those that exist.
        PromptError: one of `extra` has a shipped persona's name.
    """
    names = listed(extra)
    if model not in names:
        raise RequestError(
            f"got the model {shown(model)}, expected one of: {', '.join(names)}", field="model"
        )
    base, *skills = model.split("+")
    return compose(_bases(extra, knowledge_base)[base], skills, knowledge_base)
