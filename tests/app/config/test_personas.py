from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import prompts
from app.config import personas
from app.config.front_matter import BRIEF_WORDS
from app.config.personas import Persona, compose, listed, load, load_folder, resolve, shipped
from app.record.errors import PromptError, RequestError

_DATA = Path(__file__).resolve().parents[2] / "data" / "personas"


def _load(tmp_path: Path, content: str | bytes, name: str = "own.md") -> Persona:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load(path)


def _refusal(tmp_path: Path, content: str | bytes) -> str:
    with pytest.raises(PromptError) as caught:
        _load(tmp_path, content)
    message = str(caught.value)
    assert str(tmp_path / "own.md") in message
    assert "got" in message
    assert "expected" in message
    return message


def _parse(text: str) -> Persona:
    return personas._parse(text, "own.md", "own")


# Files as people write them


def test_a_file_without_front_matter() -> None:
    persona = load(_DATA / "plain.md")
    assert (persona.name, persona.title) == ("plain", "Retrieval Tutor")
    assert persona.system == (_DATA / "plain.md").read_text(encoding="utf-8").strip()
    assert persona.brief == (
        "You are a tutor for search and retrieval. You teach with small examples."
    )
    assert persona.description == persona.brief
    assert persona.temperature is persona.top_p is persona.max_tokens is None
    assert persona.shape == "papers"
    assert persona.examples == ()


def test_front_matter_with_a_name_and_a_description() -> None:
    persona = load(_DATA / "named.md")
    assert (persona.name, persona.title) == ("tokens", "Token Work")
    assert persona.description == "Vocabulary design, tokenizer training, and deployment."
    assert persona.system == "# Token Work\n\nYou are an engineer of tokenizers."


def test_a_name_for_people_is_the_title_and_other_keys_are_left_alone() -> None:
    persona = load(_DATA / "tagged.md")
    assert persona.name == "tagged"
    assert persona.title == "Senior Decoding Scientist (Sampling)"
    assert persona.description.endswith("top-k/top-p: when each one helps.")
    assert persona.brief.startswith("You are a Senior Decoding Scientist.")


def test_the_body_is_data() -> None:
    system = load(_DATA / "tagged.md").system
    assert system in (_DATA / "tagged.md").read_text(encoding="utf-8")
    assert system.startswith("# Role\n")
    assert "\n---\n" in system
    assert "$p=0.9$ for {{product}} and keep <|im_start|> as it is [1]." in system


def test_a_heading_with_an_emoji_and_no_opening_paragraph() -> None:
    persona = load(_DATA / "emoji.md")
    assert persona.title == persona.description == "🔭 Habits & Field Methods"
    assert persona.brief == "Your field: 🔭 Habits & Field Methods."


def test_every_known_key() -> None:
    assert load(_DATA / "full.md") == Persona(
        name="citewise-tutor",
        title="Patient tutor",
        description="Teaches from the beginning.",
        brief="You teach patiently.",
        system="Teach.",
        temperature=0.0,
        top_p=1.0,
        max_tokens=256,
        shape="checklist",
        examples=("What is a token?", "Why is softmax used?"),
    )


def test_a_persona_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load(_DATA / "plain.md").name = "other"  # type: ignore[misc]


# Encodings, line ends, edges


