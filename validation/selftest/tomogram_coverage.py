"""Calibration of maps and curves: counts of whole tomograms are drawn again and again and analysed from the start."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import analyze_tile, collect
from tsct.analyze.recipe import Recipe
from tsct.records.seeds import generator
from tsct.simulate import gains
from tsct.simulate.beamline import Beamline

from .coverage import AT_R

#: voxels so far apart share next to no noise
APART = 4
MAPS = ("silicon", "carbon")


def analysed(tiles: Sequence[xr.Dataset], recipe: Recipe) -> xr.Dataset:
    """What the chain recovers from the tiles of a series."""
    return collect([analyze_tile(tile, recipe, volumes=False) for tile in tiles], recipe)


def tomogram_scores(
    expected: Sequence[xr.Dataset], beamline: Beamline, recipe: Recipe, draws: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """z-scores of maps, of G(r) and of the last difference PDF at one distance.

    Parameters
    ----------
    expected : sequence of xarray.Dataset
        Expected counts of each state, see :func:`tsct.simulate.scan.expected_tile`.
    beamline : Beamline
        Whose gain patterns are drawn anew, too, with every series.
    recipe : Recipe
        Of the chain.
    draws : int
        How many times the counts of the series are drawn.
    seed : int
        Root seed.

    Returns
    -------
    dict
        Against what the chain makes of the expected counts, shape (score,): of voxels of the region that lie apart, in
        every state and draw; one a draw of curves.
    """
    still = analysed(expected, recipe)
    at = int(np.argmin(np.abs(still.r.values - AT_R)))
    scores: dict[str, list[NDArray]] = {name: [] for name in (*(f"{name} map" for name in MAPS), "G(r)", "dPDF")}
    for k in range(draws):
        found = analysed([_drawn(tile, beamline, (seed, k, state)) for state, tile in enumerate(expected)], recipe)
        for name in MAPS:
            scores[f"{name} map"].append(_apart(found, still, name).ravel())
        scores["G(r)"].append(_curve(found, still, "roi_gr", 0, at))
        scores["dPDF"].append(_curve(found, still, "roi_dgr", -1, at))
    return {name: np.concatenate(parts) for name, parts in scores.items()}


def _drawn(tile: xr.Dataset, beamline: Beamline, at: tuple[int, int, int]) -> xr.Dataset:
    seed, draw, state = at
    own = int(generator(seed, "gains", draw).integers(2**31))
    translation, channel = gains(beamline, own, state)
    mean = tile.intensity.values * translation[:, None] * channel
    counts = generator(seed, "tomogram", draw, state).poisson(mean)
    return tile.assign(intensity=tile.intensity.copy(data=counts.astype(np.float32)))


def _apart(found: xr.Dataset, still: xr.Dataset, name: str) -> NDArray[np.float64]:
    inside = np.zeros(found.roi.shape, dtype=bool)
    inside[::APART, ::APART] = found.roi.values[::APART, ::APART].astype(bool)
    z = (found[name] - still[name]) / found[f"{name}_errors"]
    return z.transpose("state", "slice", "y", "x").values[..., inside].astype(np.float64)


def _curve(found: xr.Dataset, still: xr.Dataset, name: str, state: int, at: int) -> NDArray[np.float64]:
    return np.atleast_1d((found[name] - still[name]).values[state, at] / found[f"{name}_errors"].values[state, at])
