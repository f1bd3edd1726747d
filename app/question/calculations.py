"""A calculation asked in words: which one, with which inputs, and what the asker's own figure is.

Which calculation is asked for is told by the question's meaning (`calculation_meaning`); what it
gives is read apart from that (`given`), and then assigned to the calculation's inputs: by name,
then by what else may stand for it, and a number that nothing names goes to the first input still
missing that it can be, which the answer tells. A follow-up ("and at 32k?", "what if 4 bits?")
changes an input of the calculation before it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from app.question.calculation_meaning import CHANGE, NONE, wanted
from app.question.given import QUOTED, Amount, GivenInputs, read
from app.question.spelling import meant_by
from app.record.types import Message
from index.calculations import CalculationError, calculation
from index.calculations.precisions import precision
from index.calculations.shapes import models, usual_model
from index.calculations.units import rounded, shown
from index.encoders import Encoder

__all__ = ["CalculationRequest", "calculation_asked"]


@dataclass(frozen=True, slots=True)
class CalculationRequest:
    """A calculation that was asked for, as its inputs by name.

    `claimed` are figures of the asker's own; `missing` names what is to be asked back before
    anything can be worked out; `against` are the inputs of the others that it is compared with;
    `wording` is what asks, with marks where something was read; `unread` are its numbers that no
    input takes; `assumed` is what was taken for granted in reading.
    """

    name: str
    inputs: Mapping[str, Any]
    claimed: tuple[Amount, ...] = ()
    missing: str = ""
    against: tuple[Mapping[str, Any], ...] = ()
    wording: str = ""
    unread: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Takes:
    """What a calculation takes of what was read; `calculations.toml` says what each part is."""

    sources: Mapping[str, tuple[str, ...]]
    fills: tuple[str, ...]


@cache
def _takes(name: str) -> _Takes:
    file = Path(__file__).with_name("calculations.toml")
    row = tomllib.loads(file.read_text(encoding="utf-8")).get(name, {})
    sources = {each: tuple(names) for each, names in row.get("from", {}).items()}
    return _Takes(sources, tuple(row.get("fills", ())))


_WORDS = re.compile(r"(?<![\w/.-])[a-z]{5,}(?![\w/]|\.\w)")
# Words that decide what is asked, put right where they are misspelled.
_OFTEN = frozenset(
    "cache context memory token tokens parameter parameters perplexity throughput bandwidth "
    "trainable training optimizer gradient gradients sequence sequences concurrent precision "
    "quantized acceptance temperature probability probabilities vocabulary embedding embeddings "
    "layers hidden confidence interval difference questions energy accumulation pipeline "
    "microbatches utilization bubble billion million trillion adapter checkpointing".split()
)
_CONTINUING = re.compile(
    r"^\W*(?:and|but|ok(?:ay)?|so|what (?:about|if|with)|how about|with|at|for|in|now|same|if|then|"
    r"also|make (?:it|that)|on|using|use)\b",
    re.IGNORECASE,
)
_LONGEST_FOLLOW_UP = 16
_MOST_TURNS = 6
# How sure it must be that a calculation is asked for; and that it is asked for, where what
# decides it was not given and has to be asked back.
_SURE, _SURE_TO_ASK = 0.5, 0.92
_SURE_OF_ONE = 0.45  # or none of them is meant
_SURE_WITH_ALL = 0.42  # where everything that it takes is given
_NEAR = 0.05  # a calculation may be meant whose chance is this share of the likeliest's
_MOST_COMPARED = 4
# What changes a result so much that it is told where a calculation doesn't take it.
_TOLD = frozenset(
    "batch days epochs hours requests sequences tokens train_tokens throughput rank steps".split()
)
_ONE_UNSAID = ("sequences", "gpus", "batch")  # there is one where nothing is said
# What only a shape decides, and what it decides where a context is given.
_SHAPED, _SHAPED_WITH_CONTEXT = ("kv-cache", "context-that-fits", "concurrent-sequences"), (
    "inference-memory", "quantization-that-fits")  # fmt: skip
_OWN = frozenset(
    "parameters active_parameters layers width heads kv_heads head_size ffn_width vocabulary "
    "experts experts_per_token expert_width window attention_layers kv_rank".split()
)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A question that was a calculation, with all that was given up to then."""

    name: str
    given: GivenInputs
    text: str
    chance: float = 1.0


