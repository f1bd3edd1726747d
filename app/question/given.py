"""What a question gives to calculate with: numbers with their units, names, precisions.

Rules read one thing after another and take it out of the text, so that nothing is read twice:
names of models and machines first, then numbers that a word names ("32 layers", "r=16"), at last
those that only their unit tells apart ("24 GB", "128k").
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from app.question.relative_changes import SCALED, Scaled, scaled_by
from index.calculations import CalculationError
from index.calculations.model_names import machines_in, models_in
from index.calculations.precisions import precision
from index.calculations.shapes import machines
from index.calculations.units import context_tokens, read_amount

__all__ = ["QUOTED", "Amount", "GivenInputs", "read"]

_NUMBER = (
    r"[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:(?<=\d)|(?=\.\d))(?:\.\d+)?"
    r"(?:e[+-]?\d+|\s?[x×]\s?10\^\d+)?"
    r"(?:\s?(?:thousand|million|billion|trillion|bn)\b|\s?[kKmMbBtT](?![A-Za-z/]))?"
)
_N = rf"(?<![\w.$])(?P<v>{_NUMBER})"
_IS = (
    r"\s*(?:=|:|~|≈|\(|(?:(?:of|is|was|are|to|at|around|about|roughly|only|just|from|now|went|fell|"
    r"dropped|came|goes|falls|drops|rises|rose|improves|improved|down|up to|reached|equals)"
    r"\b\s*){1,3}[~≈]?)?\s*"
)
_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "dual": 2, "twelve": 12, "sixteen": 16, "thirty-two": 32, "sixty-four": 64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of memory as it stands in the text, in bytes, with the words around it."""

    value: float
    text: str
    before: str
    after: str


@dataclass
class GivenInputs:
    """What was read. `values` are named as the calculations' inputs, or close to it.

    `other` are further values of a name, where several are given; `left_out` is what was read and
    belongs to nothing; `masked` is the text with marks in place of what was read, `kinds` with
    what it is. `scaled` are relative changes ("double the context").
    """

    values: dict[str, Any] = field(default_factory=dict)
    memory: list[Amount] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    text: str = ""
    masked: str = ""
    kinds: str = ""
    other: dict[str, list[Any]] = field(default_factory=dict)
    scaled: list[Scaled] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        """Tell whether any of these was given."""
        return any(name in self.values for name in names)

    def names(self) -> list[str]:
        """Name all that was given."""
        beside = {"memory": self.memory, "quoted": self.quoted, "other": self.other,
                  "scaled": self.scaled}  # fmt: skip
        return [*self.values, *(name for name, found in beside.items() if found)]

    def unread(self) -> tuple[str, ...]:
        """Numbers that nothing took, as they stand in the text; a number word is none."""
        left = (found.group().strip(" ,") for found in _LEFT.finditer(self.masked))
        return (*dict.fromkeys(each for each in left if each in self.text), *self.left_out)

    def put(self, name: str, value: Any) -> None:  # noqa: ANN401 - any input's
        """Keep a value; the first of a name stands, others may be compared with it."""
        first = self.values.setdefault(name, value)
        if name in _COMPARED and value != first and value not in self.other.get(name, ()):
            self.other.setdefault(name, []).append(value)


_AGAIN = {"perplexity": "count", "loss": "nats", "tokens": "tokens", "rank": "count",
          "sequences": "count", "kv_heads": "count"}  # fmt: skip