@pytest.mark.parametrize("name", ["plain.md", "tagged.md", "named.md", "emoji.md", "full.md"])
@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_bom_and_line_ends_make_no_difference(tmp_path: Path, name: str, ends: str) -> None:
    text = (_DATA / name).read_text(encoding="utf-8")
    other = _load(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", ends).encode(), name)
    assert other == load(_DATA / name)


def test_blank_lines_around_go_and_inner_ones_stay(tmp_path: Path) -> None:
    persona = _load(tmp_path, "\n  \n---\ntitle: T\n---\n \n\n    code\n\n\nend  \n\n")
    assert persona.title == "T"
    assert persona.system == "    code\n\n\nend"


def test_empty_front_matter_and_comments_and_dots(tmp_path: Path) -> None:
    for head in ("---\n---\n", "---\n# nothing yet\n---\n", "--- \n...\n", "---\ntitle:\n---\n"):
        assert _load(tmp_path, head + "Body.").title == "own"


def test_an_indented_rule_does_not_close_the_front_matter(tmp_path: Path) -> None:
    persona = _load(tmp_path, "---\ndescription: |\n  one\n  ---\n  two\n---\nBody.")
    assert persona.description == "one --- two"
    assert persona.system == "Body."


@pytest.mark.parametrize("head", ["----\n", "-- \n", " ---\n", "---x\n"])
def test_what_is_not_front_matter_is_body(tmp_path: Path, head: str) -> None:
    assert _load(tmp_path, head + "Body.").system == head + "Body."


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("Text.\n\n## Second level\n", "Second level"),
        ("```\n# in code\n```\n# After\n", "After"),
        ("~~~~\n# in code\n~~~\n# still\n~~~~\n# After\n", "After"),
        ("#\n# Closed ##\n", "Closed"),
        ("# C#\n", "C#"),
        ("#hashtag\n", "own"),
        ("# A\x1b[31m red\n", "A[31m red"),
    ],
)
def test_the_title_is_the_first_heading(tmp_path: Path, body: str, title: str) -> None:
    assert _load(tmp_path, body).title == title


def test_a_long_opening_paragraph_is_cut_to_a_brief(tmp_path: Path) -> None:
    persona = _load(tmp_path, "# T\n" + "word " * 500)
    assert persona.brief.split() == ["word"] * BRIEF_WORDS


@pytest.mark.parametrize(
    ("stem", "name"),
    [("My Persona", "my-persona"), ("Legal_v1.2", "legal_v1.2"), ("法律", "法律"), ("+x+", "x")],
)
def test_a_file_name_becomes_a_model_name(tmp_path: Path, stem: str, name: str) -> None:
    assert _load(tmp_path, "Body.", f"{stem}.md").name == name


def test_a_file_name_without_letters_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="add `name:`"):
        _load(tmp_path, "Body.", "🧭.md")
    assert _load(tmp_path, "---\nname: guide\n---\nBody.", "🧭.md").name == "guide"


@pytest.mark.parametrize("name", ["a+research", "two words", "-x", "x" * 65])
def test_a_name_no_model_can_have_is_a_title(tmp_path: Path, name: str) -> None:
    persona = _load(tmp_path, f'---\nname: "{name}"\n---\nBody.')
    assert (persona.name, persona.title) == ("own", name)


# Refusals


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no text"),
        (b"\xef\xbb\xbf\r\n \n", "no text"),
        (b"---\ntitle: T\n---\n\n", "no text below the front matter"),
        (b"---", "never closes"),
        (b"---\ntitle: T\n\n# Body\n", "never closes"),
        (b"---\n- a\n---\nBody.", "a list"),
        (b"---\n# Rule above\nprose\n---\nBody.", "plain text"),
        (b"---\nx: 1\ntitle: a: b\n---\nBody.", "line 3: got front matter that isn't readable"),
        (b"---\nx: [\n---\nBody.", "isn't readable as YAML"),
        (b"---\nx: " + b"[" * 20_000 + b"\n---\nBody.", "isn't readable as YAML"),
        (b'---\nx: "\\U00110000"\n---\nBody.', "isn't readable as YAML"),
        (b"---\ntitle: a\ntitle: b\n---\nBody.", "title: got it twice"),
        (b"caf\xe9", "byte 0xe9 at offset 3"),
        (b"a\0b", "NUL byte at offset 1"),
        ("# Héllo".encode("utf-16"), "UTF-16"),
        (b"x" * (64 * 1024 + 1), "more than 64 KiB"),
    ],
)
def test_a_file_that_can_not_be_used(tmp_path: Path, content: bytes, told: str) -> None:
    assert told in _refusal(tmp_path, content)


