"""The composition root of a run: which cases, over which index, asked of which target."""

from __future__ import annotations

import argparse
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eval import shadow
from eval.cases import WORDS, Case, read_suite, sample_of
from eval.errors import EvaluationError, SuiteError
from eval.targets import Target
from index.cli import progress_bar, say
from index.types import KnowledgeBase

if TYPE_CHECKING:
    from app.answer.pipeline import Pipeline

__all__ = ["CasesToAsk", "chosen_cases", "open_target", "read_knowledge", "with_gold"]


@dataclass(frozen=True, slots=True)
class CasesToAsk:
    """The cases of a run, with the knowledge base to index for them, None for the index given."""

    cases: tuple[Case, ...]
    knowledge_base: KnowledgeBase | None
    label: str


def read_knowledge(specs: Sequence[str] | None) -> KnowledgeBase:
    """Read the knowledge base of `--kb`, or the shipped one, and say what was left out."""
    from index.sources import SHIPPED, read_all

    result = read_all(list(specs) if specs else [f"ai={SHIPPED}"])
    if result.problems:
        say(f"left out: {len(result.problems)} records; see python -m index build --strict")
    return result.knowledge_base


def chosen_cases(options: argparse.Namespace) -> CasesToAsk:
    """Read the suite and choose by half, slice and limit.

    Raises:
        SuiteError: nothing is left, or the sealed half was asked for without its flag.
    """
    knowledge = read_knowledge(options.kb) if options.kb else None
    if options.suite in shadow.DERIVED:
        made = shadow.derive(options.suite, knowledge or read_knowledge(None))
        cases: Sequence[Case] = made.cases
        if options.suite != "verbatim":
            knowledge = made.knowledge_base
    else:
        cases = read_suite(options.suite)
    if options.split != "dev" and not options.open_sealed:
        raise SuiteError(
            f"--split {options.split} asks for the sealed half; add --open-sealed, which the "
            "result will say"
        )
    known = sorted({case.slice for case in cases})
    unknown = sorted(set(options.slice or ()) - set(known))
    if unknown:
        raise SuiteError(f"no slice {', '.join(unknown)}; expected some of {', '.join(known)}")
    chosen = [
        case
        for case in cases
        if options.split in ("all", case.split)
        and (not options.slice or case.slice in options.slice)
    ]
    if options.limit:
        chosen = list(sample_of(chosen, options.limit))
    if not chosen:
        raise SuiteError(f"suite {options.suite}: no case is left in half {options.split}")
    return CasesToAsk(tuple(chosen), knowledge, options.suite)


def with_gold(cases: Sequence[Case], target: Target) -> tuple[Case, ...]:
    """Find the gold passages that a suite names by their words.

    Raises:
        SuiteError: no passage of the index has the words, or the target has no index to look in.
    """
    if not any(gold.startswith(WORDS) for case in cases for gold in case.gold):
        return tuple(cases)
    pipeline: Pipeline | None = getattr(target, "pipeline", None)
    if pipeline is None:
        raise SuiteError(
            f"the suite names gold passages by their words ({WORDS}…), which needs an index to "
            "look in; run it in process, without --target"
        )
    texts = {passage.id: squeezed(passage.text) for passage in pipeline.index.passages}
    return tuple(replace(case, gold=_named(case, texts)) for case in cases)


def _named(case: Case, texts: Mapping[str, str]) -> tuple[str, ...]:
    found: list[str] = []
    for gold in case.gold:
        words = squeezed(gold.removeprefix(WORDS))
        own = [ref for ref, text in texts.items() if words in text]
        if gold.startswith(WORDS) and not own:
            raise SuiteError(f"case {case.id}: no passage of the index has the words {words!r}")
        found += own if gold.startswith(WORDS) else [gold]
    return tuple(dict.fromkeys(found))


def squeezed(text: str) -> str:
    """Return a text as words are looked for in it: lower case, single spaces, no marks of form."""
    return " ".join(re.sub(r"[`*\[\]\\]", "", text.lower()).split())


def open_target(options: argparse.Namespace, asked: CasesToAsk) -> Target:
    """Open what will answer.

    Raises:
        EvaluationError: options contradict each other.
        RequestError: the product has no such persona.
    """
    if options.target:
        return _endpoint(options)
    from app.config.flags import chosen
    from app.config.personas import resolve
    from app.config.settings import load_settings
    from app.record.types import Sampling
    from app.service import open_pipeline

    told = chosen(options)
    if options.baseline == "composed":
        told["answer_mode"] = "compose"
    settings = load_settings(**told)
    if asked.knowledge_base is not None:
        place = settings.cache / "eval" / "index" / Path(asked.label).stem
        _build(asked.knowledge_base, place, settings.index, settings.encoder, settings)
        settings = settings.model_copy(update={"index": place})
    pipeline = open_pipeline(settings)
    for persona in options.persona or ():
        resolve(persona, pipeline.personas)
    sampling = Sampling(options.temperature, options.top_p, options.max_tokens)
    return _in_process(options, pipeline, sampling)


def _in_process(options: argparse.Namespace, pipeline: Pipeline, sampling: Any) -> Target:  # noqa: ANN401
    from eval.targets.baselines import (
        ClosedBookTarget,
        GivenEvidenceTarget,
        PlainRagTarget,
        rank_fusion,
        single_stage,
    )
    from eval.targets.product import ProductTarget, RetrievalTarget

    name = options.baseline or "product"
    if name in ("bm25", "dense"):
        pipeline = single_stage(pipeline, "lexical" if name == "bm25" else "dense")
    elif name == "rank-fusion":
        pipeline = rank_fusion(pipeline)
    if options.retrieval_only:
        retrieving = ("product", "bm25", "dense", "rank-fusion")
        if name not in retrieving:
            raise EvaluationError(
                f"--retrieval-only with --baseline {name}: expected one of "
                f"{', '.join(retrieving)}; the others retrieve nothing of their own"
            )
        return RetrievalTarget(pipeline, name)
    if name == "closed-book":
        return ClosedBookTarget(pipeline, sampling)
    if name == "plain-rag":
        return PlainRagTarget(pipeline, sampling)
    if name in ("gold", "topic"):
        given: Literal["gold", "topic"] = "gold" if name == "gold" else "topic"
        return GivenEvidenceTarget(pipeline, sampling, given)
    return ProductTarget(pipeline, sampling, name)


def _endpoint(options: argparse.Namespace) -> Target:
    if options.baseline or options.retrieval_only or options.kb:
        raise EvaluationError(
            "--target scores an endpoint as it is; it can't be combined with --baseline, --kb or "
            "--retrieval-only"
        )
    from eval.targets.endpoint import EndpointTarget

    key = os.environ.get(options.key_env) if options.key_env else None
    if options.key_env and not key:
        raise EvaluationError(f"--key-env {options.key_env}: that variable is not set")
    return EndpointTarget(
        options.target,
        model=options.model,
        key=key,
        sampling={
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": options.max_tokens,
        },
    )


def _build(
    knowledge_base: KnowledgeBase,
    out: Path,
    known: Path,
    encoder_name: str,
    settings: Any,  # noqa: ANN401
) -> None:
    """Index a knowledge base; vectors of texts that the configured index holds are reused."""
    from index.build import build
    from index.encoders import load_encoder

    if not out.exists() and known.is_dir():
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(known, out, symlinks=True)
    encoder = load_encoder(encoder_name, engine=settings.encoder_engine)
    with progress_bar("encoding") as progress:
        build(knowledge_base, out, encoder, progress)