def calculation_asked(
    question: str, history: Sequence[Message] = (), encoder: Encoder | None = None
) -> CalculationRequest | None:
    """Read a calculation out of a question; None where it is none.

    Args:
        question: what was asked last.
        history: the turns before it, oldest first; a follow-up changes the one before it.
        encoder: what tells a question's meaning; without it its words alone decide.
    """
    turn: _Turn | None = None
    earlier = [message.content for message in history if message.role == "user"]
    turns = (*earlier[-_MOST_TURNS:], question)
    if not any(_BRINGS.search(text) for text in turns):
        return None  # spares a cold process the data of models and machines
    for text in turns:
        turn = _turn(_WORDS.sub(lambda word: meant_by(word.group(), _OFTEN), text), turn, encoder)
    return _asked(turn) if turn else None


_BRINGS = re.compile(rf"\d|{QUOTED.pattern}")


def _turn(text: str, before: _Turn | None, encoder: Encoder | None) -> _Turn | None:
    given = _completed(read(text), text)
    if not given.names() and not given.unread():
        return None
    chances = wanted(given, encoder)
    change, nothing = chances.pop(CHANGE), chances.pop(NONE)
    name = _likeliest(chances, given)
    asks, one = 1 - change - nothing, max(chances.values())
    sure = asks >= _SURE and one >= _SURE_OF_ONE
    if not sure and asks >= _SURE_WITH_ALL and one >= _SURE_WITH_ALL - 0.05:
        sure = not _lacks(name, _inputs(name, given.values))
    follows = len(text.split()) <= _LONGEST_FOLLOW_UP and (not sure or _CONTINUING.search(text))
    if before and follows and (given.values or given.scaled):
        chosen = name if sure else before.name
        merged = _merged(before.given, given)
        if _takes_any(chosen, given) or merged.values != {**before.given.values, **given.values}:
            return _Turn(chosen, merged, f"{before.text} {text}")
        return None
    if before and not sure and len(given.unread()) == 1 and _BARE.fullmatch(given.masked.strip()):
        return _renumbered(before, given)
    return _Turn(name, given, text, 1 - change - nothing) if sure else None


_BARE = re.compile(
    r"(?:(?:and|what|how|about|if|with|at|for|of|now|it|is|was|were|then|instead|the)\W+)*"
    r"[$€]?\d[\d,.]*\s?%?\W*(?:then|instead)?\W*",
    re.IGNORECASE,
)


def _renumbered(before: _Turn, given: GivenInputs) -> _Turn | None:
    """Put a number that comes alone ("and 1.7?") in the place of the one that was given before."""
    values = dict(before.given.values)
    field = next((each for each in _takes(before.name).fills if each in values), None)
    if field is None:
        return None
    del values[field]
    renumbered = replace(
        before.given, values=values, left_out=[],
        text=given.text, masked=given.masked, kinds=given.kinds,
    )  # fmt: skip
    return _Turn(before.name, renumbered, before.text)


def _likeliest(chances: Mapping[str, float], given: GivenInputs) -> str:
    """Name what is asked for: of those that may be meant, the likeliest that can be worked out."""
    ordered = sorted(chances, key=lambda name: -chances[name])
    near = [name for name in ordered if chances[name] >= _NEAR * chances[ordered[0]]]
    whole = (name for name in near if not _lacks(name, _inputs(name, given.values)))
    likeliest = next(whole, ordered[0])
    # Where the bits are given it is not they that are looked for.
    known = likeliest == "quantization-that-fits" and given.has("bits", "precision")
    return "inference-memory" if known else likeliest


