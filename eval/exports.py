"""Runs in the formats of other tools: TREC, ragas, inspect_ai.

- TREC: `qrels.txt` and `run.txt`, as trec_eval, ir-measures and ranx read them.
- ragas: `ragas.jsonl`, for `EvaluationDataset.from_jsonl`; a conversation is written out.
- inspect_ai: `dataset.jsonl` for `json_dataset`, and an evaluation log with every score, for
  `inspect view`, `read_eval_log` and `samples_df`.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.metrics.retrieval import qrels_lines, run_lines
from eval.samples import Sample
from eval.scoring import Scored
from eval.summary import OVERALL, Summary

__all__ = ["FORMATS", "export"]

Header = Mapping[str, Any]


def export(form: str, header: Header, scored: Sequence[Scored], summary: Summary) -> dict[str, str]:
    """Write a run in one of `FORMATS`: the text of each file, by its name."""
    return FORMATS[form](header, scored, summary)


def _trec(header: Header, scored: Sequence[Scored], _: Summary) -> dict[str, str]:
    """One ranking a case: the first persona's, the first sample's."""
    first: dict[str, Sample] = {}
    for each in scored:
        if not each.sample.error and each.sample.repeat == 0:
            first.setdefault(each.case.id, each.sample)
    judged = [(key, sample.case.gold) for key, sample in first.items() if sample.case.gold]
    ranked = [(key, [hit.ref for hit in sample.output.hits]) for key, sample in first.items()]
    tag = str(header["target"]["target"]).replace(" ", "-")
    return {
        "qrels.txt": "".join(f"{line}\n" for line in qrels_lines(judged)),
        "run.txt": "".join(f"{line}\n" for line in run_lines(ranked, tag)),
    }


def _ragas(header: Header, scored: Sequence[Scored], _: Summary) -> dict[str, str]:
    rows = [
        {
            "user_input": _transcript(each.sample),
            "retrieved_contexts": list(each.sample.output.passages.values()),
            "retrieved_context_ids": list(each.sample.output.passages),
            "response": each.sample.output.text,
            "reference": each.case.reference,
            "reference_context_ids": list(each.case.gold),
        }
        for each in scored
        if not each.sample.error
    ]
    return {"ragas.jsonl": _jsonl(rows)}


def _transcript(sample: Sample) -> str:
    turns = [f"{turn.role}: {turn.content}" for turn in sample.case.history]
    return "\n".join([*turns, f"user: {sample.case.question}"]) if turns else sample.case.question


def _inspect(header: Header, scored: Sequence[Scored], summary: Summary) -> dict[str, str]:
    cases = {each.case.id: each for each in scored}
    dataset = [
        {
            "id": key, "input": _messages(each.sample), "target": _target(each),
            "metadata": {"slice": each.case.slice, "topic": each.case.topic,
                         "answerable": each.case.answerable, "gold": list(each.case.gold)},
        }
        for key, each in cases.items()
    ]  # fmt: skip
    log = _inspect_log(header, scored, summary, list(cases))
    # Its viewer lists the files of a folder that are named so.
    began, spec = str(header["started"]).replace(":", "-"), log["eval"]
    name = f"{began}_{spec['task'].replace('/', '-')}_{spec['task_id']}.json"
    return {
        "dataset.jsonl": _jsonl(dataset),
        name: json.dumps(log, indent=1, ensure_ascii=False) + "\n",
    }


def _inspect_log(
    header: Header, scored: Sequence[Scored], summary: Summary, ids: Sequence[str]
) -> dict[str, Any]:
    """After inspect_ai's EvalLog, version 2 (inspect_ai.log, "Eval Log Schema")."""
    plan, started = header["plan"], header["started"]
    repeats: dict[str, int] = defaultdict(int)
    samples = []
    for each in scored:
        repeats[each.case.id] += 1
        samples.append(_inspect_sample(each, repeats[each.case.id]))
    done = [each for each in scored if not each.sample.error]
    ended = max((each.sample.at for each in scored if each.sample.at), default=started)
    identity = header["target"]
    return {
        "version": 2,
        "status": "success",
        "eval": {
            **dict.fromkeys(("eval_id", "run_id", "task_id"), _id_of(header)),
            "created": started,
            "task": f"citewise/{Path(plan['suite']).stem}",
            "dataset": {"name": plan["suite"], "samples": len(ids), "sample_ids": list(ids)},
            "model": f"citewise/{identity.get('model') or identity['target']}",
            "config": {"epochs": max(repeats.values())},
            "revision": {"type": "git", "origin": "", "commit": header["git_commit"]},
            "metadata": {
                "target": identity, "personas": plan["personas"], "split": header["split"],
                "opened_sealed": header["opened_sealed"], "git_dirty": header["git_dirty"],
                "versions": header["versions"], "command": header["command"],
            },
        },
        "plan": {"name": "plan", "steps": [{"solver": "citewise", "params": {}}], "config": {}},
        "results": {
            "total_samples": len(scored),
            "completed_samples": len(done),
            "scores": [
                {
                    "name": name,
                    "scorer": name,
                    "scored_samples": found.n,
                    "metrics": {
                        kind: {"name": kind, "value": value}
                        for kind, value in (
                            ("mean", found.mean), ("low_95", found.low), ("high_95", found.high),
                        )
                    },
                }
                for name, found in summary.estimates.get(OVERALL, {}).items()
            ],
        },
        "stats": {"started_at": started, "completed_at": ended},
        "samples": samples,
    }  # fmt: skip


def _id_of(header: Header) -> str:
    """Name a run by what it asked, of what and when."""
    parts = [header["target"], header["plan"], header["started"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:22]


def _inspect_sample(scored: Scored, epoch: int) -> dict[str, Any]:
    sample, output = scored.sample, scored.sample.output
    said = {"role": "assistant", "content": output.text, "source": "generate"}
    row: dict[str, Any] = {
        "id": scored.case.id,
        "epoch": epoch,
        "input": _messages(sample),
        "target": _target(scored),
        "messages": [*_messages(sample), said],
        "output": {
            "model": output.model,
            "choices": [{"message": said, "stop_reason": "stop"}],
            "usage": {
                "input_tokens": output.prompt_tokens,
                "output_tokens": output.completion_tokens,
                "total_tokens": output.prompt_tokens + output.completion_tokens,
            },
        },
        "scores": {
            name: {"value": value, "answer": output.text}
            for name, value in scored.scores.items()
            if value is not None
        },
        "metadata": {
            "slice": scored.case.slice, "topic": scored.case.topic, "persona": sample.persona,
            "seed": sample.seed, "abstained": output.abstained,
            "citations": [[cited.n, cited.ref, cited.quote] for cited in output.citations],
            "retrieved": [hit.ref for hit in output.hits],
        },
    }  # fmt: skip
    if sample.error:
        row["error"] = {"message": sample.error, "traceback": "", "traceback_ansi": ""}
    return row


def _messages(sample: Sample) -> list[dict[str, str]]:
    turns = [{"role": turn.role, "content": turn.content} for turn in sample.case.history]
    return [*turns, {"role": "user", "content": sample.case.question}]


def _target(scored: Scored) -> str:
    return scored.case.reference or ("" if scored.case.answerable else "to abstain")


def _jsonl(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


FORMATS: Mapping[str, Callable[[Header, Sequence[Scored], Summary], dict[str, str]]] = {
    "trec": _trec,
    "ragas": _ragas,
    "inspect": _inspect,
}
