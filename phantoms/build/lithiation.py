"""Lithiated amorphous silicon: lithium enters one silicon network, atom by atom."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from tsct.records.errors import UsageError
from tsct.records.seeds import generator

from .dynamics import settle
from .network import VOLUME_PER_SI_A3, build
from .potential import relax

#: volume that the box gains with each lithium atom (Chevrier & Dahn, J. Electrochem. Soc. 156, A454 (2009))
VOLUME_PER_LI_A3 = 16.05
#: Li per Si up to which a member is relaxed further than beyond, where the many shallow wells of lithium make that slow
DILUTE_LI_PER_SI = 0.5
#: largest force that a relaxation leaves up to there and beyond, in eV per angstrom
DILUTE_FORCE_EV_A = 0.1
DENSE_FORCE_EV_A = 0.2
#: temperatures (K) and times (ps) through which the fully lithiated melt cools
MELT = ((1500.0, 3.0), (1000.0, 3.0), (600.0, 3.0), (300.0, 1.0))
#: images of the box within this distance take part in the search for voids
VOID_REACH_A = 8.0


def grow(n_silicon: int, seed: int, lithium_per_silicon: Sequence[float]) -> Iterator[Atoms]:
    """The silicon network of a seed, relaxed, and then its lithiated members; see `network.build` and `lithiate`."""
    silicon = relax(build(n_silicon, seed), DILUTE_FORCE_EV_A)
    yield silicon
    yield from lithiate(silicon, lithium_per_silicon)


def lithiate(network: Atoms, lithium_per_silicon: Sequence[float]) -> Iterator[Atoms]:
    """Members of one lineage: each is the previous one with more lithium in the largest voids, relaxed.

    The box follows V = V0 + 16.05 A3 per Li. Nothing but the lithium disturbs the network: annealing in between would
    exchange bonds at random, which a difference of two members would show.

    Parameters
    ----------
    network : ase.Atoms
        Silicon only, relaxed, in a cubic periodic box at its experimental density.
    lithium_per_silicon : sequence of float
        Increasing ratios x; the nearest whole number of lithium atoms is taken. Steps of up to 0.25 are those of
        Chevrier & Dahn, J. Electrochem. Soc. 156, A454 (2009).

    Yields
    ------
    ase.Atoms
        One member for each ratio, silicon first and in the order of `network`; see `relax` for ``info``.

    Raises
    ------
    UsageError
        If the ratios do not increase, or the potential is missing.
    """
    targets = [round(x * len(network)) for x in lithium_per_silicon]
    if targets != sorted(set(targets)):
        raise UsageError("lithium_per_silicon must increase by at least one Li atom from member to member")
    atoms = network
    for target in targets:
        force = DILUTE_FORCE_EV_A if target <= DILUTE_LI_PER_SI * len(network) else DENSE_FORCE_EV_A
        atoms = relax(insert(atoms, target - (len(atoms) - len(network))), force)
        yield atoms


def insert(atoms: Atoms, count: int) -> Atoms:
    """A copy with `count` Li atoms, one after another, each in the largest void, in a box larger by the volume law."""
    filled = atoms.copy()
    for _ in range(count):
        filled += Atoms("Li", positions=[largest_void(filled)])
        grown = (1.0 + VOLUME_PER_LI_A3 / filled.get_volume()) ** (1.0 / 3.0)
        filled.set_cell(filled.cell.array * grown, scale_atoms=True)
    return filled


def largest_void(atoms: Atoms) -> NDArray[np.float64]:
    """Centre (3,), in angstrom, of the largest sphere free of atoms: a vertex of their Voronoi diagram."""
    edge = float(atoms.cell.lengths()[0])
    home = atoms.get_positions(wrap=True)
    images = np.concatenate([home + edge * np.array(shift) for shift in product((-1, 0, 1), repeat=3)])
    points = images[np.all((images > -VOID_REACH_A) & (images < edge + VOID_REACH_A), axis=1)]
    centres, radii = _circumspheres(points[Delaunay(points).simplices])
    inside = np.flatnonzero(np.all((centres >= 0.0) & (centres < edge), axis=1))
    return centres[inside[np.argmax(radii[inside])]]


def _circumspheres(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (n, 3) and radii (n,) of the spheres through the corners (n, 4, 3) of tetrahedra."""
    sides = corners[:, 1:] - corners[:, :1]
    # slivers have no meaningful centre and are never the largest void
    sound = np.abs(np.linalg.det(sides)) > 1e-3
    sides, origin = sides[sound], corners[sound, 0]
    offset = np.linalg.solve(sides, 0.5 * np.sum(sides**2, axis=2)[..., None])[..., 0]
    return origin + offset, np.linalg.norm(offset, axis=1)


def mix(n_silicon: int, seed: int, lithium_per_silicon: float) -> Atoms:
    """Fully lithiated silicon: a melt of both elements at the volume of the law, cooled in steps and brought to rest.

    Nothing of the silicon network is left at such contents, so that it needs no network to start from.

    Parameters
    ----------
    n_silicon, seed : int
        Silicon atoms, and the root seed of positions and velocities.
    lithium_per_silicon : float
        Li atoms per Si atom.
    """
    rng = generator(seed, "melt", n_silicon)
    n_lithium = round(lithium_per_silicon * n_silicon)
    edge = (n_silicon * VOLUME_PER_SI_A3 + n_lithium * VOLUME_PER_LI_A3) ** (1.0 / 3.0)
    places = _scatter(n_silicon + n_lithium, edge, rng)
    atoms = Atoms(f"Si{n_silicon}Li{n_lithium}", positions=places, cell=[edge] * 3, pbc=True)
    for temperature_k, time_ps in MELT:
        velocities = int(rng.integers(1, 2**31))
        atoms = settle(atoms, temperature_k=temperature_k, time_ps=time_ps, seed=velocities, free_box=False)
    return relax(atoms, DENSE_FORCE_EV_A)


def _scatter(count: int, edge: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random places (count, 3) in a periodic box, none within 2 A of another."""
    places = np.empty((count, 3))
    found = 0
    while found < count:
        place = edge * rng.random(3)
        step = places[:found] - place
        step -= edge * np.round(step / edge)
        if np.all(np.sum(step**2, axis=1) > 4.0):
            places[found] = place
            found += 1
    return places
