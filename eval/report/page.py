"""One self-contained HTML page: no script, no outside resource, every wrong answer to read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from eval.report import svg
from eval.report.markdown import COLUMNS, SET_METRICS, describe, interval, sampling_note
from eval.scoring import Scored
from eval.summary import OVERALL, Summary

__all__ = ["answer", "document", "render"]

Run = tuple[str, Mapping[str, Any], Sequence[Scored], Summary]

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5a6676;--line:#d7dde5;--ground:#fff;
--panel:#f5f7fa;--accent:#1f5fbf;--bad:#b3261e;--good:#1b7f4d}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa6b5;--line:#323b47;
--ground:#12161c;--panel:#1a2029;--accent:#7fb0ff;--bad:#ff8a80;--good:#6fd3a3}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);
max-width:76rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem}h3{font-size:1rem}
.soft{color:var(--soft)}.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;white-space:nowrap}
.plots{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;background:var(--panel);
padding:.75rem;border-radius:.5rem}figcaption{font-size:13px;color:var(--soft);max-width:340px}
.scroll th:first-child{position:sticky;left:0;background:var(--ground)}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}
details{border:1px solid var(--line);border-radius:.4rem;margin:.35rem 0;padding:.3rem .7rem}
summary{cursor:pointer}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--panel);
padding:.6rem;border-radius:.4rem;font-size:13px}.bad{color:var(--bad)}.good{color:var(--good)}
code{overflow-wrap:anywhere}
"""
_SLICE_METRICS = ("truthfulness", "success@5", "vital_recall", "number_recall", "citation_recall")


def render(runs: Sequence[Run]) -> str:
    """Return the page of one run or several."""
    return document("Evaluation", "".join(_run(run) for run in runs))


