"""Onset potentials: where piecewise-linear signals start or bend."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import chdtrc

from tsct.records.seeds import generator

#: one more hinge is believed if noise about fewer of them gains as much from it with a smaller chance
SIGNIFICANCE = 0.01
#: series that are drawn to find that chance: it is known in steps of 1/200
DRAWS = 199
#: errors are the largest of the half widths at so many standard errors, each divided by that many
WIDTHS = (1.0, 2.0)
#: points of each hinge's profile between the ends of its range, and how many standard errors these are away at first
POINTS, REACH = 15, 2.5
#: a profile is widened so often until it leaves the interval
WIDENED = 5
#: hinges are looked for so far above the highest potential of the series, V
REACH_ABOVE_V = 0.1
#: combinations of hinges that are solved at once, to bound the memory
BLOCK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Hinges:
    """Fitted hinge model.

    Attributes
    ----------
    potentials_v, errors_v : ndarray, shape (hinge,)
        Potentials of the hinges, falling, and their standard errors; NaN for hinges that the series does not support,
        which are the last ones, and where it does not bound the potential. See :attr:`reasons`.
    slopes : ndarray, shape (signal, hinge)
        Change of slope of each signal at each hinge, per volt of discharge.
    model : ndarray, shape (signal, state)
        Of the hinges that are supported.
    chi_squared, freedom : float, int
        Misfit of the hinge model and its degrees of freedom.
    chance : float
        Chance that signals of pure noise are as large as these.
    chances : ndarray, shape (hinge,)
        Chance that so many hinges gain as much over one fewer if there are no more than these; `chance` for the first,
        NaN where it was not asked because more are supported.
    reasons : tuple of str
        Why potential or error of a hinge are not known; empty where they are.
    """

    potentials_v: NDArray[np.float64]
    errors_v: NDArray[np.float64]
    slopes: NDArray[np.float64]
    model: NDArray[np.float64]
    chi_squared: float
    freedom: int
    chance: float
    chances: NDArray[np.float64]
    reasons: tuple[str, ...]

    @property
    def number(self) -> int:
        """Hinges that the series supports."""
        return int(np.count_nonzero(np.isfinite(self.potentials_v)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Series:
    """Whitened signals, and ramps to explain them with.

    Attributes
    ----------
    potential_v : ndarray, shape (state,)
    whiten : ndarray, shape (signal state, signal, state)
    target : ndarray, shape (signal state,)
    """

    potential_v: NDArray[np.float64]
    whiten: NDArray[np.float64]
    target: NDArray[np.float64]

    @property
    def signals(self) -> int:
        return self.whiten.shape[1]

    def freedom(self, hinges: int) -> int:
        """Degrees of freedom that so many hinges leave."""
        return self.target.size - hinges * (self.signals + 1)

    def columns(self, at: NDArray[Any]) -> NDArray[np.float64]:
        """Whitened ramps of every signal, shape (signal state, signal, hinge)."""
        ramps = np.maximum(0.0, at[:, None] - self.potential_v)
        return np.einsum("iks,hs->ikh", self.whiten, ramps)

    def solve(self, at: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Slopes, shape (signal, hinge), and what they leave of the target."""
        design = self.columns(at).reshape(len(self.target), -1)
        slopes = np.linalg.lstsq(design, self.target, rcond=1e-9)[0]
        return slopes.reshape(self.signals, -1), self.target - design @ slopes

    def refined(self, start: NDArray[Any], step_v: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """The best hinges near these, falling, and the errors that the curvature there suggests.

        The start itself, with unknown errors, if the search leaves the grid or lets two hinges meet.
        """
        found = least_squares(lambda v: self.solve(v)[1], start, x_scale=step_v, diff_step=1e-5)
        order = np.argsort(found.x)[::-1]
        at, (low, high) = found.x[order], (self.potential_v.min(), self.potential_v.max() + REACH_ABOVE_V)
        if at[-1] <= low or at[0] >= high or np.any(-np.diff(at) < step_v / 10):
            return start, np.full(len(start), np.nan)
        return at, _curvature_errors(found.jac)[order]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """The best fit with so many hinges.

    Attributes
    ----------
    at, guess : ndarray, shape (hinge,)
        Potentials of the hinges, falling, and the errors that the curvature of chi-squared suggests.
    choices : ndarray of int, shape (choice, hinge)
        All combinations of points of the grid.
    explained : ndarray, shape (choice,)
        What they explain of chi-squared.
    """

    at: NDArray[np.float64]
    guess: NDArray[np.float64]
    choices: NDArray[np.intp]
    explained: NDArray[np.float64]


def fit_hinges(
    potential_v: NDArray[np.float64],
    signals: NDArray[np.float64],
    covariance: NDArray[np.float64],
    *,
    hinges: int = 3,
    step_v: float = 0.01,
) -> Hinges:
    """Fit several signals with hinges at common potentials, as many as the series supports.

    ``y_k(V) = sum_j s_kj max(0, V_j - V)``. All combinations on a grid over the measured potentials are tried, so no
    starting point is needed; the best is then refined. Whether the last hinge is needed is asked first, then the last
    but one: where a hinge lies means nothing without it, so that its gain in chi-squared follows no known distribution;
    it is compared with that in series drawn from the fit without it (McLachlan, J. R. Stat. Soc. C 36, 318 (1987)).

    Errors are half the widths of the intervals in which the profile of chi-squared, the other hinges and all slopes
    fitted anew, rises by one (or by the misfit per degree of freedom if that is larger), or half of that for a rise by
    four if this is more: the profile of a hinge is no parabola, it has a kink at every measured potential and may have
    several minima. Where fewer hinges explain the series as well as more, those that are left may stand for two of the
    latter: their distance from the nearest of these is added in quadrature.

    Parameters
    ----------
    potential_v : ndarray, shape (state,)
        Potentials, without the reference state.
    signals : ndarray, shape (signal, state)
        Signed amplitudes.
    covariance : ndarray, shape (signal, state, signal, state)
        Of all signals over the states, the shared reference included.
    hinges : int
        How many at most.
    step_v : float
        Step of the grid.
    """
    count, states = signals.shape
    whiten = np.linalg.inv(np.linalg.cholesky(covariance.reshape(count * states, count * states)))
    target = whiten @ signals.ravel()
    series = _Series(potential_v=potential_v, whiten=whiten.reshape(-1, count, states), target=target)
    grid = np.arange(potential_v.min() + step_v, potential_v.max() + REACH_ABOVE_V, step_v)[::-1]
    columns = series.columns(grid)
    fits = [_fitted(series, grid, columns, number, step_v) for number in range(1, hinges + 1)]
    chances = _chances(series, columns, fits)
    number = next((k for k in range(hinges, 1, -1) if chances[k - 1] <= SIGNIFICANCE), 1)
    best, richer = fits[number - 1], fits[number:]
    slopes, residuals = series.solve(best.at)
    chi_squared, freedom = float(residuals @ residuals), series.freedom(number)
    coarse = grid[best.choices], float(target @ target) - best.explained
    errors, reasons = _profile_errors(series, best, coarse, _misfit(chi_squared, freedom), step_v)
    apart = [np.abs(best.at[:, None] - other.at).min(axis=1) for other in richer]
    errors = np.hypot(errors, np.max(apart, axis=0, initial=0.0))
    missing = np.full(hinges - number, np.nan)
    chance = np.nanmax(chances[number:], initial=0.0)
    unsupported = f"{number} of {hinges} hinges explain the series as well (chance {chance:.2g})"
    return Hinges(
        potentials_v=np.append(best.at, missing),
        errors_v=np.append(errors, missing),
        slopes=np.column_stack([slopes, np.full((count, len(missing)), np.nan)]),
        model=slopes @ np.maximum(0.0, best.at[:, None] - potential_v),
        chi_squared=chi_squared,
        freedom=freedom,
        chance=float(chances[0]),
        chances=chances,
        reasons=(*reasons, *[unsupported] * len(missing)),
    )


def _fitted(series: _Series, grid: NDArray[Any], columns: NDArray[Any], number: int, step_v: float) -> _Fit:
    choices = np.array(list(combinations(range(len(grid)), number)))
    explained = _explained(columns, series.target[:, None], choices)[:, 0]
    at, guess = series.refined(grid[choices[np.argmax(explained)]], step_v)
    return _Fit(at=at, guess=guess, choices=choices, explained=explained)


def _chances(series: _Series, columns: NDArray[Any], fits: Sequence[_Fit]) -> NDArray[np.float64]:
    """See :attr:`Hinges.chances`; the last hinge is asked about first, and others only while none is supported."""
    found = np.full(len(fits), np.nan)
    found[0] = chdtrc(series.target.size, np.sum(series.target**2))
    left = series.solve(fits[-1].at)[1]
    scale = np.sqrt(_misfit(float(left @ left), series.freedom(len(fits))))
    for k in range(len(fits) - 1, 0, -1):
        fewer, more = fits[k - 1], fits[k]
        null = series.target - series.solve(fewer.at)[1]
        noise = generator(0, "hinges", k).standard_normal((len(null), DRAWS))
        drawn = [_explained(columns, null[:, None] + scale * noise, fit.choices).max(axis=0) for fit in (fewer, more)]
        gain = more.explained.max() - fewer.explained.max()
        found[k] = (1 + np.sum(drawn[1] - drawn[0] >= gain)) / (1 + DRAWS)
        if found[k] <= SIGNIFICANCE:
            break
    return found


def _misfit(chi_squared: float, freedom: int) -> float:
    """By what variances are larger than stated, at least one."""
    return max(1.0, chi_squared / freedom) if freedom > 0 else 1.0


def _explained(ramps: NDArray[Any], targets: NDArray[Any], choices: NDArray[Any]) -> NDArray[np.float64]:
    """What least squares with every combination of ramps explains of the whitened targets, shape (choice, target).

    It is ``b G^-1 b``, with the Gram matrix G of the ramps of all signals and b their products with the target.

    Parameters
    ----------
    ramps : ndarray, shape (signal state, signal, grid)
        Whitened ramps that start at each point of the grid.
    targets : ndarray, shape (signal state, target)
    choices : ndarray of int, shape (choice, hinge)
    """
    count, grid = ramps.shape[1:]
    flat = ramps.reshape(len(targets), -1)
    gram, products = flat.T @ flat, flat.T @ targets
    at = (choices[:, None, :] + grid * np.arange(count)[:, None]).reshape(len(choices), -1)
    # ramps that differ by one step between two states are nearly parallel
    ridge = 1e-9 * gram.max() * np.eye(at.shape[1])
    found = np.empty((len(choices), targets.shape[1]))
    for start in range(0, len(choices), BLOCK):
        block = at[start : start + BLOCK]
        b = products[block]
        solved = np.linalg.solve(gram[block[:, :, None], block[:, None, :]] + ridge, b)
        found[start : start + BLOCK] = np.einsum("ckt,ckt->ct", solved, b)
    return found


def _profile_errors(
    series: _Series, fit: _Fit, coarse: tuple[NDArray[Any], NDArray[Any]], rise: float, step_v: float
) -> tuple[NDArray[Any], list[str]]:
    """Standard errors of all hinges from their profiles, NaN with a reason where these do not rise on both sides.

    Parameters
    ----------
    coarse : tuple of ndarray
        Potentials, shape (choice, hinge), and chi-squared of all combinations on the grid.
    rise : float
        By how much chi-squared may rise above the least.
    """
    at, guess = fit.at, fit.guess
    ends = np.array([series.potential_v.min(), series.potential_v.max() + REACH_ABOVE_V])
    reach = np.where(np.isfinite(guess), REACH * guess, step_v).clip(step_v / 4, np.ptp(ends))
    for _ in range(WIDENED):
        fine = _near(series, at, reach, ends)
        least = min(fine[1].min(), coarse[1].min())
        profiles = [_profile(fine, coarse, k) for k in range(len(at))]
        sides = np.array([[_interval(*profile, least, n**2 * rise) for profile in profiles] for n in WIDTHS])
        sides -= at[:, None]
        # what lies beyond the fine lines is known in steps of the grid only
        beyond = np.any(np.abs(sides) > reach[:, None], axis=(0, 2))
        if not beyond.any():
            break
        reach = np.where(beyond, 2 * reach, reach)
    errors = np.max(np.sqrt(np.mean(sides**2, axis=2)) / np.array(WIDTHS)[:, None], axis=0)
    below, above = np.isnan(sides).any(axis=0).T
    unbounded = "the series does not bound it"
    reasons = {
        (False, False): "",
        (True, False): f"{unbounded} from below",
        (False, True): f"{unbounded} from above",
        (True, True): unbounded,
    }
    return errors, [reasons[bool(low), bool(high)] for low, high in zip(below, above, strict=True)]


def _near(
    series: _Series, at: NDArray[Any], reach: NDArray[Any], ends: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Potentials, shape (choice, hinge), and chi-squared of combinations on fine lines about the best hinges."""
    lines = np.clip(at[:, None] + reach[:, None] * np.linspace(-1, 1, POINTS), *ends)
    index = np.indices((POINTS,) * len(at)).reshape(len(at), -1).T
    places = np.take_along_axis(lines, index.T, axis=1).T
    falling = np.all(np.diff(places, axis=1) < 0, axis=1)
    choices = index[falling] + POINTS * np.arange(len(at))
    explained = _explained(series.columns(lines.ravel()), series.target[:, None], choices)[:, 0]
    return places[falling], float(series.target @ series.target) - explained


def _profile(
    fine: tuple[NDArray[Any], NDArray[Any]], coarse: tuple[NDArray[Any], NDArray[Any]], k: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Potentials of one hinge, rising, and the least chi-squared with it there; of the grid beyond the fine line."""
    values, misfits = [], []
    low, high = fine[0][:, k].min(), fine[0][:, k].max()
    for places, chi_squared in (fine, coarse):
        value, which = np.unique(places[:, k], return_inverse=True)
        least = np.full(len(value), np.inf)
        np.minimum.at(least, which, chi_squared)
        use = np.ones(len(value), dtype=bool) if places is fine[0] else (value < low) | (value > high)
        values.append(value[use])
        misfits.append(least[use])
    order = np.argsort(np.concatenate(values))
    return np.concatenate(values)[order], np.concatenate(misfits)[order]


def _interval(value: NDArray[Any], chi_squared: NDArray[Any], least: float, rise: float) -> NDArray[np.float64]:
    """Where a profile has risen for good, below and above; NaN where it never does."""
    height = np.sqrt(np.maximum(chi_squared - least, 0.0) / rise)
    inside = np.flatnonzero(height <= 1)
    found = np.full(2, np.nan)
    if not inside.size:
        # the least lies between the lines of this profile, which say nothing of its width then
        return found
    for side, (last, next_) in enumerate(((inside[0], inside[0] - 1), (inside[-1], inside[-1] + 1))):
        if 0 <= next_ < len(value):
            share = (1 - height[last]) / (height[next_] - height[last])
            found[side] = value[last] + share * (value[next_] - value[last])
    return found


def _curvature_errors(jacobian: NDArray[Any]) -> NDArray[np.float64]:
    information = jacobian.T @ jacobian
    if np.linalg.cond(information) > 1e12:
        return np.full(len(information), np.nan)
    return np.sqrt(np.diag(np.linalg.inv(information)))
