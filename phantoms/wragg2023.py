"""The cell of Wragg et al., J. Phys. Chem. C 127, 23149 (2023)."""

from collections.abc import Mapping

from tsct.phantoms.structures.library import Structure, lithiated_series, structure

from .cell import Phantom
from .discharge import Discharge

#: library structure of every phase but silicon
MATERIALS: Mapping[str, str] = {
    "carbon_black": "carbon-black",
    "binder": "cmc-binder",
    "piston": "glassy-carbon",
    "separator": "polyolefin",
    "counter_electrode": "lithium",
    "container": "peek",
    "electrolyte": "electrolyte",
}
#: heights of the three slices above the electrode's lower face
SLICES_Z_MM = (0.018, 0.050, 0.082)


def wragg2023(discharge: Discharge | None = None, seed: int = 0) -> Phantom:
    """The cell of the paper, as far as it is known.

    Stated in the paper: an electrode of a-Si nanoparticles with 20 wt% carbon black on a glassy-carbon piston, three
    slices 25 um high, voxels 130 um wide, a clipped piston. Everything else is a choice that is consistent with it.
    """
    discharge = discharge or Discharge()
    return Phantom(
        discharge=discharge,
        silicon=lithiated_series(discharge.most_lithium),
        materials=default_materials(),
        slices_z_mm=SLICES_Z_MM,
        seed=seed,
    )


def default_materials() -> dict[str, Structure]:
    """Library structures of every phase but silicon."""
    return {phase: structure(name) for phase, name in MATERIALS.items()}
