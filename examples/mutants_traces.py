"""Which tests execute which lines of the rooms, from one run under coverage.py, and which of them a mutant meets."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

from coverage import CoverageData

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("simulate", "analyze", "validation")


@dataclass(frozen=True, slots=True)
class Traces:
    """Which tests execute which lines.

    Attributes
    ----------
    lines : dict of str to dict of int to list of str
        By file and line: tests, those that do so in a fixture with ``|setup`` behind their name.
    seconds : dict of str to float
        What each test takes.
    files : dict of str to str
        By test file: checksum of its text when it was traced.
    """

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]
    files: dict[str, str]

    def stages(self, path: str, line: int, limit: float) -> list[tuple[list[str], int]]:
        """Tests that a line meets, and how many were left out: those that execute it, then those behind a fixture."""
        notes = {note for at in traced_lines(path, line) for note in self.lines.get(at[0], {}).get(at[1], ())}
        if not notes:
            # executed on import alone, as constants are: tests of anything in the file
            notes = {note for of_line in self.lines.get(path, {}).values() for note in of_line}
        direct = {note for note in notes if not note.endswith("|setup")}
        files = {note.partition("::")[0] for note in notes - direct}
        shared = {test for test in self.seconds if test.partition("::")[0] in files} - direct
        fresh = self.untraced(path)
        stages = [(fresh, len(fresh)), (self.quickest(direct, limit), len(direct))]
        stages.append((self.quickest(shared, limit / 2), len(shared)))
        return [(tests, count - len(tests)) for tests, count in stages if tests]

    def untraced(self, path: str) -> list[str]:
        """Quick tests of files that are newer than the traces, and executed the module then or name something in it."""
        traced = {note.partition("::")[0] for notes in self.lines.get(path, {}).values() for note in notes}
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        names = {Path(path).stem} | {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        names |= {t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if hasattr(t, "id")}
        tests = []
        own = ROOT / "tests" / Path(path).with_name(f"test_{Path(path).name}")
        files = (ROOT / "tests" / path.split("/")[0]).rglob("test_*.py")
        # the file of the module's own name first, then those beside it
        for file in sorted(files, key=lambda file: (file != own, file.parent != own.parent, file)):
            text, place = file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))
            named = place in traced or names & set(re.findall(r"\w+", text))
            if self.files.get(place) == checksum(file) or not named:
                continue
            functions = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
            quick = [name for name in functions if name.startswith("test_") and name not in needs_shared(place)]
            tests += [f"{place}::{name}" for name in quick]
        return tests

    def quickest(self, tests: set[str], limit: float) -> list[str]:
        """The quickest tests, as many as take no longer than a limit together, and one at least.

        Those that need no shared fixture come before all others: what such a fixture takes is told of one test alone.
        """
        needy = {file: needs_shared(file) for file in {test.partition("::")[0] for test in tests}}

        def rank(test: str) -> tuple[bool, float, str]:
            file, _, name = test.partition("::")
            return name.partition("[")[0] in needy[file], self.seconds.get(test, 0.0), test

        order = sorted(tests, key=rank)
        total, chosen = 0.0, []
        for test in order:
            total += self.seconds.get(test, 0.0)
            if chosen and total > limit:
                break
            chosen.append(test)
        return chosen


@cache
def needs_shared(file: str) -> frozenset[str]:
    """Names of tests and fixtures of a test file that need a fixture of a module or session, themselves included."""
    if not (ROOT / file).exists():
        return frozenset()
    folders = (folder for folder in Path(file).parents if (ROOT / folder / "conftest.py").exists())
    texts = [(ROOT / place).read_text(encoding="utf-8") for place in (file, *(f"{f}/conftest.py" for f in folders))]
    functions = [node for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    shared = {f.name for f in functions if any("scope=" in ast.unparse(mark) for mark in f.decorator_list)}
    while more := {f.name for f in functions if {a.arg for a in f.args.args} & shared} - shared:
        shared |= more
    return frozenset(shared)


def checksum(file: Path) -> str:
    """Of the text of a file."""
    return sha256(file.read_bytes()).hexdigest()


def traced_lines(path: str, line: int) -> list[tuple[str, int]]:
    """The line itself, or, where it is compiled, the lines of the room that call its function."""
    function = compiled_function(path, line)
    if function is None:
        return [(path, at) for at in statement(path, line)]
    calls, due, known = [], [function], {function}
    while due:
        name = due.pop()
        for place in sorted((ROOT / path.split("/")[0]).rglob("*.py")):
            text = place.read_text(encoding="utf-8")
            if name not in text:
                continue
            inside = str(place.relative_to(ROOT))
            for node in ast.walk(ast.parse(text)):
                if not (
                    isinstance(node, ast.Call)
                    and name in {getattr(node.func, "id", ""), getattr(node.func, "attr", "")}
                ):
                    continue
                caller = compiled_function(inside, node.lineno)
                if caller is None:
                    calls.append((inside, node.lineno))
                elif caller not in known:
                    known.add(caller)
                    due.append(caller)
    return calls


def statement(path: str, line: int) -> range:
    """Lines of the smallest statement that holds a line: of one that holds others, those of its head."""
    best = range(line, line + 1)
    size = None
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if not isinstance(node, ast.stmt) or not node.lineno <= line <= (node.end_lineno or node.lineno):
            continue
        inner = [child.lineno for child in getattr(node, "body", []) if isinstance(child, ast.stmt)]
        lines = range(node.lineno, (min(inner) if inner else (node.end_lineno or node.lineno) + 1))
        if line in lines and (size is None or len(lines) < size):
            best, size = lines, len(lines)
    return best


def compiled_function(path: str, line: int) -> str | None:
    """Name of the function that a line lies in if numba compiles it."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or node.lineno):
            marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
            if any(word in marks for word in ("njit", "vectorize", "stencil")):
                return node.name
    return None


