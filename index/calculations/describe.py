"""Calculations in words and as schemas: what every way in lists, takes and shows."""

from __future__ import annotations

from typing import Any

from index.calculations.catalogue import CALCULATIONS
from index.calculations.registry import Calculated, Calculation, Input
from index.calculations.shapes import machines, models
from index.calculations.sources import SOURCES
from index.calculations.units import UNITS, shown

__all__ = ["as_text", "described", "input_schema", "listed", "page", "with_inputs"]

_WORDS = {"text": "text", "flag": "yes or no", "model": "a model's name", "machine": "a machine's "
          "name", "precision": "a precision", "numbers": "numbers"}  # fmt: skip


def described(calculation: Calculation) -> dict[str, Any]:
    """One calculation, JSON-ready."""
    return {
        "name": calculation.name,
        "title": calculation.title,
        "formula": calculation.formula,
        "unit": calculation.unit,
        "inputs": [
            {
                "name": each.name,
                "unit": each.unit,
                "meaning": each.meaning,
                "default": each.default,
                "low": each.low if each.unit in UNITS else None,
                "high": each.high if each.unit in UNITS and each.high < 1e30 else None,
                "choices": list(each.choices),
            }
            for each in calculation.inputs
        ],
        "sources": [
            {"label": SOURCES[key].label, "url": SOURCES[key].url, "year": SOURCES[key].year}
            for key in calculation.sources
        ],
    }


def with_inputs() -> str:
    """Every calculation with the names of its inputs, in one line."""
    return "; ".join(
        f"{each.name} ({', '.join(spec.name for spec in each.inputs)})"
        for each in CALCULATIONS.values()
    )


def listed() -> dict[str, Any]:
    """All calculations, and the models and machines that they know by name."""
    return {
        "object": "list",
        "data": [described(each) for each in CALCULATIONS.values()],
        "models": [{"name": each.slug, "title": each.name} for each in models().values()],
        "machines": [{"name": each.slug, "title": each.name} for each in machines().values()],
    }


def input_schema(calculation: Calculation) -> dict[str, Any]:
    """What a calculation takes, as JSON Schema: numbers in the unit, or texts that bring one."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {each.name: _schema(each) for each in calculation.inputs},
    }


def _schema(spec: Input) -> dict[str, Any]:
    told = {"description": f"{spec.meaning} ({_WORDS.get(spec.unit, spec.unit)})"}
    if spec.unit == "flag":
        return {"type": "boolean", **told}
    if spec.unit == "numbers":
        return {"type": "array", "items": {"type": "number"}, **told}
    if spec.choices:
        return {"type": "string", "enum": list(spec.choices), **told}
    return {"type": ["number", "string"] if spec.unit in UNITS else "string", **told}


def as_text(found: Calculated) -> str:
    """A result with its sum, what was assumed and the sources, to be read."""
    result = found.result
    lines = [f"{result.label}: {shown(result.value, result.unit)}"]
    if result.verdict:
        lines.append(f"{result.verdict}.")
    lines += ["", *(f"  {step}" for step in result.steps)] if result.steps else []
    lines += [f"  {step}" for step in result.others]
    if result.assumptions:
        lines += ["", f"Assumed: {'; '.join(result.assumptions)}."]
    if result.sources:
        lines += ["", "Sources", *(f"  {each.label} <{each.url}>" for each in result.sources)]
    return "\n".join(lines)


_OPENING = """# Calculations

What is worked out, not looked up: `python -m app calculate NAME --input value …`, `POST
/v1/calculate`, the tool `calculate`, or asked in words. Numbers may bring their unit (`24 GB`,
`24 GiB`, `128k`, `7B`, `40 %`); GB is 10⁹ bytes and GiB 2³⁰, and results show both. A power of two
before `k` counts 1,024 tokens each (`32k` is 32,768). Every default that is used is stated with
the result, as are the papers and pages that formula, model and machine are from.

Engines reserve memory of their own: vLLM takes `gpu_memory_utilization` of a card (`usable`, 0.9)
and keeps what is left after the weights and a trial run for the cache; llama.cpp allocates the
cache for the whole context, in 16 bits unless told otherwise, and compute buffers beside it
(`overhead`). In models that mix windows with full attention some engines keep every layer's cache
at full length; here a layer with a window keeps its window. vLLM keeps for such a layer the window,
the tokens of one step (`max_num_batched_tokens`) and a block: give their sum as `window` to see its
figure.

Asked in words, a question is a calculation where it asks for an amount and brings something to work
it out from: its own numbers, or a model by name ("7B, Adam, two A100 80GB, does it fit?"). Which
one is told by its meaning: a small model reads the question with every number and name put as what
it is ("does parameters fit on gpu"), by its words and by the encoder's vector of it; of several
that may be meant, the one is taken for which the question gives enough. What a question gives is
read apart from that and assigned to the inputs by name, unit and range. A number that no word
names goes to an input that is still missing and can be it, and the answer tells so. The model is
trained by `python -m scripts.train_calculations` from `scripts/training/calculations.txt`, one
wording a line: the place to add what is misread. Of the 325 questions of the suite `calculation`
322 are answered rightly (`python -m eval run calculation --baseline composed --split all
--open-sealed --out var/eval/calculation`).

The result comes first (the part that was asked for, where it is one: "optimizer states", "energy"),
then the sum, then what was assumed. Of up to four models, machines, precisions or lengths that are
compared all are worked out; of two also how many times one is the other. A number of the question
that no input takes is told. Where a shape decides and only a size was given, a usual model's is
taken and named. What does not fit is tried with 8 and 4 bits a weight, training with LoRA and
QLoRA; where it is asked what is saved, it is held against 16 bits or AdamW. A follow-up changes an
input ("and at 32k?", "what if 4 bits?", "double the context"); what decides the answer and was not
given is asked back; what is impossible is said. A figure of your own is held against the result,
with the likely cause where they differ (GB for GiB, 1,000 tokens for 1,024, all heads for those
that keep keys and values, active for all parameters).

Models and machines are known by name, each with its source: `app calculate --list`.

This page is made by `python -m app calculate --markdown`.
"""


def page() -> str:
    """The page of the documentation, docs/calculations.md."""
    parts = [_OPENING]
    for each in CALCULATIONS.values():
        rows = [
            f"| `{spec.name}` | {_WORDS.get(spec.unit, spec.unit)} | {_default(spec)} "
            f"| {spec.meaning}{_choices(spec)} |"
            for spec in each.inputs
        ]
        sources = "; ".join(f"[{SOURCES[key].label}]({SOURCES[key].url})" for key in each.sources)
        parts.append(
            f"\n## {each.name}\n\n{each.title}: {each.formula}. In {each.unit}.\n\n"
            "| input | unit | default | what it is |\n|---|---|---|---|\n"
            + "\n".join(rows) + "\n" + (f"\n{sources}\n" if sources else "")
        )  # fmt: skip
    return "".join(parts)


def _default(spec: Input) -> str:
    if spec.default is None:
        return "–"
    if isinstance(spec.default, bool):
        return "yes" if spec.default else "no"
    return shown(float(spec.default), spec.unit) if spec.unit in UNITS else str(spec.default)


def _choices(spec: Input) -> str:
    return f": {', '.join(spec.choices)}" if spec.choices else ""
