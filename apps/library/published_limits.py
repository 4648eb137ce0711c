"""What published measurements and models allow a structure to be, and whether it is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from tsct.analyze.pdf import extremum
from tsct.phantoms.structures import Structure, boxed, structure
from tsct.records.errors import InputError

from .portrait import Portrait, Q, R
from .published_crystals import DENSITY_SHARE, PUBLISHED, RADII_A, SOURCES

Material = Literal["a-si", "a-lisi", "carbon", "other"]

#: extrema (Q in 1/angstrom, S) of a-Si, Laaziri et al., Phys. Rev. B 60, 13520 (1999), as read from the figure by
#: others: trust +-0.02 and +-0.03
LAAZIRI_MAXIMA = ((1.98, 1.77), (3.60, 2.05), (5.64, 1.34), (6.82, 1.07), (8.73, 1.23), (11.26, 1.12))
LAAZIRI_MINIMA = ((2.61, 0.49), (4.44, 0.52), (6.31, 0.98), (7.36, 0.77), (9.87, 0.87))
#: what the sources stand for
REFERENCES = {
    "Laaziri": "Laaziri et al., Phys. Rev. B 60, 13520 (1999), X-rays on amorphous silicon",
    "Barkema": "Barkema & Mousseau, Phys. Rev. B 62, 4985 (2000), bond-switched networks",
    "PBE": "cells at rest deposited with Oviedo et al., J. Phys. Chem. A 127, 2637 (2023), 12 Si each, from density-"
    "functional theory (PBE); below x = 0.75 between these, amorphous silicon as measured, and ReaxFF cells at 0 K of "
    "288 to 672 Si by Fernandez et al., Phys. Rev. B 108, 144201 (2023)",
    "a-LiSi models": "what models of different kinds span, Fernandez et al., Phys. Rev. B 108, 144201 (2023)",
    "Biscoe": "Biscoe & Warren, J. Appl. Phys. 13, 364 (1942), layers as in graphite",
    **SOURCES,
}
#: pair distances of graphene with bonds of 1.420 angstrom
GRAPHENE_A = (1.420, 2.460, 2.840, 3.757, 4.260, 4.919, 5.120)
#: a-LixSi by x: volume per Si (A3), Si-Si below 2.85 A: neighbours and mean distance, Si-Li neighbours below 3.4 A.
#: PBE at rest: means over three to six relaxed cells of 12 Si each, after amorphous silicon as measured; cells with
#: less lithium are up to 15 % denser than amorphous silicon, with more than four neighbours, and left out
PBE = np.array(
    [
        (0.0, 20.44, 3.94, 2.369, 0.0),
        (0.51, 25.72, 3.81, 2.480, 3.60),
        (0.79, 30.56, 3.33, 2.450, 5.00),
        (1.00, 34.01, 3.12, 2.450, 5.71),
        (1.25, 38.07, 2.97, 2.460, 6.53),
        (1.56, 42.60, 2.53, 2.451, 7.51),
        (1.89, 46.97, 2.19, 2.449, 8.26),
        (2.73, 61.03, 1.50, 2.481, 9.45),
        (3.36, 69.57, 1.11, 2.523, 10.72),
        (3.83, 77.73, 1.00, 2.511, 10.64),
    ]
)
#: reactive force field at rest (0 K), one cell of 288 to 672 Si each
REAXFF = np.array(
    [
        (0.0, 20.44, 3.94, 2.369, 0.0),
        (0.21, 22.09, 4.03, 2.394, 1.93),
        (0.62, 26.50, 3.98, 2.464, 4.71),
        (1.25, 34.46, 3.60, 2.526, 6.82),
    ]
)
#: tight binding, single frames of 64 Si in motion at about 320 K, whose bonds are 0.05 to 0.07 A longer than at rest:
#: shown beside, no measure of atoms at rest
WARM_DFTB = np.array(
    [
        (0.0, 20.44, 3.94, 2.369, 0.0),
        (0.203, 23.62, 3.81, 2.445, 1.67),
        (0.5625, 27.69, 3.38, 2.499, 3.77),
        (0.891, 31.42, 2.97, 2.530, 5.44),
        (1.50, 41.12, 2.03, 2.526, 6.83),
        (2.00, 48.86, 1.41, 2.508, 8.03),
        # no Si-Si bond is left
        (3.75, 78.5, 0.06, np.nan, 10.2),
    ]
)
#: from this lithium content on there are cells of first principles; below, they and the force field span the window
FIRST_PRINCIPLES_X = 0.75
#: how far a structure may lie outside: standard error of the volume of the few small cells (A3), of their neighbours,
#: what is asked of a bond (A), and of Si-Li neighbours
LISI_MARGIN = (1.0, 0.2, 0.020, 0.25)
#: (x, radius in A) of the maximum of g(Si-Li) in the cells of first principles, good to 0.01 A
PBE_CONTACT_A = np.array(
    [(0.5, 2.69), (0.82, 2.70), (1.11, 2.685), (1.39, 2.67), (2.02, 2.67), (2.73, 2.645), (4.05, 2.665)]
)
#: what is asked of it
CONTACT_MARGIN_A = 0.03
#: with less lithium models differ
DILUTE_CONTACT_A = (2.65, 2.85)
#: boxes of disordered matter need this width (A), lest an atom meets its own image within the order that there is
WIDTH_A = 20.0
#: the (002) maximum of layers 3.35 to 3.6 angstrom apart lies in this range of Q; small stacks shift it
LAYERS_Q = (1.4, 2.2)
#: range of Q over which a measured structure factor is compared
R_FACTOR_Q = (1.5, 20.0)
#: Bragg reflections of silicon up to (311) lie below this, 1/angstrom
BRAGG_Q = 4.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One quantity, the window that it has to lie in, and where the window comes from; no number is a failure."""

    title: str
    value: float
    unit: str = ""
    low: float = -np.inf
    high: float = np.inf
    source: str
    judged: bool = True

    @property
    def verdict(self) -> str:
        """``pass``, ``fail``, or ``not judged``."""
        if not self.judged:
            return "not judged"
        return "pass" if self.low <= self.value <= self.high else "fail"