def trace(folder: Path) -> Traces:
    """Run the tests of the rooms once in a copy of the checkout, and note what each executes."""
    log = folder / "durations.xml"
    command = [sys.executable, "-P", "-m", "pytest", "-q", "--randomly-dont-reorganize"]
    command += ["-m", "not slow and not campaign", f"--junitxml={log}", "--cov=installed/tsct"]
    command += ["--cov-context=test", "--cov-report=", *(f"tests/{room}" for room in ROOMS)]
    subprocess.run(command, cwd=folder, env=os.environ | environment(folder, folder / "compiled"), check=False)
    data = CoverageData(str(folder / ".coverage"))
    data.read()
    lines: dict[str, dict[int, list[str]]] = {}
    for file in data.measured_files():
        path = str(Path(file).relative_to(folder / "installed" / "tsct"))
        room = path.split("/")[0]
        if room not in ROOMS:
            continue
        own = {
            line: sorted(
                {
                    note.removesuffix("|run").removesuffix("|teardown")
                    for note in notes
                    if note.startswith(f"tests/{room}/")
                }
            )
            for line, notes in data.contexts_by_lineno(file).items()
        }
        lines[path] = {line: notes for line, notes in own.items() if notes}
    files = [file for room in ROOMS for file in (ROOT / "tests" / room).rglob("test_*.py")]
    return Traces(lines, test_seconds(log), {str(file.relative_to(ROOT)): checksum(file) for file in files})


def test_seconds(log: Path) -> dict[str, float]:
    """What each test took, by its node id."""
    seconds = {}
    for case in ElementTree.parse(log).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            raise SystemExit(f"{case.get('classname')}::{case.get('name')} fails without any mutant; mend it first")
        # a class name is the path of the file with dots, and no test lies in a class
        file = case.get("classname", "").replace(".", "/") + ".py"
        seconds[f"{file}::{case.get('name')}"] = float(case.get("time", 0.0))
    return seconds


def environment(folder: Path, numba_cache: Path) -> dict[str, str]:
    """Variables with which the copy in a folder is tested."""
    variables = {"PYTHONPATH": str(folder / "installed"), "NUMBA_CACHE_DIR": str(numba_cache), "MPLBACKEND": "agg"}
    return variables | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def copy_tree(target: Path) -> Path:
    """The checkout without what git ignores, laid out as installed beside it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    for room in ("tsct", "records", "phantoms", "simulate", "analyze", "validation", "apps"):
        place = target / "installed" / "tsct" / ("" if room == "tsct" else room)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(target / room, place, dirs_exist_ok=True)
    return target


def load_traces(path: Path) -> Traces:
    """Traces kept in `path`, or new ones; delete them when much of the code has changed."""
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(json.dumps(asdict(trace(copy_tree(Path(folder))))), encoding="utf-8")
    kept = json.loads(path.read_text(encoding="utf-8"))
    lines = {file: {int(line): notes for line, notes in of_file.items()} for file, of_file in kept["lines"].items()}
    return Traces(lines, kept["seconds"], kept["files"])
