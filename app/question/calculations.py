"""A calculation asked in words: which one, with which inputs, and what the asker's own figure is.

A question is a calculation where it asks for an amount and brings what decides it: its own
numbers or a named model. Everything else is left to the knowledge base. A follow-up ("and at
32k?", "what if 4 bits?") changes an input of the calculation before it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.question.given import Amount, GivenInputs, read
from app.question.spelling import meant_by
from app.record.types import Message
from index.calculations import calculation
from index.calculations.precisions import precision
from index.calculations.shapes import models, usual_model

__all__ = ["CalculationRequest", "calculation_asked"]


@dataclass(frozen=True, slots=True)
class CalculationRequest:
    """A calculation that was asked for, as its inputs by name.

    `claimed` are figures of the asker's own; `missing` names what is to be asked back before
    anything can be worked out; `against` are the inputs of the second of two that are compared;
    `wording` is what asks, with marks where something was read; `unread` are its numbers that no
    input takes; `assumed` is what was taken for granted in reading.
    """

    name: str
    inputs: Mapping[str, Any]
    claimed: tuple[Amount, ...] = ()
    missing: str = ""
    against: Mapping[str, Any] | None = None
    wording: str = ""
    unread: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


_Test = re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class _Rule:
    """When a calculation is meant; `calculations.toml` says what each part is."""

    name: str
    cue: re.Pattern[str]
    needs: tuple[tuple[str, ...], ...]
    takes: Mapping[str, tuple[str, ...]]
    says: _Test = None
    unless: _Test = None
    about: _Test = None
    not_about: _Test = None
    given: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    words: int = 0
    check: str = ""
    compares: bool = False

    def holds(self, given: GivenInputs, asking: str) -> bool:
        """Tell whether it is this calculation that the sentences ask for."""
        if self.compares and not given.other:
            return False
        if not self.cue.search(asking) or not all(given.has(*choice) for choice in self.needs):
            return False
        if given.has(*self.without) or (self.given and not given.has(*self.given)):
            return False
        if self.words and len(given.text.split()) > self.words:
            return False
        wanted = ((self.says, asking), (self.about, given.text))
        unwanted = ((self.unless, asking), (self.not_about, given.text))
        return (
            all(pattern is None or pattern.search(text) for pattern, text in wanted)
            and not any(pattern and pattern.search(text) for pattern, text in unwanted)
            and (not self.check or _CHECKS[self.check](given, asking))
        )


@cache
def _rules() -> tuple[_Rule, ...]:
    file = Path(__file__).with_name("calculations.toml")
    raw = tomllib.loads(file.read_text(encoding="utf-8"))

    def pattern(row: dict[str, Any], key: str) -> _Test:
        if key not in row:
            return None
        text = row[key]
        for name, part in raw["parts"].items():
            text = text.replace(f"<<{name}>>", part)
        return re.compile(text, re.IGNORECASE)

    return tuple(
        _Rule(
            name=row["name"],
            cue=pattern(row, "cue") or re.compile(""),
            needs=tuple(tuple(each.split("|")) for each in row["needs"]),
            takes={name: tuple(sources) for name, sources in row.get("from", {}).items()},
            says=pattern(row, "says"),
            unless=pattern(row, "unless"),
            about=pattern(row, "about"),
            not_about=pattern(row, "not_about"),
            given=tuple(row.get("with", ())),
            without=tuple(row.get("without", ())),
            words=row.get("words", 0),
            check=row.get("check", ""),
            compares=row.get("compares", False),
        )
        for row in raw["rule"]
    )


_WORDS = re.compile(r"(?<![\w/.-])[a-z]{5,}(?![\w/]|\.\w)")
# Words that decide what is asked, put right where they are misspelled.
_OFTEN = frozenset(
    "cache context memory token tokens parameter parameters perplexity throughput bandwidth "
    "trainable training optimizer gradient gradients sequence sequences concurrent precision "
    "quantized acceptance temperature probability probabilities vocabulary embedding embeddings "
    "layers hidden confidence interval difference questions energy accumulation pipeline "
    "microbatches utilization bubble billion million trillion adapter checkpointing".split()
)
_ASKING = re.compile(
    r"\?|\b(?:how (?:much|many|big|large|long|far|fast)|"
    r"what(?:'s| is| are| does| do| will| would)?|"
    r"calculate|compute|work out|estimate|count|fits?|sizes?\b|number of|max(?:imum)?|convert|"
    r"softmax of|optimal|upper (?:bound|limit)|needed|total|need|can (?:i|we)|will|"
    r"express|give me|tell me|figure out|"
    r"apply|list|(?:interval|tokens|size|memory|vram|weights|flops|cache|params|parameters) "
    r"(?:for|of))\b",
    re.IGNORECASE,
)
_EXPLAINING = re.compile(
    r"^\W*(?:why|explain|describe|should (?:i|we)|is it (?:true|better|worth)|when\b|who\b|"
    r"what (?:is|are) (?:the )?(?:difference|advantage|point|reason|idea|purpose)|"
    r"what does .{1,40} mean|how (?:do|does|did|is|are|was|were|can|could|would|should|to)\b)",
    re.IGNORECASE,
)
_CONTINUING = re.compile(
    r"^\W*(?:and|but|ok(?:ay)?|so|what (?:about|if|with)|how about|with|at|for|in|now|same|if|then|"
    r"also|make (?:it|that)|on|using|use)\b",
    re.IGNORECASE,
)
_LONGEST_FOLLOW_UP = 16
_MOST_TURNS = 6
_NUMBERS = frozenset(
    "layers width heads kv_heads head_size ffn_width vocabulary tokens train_tokens parameters "
    "rank sequences batch window experts probabilities logits items right only_a only_b price "
    "throughput acceptance drafted stages microbatches loss perplexity".split()
)
_OWN = frozenset(
    "parameters active_parameters layers width heads kv_heads head_size ffn_width vocabulary "
    "experts experts_per_token expert_width window attention_layers kv_rank".split()
)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A question that was a calculation, with all that was given up to then."""

    rule: _Rule
    given: GivenInputs
    text: str


