"""Calibration: are error bars as large as errors, over many draws of the counts?

Sample sizes and windows are those that the number of draws allows: of N independent z-scores the mean square lies
within the quantiles of chi-squared over N, coverage within those of the binomial distribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binom, chi2, norm

from tsct.analyze.pdf import PdfOperator
from tsct.records.seeds import generator
from tsct.validation.evidence.region_states import stated_operator

#: chance that a calibrated chain is called wrong
ALPHA = 1e-6
#: where G(r) is looked at, angstrom
AT_R = 2.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """z-scores of one quantity in numbers.

    Attributes
    ----------
    name : str
    n : int
        Independent z-scores.
    mean, square : float
        Mean of z and of z squared.
    one, two : float
        Share within one and two standard errors.
    window : tuple of float
        What `square` may be if the error bars are right, with a chance of 1e-6 to be called wrong.
    mean_limit : float
        Largest modulus of `mean`, likewise.
    """

    name: str
    n: int
    mean: float
    square: float
    one: float
    two: float
    window: tuple[float, float]
    mean_limit: float

    @property
    def right(self) -> bool:
        """Whether nothing speaks against the error bars."""
        return self.window[0] <= self.square <= self.window[1] and abs(self.mean) <= self.mean_limit and self.covered

    @property
    def covered(self) -> bool:
        """Whether one and two standard errors hold as many as they should."""
        shares = (self.one, self.two)
        return all(
            binom.ppf(ALPHA / 2, self.n, p) <= share * self.n <= binom.isf(ALPHA / 2, self.n, p)
            for share, p in zip(shares, 2 * norm.cdf([1, 2]) - 1, strict=True)
        )

    @property
    def off(self) -> float:
        """By how much the error bars are too small (positive) or too large, relative."""
        return float(np.sqrt(self.square) - 1)


def calibration(name: str, z: NDArray[np.float64], alpha: float = ALPHA) -> Calibration:
    """Numbers of independent z-scores, shape (n,); NaN among them makes everything NaN, and so not right."""
    n = z.size
    low, high = chi2.ppf(alpha / 2, n) / n, chi2.isf(alpha / 2, n) / n
    shares = [float(np.mean(np.abs(z) <= k)) for k in (1, 2)]
    return Calibration(
        name=name,
        n=n,
        mean=float(np.mean(z)),
        square=float(np.mean(z**2)),
        one=shares[0],
        two=shares[1],
        window=(float(low), float(high)),
        mean_limit=float(norm.isf(alpha / 2) / np.sqrt(n)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """What counts of the region are drawn from: its true pattern, counts behind it, and the transform of the chain.

    Attributes
    ----------
    pattern, counts, compton_weight : ndarray, shape (q,)
        Scattering power in electron units per cubic angstrom, photons behind it, and the weight of Compton scattering.
    operator : PdfOperator
        From the pattern to its PDF.
    """

    pattern: NDArray[np.float64]
    counts: NDArray[np.float64]
    compton_weight: NDArray[np.float64]
    operator: PdfOperator

    def draw(self, rng: np.random.Generator, size: int = 1) -> tuple[NDArray, NDArray]:
        """Patterns and their estimated variances, shape (size, q): Poisson counts, each its own variance."""
        counts = rng.poisson(self.counts, (size, self.counts.size))
        scale = self.pattern / self.counts
        return counts * scale, counts * scale**2


def region(found: xr.Dataset) -> Region:
    """The region of recovered data, taken as the truth that counts are drawn from."""
    operator = stated_operator(found)
    pattern = found.roi_iq.values[0] * found.attrs["reference_density"]
    errors = found.roi_counting_errors.isel(state=0).sel(slice=found.attrs["roi_slice"]).values
    counts, weight = (pattern / errors) ** 2, found.compton_weight.values
    return Region(pattern=pattern, counts=counts, compton_weight=weight, operator=operator)


def pdf_scores(place: Region, draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """z-scores of I(Q) in one channel and of G(r) times the density at one distance, shape (draws,) each."""
    at = int(np.argmin(np.abs(place.operator.r - AT_R)))
    weights = place.operator.apply(np.eye(place.pattern.size))[:, at]
    channel, true = place.pattern.size // 2, weights @ place.pattern
    scores: dict[str, list[NDArray]] = {"I(Q)": [], "G(r)": []}
    for block in range(0, draws, 1000):
        found, variance = place.draw(generator(seed, "calibration", block), min(1000, draws - block))
        scores["G(r)"].append((found @ weights - true) / np.sqrt(variance @ weights**2))
        scores["I(Q)"].append((found[:, channel] - place.pattern[channel]) / np.sqrt(variance[:, channel]))
    return {name: np.concatenate(parts) for name, parts in scores.items()}


def table(rows: Sequence[Calibration]) -> str:
    """Calibrations as a Markdown table."""
    head = "| quantity | N | mean z | ⟨z²⟩ | allowed | within 1σ | within 2σ | error bars |"
    return "\n".join([head, "|---" * 8 + "|", *map(_line, rows)])


def _line(row: Calibration) -> str:
    said = "right" if row.right else f"**{100 * abs(row.off):.1f} % too {'small' if row.off > 0 else 'large'}**"
    low, high = row.window
    return (
        f"| {row.name} | {row.n} | {row.mean:+.3f} | {row.square:.3f} | {low:.3f} … {high:.3f} "
        f"| {100 * row.one:.1f} % | {100 * row.two:.1f} % | {said} |"
    )
