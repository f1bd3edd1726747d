"""A calculation as an answer: the result first, then its sum, what was assumed, the sources.

Every figure is a claim whose basis is `computed`; the record holds the inputs, so that anyone can
run it again. The papers and pages of formula, model and machine are ordinary citations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import prompts
from app.answer.writer import Writer
from app.question.calculations import CalculationRequest
from app.question.given import Amount
from app.record.evidence import Evidence, evidence_of
from app.record.types import Delta
from app.verifying.supports import Support
from index.calculations import Calculated, CalculationError, calculate, calculation
from index.calculations.memory import kv_bytes, kv_bytes_per_token
from index.calculations.registry import Result, Step
from index.calculations.shapes import Machine, Model, machines, models
from index.calculations.units import rounded, shown
from index.types import Hit, Passage, PassageKind, Source

__all__ = ["CalculationOutcome", "lacking", "work_out"]

_CLOSE = 0.012  # a figure that people round
_MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class CalculationOutcome:
    """What became of a calculation that was asked for: a result, or a sentence in its place."""

    asked: CalculationRequest
    found: Calculated | None
    instead: str = ""
    others: tuple[Calculated, ...] = ()

    def evidence(self) -> list[Evidence]:
        """The passages that the answer cites: the formula, the model, the machine."""
        if self.found is None:
            return []
        formula = calculation(self.found.name)
        sources = dict.fromkeys(
            source for run in (self.found, *self.others) for source in run.result.sources
        )
        passages = [
            Passage(
                id=f"calculation/{formula.name}/{source.id}",
                kind=PassageKind.DEFINITION,
                topic="calculations",
                title=source.label,
                heading=formula.title,
                text=_described(source) or formula.formula,
                sources=(replace(source, label=_titled(source)),),
            )
            for source in sources
        ]
        return evidence_of([Hit(passage, 1.0) for passage in passages])

    def written(self, writer: Writer) -> Iterator[Delta]:
        """Write the answer, sentence by sentence."""
        if self.found is None:
            yield writer.plain("", self.instead)
            return
        supports = [
            Support(item.passage.id, item.n, 0, len(item.passage.text), 1.0)
            for item in self.evidence()
        ]
        result = self.found.result
        lead = ""
        for sentence in self._said_first():
            yield _claim(writer, lead, sentence, [] if lead else supports)
            lead = " "
        for sentence in _agreements(self.asked, result):
            yield _claim(writer, " ", sentence, [])
        runs = [self.found, *self.others]
        for run in runs:
            name = f"{self._name_of(run)}, " if self.others else ""
            steps = (*run.result.steps, *(() if self.others else run.result.others))[:_MOST_STEPS]
            for place, step in enumerate(steps):
                lead = "\n\n- " if place == 0 and run is self.found else "\n- "
                yield _claim(writer, lead, f"{name}{step}.", [])
        assumptions = dict.fromkeys(
            (*self.asked.assumed, *(told for run in runs for told in run.result.assumptions))
        )
        if assumptions:
            assumed = prompts.fill(
                "replies/calculation-assumed.md", assumptions="; ".join(assumptions)
            )
            yield writer.plain("\n\n", assumed.strip())
        if self.asked.unread:
            left = prompts.fill(
                "replies/calculation-unread.md", numbers=", ".join(self.asked.unread)
            )
            yield writer.plain("\n\n", left.strip())
        if self.instead:
            yield writer.plain("\n\n", self.instead)

    def _said_first(self) -> Iterator[str]:
        """What answers the question: the result, the part of it that was asked for, or both."""
        assert self.found is not None
        result = self.found.result
        if self.others:
            runs = (self.found, *self.others)
            parts = [_part_asked(self.asked.wording, run.result) for run in runs]
            told = [
                Result(part.label[:1].upper() + part.label[1:], part.value, part.unit)
                if part and all(parts)
                else run.result
                for part, run in zip(parts, runs, strict=True)
            ]
            yield _compared([self._name_of(run) for run in runs], told)
            return
        part = None if result.fits is not None else _part_asked(self.asked.wording, result)
        if part and (part.value, part.unit) != (result.value, result.unit):
            share = ""
            if part.unit == result.unit and result.value:
                share = f" ({rounded(100 * part.value / result.value, 3)} % of the whole)"
            label = f"{part.label[:1].upper()}{part.label[1:]}"
            yield f"{label}: {shown(part.value, part.unit)}{share}."
        yield _headline(result)

    def _name_of(self, run: Calculated) -> str:
        """What tells one of several runs from the others."""
        assert self.found is not None
        runs = (self.found, *self.others)
        apart = {
            name: value
            for name, value in run.inputs.items()
            if any(each.inputs.get(name) != value for each in runs)
        }
        known: dict[str, Model | Machine] = {**models(), **machines()}
        specs = {spec.name: spec for spec in calculation(run.name).inputs}
        return ", ".join(
            known[str(value)].name if str(value) in known
            else f"{shown(float(value), specs[name].unit)} GPUs" if name == "gpus"
            else f"{shown(float(value), 'count')} KV heads" if name == "kv_heads"
            else shown(float(value), specs[name].unit) if isinstance(value, int | float)
            else str(value)
            for name, value in apart.items()
        )  # fmt: skip


def _compared(names: list[str], results: list[Result]) -> str:
    """All results; of two, how many times the larger is the smaller."""
    what = re.split(",| (?:at|in) ", results[0].label)[0]
    told = f"{what}: " + ", ".join(
        f"{name} {shown(result.value, result.unit)}" + (
            f" ({'fits' if result.fits else 'does not fit'})" if result.fits is not None else "")
        for name, result in zip(names, results, strict=True)
    )  # fmt: skip
    low, high = sorted((results[0].value, results[-1].value))
    if len(results) > 2 or not low:
        return f"{told}."
    if low == high:
        return f"{told}: the same."
    larger = names[0] if results[0].value > results[1].value else names[1]
    times, more = rounded(high / low, 3), shown(high - low, results[0].unit)
    return f"{told}: {larger} {times} times as much, {more} more."


_WORD = re.compile(r"[a-z]+")
_WHOLE = re.compile(r"\b(?:in all|altogether|total|overall|everything)\b", re.IGNORECASE)
# Names of techniques that are called after a part.
_TECHNIQUE = re.compile(
    r"\bnon[\s-]?embedding|\b(?:gradient|activation)s? (?:checkpoint\w*|accumulat\w*)|"
    r"embedding models?",
    re.IGNORECASE,
)


def _part_asked(wording: str, result: Result) -> Step | None:
    """The line of the sum that the question names, where it names one and not the whole."""
    if _WHOLE.search(wording):
        return None
    asked = _stems(_TECHNIQUE.sub(" ", " ".join(_clauses(wording))))
    own = _stems(result.label)
    words = {
        step: _stems(_head(step.label)) - own for step in (*result.steps, *result.others)
    }  # fmt: skip
    named = [step for step, of_it in words.items() if of_it and of_it <= asked]
    most = max((len(words[step]) for step in named), default=0)
    named = [step for step in named if len(words[step]) == most]
    distinct = {step.value for step in named}
    return named[0] if len(distinct) == 1 else None


def _clauses(wording: str) -> Iterator[str]:
    """What asks, up to what is given: marks stand where something was read."""
    clauses = re.split(r"[¦,;:.?\d]|\b(?:with|if)\b", wording)
    yield from [clause for clause in clauses if _ASKS.search(clause)] or clauses


_ASKS = re.compile(r"\b(?:how|what|which|share|fraction|percent\w*|costs?|pay)\b", re.IGNORECASE)


def _head(label: str) -> str:
    """What a line is, without what it is of."""
    return re.split(r" of | a |\(|,| beside | for ", _folded(label))[0]


def _folded(text: str) -> str:
    """In small letters, with one word for what is called by several."""
    text = text.lower()
    for pattern, word in _ONE_THING:
        text = pattern.sub(word, text)
    return text


def _stems(text: str) -> set[str]:
    words = _WORD.findall(_folded(text))
    return {word.rstrip("s") for word in words if len(word) > 3} - _PLAIN


_ONE_THING = (
    (re.compile(r"price|expensive|\b(?:pay|bill|spend|dollars?|euros?)\b"), "cost"),
    (re.compile(r"\bgpu[\s-]*(?:hours?|days?|time)\b"), "gpuhours"),
    (re.compile(r"\btokens (?:per|a|each) (?:\w+ )?step\b"), "steptokens"),
    (
        re.compile(
            r"\b(?:us|activat|touch|fir|pass|rea|see)\w*(?: \w+)? (?:(?:per|by|for) )?"
            r"(?:a|one|each|per|every) token\b|\b(?:does|will|would) (?:a|one|each) token\b"
        ),
        "active",
    ),
)
_PLAIN = frozenset("parameter token time step memory each what does model weight much many".split())


def work_out(asked: CalculationRequest) -> CalculationOutcome:
    """Run what was asked for; what is missing or impossible becomes a sentence."""
    if field := lacking(asked):
        return CalculationOutcome(asked, None, _question(asked.name, field))
    try:
        found = calculate(asked.name, asked.inputs)
    except CalculationError as error:
        told = prompts.fill("replies/calculation-impossible.md", why=str(error))
        return CalculationOutcome(asked, None, told.strip())
    back = prompts.text("replies/calculation-length.md").strip() if asked.missing else ""
    others = tuple(calculate(asked.name, inputs) for inputs in asked.against)
    return CalculationOutcome(asked, found, back, others)


def lacking(asked: CalculationRequest) -> str:
    """Return the input that must be asked for first; empty where none is."""
    if asked.missing and asked.missing != "tokens?":
        return asked.missing
    try:
        calculate(asked.name, asked.inputs)
    except CalculationError as error:
        return (error.field or "") if error.missing else ""
    return ""


def _question(name: str, field: str) -> str:
    """Ask back for what decides the answer."""
    chosen = calculation(name)
    meaning = next(spec.meaning for spec in chosen.inputs if spec.name == field)
    return prompts.fill(
        "replies/calculation-missing.md",
        what=chosen.title.lower(), input=field.replace("_", " "), meaning=meaning,
    ).strip()  # fmt: skip


def _claim(writer: Writer, lead: str, sentence: str, supports: list[Support]) -> Delta:
    return writer.claim(lead, sentence, "supported", supports, 1.0, basis="computed")


def _headline(result: Result) -> str:
    told = f"{result.label}: {shown(result.value, result.unit)}."
    if result.fits is not None and result.verdict:
        return f"{result.verdict}. {told}"
    return f"{told} {result.verdict}." if result.verdict else told


def _titled(source: Source) -> str:
    """The source's title; with the name of what was read there, where it tells of many."""
    named = models().get(source.id) or machines().get(source.id)
    return f"{named.name}: {source.label}" if named else source.label