def calculation_asked(question: str, history: Sequence[Message] = ()) -> CalculationRequest | None:
    """Read a calculation out of a question; None where it is none.

    Args:
        question: what was asked last.
        history: the turns before it, oldest first; a follow-up changes the one before it.
    """
    turn: _Turn | None = None
    earlier = [message.content for message in history if message.role == "user"]
    turns = (*earlier[-_MOST_TURNS:], question)
    if not any(char.isdigit() or char in '"“' for text in turns for char in text):
        return None  # spares a cold process the data of models and machines
    for text in turns:
        turn = _turn(_WORDS.sub(lambda word: meant_by(word.group(), _OFTEN), text), turn)
    return _asked(turn) if turn else None


def _turn(text: str, before: _Turn | None) -> _Turn | None:
    given = _completed(read(text), text)
    rule = _rule_for(given, text)
    short = len(text.split()) <= _LONGEST_FOLLOW_UP
    if before and short and given.values and (rule is None or _CONTINUING.search(text)):
        merged = _merged(before.given, given)
        if rule is None or rule is before.rule or not _names_it(rule, text):
            return _Turn(before.rule, merged, f"{before.text} {text}") if _takes(
                before.rule, given) else None  # fmt: skip
    return _Turn(rule, given, text) if rule else None


def _names_it(rule: _Rule, text: str) -> bool:
    return rule.cue.search(text) is not None


def _takes(rule: _Rule, given: GivenInputs) -> bool:
    """Tell whether a calculation takes any of what is given."""
    names = {spec.name for spec in calculation(rule.name).inputs}
    sources = {name for choices in rule.takes.values() for name in choices}
    return any(name in names | sources for name in given.values)


def _rule_for(given: GivenInputs, text: str) -> _Rule | None:
    own = len(given.values) + len(given.memory)
    asking = _asking(text, own)
    if not own or not asking:
        return None
    rules = _rules()
    if "several" in given.notes:
        rules = tuple(rule for rule in rules if rule.compares) if "model" in given.other else ()
    compares = bool(given.other) and _APART.search(text)
    if (
        _EXPLAINING.search(text)
        and not compares
        and not (own >= 3 and _ASKING_HOW_MUCH.search(text))
    ):
        return None
    told = _TELLING.search(text) and not _OUGHT.search(text)
    if told and len(set(given.values) & _NUMBERS) < 3:
        return None
    return next((rule for rule in rules if rule.holds(given, asking)), None)