def test_the_largest_file_is_accepted(tmp_path: Path) -> None:
    assert len(_load(tmp_path, b"x" * 64 * 1024).system) == 64 * 1024


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.md"):
        with pytest.raises(PromptError, match=re.escape(f"{path}: got")):
            load(path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("temperature: hot", "temperature: got 'hot', expected a number from 0 to 2"),
        ('temperature: "0.5"', "temperature: got '0.5', expected a number"),
        ("temperature: -0.1", "temperature: got the number -0.1, expected"),
        ("temperature: 2.01", "temperature: got the number 2.01, expected"),
        ("temperature: yes", "temperature: got 'yes', expected"),
        ("temperature: .nan", "temperature: got '.nan', expected"),
        ("temperature: 1e999", "temperature: got the number inf, expected"),
        ("top_p: 0", "top_p: got the number 0, expected a number above 0, at most 1"),
        ("top_p: 1.5", "top_p: got the number 1.5"),
        ("top_p: [0.9]", "top_p: got a list of 1"),
        ("max_tokens: 0", "max_tokens: got the number 0, expected a whole number from 1"),
        ("max_tokens: 12.5", "max_tokens: got the number 12.5"),
        ("max_tokens: 999999999", "max_tokens: got the number 999999999"),
        ("shape: poem", "shape: got 'poem', expected papers, figures or checklist"),
        ("name: 7", "name: got the number 7, expected a text"),
        ("name: ''", "name: got '', expected a text that isn't empty"),
        ("title: {a: b}", "title: got a mapping, expected a text"),
        ('title: "a\\0b"', "title: got 'a\\x00b', expected a text"),
        ('title: "\\ud800"', "title: got '\\ud800', expected a text"),
        ("brief: " + "word " * 61, "(61 words), expected a text of at most 60 words"),
        ("examples: one", "examples: got 'one', expected a list of at most 50 questions"),
        ("examples: [one, 2]", "examples[1]: got the number 2, expected a list"),
        ("examples: [one, [two]]", "examples[1]: got a mapping, expected a list"),
        (f"examples: [{'q, ' * 51}]", "examples: got a list of 51"),
    ],
)
def test_a_known_key_with_a_wrong_value(tmp_path: Path, line: str, told: str) -> None:
    message = _refusal(tmp_path, f"---\n{line}\n---\nBody.")
    assert told in message
    assert "leave it out" in message
    assert message.encode("utf-8")
    assert len(message) < 400 + len(str(tmp_path))


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    message = _refusal(tmp_path, "---\ntemperature: 3\nshape: poem\n---\nBody.")
    assert "temperature: got" in message
    assert "shape: got" in message


def test_unknown_keys_may_hold_anything(tmp_path: Path) -> None:
    head = "tags: &t [a, *t]\ndate: 2026-13-45\nkind: !ruby/object {x: 1}\n7: x\n[a]: b\n<<: *t"
    assert _load(tmp_path, f"---\n{head}\ntitle: T\n---\nBody.").title == "T"


def test_aliases_do_not_multiply(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    head = "\n".join(rows)
    assert _load(tmp_path, f"---\n{head}\ntitle: T\n---\nBody.").title == "T"
    assert "examples[0]: got a mapping" in _refusal(
        tmp_path, f"---\n{head}\nexamples: *a29\n---\nBody."
    )


# Any text at all

_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1)
_LINES = st.lists(_WORDS, min_size=1, max_size=8).map(" ".join)


@given(
    title=_LINES,
    description=_LINES,
    temperature=st.floats(0, 2),
    top_p=st.floats(0, 1, exclude_min=True),
    max_tokens=st.integers(1, 131_072),
    shape=st.sampled_from(["papers", "figures", "checklist"]),
    examples=st.lists(_LINES, max_size=5),
    body=_LINES,
    unicode=st.booleans(),
)
def test_what_yaml_writes_is_read_back(unicode: bool, body: str, **matter: Any) -> None:
    head = yaml.safe_dump(matter, allow_unicode=unicode)
    persona = _parse(f"---\n{head}---\n# T\n{body}")
    assert persona.system == f"# T\n{body}"
    found = dataclasses.asdict(persona)
    assert {key: found[key] for key in matter if key != "examples"} == {
        key: value for key, value in matter.items() if key != "examples"
    }
    assert persona.examples == tuple(matter["examples"])


@given(st.text())
def test_any_front_matter_is_read_or_refused(head: str) -> None:
    _read_or_refused(f"---\n{head}\n---\nBody.")


_PIECES = [
    *("title", "examples", "temperature", "0.5", ": ", ":", "- ", "\n", "  ", "\t", ", ", "# "),
    *("[", "]", "{", "}", "'", '"', "|", ">", "?", "~", "<<", "&a ", "*a", "!!int ", "!x "),
    *("\\U00110000", "%YAML 1.1", "2026-02-30", "\x85", "\u2028", "---", "..."),
]
_YAML_LIKE = st.lists(st.sampled_from(_PIECES), max_size=25).map("".join)


