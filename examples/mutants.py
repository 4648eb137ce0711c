"""How much the tests notice: small mutations of the code, each run against the tests of its own room.

A sample of mutants, drawn with a seed, is made by the operators of cosmic-ray. First the tests of the rooms run once
under coverage.py, which notes the lines that each test executes. Then each mutant is put into a copy of the checkout
and meets the tests of its room that execute its line, the quickest first, until one fails (the mutant is killed) or
none does (it survives). Compiled code is not traced: a mutant in it meets the tests that call it. Slow tests are left
out. The record is resumable: what it holds already is not run again.

    python examples/mutants.py --mutants 200 --seed 1 -o mutants.jsonl [--workers 2]
    python examples/mutants.py -o mutants.jsonl --page docs/mutants.md

needs ``pip install cosmic-ray pytest-cov`` beside the test extra.
"""

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Queue
from xml.etree import ElementTree

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from coverage import CoverageData

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("simulate", "analyze", "validation")
#: one change each of the kinds that slip in unnoticed: signs, factors, exponents, limits, numbers, branches
OPERATORS = (
    *(f"core/ReplaceBinaryOperator_{change}" for change in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul")),
    *(f"core/ReplaceComparisonOperator_{change}" for change in ("Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt", "Eq_NotEq")),
    *(f"core/{name}" for name in ("ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not")),
    *(f"core/{name}" for name in ("ReplaceAndWithOr", "ReplaceOrWithAnd", "NumberReplacer")),
)
#: what the tests that execute a line may take together, and those of them that only share a fixture that does
SECONDS, FIXTURE_SECONDS = 90, 45
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
    """

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def stages(self, path: str, line: int) -> list[tuple[list[str], float]]:
        """Tests that a line meets, with limits of time: those that execute it, then those behind a fixture of it."""
        notes = {note for at in traced_lines(path, line) for note in self.lines.get(at[0], {}).get(at[1], ())}
        if not notes:
            # executed on import alone, as constants are: tests of anything in the file
            notes = {note for of_line in self.lines.get(path, {}).values() for note in of_line}
        direct = {note for note in notes if not note.endswith("|setup")}
        files = {note.partition("::")[0] for note in notes - direct}
        shared = {test for test in self.seconds if test.partition("::")[0] in files} - direct
        order = [sorted(tests, key=lambda test: self.seconds.get(test, 0.0)) for tests in (direct, shared)]
        return [(tests, limit) for tests, limit in zip(order, (SECONDS, FIXTURE_SECONDS), strict=True) if tests]


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


def trace(folder: Path, workers: int) -> Traces:
    """Run the tests of the rooms once in a copy of the checkout, and note what each executes."""
    log = folder / "durations.xml"
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "-q",
        "--randomly-dont-reorganize",
        "-m",
        "not slow and not campaign",
    ]
    command += ["-n", str(workers), "--dist", "loadfile", f"--junitxml={log}", "--cov=installed/tsct"]
    command += ["--cov-context=test", "--cov-report=", *(f"tests/{room}" for room in ROOMS)]
    subprocess.run(command, cwd=folder, env=environment(folder, folder / "compiled"), check=False)
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
    return Traces(lines, test_seconds(log))


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
    variables = {"PYTHONPATH": str(folder / "installed"), "NUMBA_CACHE_DIR": str(numba_cache)}
    return (
        os.environ | variables | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    )


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

    def run(self, tests: list[str], seconds: float, numba_cache: Path) -> tuple[int | None, str]:
        """Exit status of pytest, None if it took too long, and the first test that failed."""
        # -P: the folder of the front door must not hide the package that is tested
        options = ["-x", "-q", "-rfE", "-p", "no:cacheprovider", "--randomly-dont-reorganize"]
        listed = self.folder / "tests.txt"
        listed.write_text("\n".join(tests), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "pytest", *options, f"@{listed}"]
        variables = environment(self.folder, numba_cache)
        try:
            done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return None, ""
        if done.returncode == USAGE:
            gone = set(re.findall(r"(tests/\S+::\S+)", done.stderr.decode(errors="replace")))
            if not gone & set(tests):
                raise SystemExit(done.stderr.decode(errors="replace"))
            return self.run([test for test in tests if test not in gone], seconds, numba_cache)
        failed = re.findall(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", done.stdout.decode(errors="replace"), re.MULTILINE)
        return done.returncode, failed[0] if failed else ""


def outcome(mutant: Mutant, tree: Tree, traces: Traces) -> dict:
    """Put a mutant into a copy and run the stages until one fails; the file is restored."""
    file = tree.folder / "installed" / "tsct" / mutant.path
    source = file.read_text(encoding="utf-8")
    changed = mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence) or source
    diff = list(difflib.unified_diff(source.splitlines(), changed.splitlines(), lineterm="", n=0))[2:]
    line = int(re.match(r"@@ -(\d+)", diff[0]).group(1))
    started, killer, late, met = time.monotonic(), "", False, 0
    for tests, seconds in traces.stages(mutant.path, line):
        status, test = verdict(tree, file, (source, changed), compiled_function(mutant.path, line), tests, seconds)
        met += len(tests)
        late |= status is None
        if status not in (0, None, NO_TESTS):
            killer = test or tests[0]
            break
    seconds = round(time.monotonic() - started, 1)
    return {
        **asdict(mutant),
        "line": line,
        "diff": diff,
        "killed_by": killer,
        "tests": met,
        "not_ended": late,
        "seconds": seconds,
    }


def verdict(
    tree: Tree, file: Path, texts: tuple[str, str], compiled: str | None, tests: list[str], seconds: float
) -> tuple[int | None, str]:
    """Run a stage with the mutant; all of its tests passed without it."""
    source, changed = texts
    file.write_text(changed, encoding="utf-8")
    # compiled callers hold what they call: a change of compiled code starts from nothing
    with tempfile.TemporaryDirectory() as fresh:
        try:
            return tree.run(tests, seconds, Path(fresh) if compiled else tree.folder / "compiled")
        finally:
            file.write_text(source, encoding="utf-8")


def load_traces(path: Path, workers: int) -> Traces:
    """Traces from an earlier start, or new ones, kept in `path`."""
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            traces = trace(copy_tree(Path(folder)), workers)
        path.write_text(json.dumps(asdict(traces)), encoding="utf-8")
    kept = json.loads(path.read_text(encoding="utf-8"))
    lines = {file: {int(line): notes for line, notes in of_file.items()} for file, of_file in kept["lines"].items()}
    return Traces(lines, kept["seconds"])


def main() -> None:
    """Run what is not in the record yet, then say what share was killed and list the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--page", type=Path, help="only write this page from the record")
    options = parser.parse_args()
    if options.page:
        rows = [json.loads(line) for line in options.output.read_text(encoding="utf-8").splitlines()]
        options.page.write_text(page(rows, options.mutants, options.seed), encoding="utf-8")
        return
    everything = candidates()
    sample = random.Random(options.seed).sample(everything, options.mutants)
    rows = [json.loads(line) for line in options.output.read_text().splitlines()] if options.output.exists() else []
    known = {(row["path"], row["operator"], row["occurrence"]) for row in rows}
    due = [mutant for mutant in sample if (mutant.path, mutant.operator, mutant.occurrence) not in known]
    print(f"{len(everything)} mutants in {', '.join(ROOMS)}; {len(sample)} drawn, {len(due)} to run", flush=True)
    traces = load_traces(options.output.with_suffix(".traces.json"), options.workers)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.workers) as pool:
        trees: Queue[Tree] = Queue()
        for k in range(options.workers):
            trees.put(Tree(copy_tree(Path(folder, str(k)))))

        def run(mutant: Mutant) -> dict:
            tree = trees.get()
            try:
                return outcome(mutant, tree, traces)
            finally:
                trees.put(tree)

        for row in pool.map(run, due):
            rows.append(row)
            with options.output.open("a") as record:
                record.write(json.dumps(row) + "\n")
            print(
                f"{len(rows)}/{len(sample)} {row['killed_by'] or 'SURVIVED'} {row['path']} {row['seconds']} s",
                flush=True,
            )
    report(rows)


