"""Simulation-based calibration of the series fit: true parameters must fall anywhere among draws of the posterior.

Parameters are drawn from a prior, what the handbook leaves open of the Si-Li shell from the normal law that the fit
takes it for; patterns are made from them, counts are drawn, the series is fitted, and the rank of each true parameter
among draws of its posterior is noted (Talts et al., arXiv:1804.06788 (2018)). If the posteriors are right all ranks are
equally frequent; with a posterior that is too narrow the first and the last rank are too frequent. By how much it is
too narrow, the scatter of (estimate - truth) over the stated error tells, which no number of draws limits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from tsct.analyze.phases import (
    HINGED,
    LITHIUM_DOUBT,
    PARAMETERS,
    SILICON,
    SILICON_COORDINATION,
    SILICON_LITHIUM,
    Reference,
    Shell,
    fit_reference,
    fit_series,
    shell_pattern,
)
from tsct.analyze.recipe import Recipe
from tsct.records.seeds import generator

from .coverage import Region

#: potentials of the series, V; the first is the reference
POTENTIALS_V = (0.50, 0.44, 0.38, 0.33, 0.27, 0.245, 0.22, 0.21, 0.20)
#: where the three onsets may be, V: between the potentials that tell them
ONSETS_V = ((0.42, 0.48), (0.27, 0.31), (0.212, 0.235))
#: middle of the slopes after each onset, per V: contacts with lithium, shift of the bond (angstrom), second shell
SLOPES = {"silicon_lithium": (1.2, 10.0, 20.0), "shift": (0.02, 0.15, 0.3), "second_shell": (0.0, 0.0, -8.0)}
#: slopes are uniform within this share of their middle
SPREAD = 0.5
#: spread of what follows no onset, new in every state
FREE = {"number": 0.05, "broadening": 2e-4, "skew": 2e-5, "second_shift": 0.005}
#: gain of each channel in all states, and its change from state to state, as in the twin
GAIN, DRIFT = 3e-3, 5e-4
#: no shell is sharper than its thermal motion, angstrom: rarer than one in ninety draws of the doubt, which are redrawn
SHARPEST = 0.05
#: draws of each posterior
DRAWS = 99
#: chance that a calibrated fit is called wrong
ALPHA = 1e-4
BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """A series of states as it truly is.

    Attributes
    ----------
    parameters : ndarray, shape (state, parameter)
        In the order of :data:`tsct.analyze.phases.difference_fit.PARAMETERS`; zero in the first state.
    onsets_v : ndarray, shape (3,)
    lithium : Shell
        One lithium neighbour of a silicon atom.
    """

    parameters: NDArray[np.float64]
    onsets_v: NDArray[np.float64]
    lithium: Shell


def drawn_series(rng: np.random.Generator) -> Series:
    """A series from the prior; the Si-Li shell from what the handbook leaves open, normal as the fit assumes.

    Contacts with lithium and neighbours of silicon come out positive, as they must be. Those of the fit may be
    negative: it is linear in them, and so are the draws of its posterior.
    """
    onsets = np.array([rng.uniform(*limits) for limits in ONSETS_V])
    ramps = np.maximum(0.0, onsets[:, None] - np.array(POTENTIALS_V))
    parameters = np.zeros((len(POTENTIALS_V), len(PARAMETERS)))
    for name in HINGED:
        slopes = np.array(SLOPES[name]) * rng.uniform(1 - SPREAD, 1 + SPREAD, len(onsets))
        parameters[:, PARAMETERS.index(name)] = slopes @ ramps
    for name, spread in FREE.items():
        parameters[1:, PARAMETERS.index(name)] = spread * rng.standard_normal(len(POTENTIALS_V) - 1)
    return Series(parameters=parameters, onsets_v=onsets, lithium=_drawn_shell(rng))


def _drawn_shell(rng: np.random.Generator) -> Shell:
    while True:
        distance, variance = (SILICON_LITHIUM.distance, SILICON_LITHIUM.sigma**2) + rng.standard_normal(
            2
        ) * LITHIUM_DOUBT
        if variance >= SHARPEST**2:
            return replace(SILICON_LITHIUM, distance=float(distance), sigma=float(np.sqrt(variance)))


def changed_pattern(q: NDArray, reference: Reference, lithium: Shell, parameters: NDArray) -> NDArray[np.float64]:
    """What a state adds to the pattern of the reference state, shape (q,): shells after the change less those before.

    Written out once more, for the pattern and not for the PDF, from the definition of the parameters.
    """
    told = dict(zip(PARAMETERS, parameters, strict=True))
    silicon = reference.amplitudes[0] * SILICON[0].number / SILICON_COORDINATION
    first = replace(
        reference.first,
        number=SILICON_COORDINATION + told["number"],
        distance=reference.first.distance + told["shift"],
        sigma=float(np.sqrt(reference.first.sigma**2 + told["broadening"])),
        skew=reference.first.skew + told["skew"],
    )
    second = replace(
        reference.second,
        number=reference.second.number * (1 + told["second_shell"]),
        distance=reference.second.distance + told["second_shift"],
    )
    after = silicon * (shell_pattern(q, first) + told["silicon_lithium"] * shell_pattern(q, lithium))
    after = after + reference.amplitudes[1] * shell_pattern(q, second)
    before = reference.amplitudes[0] * shell_pattern(q, reference.first)
    return after - before - reference.amplitudes[1] * shell_pattern(q, reference.second)


def posterior_scores(place: Region, recipe: Recipe, simulations: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Ranks of the true parameters of the last state, and of the onsets, among draws of their posteriors; z-scores.

    Parameters
    ----------
    place : Region
        Pattern of the reference state without noise, and the counts behind it.
    recipe : Recipe
        Of the series fit.
    simulations : int
        How many series.
    seed : int
        Root seed.

    Returns
    -------
    dict
        Shape (2, simulation): ranks from 0 to :data:`DRAWS`, and (estimate - truth) / error; NaN where the fit states
        no error, and for the onsets of series that do not support all three.
    """
    operator = place.operator
    oxygen = recipe.pdf.composition.get("O", 0.0) * float(operator.density(place.pattern))
    reference = fit_reference(operator, operator.apply(place.pattern), oxygen)
    rows = []
    for k in range(simulations):
        rng = generator(seed, "series", k)
        series = drawn_series(rng)
        changes = [changed_pattern(operator.q, reference, series.lithium, row) for row in series.parameters]
        found = fit_series(_tiles(place, changes, rng), recipe)
        true = np.concatenate([series.parameters[-1], series.onsets_v])
        values = np.concatenate([found.fit.values[-1], found.onset_v.values])
        # with fewer than three onsets it is not known which of the three they are
        told = np.where(np.isfinite(found.onset_v.values).all(), found.onset_v_errors.values, np.nan)
        errors = np.concatenate([found.fit_errors.values[-1], told])
        draws = values + errors * rng.standard_normal((DRAWS, len(true)))
        rank = np.where(np.isfinite(draws).all(axis=0), np.sum(draws < true, axis=0), np.nan)
        rows.append([rank, np.where(np.isfinite(rank), (values - true) / errors, np.nan)])
    names = [*PARAMETERS, "first onset", "second onset", "third onset"]
    return dict(zip(names, np.moveaxis(np.array(rows), -1, 0).swapaxes(1, 2), strict=True))


