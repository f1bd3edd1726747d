"""Calibrate the model as judge of sentences: `python -m scripts.calibrate_judge`.

The model in process or behind `--model-url` is asked for the chance of yes for true and false
restatements of passages, as the verifier asks it. The threshold is the lowest at which at most 2 %
of the false ones of tuning topics are shown as written; then restatements of topics that nothing is
trained or tuned on are measured, beside the built-in verifier on the same pairs. `--write` puts the
result into app/verifying/served.json, from which `verifier = auto` chooses, and docs/verifiers.md.
Every chance is kept in `--out` as it comes: the same command goes on where it was cut off. The
result lies beside it as JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from app.chat_models import ChatModel
from app.config.flags import add_settings, chosen
from app.config.settings import ModelSettings, SearchSettings, load_settings
from app.record.errors import SettingsError
from app.record.evidence import Evidence
from app.record.hooks import Observers
from app.service import guarded, open_model
from app.verifying.reading import ReadingVerifier, word_for_word
from app.verifying.served import (
    CALIBRATIONS,
    JudgeCalibration,
    Shares,
    bearable,
    calibrated,
    chance_of_yes,
    prompt_sha256,
)
from app.verifying.supports import LexicalVerifier
from index.cli import Parser, print_json, run, say
from index.files import put
from index.store import load
from index.types import Hit
from scripts.bench.measure import replace_section, table
from scripts.measure_claims import SentencePair, held_out
from scripts.training.claims_data import restatements, shipped_passages

__all__ = ["JudgeReport", "Judged", "calibrate", "calibrations", "shown", "threshold"]

_ROOT = Path(__file__).resolve().parent.parent
_MOST_FALSE = 0.02


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair as judged: by the built-in verifier, and by the model.

    `chance` is that of yes, None where the model is not asked or tells none: then the built-in
    verifier decides. `tokens` were read for it, in `seconds`.
    """

    claim: str
    true: bool
    kind: str
    builtin: bool
    asked: bool
    chance: float | None = None
    tokens: int = 0
    seconds: float = 0.0

    def shown(self, at: float) -> bool:
        """Whether the sentence is shown as written, at a threshold."""
        return self.builtin if self.chance is None else self.chance >= at


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """A model's calibration with what else was measured on the way."""

    model: str
    calibration: JudgeCalibration
    groups: Mapping[str, tuple[int, float, float]]
    auroc: float
    told: float
    tokens: float
    seconds: float


def threshold(judged: Sequence[Judged]) -> float:
    """The lowest chance at which at most 2 % of the false sentences are shown; 1.01 shows none."""
    false = [each for each in judged if not each.true]
    allowed = int(_MOST_FALSE * len(false))
    for at in sorted({math.ceil(1000 * each.chance) / 1000 for each in judged if each.chance}):
        if sum(each.shown(at) for each in false) <= allowed:
            return at
    return 1.01


async def calibrate(
    model: ChatModel, words: LexicalVerifier, count: int, at_once: int, kept: Path
) -> JudgeReport:
    """Judge `count` pairs of the tuning topics and as many of the test topics.

    Args:
        model: who judges.
        words: what compares words.
        count: pairs of each half.
        at_once: how many are in flight.
        kept: the file in which every pair is kept as it is judged.
    """
    await model.load()
    passages = shipped_passages()
    tuning = [
        SentencePair(r["claim"], passages[ref], r["label"] == "supported", r["distance"])
        for ref, records in restatements(test=False).items()
        for r in records
    ]
    halves = []
    for pairs in (tuning, held_out(passages)):
        some = sorted(pairs, key=lambda pair: hashlib.sha256(pair.sentence.encode()).digest())
        halves.append(await _judged(model, words, some[:count], at_once, kept))
    at = threshold(halves[0])
    test = halves[1]
    told = [each for each in test if each.chance is not None]
    asked = [each for each in test if each.asked]
    return JudgeReport(
        model.name,
        JudgeCalibration(
            at, len(test),
            Shares(_share(test, at, true=True), _share(test, at, true=False)),
            Shares(_share(test, None, true=True), _share(test, None, true=False)),
        ),
        _groups(test, at),
        _auroc(told),
        len(told) / max(1, len(asked)),
        sum(each.tokens for each in asked) / max(1, len(asked)),
        sum(each.seconds for each in asked) / max(1, len(asked)),
    )  # fmt: skip


async def _judged(
    model: ChatModel,
    words: LexicalVerifier,
    pairs: Sequence[SentencePair],
    at_once: int,
    kept: Path,
) -> list[Judged]:
    known = _known(kept)
    turns = asyncio.Semaphore(at_once)
    builtin = ReadingVerifier(words)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.open("a", encoding="utf-8") as file:

        async def one(pair: SentencePair) -> Judged:
            key = f"{pair.passage.id} {pair.sentence}"
            if key not in known:
                async with turns:
                    known[key] = await _ask(model, words, builtin, pair)
                row = {"key": key, **asdict(known[key])}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
                if len(known) % 20 == 0:
                    say(f"{len(known)} pairs judged")
            return known[key]

        return list(await asyncio.gather(*(one(pair) for pair in pairs)))


def _known(kept: Path) -> dict[str, Judged]:
    if not kept.is_file():
        return {}
    rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    return {row.pop("key"): Judged(**row) for row in rows}


