"""Plays dialogues: each turn is asked with the real answers before it, as a client keeps them."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eval.cases import Case, EarlierMessage
from eval.dialogues import FALSE_ACTS, Dialogue
from eval.errors import EvaluationError
from eval.metrics.dialogue import REPEATED, failures, share_repeated, topics_cited
from eval.metrics.performance import quantile
from eval.samples import Output, Sample
from eval.scoring import Scored
from eval.statistics import Estimate
from eval.summary import estimate
from eval.targets import Target

__all__ = [
    "PLAYED", "DialogueSummary", "Played", "PlayedTurn", "play", "play_all", "read_played",
    "rendered", "scored", "summarize", "table", "told", "transcript",
]  # fmt: skip

PLAYED = "dialogues.jsonl"
Tell = Callable[[int, int], None]
# What a question may be taken for. Anything else that gives it no answer is a false act.
_ASKING = ("ask", "calculate")


@dataclass(frozen=True, slots=True)
class PlayedTurn:
    """What was said, what was answered, and what the answer lacks. `repeated` is from 0 to 1."""

    said: str
    output: Output
    failed: tuple[str, ...] = ()
    repeated: float | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """A dialogue as it went.

    `error` says why it broke off; `again` is a single question's answer after another question.
    """

    dialogue: Dialogue
    persona: str
    turns: tuple[PlayedTurn, ...]
    error: str = ""
    again: Output | None = None

    @property
    def last_passed(self) -> bool:
        """Whether the last answer is what it was to be."""
        return not self.error and not self.turns[-1].failed

    @property
    def passed(self) -> bool:
        """Whether every answer is."""
        return not self.error and not any(turn.failed for turn in self.turns)


async def play(dialogue: Dialogue, target: Target, persona: str, seed: int | None) -> Played:
    """Ask a dialogue's turns in order; a turn that fails ends it."""
    history: tuple[EarlierMessage, ...] = ()
    turns: list[PlayedTurn] = []
    for i, (said, want) in enumerate(zip(dialogue.turns, dialogue.expect, strict=True)):
        output = await _asked(target, _case(dialogue, i, history), persona, seed)
        if isinstance(output, str):
            return Played(dialogue, persona, tuple(turns), output)
        before = turns[-1].output.text if turns else None
        failed = tuple(failures(want, output, before)) if want else ()
        counted = want is not None and want.kind == "answer" and not want.asks_again
        repeated = share_repeated(output.text, before) if before is not None and counted else None
        turns.append(PlayedTurn(said, output, failed, repeated))
        history += (EarlierMessage("user", said), EarlierMessage("assistant", output.text))
    return Played(dialogue, persona, tuple(turns))


async def _asked(target: Target, case: Case, persona: str, seed: int | None) -> Output | str:
    """Return the answer, or why there is none."""
    try:
        return await target.ask(case, persona, seed)
    except Exception as error:  # noqa: BLE001 - whatever breaks the target is a result
        return f"{type(error).__name__}: {error}"


def _case(dialogue: Dialogue, turn: int, history: tuple[EarlierMessage, ...]) -> Case:
    return Case(
        id=f"{dialogue.id}/{turn + 1}", slice=dialogue.act, style="dialogue",
        topic=dialogue.topic, question=dialogue.turns[turn], answerable=True, history=history,
    )  # fmt: skip


async def play_all(
    dialogues: Sequence[Dialogue], target: Target, *, persona: str, seed: int | None, tell: Tell
) -> list[Played]:
    """Play dialogues, several at a time, in their order.

    A single question is asked once more after another one and its answer: whether it can be
    answered must not depend on that.
    """
    found: dict[int, Played] = {}
    queue = iter(enumerate(dialogues))
    tell(0, len(dialogues))

    async def work() -> None:
        for i, dialogue in queue:
            found[i] = await play(dialogue, target, persona, seed)
            tell(len(found), len(dialogues))

    await _several(work, target.parallel)
    played = [found[i] for i in range(len(dialogues))]
    single = [i for i, each in enumerate(played) if each.dialogue.act == FALSE_ACTS and each.turns]
    pairs = iter(list(zip(single, [*single[1:], *single[:1]], strict=True)))

    async def ask_again() -> None:
        for i, other in pairs:
            turn = played[other].turns[0]
            history = (
                EarlierMessage("user", turn.said),
                EarlierMessage("assistant", turn.output.text),
            )
            case = _case(played[i].dialogue, 0, history)
            again = await _asked(target, case, persona, seed)
            if isinstance(again, str):
                played[i] = replace(played[i], error=again)
            else:
                played[i] = replace(played[i], again=again)

    await _several(ask_again, target.parallel)
    return played


