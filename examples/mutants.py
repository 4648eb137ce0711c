"""How much the tests notice: small mutations of the code, each run against the tests of its own room.

A sample of mutants, drawn with a seed, is made by the operators of cosmic-ray; each is put into a copy of the checkout
and meets the tests of its own file, then those of its sub-package, then those of its room, until one fails (the mutant is
killed) or none does (it survives). The record is resumable: what it holds already is not run again.

    python examples/mutants.py --mutants 200 --seed 1 -o mutants.jsonl [--workers 2]

needs ``pip install cosmic-ray`` beside the test extra.
"""

import argparse
import difflib
import json
import os
import random
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
#: what one stage of tests may take; a mutant that makes it longer is killed
SECONDS = 600


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


def outcome(mutant: Mutant, tree: Path) -> dict:
    """Put a mutant into a copy and run the stages until one fails; the file is restored."""
    file = tree / "installed" / "tsct" / mutant.path
    source = file.read_text(encoding="utf-8")
    changed = mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence)
    diff = list(difflib.unified_diff(source.splitlines(), (changed or source).splitlines(), lineterm="", n=0))[2:]
    file.write_text(changed or source, encoding="utf-8")
    started, killed = time.monotonic(), ""
    environment = {**os.environ, "PYTHONPATH": str(tree / "installed"), "OPENBLAS_NUM_THREADS": "1"}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        for tests in stages(mutant.path):
            # -P: the folder of the front door must not hide the package that is tested
            command = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
            try:
                done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=SECONDS)
            except subprocess.TimeoutExpired:
                killed = f"{tests[0]} (time)"
                break
            if done.returncode != 0:
                killed = tests[0]
                break
    finally:
        file.write_text(source, encoding="utf-8")
    seconds = round(time.monotonic() - started, 1)
    return {**asdict(mutant), "diff": diff, "killed_by": killed, "seconds": seconds}


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
        trees: Queue[Path] = Queue()
        for k in range(options.workers):
            trees.put(copy_tree(Path(folder, str(k))))

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
