"""`eval calibrate` and `eval judge`: what a model or a check says against hand labels."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from eval import calibration, judging
from eval.claims import passages_in, read_claims
from eval.commands import load, show
from eval.errors import EvaluationError
from eval.judge import ChatJudge, Preference
from eval.report import markdown
from eval.run_setup import read_knowledge
from eval.scoring import Scored
from index.cli import print_json, progress_bar, say
from index.files import put

__all__ = ["calibrate", "judge", "open_chat_judge"]

_LOCAL, _REMOTE = 1, 8
_T = TypeVar("_T")


def open_chat_judge(options: argparse.Namespace) -> tuple[ChatJudge, int]:
    """Open the judge that `--judge` names, and tell how many questions it may be asked at once.

    Raises:
        EvaluationError: its key's variable is not set.
    """
    from app.chat_models import ChatModel
    from app.config.settings import load_settings
    from app.record.hooks import Observers
    from app.service import guarded

    key = os.environ.get(options.judge_key_env) if options.judge_key_env else None
    if options.judge_key_env and not key:
        raise EvaluationError(f"--judge-key-env {options.judge_key_env}: that variable is not set")
    settings = load_settings()
    local = options.judge == "local"
    model: ChatModel
    if local:
        from app.chat_models.openvino_local import OpenVinoChatModel

        path = Path(options.judge_model) if options.judge_model else None
        model = OpenVinoChatModel(path, settings.cache)
    else:
        from app.chat_models.openai_compatible import OpenAiCompatibleModel

        model = OpenAiCompatibleModel(
            options.judge, model=options.judge_model, key=key, timeout=settings.model_timeout
        )
    judge = ChatJudge(guarded(model, settings, Observers()))
    return judge, options.judge_parallel or (_LOCAL if local else _REMOTE)


def _with_judge(
    options: argparse.Namespace, work: Callable[[ChatJudge, int], Awaitable[_T]]
) -> tuple[_T, dict[str, Any]]:
    judge, parallel = open_chat_judge(options)

    async def asked() -> tuple[_T, dict[str, Any]]:
        try:
            await judge.model.load()
            return await work(judge, parallel), judge.identity()
        finally:
            await judge.close()

    return asyncio.run(asked())


def calibrate(options: argparse.Namespace) -> int:
    """Hold the verifiers, and a judge if one is named, against the hand-labelled claims."""
    claims = read_claims(options.claims) if options.claims else read_claims()
    passages = passages_in(read_knowledge(None))
    found = [
        ("evaluation's verifier", calibration.verifier_labels(claims, passages)),
        ("product's verifier", calibration.product_labels(claims, passages, _product(options))),
        ("nugget matcher", calibration.matcher_labels(claims)),
    ]
    said: dict[str, str] = {}
    identity: dict[str, Any] | None = None
    if options.judge:
        with progress_bar("judging") as tell:
            (verifier, matcher, rationales), identity = _with_judge(
                options,
                lambda judge, parallel: calibration.judge_labels(
                    claims, judge, parallel=parallel, tell=tell
                ),
            )
        found += [("judge of claims", verifier), ("judge of nuggets", matcher)]
        said = dict(rationales)
    agreements = [calibration.agreement(name, claims, labels) for name, labels in found]
    if options.json:
        print_json(
            {
                "claims": len(claims), "judge": identity, "rationales": said,
                "agreements": [each.as_dict() for each in agreements],
            }
        )  # fmt: skip
    else:
        sys.stdout.write(calibration.markdown(agreements))
        if identity:
            sys.stdout.write(f"\nThe judge is {identity['model']}.\n")
    return 0


def _product(options: argparse.Namespace) -> Any:  # noqa: ANN401 - imported late
    from app.config.settings import load_settings
    from app.verifying.supports import LexicalVerifier
    from index.store import load as load_index

    settings = load_settings(index=options.index)
    return LexicalVerifier(load_index(settings.index).lexical.idf)


def judge(options: argparse.Namespace) -> int:
    """Judge a run's answers, or compare two runs' answers; 1 where something is left unscored."""
    _, scored, _ = load(options.run_dir)
    if options.against is None:
        with progress_bar("judging") as tell:
            unscored, _ = _with_judge(
                options,
                lambda judge, parallel: judging.judge_answers(
                    scored, judge, options.run_dir, parallel=parallel, tell=tell
                ),
            )
        say(f"{unscored} unscored: the judge's reply was not what it was asked for")
        show(options.run_dir, as_json=options.json)
        return 1 if unscored else 0
    _, other, _ = load(options.against)
    with progress_bar("judging") as tell:
        pairs, identity = _with_judge(
            options,
            lambda judge, parallel: judging.prefer(
                other, scored, judge, parallel=parallel, tell=tell
            ),
        )
    found = judging.preferences(pairs, str(identity["model"]))
    if options.out:
        put(options.out, "".join(_line(*pair) for pair in pairs))
    if options.json:
        print_json(found.as_dict())
    else:
        names = (str(options.against), str(options.run_dir))
        sys.stdout.write(markdown.preferred(found, names))
    return 1 if found.unscored else 0


def _line(a: Scored, b: Scored, said: Preference) -> str:
    row = {
        "id": a.case.id, "persona": a.sample.persona, "repeat": a.sample.repeat,
        "winner": said.winner, "steady": said.steady, "rationales": said.rationales,
        "fault": said.fault, "a": a.sample.output.text, "b": b.sample.output.text,
    }  # fmt: skip
    return json.dumps(row, ensure_ascii=False) + "\n"