def material(structure: Structure) -> Material:
    """What composition and cell say that a structure is meant to be."""
    elements, periodic = set(structure.composition), structure.kind == "periodic"
    if periodic and elements == {"Si"}:
        return "a-si"
    if periodic and elements == {"Li", "Si"}:
        return "a-lisi"
    return "carbon" if elements == {"C"} else "other"


def gates(portrait: Portrait, what: Material | None = None) -> list[Gate]:
    """Judge a structure.

    Parameters
    ----------
    portrait : Portrait
        See :func:`tsct.apps.library.portrait.portrait`.
    what : {"a-si", "a-lisi", "carbon", "other"}, optional
        What it should be: amorphous silicon, lithiated amorphous silicon, sp2 carbon, or anything, for which only the
        distances and the density of atoms are judged. From the composition if omitted.
    """
    special: dict[Material, Callable[[Portrait], Iterator[Gate]]] = {
        "a-si": _silicon,
        "a-lisi": _lithiated,
        "carbon": _carbon,
    }
    what = what or material(portrait.structure)
    return [*_general(portrait), *_crystal(portrait), *(special[what](portrait) if what in special else ())]


def _general(portrait: Portrait) -> Iterator[Gate]:
    bounds = "solids and liquids"
    # a gas is dilute: only the distances within its molecules can be judged
    dense = portrait.structure.density_g_cm3 > 0.01
    yield Gate(
        title="number density",
        value=portrait.structure.number_density_per_a3,
        unit="1/Å³",
        low=1e-3,
        high=0.3,
        source=bounds,
        judged=dense,
    )
    lone = np.isnan(portrait.closest_a)
    yield Gate(
        title="closest atoms",
        value=portrait.closest_a,
        unit="Å",
        low=0.7,
        source="H–H 0.74 Å",
        judged=not lone,
    )


