"""The rooms, their sub-packages and who imports whom, from the imports themselves: docs/pictures/architecture.png.

    python examples/draw_architecture.py [FILE]

An arrow says that one sub-package imports from another. Between rooms only arrows from room to room are drawn, and of
all arrows only those that do not follow from others.
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("apps", "validation", "analyze", "simulate", "phantoms", "records")
Graph = dict[str, set[str]]


def module_of(path: Path) -> str:
    """The dotted name by which a file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("tsct", *(part for part in parts if part != "__init__")))


def run_time_imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Module and name of every import of ours, those for types only left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    here = module_of(path).split(".")
    if path.stem != "__init__":
        here = here[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, None) for name in node.names if name.name.startswith("tsct."))
        elif isinstance(node, ast.ImportFrom):
            module = (
                ".".join((*here[: len(here) + 1 - node.level], *filter(None, [node.module])))
                if node.level
                else node.module
            )
            if module and module.startswith("tsct"):
                yield from ((module, name.name) for name in node.names)


def exports(package: str) -> dict[str, str]:
    """Where the names that a package exports lazily are defined."""
    stub = ROOT.joinpath(*package.split(".")[1:], "__init__.pyi")
    if package == "tsct" or not stub.is_file():
        return {}
    lines = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom)]
    return {name.name: f"{package}.{line.module or name.name}" for line in lines for name in line.names}


def box_of(module: str) -> str:
    """The box that a module is drawn in: its sub-package, or itself where it stands beside sub-packages."""
    return ".".join(module.split(".")[1:3])


def imported_module(module: str, name: str | None) -> str:
    """The module that an import reaches, through the exports of packages where it passes them."""
    if name is None:
        return module
    if (definition := exports(module).get(name)) is not None:
        return definition
    submodule = f"{module}.{name}"
    path = ROOT.joinpath(*submodule.split(".")[1:])
    return submodule if path.is_dir() or path.with_suffix(".py").is_file() else module


def import_graph() -> Graph:
    """For every box the boxes that it imports from."""
    graph: Graph = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            box = box_of(module_of(path))
            if "." not in box:  # the door of a room, which only exports
                continue
            found = graph.setdefault(box, set())
            found |= {box_of(imported_module(*item)) for item in run_time_imports(path)} - {box}
    return graph


def reduced(graph: Graph) -> Graph:
    """Without the arrows that follow from others; the graph must have no circle."""
    reach: Graph = {}
    for box in TopologicalSorter(graph).static_order():
        reach[box] = set().union(*({other} | reach[other] for other in graph.get(box, ())))
    return {
        box: {other for other in others if not any(other in reach[third] for third in others)}
        for box, others in graph.items()
    }


def rows_of(graph: Graph) -> list[list[str]]:
    """Boxes in rows, each just below the lowest that imports from it."""
    importers = {box: {other for other, others in graph.items() if box in others} for box in graph}
    sorter, rows = TopologicalSorter(importers), []
    sorter.prepare()
    while sorter.is_active():
        row = sorted(sorter.get_ready())
        rows.append(row)
        sorter.done(*row)
    return rows


def between_rooms(graph: Graph) -> Graph:
    """The same from room to room."""
    rooms: Graph = {room: set() for room in ROOMS}
    for box, others in graph.items():
        rooms[box.split(".")[0]] |= {other.split(".")[0] for other in others} - {box.split(".")[0]}
    return rooms


# left, bottom, width, height of every room in the picture
PANELS = {
    "apps": (0.0, 11.3, 12.0, 2.0),
    "validation": (0.0, 7.4, 12.0, 3.3),
    "analyze": (0.0, 1.4, 5.6, 5.4),
    "simulate": (6.4, 3.9, 5.6, 2.9),
    "phantoms": (6.4, 1.4, 5.6, 1.9),
    "records": (0.0, -0.2, 12.0, 1.0),
}
# what passes from room to room as data: from, to, name, x
FLOWS = (("simulate", "validation", "truth", 11.0), ("analyze", "validation", "recovered", 1.0))
INK, FAINT, DATA = "#222222", "#9aa5b1", "#b3541e"