def _takes_any(name: str, given: GivenInputs) -> bool:
    """Tell whether a calculation takes any of what is given."""
    names = {spec.name for spec in calculation(name).inputs}
    sources = {each for choices in _takes(name).sources.values() for each in choices}
    return any(each in names | sources for each in given.values)


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
            given.left_out.append(shown(own, "parameters"))
    _multiplied(given)
    _held_against(given, text)
    if given.memory and not given.has("gpu", "memory") and _FOR_CACHE.search(text):
        given.put("cache_memory", given.memory.pop(0).value)
    if _ALL_HEADS.search(text) and 0 < values.get("kv_heads", 0) < values.get("heads", 0):
        given.other["kv_heads"] = [values["heads"]]
    _from_words(given, text)
    cards = [amount for amount in given.memory if _is_card(amount)]
    if cards:
        given.put("memory", cards[0].value)
        given.memory = [amount for amount in given.memory if amount is not cards[0]]
    return given


def _multiplied(given: GivenInputs) -> None:
    """Add what is the product of things that were read: replicas, hours, all passes' tokens."""
    values = given.values
    split = values.get("tensor_parallel", 1) * values.get("stages", 1)
    if split > 1 and values.get("gpus", 0) >= split:
        given.put("replicas", values["gpus"] / split)
    if _PER_GPU.search(given.kinds) and "throughput" in values:
        values["throughput"] *= values.get("gpus", 1)
    if "epochs" in values and "train_tokens" in values:
        values["train_tokens"] *= values.pop("epochs")
    if "weeks" in values:
        given.put("days", values["weeks"] * 7)
    if "days" in values:
        given.put("hours", values["days"] * 24)
    if "months" in values:
        given.put("hours", values["months"] * _HOURS_A_MONTH)
    if "requests" in values and _MONTHLY.search(given.text) and _DAILY.search(given.text):
        given.put("days", values.get("months", 1) * 30)
    if "batch_tokens" in values and "tokens" in values:
        given.put("sequence", values["tokens"])
    if len(given.other.get("tokens", ())) == 1:
        longer = given.other["tokens"][0]
        given.put("original", min(values["tokens"], longer))
        given.put("context", max(values["tokens"], longer))


_HOURS_A_MONTH = 730.0
_MONTHLY = re.compile(r"\bmonth", re.IGNORECASE)
_DAILY = re.compile(r"\b(?:a|per|each|every) day\b|\bdaily\b", re.IGNORECASE)


def _held_against(given: GivenInputs, text: str) -> None:
    """Compare with what is usual where it is asked what is saved; else with what is named so."""
    values, other = given.values, given.other
    if not _AGAINST.search(text):
        other.pop("optimizer", None)
        other.pop("method", None)
    if not _SAVED.search(text):
        return
    for name, usual in (("cache_precision", "bf16"), ("precision", "bf16"),
                        ("optimizer", "adamw")):  # fmt: skip
        if values.get(name) not in (None, usual, "fp16", "fp32") and name not in other:
            other[name] = [usual]
            return


_AGAINST = re.compile(r"\b(?:vs|versus|instead of|rather than|than|against|compared|or)\b", re.I)
_SAVED = re.compile(
    r"\b(?:sav(?:e[ds]?|ings?)|smaller|less|reduc\w+|gain(?:ed)?)\b|\bfrees?(?: up)?\b|\bfreed\b",
    re.IGNORECASE,
)
# What each of several does, not all together.
_PER_GPU = re.compile(
    r"throughput\s+(?:per|/|a|each|on each|on every)\s*(?:gpu|card|device|accelerator)?",
    re.IGNORECASE,
)
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
        r"\s*(?:of\s)?(?:(?:unified|shared) memory|"
        r"card|gpus?\b|vram|v?ram\b|mac\b|machine|¦|each|enough|sufficient)",
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
    for names, factor in now.scaled:
        scaled = next((name for name in names if name in values), names[0])
        if scaled in values or scaled in _ONE_UNSAID:
            values[scaled] = values.get(scaled, 1.0) * factor
    other = {name: others for name, others in before.other.items() if name not in now.values}
    return GivenInputs(
        values, now.memory, before.left_out, now.quoted or before.quoted, now.text, now.masked,
        now.kinds, {**other, **now.other},
    )  # fmt: skip


