"""A judge's view of runs: its judgements lie beside the samples and are taken up again."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from eval.errors import EvaluationError
from eval.judge import ChatJudge, JudgeVerdict, Preference
from eval.metrics.nuggets import nugget_recall
from eval.metrics.text import strip_markers
from eval.scoring import Scored, statements_of
from eval.statistics import Estimate, mcnemar_exact
from eval.summary import estimate

__all__ = ["JUDGED", "Preferred", "attached", "judge_answers", "prefer", "preferences"]

JUDGED = "judged.jsonl"
_NUGGETS, _SUPPORT = "nuggets", "support"
Tell = Callable[[int, int], None]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One thing to be judged: what is asked decides its key."""

    kind: str
    parts: tuple[str, ...]

    def key(self, identity: Mapping[str, Any]) -> str:
        text = json.dumps([self.kind, self.parts, identity], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _asked_of(scored: Scored) -> tuple[_Asked | None, list[_Asked]]:
    """Return what is to be judged of a sample: its nuggets, and each statement with a citation."""
    case, output = scored.case, scored.sample.output
    if scored.sample.error or not output.answered or output.abstained:
        return None, []
    facts = tuple(nugget.text for nugget in case.nuggets)
    held = None
    if case.answerable and facts:
        held = _Asked(_NUGGETS, (case.question, strip_markers(output.text), *facts))
    stated = [
        _Asked(_SUPPORT, ("\n\n".join(statement.premises), statement.text))
        for statement in statements_of(output)
        if statement.premises
    ]
    return held, stated


async def judge_answers(
    scored: Sequence[Scored], judge: ChatJudge, directory: Path, *, parallel: int, tell: Tell
) -> int:
    """Judge what isn't judged yet, keeping each judgement at once; return how many are unscored.

    What was left unscored is asked again.

    Raises:
        EvaluationError: the directory holds another judge's judgements.
        ModelUnavailable: the judge can't be reached.
    """
    identity = judge.identity()
    known = _read(directory, identity)
    wanted: dict[str, _Asked] = {}
    for each in scored:
        held, stated = _asked_of(each)
        for asked in [*([held] if held else []), *stated]:
            wanted[asked.key(identity)] = asked
    waiting = [key for key in wanted if not known.get(key, JudgeVerdict(())).labels]
    unscored, done = 0, len(wanted) - len(waiting)
    tell(done, len(wanted))
    with (directory / JUDGED).open("a", encoding="utf-8") as file:

        async def one(key: str) -> None:
            nonlocal unscored, done
            found = await _judged(wanted[key], judge)
            line = {"key": key, "judge": identity, "kind": wanted[key].kind, **asdict(found)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            unscored += not found.labels
            done += 1
            tell(done, len(wanted))

        await bounded(one, waiting, parallel)
    return unscored


async def bounded(
    work: Callable[[_T], Awaitable[None]], items: Sequence[_T], parallel: int
) -> None:
    """Do the work of each item, so many at once; the first error stops the rest."""
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, min(parallel, len(items)))):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _judged(asked: _Asked, judge: ChatJudge) -> JudgeVerdict:
    if asked.kind == _SUPPORT:
        return await judge.support(*asked.parts)
    question, answer, *facts = asked.parts
    return await judge.nuggets(question, answer, facts)


def _read(directory: Path, identity: Mapping[str, Any] | None) -> dict[str, JudgeVerdict]:
    """Read a run's judgements, the last of each key; a torn last line is left out.

    Raises:
        EvaluationError: they are another judge's, or a line is no judgement.
    """
    place = directory / JUDGED
    if not place.is_file():
        return {}
    raw = place.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        place.write_bytes(whole)
    found: dict[str, JudgeVerdict] = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            row = json.loads(line)
            judgement = JudgeVerdict(tuple(row["labels"]), row["rationale"], row["fault"])
            key, judge = row["key"], row["judge"]
        except (ValueError, KeyError, TypeError) as error:
            raise EvaluationError(
                f"{place}:{number} is no judgement ({error}); remove the line, and eval judge "
                "asks it again"
            ) from error
        if identity is not None and judge != identity:
            raise EvaluationError(
                f"{place} holds the judgements of {judge.get('model')!r} or of other prompts, "
                f"this judge is {identity.get('model')!r}; move that file away to judge anew"
            )
        found[key] = judgement
    return found