def draw_room(axes: Axes, room: str, graph: Graph) -> None:
    """One panel with its boxes in rows and the arrows between them."""
    left, bottom, width, height = PANELS[room]
    axes.add_patch(Rectangle((left, bottom), width, height, fc="#f4f1ea", ec=FAINT, lw=0.8))
    axes.text(left + 0.12, bottom + height - 0.1, room, weight="bold", size=11, va="top", color=INK)
    inside = {box: {other for other in others if other.startswith(f"{room}.")} for box, others in graph.items()}
    inside = {box: others for box, others in inside.items() if box.startswith(f"{room}.")}
    rows = rows_of(inside)
    if room == "records":  # its files import each other a little; one line shows them all
        rows = [sorted(inside)]
    boxes = {}
    style = {"boxstyle": "round,pad=0.28", "fc": "white", "ec": FAINT, "lw": 0.8}
    for level, row in enumerate(rows):
        y = bottom + height - 0.1 - (height - 0.2) * (level + 0.5) / len(rows)
        first = left + (1.3 if level == 0 else 0.0)
        for column, box in enumerate(row):
            # a box alone stands a little aside, clear of arrows that pass it
            x = first + (left + width - first) * ((column + 0.5) / len(row) if len(row) > 1 else 0.57)
            name = box.split(".")[1]
            boxes[box] = axes.text(x, y, name, ha="center", va="center", size=8.5, color=INK, bbox=style, zorder=2)
    for box, others in () if len(rows) == 1 else reduced(inside).items():
        for other in others:
            ends = {"patchA": boxes[box].get_bbox_patch(), "patchB": boxes[other].get_bbox_patch()}
            arrow = {"arrowstyle": "-|>", "color": INK, "lw": 0.7, "mutation_scale": 8, "shrinkA": 0, "shrinkB": 1}
            axes.annotate("", boxes[other].get_position(), boxes[box].get_position(), arrowprops=arrow | ends, zorder=3)


def edge_between(one: str, other: str) -> tuple[float, float, float]:
    """Where an arrow from a room to one below it starts and ends: x, upper y, lower y."""
    left, bottom, width, _ = PANELS[one]
    other_left, other_bottom, other_width, other_height = PANELS[other]
    x = (max(left, other_left) + min(left + width, other_left + other_width)) / 2
    return x, bottom, other_bottom + other_height


def draw(graph: Graph, target: Path) -> None:
    """Rooms, boxes, arrows and what flows as data."""
    figure = Figure(figsize=(10, 11.2))
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.set(xlim=(-0.1, 12.1), ylim=(-0.4, 13.5))
    axes.axis("off")
    for room in ROOMS:
        draw_room(axes, room, graph)
    style = {"arrowstyle": "-|>", "color": INK, "lw": 2.2, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 13}
    for room, others in reduced(between_rooms(graph)).items():
        for other in others:
            x, top, bottom = edge_between(room, other)
            axes.annotate("", (x, bottom), (x, top), arrowprops=style)
    style = {
        "arrowstyle": "-|>",
        "color": DATA,
        "lw": 1.4,
        "ls": "--",
        "shrinkA": 0,
        "shrinkB": 0,
        "mutation_scale": 11,
    }
    for source, sink, name, x in FLOWS:
        _, top, bottom = edge_between(sink, source)
        axes.annotate("", (x, top), (x, bottom), arrowprops=style)
        axes.text(x + 0.1, (top + bottom) / 2, name, size=8.5, color=DATA, va="center", style="italic")
    axes.annotate("", (5.6, 5.3), (6.4, 5.3), arrowprops=style)
    axes.text(6.0, 5.42, "scan", size=8.5, color=DATA, ha="center", style="italic")
    axes.plot([6.0, 6.0], [1.4, 5.0], color="#a02020", lw=3)
    axes.text(5.86, 3.2, "no import", size=8, color="#a02020", rotation=90, ha="center", va="center")
    figure.savefig(target, dpi=130)


if __name__ == "__main__":
    draw(import_graph(), Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures" / "architecture.png")