def _asking(text: str, own: int) -> str:
    """The sentences of a text that ask; all of a short one, or of a bare list of figures."""
    words = len(text.split())
    if words <= _SHORT:
        few = words <= _FEW or len(_LETTERS.findall(text)) <= _FEWER
        bare = (own >= 3 or (own >= 2 and few)) and not _STATING.search(text)
        return text if bare or _ASKING.search(text) else ""
    sentences = re.split(r"(?<=[.?!;])\s+|\n", text)
    asking = " ".join(each for each in sentences if "?" in each or _ASKING_HOW_MUCH.search(each))
    return text if 0 < len(asking.split()) <= _BARE else asking  # "Who is right?" of what was told


_ASKING_HOW_MUCH = re.compile(
    r"how (?:much|many|big|large|long|far|fast)|what(?:'s| is| are| does| do| size| mfu)|can i\b|"
    r"does it fit",
    re.IGNORECASE,
)
_APART = re.compile(r"\bdifference\b|\bcompare", re.IGNORECASE)
# What a paper or a person found is told by sources, not by a formula.
_TELLING = re.compile(
    r"\b(?:did|was|were|papers?|authors?|study|reported|according to|published|measured|released|"
    r"record|won|beat|onset|sweep|claimed|download|yardstick|by heart)\b",
    re.IGNORECASE,
)
# … but what one ought to do by a law is worked out.
_OUGHT = re.compile(
    r"\b(?:should (?:i|we)|(?:do|would|will) (?:i|we) need|for my|is that|"
    r"according to chinchilla)\b",
    re.IGNORECASE,
)
_STATING = re.compile(
    r"\b(?:i|we|it|they|he|she)(?:'m|'ve|'s| am| is| have| has| had| was| use| used| run| ran| "
    r"got| tried| see| think| know)\b|\b(?:fine|great|slow|nice|cool)\b|thank|^\W*(?:ok|yes|no)\b",
    re.IGNORECASE,
)
_SHORT = 24
_FEW, _FEWER = 6, 4
_LETTERS = re.compile(r"(?<!\S)[A-Za-z]{2,}(?![\w-])")
_BARE = 3
_SHAPED = ("kv-cache", "context-that-fits")  # what only a shape decides


def _completed(given: GivenInputs, text: str) -> GivenInputs:
    """Add what follows from several things that were read, and from words around them."""
    values = given.values
    if len(given.quoted) >= 2:
        given.put("quoted", True)
        given.put("text", given.quoted[0])
        given.put("reference", given.quoted[1])
    if chosen := models().get(str(values.get("model"))):
        own = values.pop("parameters", None)
        near = (chosen.parameters, chosen.active_parameters)
        if own and not any(0.8 <= own / each <= 1.25 for each in near):
            given.notes.append("several")
    split = values.get("tensor_parallel", 1) * values.get("stages", 1)
    if split > 1 and values.get("gpus", 0) >= split:
        given.put("replicas", values["gpus"] / split)
    if "weeks" in values:
        given.put("days", values["weeks"] * 7)
    if "days" in values:
        given.put("hours", values["days"] * 24)
    spans = re.search(
        r"(?:from\s)?(\d[\d,]*\s?k?)(?:\s?tokens)?\s(?:to|up to|->|→)\s(\d[\d,]*\s?k?)\b",
        text, re.IGNORECASE,
    )  # fmt: skip
    if spans and "yarn" in text.lower():
        given.put("original", spans[1])
        given.put("context", spans[2])
    if given.memory and not given.has("gpu", "memory") and _FOR_CACHE.search(text):
        given.put("cache_memory", given.memory.pop(0).value)
    if _ALL_HEADS.search(text) and 0 < values.get("kv_heads", 0) < values.get("heads", 0):
        given.other["kv_heads"] = values["heads"]
    _from_words(given, text)
    cards = [amount for amount in given.memory if _is_card(amount)]
    if cards:
        given.put("memory", cards[0].value)
        given.memory = [amount for amount in given.memory if amount is not cards[0]]
    return given


