"""Small plots as inline SVG, readable in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["intervals", "latency", "line"]

_W, _H = 340, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 12, 26, 32


def _frame(inner: str, width: int = _W, height: int = _H) -> str:
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}">{inner}</svg>'


def _x(value: float) -> float:
    return _LEFT + value * (_W - _LEFT - _RIGHT)


def _y(value: float) -> float:
    return _H - _BOTTOM - value * (_H - _TOP - _BOTTOM)


def _axes(x_name: str, y_name: str, x_ticks: Sequence[tuple[float, str]]) -> str:
    ticks = "".join(
        f'<text x="{_x(at):.1f}" y="{_H - _BOTTOM + 14}" '
        f'text-anchor="{"end" if at == 1 else "middle"}">'
        f"{escape(label)}</text>"
        for at, label in x_ticks
    )
    rows = "".join(
        f'<line x1="{_LEFT}" x2="{_W - _RIGHT}" y1="{_y(v):.1f}" y2="{_y(v):.1f}" '
        f'stroke="var(--line)"/><text x="{_LEFT - 6}" y="{_y(v) + 4:.1f}" '
        f'text-anchor="end">{v:.1f}</text>'
        for v in (0.0, 0.5, 1.0)
    )
    names = (
        f'<text x="{(_W + _LEFT) / 2:.0f}" y="{_H - 4}" text-anchor="middle">'
        f"{escape(x_name)}</text>"
        f'<text x="10" y="{_TOP - 12}">{escape(y_name)}</text>'
    )
    return rows + ticks + names


def line(
    points: Sequence[tuple[float, float]],
    x_name: str,
    y_name: str,
    *,
    diagonal: bool = False,
    dots: bool = False,
) -> str:
    """Draw (x, y) points in the unit square, joined."""
    ticks = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")]
    path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    ideal = (
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="var(--soft)" '
        'stroke-dasharray="4 4"/>'
        if diagonal
        else ""
    )
    marks = "".join(
        f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="3" fill="var(--accent)"/>' for x, y in points
    )
    drawn = f'<polyline points="{path}" fill="none" stroke="var(--accent)" stroke-width="2"/>'
    return _frame(_axes(x_name, y_name, ticks) + ideal + drawn + (marks if dots else ""))


def latency(milliseconds: Sequence[float]) -> str:
    """Draw the empirical distribution of latencies, the x axis up to the slowest."""
    ordered = sorted(milliseconds)
    top = max(ordered[-1], 1e-9)
    points = " ".join(
        f"{_x(value / top):.1f},{_y((rank + 1) / len(ordered)):.1f}"
        for rank, value in enumerate(ordered)
    )
    ticks = [(0.0, "0"), (0.5, f"{top / 2:.0f}"), (1.0, f"{top:.0f} ms")]
    drawn = f'<polyline points="{points}" fill="none" stroke="var(--accent)" stroke-width="2"/>'
    return _frame(_axes("", "share", ticks) + drawn)


def intervals(rows: Sequence[tuple[str, float, float, float]], low: float) -> str:
    """Draw a mean with its interval for each named row, the axis from `low` to 1."""
    label, step = 120, 20
    height = step * len(rows) + 30
    span = _W - label - 20

    def x(value: float) -> float:
        return label + (value - low) / (1 - low) * span

    ticks = "".join(
        f'<line x1="{x(v):.1f}" x2="{x(v):.1f}" y1="4" y2="{height - 22}" stroke="var(--line)"/>'
        f'<text x="{x(v):.1f}" y="{height - 6}" text-anchor="middle">{v:g}</text>'
        for v in (low, (1 + low) / 2, 1.0)
    )
    drawn = "".join(
        f'<text x="{label - 8}" y="{step * i + 18}" text-anchor="end">{escape(name)}</text>'
        f'<line x1="{x(a):.1f}" x2="{x(b):.1f}" y1="{step * i + 14}" y2="{step * i + 14}" '
        'stroke="var(--accent)" stroke-width="2"/>'
        f'<circle cx="{x(mean):.1f}" cy="{step * i + 14}" r="4" fill="var(--accent)"/>'
        for i, (name, mean, a, b) in enumerate(rows)
    )
    return _frame(ticks + drawn, height=height)
