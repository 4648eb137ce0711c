"""Form factors of the analysis for helium to argon, by relativistic Hartree-Fock: ``form_factor_table.py [C ...]``.

Prints rows of ``analyze/pdf/form_factors.txt``. Needs PySCF (``pip install pyscf``), which nothing else here does. Each
atom is a restricted open-shell Hartree-Fock ground term in an uncontracted ANO-RCC basis of the occupied angular
momenta, with the spin-free exact two-component Hamiltonian, averaged over directions. The density of such an atom
misses a factor 1 - (Q lambda)^2 / 8, lambda the reduced Compton wavelength of the electron (Darwin's term, 0.24 %
at Q = 36), with which hydrogen-like ions have the form factor of Dirac's equation.
"""

import sys

import numpy as np
from pyscf import gto, scf
from scipy.optimize import least_squares

from tsct.records.units import BOHR_ANGSTROM

COMPTON_ANGSTROM = 0.00386159268
#: unpaired electrons of the ground terms
UNPAIRED = {"He": 0, "Li": 1, "Be": 0, "B": 1, "C": 2, "N": 3, "O": 2, "F": 1, "Ne": 0}
UNPAIRED |= {"Na": 1, "Mg": 0, "Al": 1, "Si": 2, "P": 3, "S": 2, "Cl": 1, "Ar": 0}
TERMS = 8
S = np.r_[0.0, np.geomspace(0.01, 6.0, 160)]


def primitives(symbol, l_max):
    """Uncontracted ANO-RCC basis up to an angular momentum."""
    shells = {}
    for momentum, *rows in gto.basis.load("ano-rcc", symbol):
        if momentum <= l_max:
            shells.setdefault(momentum, set()).update(row[0] for row in rows)
    return [
        [momentum, [exponent, 1.0]]
        for momentum, exponents in shells.items()
        for exponent in sorted(exponents, reverse=True)
    ]


def density(symbol):
    """Distances (bohr) and the electron density there, averaged over directions."""
    basis = primitives(symbol, 0 if symbol in ("He", "Li", "Be") else 1)
    atom = gto.M(atom=symbol, basis={symbol: basis}, spin=UNPAIRED[symbol], symmetry=True, verbose=0)
    field = scf.ROHF(atom).sfx2c1e()
    field.conv_tol = 1e-10
    field.kernel()
    matrix = np.asarray(field.make_rdm1())
    matrix = matrix.sum(axis=0) if matrix.ndim == 3 else matrix
    edges, momenta = atom.ao_loc_nr(), [atom.bas_angular(i) for i in range(atom.nbas)]
    averaged = np.zeros_like(matrix)
    for i, j in np.ndindex(atom.nbas, atom.nbas):
        if momenta[i] == momenta[j]:
            block = slice(edges[i], edges[i + 1]), slice(edges[j], edges[j + 1])
            averaged[block] = np.eye(2 * momenta[i] + 1) * np.trace(matrix[block]) / (2 * momenta[i] + 1)
    r = np.geomspace(1e-6, 60.0, 6001)
    orbitals = atom.eval_gto("GTOval_sph", np.outer(r, [0.0, 0.0, 1.0]))
    return r, np.einsum("ri,ij,rj->r", orbitals, averaged, orbitals)


def form_factor(r, rho, q):
    """Fourier transform of a density, with Darwin's term."""
    waves = np.sinc(np.outer(q * BOHR_ANGSTROM, r) / np.pi)
    plain = np.trapezoid(4 * np.pi * r**3 * rho * waves, np.log(r), axis=1)
    return plain * (1 - (q * COMPTON_ANGSTROM) ** 2 / 8)


def gaussians(values):
    """Heights and widths of the Gaussians with the least relative deviations, and the largest of these."""

    def deviations(logs):
        height, width = np.exp(np.clip(logs, -60, 60)).reshape(2, -1)
        return np.exp(-np.outer(S**2, width)) @ height / values - 1

    widths = np.geomspace(0.008, 150.0, TERMS)
    starts = [widths * np.random.default_rng(seed).uniform(0.6, 1.6, TERMS) for seed in range(5)]
    height = np.full(TERMS, values[0] / TERMS)
    fits = [least_squares(deviations, np.log(np.r_[height, start]), max_nfev=300) for start in starts]
    best = min(fits, key=lambda fit: np.abs(fit.fun).max())
    return *np.exp(best.x).reshape(2, -1), np.abs(best.fun).max()


def main(*symbols):
    """Print one row an element."""
    for symbol in symbols or UNPAIRED:
        height, width, worst = gaussians(form_factor(*density(symbol), 4 * np.pi * S))
        print(symbol, " ".join(f"{a:.8g} {b:.8g}" for a, b in zip(height, width, strict=True)), flush=True)
        print(f"# {symbol}: largest deviation of the fit {100 * worst:.3f} %", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