# An amount of memory that the cache alone may take.
_FOR_CACHE = re.compile(
    r"(?:\bkv\b|\bcache\b)[^?.]{0,20}\b(?:fits?|hold)\b[^?.]{0,15}\d\s?[GM]i?B|"
    r"\d\s?[GM]i?B(?: of (?:memory|vram))?(?: is| are)? (?:(?:left|free|available|over|reserved) )+"
    r"(?:for|of) (?:the |my |its )?(?:kv|cache)",
    re.IGNORECASE,
)
# Grouped heads are held against as many as there are.
_ALL_HEADS = re.compile(
    r"(?:\bmha\b|multi[\s-]?head)[^.?]*\b(?:rather than|instead of|compared|versus|vs|than)\b|"
    r"\b(?:rather than|instead of|compared|versus|vs|than)\b[^.?]*(?:\bmha\b|multi[\s-]?head)",
    re.IGNORECASE,
)


def _from_words(given: GivenInputs, text: str) -> None:
    """What words say of the memory to be used, of the arithmetic and of the optimizer."""
    values = given.values
    if re.search(
        r"\b(?:pure(?:ly)?|all|everything|entirely)[\s-](?:in[\s-])?bf16", text, re.IGNORECASE
    ):
        given.put("arithmetic", "bf16")
    if values.pop("all_memory", None):
        given.put("usable", 1.0)
    if "per_token" in values and re.search(r"cache|\bkv\b", text, re.IGNORECASE):
        given.put("tokens", 1.0)
    if values.get("optimizer") == "adamw-8bit" and "arithmetic" not in values:
        given.put("arithmetic", "mixed")
    if values.get("optimizer") == "adamw" and values.get("arithmetic") == "bf16":
        values["optimizer"] = "adamw-bf16"
    if values.get("precision") == "fp32" and "arithmetic" not in values:
        given.put("arithmetic", "fp32")


_TAKING = re.compile(
    r"\b(?:needs?|takes?|uses?|requires?|eats?|costs?)\s*(?:(?:about|around|only|just|~)\s*)*$",
    re.IGNORECASE,
)


def _is_card(amount: Amount) -> bool:
    """Tell whether an amount of memory is what a machine has, not what something takes."""
    if re.match(
        r"\s*(?:of\s)?(?:card|gpus?\b|vram|v?ram\b|mac\b|machine|¦|each)",
        amount.after,
        re.IGNORECASE,
    ):
        return not _TAKING.search(amount.before)
    if _TAKING.search(amount.before):
        return False
    return bool(
        re.search(
            r"\b(?:(?:gpus?|cards?|vram|machine)(?:\sof)?|(?:on|in|into|have|has|with|got|my|only|"
            r"single|a|an|x)(?:\s(?:an?|1|my|only|one))?)\s$",
            amount.before,
            re.IGNORECASE,
        )
    )


def _no_fit(given: GivenInputs, asking: str) -> bool:
    """Tell whether it is not asked what fits a machine, but what the cache takes."""
    return not given.has("memory", "gpu") or not _FITTING.search(asking)


_FITTING = re.compile(
    r"fits?\b|longest|concurren|max(?:imum)? context|how many (?:concurrent|users|requests|gpus)|"
    r"enough",
    re.IGNORECASE,
)
_SIZED = re.compile(
    r"(?:\b(?:sizes?|memory|vram|ram|space|file|checkpoint|weights?|gb|gib|gigs|gigabytes)\b|"
    r"how (?:big|large))"
    r"(?:[\s,]+(?:do|i|we|you|should|get|have|buy|and|serving|serve|running|loading|total|of|for|with|is|are|does|do|in|to|the|a|an|my|one|just|only|gpu|run|load|host|would|will|weights?|"
    r"file|gguf|quant|model|need(?:ed)?|take|use|frozen|¦|\(\w+ \w+\)))*[\s,]+M\b"
    r"(?!\s*(?:-|expert|head|layer|block|embedding|tokenizer|"
    r"vocab|graph|attention|shaped|plus|chat|\+))|"
    r"\bM\b[^?.]{0,60}(?:\b(?:memory|vram|weights?|gb|gib|gigs|gigabytes|file|gguf|size)\b|"
    r"how (?:big|large))|"
    r"weights (?:take|need|occupy)|^\W*what(?:'s| is) (?:a |an )?\W*M\W+(?:at|in)\W+\?",
    re.IGNORECASE,
)


