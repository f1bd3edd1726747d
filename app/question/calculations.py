"""A calculation asked in words: which one, with which inputs, and what the asker's own figure is.

A question is a calculation where it asks for an amount and brings what decides it: its own
numbers or a named model. Everything else is left to the knowledge base. A follow-up ("and at
32k?", "what if 4 bits?") changes an input of the calculation before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.question.given import Amount, Given, read
from app.record.types import Message
from index.calculations import calculation
from index.calculations.shapes import models

__all__ = ["Asked", "calculation_asked"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A calculation that was asked for, as its inputs by name.

    `claimed` are figures of the asker's own, in the result's base unit; `missing` names what is
    to be asked back before anything can be worked out.
    """

    name: str
    inputs: Mapping[str, Any]
    claimed: tuple[float, ...] = ()
    missing: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    """When a calculation is meant: words that ask for it, and what must be given.

    Each of `needs` is a choice of names, one of which must be given. `maps` names where an
    input's value is taken from, the first that is given; `also` decides what words can't.
    """

    name: str
    cue: re.Pattern[str]
    needs: tuple[tuple[str, ...], ...]
    maps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    also: Callable[[Given, str], bool] = lambda _given, _text: True


def _rule(
    name: str,
    cue: str,
    needs: str,
    also: Callable[[Given, str], bool] | None = None,
    **maps: str,
) -> _Rule:
    return _Rule(
        name,
        re.compile(cue, re.IGNORECASE),
        tuple(tuple(each.split("|")) for each in needs.split()),
        {key: tuple(value.split()) for key, value in maps.items()},
        also or (lambda _given, _text: True),
    )


