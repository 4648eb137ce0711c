"""Gate a chain that makes G(r) with pystog, through files of its own layout.

tsct simulate perfect --quick -o twin
python examples/gate_pystog.py twin
tsct validate twin/theirs.h5 --truth twin --mapping twin/mapping.toml
"""

import sys
from pathlib import Path

import h5py
import numpy as np
from pystog import Transformer

from tsct.analyze import ParallelGeometry, Roi, default_recipe
from tsct.analyze.pdf import mean_compton, mean_f, mean_f2, parse_composition
from tsct.analyze.prepare import channel_compton, prepare_sinogram
from tsct.analyze.tomography import fbp_weights, find_axis
from tsct.records.io import read_record

Q_MIN, Q_MAX = 0.8, 20.0
#: where the quantities are in the file: the units of other programs are converted
MAPPING = f"""
[roi_gr]
path = "/first_state/g"
dims = ["r"]
units = "1/angstrom^2"

[r]
path = "/first_state/distance"
units = "nm"

[attrs]
q_min = {Q_MIN}
q_max = {Q_MAX}
composition = "COMPOSITION"
"""


def region_pattern(tile):
    """I(Q) of the region in electron units per cubic angstrom: the weighted sum of all rays."""
    sinogram = prepare_sinogram(tile, default_recipe(tile))
    lines, variance = sinogram.lines, sinogram.variance
    translations, angles = tile.translation.values, tile.angle.values
    axis, _ = find_axis(lines.sum(-1), translations, angles, variance=variance.sum(-1))
    geometry = ParallelGeometry.from_arrays(translations, angles, axis)
    return np.einsum("at,atq->q", fbp_weights(Roi().mask(geometry.n), geometry), lines)


def pair_distribution(tile, r):
    """G(r) by pystog from S(Q), normalised to the free atoms in the upper half of the range."""
    q, pattern = tile.q.values, region_pattern(tile)
    composition = parse_composition(tile.attrs["sample_composition"])
    free = mean_f2(composition, q) + channel_compton(tile) * mean_compton(composition, q)
    used = (q > Q_MIN - 1e-6) & (q < Q_MAX + 1e-6)
    density = np.mean((pattern / free)[used & (q > Q_MAX / 2)])
    s = 1 + (pattern / density - free) / mean_f(composition, q) ** 2
    return Transformer().S_to_G(q[used], s[used], r)[1]


def main(folder):
    tile = read_record(sorted((folder / "scan").glob("*.h5"))[0], "data")
    r = 0.02 * np.arange(1, 601)
    with h5py.File(folder / "theirs.h5", "w") as handle:
        handle["first_state/g"], handle["first_state/distance"] = pair_distribution(tile, r), r / 10
    told = MAPPING.replace("COMPOSITION", tile.attrs["sample_composition"])
    (folder / "mapping.toml").write_text(told)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
