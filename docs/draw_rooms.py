"""Draw docs/pictures/rooms.svg from the import graph: `python docs/draw_rooms.py`. tests/docs compares it with the file.

A row is a room; an arc on the right says that the upper room imports the lower one, wider where more of its modules
do. An arc in red would be an import that points upwards: import-linter refuses it, and so the picture has none.
"""

from __future__ import annotations

import sys
from collections import Counter
from html import escape
from pathlib import Path

import grimp

PACKAGE = "busta_health_dagster"
PICTURE = Path(__file__).parent / "pictures" / "rooms.svg"
ROW, WIDTH, LEFT = 26, 980, 330
FACES = ("definitions", "integration", "gate", "demo", "cli", "defs", "web", "bootstrap")
PIPELINE = (
    "facade",
    "tick",
    "views",
    "dagster_events",
    "reporting",
    "imports",
    "backtest",
    "quality",
    "drill",
    "delivery",
    "alerting",
    "gate",
    "service_levels",
    "anomaly",
    "observing",
    "maintenance",
    "app",
)
GROUND = (
    "store",
    "probes",
    "channels",
    "quality",
    "framework",
    "settings",
    "reports",
    "engines",
    "domain",
    "svg",
    "wording",
)
ROOMS = (*FACES, *(f"pipeline.{room}" for room in PIPELINE), *GROUND)


def room_of(module: str) -> str | None:
    """The room of a module of ours, by the longest name that fits."""
    inside = module.removeprefix(PACKAGE).lstrip(".")
    fitting = [room for room in ROOMS if inside == room or inside.startswith(f"{room}.")]
    return max(fitting, key=len, default=None)


def edges() -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """How many modules of one room import another one, and how many modules a room has."""
    graph = grimp.build_graph(PACKAGE)
    found: Counter[tuple[str, str]] = Counter()
    sizes: Counter[str] = Counter()
    for module in graph.modules:
        here = room_of(module)
        if here is None:
            continue
        sizes[here] += 1
        there = {room_of(other) for other in graph.find_modules_directly_imported_by(module)}
        found.update((here, room) for room in there if room is not None and room != here)
    return found, sizes


def draw() -> str:
    """The picture as SVG, the same text for the same graph."""
    found, sizes = edges()
    y = {
        room: 30 + ROW * i + (18 if room.startswith("pipeline.") else 36 if room in GROUND else 0)
        for i, room in enumerate(ROOMS)
    }
    height = max(y.values()) + 40
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="24" y="18" fill="#555">room (modules)</text>',
        f'<text x="{LEFT + 20}" y="18" fill="#555">an arc: the upper room imports the lower one; wider: more of its modules do</text>',
    ]
    for (here, there), n in sorted(found.items()):
        a, b = y[here], y[there]
        reach = LEFT + 24 + min(abs(b - a) * 0.72, WIDTH - LEFT - 60)
        colour = (
            "#c0392b"
            if b < a
            else "#3b6ea5"
            if here.startswith("pipeline.") and there.startswith("pipeline.")
            else "#b9c3cf"
        )
        out.append(
            f'<path d="M{LEFT} {a} C{reach:.0f} {a} {reach:.0f} {b} {LEFT} {b}" fill="none" stroke="{colour}" '
            f'stroke-width="{min(0.6 + n * 0.22, 4):.1f}" opacity="0.7"><title>{here} imports {there}: {n} modules</title></path>'
        )
    for room in ROOMS:
        inner = room.startswith("pipeline.")
        x, fill = (64, "#e8f0f8") if inner else (24, "#f3f3ef")
        out += [
            f'<rect x="{x}" y="{y[room] - 11}" width="{LEFT - x}" height="22" rx="4" fill="{fill}" stroke="#c9cfd6"/>',
            f'<text x="{x + 10}" y="{y[room] + 4}" fill="#1c2733">{escape(room)} ({sizes[room]})</text>',
        ]
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")
