"""What a perfect measurement of the region of interest would give in every state, composed from its phases."""

import json
from dataclasses import replace
from functools import lru_cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf import PdfOperator, pdf_operator
from tsct.analyze.recipe import NEEDED, PdfRecipe, stated_recipe
from tsct.phantoms import LITHIUM_VOLUME_A3

from .check import NotRunError


def stated_operator(found: xr.Dataset, *, undamped: bool = False) -> PdfOperator:
    """The transform from J(Q) to H(r) that the recovered data say was used.

    Parameters
    ----------
    found : xarray.Dataset
        Recovered data.
    undamped : bool
        Whether H is divided by the damping that they state, as their noise was; a truth was damped by no instrument.

    Raises
    ------
    NotRunError
        If they do not say.
    """
    recipe = stated_recipe(found.attrs)
    if recipe is None or "r" not in found.coords or "q" not in found.coords:
        missing = [name for name in NEEDED if recipe is None and name not in found.attrs]
        raise NotRunError(f"the recovered data do not state {', '.join(missing) or 'q and r'}")
    r = found.r.values
    recipe = replace(recipe, r_max=float(r[-1]), r_step=float(r[1] - r[0]))
    if not undamped:
        recipe = replace(recipe, q_damp=0.0)
    compton = _bytes(found.compton_weight) if "compton_weight" in found else None
    return _operator(_bytes(found.q), compton, json.dumps(recipe.as_attribute(), sort_keys=True))


def _bytes(array: xr.DataArray) -> bytes:
    return np.asarray(array.values, dtype=np.float64).tobytes()


@lru_cache(maxsize=4)
def _operator(q: bytes, compton: bytes | None, recipe: str) -> PdfOperator:
    """The transform of one record; many checks ask for the same."""
    weight = None if compton is None else np.frombuffer(compton)
    return pdf_operator(np.frombuffer(q), PdfRecipe.from_attribute(recipe), compton=weight)


def roi_patterns(truth: xr.Dataset, found: xr.Dataset, phases: xr.Dataset | None) -> NDArray[np.float64]:
    """True scattering power of the region of interest, shape (state, q), in electron units per cubic angstrom.

    Elastic plus Compton scattering with the weight that the recovered data state (one if they do not).

    Raises
    ------
    NotRunError
        If truth or recovered data do not hold what it takes.
    """
    if phases is None or "second_shell" not in phases or "phase_role" not in truth.coords:
        raise NotRunError("the truth does not hold the scattering of every phase")
    if "roi" not in found:
        raise NotRunError("the recovered data hold no roi")
    density = roi_densities(truth, found, phases)
    there = on_channels(phases, found)
    lost = second_shell_loss(truth) * density
    return density @ free_scattering(there, found) + lost @ there.second_shell.values


def second_shell_loss(truth: xr.Dataset) -> NDArray[np.float64]:
    """Share of the second-shell order that is lost, shape (state, 1); zero, shape (1, 1), where the truth has none."""
    return truth.second_shell_loss.values[:, None] if "second_shell_loss" in truth else np.zeros((1, 1))


#: channels may reach so much beyond the known Q, as they do where the ruler is a little wrong
BEYOND = 5e-3


def on_channels(phases: xr.Dataset, found: xr.Dataset) -> xr.Dataset:
    """The phases at the Q that the recovered data say their channels have.

    Raises
    ------
    NotRunError
        If they do not say it, or reach beyond the phases.
    """
    if "q" not in found.coords:
        raise NotRunError("the recovered data do not state q")
    q, known = found.q.values, phases.q.values
    if len(q) == len(known) and np.allclose(q, known, rtol=1e-9):
        return phases
    if not np.all(np.isfinite(q)) or q.min() < known[0] * (1 - BEYOND) or q.max() > known[-1] * (1 + BEYOND):
        raise NotRunError(f"the recovered data reach beyond the Q of the scan, {known[0]:g} to {known[-1]:g} 1/A")
    return phases.interp(q=np.clip(q, known[0], known[-1]), method="cubic").assign_coords(q=q)


def free_scattering(phases: xr.Dataset, found: xr.Dataset) -> NDArray[np.float64]:
    """Elastic plus weighted Compton scattering of every structure, shape (structure, q), electron units per atom."""
    weight = found.compton_weight.values if "compton_weight" in found else 1.0
    return np.asarray(phases.coherent.values + weight * phases.compton.values, dtype=np.float64)


def roi_densities(truth: xr.Dataset, found: xr.Dataset, phases: xr.Dataset) -> NDArray[np.float64]:
    """Atoms per cubic angstrom of every structure in the region, shape (state, structure).

    As the truth has them in every state; of the cell, which has them in the first, lithium moves silicon along its
    series, and the electrolyte gives way by 16.05 A3 per lithium atom.
    """
    names = phases.structure_name.values
    if "state_density" in truth:
        return np.stack([_in_region(maps, found, names) for maps in truth.state_density])
    first = _in_region(truth.phase_density, found, names)
    if "lithium_per_silicon" in truth:
        return through_states(first, truth, phases)
    return np.tile(first, (truth.sizes.get("state", 1), 1))


def through_states(first: NDArray, truth: xr.Dataset, phases: xr.Dataset) -> NDArray[np.float64]:
    """Densities in every state, shape (state, structure, ...), from those in the first, shape (structure, ...)."""
    names = list(phases.structure_name.values)
    ratio = lithium_per_silicon(phases)
    series = np.flatnonzero(np.isfinite(ratio))
    series = series[np.argsort(ratio[series])]
    silicon = np.tensordot(1 / (1 + ratio[series]), first[series], 1)
    x = truth.lithium_per_silicon.values
    density = np.tile(first, (len(x), *np.ones(first.ndim, int)))
    for member, node in zip(series, np.eye(len(series)), strict=True):
        density[:, member] = np.multiply.outer(np.interp(x, ratio[series], node) * (1 + ratio[member]), silicon)
    liquid = names.index(str(truth.phase_structure.values[list(truth.phase_role.values).index("electrolyte")]))
    density[:, liquid] -= np.multiply.outer(LITHIUM_VOLUME_A3 * (x - x[0]) * float(phases.density[liquid]), silicon)
    return density


def _in_region(density: xr.DataArray, found: xr.Dataset, names: NDArray) -> NDArray[np.float64]:
    """Mean over the region of the density of each of these structures, zero for those that do not occur."""
    inside = found.roi.values.astype(bool)
    slices = density["slice"].values
    chosen = int(found.attrs.get("roi_slice", slices[len(slices) // 2]))
    maps = density.sel(slice=chosen).transpose("phase", "y", "x").values
    mean = dict(zip(density.phase_structure.values, maps[:, inside].mean(axis=1), strict=True))
    return np.array([mean.get(name, 0.0) for name in names])


def lithium_per_silicon(phases: xr.Dataset) -> NDArray[np.float64]:
    """Li per Si of the structures that hold nothing else, NaN for all others; shape (structure,)."""
    share = {str(symbol): phases.composition.values[:, k] for k, symbol in enumerate(phases.element.values)}
    none = np.zeros(phases.sizes["structure"])
    silicon, lithium = share.get("Si", none), share.get("Li", none)
    pure = (silicon > 0) & (silicon + lithium > 1 - 1e-9)
    return np.where(pure, lithium / np.where(pure, silicon, 1.0), np.nan)