def attached(scored: Sequence[Scored], directory: Path) -> list[Scored]:
    """Add what a judge said to the scores, where `eval judge` was run.

    `judged_vital_recall` is AutoNuggetizer's strict vital score; `judged_citation_recall` is
    ALCE's citation recall with the judge as verifier, a statement without citations counting 0.
    A sample is unscored where any of its judgements is.
    """
    place = directory / JUDGED
    if not place.is_file():
        return list(scored)
    first = place.read_bytes().split(b"\n", 1)[0]
    identity = json.loads(first)["judge"] if first else {}
    known = _read(directory, identity)
    return [_with(each, known, identity) for each in scored]


def _with(scored: Scored, known: Mapping[str, JudgeVerdict], identity: Mapping[str, Any]) -> Scored:
    held, stated = _asked_of(scored)
    added: dict[str, float | None] = {}
    said = known.get(held.key(identity)) if held else None
    if said and said.labels:
        flags = [label == "support" for label in said.labels]
        added["judged_vital_recall"] = nugget_recall(scored.case.nuggets, flags)
    labels = [known.get(asked.key(identity), JudgeVerdict(())).labels for asked in stated]
    every = len(statements_of(scored.sample.output)) if stated else 0
    if every and all(labels):
        borne = sum(label == ("supported",) for label in labels)
        added["judged_citation_recall"] = borne / every
    return replace(scored, scores={**scored.scores, **added})


@dataclass(frozen=True, slots=True)
class Preferred:
    """B against A as a judge sees it.

    `preference` is the mean of +1 (B is better), 0 (tie) and -1 over cases, clustered by topic;
    `p` the exact sign test's over the decided ones; `steady` the share of comparisons that did
    not turn with the order.
    """

    preference: Estimate | None
    wins: Sequence[str]
    losses: Sequence[str]
    ties: int
    unscored: int
    steady: float | None
    p: float
    judge: str

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready dicts and lists."""
        return asdict(self)


async def prefer(
    a: Sequence[Scored], b: Sequence[Scored], judge: ChatJudge, *, parallel: int, tell: Tell
) -> list[tuple[Scored, Scored, Preference]]:
    """Compare the answers that two runs gave to the same case, persona and repeat.

    Raises:
        EvaluationError: they share no answered case.
        ModelUnavailable: the judge can't be reached.
    """
    ours = {_place(each): each for each in b if _comparable(each)}
    pairs = [(each, ours[_place(each)]) for each in a if _comparable(each) and _place(each) in ours]
    if not pairs:
        raise EvaluationError(
            "the two runs share no answered case; expected two runs of the same suite and personas"
        )
    found: dict[int, tuple[Scored, Scored, Preference]] = {}

    async def one(row: int) -> None:
        x, y = pairs[row]
        said = Preference("tie", True, ("the answers are the same", "the answers are the same"))
        if x.sample.output.text != y.sample.output.text:
            said = await judge.prefer(
                x.case.question, x.case.reference,
                strip_markers(x.sample.output.text), strip_markers(y.sample.output.text),
            )  # fmt: skip
        found[row] = (x, y, said)
        tell(len(found), len(pairs))

    await bounded(one, range(len(pairs)), parallel)
    return [found[row] for row in sorted(found)]


def _comparable(scored: Scored) -> bool:
    return not scored.sample.error and scored.sample.output.answered


def _place(scored: Scored) -> tuple[str, str, int]:
    return scored.case.id, scored.sample.persona, scored.sample.repeat


def preferences(found: Sequence[tuple[Scored, Scored, Preference]], judge: str) -> Preferred:
    """Sum up a comparison: a case's mean over its personas and repeats counts once."""
    values: dict[str, list[float]] = {}
    clusters: dict[str, str] = {}
    for x, _, said in found:
        if said.winner is not None:
            values.setdefault(x.case.id, []).append({"a": -1.0, "b": 1.0, "tie": 0.0}[said.winner])
            clusters[x.case.id] = x.case.cluster
    means = {key: sum(each) / len(each) for key, each in values.items()}
    wins = [key for key, mean in means.items() if mean > 0]
    losses = [key for key, mean in means.items() if mean < 0]
    scored = [said for _, _, said in found if said.winner is not None]
    return Preferred(
        estimate(list(means.values()), [clusters[key] for key in means]) if means else None,
        wins,
        losses,
        len(means) - len(wins) - len(losses),
        len(found) - len(scored),
        sum(said.steady for said in scored) / len(scored) if scored else None,
        mcnemar_exact(len(wins), len(losses)),
        judge,
    )
