"""How much the tests notice: small mutations of the code, each run against the tests of its own room.

A sample of mutants, drawn with a seed, is made by the operators of cosmic-ray. First the tests of the rooms run once
under coverage.py, which notes the lines that each test executes. Then each mutant is put into a copy of the checkout
and meets the tests of its room that execute its line, the quickest first, until one fails (the mutant is killed) or
none does (it survives). Compiled code is not traced: a mutant in it meets the tests that call it. Slow tests are left
out. Time is counted in seconds of the processor, so a busy machine changes nothing. The record is resumable: what it
holds already is not run again, and `--again` runs its survivors anew.

    python examples/mutants.py --mutants 200 --seed 1 -o mutants.jsonl [--again]
    python examples/mutants.py -o mutants.jsonl --page docs/mutants.md

needs ``pip install cosmic-ray pytest-cov`` beside the test extra, and a system that can fork.
"""

import argparse
import ast
import difflib
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from coverage import CoverageData
from mutants_page import judgements, key, page

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("simulate", "analyze", "validation")
#: pictures: where a label stands or which colour a line has is for the eye, and no test of a room holds it. What a
#: picture shows is computed elsewhere, in modules that are drawn
PICTURES = "validation/report/figures"
#: one change each of the kinds that slip in unnoticed: signs, factors, exponents, limits, numbers, branches
OPERATORS = (
    *(f"core/ReplaceBinaryOperator_{change}" for change in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul")),
    *(f"core/ReplaceComparisonOperator_{change}" for change in ("Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt", "Eq_NotEq")),
    *(f"core/{name}" for name in ("ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not")),
    *(f"core/{name}" for name in ("ReplaceAndWithOr", "ReplaceOrWithAnd", "NumberReplacer")),
)
#: what the tests that execute a line may take together; half of it those that only share a fixture that does
SECONDS = 16.0
#: processor time that a run gets beyond three times what its tests took when they were traced
SPARE_SECONDS = 30
#: libraries loaded once, before each run is forked; nothing of the package itself
LIBRARIES = ("h5py", "matplotlib.pyplot", "numba", "pytest", "scipy.optimize", "scipy.sparse.linalg", "scipy.stats")
LIBRARIES += ("scipy.ndimage", "scipy.signal", "scipy.interpolate", "xarray")
#: exit status of pytest that was asked wrongly, and where no test is collected
USAGE, NO_TESTS = 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one file: the `occurrence`-th place where an operator of cosmic-ray applies."""

    path: str
    operator: str
    occurrence: int


def candidates() -> list[Mutant]:
    """Every mutant of the rooms, in a fixed order."""
    paths = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if path.name != "__init__.py")
    paths = [path for path in paths if not path.is_relative_to(ROOT / PICTURES)]
    mutants = []
    for path in paths:
        nodes = list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
        for name in OPERATORS:
            operator = get_operator(name)()
            count = sum(len(list(operator.mutation_positions(node))) for node in nodes)
            # each number has two mutants, one more and one less: one is enough, or numbers would crowd out the rest
            step = 2 if name == "core/NumberReplacer" else 1
            which = range(0, count, step)
            mutants += [Mutant(path=str(path.relative_to(ROOT)), operator=name, occurrence=k) for k in which]
    return mutants


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
        """Quick tests of files of the room that are newer than the traces and name the module or something in it."""
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
            if self.files.get(place) == checksum(file) or not names & set(re.findall(r"\w+", text)):
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


@dataclass(frozen=True, slots=True)
class Tree:
    """A copy of the checkout."""

    folder: Path

    def run(self, tests: list[str], seconds: float, numba_cache: Path) -> tuple[int | None, str, float]:
        """Exit status of pytest, None if it took too long; the first test that failed; processor seconds taken."""
        listed, log = self.folder / "tests.txt", self.folder / "log.txt"
        listed.write_text("\n".join(tests), encoding="utf-8")
        child = os.fork()
        if not child:
            self.become_pytest(listed, log, int(seconds), numba_cache)
        status, usage = ended(child, 20 * seconds)
        text = log.read_text(encoding="utf-8", errors="replace")
        taken = usage.ru_utime + usage.ru_stime
        if os.WIFSIGNALED(status):
            late = os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
            return (None, "", taken) if late else (os.WTERMSIG(status), "", taken)
        code = os.WEXITSTATUS(status)
        gone = set(re.findall(r"(tests/\S+::\S+)", text)) & set(tests)
        if code == USAGE and gone:
            return self.run([test for test in tests if test not in gone], seconds, numba_cache)
        if code == USAGE:
            raise SystemExit(text)
        failed = re.findall(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", text, re.MULTILINE)
        return code, failed[0] if failed else "", taken

    def become_pytest(self, listed: Path, log: Path, seconds: int, numba_cache: Path) -> None:
        """In a forked process: run the tests of a list and leave with their exit status."""
        code = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.folder)
            os.environ |= environment(self.folder, numba_cache)
            importlib.import_module("numba").config.CACHE_DIR = str(numba_cache)
            sys.dont_write_bytecode = True
            sys.path.insert(0, str(self.folder / "installed"))
            options = [
                "-m",
                "not slow and not campaign",
                "-x",
                "-q",
                "-rfE",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:cov",
                "--randomly-dont-reorganize",
            ]
            code = int(importlib.import_module("pytest").main([*options, f"@{listed}"]))
            sys.stdout.flush()
        finally:
            os._exit(code)


def ended(child: int, seconds: float) -> tuple[int, resource.struct_rusage]:
    """Status and use of a child that has ended, by itself or after a limit on the clock, for those that sleep."""
    limit = time.monotonic() + seconds
    while True:
        process, status, usage = os.wait4(child, os.WNOHANG)
        if process:
            return status, usage
        if time.monotonic() > limit:
            os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, usage
        time.sleep(0.05)


def outcome(mutant: Mutant, tree: Tree, traces: Traces, longest: float) -> dict:
    """Put a mutant into a copy and run the stages until one fails; the file is restored."""
    file = tree.folder / "installed" / "tsct" / mutant.path
    source = file.read_text(encoding="utf-8")
    changed = mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence) or source
    diff = list(difflib.unified_diff(source.splitlines(), changed.splitlines(), lineterm="", n=0))[2:]
    line = int(re.match(r"@@ -(\d+)", diff[0]).group(1))
    compiled = compiled_function(mutant.path, line) is not None
    killer, met, missed, taken = "", 0, 0, 0.0
    for tests, left_out in traces.stages(mutant.path, line, longest):
        limit = 3 * sum(traces.seconds.get(test, 0.0) for test in tests) + SPARE_SECONDS
        status, test, seconds = with_text(tree, file, changed, compiled, tests, limit)
        met, missed, taken = met + len(tests), missed + left_out, taken + seconds
        if status is None:
            # without the mutant the same tests must end in half the time, or nothing is said
            status, _, seconds = with_text(tree, file, source, compiled, tests, limit / 2)
            missed += len(tests) * (status is None)
            status, test = (status, "") if status is None else (1, "a limit of time")
        if status not in (0, None, NO_TESTS):
            killer = test or tests[0]
            break
    return {
        **asdict(mutant),
        "line": line,
        "diff": diff,
        "killed_by": killer,
        "tests": met,
        "left_out": missed,
        "cpu_seconds": round(taken, 1),
    }


def with_text(
    tree: Tree, file: Path, text: str, compiled: bool, tests: list[str], seconds: float
) -> tuple[int | None, str, float]:
    """Run tests with another text in a file; all of them passed with its own."""
    source, stamp = file.read_bytes(), file.stat()
    file.write_text(text, encoding="utf-8")
    # compiled callers hold what they call: a change of compiled code starts from nothing
    with tempfile.TemporaryDirectory() as fresh:
        try:
            return tree.run(tests, seconds, Path(fresh) if compiled else tree.folder / "compiled")
        finally:
            file.write_bytes(source)
            os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def load_traces(path: Path) -> Traces:
    """Traces kept in `path`, or new ones; delete them when much of the code has changed."""
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(json.dumps(asdict(trace(copy_tree(Path(folder))))), encoding="utf-8")
    kept = json.loads(path.read_text(encoding="utf-8"))
    lines = {file: {int(line): notes for line, notes in of_file.items()} for file, of_file in kept["lines"].items()}
    return Traces(lines, kept["seconds"], kept["files"])


def records(path: Path) -> list[dict]:
    """Rows of a record, none if it does not exist."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def main() -> None:
    """Run what is not in the record yet, or its survivors anew, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--seconds", type=float, default=SECONDS, help="what the tests of a mutant may take")
    parser.add_argument("--again", action="store_true", help="run the survivors of the record anew")
    parser.add_argument("--tree", type=Path, help="keep the copy of the checkout here, with what was compiled in it")
    parser.add_argument("--page", type=Path, help="only write this page from the record")
    options = parser.parse_args()
    rows = records(options.output)
    if options.page:
        text = page(rows, ROOMS, seconds=SECONDS, spare=SPARE_SECONDS, pictures=PICTURES)
        options.page.write_text(text, encoding="utf-8")
        return
    if options.again:
        alive = [row for row in rows if not row["killed_by"] and key(row) not in judgements()]
        due = [(row["seed"], Mutant(**{name: row[name] for name in Mutant.__slots__})) for row in alive]
    else:
        everything, known = candidates(), {identity(row) for row in rows}
        sample = random.Random(options.seed).sample(everything, options.mutants)
        due = [(options.seed, mutant) for mutant in sample if identity(asdict(mutant)) not in known]
        print(f"{len(everything)} mutants in {', '.join(ROOMS)}; {len(sample)} drawn", flush=True)
    print(f"{len(due)} to run", flush=True)
    traces = load_traces(options.output.with_suffix(".traces.json"))
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    for name in LIBRARIES:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(copy_tree(options.tree or Path(folder)))
        for seed, mutant in due:
            row = {"seed": seed, **outcome(mutant, tree, traces, options.seconds)}
            if identity(row) in {identity(other) for other in rows}:
                rows = [row if identity(other) == identity(row) else other for other in rows]
            else:
                rows.append(row)
            options.output.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            print(f"{len(rows)} {row['killed_by'] or 'SURVIVED'} {row['path']} {row['cpu_seconds']} s", flush=True)


def identity(row: dict) -> tuple[str, str, int]:
    """What tells a mutant from others of the same code."""
    return row["path"], row["operator"], row["occurrence"]


if __name__ == "__main__":
    main()