# Of what several may be named to be compared.
_COMPARED = frozenset(
    "model gpu precision cache_precision parameters tokens perplexity loss rank sequences "
    "optimizer method kv_heads".split()
)
_PRECISION = (
    r"(?:bf16|bfloat16|fp?32|fp?16|float(?:32|16|8)|half precision|fp8(?:_e4m3|_e5m2)?|fp4|"
    r"int[2-8]|nf4|mxfp4|nvfp4|awq|gptq|i?q\d_(?:[01k]|xxs|xs|nl|[sm])(?:_[sml])?|q[2-8]\b|"
    r"(?<![\d.])(?:2|3|4|5|6|8|16|32)[\s-]?bits?\b|(?<![\d.])1\.58[\s-]?bits?\b)"
)
_GPU_NOUN = r"(?:gpus?|cards?|accelerators?|devices?|graphics cards?)"
_AT_ONCE = (
    r"(?:sequences?|users?|requests?|streams?|conversations?|chats?|people|persons?|sessions?|"
    r"employees|colleagues|customers|clients|developers|devs|engineers|students|members)"
)
_PARTS = {
    "number": _N,
    "plain": _NUMBER,
    "is": _IS,
    "money": r"(?=[$€]|\d[\d.,]*\s?(?:[$€]|usd|dollars?|euros?|bucks))(?:[$€]\s?)?(?<![\w.])"
    r"(?P<v>\d[\d,]*(?:\.\d+)?)\s?(?:[$€]|usd|dollars?|euros?|bucks)?",
    "per_million": r"(?:per|/|a|for(?: a)?)\s*(?:1\s?M\b|1M|million|mtok|m\b)(?:illion)?",
}


@dataclass(frozen=True, slots=True)
class _Name:
    """A number that a word names: the value it becomes, its unit, how it is written."""

    name: str
    unit: str
    patterns: tuple[re.Pattern[str], ...]
    second: str = ""


@cache
def _named() -> tuple[_Name, ...]:
    raw = tomllib.loads(Path(__file__).with_name("given.toml").read_text(encoding="utf-8"))
    return tuple(
        _Name(row["name"], row["unit"], tuple(re.compile(each, re.IGNORECASE)
              for each in _written(row)), row.get("second", ""))
        for row in raw["number"]
    )  # fmt: skip


def _written(row: dict[str, Any]) -> Iterator[str]:
    for pattern in row.get("patterns", ()):
        yield _filled(pattern)
    if "before" in row:  # an assignment is sure: num_layers=32
        yield _filled(rf"(?<![\w-])(?:{row['before']})\s*[=:]\s*(?P<v><<plain>>)(?![\w-])")
    if "after" in row:
        yield _filled(rf"<<number>>[\s-]?(?:{row['after']})(?![\w])")
    if "before" in row:
        yield _filled(rf"(?<![\w-])(?:{row['before']})<<is>>(?P<v><<plain>>)(?![\w-])")


def _filled(pattern: str) -> str:
    for name, part in _PARTS.items():
        pattern = pattern.replace(f"<<{name}>>", part)
    return pattern


def read(text: str) -> GivenInputs:
    """Read what a question gives."""
    return _Reader(text).read()


_FIRST = 0xE000  # marks are of Unicode's private use, which no pattern reads
_MARK = re.compile("[\ue000-\uf8ff]")
_LARGEST_LOGIT = 1000.0
# A number that stands by itself, with the word after it: no year, and no part of a name.
_LEFT = re.compile(
    r"(?<![\w.,/-])[$€]?(?!(?:19|20)\d\d\b)\d[\d,]*(?:\.\d+)?\s?(?:%|[A-Za-z]+)?(?![\w.-]*\d)"
)
QUOTED = re.compile(r"[\"“](?P<d>[^\"”]{3,2000})[\"”]|(?<![\w'])'(?P<s>[^']*\w \w[^']*)'(?![\w'])")
_PERCENT = re.compile(r"%|per ?cent\b|\bpct\b", re.IGNORECASE)
_SHARE = re.compile(r"\s?(?:%|per ?cent\b|pct\b)", re.IGNORECASE)
_POINTS = re.compile(r"\d\s*(?:%|per ?cent|[\s-]?(?:percentage[\s-])?points?)")