def _tiles(place: Region, changes: Sequence[NDArray], rng: np.random.Generator) -> list[xr.Dataset]:
    """The region in every state with all its noise, as :func:`tsct.analyze.chain.analyze_tile` would hand it on."""
    tiles, gain = [], 1 + GAIN * rng.standard_normal(len(place.pattern))
    for state, change in enumerate(changes):
        now = replace(place, pattern=place.pattern + change, counts=place.counts * (1 + change / place.pattern))
        pattern, variance = now.draw(rng)
        seen = gain * (1 + DRIFT * rng.standard_normal(len(gain)))
        data = {
            "roi_iq": ("q", seen * pattern[0]),
            "roi_iq_variance": ("q", variance[0]),
            "compton_weight": ("q", place.compton_weight),
        }
        tiles.append(
            xr.Dataset(data, coords={"q": place.operator.q, "state": state, "potential_v": POTENTIALS_V[state]})
        )
    return tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Ranks of one parameter in numbers.

    Attributes
    ----------
    name : str
    n : int
        Simulations in which the fit states an error.
    missing : int
        Those in which it states none.
    histogram : tuple of int
        Counts in ten equally probable bins.
    scatter, scatter_error : float
        Root mean square of (estimate - truth) / error, and its standard error; above one where posteriors are too
        narrow.
    window : tuple of float
        What it may be if they are right, with a chance of 1e-4 to be called wrong.
    mean, mean_limit : float
        Mean of (estimate - truth) / error, and the largest modulus that it may have.
    chance : float
        That a calibrated fit has a histogram as uneven as this (chi-squared).
    """

    name: str
    n: int
    missing: int
    histogram: tuple[int, ...]
    scatter: float
    scatter_error: float
    window: tuple[float, float]
    mean: float
    mean_limit: float
    chance: float

    @property
    def right(self) -> bool:
        """Whether nothing speaks against the posterior."""
        inside = self.window[0] <= self.scatter <= self.window[1] and abs(self.mean) <= self.mean_limit
        return inside and self.chance >= ALPHA


def ranks(name: str, values: NDArray[np.float64], seed: int = 0) -> Ranks:
    """Numbers of independent ranks and z-scores, shape (2, simulation); each rank is spread evenly over its step."""
    known = values[:, np.isfinite(values[0])]
    n = known.shape[1]
    share = (known[0] + generator(seed, "rank", name).random(n)) / (DRAWS + 1)
    squares = known[1] ** 2
    scatter = float(np.sqrt(np.mean(squares)))
    counts = np.histogram(share, BINS, (0.0, 1.0))[0]
    low, high = np.sqrt(chi2.ppf(ALPHA / 2, n) / n), np.sqrt(chi2.isf(ALPHA / 2, n) / n)
    return Ranks(
        name=name,
        n=n,
        missing=values.shape[1] - n,
        histogram=tuple(map(int, counts)),
        scatter=scatter,
        # from the scatter of the squares, since tails need not be normal
        scatter_error=float(np.std(squares, ddof=1) / np.sqrt(n) / (2 * scatter)) if n > 1 else float("nan"),
        window=(float(low), float(high)),
        mean=float(np.mean(known[1])),
        mean_limit=float(norm.isf(ALPHA / 2) / np.sqrt(n)),
        chance=float(chi2.sf(np.sum((counts - n / BINS) ** 2) / (n / BINS), BINS - 1)),
    )


def table(rows: Sequence[Ranks]) -> str:
    """Ranks as a Markdown table."""
    head = "| parameter | N | ranks, in ten bins | chance (χ²) | mean z | scatter / error | allowed | posterior |"
    return "\n".join([head, "|---" * 8 + "|", *map(_line, rows)])


def _line(row: Ranks) -> str:
    low, high = row.window
    bins = " ".join(map(str, row.histogram))
    name = row.name + (f" ({row.missing} without an error)" if row.missing else "")
    return (
        f"| {name} | {row.n} | {bins} | {row.chance:.2g} | {row.mean:+.2f} "
        f"| {row.scatter:.2f} ± {row.scatter_error:.2f} | {low:.2f} … {high:.2f} "
        f"| {_said(row)} |"
    )


def _said(row: Ranks) -> str:
    if row.right:
        return "right"
    if row.window[0] <= row.scatter <= row.window[1]:
        wrong = f"off by {row.mean:+.2f} errors" if abs(row.mean) > row.mean_limit else "of another shape"
    else:
        wrong = "too narrow" if row.scatter > 1 else "too wide"
    return f"**{wrong}**"


def summary(found: Mapping[str, NDArray[np.float64]], seed: int = 0) -> list[Ranks]:
    """:func:`ranks` of every parameter."""
    return [ranks(name, values, seed) for name, values in found.items()]