def _described(source: Source) -> str:
    """What the data say of a model or machine; empty for a paper of a formula."""
    if source.id in models():
        return _model(models()[source.id])
    return _machine(machines()[source.id]) if source.id in machines() else ""


def _model(model: Model) -> str:
    shape = model.shape
    told = [f"{model.name}: {shown(model.parameters, 'parameters')}", f"{shape.layers} layers",
            f"hidden size {shape.width:,}"]  # fmt: skip
    if shape.heads:
        told.append(f"{shape.heads} heads, {shape.kv_heads} of them with keys and values, "
                    f"of {shape.head_size}")  # fmt: skip
    if shape.mla:
        told.append(f"a latent of {shape.mla.kv_rank} and a rotary key of "
                    f"{shape.mla.rope_head_size} a token")  # fmt: skip
    if shape.window:
        window = shape.window
        told.append(f"a window of {window.size:,} in {window.every - window.global_} of "
                    f"{window.every} layers")  # fmt: skip
    if shape.moe:
        told.append(f"{shape.moe.experts} experts, {shape.moe.per_token} a token")
    return f"{', '.join(told)}, vocabulary {shape.vocabulary:,}, context {shape.context:,}."


def _machine(machine: Machine) -> str:
    peaks = ", ".join(f"{shown(v, 'FLOP/s')} {k}" for k, v in machine.dense_flops.items())
    return (
        f"{machine.name}: {shown(machine.memory_bytes, 'bytes')}, "
        f"{shown(machine.bandwidth_bytes_s, 'bytes/s')}" + (f", dense {peaks}." if peaks else ".")
    )


