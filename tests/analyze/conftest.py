"""A small scan that the analysis tests share: two states of one slice, few channels."""

import pytest

from tsct import phantoms, simulate


@pytest.fixture(scope="session")
def small_cell():
    return phantoms.wragg2023(phantoms.discharge("small", (0.50, 0.20)))


@pytest.fixture(scope="session")
def small_beamline():
    """Without photons scattered twice and the longer ways out, a few per cent each that the analysis does not know of.

    The detector sees one quadrant, so the ways out also move the apparent axis, by 7 micrometres.
    """
    pattern = simulate.ScanPattern(views=60, q_max=24.0, q_step=0.04)
    return simulate.Beamline(scan=pattern, faults=simulate.Faults(multiple_scattering=0.0, outgoing_absorption=0.0))


@pytest.fixture(scope="session")
def small_scan(small_cell, small_beamline):
    return simulate.scan(small_cell, small_beamline, seed=3, tiles=[(0, 1), (1, 1)])
