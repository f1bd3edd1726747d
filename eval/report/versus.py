"""Two runs side by side on one page: what B won and lost, both answers to read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from eval.compare import Comparison, shown
from eval.report.page import answer, document
from eval.scoring import Scored

__all__ = ["render"]


def render(
    found: Comparison, names: tuple[str, str], a: Sequence[Scored], b: Sequence[Scored]
) -> str:
    """Return the page of a comparison."""
    sides = (_by_case(a), _by_case(b))
    body = _table(found, names)
    for title, keys in (("B wins", found.wins), ("B loses", found.losses)):
        pairs = "".join(_pair(key, found.questions[key], names, sides) for key in keys)
        body += f"<h2>{title}: {len(keys)} by {escape(found.deciding)}</h2>{pairs}"
    return document(f"{names[1]} (B) against {names[0]} (A)", body)


def _by_case(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    found: dict[str, list[Scored]] = {}
    for each in scored:
        found.setdefault(each.case.id, []).append(each)
    return found


def _table(found: Comparison, names: tuple[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{escape(metric)}</th><th>{escape(name)}</th><td>{result.n}</td>"
        f"<td>{result.difference:+.3f}</td><td>{result.low:+.3f} to {result.high:+.3f}</td>"
        f"<td>{result.wins} / {result.losses}</td><td>{result.p:.3f}</td>"
        f"<td>{shown(result.p_holm)}</td><td>{shown(result.detectable)}</td></tr>"
        for metric, slices in found.results.items()
        for name, result in slices.items()
    )
    return (
        f"<p class=soft>A is {escape(names[0])}, B is {escape(names[1])}; {found.cases} cases in "
        "common. Differences are B - A with intervals at 95%, whole topics resampled; the last "
        "column is the smallest true difference that would be found with 80% power.</p>"
        "<div class=scroll><table><tr><th>metric</th><th>slice</th><th>n</th><th>B - A</th>"
        "<th>95%</th><th>won / lost</th><th>p</th><th>p (Holm)</th><th>detectable</th></tr>"
        f"{rows}</table></div>"
    )


def _pair(
    key: str, question: str, names: tuple[str, str], sides: tuple[dict[str, list[Scored]], ...]
) -> str:
    shown = "".join(
        f"<h3>{letter}: {escape(name)}</h3>{''.join(map(answer, side[key]))}"
        for letter, name, side in zip("AB", names, sides, strict=True)
    )
    return (
        f"<details><summary>{escape(question[:140])} <span class=soft>{escape(key)}</span>"
        f"</summary>{shown}</details>"
    )
