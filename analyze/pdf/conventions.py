"""What different programs call a PDF, converted exactly into each other.

All are the same function of distance in another dress (D. A. Keen, J. Appl. Cryst. 34, 172 (2001), normalised by the
square of the mean form factor). A density that is not known exactly makes all but G and D uncertain.
"""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, UsageError, nearest

Function = Literal["G", "D", "T", "RDF", "g"]
Array = NDArray[np.float64]

#: from G(r) and the line 4 pi r rho to each function, and back
_FROM_G: Mapping[str, Callable[[Array, Array, Array], Array]] = {
    "G": lambda r, g, line: g,
    "D": lambda r, g, line: g,
    "T": lambda r, g, line: g + line,
    "RDF": lambda r, g, line: r * (g + line),
    "g": lambda r, g, line: g / line + 1.0,
}
_TO_G: Mapping[str, Callable[[Array, Array, Array], Array]] = {
    "G": lambda r, f, line: f,
    "D": lambda r, f, line: f,
    "T": lambda r, f, line: f - line,
    "RDF": lambda r, f, line: f / r - line,
    "g": lambda r, f, line: (f - 1.0) * line,
}


def convert(r: Array, values: Array, source: Function, target: Function, density_per_a3: float) -> Array:
    """One of the functions G, D, T, RDF, g from another.

    ``G = D = 4 pi r rho (g - 1)``, ``T = G + 4 pi r rho``, ``RDF = r T = 4 pi r^2 rho g``. Keen's D is this one times
    the squared mean form factor; his G is g - 1, in the same normalisation.

    Parameters
    ----------
    r : ndarray, shape (r,)
        Distances in angstrom, positive.
    values : ndarray, shape (..., r)
        The function named by `source`: G, D, T in 1/angstrom^2, RDF in 1/angstrom, g without unit.
    source, target : {"G", "D", "T", "RDF", "g"}
        What is given and what is wanted.
    density_per_a3 : float
        Average number density rho in atoms per cubic angstrom.

    Raises
    ------
    UsageError
        For an unknown function.
    InputError
        If a distance or the density is not positive.

    Examples
    --------
    >>> r = np.array([2.0, 4.0])
    >>> convert(r, np.zeros(2), "G", "RDF", 0.05).round(3)
    array([ 2.513, 10.053])
    """
    for name in (source, target):
        if name not in _FROM_G:
            names = get_args(Function)
            raise UsageError(f"convert: no function '{name}'{nearest(name, names)}; there are {', '.join(names)}")
    if not (np.all(r > 0) and density_per_a3 > 0):
        raise InputError(f"convert: distances and the density ({density_per_a3:g} 1/A3) must be positive")
    line = 4 * np.pi * r * density_per_a3
    return _FROM_G[target](r, _TO_G[source](r, np.asarray(values, dtype=np.float64), line), line)