def _asked(turn: _Turn) -> CalculationRequest | None:
    name, given = turn.name, turn.given
    if name == "inference-memory" and _WHICH_MACHINE.search(turn.text):
        _with_fewer_bits(given)
    inputs = _inputs(name, given.values)
    assumed = _usual_shape(name, inputs, float(given.values.get("parameters", 0)))
    unread = given.unread()
    filled: tuple[str, ...] = ()
    if _lacks(name, inputs):
        filled, unread = _filled(name, inputs, unread)
    missing = _shaped(name, inputs, turn)
    lacks = missing or _lacks(name, inputs)
    if lacks and lacks != "tokens?" and turn.chance < _SURE_TO_ASK:
        return None
    against: list[dict[str, Any]] = []
    for other in _others(name, given):
        inputs_of_other = _inputs(name, {**given.values, **other})
        _usual_shape(name, inputs_of_other, float(other.get("parameters", 0)))
        _shaped(name, inputs_of_other, turn)
        if inputs_of_other not in (inputs, *against):
            against.append(inputs_of_other)
    return CalculationRequest(
        name, inputs, tuple(given.memory), missing, tuple(against), given.masked,
        (*unread, *_unused(name, given, inputs)),
        (*assumed, *filled, *_differing(inputs)),
    )  # fmt: skip


_WHICH_MACHINE = re.compile(
    r"\b(?:which|what)\s(?:\w+\s){0,2}(?:gpus?|cards?|machines?|hardware|mac|laptop|pc)\b",
    re.IGNORECASE,
)


def _with_fewer_bits(given: GivenInputs) -> None:
    """Where a machine is looked for and no precision is said: 16, 8 and 4 bits a weight."""
    if not given.has("gpu", "memory", "precision", "bits"):
        given.values["precision"] = "bf16"
        given.other["precision"] = ["int8", "int4"]


def _unused(name: str, given: GivenInputs, inputs: Mapping[str, Any]) -> Iterator[str]:
    """Tell numbers that were read and that this calculation has no use for."""
    sources = {each for names in _takes(name).sources.values() for each in names}
    if "hours" in inputs:
        sources |= {"days", "months"}  # it is from them
    for each in sorted(_TOLD & set(given.values) - sources - set(inputs)):
        yield f"{each.replace('_', ' ')} {rounded(float(given.values[each]))}"


def _others(name: str, given: GivenInputs) -> Iterator[Mapping[str, Any]]:
    """What each of the others has in place of the first: of several values, one after another."""
    names = {spec.name for spec in calculation(name).inputs}
    sources = {each for choices in _takes(name).sources.values() for each in choices}
    others = {each: values for each, values in given.other.items() if each in names | sources}
    for place in range(min(max(map(len, others.values()), default=0), _MOST_COMPARED - 1)):
        yield {each: values[place] for each, values in others.items() if place < len(values)}


def _lacks(name: str, inputs: Mapping[str, Any]) -> str:
    """Name an input that has to be asked back; "" where none has."""
    try:
        calculation(name).calculate(inputs)
    except CalculationError as error:
        return (error.field or "") if error.missing else ""
    return ""