class _Reader:
    def __init__(self, text: str) -> None:
        self.given = GivenInputs(text=text)
        self.left = _normalized(_MARK.sub(" ", text))
        self.kinds: list[str] = []  # what each mark stands for

    def read(self) -> GivenInputs:
        self._quotes()
        self._scaled()
        self._numbers()
        self._names()
        self._precisions()
        for named in _named():
            for pattern in named.patterns:
                self._rule(named, pattern)
        self._gpus()
        self._sizes()
        self._memory()
        self._tokens()
        self._shares()
        self._again()
        self._words()
        self.given.masked = _MARK.sub("¦", self.left)
        self.given.kinds = _MARK.sub(lambda mark: self.kinds[ord(mark[0]) - _FIRST], self.left)
        return self.given

    def _take(self, start: int, end: int, kind: str) -> None:
        """Take a part out of the text; a mark of what it is stands in its place."""
        if kind not in self.kinds:
            self.kinds.append(kind)
        self.left = f"{self.left[:start]} {chr(_FIRST + self.kinds.index(kind))} {self.left[end:]}"

    def _each(self, pattern: str | re.Pattern[str], kind: str) -> Iterator[re.Match[str]]:
        """Each match, taken out of the text."""
        compiled = re.compile(pattern, re.IGNORECASE) if isinstance(pattern, str) else pattern
        position = 0
        while match := compiled.search(self.left, position):
            yield match
            self._take(match.start(), match.end(), kind)
            position = match.start() + 3

    def _quotes(self) -> None:
        for match in self._each(QUOTED, "text"):
            self.given.quoted.append(match["d"] or match["s"])

    def _scaled(self) -> None:
        for match in self._each(SCALED, "change"):
            self.given.scaled.append(scaled_by(match))

    def _numbers(self) -> None:
        number = r"[-−]?(?:\d+\.\d+|\.\d+|\d+)"
        between = r"(?:\s*,\s*(?:and\s)?|\s+and\s+|\s+|\s*/\s*)"
        many = rf"(?<![\w.])({number}(?:{between}{number})+)(?![\w%-]|\.\d)"
        if not re.search(r"prob|logit|softmax|nucleus|top[\s_-]?[pk]|min[\s_-]?p|temperature",
                         self.left, re.IGNORECASE):  # fmt: skip
            return
        found = max(re.finditer(many, self.left), key=lambda m: len(m[1]), default=None)
        if found is None:
            return
        values = [float(n.replace("−", "-")) for n in re.findall(number, found[1])]
        if max(values) > _LARGEST_LOGIT:
            return
        scores = re.search(r"logit|softmax\W*(?:of\b|over\b|for\b|\()", self.left, re.IGNORECASE)
        name = "logits" if scores else "probabilities"
        if name == "probabilities" and not all(0 <= value <= 1 for value in values):
            if not all(0 <= value <= 100 for value in values) or not 95 <= sum(values) <= 105:
                return
            values = [value / 100 for value in values]
        self.given.put(name, values)
        self._take(found.start(), found.end(), name)

    def _names(self) -> None:
        found = models_in(self.left)
        for place in found:
            self.given.put("model", place.slug)
        for place in reversed(found):
            self._take(place.start, place.end, "model")
        cards = []
        for place in reversed(machines_in(self.left)):
            self.given.values["gpu"] = place.slug
            count = self._take_machine(place.start, place.end)
            cards.append((self.given.values.pop("gpu"), count))
        counted = any(count for _, count in cards)
        for card, count in reversed(cards):
            self.given.put("gpu", card)
            if counted:
                self.given.put("gpus", count or 1)
        if len(self.given.other.get("gpu", ())) and counted:
            self.given.other["gpus"] = [count or 1 for _, count in reversed(cards)][1:]

    def _take_machine(self, start: int, end: int) -> int:
        """Take a machine out of the text; how many of it, 0 where that isn't said."""
        count = 0
        before = re.search(r"(?<![\w.])(\d[\d,]*)\s*(?:[x×]\s*)?(?:nvidia\s*)?$", self.left[:start],
                           re.IGNORECASE)  # fmt: skip
        after = re.match(r"s?(?:\s+gpus?)?\s*[x×]\s*(\d+)\b", self.left[end:], re.IGNORECASE)
        if before:
            count = int(before[1].replace(",", ""))
            start = before.start()
        elif after:
            count = int(after[1])
            end += after.end()
        tail = re.match(r"s?(?:\s+(?:gpus?|cards?|node))?", self.left[end:], re.IGNORECASE)
        # What memory the card has may stand beside its name.
        size = re.match(r"\s*\(?(\d+)\s?GB\)?(?!/)", self.left[end + (tail.end() if tail else 0):],
                        re.IGNORECASE)  # fmt: skip
        end += (tail.end() if tail else 0) + (size.end() if size else 0)
        if size:
            self._other_size(int(size[1]), count or 1)
        self._take(start, end, "gpu")
        return count

    def _other_size(self, size: int, count: int) -> None:
        """The same card with another memory, where there is one."""
        chosen = machines()[self.given.values["gpu"]]
        label = int((chosen.memory_label or "0").split()[0])
        if size in (label, label * count):
            return
        base = re.sub(r"-?\d+gb.*$", "", chosen.slug)
        for other in machines().values():
            if other.slug.startswith(base) and other.memory_label == f"{size} GB":
                self.given.values["gpu"] = other.slug
                return
        self.given.put("memory", size * 1e9)

    def _precisions(self) -> None:
        kind, cache = rf"(?P<p>{_PRECISION})(?![\w])", r"(?:kv[\s-]?cache|cache|kv)"
        patterns = (
            ("cache_precision", rf"{cache}(?:\s\w+){{0,2}}?\s(?:at|in|to|as|is|with)\s{kind}"),
            ("cache_precision", rf"(?<![\w.]){kind}\s(?:kv(?:[\s-]?cache)?|cache)(?![\w])"),
            ("precision", rf"(?<![\w.]){kind}"),
        )
        optimizer = (
            r"adam[\w-]*[\s_-]?8[\s-]?bit|8[\s-]?bit[\s_-](?:adam\w*|optimi[sz]er)|adamw_8bit"
        )
        for _ in self._each(optimizer, "optimizer"):
            self.given.put("optimizer", "adamw-8bit")
        for name, words in (("scale_bits", r"scales?"), ("zero_bits", r"zero[\s-]?points?")):
            for match in self._each(rf"(?<![\w.]){kind}[\s-]+{words}(?![\w])", name):
                self.given.put(name, precision("fp16" if "half" in match["p"].lower()
                                               else match["p"]).bits)  # fmt: skip
        for name, pattern in patterns:
            for match in self._each(pattern, name):
                self._precision(name, match["p"])

    def _precision(self, name: str, text: str) -> None:
        try:
            found = precision("fp16" if "half" in text.lower() else text)
        except CalculationError:
            return
        self.given.put(name, found.name)

    def _rule(self, named: _Name, pattern: re.Pattern[str]) -> None:
        name, unit = named.name, named.unit
        if name in self.given.values:
            return
        match = pattern.search(self.left)
        if match is None:
            return
        if name == "right_of":
            self._rights(pattern)
            return
        value = _amount(match["v"], unit)
        if value is None or (name == "top_p" and value > 1 and "top" not in match.group().lower()):
            return
        share = _SHARE.match(self.left, match.end())
        points = share or _POINTS.search(match.group())
        if unit == "fraction" and points and not _PERCENT.search(match["v"]):
            value /= 100
        self.given.put(name, value)
        if named.second:
            self.given.put(named.second, _amount(match["w"], unit))
        self._take(match.start(), match.end(), name)

    def _rights(self, pattern: re.Pattern[str]) -> None:
        """Items answered right out of how many; of two systems where it is said twice."""
        found = [
            (float(m["v"].replace(",", "")), float(m["w"].replace(",", "")))
            for m in self._each(pattern, "right of items")
        ]
        self.given.put("items", found[0][1])
        if len(found) > 1 and found[0][1] == found[1][1]:
            self.given.put("accuracy_a", found[0][0] / found[0][1])
            self.given.put("accuracy_b", found[1][0] / found[1][1])
        else:
            self.given.put("right", found[0][0])

    def _gpus(self) -> None:
        for match in self._each(
            rf"{_N}(?:\s*[x×]\s*|\s+)(?:\d+\s?GB\s)?{_GPU_NOUN}(?![\w])", "gpus"
        ):
            count = _amount(match["v"], "count")
            size = re.search(r"(\d+)\s?GB", match.group())
            if count is not None and count.is_integer():
                self.given.put("gpus", count)
            if size:
                self.given.put("memory", float(size[1]) * 1e9)
        for match in self._each(r"(?<![\w.])(\d+) of (?:them|those|these)\b", "gpus"):
            self.given.put("gpus", int(match[1]))
        for match in self._each(r"(?<![\w.])(\d+)\s*[x×]\s*(\d+)\s?(GB|GiB)\b", "gpus"):
            self.given.put("gpus", int(match[1]))
            self.given.put("memory", float(match[2]) * (1e9 if match[3].lower() == "gb" else 2**30))

    def _sizes(self) -> None:
        """Parameters: 7B, 1.3B params, 70 billion parameters; tokens trained on: 2T tokens."""
        words = "thousand|million|billion|trillion|bn"
        scaled = rf"(?P<v>\d[\d,]*(?:\.\d+)?\s?(?:{words}|[kKmMbBtT](?![A-Za-z])))"
        for match in self._each(rf"(?<![\w.$]){scaled}[\s-]*tokens?\b", "tokens"):
            value = _amount(match["v"], "count")
            if value is not None and value >= 1e7:
                self.given.put("train_tokens", value)
            elif value is not None:
                self.given.put("tokens", _amount(match["v"], "tokens"))
        for match in self._each(
            rf"(?<![\w.$]){scaled}[\s-]*active(?: param\w*)?", "active parameters"
        ):
            self.given.put("active_parameters", _amount(match["v"], "count"))
        size = (
            r"(?P<v>\d[\d,]*(?:\.\d+)?\s?"
            r"(?:[bB](?![A-Za-z])(?!\s*(?:unique |raw )?(?:doc|page|token|row|example|pair))|"
            r"[mM](?![A-Za-z])(?=[\s-]*(?:param|model)|\s+(?:on|over|with)\s+[\ue000-\uf8ff])|(?:billion|million)\b(?=[\s-]*(?:param|model|weights|$|[?.,:]))))"
        )
        for match in self._each(
            rf"(?<![\w.$x×]){size}(?:[\s-]*(?:total\b|dense\b|param(?:eter)?s?\b))*", "parameters"
        ):
            value = _amount(match["v"], "count")
            self.given.put("parameters", value)
        for match in self._each(
            r"(?<![\w.])(?P<v>\d[\d,]{6,})\s*(?:param\w*|weights)", "parameters"
        ):
            self.given.put("parameters", _amount(match["v"], "count"))

    def _memory(self) -> None:
        for match in self._each(
            r"(?<![\w.])(?P<v>~?\d[\d,]*(?:\.\d+)?\s?(?:[KMGT]i?B|gigs?|gigabytes))(?![\w/])",
            "memory",
        ):
            text = re.sub(r"gigabytes|gigs?", "GB", match["v"].lstrip("~"), flags=re.IGNORECASE)
            value = _amount(text, "bytes")
            if value:
                before = self.left[max(0, match.start() - 60) : match.start()]
                after = self.left[match.end() : match.end() + 40]
                self.given.memory.append(Amount(value, text, before, after))

    def _tokens(self) -> None:
        ends = r"(?=[\s?.,;:)!]|$)"
        for match in self._each(
            rf"(?:{_N})[\s-]?(?:tokens?|ctx|context(?: length)?)(?![\w/])", "tokens"
        ):
            self.given.put("tokens", _amount(match["v"], "tokens"))
        for match in self._each(
            r"(?:context(?: length| window| size)?|ctx|max[_-]model[_-]len|prompt|length)"
            rf"{_IS}(?P<v>{_NUMBER}){ends}",
            "tokens",
        ):
            self.given.put("tokens", _amount(match["v"], "tokens"))
        for match in self._each(r"(?<![\w.$])(?P<v>\d+(?:\.\d+)?)\s?[kK](?![\w])", "tokens"):
            self.given.put("tokens", context_tokens(float(match["v"])))
        for match in self._each(
            rf"(?:{_N})\s*(?:(?:concurrent|parallel|simultaneous)\s)?{_AT_ONCE}(?![\w])",
            "sequences",
        ):
            self.given.put("sequences", _amount(match["v"], "count"))

    def _shares(self) -> None:
        percents = [
            float(m[1]) / 100
            for m in self._each(r"(?<![\w.])(\d+(?:\.\d+)?)\s?(?:%|percent\b)", "percent")
        ]
        for name, value in zip(("percent", "percent_b"), percents, strict=False):
            self.given.put(name, value)

    def _again(self) -> None:
        """Another number of the kind that was read before it: "perplexity 12 vs 10"."""
        between = (
            r"\s*,?\s*(?:vs\.?|versus|or|and|to|against|instead of|rather than|"
            r"compared (?:to|with))"
        )
        for name, unit in _AGAIN.items():
            if name in self.given.values and name in self.kinds:
                mark = chr(_FIRST + self.kinds.index(name))
                for match in self._each(rf"(?<={mark}){between}\s(?P<v>{_NUMBER})(?![\w%/])", name):
                    self.given.put(name, _amount(match["v"], unit))

    def _words(self) -> None:
        for name, value, pattern in _WORDS_GIVEN:
            if re.search(pattern, self.left, re.IGNORECASE):
                self.given.put(name, value)
        targets = _targets(self.left)
        if targets:
            self.given.put("targets", targets)


