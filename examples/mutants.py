"""How much the tests notice: small mutations of the code, each run against the tests of its own room.

A sample of mutants, drawn with a seed, is made by the operators of cosmic-ray; each is put into a copy of the checkout
and meets the tests of its own file, then those of its sub-package, then those of its room, until one fails (the mutant
is killed) or none does (it survives). Slow tests are left out, and the tests of the room are given a few minutes: a
survivor says so where they did not end. The record is resumable: what it holds already is not run again.

    python examples/mutants.py --mutants 200 --seed 1 -o mutants.jsonl [--workers 2]

needs ``pip install cosmic-ray`` beside the test extra.
"""

import argparse
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Queue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("simulate", "analyze", "validation")
#: one change each of the kinds that slip in unnoticed: signs, factors, exponents, limits, numbers, branches
OPERATORS = (
    *(f"core/ReplaceBinaryOperator_{change}" for change in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul")),
    *(f"core/ReplaceComparisonOperator_{change}" for change in ("Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt", "Eq_NotEq")),
    *(f"core/{name}" for name in ("ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not")),
    *(f"core/{name}" for name in ("ReplaceAndWithOr", "ReplaceOrWithAnd", "NumberReplacer")),
)
#: what the tests of a mutant's file and folder may take, and those of its room; a longer run tells nothing
SECONDS, ROOM_SECONDS = 400, 150
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


def stages(path: str) -> Iterator[list[str]]:
    """The tests that a file meets: its own, those of its folder, those of its room."""
    file = Path(path)
    own = Path("tests", file.parent, f"test_{file.name}")
    seen: list[str] = []
    for place in (own, own.parent, Path("tests", file.parts[0])):
        if (ROOT / place).exists() and str(place) not in seen:
            seen.append(str(place))
            yield [str(place)]


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
    """A copy of the checkout, and the tests that fail in it without any mutant, which therefore tell nothing."""

    folder: Path
    failing: set[str]

    def run(self, tests: list[str], seconds: float, numba_cache: str) -> tuple[int | None, str]:
        """Exit status of pytest, None if it took too long, and the first test that failed."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "installed"), "NUMBA_CACHE_DIR": numba_cache}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        # -P: the folder of the front door must not hide the package that is tested
        command = [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            "-x",
            "-q",
            "-rfE",
            "-p",
            "no:cacheprovider",
            "--randomly-seed=1",
        ]
        command += ["-m", "not slow", *(f"--deselect={name}" for name in sorted(self.failing)), *tests]
        try:
            done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return None, ""
        if done.returncode == USAGE:
            raise SystemExit(done.stderr.decode(errors="replace"))
        failed = re.findall(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", done.stdout.decode(errors="replace"), re.MULTILINE)
        return done.returncode, failed[0] if failed else ""


def outcome(mutant: Mutant, tree: Tree) -> dict:
    """Put a mutant into a copy and run the stages until one fails; the file is restored."""
    file = tree.folder / "installed" / "tsct" / mutant.path
    source = file.read_text(encoding="utf-8")
    changed = mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence)
    diff = list(difflib.unified_diff(source.splitlines(), (changed or source).splitlines(), lineterm="", n=0))[2:]
    started, killer, late = time.monotonic(), "", ""
    for tests in stages(mutant.path):
        seconds = ROOM_SECONDS if len(Path(tests[0]).parts) == 2 else SECONDS
        status, test = verdict(tree, file, (source, changed or source), tests, seconds)
        if status is None:
            late = tests[0]
        elif status not in (0, NO_TESTS):
            killer = test or tests[0]
            break
    seconds = round(time.monotonic() - started, 1)
    return {**asdict(mutant), "diff": diff, "killed_by": killer, "not_ended": late, "seconds": seconds}


def verdict(tree: Tree, file: Path, texts: tuple[str, str], tests: list[str], seconds: float) -> tuple[int | None, str]:
    """Run a stage with the mutant; a test that fails is run without it, and left out from then on if it fails too."""
    source, changed = texts
    while True:
        file.write_text(changed, encoding="utf-8")
        # compiled callers hold what they call: a change of compiled code starts from nothing
        with tempfile.TemporaryDirectory() as fresh:
            cache = fresh if "numba" in source else str(tree.folder / "compiled")
            try:
                status, test = tree.run(tests, seconds, cache)
            finally:
                file.write_text(source, encoding="utf-8")
            again = tree.run([test], SECONDS, str(tree.folder / "compiled")) if status == 1 and test else (0, "")
        if again[0] == 0:
            return status, test
        tree.failing.add(test)
        print(f"fails without a mutant: {test}", flush=True)


def main() -> None:
    """Run what is not in the record yet, then say what share was killed and list the survivors."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path("mutants.jsonl"))
    options = parser.parse_args()
    everything = candidates()
    sample = random.Random(options.seed).sample(everything, options.mutants)
    rows = [json.loads(line) for line in options.output.read_text().splitlines()] if options.output.exists() else []
    known = {(row["path"], row["operator"], row["occurrence"]) for row in rows}
    due = [mutant for mutant in sample if (mutant.path, mutant.operator, mutant.occurrence) not in known]
    print(f"{len(everything)} mutants in {', '.join(ROOMS)}; {len(sample)} drawn, {len(due)} to run", flush=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.workers) as pool:
        trees: Queue[Tree] = Queue()
        for k in range(options.workers):
            trees.put(Tree(copy_tree(Path(folder, str(k))), set()))

        def run(mutant: Mutant) -> dict:
            tree = trees.get()
            try:
                return outcome(mutant, tree)
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