def _filled(
    name: str, inputs: dict[str, Any], unread: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give numbers that nothing named to the inputs still missing; what was read how, and the rest.

    A number goes to an input whose unit and range it has, in the order of what is asked for.
    """
    specs = {spec.name: spec for spec in calculation(name).inputs}
    told, left, filled = [], list(unread), dict(inputs)
    for field in _takes(name).fills:
        if field in inputs:
            continue
        for number in left:
            try:
                filled[field] = specs[field].read(_as_said(number, specs[field].unit))
            except CalculationError:
                continue
            told.append(f"{number.split()[0]} is the {field.replace('_', ' ')}")
            left.remove(number)
            break
    try:
        calculation(name).calculate(filled)
    except CalculationError:
        return (), unread  # they were something else
    inputs.update(filled)
    return tuple(told), tuple(left)


def _as_said(number: str, unit: str) -> str:
    """A number without what follows it; a share above 1 is in percent."""
    plain = number.split()[0].rstrip("%")
    share = unit == "fraction" and float(plain.lstrip("$€").replace(",", "") or 0) > 1
    return f"{plain} %" if share or number.endswith("%") else plain


def _differing(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Tell what the asker gives for a named model that its own shape has otherwise."""
    chosen = models().get(str(inputs.get("model")))
    for name in ("layers", "width", "heads", "kv_heads", "head_size", "ffn_width", "vocabulary"):
        own = getattr(chosen.shape, name) if chosen else 0
        if name in inputs and own and inputs[name] != own:
            told = f"{name.replace('_', ' ')} {inputs[name]:,.0f} as you say"
            yield f"{told}; {chosen.name} has {own:,}"  # type: ignore[union-attr]


def _usual_shape(name: str, inputs: dict[str, Any], parameters: float) -> tuple[str, ...]:
    """Give a size that only a shape can be worked out from the shape of a usual model."""
    shaped = name in _SHAPED or (name in _SHAPED_WITH_CONTEXT and "tokens" in inputs)
    if not shaped or set(inputs) & {"model", "layers", "attention_layers"}:
        return ()
    usual = usual_model(parameters)
    if usual is None:
        return ()
    if name in _SHAPED:
        inputs.pop("parameters", None)
    inputs["model"] = usual.slug
    return (
        f"the shape of {usual.name}, since no model was named: models of one size differ in this "
        "by a factor of four and more",
    )


def _inputs(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a calculation takes of what was given."""
    inputs: dict[str, Any] = {}
    sources = _takes(name).sources
    for spec in calculation(name).inputs:
        for source in sources.get(spec.name, (spec.name,)):
            if source in values:
                inputs[spec.name] = values[source]
                break
    return inputs


def _shaped(name: str, inputs: dict[str, Any], turn: _Turn) -> str:
    """Fit the inputs to what the calculation takes; the name of what has to be asked back."""
    values = turn.given.values
    _without_the_models_own(inputs, named=turn.given.has("model"))
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
    if name == "bits-per-weight" and turn.given.memory and "group" not in inputs:
        inputs["file"] = turn.given.memory[0].value
    if (
        name == "bits-per-weight"
        and "zero_bits" not in inputs
        and re.search(r"zero|asymmetric", turn.text, re.IGNORECASE)
    ):
        inputs["zero_bits"] = round(precision(inputs.get("precision", "int4")).bits)
    if name == "training-memory" and values.get("arithmetic") == "fp32":
        inputs["arithmetic"] = "fp32"
    if name == "largest-model" and "precision" in values:
        inputs["bits"] = precision(values["precision"]).bits
    if name == "weights" and "bits" in inputs:
        inputs.pop("precision", None)
    return ""


def _without_the_models_own(inputs: dict[str, Any], *, named: bool) -> None:
    """Leave out what a model's shape says anyway; its size too, where the asker named it."""
    chosen = models().get(str(inputs.get("model")))
    if chosen is None:
        return
    own = {name: getattr(chosen.shape, name, 0) for name in _OWN}
    if chosen.shape.window:
        own["window"] = chosen.shape.window.size
    for name in _OWN & set(inputs):
        if (named and name.endswith("parameters")) or inputs[name] == own[name]:
            inputs.pop(name)
