"""What tells one measurement from another: a name that scan, frames and truth share and that says nothing else."""

from hashlib import sha256

from tsct.phantoms import Phantom
from tsct.simulate.beamline.beamline import Beamline

#: NeXus' name for it
IDENTIFIER = "entry_identifier"


def identifier(phantom: Phantom, beamline: Beamline, seed: int) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of sample, beamline and seed."""
    materials = [(one.name, one.number_density_per_a3) for one in (*phantom.silicon, *phantom.materials.values())]
    sample = (
        *(phantom.geometry, phantom.texture, phantom.discharge, phantom.electrode, phantom.separator_porosity),
        *(phantom.slices_z_mm, phantom.slice_height_mm, phantom.rim_excess, phantom.seed),
    )
    return sha256(repr((sample, materials, beamline, seed)).encode()).hexdigest()[:16]
