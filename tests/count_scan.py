"""Count the functions that take a whole scan, and the calls that pass one on, on the way from ``chain()``.

``python tests/count_scan.py [FOLDER]`` prints them for the files of a copy of ``analyze/``. A call passes a scan on if
it calls a function that takes one, by whatever name the scan goes there, or if an argument is ``scan`` itself or a
selection such as ``scan.isel(...)``; reading a quantity from it does not count. Every function that is named in one
that is reached counts as reached.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ANALYZE = Path(__file__).resolve().parents[1] / "analyze"
#: methods whose result is a scan as well
SELECTIONS = {"isel", "sel", "copy", "assign", "assign_attrs", "assign_coords", "expand_dims", "transpose"}


class Place(NamedTuple):
    """A function that takes a scan, or a call that passes one on."""

    file: str
    line: int
    text: str


def count(folder: Path = ANALYZE, start: str = "chain") -> tuple[list[Place], list[Place]]:
    """Functions with a parameter ``scan`` that are reached from `start`, and calls in reached ones that pass it on."""
    reached = list(_reached(_functions(folder), start))
    takers = {function.name for _, function in reached if "scan" in _parameters(function)}
    takes, passes = [], []
    for file, function in reached:
        if "scan" in _parameters(function):
            takes.append(Place(file, function.lineno, f"def {function.name}"))
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
            to_taker = isinstance(call.func, ast.Name) and call.func.id in takers
            if to_taker or any(_is_scan(argument) for argument in arguments):
                passes.append(Place(file, call.lineno, ast.unparse(call)))
    return takes, passes


def _functions(folder: Path) -> dict[str, list[tuple[str, ast.FunctionDef]]]:
    functions: dict[str, list[tuple[str, ast.FunctionDef]]] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                functions.setdefault(node.name, []).append((str(path.relative_to(folder)), node))
    return functions


def _reached(
    functions: dict[str, list[tuple[str, ast.FunctionDef]]], start: str
) -> Iterator[tuple[str, ast.FunctionDef]]:
    waiting, reached = [start], set()
    while waiting:
        name = waiting.pop()
        if name in reached or name not in functions:
            continue
        reached.add(name)
        for file, function in functions[name]:
            yield file, function
            waiting += [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
            waiting += [node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)]


def _parameters(function: ast.FunctionDef) -> set[str]:
    arguments = function.args
    return {argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def _is_scan(node: ast.expr) -> bool:
    """Whether an argument is the scan itself, or a selection from it."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SELECTIONS:
        return _is_scan(node.func.value)
    return isinstance(node, ast.Name) and node.id == "scan"


if __name__ == "__main__":
    takes, passes = count(*map(Path, sys.argv[1:2]))
    for place in (*takes, *passes):
        print(f"{place.file}:{place.line}: {place.text}")
    files = {place.file for place in (*takes, *passes)}
    print(f"{len(takes)} functions take a scan, {len(passes)} calls pass one on; in {len(files)} files")