_WORDS_GIVEN: tuple[tuple[str, Any, str], ...] = (
    ("precision", "bf16", r"(?:without|no) quanti[sz]ation\b|\bunquanti[sz]ed\b"),
    ("draft_cost", 0.0, r"draft(?: model)? (?:cost )?(?:is )?(?:zero|negligible|free|nothing)"),
    ("method", "qlora", r"\bq-?lora\b"),
    ("method", "lora", r"\blora\b|adapters?\b"),
    ("optimizer", "adafactor", r"\badafactor\b"),
    ("optimizer", "lion", r"\blion\b"),
    ("optimizer", "muon", r"\bmuon\b"),
    ("optimizer", "sgd", r"\bsgd\b(?=.*(?:without|no) momentum)|(?:plain|vanilla) sgd"),
    ("optimizer", "sgd-momentum", r"\bsgd\b"),
    ("optimizer", "adamw", r"\badam\w*"),
    ("arithmetic", "bf16", r"everything in|no (?:fp32 )?master|pure bf16|no fp32"),
    ("arithmetic", "mixed", r"mixed[\s-]precision"),
    ("zero", 3, r"\bfsdp\b|full[\s_-]?shard|fully sharded"),
    ("gated", False, r"without gating|no gating|not gated|ungated|\bgelu\b|no gate"),
    ("gated", True, r"swiglu|geglu|gated"),
    ("tied", False, r"untied|not tied|tie\w*embeddings?\W+false"),
    ("tied", True, r"tie\w*embeddings?\W+true|\btied|tying|shared? (?:input|embedding)|"
     r"shar\w+ (?:with|between|by)?[^.,;]{0,12}(?:output|head|input|embedding)"),
    ("checkpointing", False, r"(?:no|without) (?:gradient |activation )?checkpointing"),
    ("checkpointing", True, r"checkpointing|recomput"),
    ("flash", False, r"(?:no|without) flash|scores stored|naive attention|eager"),
    (
        "all_memory", True,
        r"all (?:of )?(?:the |my |its )?(?:memory|vram)|full(?: of the)? (?:memory|vram)|"
        r"whole (?:memory|card)",
    ),
    ("days", 1, r"\b(?:for|in|over|within|during) (?:a|one) (?:whole )?day\b"),
    ("weeks", 1, r"\b(?:for|in|over|within|during) (?:a|one) (?:whole )?week\b"),
    ("months", 1, r"\b(?:for|in|over|within|during|per) (?:a|one) (?:whole )?month\b|"
     r"\b(?:a|per|each|every) month\b|\bmonthly\b"),
    ("layers", 1, r"\b(?:a|one|single|each|per) (?:transformer )?(?:layer|block)\b"),
    ("per_token", True, r"(?:per|a|one|each|every)[\s-]token\b"),
)  # fmt: skip


