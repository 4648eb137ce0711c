"""A small scan that the analysis tests share: two states of one slice, few channels."""

import pytest

from tsct import phantoms, simulate


@pytest.fixture(scope="session")
def small_cell():
    return phantoms.wragg2023(phantoms.discharge("small", (0.50, 0.20)))


@pytest.fixture(scope="session")
def small_beamline():
    """Sixty views to 24 1/angstrom, with all that a beamline does by default."""
    return simulate.Beamline(scan=simulate.ScanPattern(views=60, q_max=24.0, q_step=0.04))


@pytest.fixture(scope="session")
def small_scan(small_cell, small_beamline):
    return simulate.scan(small_cell, small_beamline, seed=3, tiles=[(0, 1), (1, 1)])
