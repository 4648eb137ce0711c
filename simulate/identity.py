"""What tells one measurement from another: a name that scan, frames and truth share and that says nothing else."""

from hashlib import sha256

from tsct.phantoms import Sample
from tsct.simulate.beamline.beamline import Beamline

#: NeXus' name for it
IDENTIFIER = "entry_identifier"


def identifier(phantom: Sample, beamline: Beamline, seed: int) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of sample, beamline and seed."""
    return sha256(repr((phantom.identity, beamline, seed)).encode()).hexdigest()[:16]
