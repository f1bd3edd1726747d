"""Dialogues: what people say in a row, with what each turn's answer must be like.

Three suites. `dialogue` has every act of a conversation, `leak` ends on something off the subject,
`false-act` holds questions that only look like acts. They are split into halves as the others
are, by topic, or by their own id where they have none.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from eval.cases import NO_TOPIC, SUITES, Split, split_of
from eval.errors import SuiteError
from index.errors import wrong_fields

__all__ = [
    "DIALOGUES", "DIALOGUE_SUITES", "FALSE_ACTS", "SCHEMA", "Dialogue", "Expectation",
    "dialogue_seals", "read_dialogues", "rendered_dialogue_schema",
]  # fmt: skip

DIALOGUES: Path = SUITES / "dialogues"
SCHEMA: Path = DIALOGUES / "schema.json"
FALSE_ACTS = "false-act"
DIALOGUE_SUITES: tuple[str, ...] = ("dialogue", "leak", FALSE_ACTS)

Language = Literal["en", "es", "fr", "de", "pt", "it", "zh"]
Form = Literal["list", "table", "one_sentence", "code"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one answer must be like. What is None or empty is not checked.

    `kind` is `answer` (a claim is cited), `smalltalk` or `meta` (nothing is cited but `topics`),
    `refuse`, `clarify` (asks back and claims next to nothing), `off` (refuses or talks, and
    cites nothing). `abstain` is whether it refuses. One of `topics` is cited, none of
    `not_topics`. `min_words` and `max_words` leave markers and a closing list of sources out.
    One of `must_any`, all of `must_all` and none of `must_not` stand in the text, one of
    `must_any_shown` in the text or the shown sources. `lang` is the language of the whole text,
    `lang_some` that of a sentence in it. `format` is its form. `differs`: it is not mostly the
    answer before. `adds`: it says something that the answer before did not.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["answer", "smalltalk", "meta", "refuse", "clarify", "off"]
    abstain: bool | None = None
    topics: tuple[str, ...] = ()
    not_topics: tuple[str, ...] = ()
    max_words: int | None = None
    min_words: int | None = None
    must_any: tuple[str, ...] = ()
    must_all: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    must_any_shown: tuple[str, ...] = ()
    lang: Language | None = None
    lang_some: Language | None = None
    format: Form | None = None
    differs: bool = False
    adds: bool = False

    @property
    def asks_again(self) -> bool:
        """Whether the turn asks for what was said before, in another form or confirmed."""
        again = (self.max_words, self.lang, self.lang_some, self.format)
        return bool(any(again) or self.must_not or self.must_any_shown)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What is said turn by turn, with what is expected of each answer (None: anything).

    `act` is what the dialogue is about, as a rule what its last turn does.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: str
    act: str
    topic: str
    turns: tuple[str, ...]
    expect: tuple[Expectation | None, ...]
    note: str = ""

    @property
    def cluster(self) -> str:
        """What the dialogue is split and resampled with: its topic, or itself."""
        return self.id if self.topic == NO_TOPIC else self.topic

    @property
    def split(self) -> Split:
        """The half that the dialogue belongs to."""
        return split_of(self.cluster)


_ADAPTER = TypeAdapter(Dialogue)


def read_dialogues(name: str) -> tuple[Dialogue, ...]:
    """Read a suite of dialogues by name (`all` for the three), or a JSONL file by its path.

    Raises:
        SuiteError: there is none of that name, a line in it is wrong, or an id comes twice.
    """
    if name == "all":
        return tuple(each for suite in DIALOGUE_SUITES for each in read_dialogues(suite))
    path = DIALOGUES / f"{name}.jsonl" if name in DIALOGUE_SUITES else Path(name)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(
            f"no dialogues {name!r} ({error}); expected one of all, {', '.join(DIALOGUE_SUITES)}, "
            "or a JSONL file's path"
        ) from error
    found = [_read(line, f"{path}:{i}") for i, line in enumerate(lines, start=1) if line.strip()]
    repeated = [key for key, count in Counter(each.id for each in found).items() if count > 1]
    if repeated:
        raise SuiteError(f"{path}: ids must be unique, repeated: {', '.join(repeated[:5])}")
    return tuple(found)


def _read(line: str, place: str) -> Dialogue:
    try:
        found = _ADAPTER.validate_json(line)
    except ValidationError as error:
        raise SuiteError(
            f"{place}: {wrong_fields(error, 'the line', most=1)}; the schema is {SCHEMA}"
        ) from error
    if not found.turns or len(found.turns) != len(found.expect):
        raise SuiteError(
            f"{place}: {len(found.turns)} turns and {len(found.expect)} expectations; expected "
            "one expectation a turn, null where anything will do"
        )
    return found


def dialogue_seals() -> dict[str, str]:
    """Hash the sealed half of each suite, whatever the order of its lines. Hexadecimal."""
    return {f"dialogues/{name}": _seal(read_dialogues(name)) for name in DIALOGUE_SUITES}


def _seal(dialogues: Sequence[Dialogue]) -> str:
    sealed = sorted(_ADAPTER.dump_json(d) for d in dialogues if d.split == "sealed")
    return hashlib.sha256(b"\n".join(sealed)).hexdigest()


def rendered_dialogue_schema() -> str:
    """Return the text that eval/suites/dialogues/schema.json should hold (JSON Schema 2020-12)."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_ADAPTER.json_schema(),
        "title": "Citewise evaluation dialogue",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