def _agreements(asked: CalculationRequest, result: Result) -> Iterator[str]:
    """Hold the asker's own figures against the result, and say where a difference comes from."""
    if result.unit != "bytes":
        return
    for amount in asked.claimed:
        yield _agreement(amount, asked, result)


def _agreement(amount: Amount, asked: CalculationRequest, result: Result) -> str:
    told = amount.text.strip()
    figures = (result.value, *(step.value for step in result.steps if step.unit == "bytes"))
    for value in figures:
        for factor, why in _causes(asked):
            # What is printed in GB may have been worked out in GiB.
            for scale, unit in ((1.0, ""), (1e9 / 2**30, " in GiB")):
                off = abs(amount.value - value * factor * scale) / amount.value
                if off <= max(_CLOSE, _last_place(told)):
                    if factor == 1.0 and not unit:
                        return prompts.fill("replies/claimed-agrees.md", figure=told).strip()
                    reason = f"{why},{unit}" if why and unit else why or f"this figure{unit}"
                    return prompts.fill(
                        "replies/claimed-because.md", figure=told, reason=reason
                    ).strip()
    times = amount.value / result.value
    ratio = (
        f"{rounded(times, 2)} times" if times >= 1 else f"{rounded(1 / times, 2)} times less than"
    )
    return prompts.fill("replies/claimed-differs.md", figure=told, times=ratio).strip()