def _says(pattern: str) -> Callable[[Given, str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda _given, text: compiled.search(text) is not None


def _lacks(pattern: str) -> Callable[[Given, str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda _given, text: compiled.search(text) is None


_SIZE = r"(?:memory|vram|\bram\b|\bGi?B\b|size|big|large|takes?|need|much|fits?|enough|oom|states|total|share|per[\s-]gpu)"
_TRAINS = (
    r"\b(?:pre-?)?train(?:ing|ed|s)?\b|fine-?tun|finetun|\badam|\bsgd\b|optimi[sz]er|grad(?:ient)?s?\b|\bzero\b|"
    r"\bfsdp\b|deepspeed|(?:q-?)?\blora\b"
)
_RULES: tuple[_Rule, ...] = (
    _rule("sampling", r"top[\s_-]?[pk]|min[\s_-]?p|temperature|softmax|nucleus|renormal",
          "probabilities|logits",
          lambda g, t: g.has("top_p", "top_k", "min_p", "temperature") or "softmax" in t.lower()),
    _rule("speculative-speedup", r"specul|draft|acceptance|alpha|gamma", "acceptance"),
    _rule("pipeline-bubble", r"bubble|pipeline|idle", "stages microbatches"),
    _rule("effective-batch", r"batch", "micro_batch|batch steps",
          _says(r"effective|global|total|what batch|overall|(?:real|true) batch"),
          micro_batch="micro_batch batch", replicas="gpus"),
    _rule("gradient-accumulation", r"accumul|accum\b", "batch|batch_tokens micro_batch|gpus",
          lambda g, _t: not g.has("steps"), batch="batch_tokens batch", replicas="gpus"),
    _rule("score-difference", r"difference|significan|better|real|chance|noise|\bvs\b|versus",
          "only_a only_b items"),
    _rule("score-difference", r"difference|significan|better|real|chance|noise|\bvs\b|versus",
          "percent percent_b items", _lacks(r"interval|confidence"),
          accuracy_a="percent", accuracy_b="percent_b"),
    _rule("wilson-interval",
          r"interval|confiden|error bar|wilson|how sure|uncertain|standard error|\bci\b",
          "items right|percent", accuracy="percent"),
    _rule("items-needed", r"how many|sample size|how large|questions|items|examples",
          "margin|difference", accuracy="percent"),
    _rule("yarn", r"\byarn\b", "original context"),
    _rule("rope-wavelengths", r"wavelength", "base|head_size|model", context="tokens"),
    _rule("sliding-reach", r"reach|how far|receptive|travel|span|look back|see back",
          "window layers"),
    _rule("bits-per-byte", r"bits?[\s/-]*(?:per|a|/)[\s-]*byte|\bbpb\b",
          "loss|perplexity bytes_per_token|tokens_per_byte"),
    _rule("perplexity", r"perplexity|\bppl\b|bits? (?:per|a) token", "loss"),
    _rule("loss", r"loss|cross[\s-]?entropy|nats", "perplexity"),
    _rule("text-overlap", r"\bf1\b|rouge|bleu|overlap", "quoted"),
    _rule("mfu", r"\bmfu\b|utili[sz]ation", "throughput model|parameters gpu|peak"),
    _rule("energy", r"energy|[km]wh|electricity|power bill", "watts|gpu days|hours"),
    _rule("api-cost", r"cost|price|pay|bill|\$", "input_tokens|output_tokens|train_tokens|tokens "
          "input_price|output_price|api_price", input_tokens="input_tokens train_tokens tokens"),
    _rule("break-even", r"break[\s-]?even|cheaper|worth|own gpu|self[\s-]?host", "price api_price"),
    _rule("cost-per-million", r"million|\b1M\b|mtok", "price throughput"),
    _rule("training-time",
          r"how long|days?|weeks?|months?|hours?|how fast|\btime\b|costs?\b|price|expensive|\$",
          "train_tokens|compute model|parameters|compute gpu|peak", tokens="train_tokens",
          mfu="mfu utilization percent"),
    _rule("compute-optimal",
          r"tokens (?:per|a|for each) param|chinchilla|compute[\s-]?optimal",
          "model|parameters|compute|train_tokens", _lacks(r"\bpaper\b|hypothes|law\b"),
          tokens="train_tokens"),
    _rule("compute-optimal",
          r"how (?:many|much)[^?.]{0,30}tokens[^?.]{0,40}(?:need|should|require|train|enough|for)|"
          r"tokens (?:do|should|would) (?:i|we|one)",
          "parameters", lambda g, _t: not g.has("gpu", "memory", "layers", "train_tokens")),
    _rule("training-compute", r"\bflops?\b|compute", "train_tokens model|parameters",
          tokens="train_tokens"),
    _rule("lora-parameters", r"trainable|params?\b|parameters?|weights get trained|how many weights",
          "rank", _says(r"lora|adapter|\brank\b|\br\s?="), vocabulary="-"),
    _rule("prefill-time", r"prefill|first token|ttft|(?:read|process|ingest)[^?.]{0,40}prompt",
          "tokens|input_tokens model|parameters gpu|peak", tokens="input_tokens tokens sequence",
          utilization="utilization mfu percent"),
    _rule("arithmetic-intensity",
          r"intensity|(?:compute|memory|bandwidth)[\s-]?(?:bound|limited)|flops? (?:per|a) byte",
          "model|parameters", batch="batch sequences"),
    _rule("decode-speed",
          r"tok(?:en)?s?\s?(?:/|per|a)\s?s(?:ec(?:ond)?)?\b|\btps\b|decod|generation speed|how fast|speed",
          "model|parameters gpu|bandwidth", lambda g, _t: not g.has("throughput"),
          batch="batch sequences", efficiency="utilization percent"),
    _rule("logits", r"logits", "model|vocabulary tokens|sequence", _says(_SIZE),
          sequence="sequence tokens", batch="batch sequences"),
    _rule("activations", r"activations?", "model|layers tokens|sequence", _says(_SIZE),
          sequence="sequence tokens", batch="batch sequences"),
    _rule("kv-cache", r"\bkv\b|key[\s-/]?value|\bcache\b".replace("[\\s-/]", "[\\s/-]"),
          "model|layers|attention_layers model|kv_heads|heads|width|kv_rank",
          lambda g, t: not _fits(g, t), cache_precision="cache_precision precision",
          sequences="sequences batch", tokens="tokens sequence input_tokens"),
    _rule("concurrent-sequences",
          r"how many[^?.]{0,40}(?:requests?|sequences?|users?|streams?|conversations?|chats?)|concurren",
          "model memory|gpu tokens", tokens="tokens sequence"),
    _rule("context-that-fits",
          r"(?:longest|max(?:imum)?|how (?:much|long|many|large|big)|what)[^?.]{0,40}(?:context|tokens)|"
          r"context[^?.]{0,30}(?:fits?|max|can i)",
          "model|layers model|parameters memory|gpu", lambda g, _t: not g.has("tokens"),
          sequences="sequences batch"),
    _rule("largest-model", r"(?:biggest|largest|how (?:big|large) (?:of )?a) (?:\w+ )?(?:model|llm)",
          "memory|gpu", lambda g, _t: not g.has("model", "parameters")),
    _rule("training-memory", _TRAINS, "model|parameters",
          lambda g, t: _states_asked(g, t), sequence="sequence tokens",
          batch="batch micro_batch", base_precision="base_precision"),
    _rule("inference-memory", r"fits?\b|\brun\b|\bload|enough|how many|need|serve|host|deploy|works?\b",
          "model|parameters memory|gpu", tokens="tokens sequence input_tokens",
          sequences="sequences batch"),
    _rule("inference-memory", r"how many[^?.]{0,15}(?:gpus?|cards?|accelerators?)",
          "model|parameters"),
    _rule("embedding-parameters", r"embedding", "vocabulary width",
          lambda g, t: not g.has("layers") and bool(re.search(r"param|weights|big|size", t))),
    _rule("parameters", r"param", "layers width|heads"),
    _rule("parameters", r"\bactive\b[^?.]*param|param[^?.]*\bactive|count[^?.]*param|param[^?.]*(?:from|by) (?:its|the) shape",
          "model"),
    _rule("weights", r"weights?\b|size|memory|vram|how (?:big|large|much|many gb)|\bfile\b|\bGi?B\b|takes?",
          "model|parameters",
          lambda g, t: g.has("precision", "bits", "parameters") or "weight" in t.lower()),
)  # fmt: skip

_ASKING = re.compile(
    r"\?|\b(?:how (?:much|many|big|large|long|far|fast)|what(?:'s| is| are| does| do| will| would)?|"
    r"calculate|compute|work out|estimate|count|fits?|size of|total|need|can (?:i|we)|will|"
    r"(?:tokens|size|memory|vram|flops|cache|params|parameters) (?:for|of))\b",
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
_OWN = frozenset(
    "parameters active_parameters layers width heads kv_heads head_size ffn_width vocabulary "
    "experts experts_per_token expert_width window attention_layers kv_rank".split()
)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A question that was a calculation, with all that was given up to then."""

    rule: _Rule
    given: Given
    text: str


def calculation_asked(question: str, history: Sequence[Message] = ()) -> Asked | None:
    """Read a calculation out of a question; None where it is none.

    Args:
        question: what was asked last.
        history: the turns before it, oldest first; a follow-up changes the one before it.
    """
    turn: _Turn | None = None
    earlier = [message.content for message in history if message.role == "user"]
    for text in (*earlier[-_MOST_TURNS:], question):
        turn = _turn(text, turn)
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


def _takes(rule: _Rule, given: Given) -> bool:
    """Tell whether a calculation takes any of what is given."""
    names = {spec.name for spec in calculation(rule.name).inputs}
    sources = {name for choices in rule.maps.values() for name in choices}
    return any(name in names | sources for name in given.values)


def _rule_for(given: Given, text: str) -> _Rule | None:
    own = len(given.values) + len(given.memory)
    if not own or not _ASKING.search(text):
        return None
    if _EXPLAINING.search(text) and not (own >= 3 and _ASKING_HOW_MUCH.search(text)):
        return None
    for rule in _RULES:
        if (
            rule.cue.search(text)
            and all(given.has(*choice) for choice in rule.needs)
            and rule.also(given, text)
        ):
            return rule
    return None


_ASKING_HOW_MUCH = re.compile(r"how (?:much|many|big|large|long)|what size", re.IGNORECASE)


def _completed(given: Given, text: str) -> Given:
    """Add what follows from several things that were read, and from words around them."""
    values = given.values
    if given.quoted and len(given.quoted) >= 2:
        given.put("quoted", True)
        given.put("text", given.quoted[0])
        given.put("reference", given.quoted[1])
    if values.get("model"):
        for name in ("parameters",):
            values.pop(name, None)
    if "days" in values:
        given.put("hours", values["days"] * 24)
    spans = re.search(
        r"(?:from\s)?(\d[\d,]*\s?k?)(?:\s?tokens)?\s(?:to|up to|->|→)\s(\d[\d,]*\s?k?)\b",
        text, re.IGNORECASE,
    )  # fmt: skip
    if spans and "yarn" in text.lower():
        given.put("original", spans[1])
        given.put("context", spans[2])
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
    cards = [amount for amount in given.memory if _is_card(amount)]
    if cards:
        given.put("memory", cards[0].value)
        given.memory = [amount for amount in given.memory if amount is not cards[0]]
    return given


def _is_card(amount: Amount) -> bool:
    """Tell whether an amount of memory is what a machine has, not what something takes."""
    if re.match(r"\s*(?:of\s)?(?:card|gpus?\b|vram|v?ram\b|mac\b|machine|¦|each)", amount.after, re.IGNORECASE):
        return not re.search(r"(?:needs?|takes?|uses?)\s*(?:about|~)?\s*$", amount.before)
    return bool(
        re.search(r"\b(?:on|in|into|have|has|with|got|my|only|single|a|an|x)\s(?:an?\s|1\s|my\s|only\s|one\s)?$",
                  amount.before, re.IGNORECASE)
    )  # fmt: skip


def _fits(given: Given, text: str) -> bool:
    """Tell whether it is asked what fits a machine, not what the cache takes."""
    return given.has("memory", "gpu") and bool(
        re.search(r"fits?\b|longest|max(?:imum)? context|how many (?:concurrent|users|requests|gpus)|enough", text, re.IGNORECASE)
    )


def _states_asked(given: Given, text: str) -> bool:
    frozen = re.search(r"\b(?:weights?|model)\b", text, re.IGNORECASE) and re.search(
        r"frozen|base", text, re.IGNORECASE
    )
    if frozen and not given.has("gpus", "zero", "sequence"):
        return False
    return bool(re.search(_SIZE + r"|save", text, re.IGNORECASE))


def _merged(before: Given, now: Given) -> Given:
    """What was given before, with what is given now in its place."""
    values = dict(before.values)
    if "model" in now.values or "parameters" in now.values:
        for name in (*_OWN, "model"):
            values.pop(name, None)
    if "precision" in now.values:
        values.pop("bits", None)
        values.pop("cache_precision", None)
    if "hours" in now.values:
        values.pop("days", None)
    values.update(now.values)
    return Given(values, now.memory, before.notes, now.quoted or before.quoted)


def _asked(turn: _Turn) -> Asked:
    rule, values = turn.rule, turn.given.values
    inputs: dict[str, Any] = {}
    for spec in calculation(rule.name).inputs:
        for source in rule.maps.get(spec.name, (spec.name,)):
            if source in values:
                inputs[spec.name] = values[source]
                break
    missing = _shaped(rule.name, inputs, turn)
    claimed = tuple(amount.value for amount in turn.given.memory)
    return Asked(rule.name, inputs, claimed, missing)


def _shaped(name: str, inputs: dict[str, Any], turn: _Turn) -> str:
    """Fit the inputs to what the calculation takes; the name of what has to be asked back."""
    values = turn.given.values
    if "model" in inputs:
        for each in _OWN & set(inputs):
            if each != "attention_layers" and not re.search(r"\bif\b|instead|change", turn.text):
                inputs.pop(each)
    if name == "kv-cache" and "tokens" not in inputs:
        model = models().get(str(inputs.get("model")))
        if model and model.shape.context:
            inputs["tokens"] = float(model.shape.context)
            return "tokens?"
        inputs["tokens"] = 1.0
        return "tokens?"
    if name == "inference-memory" and not turn.given.has("memory", "gpu"):
        return "gpu"
    if name == "lora-parameters" and not turn.given.has("model", "layers", "width"):
        return "model"
    if name == "training-memory" and values.get("arithmetic") == "fp32":
        inputs["arithmetic"] = "fp32"
    if name == "weights" and "bits" in inputs:
        inputs.pop("precision", None)
    return ""
