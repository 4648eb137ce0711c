"""Phase amounts of the painted presets in the middle slice of their last state.

python examples/pictures_of_samples.py docs/pictures/samples.png
"""

import sys

import matplotlib
import numpy as np

from tsct.apps.run import load

matplotlib.use("Agg")
from matplotlib import pyplot as plt

#: and the phases of each that are shown
PRESETS = {
    "capillary": ("silica", "alumina", "palladium"),
    "standard": ("kapton", "ceria", "nickel"),
    "pouch": ("nmc", "graphite", "lithiated", "copper"),
    "bismuth-vanadate": ("oxide", "bismuthide", "carbon", "electrolyte"),
    "hard-carbon": ("carbon", "sodium", "electrolyte", "peek"),
}
COLUMNS = max(map(len, PRESETS.values()))


def main() -> None:
    figure, axes = plt.subplots(len(PRESETS), COLUMNS, figsize=(13.0, 13.0), layout="constrained")
    for row, (name, phases) in zip(axes, PRESETS.items(), strict=True):
        experiment = load(name)
        sample, voxel = experiment.phantom, experiment.beamline.scan.step_mm / 4
        voxels = int(np.ceil(sample.extent_mm * 1.1 / voxel))
        truth = sample.truth(voxels, voxel)
        last, half = truth.phase_amount[-1, len(sample.slices_z_mm) // 2], voxels * voxel / 2
        for axis in row[len(phases) :]:
            axis.set_axis_off()
        for axis, phase in zip(row, phases, strict=False):
            image = last.sel(phase_name=phase)
            shown = axis.imshow(image, origin="lower", extent=(-half, half, -half, half), cmap="viridis", vmin=0)
            figure.colorbar(shown, ax=axis, shrink=0.8, label="atoms per Å³")
            axis.set(title=phase, xlabel="x (mm)", ylabel="y (mm)")
        row[0].set_ylabel(f"{name}\ny (mm)")
    figure.savefig(sys.argv[1], dpi=60)


if __name__ == "__main__":
    main()
