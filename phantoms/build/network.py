"""Amorphous silicon as a continuous random network, made by bond switching."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.build import bulk
from numba import njit
from numpy.typing import NDArray

from tsct.records.seeds import generator

#: bond stretching, eV/A2, and bond bending relative to it (Keating, Phys. Rev. 145, 637 (1966), silicon values)
STRETCH_EV_A2 = 2.965
BEND_RATIO = 0.285
BOND_A = 2.35
#: edge of the diamond cell with that bond
CELL_A = 4.0 / np.sqrt(3.0) * BOND_A
#: volume per atom at 2.285 g/cm3 (Laaziri et al., Phys. Rev. B 60, 13520 (1999): 1.8 % less dense than the crystal)
VOLUME_PER_SI_A3 = 20.41
#: temperatures of the anneal in eV; above 0.5 eV the network melts into one that cannot be healed
SCHEDULE_EV = (0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2)
#: bond exchanges per atom that wipe out the crystal before the anneal
EXCHANGES_PER_ATOM = 0.36
#: energy that a relaxation may still gain, over |force|^2 (Barkema & Mousseau, Phys. Rev. B 62, 4985 (2000))
GAIN_A2_EV = 0.25
#: atoms within this many bonds of an exchange move with it
SHELLS = 3


def build(
    n_atoms: int,
    seed: int,
    *,
    proposals_per_atom: int = 2500,
    schedule_ev: Sequence[float] = SCHEDULE_EV,
    volume_per_atom_a3: float = VOLUME_PER_SI_A3,
) -> Atoms:
    """Four-fold coordinated network of silicon in a cubic periodic box.

    Starts from diamond, exchanges bonds at random, then anneals by bond switching. The method is that of Wooten, Winer
    & Weaire, Phys. Rev. Lett. 54, 1392 (1985), with the local relaxation and early rejection of Barkema & Mousseau,
    Phys. Rev. B 62, 4985 (2000). Positions minimise the Keating energy; relax once more with a better potential.

    Parameters
    ----------
    n_atoms : int
        8 m^3 with m a whole number, at least 3: 216, 512, 1000, ...
    seed : int
        Root seed. The same seed gives the same network.
    proposals_per_atom : int
        Exchanges proposed per atom at each temperature.
    schedule_ev : sequence of float
        Temperatures of the anneal, in eV.
    volume_per_atom_a3 : float
        Volume per atom of the result in cubic angstrom.

    Returns
    -------
    ase.Atoms
        `n_atoms` silicon atoms; ``arrays["bonded"]`` (n_atoms, 4) names the bonded neighbours of each.

    Raises
    ------
    ValueError
        If `n_atoms` does not fill a cube of diamond cells.
    """
    positions, neighbours, edge = diamond(n_atoms)
    rng = generator(seed, "network", n_atoms)
    randomise(positions, neighbours, edge, round(EXCHANGES_PER_ATOM * n_atoms), rng)
    relax(positions, neighbours, edge)
    for kt_ev in schedule_ev:
        _anneal(positions, neighbours, edge, kt_ev, proposals_per_atom * n_atoms, rng)
        relax(positions, neighbours, edge)
    edge_out = (n_atoms * volume_per_atom_a3) ** (1.0 / 3.0)
    atoms = Atoms(f"Si{n_atoms}", positions=positions * (edge_out / edge), cell=[edge_out] * 3, pbc=True)
    atoms.set_array("bonded", neighbours)
    atoms.wrap()
    return atoms


def diamond(n_atoms: int) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """Positions (n, 3) in angstrom, neighbour table (n, 4) and edge in angstrom of a cube of diamond cells."""
    cells = round((n_atoms / 8) ** (1.0 / 3.0))
    if 8 * cells**3 != n_atoms or cells < 3:
        raise ValueError(f"n_atoms is {n_atoms}; allowed are 8 m^3 with m >= 3: 216, 512, 1000, ...")
    atoms = bulk("Si", "diamond", a=CELL_A, cubic=True) * (cells, cells, cells)
    neighbours = np.empty((n_atoms, 4), dtype=np.int64)
    for i in range(n_atoms):
        distances = atoms.get_distances(i, range(n_atoms), mic=True)
        neighbours[i] = np.flatnonzero((distances > 0.1) & (distances < 1.1 * BOND_A))
    return atoms.positions.copy(), neighbours, cells * CELL_A


def energy(positions: NDArray[np.float64], neighbours: NDArray[np.int64], edge: float) -> float:
    """Keating energy in eV of the whole network."""
    forces = np.zeros_like(positions)
    return float(_energy_forces(positions, neighbours, edge, np.arange(len(positions)), forces))


def relax(positions: NDArray[np.float64], neighbours: NDArray[np.int64], edge: float, *, steps: int = 2000) -> float:
    """Move all atoms, in place, to the nearest minimum of the Keating energy and return it in eV."""
    everything = np.arange(len(positions))
    return float(_descend(positions, neighbours, edge, everything, everything, steps, np.inf))


def randomise(
    positions: NDArray[np.float64],
    neighbours: NDArray[np.int64],
    edge: float,
    exchanges: int,
    rng: np.random.Generator,
) -> None:
    """Exchange bonds at random, whatever they cost, relaxing only their surroundings; in place."""
    done = 0
    while done < exchanges:
        chain = _propose(neighbours, rng)
        if chain[0] >= 0:
            _exchange(neighbours, chain)
            mobile, centres = _surroundings(neighbours, chain)
            _descend(positions, neighbours, edge, mobile, centres, 60, np.inf)
            done += 1


@njit(cache=True)
def _separation(positions, i, j, edge, out):
    for axis in range(3):
        step = positions[j, axis] - positions[i, axis]
        out[axis] = step - edge * np.rint(step / edge)


@njit(cache=True, fastmath=True)
def _energy_forces(positions, neighbours, edge, centres, forces):
    """Keating energy of the bonds (half each) and angles at `centres`; adds to `forces` of all atoms they touch."""
    d2 = BOND_A * BOND_A
    k_bond = 3.0 * STRETCH_EV_A2 / (16.0 * d2)
    k_angle = 3.0 * BEND_RATIO * STRETCH_EV_A2 / (8.0 * d2)
    total = 0.0
    arms = np.empty((4, 3))
    for i in centres:
        for a in range(4):
            _separation(positions, i, neighbours[i, a], edge, arms[a])
        for a in range(4):
            j = neighbours[i, a]
            x, y, z = arms[a]
            excess = x * x + y * y + z * z - d2
            total += 0.5 * k_bond * excess * excess
            pull = 2.0 * k_bond * excess
            for axis in range(3):
                forces[i, axis] += pull * arms[a, axis]
                forces[j, axis] -= pull * arms[a, axis]
            for b in range(a):
                k = neighbours[i, b]
                bend = x * arms[b, 0] + y * arms[b, 1] + z * arms[b, 2] + d2 / 3.0
                total += k_angle * bend * bend
                pull = 2.0 * k_angle * bend
                for axis in range(3):
                    forces[j, axis] -= pull * arms[b, axis]
                    forces[k, axis] -= pull * arms[a, axis]
                    forces[i, axis] += pull * (arms[a, axis] + arms[b, axis])
    return total


@njit(cache=True)
def _clear(forces, neighbours, centres):
    for i in centres:
        forces[i] = 0.0
        for j in neighbours[i]:
            forces[j] = 0.0


@njit(cache=True)
def _descend(positions, neighbours, edge, mobile, centres, steps, ceiling):
    """FIRE relaxation of `mobile`; gives up once even the estimated gain cannot reach `ceiling`.

    Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), with unit masses. Returns the energy of `centres` in eV.
    """
    forces = np.zeros_like(positions)
    velocity = np.zeros((mobile.size, 3))
    dt, mixing, downhill = 0.15, 0.1, 0
    value = 0.0
    for step in range(steps):
        _clear(forces, neighbours, centres)
        value = _energy_forces(positions, neighbours, edge, centres, forces)
        power, f2, v2 = 0.0, 0.0, 0.0
        for m in range(mobile.size):
            for axis in range(3):
                force = forces[mobile[m], axis]
                power += force * velocity[m, axis]
                f2 += force * force
                v2 += velocity[m, axis] * velocity[m, axis]
        if f2 < 1e-7 * mobile.size or (step > 4 and value - GAIN_A2_EV * f2 > ceiling):
            break
        scale = np.sqrt(v2 / f2)
        if power > 0.0:
            downhill += 1
            if downhill > 5:
                dt, mixing = min(1.1 * dt, 0.3), 0.99 * mixing
        elif step > 0:
            dt, mixing, downhill = 0.5 * dt, 0.1, 0
            velocity[:] = 0.0
            scale = 0.0
        for m in range(mobile.size):
            for axis in range(3):
                force = forces[mobile[m], axis]
                kept = (1.0 - mixing) * velocity[m, axis] + mixing * scale * force
                velocity[m, axis] = kept + dt * force
                positions[mobile[m], axis] += dt * velocity[m, axis]
    return value


@njit(cache=True)
def _bonded(neighbours, i, j):
    for k in neighbours[i]:  # noqa: SIM110 (numba has no generators in any())
        if k == j:
            return True
    return False


@njit(cache=True)
def _share_neighbour(neighbours, i, j, but_not):
    for k in neighbours[i]:  # noqa: SIM110
        if k != but_not and _bonded(neighbours, j, k):
            return True
    return False


@njit(cache=True)
def _propose(neighbours, rng):
    """Chain a-b-c-d whose bonds a-b and c-d may become a-c and b-d; a = -1 if the draw is not allowed.

    Refused are chains that would close a ring of three or a double bond.
    """
    b = rng.integers(0, neighbours.shape[0])
    c = neighbours[b, rng.integers(0, 4)]
    a = neighbours[b, rng.integers(0, 4)]
    d = neighbours[c, rng.integers(0, 4)]
    chain = np.array([a, b, c, d])
    closes = a in (c, d) or d == b or _bonded(neighbours, a, c) or _bonded(neighbours, b, d)
    if closes or _share_neighbour(neighbours, a, c, b) or _share_neighbour(neighbours, b, d, c):
        chain[0] = -1
    return chain


@njit(cache=True)
def _replace(neighbours, i, old, new):
    for slot in range(4):
        if neighbours[i, slot] == old:
            neighbours[i, slot] = new
            return


@njit(cache=True)
def _exchange(neighbours, chain):
    a, b, c, d = chain
    _replace(neighbours, a, b, c)
    _replace(neighbours, c, d, a)
    _replace(neighbours, b, a, d)
    _replace(neighbours, d, c, b)


@njit(cache=True)
def _surroundings(neighbours, chain):
    """Atoms within SHELLS bonds of the chain, and the same plus one more shell, whose angles they change."""
    inside = np.zeros(neighbours.shape[0], dtype=np.bool_)
    found = np.empty(neighbours.shape[0], dtype=np.int64)
    count = 0
    for i in chain:
        inside[i] = True
        found[count] = i
        count += 1
    start, mobile = 0, 0
    for _ in range(SHELLS + 1):
        mobile = count
        for m in range(start, mobile):
            for j in neighbours[found[m]]:
                if not inside[j]:
                    inside[j] = True
                    found[count] = j
                    count += 1
        start = mobile
    return found[:mobile].copy(), found[:count].copy()


@njit(cache=True)
def _anneal(positions, neighbours, edge, kt_ev, proposals, rng):
    """Metropolis bond switching at one temperature, in place; returns the number of exchanges kept.

    The threshold is drawn before the relaxation, so that hopeless exchanges are dropped after a few steps.
    """
    everything = np.arange(positions.shape[0])
    forces = np.zeros_like(positions)
    kept = 0
    for _ in range(proposals):
        chain = _propose(neighbours, rng)
        if chain[0] < 0:
            continue
        mobile, centres = _surroundings(neighbours, chain)
        before_moving = positions[mobile].copy()
        old = _energy_forces(positions, neighbours, edge, centres, forces)
        ceiling = old - kt_ev * np.log(1.0 - rng.random())
        _exchange(neighbours, chain)
        new = _descend(positions, neighbours, edge, mobile, centres, 100, ceiling)
        if new <= ceiling:
            kept += 1
            # the region was held at its rim: let the whole network settle before the next proposal
            _descend(positions, neighbours, edge, everything, everything, 10, np.inf)
        else:
            _exchange(neighbours, np.array([chain[0], chain[2], chain[1], chain[3]]))
            positions[mobile] = before_moving
    return kept
