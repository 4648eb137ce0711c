"""Gate a chain that reconstructs with scikit-image, from pytest: `pytest examples/test_gate_skimage.py`."""

import numpy as np
from scipy.interpolate import CubicSpline
from skimage.transform import iradon

from tsct.analyze import default_recipe
from tsct.analyze.prepare import prepare_sinogram
from tsct.analyze.tomography import find_axis


def chain(scan, half_a_voxel=0.5):
    """I(Q) of every voxel of the first state.

    The middle of an image of scikit-image is a voxel, that of tsct lies between four: half a voxel along x and y.
    """
    tile = scan.isel(state=0, slice=0)
    sinogram = prepare_sinogram(tile, default_recipe(tile))
    lines, variance = sinogram.lines, sinogram.variance
    t, angles, step = tile.translation.values, tile.angle.values, float(tile.translation[1] - tile.translation[0])
    axis, _ = find_axis(lines.sum(-1), t, angles, variance=variance.sum(-1))
    sine, cosine = np.sin(np.radians(angles)), np.cos(np.radians(angles))
    moved = axis + half_a_voxel * step * (cosine - sine - 1)
    rows = [
        CubicSpline(t, row, axis=0)(np.clip(t + shift, t[0], t[-1])) for row, shift in zip(lines, moved, strict=True)
    ]
    sinograms = np.moveaxis(np.stack(rows), -1, 0)
    iq = [iradon(sinogram.T, theta=angles, output_size=len(t), circle=True) for sinogram in sinograms]
    return {"iq": np.stack(iq, axis=-1)[::-1] / step}


def test_the_chain_passes(tsct_gate):
    tsct_gate(chain)