def _targets(text: str) -> str:
    """The matrices that are to be adapted, as they are named."""
    if re.search(
        r"all[\s-]?linear|all (?:the )?(?:linear|matrices|projections|layers|modules)",
        text,
        re.IGNORECASE,
    ):
        return "all"
    found = re.findall(r"\b(q|k|v|o|gate|up|down)_proj\b", text, re.IGNORECASE)
    if found:
        return ",".join(dict.fromkeys(name.lower() for name in found))
    short = re.search(
        r"\b(q(?:\s*,\s*k)?\s*(?:,|and|&|/|\+)\s*v(?:\s*(?:,|and|&)\s*o)?)\b", text, re.IGNORECASE
    )
    if short:
        return ",".join(re.findall(r"[qkvo]", short[1].lower().replace("and", "")))
    if re.search(r"quer(?:y|ies)(?:,? keys?)? and values?", text, re.IGNORECASE):
        return "q,k,v" if re.search(r"keys?", text, re.IGNORECASE) else "q,v"
    if re.search(
        r"attention (?:only|projections?|matrices|layers|modules|weights)", text, re.IGNORECASE
    ):
        return "q,k,v,o"
    return ""


def _normalized(text: str) -> str:
    """Write number words as digits, and 8xH100 as two words."""
    words = "|".join(_WORDS)
    text = re.sub(
        r"(?<![\w.])(\d+(?:\.\d+)?)\s?(?:cents?\b|¢)",
        lambda match: f"${float(match[1]) / 100:g}", text, flags=re.IGNORECASE,
    )  # fmt: skip
    text = re.sub(r"[\"']([A-Za-z_]\w*)[\"'](?=\s*:)", r"\1", text)  # a configuration's keys

    def digits(match: re.Match[str]) -> str:
        return str(_WORDS[match[1].lower()])

    text = re.sub(r"\b(?:one|a single|single)\b(?=\s(?:kv|key))", "1", text, flags=re.IGNORECASE)
    text = re.sub(rf"\b({words})\b(?=[\s-]+[A-Za-z0-9])", digits, text, flags=re.IGNORECASE)
    text = text.replace("×", "x") if re.search(r"\d\s?×\s?[A-Z]", text) else text
    text = re.sub(r"\b(\d+) nodes? (?:of|with|x|×) (\d+)(?=\s?[x×]?\s?[A-Za-z])",
                  lambda m: str(int(m[1]) * int(m[2])), text, flags=re.IGNORECASE)  # fmt: skip
    return re.sub(r"(?<![\w.])(\d+)\s?[x×]\s?(?=[A-Za-z]|[2345]0[5-9]0)", r"\1 x ", text)


def _amount(text: str, unit: str) -> float | None:
    """An amount in base units; None where the text is none."""
    plain = text.replace("−", "-").replace("teraflops", "TFLOP/s").replace("petaflops", "PFLOP/s")
    plain = re.sub(r"(?<=[KMGTkmgt]B)ps$|(?<=B) (?:per|a) second$", "/s", plain)
    plain = (
        re.sub(r"FLOPS?(?:/s)?$", "FLOP/s", plain, flags=re.IGNORECASE)
        if unit == "FLOP/s"
        else plain
    )
    try:
        return read_amount(plain.strip(), unit)
    except CalculationError:
        return None