async def _several(work: Callable[[], Any], workers: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())


@dataclass(frozen=True, slots=True)
class ActRow:
    """How the dialogues of one act went."""

    dialogues: int
    passed: int
    last_passed: int
    turns: int
    turns_passed: int


@dataclass(frozen=True, slots=True)
class DialogueSummary:
    """By act, and the rates. A rate is None where no dialogue tells it.

    `last_turn`: the last answer is right, leaks and single questions left out. `repeats`: share
    of further answers that are mostly the one before, where that was not asked for. `leaks`:
    off the subject, answered all the same. `false_acts`: questions taken for an act and left
    without an answer. `answered`: the same questions, answered from a right topic. `unharmed`:
    refused or not, alone as after another question. `milliseconds`: a turn, median and p95.
    """

    acts: dict[str, ActRow]
    last_turn: Estimate | None
    repeats: Estimate | None
    leaks: Estimate | None
    false_acts: Estimate | None
    answered: Estimate | None
    unharmed: Estimate | None
    milliseconds: tuple[float, float]
    broken: int

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready dicts and lists."""
        return asdict(self)


def summarize(played: Sequence[Played]) -> DialogueSummary:
    """Sum up dialogues; intervals resample whole topics."""
    acts: dict[str, list[Played]] = defaultdict(list)
    for each in played:
        acts[each.dialogue.act].append(each)
    whole = [p for p in played if p.dialogue.act not in ("leak", FALSE_ACTS)]
    single = [p for p in acts.get(FALSE_ACTS, ()) if p.turns]
    repeats = [
        (float(turn.repeated >= REPEATED), p.dialogue.cluster)
        for p in played
        for turn in p.turns
        if turn.repeated is not None
    ]
    times = [ms for p in played for turn in p.turns if (ms := _milliseconds(turn.output))]
    return DialogueSummary(
        acts={act: _row(found) for act, found in acts.items()},
        last_turn=_rate([(float(p.last_passed), p.dialogue.cluster) for p in whole]),
        repeats=_rate(repeats),
        leaks=_rate([(float(not p.last_passed), p.dialogue.cluster) for p in acts.get("leak", ())]),
        false_acts=_rate([(float(_taken_for_an_act(p)), p.dialogue.cluster) for p in single]),
        answered=_rate([(float(p.passed), p.dialogue.cluster) for p in single]),
        unharmed=_rate(
            [
                (float(p.again.abstained == p.turns[0].output.abstained), p.dialogue.cluster)
                for p in single
                if p.again
            ]
        ),
        milliseconds=(quantile(times, 0.5) or 0.0, quantile(times, 0.95) or 0.0),
        broken=sum(bool(p.error) for p in played),
    )


def _milliseconds(output: Output) -> float | None:
    return output.timings.get("seen_last")


def _rate(values: Sequence[tuple[float, str]]) -> Estimate | None:
    return estimate([v for v, _ in values], [c for _, c in values]) if values else None


def _row(found: Sequence[Played]) -> ActRow:
    turns = [turn for each in found for turn in each.turns]
    return ActRow(
        len(found),
        sum(each.passed for each in found),
        sum(each.last_passed for each in found),
        len(turns),
        sum(not turn.failed for turn in turns),
    )


def _taken_for_an_act(played: Played) -> bool:
    """Whether a question was taken for something else, and so left without its answer."""
    output, want = played.turns[0].output, played.dialogue.expect[0]
    talked = not output.abstained and not output.citations
    act = output.act or ("remark" if talked else "ask")
    answered = want is not None and set(want.topics) & set(topics_cited(output))
    return act not in _ASKING and not answered


def table(summary: DialogueSummary) -> str:
    """Write a summary as Markdown."""
    lines = [
        "| act | dialogues | all right | last turn right | turns right |",
        "|---|--:|--:|--:|--:|",
    ]
    for act, row in sorted(summary.acts.items()):
        lines.append(
            f"| {act} | {row.dialogues} | {row.passed} | {row.last_passed} | "
            f"{row.turns_passed} of {row.turns} |"
        )
    lines += ["", "| | share | 95% | n |", "|---|--:|---|--:|"]
    for name, found in (
        ("last turn right", summary.last_turn),
        ("said again unasked", summary.repeats),
        ("answered off the subject", summary.leaks),
        ("questions taken for an act", summary.false_acts),
        ("such questions answered from a right topic", summary.answered),
        ("same verdict after another question", summary.unharmed),
    ):
        if found:
            lines.append(
                f"| {name} | {found.mean:.3f} | {found.low:.3f} to {found.high:.3f} | {found.n} |"
            )
    half, most = summary.milliseconds
    lines += ["", f"A turn takes {half:.0f} ms in the median, {most:.0f} ms at p95."]
    if summary.broken:
        lines.append(f"{summary.broken} dialogues broke off; their lines have the error.")
    return "\n".join(lines) + "\n"


def told(played: Sequence[Played]) -> str:
    """List what failed, a line each."""
    lines = []
    for each in played:
        if each.error:
            lines.append(f"{each.dialogue.id}: broke off: {each.error}")
        for i, turn in enumerate(each.turns, start=1):
            lines += [f"{each.dialogue.id}/{i} {turn.said[:60]!r}: {what}" for what in turn.failed]
    return "".join(f"{line}\n" for line in lines)


def transcript(played: Sequence[Played]) -> str:
    """Write dialogues as Markdown, to be read and judged by a person."""
    lines = []
    for each in played:
        lines += [f"## {each.dialogue.id}: {'passed' if each.passed else 'FAILED'}", ""]
        for turn in each.turns:
            answer = turn.output.text.replace("\n", "\n> ")
            lines += [f"**{turn.said}**", "", f"> {answer}", ""]
            lines += [f"- {what}" for what in turn.failed] + [""] * bool(turn.failed)
        lines += [f"- broke off: {each.error}", ""] if each.error else []
    return "\n".join(lines)


_ADAPTER = TypeAdapter(Played)


def rendered(played: Sequence[Played]) -> str:
    """Write what was played, one JSON object a line; passages are left out."""
    lines = []
    for each in played:
        turns = tuple(replace(t, output=replace(t.output, passages={})) for t in each.turns)
        again = each.again and replace(each.again, passages={})
        short = replace(each, turns=turns, again=again)
        lines.append(json.dumps(asdict(short), ensure_ascii=False) + "\n")
    return "".join(lines)


def read_played(directory: Path) -> list[Played]:
    """Read what was played into a directory.

    Raises:
        EvaluationError: it holds no dialogues, or a line is none.
    """
    try:
        lines = (directory / PLAYED).read_text(encoding="utf-8").splitlines()
        return [_ADAPTER.validate_json(line) for line in lines]
    except (OSError, ValidationError) as error:
        raise EvaluationError(
            f"no dialogues in {directory} ({error!s:.200}); play some with: "
            f"python -m eval dialogues --out {directory}"
        ) from error


def scored(played: Sequence[Played]) -> list[Scored]:
    """Turn dialogues into scored samples of their last turns, so that runs can be compared."""
    found = []
    for each in played:
        last = len(each.turns) - 1
        history = tuple(
            turn
            for t in each.turns[:-1]
            for turn in (EarlierMessage("user", t.said), EarlierMessage("assistant", t.output.text))
        )
        case = replace(_case(each.dialogue, max(last, 0), history), id=each.dialogue.id)
        output = each.turns[last].output if each.turns else Output()
        sample = Sample(each.dialogue.id, case, each.persona, 0, None, output, each.error)
        values = {"last_turn": float(each.last_passed), "every_turn": float(each.passed)}
        found.append(Scored(sample, values, frozenset()))
    return found