HEAD = """# Mutants

How much the tests notice: small changes of the code (a sign, a factor, an exponent, a comparison, a number), drawn at
random from all that the operators of cosmic-ray make in `simulate`, `analyze` and `validation`, each run against the
tests of its own room that execute the line, the quickest first, for at most {seconds} s. A mutant is killed if one
fails.

```console
$ pip install cosmic-ray pytest-cov
$ python examples/mutants.py --mutants {sample} --seed {seed} -o docs/mutants.jsonl --workers 2     # goes on
$ python examples/mutants.py --mutants {sample} --seed {seed} -o docs/mutants.jsonl --page docs/mutants.md
```

Of the {sample} mutants that seed {seed} draws, the first {run} have been run: **{killed} were killed, {share:.0f} %**.
The goal is 90 %. On two processors that did other work too, one took {mean:.0f} s on average.

| room | run | killed |
|---|---|---|
"""


def page(rows: list[dict], sample: int, seed: int) -> str:
    """The record as a page: shares of the rooms, and every survivor with its change."""
    killed = [row for row in rows if row["killed_by"]]
    mean = sum(row["seconds"] for row in rows) / max(len(rows), 1)
    text = HEAD.format(
        seconds=SECONDS + FIXTURE_SECONDS,
        sample=sample,
        seed=seed,
        run=len(rows),
        killed=len(killed),
        share=100 * len(killed) / max(len(rows), 1),
        mean=mean,
    )
    for room in ROOMS:
        own = [row for row in rows if row["path"].startswith(room)]
        text += f"| {room} | {len(own)} | {sum(bool(row['killed_by']) for row in own)} |\n"
    text += "\n## Survivors\n\nTests that took too long to end are marked with a star.\n"
    for row in rows:
        if not row["killed_by"]:
            star = " *" if row["not_ended"] else ""
            change = "\n".join(row["diff"][1:])
            text += f"\n`{row['path']}`, line {row['line']}, {row['tests']} tests{star}\n\n```diff\n{change}\n```\n"
    return text


def report(rows: list[dict]) -> None:
    """Share killed of each room, and the survivors with their changes."""
    total, dead = Counter(), Counter()
    for row in rows:
        total[row["path"].split("/")[0]] += 1
        dead[row["path"].split("/")[0]] += bool(row["killed_by"])
    for room in total:
        print(f"{room}: {dead[room]} of {total[room]} killed")
    print(f"all: {sum(dead.values())} of {sum(total.values())} killed")
    for row in rows:
        if not row["killed_by"]:
            print(f"\n{row['path']} {row['operator'].removeprefix('core/')}", *row["diff"], sep="\n    ")


if __name__ == "__main__":
    main()
