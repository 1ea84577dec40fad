"""Lines of an SVG path, and its numbers."""

from __future__ import annotations

from collections.abc import Iterable

Point = tuple[float, float]


def n(value: float) -> str:
    """One decimal, none where it is zero: 12.5, 7."""
    return f"{value:.1f}".removesuffix(".0")


def line(points: Iterable[Point | None]) -> str:
    """The `d` of a path through the points; None is a gap, and a point alone is a short dash."""
    every = list(points)
    out, pen = "", False
    for i, point in enumerate(every):
        if point is not None:
            alone = not pen and (i + 1 == len(every) or every[i + 1] is None)
            out += f"{'L' if pen else 'M'}{n(point[0])} {n(point[1])}" + ("h.1" if alone else "")
        pen = point is not None
    return out


def polyline(points: Iterable[Point]) -> str:
    """The `points` of a polyline."""
    return " ".join(f"{n(x)},{n(y)}" for x, y in points)
