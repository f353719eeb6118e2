"""The precision-recall curve as a picture, without any library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from stream_processors.identity.evaluation import Point, best

WIDTH, HEIGHT, EDGE = 640, 480, 56
LEAST = 0.5
"""Where both axes begin: below, nothing is of interest."""


def draw(path: Path, title: str, points: Sequence[Point]) -> None:
    """Write an SVG."""
    path.write_text("\n".join(_svg(title, points)), "utf-8")


def _svg(title: str, points: Sequence[Point]) -> list[str]:
    top = best(points)
    line = " ".join(f"{_x(p.recall):.1f},{_y(p.precision):.1f}" for p in points if min(p.recall, p.precision) >= LEAST)
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{EDGE}" y="24" font-size="15">{escape(title)}</text>',
        *_axes(),
        f'<polyline points="{line}" fill="none" stroke="#0b5fa5" stroke-width="2"/>',
        f'<circle cx="{_x(top.recall):.1f}" cy="{_y(top.precision):.1f}" r="4" fill="#c0392b"/>',
        f'<text x="{EDGE + 10}" y="{HEIGHT - EDGE - 10}">F1 {top.f1:.4f} · precision {top.precision:.4f} · recall {top.recall:.4f}</text>',
        "</svg>",
    ]


def _axes() -> list[str]:
    lines = []
    for step in range(11):
        share = LEAST + step * (1 - LEAST) / 10
        x, y = _x(share), _y(share)
        lines += [
            f'<path d="M{x:.1f} {_y(LEAST):.1f}V{_y(1):.1f}M{_x(LEAST):.1f} {y:.1f}H{_x(1):.1f}" stroke="#ddd" fill="none"/>',
            f'<text x="{x:.1f}" y="{_y(LEAST) + 16:.1f}" text-anchor="middle">{share:.2f}</text>',
            f'<text x="{EDGE - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.2f}</text>',
        ]
    return [
        *lines,
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">recall</text>',
        f'<text x="16" y="{HEIGHT / 2}" transform="rotate(-90 16 {HEIGHT / 2})" text-anchor="middle">precision</text>',
    ]


def _x(share: float) -> float:
    return EDGE + (share - LEAST) / (1 - LEAST) * (WIDTH - 2 * EDGE)


def _y(share: float) -> float:
    return HEIGHT - EDGE - (share - LEAST) / (1 - LEAST) * (HEIGHT - 2 * EDGE)