@given(_YAML_LIKE)
def test_anything_like_yaml_is_read_or_refused(head: str) -> None:
    _read_or_refused(f"---\n{head}\n---\nBody.")


def _read_or_refused(text: str) -> None:
    refusal, persona = "own.md:", None
    try:
        persona = _parse(text)
    except PromptError as error:
        refusal = str(error)
    assert refusal.encode().startswith(b"own.md:")
    if persona:
        assert persona.system.endswith("Body.")
        assert persona.name
        assert persona.title
        assert persona.brief


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1))
def test_a_body_is_kept_but_for_the_blank_around_it(text: str) -> None:
    body = f"Start\n{text}\nend"
    assert _parse(body).system == body
    assert _parse(f"---\ntitle: T\n---\n{body}\n").system == body


# The shipped ones


def test_exports_exist() -> None:
    assert all(hasattr(personas, name) for name in personas.__all__)


def test_the_shipped_personas_in_order() -> None:
    assert list(shipped()) == ["citewise-expert", "citewise-architect", "citewise-engineer"]
    assert [persona.shape for persona in shipped().values()] == ["papers", "figures", "checklist"]
    packaged = {f"citewise-{Path(name).stem}" for name in prompts.names("personas")}
    assert packaged == set(shipped())


OF_MODELS = re.compile(
    r"\b(?:LLM|GPT|transformer|language model|neural|fine-tun|token)", re.IGNORECASE
)


@pytest.mark.parametrize("name", listed())
def test_over_documents_alone_the_same_names_speak_of_documents(name: str) -> None:
    ours, own = resolve(name), resolve(name, knowledge_base="rota+wiki")
    for knowledge_base in ("ai", "ai+rota", "rota+ai"):
        assert resolve(name, knowledge_base=knowledge_base) == ours
    assert (own.name, own.shape, own.temperature, own.top_p, own.max_tokens) == (
        ours.name,
        ours.shape,
        ours.temperature,
        ours.top_p,
        ours.max_tokens,
    )
    for ours_told, told in (
        (ours.title, own.title),
        (ours.brief, own.brief),
        (ours.system, own.system),
    ):
        assert told != ours_told
        assert not OF_MODELS.search(told)
    assert OF_MODELS.search(ours.system)
    assert not OF_MODELS.search(own.description)
    assert own.examples == ()  # its documents tell what can be asked


def test_a_persona_of_ones_own_is_the_same_over_any_index() -> None:
    own = dataclasses.replace(resolve("citewise-expert"), name="librarian", title="Our librarian")
    for knowledge_base in ("ai", "rota"):
        assert resolve("librarian", {"librarian": own}, knowledge_base) == own


def test_changing_what_was_returned_changes_nothing() -> None:
    shipped().clear()
    assert shipped()


@pytest.mark.parametrize("name", prompts.names("personas") + prompts.names("skills"))
def test_a_shipped_file_is_complete(name: str) -> None:
    matter = yaml.safe_load(prompts.text(name).split("---\n")[1])
    sampling = {"temperature", "top_p", "max_tokens", "shape"}
    common = {"name", "title", "description", "brief", "examples"}
    assert set(matter) == (common | sampling if name.startswith("personas/") else common)
    persona = personas._packaged(name)
    assert len(persona.examples) == len(set(persona.examples)) == 8
    assert all(question.endswith("?") for question in persona.examples)
    assert len(persona.brief.split()) <= BRIEF_WORDS
    assert 450 <= len(persona.system.split()) <= 750


def test_each_persona_samples_in_its_own_way() -> None:
    ways = {(p.temperature, p.top_p, p.max_tokens) for p in shipped().values()}
    assert len(ways) == 3
    assert not any(None in way for way in ways)


def test_names_in_order_the_bases_first() -> None:
    assert listed() == [
        "citewise-expert",
        "citewise-architect",
        "citewise-engineer",
        "citewise-expert+research",
        "citewise-architect+research",
        "citewise-engineer+research",
    ]
    assert [resolve(name).name for name in listed()] == listed()


