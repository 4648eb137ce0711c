"""What a beamtime will see, before it happens: errors of everything that is recovered, without simulating noise.

The expected counts go through the same linear operators as the data will; their Poisson variance, the gain errors of
the channels and their drift give the errors of patterns, PDFs, maps and fitted changes, correlations included.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from tsct.analyze.recipe import Recipe
from tsct.phantoms import Phantom
from tsct.records.errors import InputError, UsageError
from tsct.simulate.beamline import Beamline

from .changes import SIGNIFICANT, detectable_lithium
from .costs import Costs, chosen_slice, costs_of, refuse_at_once, tomogram_seconds
from .expected import expected_cell
from .sizes import by_q_max, by_radius
from .standard_deviations import standard_deviations

#: Li per Si and hour at 1 mA per gram of silicon (1 Li per Si is 954.3 mAh/g)
LITHIUM_PER_MAH_G = 1 / 954.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The plan of one experiment.

    Attributes
    ----------
    costs : Costs
        Time, data and dose.
    lithium_per_tomogram : float
        Li per Si that goes in while one tomogram is taken.
    sigma : xarray.Dataset
        Standard deviations: ``voxel_iq`` and ``roi_iq`` (q) relative to the pattern, ``voxel_gr`` and ``roi_gr`` (r) in
        1/angstrom^2, against the truth, so with the gain patterns of channels and translations; ``voxel_counting`` and
        ``roi_counting`` (r) of G by counting and drift alone; ``roi_dgr`` (r); ``change`` (region, parameter) of the
        fitted changes between two states by counting, ``change_drift`` by the drift of the gains, ``bound`` the
        Cramer-Rao bound of ``change``; ``maps`` (map) of one voxel, by counting, and ``map_levels`` (map) of all voxels
        together, by counting, gains and readings of each frame, both relative; ``onset_v`` (hinge);
        ``gr_correlation`` (lag) between points of G at the Si-Si peak.
    radius : xarray.Dataset
        ``change`` (radius, parameter) for regions of any size.
    q_max : xarray.Dataset
        ``voxel_gr``, ``roi_gr`` at the first Si-Si peak, ``shift`` (voxel), ``ghost`` for other ends of the transform.
    detectable_x : dict of str to float
        Li per Si that one ``voxel`` and the ``roi`` show with three standard deviations.
    counts : xarray.DataArray
        Mean counts per channel of a ray through the middle.
    bond : float
        First Si-Si distance of the expected data, angstrom.
    """

    costs: Costs
    lithium_per_tomogram: float
    sigma: xr.Dataset
    radius: xr.Dataset
    q_max: xr.Dataset
    detectable_x: Mapping[str, float]
    counts: xr.DataArray
    bond: float

    def time_factor(self, shift_angstrom: float, region: str) -> float:
        """Exposure over the planned one that makes a shift (angstrom) significant; infinite if drift forbids it."""
        at = {"region": region, "parameter": "shift"}
        counting, drift = (float(self.sigma[name].sel(at)) for name in ("change", "change_drift"))
        return exposure_factor(shift_angstrom, counting, drift)


def exposure_factor(wanted: float, counting: float, constant: float) -> float:
    """Exposure over the planned one that makes a value significant; infinite if what no exposure mends forbids it.

    Parameters
    ----------
    wanted : float
        The value that must be seen.
    counting, constant : float
        Its standard deviations by counting, which fall with the root of the exposure, and by all else.
    """
    left = (wanted / SIGNIFICANT) ** 2 - constant**2
    return counting**2 / left if left > 0 else float("inf")


def forecast(
    phantom: Phantom, beamline: Beamline, recipe: Recipe, *, slice_index: int | None = None, current_ma_g: float = 150.0
) -> Forecast:
    """Forecast the errors of an experiment.

    Parameters
    ----------
    phantom, beamline, recipe : Phantom, Beamline, Recipe
        What is to be measured, how, and how it will be analysed.
    slice_index : int, optional
        The slice that is looked at; the middle one if omitted.
    current_ma_g : float
        Discharge current per gram of silicon.

    Raises
    ------
    UsageError, InputError
        For a slice that there is not, a current that is none, a plan in which the cell discharges within one tomogram,
        and a reconstruction whose noise has no closed form.
    """
    index = chosen_slice(phantom, slice_index)
    refuse_at_once(phantom, beamline, index)
    refuse_impossible(phantom, beamline, index, current_ma_g)
    expected = expected_cell(phantom, beamline, recipe, index)
    costs = costs_of(phantom, beamline, index)
    sigma = standard_deviations(phantom, beamline, recipe, expected)
    return Forecast(
        costs=costs,
        lithium_per_tomogram=current_ma_g * LITHIUM_PER_MAH_G * costs.seconds_per_tomogram / 3600,
        sigma=sigma,
        radius=by_radius(phantom, beamline, recipe, expected),
        q_max=by_q_max(recipe, expected),
        detectable_x={region: detectable_lithium(phantom, sigma, region) for region in ("voxel", "roi")},
        counts=expected.counts,
        bond=float(expected.reference.first.distance),
    )


def refuse_impossible(phantom: Phantom, beamline: Beamline, index: int, current_ma_g: float) -> None:
    """Explain, rather than compute, what cannot be of the cell."""
    if not (np.isfinite(current_ma_g) and current_ma_g > 0):
        raise UsageError(f"--current is {current_ma_g}; give mA per gram of silicon, such as 150")
    if len(phantom.discharge.potentials_v) < 2:
        raise InputError("states.potentials_v holds one state; a change needs a second one to be measured against")
    z, thickness = phantom.slices_z_mm[index], phantom.geometry.electrode_thickness_mm
    if not 0 < z < thickness:
        raise InputError(f"slices.z_mm holds {z:g} mm; a plan is about the electrode, from 0 to {thickness:g} mm")
    seconds = tomogram_seconds(beamline)
    taken_up = current_ma_g * LITHIUM_PER_MAH_G * seconds / 3600
    whole = float(np.ptp(phantom.discharge.x))
    if 0 < whole < taken_up:
        raise InputError(
            f"one tomogram takes {seconds / 60:.1f} min, in which {current_ma_g:g} mA/g put {taken_up:.2f} Li into "
            f"every Si; the whole discharge holds {whole:.2f}: take fewer views, less exposure or a smaller --current"
        )
