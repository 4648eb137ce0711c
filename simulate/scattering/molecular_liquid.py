"""How molecules of a liquid or polymer interfere with each other: hard spheres of their size."""

import numpy as np
from ase import Atoms
from ase.data import vdw_radii
from numpy.typing import ArrayLike, NDArray

from .debye_sums import gauss_legendre

#: share of space that spheres fill at most in a liquid; dense organic liquids reach it
LIQUID_PACKING = 0.45
# van der Waals radius in angstrom of elements for which ase has none
_USUAL_RADIUS = 2.0


def percus_yevick(q: ArrayLike, packing: float, diameter: float) -> NDArray[np.float64]:
    """Structure factor of hard spheres.

    Percus & Yevick, Phys. Rev. 110, 1 (1958), with the direct correlation function of Wertheim, Phys. Rev. Lett. 10,
    321 (1963).

    Parameters
    ----------
    q : array_like, shape (n,)
        Momentum transfer in 1/angstrom.
    packing : float
        Volume fraction of the spheres, 0 to below 1.
    diameter : float
        Sphere diameter in angstrom.

    Returns
    -------
    numpy.ndarray, shape (n,)

    Examples
    --------
    >>> percus_yevick([0.0, 100.0], 0.45, 4.0).round(3)
    array([0.025, 1.   ])
    """
    x = np.asarray(q, dtype=float) * diameter
    alpha = (1.0 + 2.0 * packing) ** 2 / (1.0 - packing) ** 4
    beta = -6.0 * packing * (1.0 + 0.5 * packing) ** 2 / (1.0 - packing) ** 4
    # quadrature, because the closed form is a difference of large terms at small x
    s, weights = gauss_legendre(0.0, 1.0, float(x.max(initial=0.0)))
    direct = weights * s**2 * (alpha + beta * s + 0.5 * packing * alpha * s**3)
    return 1.0 / (1.0 + 24.0 * packing * (np.sinc(np.multiply.outer(x, s) / np.pi) @ direct))


def sphere_packing(molecular_volume: float, number_density: float) -> tuple[float, float]:
    """Packing fraction and diameter of the spheres that stand for molecules.

    Parameters
    ----------
    molecular_volume : float
        Volume of one molecule in cubic angstrom.
    number_density : float
        Molecules per cubic angstrom.

    Returns
    -------
    packing : float
        Share of space that the molecules fill, at most 0.45.
    diameter : float
        Diameter in angstrom of as many spheres that fill that share.
    """
    packing = min(molecular_volume * number_density, LIQUID_PACKING)
    return packing, (6.0 * packing / (np.pi * number_density)) ** (1.0 / 3.0)


def van_der_waals_volume(molecule: Atoms, step: float = 0.15) -> float:
    """Volume of the union of the van der Waals spheres of a molecule in cubic angstrom, counted on a grid of `step`."""
    radii = np.nan_to_num(vdw_radii[molecule.numbers], nan=_USUAL_RADIUS)
    low = (molecule.positions - radii[:, None]).min(axis=0)
    high = (molecule.positions + radii[:, None]).max(axis=0)
    axes = [np.arange(a + 0.5 * step, b, step) for a, b in zip(low, high, strict=True)]
    inside = np.zeros([axis.size for axis in axes], dtype=bool)
    for position, radius in zip(molecule.positions, radii, strict=True):
        near = [slice(*np.searchsorted(axis, (x - radius, x + radius))) for axis, x in zip(axes, position, strict=True)]
        x, y, z = ((axis[part] - p) ** 2 for axis, part, p in zip(axes, near, position, strict=True))
        inside[*near] |= x[:, None, None] + y[:, None] + z < radius**2
    return float(inside.sum()) * step**3