_NOT_THE_MODEL = re.compile(
    r"(?:train(?:ing|ed|s)?|fine-?tun\w*|finetun\w*|adam\w*|sgd|optimi[sz]er|grad(?:ient)?s?|fsdp|"
    r"deepspeed|lora|dpo|offload|host ram|system ram|cpu|which|better|cheaper|faster|why|worth|"
    r"instead|kv|cache|activations?|dataset|corpus|users|requests|vocab\w*|times|every quant|"
    r"prompts?|in parameters|parameters\?|moments|send|effect|logits|matri\w+|embedding row|expert|"
    r"lens|states?|count|graph|per layer|adapters?|same|smaller|should i|hidden|dimensions?|family|"
    r"license|hessian|layers|stats|vs|versus|unique|oom|out of memory|timeout|while|per-sample|"
    r"errors|network|fixed|aware|checkpointing|scale|number of weights|each|"
    r"won'?t|precision are|first\?|context (?:size|length))\b|\bor\b.*\?",
    re.IGNORECASE,
)
_HOW_BIG = re.compile(r"how (?:big|large|heavy) is", re.IGNORECASE)


def _sized(given: GivenInputs, asking: str) -> bool:
    """Tell whether it is asked how large a model is in memory, and not a part of it."""
    asking = re.sub(r"\([^()]*\)", " ", asking)
    frozen = re.search(r"frozen|nf4", asking, re.IGNORECASE)
    if _NOT_THE_MODEL.search(asking) and not frozen:
        return False
    published = _HOW_BIG.search(asking) and not given.has("precision", "bits")
    if published and not re.search(r"file|weights|memory|vram|\bgb\b|disk", asking, re.IGNORECASE):
        return False
    claims = given.memory and _TAKES.search(given.masked)
    return bool(claims or _SIZED.search(given.masked))


# What somebody says that a model takes: a mark stands for the amount.
_TAKES = re.compile(
    r"\bM\b[^?.]{0,60}\b(?:needs?|takes?|uses?|is|be|has|requires?|occup\w+)\s"
    r"+(?:just |only |about |around |~|\w+ )?\s*¦",
    re.IGNORECASE,
)


def _bare(given: GivenInputs, _asking: str) -> bool:
    """Tell whether nothing is said but a model and a machine: "M on 8 of these?"."""
    said = r"\bM\b|\b(?:on|with|in|at|using|a|an|my|the|and|single|one)\b|\W"
    return not re.sub(said, "", given.masked)


def _states(given: GivenInputs, _asking: str) -> bool:
    """Tell whether what training takes is asked, not what frozen weights alone do."""
    frozen = re.search(r"frozen|\bbase\b|4[\s-]?bit weights", given.text, re.IGNORECASE)
    return not frozen or given.has("gpus", "zero", "sequence")


_CHECKS: Mapping[str, Callable[[GivenInputs, str], bool]] = {
    "no_fit": _no_fit, "sized": _sized, "states": _states, "bare": _bare,
}  # fmt: skip


def _kin(before: GivenInputs, now: GivenInputs) -> str:
    """The model of the same family that has the size now given: "and the 32B?"; or ""."""
    chosen, size = models().get(str(before.values.get("model"))), now.values.get("parameters")
    if chosen is None or not size or "model" in now.values:
        return ""
    kin = [
        each
        for each in models().values()
        if each.family == chosen.family and 0.9 <= each.parameters / size <= 1.1
    ]
    words = set(chosen.slug.split("-"))
    alike = {each.slug: len(words & set(each.slug.split("-"))) for each in kin}
    return max(alike, key=lambda slug: alike[slug], default="")


