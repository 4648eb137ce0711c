"""Experiments small enough to be run once for several tests, and many times."""

from tsct.apps.run.experiment import load

#: two states of one slice, coarse
SMALL = (
    *("beamline.scan.translations=40", "beamline.scan.step_mm=0.2", "beamline.beam_width_mm=0.2"),
    *("beamline.scan.views=36", "beamline.scan.q_max=24.0", "beamline.scan.q_step=0.1"),
    *("states.potentials_v=[0.50, 0.20]", "slices.z_mm=[0.050]", "analysis.roi.radius_voxels=8.0"),
)
#: coarse in everything, and of few atoms
TINY = (
    *("beamline.scan.translations=20", "beamline.scan.step_mm=0.5", "beamline.beam_width_mm=0.5"),
    *("beamline.scan.views=12", "beamline.scan.q_max=20.0", "beamline.scan.q_step=0.2"),
    *("analysis.q_max=18.0", "analysis.r_max=12.0", "analysis.r_step=0.05", "analysis.roi.radius_voxels=3.0"),
    *("structures.carbon_black='electrolyte'", "structures.piston='electrolyte'", "structures.separator='electrolyte'"),
    *("structures.counter_electrode='electrolyte'", "structures.binder='electrolyte'", "structures.container='peek'"),
    *("structures.silicon=['a-si', 'a-li0.3si']", "slices.z_mm=[0.050]"),
    "states.potentials_v=[0.50, 0.45, 0.40, 0.35, 0.30, 0.25, 0.22, 0.20]",
)

#: parts of an experiment of nickel and alumina: a cylinder of both, and a volume of labels
SOLID = """
[[sample.solid]]
name = "bed"
shape = "cylinder"
diameter_mm = 1.0
fill = { nickel = 0.2, alumina = 0.3 }
"""
LABELS = """
[sample.labels]
file = "volume.npy"
voxel_mm = 0.02
[sample.labels.fills]
0 = {}
1 = { nickel = 0.5 }
2 = { alumina = 0.5 }
"""


def quiet(items, title, total):
    """No progress bar."""
    return items


def small(*more, seed=1):
    """Settings of the small experiment, more of them added."""
    return load("wragg2023", overrides=(*SMALL, *more), seed=seed)


def tiny(*more, seed=None):
    """Settings of the tiny experiment, more of them added."""
    return load("wragg2023", overrides=(*TINY, *more), seed=seed)