def _crystal(portrait: Portrait) -> Iterator[Gate]:
    """Density and first shell of an entry of the library that is a crystal; a file may have any name."""
    name = portrait.structure.name
    if name not in PUBLISHED or portrait.structure is not structure(name):
        return
    one = PUBLISHED[name]
    pair, first, unit = _pair(portrait, one.pair), one.pair.replace("-", "–"), "g/cm³"
    low, high = (one.density_g_cm3 * (1 + sign * DENSITY_SHARE) for sign in (-1, 1))
    density = portrait.structure.density_g_cm3
    yield Gate(title="density", value=density, unit=unit, low=low, high=high, source=one.density_source)
    low, high = one.distance_a - RADII_A, one.distance_a + RADII_A
    distance, source = pair["distance_a"], one.distance_source
    yield Gate(title=f"{first} distance", value=distance, unit="Å", low=low, high=high, source=source)
    low, high = one.neighbours - 0.1, one.neighbours + 0.1
    yield Gate(title=f"{first} neighbours", value=pair["coordination"], low=low, high=high, source=source)


def _box(portrait: Portrait) -> Gate:
    source = "order to 10 Å"
    return Gate(title="narrowest box", value=portrait.width_a, unit="Å", low=WIDTH_A, source=source)


def _silicon(portrait: Portrait) -> Iterator[Gate]:
    yield _box(portrait)
    density = portrait.structure.density_g_cm3
    yield Gate(title="density", value=density, unit="g/cm³", low=2.26, high=2.31, source="Laaziri")
    yield from _silicon_bonds(portrait)
    yield from _silicon_rings(portrait)
    yield from _silicon_disorder(portrait)
    yield from _silicon_structure_factor(portrait)


def _silicon_bonds(portrait: Portrait) -> Iterator[Gate]:
    pair, angles = _pair(portrait, "Si-Si"), portrait.angles_deg.get("Si-Si-Si", np.array([np.nan]))
    variance = portrait.structure.thermal.pair_variance("Si", "Si", pair["distance_a"])
    spread = float(np.hypot(pair["sd_a"], np.sqrt(variance)))
    fourfold = portrait.neighbours.get("Si-Si", {}).get(4, 0.0)
    yield Gate(title="Si–Si neighbours (< 2.85 Å)", value=pair["coordination"], low=3.85, high=4.05, source="Laaziri")
    yield Gate(title="four-fold atoms", value=100 * fourfold, unit="%", low=95.0, source="Barkema")
    yield Gate(title="Si–Si distance", value=pair["distance_a"], unit="Å", low=2.34, high=2.38, source="Laaziri")
    yield Gate(title="Si–Si sd with motion", value=spread, unit="Å", low=0.07, high=0.09, source="Laaziri")
    yield Gate(title="bond-angle sd", value=float(angles.std()), unit="°", low=9.5, high=12.0, source="Laaziri")


def _silicon_rings(portrait: Portrait) -> Iterator[Gate]:
    rings, source = portrait.rings.get("Si", {}), "Barkema"
    yield Gate(title="rings of three per atom", value=rings.get(3, 0.0), high=0.0, source=source)
    yield Gate(title="rings of four per atom", value=rings.get(4, 0.0), high=0.06, source=source)


def _silicon_disorder(portrait: Portrait) -> Iterator[Gate]:
    g = portrait.partials[("Si", "Si")]
    before, at, after = (float(g[np.abs(R - r) < 0.15].mean()) for r in (4.2, 4.5, 4.8))
    yield Gate(title="g(4.5 Å)", value=at, low=0.6, high=0.95, source="Laaziri")
    source = "third shell of c-Si"
    yield Gate(title="g(4.5 Å) above its surroundings", value=at - max(before, after), high=0.0, source=source)
    strongest = max(bragg_share(atoms) for atoms in portrait.structure.members)
    source = "1 for a crystal"
    yield Gate(title="strongest wave in the box, S(k)/N", value=strongest, high=0.05, source=source)