def _last_place(text: str) -> float:
    """Half a unit of the last place that was written, as a share."""
    number = re.search(r"[\d.,]+", text)
    digits = number.group().replace(",", "") if number else "1"
    step = 10.0 ** -len(digits.partition(".")[2])
    return 0.5 * step / max(float(digits), step)


def _causes(asked: CalculationRequest) -> Iterator[tuple[float, str]]:
    """Factors by which people are off, and what each means; the likeliest first."""
    yield 1.0, ""
    chosen = models().get(str(asked.inputs.get("model")))
    if asked.name == "kv-cache":
        tokens = float(asked.inputs.get("tokens", 0))
        if tokens and tokens % 1024 == 0:
            yield 1000 / 1024, f"{tokens / 1024 * 1000:,.0f} tokens"
        shape = chosen.shape if chosen else None
        heads = shape.heads if shape else float(asked.inputs.get("heads", 0))
        kept = shape.kv_heads if shape else float(asked.inputs.get("kv_heads", 0))
        if kept and heads > kept:
            own = f"not the {kept:.0f} that keep keys and values"
            yield heads / kept, f"what all {heads:.0f} heads would take, {own}"
        if shape and shape.window and tokens > shape.window.size:
            whole = kv_bytes_per_token(shape.cache_groups(), 1) * tokens
            ratio = whole / kv_bytes(shape.cache_groups(), tokens, 1, 1)
            yield ratio, "what it would take without the windows"
        yield 0.5, "keys or values alone, or 8 bits a number"
        yield 2.0, "32 bits a number"
    else:
        if chosen and chosen.active_parameters < chosen.parameters:
            share = chosen.active_parameters / chosen.parameters
            yield share, "the experts that a token passes through; all experts are in memory"
        yield 2.0, "twice the bytes a weight"
        yield 0.5, "half the bytes a weight"
        yield 8.0, "bits taken for bytes"
