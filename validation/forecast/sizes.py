"""How errors depend on the size of the region and on the end of the Fourier transform."""

from dataclasses import replace

import numpy as np
import xarray as xr

from tsct.analyze.pdf import extremum, pdf_operator
from tsct.analyze.phases import fit_difference, fit_reference
from tsct.analyze.recipe import Recipe, Roi
from tsct.phantoms import Phantom
from tsct.simulate.beamline import Beamline
from tsct.validation.checks.termination_ghost import AT_20, ghost

from .changes import CHANGES, change_errors
from .expected import ExpectedCell

#: radii of regions for which errors are given, voxels; that of the electrode, a whole slice, is added
RADII = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0)
#: ends of the Fourier transform that are compared, 1/angstrom
Q_MAXIMA = (16.0, 18.0, 20.0, 22.0, 24.0, 28.0, 32.0, 36.0)


def by_radius(phantom: Phantom, beamline: Beamline, recipe: Recipe, expected: ExpectedCell) -> xr.Dataset:
    """``change`` (radius, parameter) between two states for regions of any size, and their ``voxels`` (radius)."""
    operator, n = expected.operator, expected.geometry.n
    fit = fit_difference(operator, expected.reference, np.zeros_like(operator.r))
    rows, voxels = [], []
    whole = phantom.geometry.electrode_diameter_mm / 2 / beamline.scan.step_mm
    # a single voxel must hold the centre of one: of even images these lie between whole numbers
    half = (n - 1) / 2 % 1
    at = [float(np.ceil(centre - half) + half) for centre in (recipe.roi.x_voxels, recipe.roi.y_voxels)]
    radii = sorted({*(radius for radius in RADII if radius < whole), whole})
    for radius in radii:
        x, y = (0.0, 0.0) if radius == whole else at
        centre = Roi(x_voxels=x, y_voxels=y, radius_voxels=radius)
        mask = centre.mask(n)
        covariance = operator.covariance(expected.region_variance(mask, recipe.filter))
        rows.append(change_errors(fit.covariance(covariance)))
        voxels.append(int(mask.sum()))
    return xr.Dataset(
        {"change": (("radius", "parameter"), np.array(rows)), "voxels": ("radius", voxels)},
        coords={"radius": radii, "parameter": list(CHANGES)},
    )


def by_q_max(recipe: Recipe, expected: ExpectedCell) -> xr.Dataset:
    """Errors of G at the first Si-Si peak and of the ``shift``, its ``height`` and the ``ghost`` beside it, (q_max)."""
    tile = expected.tile
    pattern, inside = tile.roi_iq.values, tile.roi.values.astype(bool)
    voxel = np.mean(tile.iq_errors.values[inside].astype(float) ** 2, axis=0)
    rows = []
    ends = [q for q in Q_MAXIMA if q <= tile.q.values[-1] + 1e-6]
    for q_max in ends:
        pdf = replace(recipe.pdf, q_max=q_max, r_max=6.0, r_step=0.01)
        operator = pdf_operator(tile.q.values, pdf, compton=tile.compton_weight.values)
        density = float(operator.density(pattern))
        at = int(np.argmin(np.abs(operator.r - expected.reference.first.distance)))
        oxygen = recipe.pdf.composition.get("O", 0.0) * density
        reference = fit_reference(operator, operator.apply(pattern), oxygen)
        fit = fit_difference(operator, reference, np.zeros_like(operator.r))
        shift = change_errors(fit.covariance(operator.covariance(voxel)))[CHANGES.index("shift")]
        errors = [np.sqrt(operator.variance(v)[at]) / density for v in (voxel, tile.roi_iq_variance.values)]
        curve = operator.apply(pattern) / density
        height = extremum(operator.r, curve, 2.2, 2.6, 1.0)[1]
        rows.append((*errors, shift, ghost(operator.r, curve, AT_20)[1], height))
    names = ("voxel_gr", "roi_gr", "shift", "ghost", "height")
    return xr.Dataset(
        {name: ("q_max", column) for name, column in zip(names, np.array(rows).T, strict=True)}, coords={"q_max": ends}
    )