def _silicon_structure_factor(portrait: Portrait) -> Iterator[Gate]:
    first, second, third = (extremum(Q, portrait.sq, q - 0.4, q + 0.4, 1.0) for q, _ in LAAZIRI_MAXIMA[:3])
    large = min(len(atoms) for atoms in portrait.structure.members) >= 1000
    yield Gate(title="S(Q): first maximum", value=first[0], unit="1/Å", low=1.92, high=2.04, source="Laaziri")
    # it is made by order out to 15 angstrom, which smaller boxes do not hold
    yield Gate(title="S(Q): height of it", value=first[1], low=1.4, high=1.9, source="Laaziri", judged=large)
    yield Gate(title="S(Q): second maximum", value=second[0], unit="1/Å", low=3.54, high=3.66, source="Laaziri")
    yield Gate(title="S(Q): height of it", value=second[1], low=1.8, high=2.2, source="Laaziri")
    yield Gate(title="S(Q): third maximum", value=third[0], unit="1/Å", low=5.54, high=5.74, source="Laaziri")


def measured_gate(portrait: Portrait, q: NDArray[np.float64], s: NDArray[np.float64], source: str) -> Gate:
    """R-factor of F(Q) = Q(S - 1) against a measured structure factor, over 1.5 to 20 1/angstrom where it was measured.

    ``R = sqrt(int (F - F_measured)^2 dQ / int F_measured^2 dQ)``; good models of amorphous silicon stay below 0.15.

    Raises
    ------
    InputError
        If fewer than 50 points lie in that range.
    """
    low, high = max(R_FACTOR_Q[0], q[0]), min(R_FACTOR_Q[1], q[-1])
    if np.count_nonzero((q >= low) & (q <= high)) < 50:
        raise InputError(f"{source}: fewer than 50 points between 1.5 and 20 1/angstrom; give Q in 1/angstrom and S(Q)")
    inside = (low <= Q) & (high >= Q)
    measured = Q[inside] * (np.interp(Q[inside], q, s) - 1.0)
    model = Q[inside] * (portrait.sq[inside] - 1.0)
    value = float(np.sqrt(np.sum((model - measured) ** 2) / np.sum(measured**2)))
    return Gate(title="R-factor of Q(S-1)", value=value, high=0.15, source=source)


def _lithiated(portrait: Portrait) -> Iterator[Gate]:
    yield _box(portrait)
    x = portrait.structure.lithium_per_silicon
    volume = 1.0 / (portrait.structure.number_density_per_a3 * portrait.structure.composition["Si"])
    silicon, lithium = _pair(portrait, "Si-Si"), _pair(portrait, "Si-Li")
    values = (volume, silicon["coordination"], silicon["distance_a"], lithium["coordination"])
    titles = ("volume per Si", "Si–Si neighbours (< 2.85 Å)", "Si–Si distance", "Si–Li neighbours (< 3.4 Å)")
    for title, unit, value, (low, high) in zip(titles, ("Å³", "", "Å", ""), values, lithiated_window(x), strict=True):
        known = bool(np.isfinite(low))
        yield Gate(title=title, unit=unit, value=value, low=low, high=high, source="PBE", judged=known)
    contact = extremum(R, portrait.partials[("Li", "Si")], 2.2, 3.4, 1.0)[0]
    (low, high), source = contact_window(x), "PBE" if x >= PBE_CONTACT_A[0, 0] else "a-LiSi models"
    yield Gate(title="maximum of g, Si–Li", value=contact, unit="Å", low=low, high=high, source=source)


def lithiated_window(x: float) -> NDArray[np.float64]:
    """What published cells of a-LixSi at rest span at a lithium content, with a margin.

    From x = 0.75 on these are cells of first principles alone; below, where those are too small to hold dilute lithium,
    what lies between them and amorphous silicon, and the reactive force field.

    Parameters
    ----------
    x : float
        Li per Si; beyond 3.75 the last model is taken.

    Returns
    -------
    ndarray, shape (4, 2)
        Lower and upper limit of the volume per Si (A3), the Si-Si neighbours, their distance (A) and the Si-Li
        neighbours.
    """
    tables = (PBE,) if x >= FIRST_PRINCIPLES_X else (PBE, REAXFF)
    values = [[np.interp(x, table[:, 0], column) for column in table.T[1:]] for table in tables]
    margin = np.array(LISI_MARGIN)
    # what is bound at rest is defined; neighbours of lithium up to a radius without a minimum are so to 15 %
    margin[3] += 0.15 * max(row[3] for row in values)
    return np.stack([np.min(values, axis=0) - margin, np.max(values, axis=0) + margin], axis=1)


