"""The plots of a report, each a file of SVG made from the figures alone."""

from collections.abc import Mapping
from typing import Any

from tocsin_classify.training.figures import OTHERS, language_of
from tocsin_classify.training.svg import COLOURS, GRID, INK, PALE, Drawing, Plane


def draw_plots(figures: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """File name -> SVG. `names` gives the topics' names; what has no figures has no plot."""
    plots = {
        "confusion.svg": confusion(figures["confusion"]),
        "reliability.svg": reliability(figures["reliability"]),
        "abstention.svg": abstention(figures["abstention"]["curves"]),
    }
    curves = {code: entry for code, entry in figures["topics"].items() if entry.get("curve")}
    if curves:
        plots["topics.svg"] = precision_recall(curves, names)
    languages = {name: group for name, group in figures["groups"].items() if name == OTHERS or language_of(name)}
    if languages:
        plots["languages.svg"] = languages_qwk(languages)
    return plots


def confusion(tables: Mapping[str, Any]) -> str:
    """Counts of true level by said level, shaded by their share of the row, one table a group."""
    cell, gap = 44, 60
    drawing = Drawing(gap + max(len(tables), 1) * (6 * cell + gap), 6 * cell + 110)
    for number, (name, table) in enumerate(tables.items()):
        left, top = gap + number * (6 * cell + gap), 50
        drawing.text(left + 3 * cell, 20, name, size=13)
        drawing.text(left + 3 * cell, top + 6 * cell + 34, "said level", size=11, ink=PALE)
        drawing.text(left - 28, top - 8, "true", size=11, ink=PALE)
        for true, row in enumerate(table):
            drawing.text(left - 14, top + true * cell + cell / 2 + 4, str(true), ink=PALE)
            drawing.text(left + true * cell + cell / 2, top + 6 * cell + 16, str(true), ink=PALE)
            for said, count in enumerate(row):
                share = count / max(sum(row), 1)
                drawing.box(left + said * cell, top + true * cell, cell - 1, cell - 1, _shade(share))
                ink = "white" if share > 0.55 else INK
                drawing.text(left + said * cell + cell / 2, top + true * cell + cell / 2 + 4, str(count), ink=ink)
    return drawing.render()


def _shade(share: float) -> str:
    light, dark = (240, 244, 248), (11, 110, 153)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(light, dark, strict=True))


def reliability(groups: Mapping[str, Any]) -> str:
    """Accuracy against confidence, by bin; a dot's size shows how many items it stands for."""
    side = 260
    drawing = Drawing(60 + max(len(groups), 1) * (side + 60), side + 100)
    for number, (name, bins) in enumerate(groups.items()):
        plane = Plane(60 + number * (side + 60), 40, side, side)
        plane.axes(drawing, title=name, x_name="confidence of the level (dots: share that is right)")
        drawing.line([plane.at(0, 0), plane.at(1, 1)], PALE, dashed=True)
        points = [plane.at(one["confidence"], one["accuracy"]) for one in bins]
        drawing.line(points, COLOURS[0], width=1.5)
        most = max((one["items"] for one in bins), default=1)
        for point, one in zip(points, bins, strict=True):
            drawing.dot(*point, COLOURS[0], 2.0 + 6.0 * (one["items"] / most) ** 0.5)
    return drawing.render()


def abstention(curves: Mapping[str, Any]) -> str:
    """Exact level of those that remain against the share that abstains."""
    drawing = Drawing(560, 380)
    last = max((point["abstained"] for curve in curves.values() for point in curve), default=0.7)
    plane = Plane(60, 40, 460, 270, (0.0, last), (0.5, 1.0))
    plane.axes(drawing, x_name="share of the least confident that abstains", y_name="exact level of the rest")
    drawing.line([plane.at(0.15, 0.5), plane.at(0.15, 1.0)], PALE, dashed=True)
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        drawing.line([plane.at(one["abstained"], one["level_exact"]) for one in curve], colour, width=2)
        drawing.text(90 + 160 * number, 370, name, anchor="start", ink=colour)
    return drawing.render()


def precision_recall(topics: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """One small plane a topic: precision upwards, recall to the right; the dot is the threshold in use."""
    side, wide, across = 120, 190, 5
    rows = -(-len(topics) // across)
    drawing = Drawing(20 + across * wide, 20 + rows * (side + 70))
    for number, (code, entry) in enumerate(topics.items()):
        plane = Plane(45 + (number % across) * wide, 40 + (number // across) * (side + 70), side, side)
        plane.axes(drawing, ticks=2)
        name = names.get(code, code)
        drawing.text(plane.left + side / 2, plane.top - 18, name if len(name) <= 28 else name[:27] + "…", size=10)
        note = f"AP {entry['average_precision']:.2f}, {entry['true']} true"
        drawing.text(plane.left + side / 2, plane.top - 5, note, size=9, ink=PALE)
        drawing.line([plane.at(recall, precision) for recall, precision in entry["curve"]], COLOURS[0], width=1.5)
        if entry["precision"] is not None and entry["recall"] is not None:
            drawing.dot(*plane.at(entry["recall"], entry["precision"]), COLOURS[1])
    return drawing.render()


def languages_qwk(groups: Mapping[str, Any]) -> str:
    """QWK of the level with its interval, a language a line."""
    drawing = Drawing(640, 70 + 26 * len(groups))
    plane = Plane(170, 30, 400, 26 * len(groups), (0.0, 1.0), (0.0, float(len(groups))))
    for step in range(6):
        drawing.line([plane.at(step / 5, 0), plane.at(step / 5, len(groups))], GRID)
        drawing.text(plane.at(step / 5, 0)[0], plane.top + plane.height + 16, f"{step / 5:.1f}", size=10, ink=PALE)
    drawing.text(370, 18, "QWK of the level, with 95 % intervals", size=13)
    for number, (name, group) in enumerate(groups.items()):
        figure, row = group["figures"]["level_qwk"], len(groups) - number - 0.5
        drawing.text(160, plane.at(0, row)[1] + 4, f"{name} ({group['items']})", anchor="end", size=11)
        if figure["value"] is None:
            continue
        if figure["low"] is not None:
            drawing.line([plane.at(figure["low"], row), plane.at(figure["high"], row)], COLOURS[0], width=2)
        drawing.dot(*plane.at(figure["value"], row), COLOURS[0])
    return drawing.render()
