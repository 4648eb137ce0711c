"""A small beamline and its tables, made once."""

import pytest

from tsct import phantoms, simulate
from tsct.simulate.beampath.phase_spectra import spectra_table


@pytest.fixture(scope="session")
def cell():
    return phantoms.wragg2023(phantoms.discharge("small", (0.50, 0.20)))


@pytest.fixture(scope="session")
def perfect():
    """A beamline without faults and a point sample, for closed forms; coarse in Q."""
    pattern = simulate.ScanPattern(views=24, q_max=20.0, q_step=0.2)
    return simulate.Beamline(scan=pattern, physics=simulate.point_sample(), faults=simulate.no_faults())


@pytest.fixture(scope="session")
def table(cell, perfect):
    return spectra_table(cell, perfect)
