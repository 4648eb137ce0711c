"""What is true about a painted sample, on the voxels of a scan."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import lazy_loader
import numpy as np

from tsct.phantoms.sample import Contents, Sample
from tsct.phantoms.truth import PIXELS, structures_of
from tsct.records.schema import TRUTH

if TYPE_CHECKING:
    import xarray as xr
else:
    # slow to load, and a wrong experiment is refused without it
    xr = lazy_loader.load("xarray")


def sample_truth(sample: Sample, names: Sequence[str], voxels: int, voxel_mm: float) -> "xr.Dataset":
    """Amounts of every phase in every state, averaged over voxels.

    Parameters
    ----------
    sample : Sample
        The sample, of any class.
    names : sequence of str
        Of its phases, in the order of the record.
    voxels : int
        Along each side of the image.
    voxel_mm : float
        Side of a voxel.

    Returns
    -------
    xarray.Dataset
        ``phase_amount``, atoms per cubic angstrom, dims (state, slice, phase_name, y, x); ``phase_density`` of each
        structure in the first state, dims (phase, slice, y, x), and where there are more states, ``state_density`` of
        each in all of them.
    """
    axis = sample.states
    states, slices = range(len(axis.values)), range(len(sample.slices_z_mm))
    contents = [[_voxels(sample, voxels, voxel_mm, i, j) for j in slices] for i in states]
    amounts = np.zeros((len(states), len(slices), len(names), voxels, voxels))
    for i in states:
        for j in slices:
            for part, density in zip(contents[i][j].parts, contents[i][j].densities, strict=True):
                amounts[i, j, list(names).index(part.phase)] += density
    centres = voxel_mm * (np.arange(voxels) - (voxels - 1) / 2)
    record = xr.Dataset(
        {
            "phase_amount": (
                ("state", "slice", "phase_name", "y", "x"),
                amounts,
                {"units": "1/angstrom^3", "long_name": "atoms of each phase"},
            )
        },
        coords={
            "slice": ("slice", np.array(slices)),
            "phase_name": ("phase_name", list(names)),
            "y": ("y", centres, {"units": "mm"}),
            "x": ("x", centres, {"units": "mm"}),
            axis.axis: ("state", list(axis.values), {"units": axis.unit}),
        },
        attrs={"state_axis": axis.axis, "scenario": "sample", "sample_radius_mm": sample.extent_mm / 2},
    )
    return record.merge(_structures(contents), combine_attrs="no_conflicts")


def _structures(contents: list[list[Contents]]) -> "xr.Dataset":
    """Density of every structure that occurs in any state, by (state, slice)."""
    if len(contents) == 1:
        return structures_of(contents[0])
    each = [structures_of(slices) for slices in contents]
    roles = {
        name: role
        for record in each
        for name, role in zip(record.phase_structure.values, record.phase_role.values, strict=True)
    }
    names = list(roles)
    density = np.zeros((len(each), len(names), *each[0].phase_density.shape[1:]))
    for state, record in enumerate(each):
        density[state, [names.index(name) for name in record.phase_structure.values]] = record.phase_density.values
    return xr.Dataset(
        {
            "phase_density": TRUTH.variable("phase_density", density[0]),
            "state_density": TRUTH.variable("state_density", density),
        },
        coords={
            "phase_structure": TRUTH.variable("phase_structure", names),
            "phase_role": TRUTH.variable("phase_role", list(roles.values())),
        },
    )


def _voxels(sample: Sample, n: int, voxel_mm: float, state: int, slice_index: int) -> Contents:
    contents = sample.contents(state, slice_index, n * voxel_mm, PIXELS * n)
    densities = contents.densities.reshape(len(contents.parts), n, PIXELS, n, PIXELS).mean(axis=(2, 4))
    return replace(contents, densities=densities)
