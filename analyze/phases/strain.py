"""How much the lengths of known phases differ from those of their patterns, as heat and insertion make them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize_scalar

#: step of the search, as a share of a channel at the end of the data, and rounds over the phases
SEARCH_STEP, ROUNDS = 0.5, 2
#: a strain this close to its limit, as a share of it, is held by it
AT_LIMIT = 1e-3
#: of the derivative by strain
SMALL = 1e-5


def strained(q: NDArray[np.float64], intensity: NDArray[np.float64], strain: float) -> NDArray[np.float64]:
    """The pattern of the same atoms with all lengths longer by a factor of one plus the strain, shape (q,).

    Interference depends on Q times length: ``I(Q (1 + strain))``, by a cubic spline. Form factors and thermal motion
    depend on Q alone and so are moved too far, which in palladium is one per cent of the intensity for a strain of
    0.006; :attr:`~tsct.analyze.recipe.PhasePattern.strain_change` gives it back. Beyond the ends the last value stays.
    """
    spline = CubicSpline(q, intensity)
    return np.asarray(spline(np.clip(q * (1 + strain), q[0], q[-1])))


def fit_strains(
    explained: Callable[[NDArray[np.float64]], float], limits: Sequence[float], resolution: float
) -> NDArray[np.float64]:
    """Strains of phases with which their patterns explain the most, shape (phase,).

    A Bragg peak that lies beside its place explains nothing, so that there are many local optima: all strains up to the
    limit are tried, one phase after the other, and the best is refined.

    Parameters
    ----------
    explained : callable
        Share of a pattern that is explained with given strains.
    limits : sequence of float
        Largest strain of each phase; zero: it has none.
    resolution : float
        Strain that moves the end of the data by one channel.
    """
    strains = np.zeros(len(limits))
    free = np.flatnonzero(limits).tolist()
    for _ in range(ROUNDS if len(free) > 1 else 1):
        for k in free:
            strains[k] = _best(explained, strains, k, float(limits[k]), SEARCH_STEP * resolution)
    return strains


def _best(
    explained: Callable[[NDArray[np.float64]], float], strains: NDArray[np.float64], k: int, limit: float, step: float
) -> float:
    def lost(strain: float) -> float:
        trial = strains.copy()
        trial[k] = strain
        return 1.0 - explained(trial)

    tried = np.linspace(-limit, limit, 2 * int(np.ceil(limit / step)) + 1)
    at = int(np.argmin([lost(strain) for strain in tried]))
    around = float(tried[max(at - 1, 0)]), float(tried[min(at + 1, len(tried) - 1)])
    return float(minimize_scalar(lost, bounds=around, method="bounded", options={"xatol": 1e-3 * step}).x)