def contact_window(x: float) -> tuple[float, float]:
    """Lower and upper limit (A) of the maximum of g(Si-Li) at rest, at a lithium content x per Si."""
    if x < PBE_CONTACT_A[0, 0]:
        return DILUTE_CONTACT_A
    distance = float(np.interp(x, *PBE_CONTACT_A.T))
    return distance - CONTACT_MARGIN_A, distance + CONTACT_MARGIN_A


def _carbon(portrait: Portrait) -> Iterator[Gate]:
    pair, angles = _pair(portrait, "C-C"), portrait.angles_deg.get("C-C-C", np.array([np.nan]))
    layers = "Biscoe"
    density = portrait.structure.density_g_cm3
    yield Gate(title="density", value=density, unit="g/cm³", low=1.4, high=2.27, source="glass to graphite")
    yield Gate(title="C–C neighbours", value=pair["coordination"], low=2.5, high=3.0, source=layers)
    yield Gate(title="C–C distance", value=pair["distance_a"], unit="Å", low=1.40, high=1.44, source=layers)
    yield Gate(title="mean bond angle", value=float(angles.mean()), unit="°", low=118.0, high=120.5, source=layers)
    for r in GRAPHENE_A[1:]:
        found = _mean_near(portrait.structure.members, r)
        yield Gate(title=f"pairs near {r:.2f} Å", value=found, unit="Å", low=r - 0.03, high=r + 0.03, source=layers)
    spacing = 2.0 * np.pi / extremum(Q, portrait.sq, *LAYERS_Q, 1.0)[0]
    yield Gate(title="2π/Q of the first maximum", value=spacing, unit="Å", low=3.3, high=3.8, source=layers)


def _mean_near(members: Sequence[Atoms], r: float) -> float:
    """Mean distance of the pairs within 0.1 angstrom of `r`."""
    found = [neighbor_list("d", boxed(atoms), r + 0.1) for atoms in members]
    near = np.concatenate([distances[distances > r - 0.1] for distances in found])
    return float(near.mean()) if near.size else float("nan")


def _pair(portrait: Portrait, name: str) -> dict[str, float]:
    absent = {"coordination": 0.0, "distance_a": float("nan"), "sd_a": float("nan")}
    return portrait.numbers["pairs"].get(name, absent)


def bragg_share(atoms: Atoms) -> float:
    """Largest |sum_j exp(i k r_j)|^2 / N^2 of a periodic box over the waves k up to 4.2 1/angstrom that fit in it.

    One for a crystal that fits in the box, about 1/N for disorder.
    """
    edges = zip(atoms.cell.lengths(), atoms.get_scaled_positions().T, atoms.cell.reciprocal(), strict=True)
    phases, waves = [], []
    for length, positions, reciprocal in edges:
        highest = int(BRAGG_Q * length / (2 * np.pi))
        orders = np.arange(-highest, highest + 1)
        phases.append(np.exp(2j * np.pi * np.outer(orders, positions)))
        waves.append(2 * np.pi * np.outer(orders, reciprocal))
    largest = 0.0
    # -k scatters as k does, so that half of the first index is enough
    for i in range(len(waves[0]) // 2, len(waves[0])):
        k = np.linalg.norm(waves[0][i] + waves[1][:, None] + waves[2][None, :], axis=2)
        amplitude = np.abs((phases[0][i] * phases[1]) @ phases[2].T)
        largest = max(largest, float(amplitude[(k > 1e-9) & (k < BRAGG_Q)].max(initial=0.0)))
    return (largest / len(atoms)) ** 2