def test_a_composed_persona_holds_both_and_keeps_its_sampling() -> None:
    base, both = resolve("citewise-architect"), resolve("citewise-architect+research")
    skill = personas._packaged("skills/research-doctrine.md")
    assert both.system == f"{base.system}\n\n{skill.system}"
    assert both.brief == f"{base.brief} {skill.brief}"
    assert both.title == "Principal AI researcher + research doctrine"
    assert both.examples == base.examples + skill.examples
    assert (both.temperature, both.top_p, both.max_tokens, both.shape) == (
        base.temperature,
        base.top_p,
        base.max_tokens,
        base.shape,
    )
    assert compose(base, []) == base
    assert compose(base, ["research"]) == both


@pytest.mark.parametrize(
    "model",
    [
        "",
        "gpt-4o",
        "expert",
        "Citewise-Expert",
        "citewise-expert+",
        "+research",
        "citewise-expert+poetry",
        "citewise-expert+research+research",
        " citewise-expert",
        "x" * 10_000,
        "\ud800",
    ],
)
def test_a_model_that_does_not_exist(model: str) -> None:
    with pytest.raises(RequestError) as caught:
        resolve(model)
    assert caught.value.field == "model"
    assert all(name in str(caught.value) for name in listed())
    assert len(str(caught.value).encode()) < 500


def test_an_unknown_skill() -> None:
    with pytest.raises(RequestError, match="'poetry', expected one of: research"):
        compose(resolve("citewise-expert"), ["poetry"])


# Dropping them in


def test_own_personas_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "legal.md").write_text("# Legal\nYou read contracts.")
    (tmp_path / "citewise-tax.MD").write_text("You know tax.")
    (tmp_path / "other.md").write_text("---\nname: poet\n---\nYou rhyme.")
    (tmp_path / "README.md").write_text("About this folder.")
    (tmp_path / ".hidden.md").write_bytes(b"\0")
    (tmp_path / "notes.txt").write_bytes(b"\0")
    own = load_folder(tmp_path)
    assert list(own) == ["citewise-tax", "citewise-legal", "poet"]
    assert all(persona.name == name for name, persona in own.items())
    assert resolve("citewise-legal", own).system == "# Legal\nYou read contracts."
    assert resolve("poet+research", own).system.startswith("You rhyme.\n\n# Research doctrine")
    assert listed(own)[3:6] == list(own)
    assert listed(own)[-1] == "poet+research"
    with pytest.raises(RequestError, match="citewise-legal"):
        resolve("legal", own)
    assert "citewise-legal" not in listed()


def test_the_sample_files_as_a_folder() -> None:
    assert list(load_folder(_DATA)) == [
        "citewise-emoji",
        "citewise-tutor",
        "tokens",
        "citewise-plain",
        "citewise-tagged",
    ]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("expert.md", "Body."),
        ("citewise-expert.md", "Body."),
        ("x.md", "---\nname: citewise-engineer\n---\nBody."),
        ("y.md", "---\nname: Citewise-Expert\n---\nBody."),
    ],
)
def test_a_shipped_name_can_not_be_taken(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(PromptError, match="which a shipped persona has") as caught:
        load_folder(tmp_path)
    assert str(tmp_path / file) in str(caught.value)


def test_a_shipped_name_can_not_be_taken_by_a_single_file_either() -> None:
    own = load(_DATA / "plain.md")
    for use in (listed, lambda extra: resolve("citewise-expert", extra)):
        with pytest.raises(PromptError, match="citewise-expert"):
            use({"citewise-expert": own})


def test_two_files_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nname: poet\n---\nBody.")
    (tmp_path / "b.md").write_text("---\nname: Poet\n---\nBody.")
    with pytest.raises(PromptError, match=r"b\.md: got the name 'Poet', which .*a\.md has"):
        load_folder(tmp_path)


def test_one_bad_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Body.")
    (tmp_path / "b.md").write_text("---\ntop_p: 2\n---\nBody.")
    with pytest.raises(PromptError, match=r"b\.md: top_p"):
        load_folder(tmp_path)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert load_folder(tmp_path) == {}
    for path in (tmp_path / "none", _DATA / "plain.md"):
        with pytest.raises(PromptError, match="expected a folder of persona files"):
            load_folder(path)
