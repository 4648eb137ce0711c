"""Debye scattering against DebyeCalculator (grid mode, CPU): same atoms, same Q grid, one run.

    python benchmarks/bench_debye.py [--skip-million]

Prints wall and CPU seconds (best of the repeats; first calls are left out because they compile), the ratios of both to
our own, and the largest error of either against the exact float64 sum at 60 values of Q. Ratios are what to compare
between machines; where other work runs beside it, those of the CPU times. Without the optional package only our own
times are printed.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from ase import Atoms
from ase.build import bulk

from tsct.phantoms.structures import STATIC, structure
from tsct.records.errors import UsageError
from tsct.simulate.scattering import (
    PairCounts,
    damped_sum,
    debyecalculator_scattering,
    form_factor,
    pair_counts,
    scattering,
)

Q = np.linspace(0.3, 36.0, 1786)
CUT_OFF = 30.0


def silicon_ball(number: int) -> Atoms:
    """The atoms nearest to the centre of a silicon crystal, each displaced by 0.1 angstrom at random."""
    cells = int(np.ceil((number / 8.0) ** (1.0 / 3.0) * 1.3)) + 1
    positions = (bulk("Si", "diamond", a=5.431, cubic=True) * (cells, cells, cells)).positions
    positions = positions - positions.mean(axis=0)
    nearest = np.argsort((positions**2).sum(axis=1), kind="stable")[:number]
    shifts = np.random.default_rng(number).normal(0.0, 0.1 / np.sqrt(3.0), (number, 3))
    return Atoms(f"Si{number}", positions=positions[nearest] + shifts)


def best(function: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Shortest wall and CPU time in seconds."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def error(atoms: Atoms, intensity: np.ndarray) -> float:
    """Largest deviation from the exact sum, relative to the self-scattering, beyond Q = 1 1/angstrom."""
    some = np.flatnonzero(Q > 1.0)[:: len(Q) // 60]
    exact = scattering(atoms, Q[some], exact=True)
    return float(np.max(np.abs(intensity[some] - exact) / form_factor("Si", Q[some]) ** 2))


def compare(number: int, repeats: int) -> None:
    """Print one line for each engine."""
    atoms = silicon_ball(number)
    ours = best(lambda: scattering(atoms, Q), repeats)
    small = number <= 5000
    print(f"{number:>8} tsct                     {ours[0]:9.4f} {ours[1]:9.4f}", end="")
    print(f"                  {error(atoms, scattering(atoms, Q)):.1e}" if small else "")
    for name, single in (("float32", True), ("float64", False)):
        run = partial(debyecalculator_scattering, atoms, Q, STATIC, single_precision=single)
        try:
            intensity = run()
        except UsageError as reason:
            print(f"         {reason}")
            return
        theirs = best(run, max(2, repeats // 3))
        wall, cpu = theirs[0] / ours[0], theirs[1] / ours[1]
        print(f"         DebyeCalculator {name}  {theirs[0]:9.4f} {theirs[1]:9.4f} {wall:7.1f} {cpu:7.1f}", end="")
        print(f"  {error(atoms, intensity):.1e}" if small else "")


def bin_widths() -> None:
    """Print the error against the exact sum of a stack of curved graphene layers at several bin widths."""
    atoms = structure("glassy-carbon").members[0]
    some = Q[:: len(Q) // 120]
    exact, own = scattering(atoms, some, exact=True), form_factor("C", some) ** 2
    for dr in (0.0005, 0.001, 0.002, 0.004, 0.008):
        found = intensity(pair_counts(atoms, dr=dr), some)
        print(f"{len(atoms):>8} tsct, bins of {dr:6.4f} A, largest error / f^2 up to Q = 36: ", end="")
        print(f"{np.max(np.abs(found - exact) / own):.1e}")


def intensity(counts: PairCounts, q: np.ndarray) -> np.ndarray:
    """Debye sum over the histogram of a cluster of one element, as `scattering` does it."""
    (symbol,) = counts.atoms_per_element
    _, shares = counts.on_grid()
    blur = np.sinc(0.5 * q * counts.dr / np.pi) ** 2
    sums = damped_sum(2.0 * shares[0] / counts.n_atoms, counts.dr, np.zeros(shares.shape[1]), q)
    return form_factor(symbol, q) ** 2 * (1.0 + sums / blur)


def million() -> None:
    """Print the time of a periodic box of a million atoms."""
    cells = 50
    atoms = bulk("Si", "diamond", a=5.431, cubic=True) * (cells, cells, cells)
    atoms.positions += np.random.default_rng(0).normal(0.0, 0.05, atoms.positions.shape)
    wall, cpu = best(lambda: pair_counts(atoms, r_max=CUT_OFF), 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(f"{len(atoms):>8} tsct, box, pairs to {CUT_OFF:.0f} A {wall:8.2f} {cpu:9.2f}")
    print(f"         peak memory of this process so far {peak:.0f} MB")


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skip-million", action="store_true", help="leave out the box of a million atoms")
    arguments = parser.parse_args()
    scattering(silicon_ball(100), Q)
    print(f"{os.cpu_count()} processors, {Q.size} values of Q from {Q[0]} to {Q[-1]} 1/angstrom")
    print("   atoms engine                     wall s     CPU s   ratio  of CPU  error / f^2")
    bin_widths()
    if not arguments.skip_million:
        million()
    for number, repeats in ((1000, 9), (5000, 9), (20_000, 6)):
        compare(number, repeats)


if __name__ == "__main__":
    main()
