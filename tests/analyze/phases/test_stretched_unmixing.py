"""Unknown phases that expand: stretched factorisation finds strains and amounts where the plain one is wrong."""

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.phases.pattern_maps import component_maps
from tsct.analyze.phases.stretched_unmixing import find_stretched_phases
from tsct.analyze.phases.unmixing import find_phases
from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.records.errors import UsageError
from tsct.records.schema import RECOVERED

Q = np.arange(0.8, 10.0, 0.04)
#: lines of the two phases, 1/angstrom, on a background that falls as form factors do
LINES = ((2.6, 3.0, 4.25, 4.98, 6.0, 7.35, 8.2), (2.0, 3.27, 3.84, 5.43, 6.65, 7.7, 9.3))
STRAINS = np.array([0.0, 0.015, 0.03])


def pattern(lines, strain):
    """Lines move to smaller Q as lengths grow, and get narrower with them."""
    q = Q * (1 + strain)
    peaks = sum(np.exp(-0.5 * ((q - line) / 0.07) ** 2) * 20 / line for line in lines)
    return (0.2 + peaks) * np.exp(-((q / 8) ** 2))


@pytest.fixture(scope="module")
def mixture():
    """Amounts, and patterns of 40 voxels in three tiles; the first phase expands, the second does not."""
    rng = np.random.default_rng(1)
    amounts = rng.dirichlet([0.5, 0.5], (len(STRAINS), 40)) * rng.uniform(0.5, 2.0, (len(STRAINS), 40, 1))
    spectra = np.stack([[pattern(LINES[0], strain), pattern(LINES[1], 0.0)] for strain in STRAINS])
    spectra /= spectra[0].mean(axis=-1)[:, None]
    exact = np.einsum("tvk,tkq->tvq", amounts, spectra)
    return amounts, exact + 0.01 * rng.standard_normal(exact.shape)


def worst(found, amounts):
    """Largest error of the mean amount of a phase in a tile, after one scale for each phase."""
    order = [int(np.argmax([np.corrcoef(found[0, :, j], amounts[0, :, k])[0, 1] for j in (0, 1)])) for k in (0, 1)]
    found = found[..., order]
    found = found * np.sum(found[0] * amounts[0], axis=0) / np.sum(found[0] ** 2, axis=0)
    slopes = np.sum(found * amounts, axis=1) / np.sum(amounts**2, axis=1)
    return float(np.abs(slopes - 1).max()), order


def test_strained_components_where_plain_ones_are_wrong(mixture):
    pytest.importorskip("diffpy.stretched_nmf")
    amounts, patterns = mixture
    plain, _, left = find_phases(patterns, 2, iterations=2000)
    assert left > 0.2 and worst(plain, amounts)[0] > 0.05
    found = find_stretched_phases(patterns, Q, 2, iterations=10)
    off, order = worst(found.amounts, amounts)
    # noise alone leaves 0.009; the grid of Q resolves strains to a few 1e-4
    assert found.unexplained < 0.02
    assert off < 0.02
    np.testing.assert_allclose(found.strains[:, order[0]], STRAINS, atol=1e-3)
    np.testing.assert_allclose(found.strains[:, order[1]], 0.0, atol=1e-3)
    assert found.spectra.mean(axis=1) == pytest.approx(1.0)


def test_maps_of_strained_components_fit_the_schema(mixture):
    pytest.importorskip("diffpy.stretched_nmf")
    _, patterns = mixture
    cube = patterns[[0, 2]].reshape(2, 1, 5, 8, len(Q)).astype(np.float32)
    binned = xr.DataArray(cube, dims=("state", "slice", "y", "x", "q_binned"), coords={"q_binned": Q})
    maps = component_maps(binned, 2, strained=True)
    assert maps.component_strain.dims == RECOVERED.fields["component_strain"].dims == ("state", "slice", "component")
    assert maps.component_1.shape == (2, 1, 5, 8)
    assert float(np.abs(maps.component_strain).max()) == pytest.approx(0.03, abs=1e-3)


def test_strained_components_need_their_number():
    with pytest.raises(UsageError, match=r"needs analysis\.components"):
        Recipe(pdf=PdfRecipe(composition={"Si": 1.0}), model="none", components_strained=True)


def test_a_missing_package_is_named_with_its_install_line(mixture, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "diffpy.stretched_nmf.snmf_class", None)
    with pytest.raises(UsageError, match=r"pip install 'tsct\[phases\]'"):
        find_stretched_phases(mixture[1], Q, 2)