def _merged(before: GivenInputs, now: GivenInputs) -> GivenInputs:
    """What was given before, with what is given now in its place."""
    values = dict(before.values)
    if kin := _kin(before, now):
        now.values["model"] = kin
        now.values.pop("parameters")
    if "model" in now.values or "parameters" in now.values:
        for name in (*_OWN, "model"):
            values.pop(name, None)
    if "precision" in now.values:
        values.pop("bits", None)
        values.pop("cache_precision", None)
    if "hours" in now.values:
        values.pop("days", None)
    values.update(now.values)
    other = {name: slug for name, slug in before.other.items() if name not in now.values}
    return GivenInputs(
        values, now.memory, before.notes, now.quoted or before.quoted, now.text, now.masked,
        {**other, **now.other},
    )  # fmt: skip


def _asked(turn: _Turn) -> CalculationRequest:
    rule, values = turn.rule, turn.given.values
    inputs = _inputs(rule, values)
    assumed = _usual_shape(rule.name, inputs, float(values.get("parameters", 0)))
    missing = _shaped(rule.name, inputs, turn)
    against = None
    if rule.compares:
        against = _inputs(rule, {**values, **turn.given.other})
        _shaped(rule.name, against, turn)
        if against == inputs:
            against = None
    return CalculationRequest(
        rule.name, inputs, tuple(turn.given.memory), missing, against, turn.given.masked,
        _unread(turn.given), assumed,
    )  # fmt: skip


def _usual_shape(name: str, inputs: dict[str, Any], parameters: float) -> tuple[str, ...]:
    """Give a size that only a shape can be worked out from the shape of a usual model."""
    if name not in _SHAPED or set(inputs) & {"model", "layers", "attention_layers"}:
        return ()
    usual = usual_model(parameters)
    if usual is None:
        return ()
    inputs.pop("parameters", None)
    inputs["model"] = usual.slug
    return (
        f"the shape of {usual.name}, since no model was named: models of one size differ in this "
        "by a factor of four and more",
    )


def _inputs(rule: _Rule, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a calculation takes of what was given."""
    inputs: dict[str, Any] = {}
    for spec in calculation(rule.name).inputs:
        for source in rule.takes.get(spec.name, (spec.name,)):
            if source in values:
                inputs[spec.name] = values[source]
                break
    return inputs


# A number that stands by itself, with the word after it: no year, and no part of a name.
_LEFT = re.compile(
    r"(?<![\w.,/-])[$€]?(?!(?:19|20)\d\d\b)\d[\d,]*(?:\.\d+)?\s?(?:%|[A-Za-z]+)?(?![\w.-]*\d)"
)


def _unread(given: GivenInputs) -> tuple[str, ...]:
    """Numbers that nothing took, as they stand in the text; a number word is none."""
    left = (found.group().strip() for found in _LEFT.finditer(given.masked))
    return tuple(dict.fromkeys(number for number in left if number in given.text))


def _shaped(name: str, inputs: dict[str, Any], turn: _Turn) -> str:
    """Fit the inputs to what the calculation takes; the name of what has to be asked back."""
    values = turn.given.values
    if "model" in inputs:
        for each in _OWN & set(inputs):
            if each != "attention_layers" and not re.search(r"\bif\b|instead|change", turn.text):
                inputs.pop(each)
    if name in _SHAPED and not set(inputs) & {"model", "layers", "attention_layers"}:
        return "model"
    if name == "kv-cache" and "tokens" not in inputs:
        model = models().get(str(inputs.get("model")))
        if model and model.shape.context:
            inputs["tokens"] = float(model.shape.context)
            return "tokens?"
        inputs["tokens"] = 1.0
        return "tokens?"
    if name == "lora-parameters" and not turn.given.has("model", "layers", "width", "rows"):
        return "model"
    if name == "bits-per-weight" and re.search(r"zero|asymmetric", turn.text, re.IGNORECASE):
        inputs["zero_bits"] = round(precision(inputs.get("precision", "int4")).bits)
    if name == "training-memory" and values.get("arithmetic") == "fp32":
        inputs["arithmetic"] = "fp32"
    if name == "largest-model" and "precision" in values:
        inputs["bits"] = precision(values["precision"]).bits
    if name == "weights" and "bits" in inputs:
        inputs.pop("precision", None)
    return ""
