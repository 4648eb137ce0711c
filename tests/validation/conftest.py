"""A quick run of the twin, analysed once, that all checks are tried on."""

import pytest

from tsct import analyze, phantoms, simulate
from tsct.phantoms.discharge import QUICK_POTENTIALS_V


@pytest.fixture(scope="session")
def twin():
    """Truth and recovered data of six states of the middle slice."""
    cell = phantoms.wragg2023(phantoms.discharge("small", QUICK_POTENTIALS_V))
    scan = simulate.scan(cell, simulate.id15a(), seed=1, tiles=[(state, 1) for state in range(6)])
    return cell.truth(), analyze.chain(scan)
