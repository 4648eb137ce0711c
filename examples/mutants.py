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
import difflib
import importlib
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from mutants_page import judgements, key, page
from mutants_traces import ROOMS, ROOT, Traces, compiled_function, copy_tree, environment, load_traces

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
SECONDS = 4.0
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