async def _ask(
    model: ChatModel, words: LexicalVerifier, builtin: ReadingVerifier, pair: SentencePair
) -> Judged:
    evidence = [Evidence(1, Hit(pair.passage, 1.0))]
    shown = builtin.verify(pair.sentence, [1], evidence).status == "supported"
    reading = bearable(words.readings(pair.sentence, [1], evidence))
    asked = reading is not None and not word_for_word(pair.sentence, reading.supports, evidence)
    if not asked or reading is None:
        return Judged(pair.sentence, pair.true, pair.kind, shown, asked=False)
    began = time.perf_counter()
    chance, usage = await chance_of_yes(model, reading.items[0].context, pair.sentence)
    seconds = time.perf_counter() - began
    return Judged(
        pair.sentence, pair.true, pair.kind, shown, True, chance, usage.prompt_tokens, seconds
    )


def _share(judged: Sequence[Judged], at: float | None, *, true: bool) -> float:
    """The share shown of the true or the false ones; by the built-in verifier without `at`."""
    some = [each for each in judged if each.true is true]
    shown = sum(each.builtin if at is None else each.shown(at) for each in some)
    return round(shown / len(some), 4) if some else 0.0


def _groups(judged: Sequence[Judged], at: float) -> dict[str, tuple[int, float, float]]:
    found = {}
    for true in (True, False):
        for kind in ("close", "free"):
            some = [each for each in judged if each.true is true and each.kind == kind]
            own, builtin = _share(some, at, true=true), _share(some, None, true=true)
            found[f"{'true' if true else 'false'}, {kind}"] = (len(some), own, builtin)
    return found


def _auroc(judged: Sequence[Judged]) -> float:
    """How well the chances tell true from false: 0.5 is by chance."""
    true = [each.chance or 0.0 for each in judged if each.true]
    false = [each.chance or 0.0 for each in judged if not each.true]
    won = sum((a > b) + 0.5 * (a == b) for a in true for b in false)
    return won / (len(true) * len(false)) if true and false else math.nan


def shown(report: JudgeReport) -> str:
    """The report as Markdown."""
    rows: list[list[object]] = [
        [name, n, f"{own:.3f}", f"{builtin:.3f}"]
        for name, (n, own, builtin) in report.groups.items()
    ]
    found = report.calibration
    return (
        f"{report.model}: threshold {found.shown_at:g}; AUROC {report.auroc:.2f} where it is "
        f"asked; it told a chance in {report.told:.2f} of the cases; {report.tokens:.0f} tokens "
        f"and {report.seconds:.2f} s a judgement; `auto` takes "
        f"{'it' if found.is_better else 'the built-in verifier'}.\n\n"
        + table(["sentences", "n", "shown by the model", "shown by builtin"], rows)
    )


def calibrations() -> str:
    """Every calibration that is kept, as Markdown."""
    rows: list[list[object]] = [
        [
            name, one.pairs, f"{one.shown_at:g}", f"{one.model.true:.3f}", f"{one.model.false:.3f}",
            f"{one.builtin.true:.3f}", f"{one.builtin.false:.3f}",
            "the model" if one.is_better else "builtin",
        ]
        for name, one in calibrated().items()
    ]  # fmt: skip
    return table(
        ["model", "pairs", "threshold", "true ones shown", "false ones shown",
         "true, builtin", "false, builtin", "`auto` takes"], rows,
    )  # fmt: skip


def _write(report: JudgeReport) -> None:
    raw = json.loads(CALIBRATIONS.read_text(encoding="utf-8"))
    same = raw["prompt_sha256"] == prompt_sha256()
    models = {**(raw["models"] if same else {}), report.model: asdict(report.calibration)}
    whole = {"prompt_sha256": prompt_sha256(), "models": dict(sorted(models.items()))}
    CALIBRATIONS.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    calibrated.cache_clear()


def main() -> int:
    """Judge, choose the threshold, measure."""
    parser = Parser(prog="python -m scripts.calibrate_judge", description=__doc__)
    parser.add_argument("--pairs", type=int, default=400, help="pairs of each half (400)")
    parser.add_argument(
        "--at-once", type=int, help="how many are in flight (16; 1 for a model in process)"
    )
    parser.add_argument("--out", type=Path, help="the file of judged pairs (var/judged/MODEL)")
    parser.add_argument("--write", action="store_true", help="keep the calibration")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    add_settings(parser, ModelSettings)
    add_settings(parser, SearchSettings, only=("index", "cache"))
    options = parser.parse_args()
    settings = load_settings(**chosen(options))
    words = LexicalVerifier(load(settings.index).lexical.idf)
    model = guarded(open_model(settings), settings, Observers())

    async def work() -> tuple[JudgeReport, Path]:
        await model.load()
        name = hashlib.sha256(f"{model.name} {prompt_sha256()}".encode()).hexdigest()[:12]
        kept = options.out or _ROOT / "var" / "judged" / f"{name}.jsonl"
        say(f"judged pairs are kept in {kept}")
        try:
            at_once = options.at_once or (16 if settings.model_url else 1)
            return await calibrate(model, words, options.pairs, at_once, kept), kept
        finally:
            await model.close()

    report, kept = asyncio.run(work())
    if report.told == 0:
        raise SettingsError(
            f"{report.model} tells no chance of yes or no: expected a server with logprobs, such "
            "as vLLM, SGLang, llama.cpp or Ollama, or the model in process"
        )
    if options.write:
        _write(report)
        replace_section(_ROOT / "docs" / "verifiers.md", "judges", calibrations() + "\n")
    put(kept.with_suffix(".json"), json.dumps(asdict(report), indent=1) + "\n")
    if options.json:
        print_json(asdict(report))
    else:
        print(shown(report))
    return 0


if __name__ == "__main__":
    sys.exit(run("python -m scripts.calibrate_judge", main))
