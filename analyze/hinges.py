"""Onset potentials: where piecewise-linear signals start or bend."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import chdtrc


@dataclass(frozen=True, slots=True, kw_only=True)
class Hinges:
    """Fitted hinge model.

    Attributes
    ----------
    potentials_v, errors_v : ndarray, shape (hinge,)
        Potentials of the hinges, falling, and their standard errors; NaN where the series cannot tell.
    slopes : ndarray, shape (signal, hinge)
        Change of slope of each signal at each hinge, per volt of discharge.
    model : ndarray, shape (signal, state)
    chi_squared, freedom : float, int
        Misfit of the hinge model and its degrees of freedom.
    chance : float
        Chance that signals of pure noise are as large as these.
    """

    potentials_v: NDArray[np.float64]
    errors_v: NDArray[np.float64]
    slopes: NDArray[np.float64]
    model: NDArray[np.float64]
    chi_squared: float
    freedom: int
    chance: float


def fit_hinges(
    potential_v: NDArray[np.float64],
    signals: NDArray[np.float64],
    covariance: NDArray[np.float64],
    *,
    hinges: int = 3,
    step_v: float = 0.01,
) -> Hinges:
    """Fit several signals with hinges at common potentials.

    ``y_k(V) = sum_j s_kj max(0, V_j - V)``. All combinations on a grid over the measured potentials are tried, so no
    starting point is needed; the best is then refined.

    Parameters
    ----------
    potential_v : ndarray, shape (state,)
        Potentials, without the reference state.
    signals : ndarray, shape (signal, state)
        Signed amplitudes.
    covariance : ndarray, shape (signal, state, signal, state)
        Of all signals over the states, the shared reference included.
    hinges : int
        How many.
    step_v : float
        Step of the grid.
    """
    count, states = signals.shape
    whiten = np.linalg.inv(np.linalg.cholesky(covariance.reshape(count * states, count * states)))
    target = whiten @ signals.ravel()

    def columns(at: NDArray) -> NDArray:
        """Whitened ramps of every signal, shape (signal state, signal, hinge)."""
        ramps = np.maximum(0.0, at[:, None] - potential_v)
        return np.einsum("iks,hs->ikh", whiten.reshape(-1, count, states), ramps)

    def solve(at: NDArray) -> tuple[NDArray, NDArray]:
        design = columns(at).reshape(len(target), -1)
        slopes = np.linalg.lstsq(design, target, rcond=1e-9)[0]
        return slopes.reshape(count, -1), target - design @ slopes

    grid = np.arange(potential_v.min() + step_v, potential_v.max() + 0.1, step_v)[::-1]
    best = grid[_best_on_grid(columns(grid), target, hinges)]
    found = least_squares(lambda at: solve(at)[1], best, x_scale=step_v, diff_step=1e-5)
    slopes, residuals = solve(found.x)
    model = slopes @ np.maximum(0.0, found.x[:, None] - potential_v)
    return Hinges(
        potentials_v=found.x,
        errors_v=_errors(found.jac),
        slopes=slopes,
        model=model,
        chi_squared=float(residuals @ residuals),
        chance=float(chdtrc(target.size, np.sum(target**2))),
        freedom=residuals.size - slopes.size - hinges,
    )


def _best_on_grid(ramps: NDArray, target: NDArray, hinges: int) -> NDArray[np.intp]:
    """Indices of the hinges, rising, that explain most of the whitened targets.

    Least squares of every combination at once: it explains ``b G^-1 b``, with the Gram matrix G of the ramps of all
    signals and b their products with the target.

    Parameters
    ----------
    ramps : ndarray, shape (signal state, signal, grid)
        Whitened ramps that start at each point of the grid.
    target : ndarray, shape (signal state,)
    hinges : int
    """
    count, grid = ramps.shape[1:]
    flat = ramps.reshape(len(target), -1)
    gram, product = flat.T @ flat, target @ flat
    choices = np.array(list(combinations(range(grid), hinges)))
    at = (choices[:, None, :] + grid * np.arange(count)[:, None]).reshape(len(choices), -1)
    # ramps that differ by one step between two states are nearly parallel
    ridge = 1e-9 * gram.max() * np.eye(at.shape[1])
    solved = np.linalg.solve(gram[at[:, :, None], at[:, None, :]] + ridge, product[at][..., None])[..., 0]
    return choices[np.argmax(np.einsum("ck,ck->c", solved, product[at]))]


def _errors(jacobian: NDArray) -> NDArray[np.float64]:
    information = jacobian.T @ jacobian
    if np.linalg.cond(information) > 1e12:
        return np.full(len(information), np.nan)
    return np.sqrt(np.diag(np.linalg.inv(information)))
