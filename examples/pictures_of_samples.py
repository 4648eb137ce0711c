"""Phase amounts of the painted presets in their middle slices.

python examples/pictures_of_samples.py docs/pictures/samples.png
"""

import sys

import matplotlib
import numpy as np

from tsct.apps.run import load

matplotlib.use("Agg")
from matplotlib import pyplot as plt

PRESETS = ("capillary", "standard")


def main() -> None:
    figure, axes = plt.subplots(len(PRESETS), 3, figsize=(10.5, 6.4), layout="constrained")
    for row, name in zip(axes, PRESETS, strict=True):
        experiment = load(name)
        sample, voxel = experiment.phantom, experiment.beamline.scan.step_mm / 4
        voxels = int(np.ceil(sample.extent_mm * 1.1 / voxel))
        truth = sample.truth(voxels, voxel)
        middle, half = truth.phase_amount[0, len(sample.slices_z_mm) // 2], voxels * voxel / 2
        for axis, image in zip(row, middle, strict=True):
            shown = axis.imshow(image, origin="lower", extent=(-half, half, -half, half), cmap="viridis", vmin=0)
            figure.colorbar(shown, ax=axis, shrink=0.8, label="atoms per Å³")
            axis.set(title=f"{name}: {image.phase_name.item()}", xlabel="x (mm)", ylabel="y (mm)")
    figure.savefig(sys.argv[1], dpi=80)


if __name__ == "__main__":
    main()