def document(title: str, body: str) -> str:
    """Return a whole page that loads nothing and runs nothing."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _run(run: Run) -> str:
    name, header, scored, summary = run
    made = escape(json.dumps(header, indent=2, ensure_ascii=False))
    return (
        f"<section><h2>{escape(name)}</h2><p class=soft>{escape(describe(header))}</p>"
        f"<p><code>{escape(str(header.get('command', '')))}</code></p>"
        f"{_table(summary)}{_whole(summary)}<div class=plots>{_plots(summary, scored)}</div>"
        f"<details><summary>Where this comes from</summary><pre>{made}</pre></details>"
        f"{_answers(scored)}</section>"
    )


def _table(summary: Summary) -> str:
    shown = [c for c in COLUMNS if any(c in found for found in summary.estimates.values())]
    head = "".join(f"<th>{escape(COLUMNS[c])}</th>" for c in shown)
    rows = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(f"<td>{interval(summary.estimates[name].get(c))}</td>" for c in shown)
        + "</tr>"
        for name in _ordered(summary)
    )
    return (
        "<p class=soft>Means with intervals at 95%; a dash is unscored. "
        f"{summary.counts['samples']:.0f} samples, {summary.counts['failed']:.0f} failed.</p>"
        f"<div class=scroll><table><tr><th>slice</th>{head}</tr>{rows}</table></div>"
    )


def _ordered(summary: Summary) -> list[str]:
    """The slices by name, what is over all of them last."""
    return sorted(summary.estimates, key=lambda name: (name == OVERALL, name))


def _whole(summary: Summary) -> str:
    """What is measured over all slices together, and the time that each stage took."""
    found = summary.estimates.get(OVERALL, {})
    rows = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{interval(found[name])}</td></tr>"
        for name in SET_METRICS
        if name in found
    )
    note = "".join(f"<p class=soft>{escape(line)}</p>" for line in sampling_note(summary) if line)
    stages = "".join(
        f"<tr><th>{escape(stage)}</th>"
        + "".join(f"<td>{took[name]:.1f}</td>" for name in ("p50", "p95", "max"))
        + f"<td>{took['n']:.0f}</td></tr>"
        for stage, took in summary.latency.items()
    )
    times = (
        "<details><summary>Latency a stage, milliseconds</summary><table><tr><th>stage</th>"
        f"<th>median</th><th>p95</th><th>worst</th><th>n</th></tr>{stages}</table></details>"
    )
    table = f"<h3>Over all slices together</h3><table>{rows}</table>" if rows else ""
    return f"{note}{table}{times if stages else ''}"


def _plots(summary: Summary, scored: Sequence[Scored]) -> str:
    figures = []
    for metric in _SLICE_METRICS:
        rows = [
            (name, found[metric].mean, found[metric].low, found[metric].high)
            for name in _ordered(summary)
            for found in [summary.estimates[name]]
            if metric in found
        ]
        if rows:
            low = -1.0 if metric == "truthfulness" else 0.0
            figures.append((f"{COLUMNS[metric]}, by slice", svg.intervals(rows, low)))
    if curve := summary.curves.get("risk_coverage"):
        points = [(p[0], p[1]) for p in curve]
        figures.append(
            ("Risk against coverage: answering the most confident first, the share wrong",
             svg.line(points, "coverage", "risk"))
        )  # fmt: skip
    if bins := summary.curves.get("reliability"):
        points = [(p[0], p[1]) for p in bins]
        figures.append(
            ("Reliability: confidence against the share right; the diagonal is ideal",
             svg.line(points, "confidence", "right", diagonal=True, dots=True))
        )  # fmt: skip
    totals = [
        t.get("seen_last", t.get("total", t.get("retrieve", 0.0)))
        for s in scored
        if not s.sample.error
        for t in [s.sample.output.timings]
    ]
    if totals:
        figures.append(("Latency: share of answers complete within", svg.latency(totals)))
    return "".join(
        f"<figure>{drawing}<figcaption>{escape(title)}</figcaption></figure>"
        for title, drawing in figures
    )


def _answers(scored: Sequence[Scored]) -> str:
    wrong = sorted((s for s in scored if s.wrong), key=lambda s: (s.case.slice, s.case.id))
    rest = [s for s in scored if not s.wrong]
    right = "".join(map(answer, rest))
    return (
        f"<h3>{len(wrong)} wrong or failed, to read</h3>{''.join(map(answer, wrong))}"
        f"<details><summary>The other {len(rest)}</summary>{right}</details>"
    )


def answer(scored: Scored) -> str:
    """Show a sample, folded: what was asked, answered, expected, retrieved and cited."""
    case, output = scored.case, scored.sample.output
    shown = {name: value for name, value in scored.scores.items() if value is not None}
    scores = ", ".join(f"{name} {value:.2f}" for name, value in shown.items())
    history = "".join(f"{turn.role}: {turn.content}\n" for turn in case.history)
    wanted = "\n".join(
        [case.reference, *(f"· {'vital ' if n.vital else ''}{n.text}" for n in case.nuggets)]
    )
    hits = "\n".join(
        f"{'*' if hit.ref in case.gold else ' '} {hit.score:.3f} {hit.ref}" for hit in output.hits
    )
    cited = "\n".join(f"[{c.n}] {c.ref}: {c.quote}" for c in output.citations)
    dropped = "\n".join(output.dropped)
    parts = (
        ("Asked", f"{history}{case.question}"),
        ("Answered", scored.sample.error or output.text),
        ("Expected", wanted if case.answerable else f"to abstain: {case.reference}"),
        ("Retrieved (* gold)", hits), ("Cited", cited), ("Dropped", dropped), ("Scores", scores),
    )  # fmt: skip
    body = "".join(f"<h3>{title}</h3><pre>{escape(t)}</pre>" for title, t in parts if t.strip())
    mark = "bad" if scored.wrong else "good"
    return (
        f"<details id='{escape(case.id)}'><summary><b class={mark}>{escape(case.slice)}</b> "
        f"{escape(case.question[:140])} <span class=soft>{escape(case.id)}</span></summary>"
        f"{body}</details>"
    )
