"""Just enough SVG for the plots of a report: text, lines, boxes, and a plane with axes. Nothing to install."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

INK, PALE, GRID = "#1f2933", "#52606d", "#d9e2ec"
# Told apart by people who see colours differently, too.
COLOURS = ("#0b6e99", "#c1121f", "#5b8c5a", "#7a4ea3")
FONT = "font-family='Helvetica, Arial, sans-serif'"


@dataclass
class Drawing:
    """A white sheet of `width` x `height` pixels; y grows downwards."""

    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, *, size: int = 12, anchor: str = "middle", ink: str = INK) -> None:
        """Words at a point; `anchor` start, middle or end."""
        self.parts.append(
            f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='{ink}' {FONT}>"
            f"{escape(words)}</text>"
        )

    def box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled box from its upper left corner."""
        self.parts.append(f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' fill='{fill}'/>")

    def line(
        self, points: Sequence[tuple[float, float]], ink: str, *, width: float = 1.0, dashed: bool = False
    ) -> None:
        """A line through points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashes = " stroke-dasharray='4 4'" if dashed else ""
        self.parts.append(f"<polyline points='{path}' fill='none' stroke='{ink}' stroke-width='{width}'{dashes}/>")

    def dot(self, x: float, y: float, ink: str, radius: float = 3.5) -> None:
        """A filled circle."""
        self.parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{radius:.1f}' fill='{ink}'/>")

    def render(self) -> str:
        """The file's text."""
        return (
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{self.width}' height='{self.height}' "
            f"viewBox='0 0 {self.width} {self.height}'>\n<rect width='100%' height='100%' fill='white'/>\n"
            + "\n".join(self.parts)
            + "\n</svg>\n"
        )


@dataclass(frozen=True)
class Plane:
    """A rectangle of a drawing (pixels) that shows x and y from `low` to `high`."""

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point; points outside are moved to the border."""
        return (
            self.left + self.width * _share(x, self.x_range),
            self.top + self.height * (1.0 - _share(y, self.y_range)),
        )

    def axes(self, drawing: Drawing, *, title: str = "", x_name: str = "", y_name: str = "", ticks: int = 5) -> None:
        """Grid, numbers and names."""
        for step in range(ticks + 1):
            x = self.x_range[0] + (self.x_range[1] - self.x_range[0]) * step / ticks
            y = self.y_range[0] + (self.y_range[1] - self.y_range[0]) * step / ticks
            drawing.line([self.at(x, self.y_range[0]), self.at(x, self.y_range[1])], GRID)
            drawing.line([self.at(self.x_range[0], y), self.at(self.x_range[1], y)], GRID)
            drawing.text(self.at(x, 0)[0], self.top + self.height + 15, f"{x:.2g}", size=10, ink=PALE)
            drawing.text(self.left - 5, self.at(0, y)[1] + 4, f"{y:.2g}", size=10, anchor="end", ink=PALE)
        if title:
            drawing.text(self.left + self.width / 2, self.top - 8, title, size=13)
        if x_name:
            drawing.text(self.left + self.width / 2, self.top + self.height + 31, x_name, size=11, ink=PALE)
        if y_name:
            drawing.text(self.left - 5, self.top - 8, y_name, size=11, anchor="start", ink=PALE)


def _share(value: float, limits: tuple[float, float]) -> float:
    return min(max((value - limits[0]) / (limits[1] - limits[0]), 0.0), 1.0)
